/* SPDX-License-Identifier: BSD-2-Clause */
/* Writers killed at any moment, recoveries killed at any moment, readers beside a writer: what was
 * said to be durable is there, in order, and nothing is there twice. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/record/rows.h"
#include "edge/log/log_reader.h"
#include "results_maker.h"

#define SEGMENT_BYTES ((__u64)4 << 20)
#define KILLS 25
#define MS 1000000

static const struct window_spec window = {
	.name = "w",
	.size_ns = 10,
	.slide_ns = 10,
	.group_count = 1,
	.group_field = { SLUICE_FIELD_KEY },
};

static char directory[PATH_MAX], path[PATH_MAX];

/* What the writer tells the world outside: survives it. */
static struct {
	_Atomic __u64 durable_lsn;
	_Atomic __u64 rows_written;
	_Atomic __u64 rows_durable;
} * told;

static int make(void **state)
{
	(void)state;
	results_maker_directory(directory);
	snprintf(path, sizeof(path), "%.3000s/store", directory);
	told = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return 0;
}

static int clean(void **state)
{
	(void)state;
	munmap(told, 4096);
	results_maker_remove(directory);
	return 0;
}

static void rest(long ns)
{
	const struct timespec pause = { .tv_nsec = ns };

	nanosleep(&pause, NULL);
}

/* One row a record; LSNs and rows go up together, less schemas and names. */
static void write_record(struct results_maker *maker, __u64 row, __u32 padding_rows)
{
	__u64 values[200][SLUICE_GROUP_FIELDS_MAX] = { 0 };
	struct sluice_partial partials[200] = { 0 };

	for (__u32 i = 0; i < padding_rows; i++) {
		values[i][0] = row;
		partials[i].count = row;
	}
	results_maker_rows(maker, &(struct sluice_rows){ .end_ns = 10 }, padding_rows,
			   (const __u64(*)[SLUICE_GROUP_FIELDS_MAX])values, partials);
}

/* Writes for ever; never returns. Turns as the engine makes them, now and then an orderly stop. */
static void run_writer(__u64 row, unsigned int seed)
{
	struct results_maker maker;

	for (;;) {
		unsigned int turns = 20 + (unsigned int)rand_r(&seed) % 200;

		results_maker_open(&maker, path, &window, 1, SEGMENT_BYTES);
		for (unsigned int turn = 0; turn < turns; turn++) {
			struct timespec now;

			for (int i = rand_r(&seed) % 8; i > 0; i--)
				write_record(&maker, row++, 1 + (__u32)rand_r(&seed) % 199);
			told->rows_written = row;
			clock_gettime(CLOCK_MONOTONIC, &now);
			if (results_log_turn(maker.log, 1,
					     (__u64)now.tv_sec * 1000000000 + (__u64)now.tv_nsec) ||
			    uring_wait(maker.uring, MS / 5) < 0)
				_exit(9);
			told->durable_lsn = results_log_durable_lsn(maker.log);
		}
		results_maker_close(&maker);
		told->durable_lsn = maker.store.manifest.results_durable_lsn;
	}
}

struct seen {
	__u64 rows; /* distinct, in order */
	__u64 last_lsn;
	int result;
};

static struct seen read_back(void)
{
	struct schema *schema = calloc(1, sizeof(*schema));
	const struct sluice_batch *batch;
	struct log_reader reader;
	struct seen seen = { 0 };
	struct store store;

	assert_int_equal(store_open_reader(&store, path), 0);
	seen.result = log_reader_open(&reader, &store);
	while (!seen.result && (seen.result = log_reader_next(&reader, &batch)) == 1) {
		const struct sluice_disk_record *record = NULL;

		seen.last_lsn = batch->first_lsn + batch->record_count - 1;
		while ((record = segment_next_record(batch, record))) {
			struct rows_cursor cursor;
			struct row_view row;

			if (record->kind == SLUICE_DISK_SCHEMA)
				assert_int_equal(schema_read(schema, record), 0);
			if (record->kind != SLUICE_DISK_ROWS)
				continue;
			assert_int_equal(rows_open(&cursor, schema, record), 0);
			while (rows_next(&cursor, &row) == 1) {
				assert_int_equal(row.words[0], seen.rows);
				assert_int_equal(row.partial->count, seen.rows);
			}
			seen.rows++;
		}
		seen.result = 0;
	}
	for (size_t i = 0; i < reader.damage_count; i++)
		print_message("%s: %s\n", reader.damages[i].file, reader.damages[i].why);
	if (reader.damage_count)
		seen.result = -EBADMSG;
	log_reader_close(&reader);
	store_close(&store);
	free(schema);
	return seen;
}

static void kill_child(pid_t child)
{
	int status;

	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	/* It was running until then. */
	assert_true(WIFSIGNALED(status));
}

/* What the dead writer had in flight may still land; the store is free when its lock is. */
static void recover(void)
{
	struct results_maker maker;

	results_maker_open(&maker, path, &window, 1, SEGMENT_BYTES);
	results_maker_close(&maker);
}

static void killed_writers(void **state)
{
	unsigned int seed = 11;
	__u64 rows = 0;

	(void)state;
	for (int i = 0; i < KILLS; i++) {
		__u64 told_lsn, written;
		struct seen seen;
		pid_t child = fork();

		if (child == 0)
			run_writer(rows, (unsigned int)i);
		rest((20 + rand_r(&seed) % 80) * (long)MS);
		kill_child(child);
		told_lsn = told->durable_lsn;
		written = told->rows_written;
		/* A reader first: it finds a sound log whatever the writer left. */
		seen = read_back();
		assert_int_equal(seen.result, 0);
		assert_true(seen.last_lsn >= told_lsn);
		recover();
		seen = read_back();
		assert_int_equal(seen.result, 0);
		assert_true(seen.last_lsn >= told_lsn);
		assert_true(seen.rows >= rows && seen.rows <= written + 8);
		rows = seen.rows;
	}
	assert_true(rows > 100);
}

static void tear(const char *command_format)
{
	char command[3 * PATH_MAX];

	snprintf(command, sizeof(command), command_format, path, path);
	assert_int_equal(system(command), 0);
}

/* A torn tail, and recoveries that are killed while they cut it. */
static void killed_recoveries(void **state)
{
	struct results_maker maker;
	unsigned int seed = 5;
	struct seen before, seen;

	(void)state;
	results_maker_open(&maker, path, &window, 1, SEGMENT_BYTES);
	for (__u64 row = 0; row < 40; row++) {
		write_record(&maker, row, 150);
		results_maker_flush(&maker);
	}
	tear("cp '%s/MANIFEST' '%s/MANIFEST.kept'");
	results_maker_close(&maker);
	/* As after a kill: the manifest of the start, garbage over the last batch and behind it. */
	tear("cp '%s/MANIFEST.kept' '%s/MANIFEST'");
	before = read_back();
	tear("f=$(ls '%s'/results/*.seg | tail -1); head -c 900000 /dev/urandom | "
	     "dd of=\"$f\" bs=4096 seek=118 conv=notrunc 2>/dev/null; : '%s'");
	for (int i = 0; i < KILLS; i++) {
		pid_t child = fork();

		if (child == 0) {
			for (;;)
				recover();
		}
		rest(rand_r(&seed) % (12 * MS));
		kill_child(child);
	}
	recover();
	seen = read_back();
	assert_int_equal(seen.result, 0);
	assert_true(seen.rows < before.rows && seen.rows > 30);
}

static void readers_beside_a_writer(void **state)
{
	struct seen seen = { 0 };
	__u64 rows = 0;
	pid_t child = fork();

	(void)state;
	if (child == 0)
		run_writer(0, 3);
	for (int i = 0; i < 40; i++) {
		__u64 told_lsn = told->durable_lsn;

		rest(10 * MS);
		if (told_lsn == 0)
			continue;
		seen = read_back();
		assert_int_equal(seen.result, 0);
		assert_true(seen.rows >= rows);
		/* Whoever reads after it was durable sees it. */
		assert_true(seen.last_lsn >= told_lsn);
		rows = seen.rows;
	}
	kill_child(child);
	assert_true(rows > 0);
}

#define CRASH_TEST(name) cmocka_unit_test_setup_teardown(name, make, clean)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CRASH_TEST(killed_writers),
		CRASH_TEST(killed_recoveries),
		CRASH_TEST(readers_beside_a_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
