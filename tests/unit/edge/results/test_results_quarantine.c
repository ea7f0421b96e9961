/* SPDX-License-Identifier: BSD-2-Clause */
/* After damage: quarantine gives up what is damaged and nothing else, and a writer goes on. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "edge/log/log_reader.h"
#include "edge/results/results_quarantine.h"
#include "results_maker.h"

#define SEGMENT_BYTES ((__u64)4 << 20)
#define ROWS 200000 /* three segments */

static const struct window_spec window = {
	.name = "w",
	.size_ns = 10,
	.slide_ns = 10,
	.group_count = 1,
	.group_field = { SLUICE_FIELD_KEY },
};

static char directory[PATH_MAX], path[PATH_MAX];
static char reported[1024];

static void write_rows(__u64 first, __u64 count)
{
	static __u64 values[1000][SLUICE_GROUP_FIELDS_MAX];
	static struct sluice_partial partials[1000];
	struct results_maker maker;

	results_maker_open(&maker, path, &window, 1, SEGMENT_BYTES);
	for (__u64 done = 0; done < count; done += 1000) {
		for (__u32 i = 0; i < 1000; i++)
			values[i][0] = first + done + i;
		results_maker_rows(&maker, &(struct sluice_rows){ .end_ns = 10 }, 1000,
				   (const __u64(*)[SLUICE_GROUP_FIELDS_MAX])values, partials);
	}
	results_maker_close(&maker);
}

static int make(void **state)
{
	(void)state;
	results_maker_directory(directory);
	snprintf(path, sizeof(path), "%.3000s/store", directory);
	write_rows(0, ROWS);
	return 0;
}

static int clean(void **state)
{
	(void)state;
	results_maker_remove(directory);
	return 0;
}

/* The n-th segment's path, from 1. */
static void segment_path(int place, char file[PATH_MAX])
{
	char command[PATH_MAX + 64];
	FILE *list;

	snprintf(command, sizeof(command), "ls '%s'/results/*.seg | sed -n %dp", path, place);
	list = popen(command, "r");
	assert_non_null(fgets(file, PATH_MAX, list));
	pclose(list);
	file[strcspn(file, "\n")] = '\0';
}

static void damage(int place, off_t offset)
{
	char file[PATH_MAX];
	__u8 byte;
	int fd;

	segment_path(place, file);
	fd = open(file, O_RDWR);
	assert_int_equal(pread(fd, &byte, 1, offset), 1);
	byte ^= 0x40;
	assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
	close(fd);
}

static void report(void *context, enum results_quarantine_fate fate,
		   const struct log_damage *damage, const char *to)
{
	static const char *const fates[] = { "moved", "missing", "active" };
	char line[256];

	(void)context;
	assert_int_equal(fate == RESULTS_QUARANTINE_MOVED, to[0] != '\0');
	snprintf(line, sizeof(line), "%llu %s\n", damage->number, fates[fate]);
	strcat(reported, line);
}

static int quarantine_with(int (*open)(struct store *store, const char *path))
{
	const struct results_quarantine options = { .report = report };
	struct store store;
	int result;

	reported[0] = '\0';
	assert_int_equal(open(&store, path), 0);
	result = results_quarantine_run(&store, &options);
	store_close(&store);
	return result;
}

static int quarantine(void)
{
	return quarantine_with(store_open);
}

static int count_rows(__u64 *rows)
{
	const struct sluice_batch *batch;
	struct log_reader reader;
	struct store store;
	__u64 last_lsn = 0;
	int got;

	*rows = 0;
	assert_int_equal(store_open_reader(&store, path), 0);
	got = log_reader_open(&reader, &store);
	while (!got && (got = log_reader_next(&reader, &batch)) == 1) {
		const struct sluice_disk_record *record = NULL;

		assert_true(batch->first_lsn > last_lsn);
		last_lsn = batch->first_lsn + batch->record_count - 1;
		while ((record = segment_next_record(batch, record)))
			*rows += record->kind == SLUICE_DISK_ROWS
					 ? ((const struct sluice_rows *)(record + 1))->row_count
					 : 0;
		got = 0;
	}
	if (reader.lost_count)
		got = -EBADMSG;
	log_reader_close(&reader);
	store_close(&store);
	return got;
}

/* Damaged: something is lost. Then what is left can be read, and a writer adds to it. */
static void give_up(const char *expected, __u64 rows_min, __u64 rows_max)
{
	__u64 rows, after;

	assert_int_equal(count_rows(&rows), -EBADMSG);
	assert_true(quarantine() > 0);
	assert_string_equal(reported, expected);
	assert_int_equal(count_rows(&rows), 0);
	assert_in_range(rows, rows_min, rows_max);
	assert_int_equal(quarantine(), 0);
	write_rows(ROWS, 1000);
	assert_int_equal(count_rows(&after), 0);
	assert_int_equal(after, rows + 1000);
	assert_int_equal(quarantine(), 0);
	write_rows(ROWS, 1000);
}

static void nothing_is_moved_without_damage(void **state)
{
	__u64 rows;

	(void)state;
	assert_int_equal(quarantine(), 0);
	assert_string_equal(reported, "");
	assert_int_equal(count_rows(&rows), 0);
	assert_int_equal(rows, ROWS);
}

static void a_payload_in_the_middle(void **state)
{
	(void)state;
	damage(2, 2000000);
	give_up("2 moved\n", 120000, 140000);
}

static void a_header(void **state)
{
	(void)state;
	damage(1, 40);
	give_up("1 moved\n", 120000, 140000);
}

static void the_last(void **state)
{
	(void)state;
	damage(3, 5000);
	give_up("3 moved\n", 120000, 140000);
}

static void what_follows_the_last_batch(void **state)
{
	(void)state;
	damage(1, (off_t)SEGMENT_BYTES - 5);
	assert_int_equal(quarantine(), 1);
	assert_string_equal(reported, "1 moved\n");
}

static void several(void **state)
{
	(void)state;
	damage(2, 2000000);
	damage(3, 5000);
	give_up("2 moved\n3 moved\n", 60000, 80000);
}

static void all(void **state)
{
	(void)state;
	for (int i = 1; i <= 3; i++)
		damage(i, 20);
	give_up("1 moved\n2 moved\n3 moved\n", 0, 0);
}

static void missing_ones(void **state)
{
	char file[PATH_MAX];

	(void)state;
	segment_path(2, file);
	assert_int_equal(unlink(file), 0);
	give_up("2 missing\n", 120000, 140000);
}

static void a_missing_end(void **state)
{
	char file[PATH_MAX];

	(void)state;
	segment_path(3, file);
	assert_int_equal(unlink(file), 0);
	give_up("3 missing\n", 120000, 140000);
}

static void shell(const char *format)
{
	char command[4 * PATH_MAX];

	snprintf(command, sizeof(command), format, path, path, path);
	assert_int_equal(system(command), 0);
}

/* The last segment's name plus three is of no segment: nothing is missing without it. */
static void a_stray_file_goes_alone(void **state)
{
	__u64 rows;

	(void)state;
	shell("cd '%s'/results; n=$(ls | tail -1 | sed 's/^0*//;s/.seg//'); "
	      "truncate -s 4M $(printf '%%020d.seg' $((n + 3))) # %s %s");
	assert_int_equal(quarantine(), 1);
	assert_string_equal(reported, "0 moved\n");
	assert_int_equal(count_rows(&rows), 0);
	assert_int_equal(rows, ROWS);
	write_rows(ROWS, 1000);
	assert_int_equal(count_rows(&rows), 0);
	assert_int_equal(rows, ROWS + 1000);
}

/* One behind the end may have been a segment: its number and LSNs are given up, and no more. */
static void a_file_behind_the_end_goes_alone(void **state)
{
	__u64 rows;

	(void)state;
	shell("truncate -s 4M '%s'/results/00000000000000999999.seg # %s %s");
	assert_int_equal(quarantine(), 1);
	assert_string_equal(reported, "4 moved\n");
	assert_int_equal(count_rows(&rows), 0);
	assert_int_equal(rows, ROWS);
	write_rows(ROWS, 1000);
	assert_int_equal(count_rows(&rows), 0);
	assert_int_equal(rows, ROWS + 1000);
}

static void a_segment_under_another_name(void **state)
{
	__u64 rows;

	(void)state;
	shell("cd '%s'/results; cp 00000000000000000001.seg 00000000000000000005.seg # %s %s");
	assert_int_equal(quarantine(), 1);
	assert_string_equal(reported, "0 moved\n");
	assert_int_equal(count_rows(&rows), 0);
	assert_int_equal(rows, ROWS);
	/* The same again does not push the first one out. */
	shell("cd '%s'/results; cp 00000000000000000001.seg 00000000000000000005.seg # %s %s");
	assert_int_equal(quarantine(), 1);
	shell("test $(ls '%s'/quarantine | wc -l) -eq 2 # %s %s");
	write_rows(ROWS, 1000);
}

static void a_zeroed_end_gives_up_what_is_gone(void **state)
{
	__u64 rows;

	(void)state;
	/* Of the last segment all but its first batches; it was stopped in order. */
	shell("f=$(ls '%s'/results/*.seg | tail -1); truncate -s 400K \"$f\"; "
	      "truncate -s 4M \"$f\" # %s %s");
	assert_int_equal(count_rows(&rows), -EBADMSG);
	assert_true(quarantine() > 0);
	write_rows(ROWS, 1000);
	assert_int_equal(count_rows(&rows), 0);
	assert_int_equal(quarantine(), 0);
}

/* An agent that writes goes on; what it writes is left alone. */
static void beside_a_writer(void **state)
{
	static __u64 values[1000][SLUICE_GROUP_FIELDS_MAX];
	static struct sluice_partial partials[1000];
	struct results_log_stats stats;
	struct results_maker maker;
	__u64 rows, after;

	(void)state;
	results_maker_open_with(&maker, path, &window, 1,
				&(struct results_log_options){ .segment_bytes = SEGMENT_BYTES,
							       .bytes_max = 5 * SEGMENT_BYTES });
	results_maker_flush(&maker);
	damage(2, 2000000);
	damage(3, 5000);
	shell("truncate -s 4M '%s'/results/00000000000000999999.seg # %s %s");
	assert_int_equal(quarantine_with(store_open_reader), 2);
	assert_string_equal(reported, "2 moved\n3 active\n0 moved\n");
	assert_int_equal(count_rows(&rows), -EBADMSG);
	damage(2, 5000);
	assert_int_equal(count_rows(&rows), 0);
	/* Its own changes of the manifest keep the gap, and removal copes with it. */
	for (int i = 0; i < 300; i++)
		results_maker_rows(&maker, &(struct sluice_rows){ .end_ns = 10 }, 1000,
				   (const __u64(*)[SLUICE_GROUP_FIELDS_MAX])values, partials);
	results_maker_flush(&maker);
	results_log_read_stats(maker.log, &stats);
	assert_true(stats.segments_removed >= 1);
	assert_int_equal(count_rows(&after), 0);
	results_maker_close(&maker);
	assert_int_equal(count_rows(&after), 0);
	assert_int_equal(quarantine(), 0);
}

#define QUARANTINE_TEST(name) cmocka_unit_test_setup_teardown(name, make, clean)

int main(void)
{
	const struct CMUnitTest tests[] = {
		QUARANTINE_TEST(nothing_is_moved_without_damage),
		QUARANTINE_TEST(a_payload_in_the_middle),
		QUARANTINE_TEST(a_header),
		QUARANTINE_TEST(the_last),
		QUARANTINE_TEST(what_follows_the_last_batch),
		QUARANTINE_TEST(several),
		QUARANTINE_TEST(all),
		QUARANTINE_TEST(missing_ones),
		QUARANTINE_TEST(a_missing_end),
		QUARANTINE_TEST(a_stray_file_goes_alone),
		QUARANTINE_TEST(a_file_behind_the_end_goes_alone),
		QUARANTINE_TEST(a_segment_under_another_name),
		QUARANTINE_TEST(a_zeroed_end_gives_up_what_is_gone),
		QUARANTINE_TEST(beside_a_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
