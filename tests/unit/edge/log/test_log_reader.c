/* SPDX-License-Identifier: BSD-2-Clause */
/* Readers give all that is sound, whatever is damaged beside it, and say exactly what is not; and
 * they go on while segments are removed. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/record/rows.h"
#include "edge/log/log_reader.h"
#include "results_maker.h"

#define SEGMENT_BYTES ((__u64)4 << 20)
#define RECORD_ROWS 1000
#define ROWS 300000 /* five segments */

static const struct window_spec window = {
	.name = "w",
	.size_ns = 10,
	.slide_ns = 10,
	.group_count = 1,
	.group_field = { SLUICE_FIELD_KEY },
};

static char directory[PATH_MAX], path[PATH_MAX];
static bool seen[2 * ROWS];

static void write_rows(struct results_maker *maker, __u64 first, __u64 count)
{
	static __u64 values[RECORD_ROWS][SLUICE_GROUP_FIELDS_MAX];
	static struct sluice_partial partials[RECORD_ROWS];

	for (__u64 done = 0; done < count; done += RECORD_ROWS) {
		for (__u32 i = 0; i < RECORD_ROWS; i++)
			values[i][0] = first + done + i;
		results_maker_rows(maker, &(struct sluice_rows){ .end_ns = 10 }, RECORD_ROWS,
				   (const __u64(*)[SLUICE_GROUP_FIELDS_MAX])values, partials);
	}
}

static int make(void **state)
{
	struct results_maker maker;

	(void)state;
	results_maker_directory(directory);
	snprintf(path, sizeof(path), "%.3000s/store", directory);
	results_maker_open(&maker, path, &window, 1, SEGMENT_BYTES);
	write_rows(&maker, 0, ROWS);
	results_maker_close(&maker);
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

static void flip(int place, off_t offset)
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

struct result {
	__u64 rows, records;
	__u64 last_lsn;
};

static struct schema schema;

static void take_batch(struct result *result, const struct sluice_batch *batch)
{
	const struct sluice_disk_record *record = NULL;

	assert_true(batch->first_lsn > result->last_lsn);
	result->last_lsn = batch->first_lsn + batch->record_count - 1;
	while ((record = segment_next_record(batch, record))) {
		struct rows_cursor cursor;
		struct row_view row;

		result->records++;
		if (record->kind == SLUICE_DISK_SCHEMA)
			assert_int_equal(schema_read(&schema, record), 0);
		if (record->kind != SLUICE_DISK_ROWS)
			continue;
		assert_int_equal(rows_open(&cursor, &schema, record), 0);
		while (rows_next(&cursor, &row) == 1) {
			assert_false(seen[row.words[0]]);
			seen[row.words[0]] = true;
			result->rows++;
		}
	}
}

/* Reads on to the end. */
static struct result read_on(struct log_reader *reader)
{
	const struct sluice_batch *batch;
	struct result result = { 0 };
	int got;

	memset(seen, 0, sizeof(seen));
	while ((got = log_reader_next(reader, &batch)) == 1)
		take_batch(&result, batch);
	assert_int_equal(got, 0);
	/* The end stays the end. */
	got = (int)reader->damage_count;
	assert_int_equal(log_reader_next(reader, &batch), 0);
	assert_int_equal(reader->damage_count, got);
	return result;
}

static struct log_damage damages[16];
static size_t damage_count;
static __u64 lost_count;

static struct result read_all(void)
{
	struct log_reader reader;
	struct result result;
	struct store store;

	assert_int_equal(store_open_reader(&store, path), 0);
	assert_int_equal(log_reader_open(&reader, &store), 0);
	result = read_on(&reader);
	damage_count = reader.damage_count;
	lost_count = reader.lost_count;
	for (size_t i = 0; i < damage_count && i < 16; i++)
		damages[i] = reader.damages[i];
	log_reader_close(&reader);
	store_close(&store);
	return result;
}

/* Of the whole log: where records are, and how many a batch has. */
struct place {
	__u64 offset, first_lsn, last_lsn, wall_ns, before_ns, after_ns;
};

/* The `number`-th batch of segment `place`, both from 1; `offset` is where it begins. */
static struct place find_batch(int place, int number)
{
	struct place found = { 0 };
	const struct sluice_batch *batch;
	struct segment_cursor cursor;
	char file[PATH_MAX];
	struct store store;

	segment_path(place, file);
	assert_int_equal(store_open_reader(&store, path), 0);
	assert_int_equal(segment_open(&cursor, store.results_fd, strrchr(file, '/') + 1,
				      store.manifest.store_id, SLUICE_LOG_RESULTS, false),
			 0);
	for (int i = 1; i <= number + 1 && segment_next(&cursor, &batch) == 1; i++) {
		if (i < number)
			found.before_ns = batch->arrival_wall_ns;
		if (i > number)
			found.after_ns = batch->arrival_wall_ns;
		if (i != number)
			continue;
		found.offset = cursor.offset - segment_batch_bytes(batch);
		found.first_lsn = batch->first_lsn;
		found.last_lsn = cursor.next_lsn - 1;
	}
	segment_close(&cursor);
	store_close(&store);
	return found;
}

static void one_bit_costs_one_batch(void **state)
{
	(void)state;
	for (int place = 1; place <= 5; place += 2) {
		struct place bad = find_batch(place, 3);

		flip(place, (off_t)bad.offset + 1000);
		assert_int_equal(read_all().rows,
				 ROWS - (bad.last_lsn - bad.first_lsn + 1) * RECORD_ROWS);
		assert_int_equal(damage_count, 1);
		assert_int_equal(damages[0].kind, LOG_DAMAGE_LOST);
		assert_int_equal(damages[0].number, place);
		assert_int_equal(damages[0].offset, bad.offset);
		assert_int_equal(damages[0].first_lsn, bad.first_lsn);
		assert_int_equal(damages[0].last_lsn, bad.last_lsn);
		assert_int_equal(damages[0].from_wall_ns, bad.before_ns);
		assert_int_equal(damages[0].to_wall_ns, bad.after_ns);
		flip(place, (off_t)bad.offset + 1000);
	}
	assert_int_equal(read_all().rows, ROWS);
	assert_int_equal(damage_count, 0);
}

/* Also the header of a batch, and a block that reads as zeros: in the middle and in the last. */
static void a_hole_costs_what_was_in_it(void **state)
{
	static const __u8 zeros[SLUICE_DISK_ALIGN];
	char file[PATH_MAX];

	(void)state;
	for (int place = 2; place <= 5; place += 3) {
		struct place bad = find_batch(place, 2);
		__u8 kept[SLUICE_DISK_ALIGN];
		int fd;

		segment_path(place, file);
		fd = open(file, O_RDWR);
		assert_int_equal(pread(fd, kept, sizeof(kept), (off_t)bad.offset), sizeof(kept));
		assert_int_equal(pwrite(fd, zeros, sizeof(zeros), (off_t)bad.offset),
				 sizeof(zeros));
		assert_int_equal(read_all().rows,
				 ROWS - (bad.last_lsn - bad.first_lsn + 1) * RECORD_ROWS);
		assert_int_equal(lost_count, 1);
		assert_int_equal(damages[0].last_lsn, bad.last_lsn);
		assert_string_equal(damages[0].why, segment_fault_text(SEGMENT_FAULT_HOLE));
		assert_int_equal(pwrite(fd, kept, sizeof(kept), (off_t)bad.offset), sizeof(kept));
		close(fd);
	}
}

/* Whatever one file is, the others are read. Segment 2 has LSNs first … last. */
static void one_file_hides_no_other(void **state)
{
	static const char *const ways[] = {
		": >'%s'",
		"truncate -s 100 '%s'",
		"truncate -s 8192 '%s'",
		"rm '%s'",
		"f='%s'; rm \"$f\"; mkdir \"$f\"",
		"f='%s'; rm \"$f\"; mkfifo \"$f\"",
		"dd if=/dev/zero of='%s' bs=4096 count=1 conv=notrunc 2>/dev/null",
		"f='%s'; rm \"$f\"; ln -s /etc/passwd \"$f\"",
	};
	char file[PATH_MAX], command[4 * PATH_MAX];
	__u64 first = find_batch(2, 1).first_lsn, behind = find_batch(3, 1).first_lsn;

	(void)state;
	segment_path(2, file);
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		__u64 rows;

		snprintf(command, sizeof(command), "cp '%s' '%s/kept'", file, directory);
		assert_int_equal(system(command), 0);
		snprintf(command, sizeof(command), ways[i], file);
		assert_int_equal(system(command), 0);
		rows = read_all().rows;
		assert_in_range(rows, ROWS - (behind - first) * RECORD_ROWS, ROWS - RECORD_ROWS);
		assert_int_equal(lost_count, 1);
		assert_int_equal(damage_count, 1);
		assert_int_equal(damages[0].number, 2);
		assert_int_equal(damages[0].last_lsn, behind - 1);
		assert_true(damages[0].from_wall_ns && damages[0].to_wall_ns);
		snprintf(command, sizeof(command), "rm -rf '%s'; mv '%s/kept' '%s'", file,
			 directory, file);
		assert_int_equal(system(command), 0);
		assert_int_equal(read_all().rows, ROWS);
	}
}

/* A file that nothing is missing for is told of, and costs nothing. */
static void strays_cost_nothing(void **state)
{
	static const char *const ways[] = {
		"truncate -s 1M \"$(printf '%%s/results/%%020d.seg' '%s' $(($(ls '%s'/results | "
		"tail -1 | sed 's/^0*//;s/.seg//') + 3)))\"",
		"cp '%s'/results/00000000000000000001.seg '%s'/results/00000000000000000007.seg",
	};
	char command[3 * PATH_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		snprintf(command, sizeof(command), ways[i], path, path);
		assert_int_equal(system(command), 0);
		assert_int_equal(read_all().rows, ROWS);
		assert_int_equal(lost_count, 0);
		assert_int_equal(damage_count, i + 1);
		assert_int_equal(damages[0].kind, LOG_DAMAGE_STRAY);
	}
}

/* Rows behind a schema that is lost would mean something else: they are not given out. */
static void a_lost_schema_takes_its_rows_along(void **state)
{
	struct window_spec other = window;
	struct results_maker maker;
	struct place bad;
	__u64 batches = 0;

	(void)state;
	other.size_ns = other.slide_ns = 20;
	results_maker_open(&maker, path, &other, 1, SEGMENT_BYTES);
	write_rows(&maker, ROWS, RECORD_ROWS);
	results_maker_flush(&maker);
	write_rows(&maker, ROWS + RECORD_ROWS, RECORD_ROWS);
	results_maker_close(&maker);
	/* The next schema ends the doubt. */
	results_maker_open(&maker, path, &window, 1, SEGMENT_BYTES);
	write_rows(&maker, ROWS + 2 * RECORD_ROWS, RECORD_ROWS);
	results_maker_close(&maker);
	while (find_batch(5, (int)batches + 1).offset)
		batches++;
	assert_int_equal(read_all().rows, ROWS + 3 * RECORD_ROWS);
	bad = find_batch(5, (int)batches - 4);
	assert_int_equal(bad.first_lsn, bad.last_lsn);
	flip(5, (off_t)bad.offset + 200);
	assert_int_equal(read_all().rows, ROWS + RECORD_ROWS);
	assert_int_equal(lost_count, 1);
	assert_int_equal(damages[0].first_lsn, bad.first_lsn);
	assert_int_equal(damages[0].last_lsn, bad.last_lsn + 2);
}

/* What the manifest says is gone, before it is. */
static void retire(__u64 first)
{
	char command[PATH_MAX + 64];
	struct store store;

	assert_int_equal(store_open(&store, path), 0);
	store.manifest.results_first = first;
	assert_int_equal(store_update(&store, &store.manifest), 0);
	store_close(&store);
	for (__u64 i = 1; i < first; i++) {
		snprintf(command, sizeof(command), "rm \"$(ls '%s'/results/*.seg | head -1)\"",
			 path);
		assert_int_equal(system(command), 0);
	}
}

static void a_reader_outlives_removal(void **state)
{
	const struct sluice_batch *batch;
	struct result first = { 0 };
	struct log_reader reader;
	struct store store;

	(void)state;
	assert_int_equal(store_open_reader(&store, path), 0);
	assert_int_equal(log_reader_open(&reader, &store), 0);
	assert_int_equal(log_reader_next(&reader, &batch), 1);
	take_batch(&first, batch);
	retire(4);
	/* All but the schema that was read. */
	assert_int_equal(read_on(&reader).last_lsn, ROWS / RECORD_ROWS + 5);
	assert_int_equal(reader.damage_count, 0);
	log_reader_close(&reader);
	store_close(&store);
}

/* The store was opened, then segments went, then they are listed. */
static void removal_is_no_damage(void **state)
{
	struct log_reader reader;
	struct store store;

	(void)state;
	assert_int_equal(store_open_reader(&store, path), 0);
	retire(3);
	assert_int_equal(log_reader_open(&reader, &store), 0);
	read_on(&reader);
	assert_int_equal(reader.damage_count, 0);
	assert_int_equal(reader.files.count, 3);
	log_reader_close(&reader);
	store_close(&store);
}

/* With fewer descriptors than segments it reads all the same. */
static void few_descriptors_are_enough(void **state)
{
	int status, free_fd = dup(0);
	pid_t child;

	(void)state;
	close(free_fd);
	child = fork();
	if (child == 0) {
		struct rlimit limit = { (rlim_t)free_fd + 6, (rlim_t)free_fd + 6 };

		_exit(setrlimit(RLIMIT_NOFILE, &limit) < 0 || read_all().rows != ROWS ||
		      damage_count != 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

#define READER_TEST(name) cmocka_unit_test_setup_teardown(name, make, clean)

int main(void)
{
	const struct CMUnitTest tests[] = {
		READER_TEST(one_bit_costs_one_batch),
		READER_TEST(a_hole_costs_what_was_in_it),
		READER_TEST(one_file_hides_no_other),
		READER_TEST(strays_cost_nothing),
		READER_TEST(a_lost_schema_takes_its_rows_along),
		READER_TEST(a_reader_outlives_removal),
		READER_TEST(removal_is_no_damage),
		READER_TEST(few_descriptors_are_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
