/* SPDX-License-Identifier: BSD-2-Clause */
/* The state directory: ids that stay, epochs that rise, one agent at a time, manifests that are
 * whole. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/crc32c.h"
#include "edge/store/store_manifest.h"
#include "results_maker.h"

static char directory[PATH_MAX], path[PATH_MAX];

static int make_directory(void **state)
{
	(void)state;
	results_maker_directory(directory);
	snprintf(path, sizeof(path), "%.3000s/a/b", directory);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	results_maker_remove(directory);
	return 0;
}

static void ids_stay_and_epochs_rise(void **state)
{
	struct store store;
	struct store_manifest first;

	(void)state;
	assert_int_equal(store_open(&store, path), 0);
	assert_int_equal(store.manifest.agent_epoch, 0);
	assert_int_equal(store_raise_epochs(&store, NULL, 0, NULL), 0);
	assert_int_equal(store.manifest.agent_epoch, 1);
	first = store.manifest;
	store_close(&store);
	assert_int_equal(store_open(&store, path), 0);
	assert_memory_equal(store.manifest.store_id, first.store_id, 16);
	assert_memory_equal(store.manifest.agent_id, first.agent_id, 16);
	assert_memory_not_equal(first.agent_id, first.store_id, 16);
	assert_int_equal(store_raise_epochs(&store, NULL, 0, NULL), 0);
	assert_int_equal(store.manifest.agent_epoch, 2);
	store_close(&store);
	store_close(&store);
}

static void second_agent_is_refused_by_pid(void **state)
{
	struct store store, other;
	char pid[32];

	(void)state;
	assert_int_equal(store_open(&store, path), 0);
	assert_int_equal(store_open(&other, path), -EBUSY);
	snprintf(pid, sizeof(pid), "pid %ld;", (long)getpid());
	assert_non_null(strstr(other.problem, pid));
	/* A reader does not mind, and changes nothing. */
	assert_int_equal(store_open_reader(&other, path), 0);
	assert_int_equal(other.lock_fd, -1);
	store_close(&other);
	store_close(&store);
	assert_int_equal(store_open(&other, path), 0);
	store_close(&other);
}

/* The lock goes with the process, whatever ended it. */
static void lock_dies_with_its_holder(void **state)
{
	struct store store;
	int ready[2], status;
	char byte;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		if (store_open(&store, path) == 0 && write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(store_open(&store, path), -EBUSY);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	assert_int_equal(store_open(&store, path), 0);
	store_close(&store);
	close(ready[0]);
	close(ready[1]);
}

static void reader_needs_a_store(void **state)
{
	struct store store;

	(void)state;
	assert_int_equal(store_open_reader(&store, path), -ENOENT);
	assert_non_null(strstr(store.problem, "--state"));
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(mkdir(directory, 0700) < 0 ? errno : 0, EEXIST);
	assert_int_equal(store_open_reader(&store, directory), -ENOENT);
	assert_int_equal(store_open_reader(&store, ""), -ENAMETOOLONG);
}

static void read_manifest(char *text, size_t room, ssize_t *bytes)
{
	char name[PATH_MAX + 16];
	int fd;

	snprintf(name, sizeof(name), "%s/MANIFEST", path);
	fd = open(name, O_RDONLY);
	*bytes = read(fd, text, room - 1);
	assert_true(*bytes > 0);
	text[*bytes] = '\0';
	close(fd);
}

static void write_manifest(const char *text, size_t bytes)
{
	char name[PATH_MAX + 16];
	int fd;

	snprintf(name, sizeof(name), "%s/MANIFEST", path);
	fd = open(name, O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, text, bytes), bytes);
	close(fd);
}

static void every_flipped_byte_is_seen(void **state)
{
	char text[STORE_MANIFEST_BYTES_MAX];
	struct store store;
	ssize_t bytes;

	(void)state;
	assert_int_equal(store_open(&store, path), 0);
	store_close(&store);
	read_manifest(text, sizeof(text), &bytes);
	for (ssize_t i = 0; i < bytes; i++) {
		text[i] ^= 1;
		write_manifest(text, (size_t)bytes);
		assert_int_equal(store_open_reader(&store, path), -EBADMSG);
		text[i] ^= 1;
	}
	for (ssize_t i = 0; i < bytes; i++) {
		write_manifest(text, (size_t)i);
		assert_int_equal(store_open(&store, path), -EBADMSG);
	}
	write_manifest(text, (size_t)bytes);
	assert_int_equal(store_open(&store, path), 0);
	store_close(&store);
}

/* The text with a line replaced and the checksum made right. */
static void replace_line(const char *from, const char *to)
{
	char text[STORE_MANIFEST_BYTES_MAX], made[2 * STORE_MANIFEST_BYTES_MAX];
	char *at, *crc;
	ssize_t bytes;

	read_manifest(text, sizeof(text), &bytes);
	at = strstr(text, from);
	assert_non_null(at);
	*at = '\0';
	snprintf(made, sizeof(made), "%s%s%s", text, to, at + strlen(from));
	crc = strstr(made, "crc32c ");
	assert_non_null(crc);
	*crc = '\0';
	snprintf(crc, 32, "crc32c %08x\n", crc32c(0, made, strlen(made)));
	write_manifest(made, strlen(made));
}

static void newer_stores_are_refused_by_name(void **state)
{
	struct store store;

	(void)state;
	assert_int_equal(store_open(&store, path), 0);
	store_close(&store);
	replace_line("incompat -", "incompat sealed-batches");
	assert_int_equal(store_open(&store, path), -EPROTONOSUPPORT);
	assert_non_null(strstr(store.problem, "incompat sealed-batches"));
	assert_int_equal(store_open_reader(&store, path), -EPROTONOSUPPORT);
	replace_line("incompat sealed-batches", "incompat -");
	replace_line("ro_compat -", "ro_compat index");
	assert_int_equal(store_open(&store, path), -EPROTONOSUPPORT);
	assert_int_equal(store_open_reader(&store, path), 0);
	store_close(&store);
	replace_line("ro_compat index", "ro_compat -");
	replace_line("compat -", "compat hints");
	assert_int_equal(store_open(&store, path), 0);
	store_close(&store);
	replace_line("sluice-store 1.1", "sluice-store 2.0");
	assert_int_equal(store_open_reader(&store, path), -EPROTONOSUPPORT);
	assert_non_null(strstr(store.problem, "2.0"));
	replace_line("sluice-store 2.0", "sluice-store 1.7");
	assert_int_equal(store_open(&store, path), 0);
	store_close(&store);
}

static void manifest_text_comes_back(void **state)
{
	struct store_manifest manifest = { .major = 1,
					   .minor = 0,
					   .agent_epoch = UINT64_MAX,
					   .results_first = 7,
					   .results_durable_lsn = 1ull << 60,
					   .is_stopped = true,
					   .gap_count = STORE_GAPS_MAX },
			      back;
	char text[STORE_MANIFEST_BYTES_MAX], what[128];
	size_t bytes;

	(void)state;
	for (__u32 i = 0; i < STORE_GAPS_MAX; i++)
		manifest.gap[i] = (struct store_gap){ UINT64_MAX - 2 * i - 1, UINT64_MAX - 2 * i };
	memset(manifest.store_id, 0xa5, 16);
	bytes = store_manifest_format(&manifest, text);
	assert_int_equal(store_manifest_parse(&back, text, bytes, false, what, sizeof(what)), 0);
	assert_memory_equal(back.gap, manifest.gap, sizeof(back.gap));
	assert_memory_equal(back.store_id, manifest.store_id, 16);
	assert_true(back.agent_epoch == UINT64_MAX && back.is_stopped && back.results_first == 7);
	assert_int_equal(back.results_durable_lsn, 1ull << 60);
}

/* A lost manifest with results beside it is not a new store. */
static void results_without_manifest(void **state)
{
	static const struct window_spec window = { .name = "w", .size_ns = 1, .slide_ns = 1 };
	char name[PATH_MAX + 16];
	struct results_maker maker;
	struct store store;

	(void)state;
	results_maker_open(&maker, path, &window, 1, 4 << 20);
	results_maker_close(&maker);
	snprintf(name, sizeof(name), "%s/MANIFEST", path);
	assert_int_equal(unlink(name), 0);
	assert_int_equal(store_open(&store, path), -EBADMSG);
	assert_int_equal(access(name, F_OK), -1);
}

/* Whatever its name and wherever it lies: retention may have taken the first one. */
static void any_segment_makes_a_store(void **state)
{
	static const char *const files[] = {
		"results/00000000000000004711.seg",
		"results/odd.seg",
		"quarantine/00000000000000000001.seg.seg",
	};
	char command[5 * PATH_MAX], name[PATH_MAX + 16];
	struct store store;

	(void)state;
	snprintf(name, sizeof(name), "%s/MANIFEST", path);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		snprintf(command, sizeof(command),
			 "rm -rf '%s'; mkdir -p '%s/results' '%s/quarantine'; touch '%s/%s'", path,
			 path, path, path, files[i]);
		assert_int_equal(system(command), 0);
		assert_int_equal(store_open(&store, path), -EBADMSG);
		assert_non_null(
			strstr(store.problem, "MANIFEST is missing, but there are results"));
		assert_int_equal(access(name, F_OK), -1);
		/* Nothing in it is sound, so there is nothing to read either. */
		assert_int_equal(store_open_reader(&store, path), -EBADMSG);
	}
}

/* Two programs change the manifest; neither loses what the other has noted. */
static void gaps_of_others_are_kept(void **state)
{
	const struct store_gap gaps[] = { { 2, 2 }, { 4, 5 }, { 3, 3 } };
	struct store agent, tool;
	struct store_manifest manifest;

	(void)state;
	assert_int_equal(store_open(&agent, path), 0);
	assert_int_equal(store_open_reader(&tool, path), 0);
	assert_int_equal(store_raise_epochs(&agent, NULL, 0, NULL), 0);
	assert_int_equal(store_give_up(&tool, gaps, 3, 1000), 0);
	assert_int_equal(tool.manifest.agent_epoch, 1);
	assert_int_equal(tool.manifest.gap_count, 1);
	assert_int_equal(store_raise_epochs(&agent, NULL, 0, NULL), 0);
	assert_int_equal(agent.manifest.gap_count, 1);
	assert_true(agent.manifest.gap[0].first == 2 && agent.manifest.gap[0].last == 5);
	assert_int_equal(agent.manifest.results_durable_lsn, 1000);
	/* Until nothing is left to explain. */
	store_read_manifest(&agent, &manifest);
	manifest.results_first = 6;
	assert_int_equal(store_update(&agent, &manifest), 0);
	assert_int_equal(agent.manifest.gap_count, 0);
	store_refresh(&tool);
	assert_int_equal(tool.manifest.gap_count, 0);
	assert_int_equal(tool.manifest.agent_epoch, 2);
	store_close(&tool);
	store_close(&agent);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(ids_stay_and_epochs_rise),
		STORE_TEST(second_agent_is_refused_by_pid),
		STORE_TEST(lock_dies_with_its_holder),
		STORE_TEST(reader_needs_a_store),
		STORE_TEST(every_flipped_byte_is_seen),
		STORE_TEST(newer_stores_are_refused_by_name),
		STORE_TEST(manifest_text_comes_back),
		STORE_TEST(results_without_manifest),
		STORE_TEST(any_segment_makes_a_store),
		STORE_TEST(gaps_of_others_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
