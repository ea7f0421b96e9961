/* SPDX-License-Identifier: BSD-2-Clause */
/* Stores that earlier releases wrote, in tests/golden: they read as they always did, and a writer
 * of today goes on in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "results_maker.h"

#include "command/commands.h"

#define GOLDEN "tests/golden/"
#define SEGMENT "results/00000000000000000001.seg"
#define SEGMENT_BYTES ((__u64)4 << 20)

static char directory[PATH_MAX];

/* A release's disk format: its windows, and where the store stands. */
struct golden {
	const char *version;
	const char *windows[4];
	__u64 epoch, lsn;
};

static const struct golden goldens[] = {
	{ "1.0", { "w" }, 2, 46 },
	{ "1.1", { "w", "s", "v" }, 3, 127 },
};

static void shell(const char *format, const char *first, const char *second)
{
	char command[3 * PATH_MAX];

	snprintf(command, sizeof(command), format, first, second);
	assert_int_equal(system(command), 0);
}

static int make(void **state)
{
	const struct golden *golden = *state;
	char store[PATH_MAX];

	snprintf(store, sizeof(store), GOLDEN "%s/store", golden->version);
	if (access(store, R_OK) != 0)
		fail_msg("run this from the top of the source tree");
	results_maker_directory(directory);
	shell("cp -r %s '%s/store'", store, directory);
	shell("truncate -s 4M '%s/store/%s'", directory, SEGMENT);
	return 0;
}

static int clean(void **state)
{
	(void)state;
	results_maker_remove(directory);
	return 0;
}

/* Runs a command with its output in a file, and compares with a file of the release. */
static void expect(const struct golden *golden, const char *words, const char *file)
{
	char expected[PATH_MAX];
	char line[256], state[PATH_MAX], *argv[16] = { "sluice" }, *save, out[PATH_MAX];
	int argc = 1, old = dup(1), old_errors = dup(2);

	snprintf(expected, sizeof(expected), GOLDEN "%s/%s", golden->version, file);
	snprintf(line, sizeof(line), "%s", words);
	snprintf(state, sizeof(state), "%.3000s/store", directory);
	snprintf(out, sizeof(out), "%.3000s/out", directory);
	for (char *word = strtok_r(line, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	argv[argc++] = "--state";
	argv[argc++] = state;
	fflush(stdout);
	assert_non_null(freopen(out, "w", stdout));
	assert_non_null(freopen("/dev/null", "w", stderr));
	argc = command_main(&command_program_sluice, argc, argv);
	fflush(stdout);
	dup2(old, 1);
	dup2(old_errors, 2);
	close(old);
	close(old_errors);
	assert_int_equal(argc, 0);
	shell("cmp '%s' '%s'", out, expected);
}

static void expect_rows(const struct golden *golden)
{
	for (int i = 0; i < 4 && golden->windows[i]; i++) {
		char words[64], file[64];

		snprintf(words, sizeof(words), "query --window %s --json", golden->windows[i]);
		snprintf(file, sizeof(file), "query-%s.jsonl", golden->windows[i]);
		expect(golden, words, file);
	}
}

static void reads_as_it_always_did(void **state)
{
	const struct golden *golden = *state;

	expect_rows(golden);
	expect(golden, "query --window w --json --all-revisions", "query-all.jsonl");
	expect(golden, "log dump --rows --json", "dump.jsonl");
	expect(golden, "log verify --json", "verify.jsonl");
}

static void a_writer_goes_on(void **state)
{
	static const struct window_spec window = { .name = "new", .size_ns = 1, .slide_ns = 1 };
	const struct golden *golden = *state;
	struct results_maker maker;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%.3000s/store", directory);
	results_maker_open(&maker, path, &window, 1, SEGMENT_BYTES);
	assert_int_equal(maker.store.manifest.agent_epoch, golden->epoch + 1);
	assert_int_equal(results_log_durable_lsn(maker.log), golden->lsn);
	results_maker_row(&maker, &(struct sluice_rows){ .end_ns = 1 },
			  (__u64[SLUICE_GROUP_FIELDS_MAX]){ 0 }, 1, 1);
	results_maker_close(&maker);
	expect_rows(golden);
}

#define TESTS(place)                                                                              \
	cmocka_unit_test_prestate_setup_teardown(reads_as_it_always_did, make, clean,             \
						 (void *)&goldens[place]),                        \
		cmocka_unit_test_prestate_setup_teardown(a_writer_goes_on, make, clean,           \
							 (void *)&goldens[place])

int main(void)
{
	const struct CMUnitTest tests[] = { TESTS(0), TESTS(1) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
