/* SPDX-License-Identifier: BSD-2-Clause */
/* The results log written, lost, and read again: round trips over many segments, torn tails,
 * damage, failing disks, full disks, retention. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/record/rows.h"
#include "edge/log/log_reader.h"
#include "results_maker.h"

#define SEGMENT_BYTES ((__u64)4 << 20)
#define SECOND_NS 1000000000ull

static const struct window_spec window = {
	.name = "w",
	.size_ns = 10,
	.slide_ns = 10,
	.group_count = 1,
	.group_field = { SLUICE_FIELD_KEY },
	.aggregate_count = 1,
};

static char directory[PATH_MAX], path[PATH_MAX], crashed[PATH_MAX], victim[PATH_MAX];

static int make(void **state)
{
	(void)state;
	results_maker_directory(directory);
	snprintf(path, sizeof(path), "%.3000s/store", directory);
	snprintf(crashed, sizeof(crashed), "%.3000s/crashed", directory);
	snprintf(victim, sizeof(victim), "%.3000s/victim", directory);
	return 0;
}

static int clean(void **state)
{
	(void)state;
	umount2(directory, MNT_DETACH); /* of a test that failed */
	results_maker_remove(directory);
	return 0;
}

/* Rows with keys first … first + count − 1, `batch_rows` a record. */
static void write_rows(struct results_maker *maker, __u64 first, __u64 count, __u32 batch_rows)
{
	__u64(*values)[SLUICE_GROUP_FIELDS_MAX] = calloc(batch_rows, sizeof(*values));
	struct sluice_partial *partials = calloc(batch_rows, sizeof(*partials));

	for (__u64 done = 0; done < count;) {
		__u32 now = count - done < batch_rows ? (__u32)(count - done) : batch_rows;

		for (__u32 i = 0; i < now; i++) {
			values[i][0] = first + done + i;
			partials[i] =
				(struct sluice_partial){ .count = first + done + i, .records = 1 };
		}
		results_maker_rows(maker, &(struct sluice_rows){ .end_ns = 10 }, now,
				   (const __u64(*)[SLUICE_GROUP_FIELDS_MAX])values, partials);
		done += now;
	}
	free(values);
	free(partials);
}

struct seen {
	__u64 rows, records, schemas, names;
	__u64 first_row;
	__u64 segments; /* started with a schema */
	int result; /* of the last read */
};

static void see_record(struct seen *seen, struct schema *schema,
		       const struct sluice_disk_record *record, bool is_whole)
{
	struct rows_cursor cursor;
	struct row_view row;

	seen->records++;
	seen->names += record->kind == SLUICE_DISK_NAMES;
	if (record->kind == SLUICE_DISK_SCHEMA) {
		seen->schemas++;
		assert_int_equal(schema_read(schema, record), 0);
	}
	if (record->kind != SLUICE_DISK_ROWS)
		return;
	assert_int_equal(rows_open(&cursor, schema, record), 0);
	while (rows_next(&cursor, &row) == 1) {
		if (seen->rows == 0 || !is_whole)
			seen->first_row = row.words[0] - seen->rows;
		/* In order, nothing missing, nothing twice. */
		assert_int_equal(row.words[0], seen->first_row + seen->rows);
		assert_int_equal(row.partial->count, seen->first_row + seen->rows);
		seen->rows++;
	}
}

/* Reads the whole store and checks that its rows are n, n + 1, n + 2 … */
static struct seen read_back(const char *from)
{
	struct schema *schema = calloc(1, sizeof(*schema));
	const struct sluice_batch *batch;
	struct log_reader reader;
	struct seen seen = { 0 };
	struct store store;

	assert_int_equal(store_open_reader(&store, from), 0);
	seen.result = log_reader_open(&reader, &store);
	reader.is_thorough = true;
	while (!seen.result && (seen.result = log_reader_next(&reader, &batch)) == 1) {
		const struct sluice_disk_record *record = NULL;

		if (reader.cursor.offset - segment_batch_bytes(batch) == SLUICE_DISK_ALIGN) {
			record = segment_next_record(batch, NULL);
			assert_int_equal(record->kind, SLUICE_DISK_SCHEMA);
			seen.segments++;
			record = NULL;
		}
		while ((record = segment_next_record(batch, record)))
			see_record(&seen, schema, record, reader.lost_count == 0);
		seen.result = 0;
	}
	if (reader.lost_count)
		seen.result = -EBADMSG;
	log_reader_close(&reader);
	store_close(&store);
	free(schema);
	return seen;
}

static void round_trip_over_segments(void **state)
{
	struct results_maker maker;
	struct results_log_stats stats;
	struct seen seen;

	(void)state;
	results_maker_open(&maker, path, &window, 1, SEGMENT_BYTES);
	assert_int_equal(results_log_write_name(maker.log, SLUICE_SPACE_KEY, 5, "five"), 0);
	write_rows(&maker, 0, 300000, 1000);
	results_maker_flush(&maker);
	assert_false(results_log_is_busy(maker.log));
	results_log_read_stats(maker.log, &stats);
	assert_int_equal(stats.rows, 300000);
	assert_int_equal(stats.records, 300);
	assert_true(stats.segments >= 4);
	assert_int_equal(stats.error, 0);
	assert_int_equal(stats.waiting_bytes, 0);
	assert_int_equal(stats.buffers_free, RESULTS_LOG_BUFFERS);
	/* Every segment brings the schema and the name again. */
	assert_int_equal(stats.durable_lsn, 300 + 2 * stats.segments);
	results_maker_close(&maker);
	seen = read_back(path);
	assert_int_equal(seen.result, 0);
	assert_int_equal(seen.rows, 300000);
	assert_int_equal(seen.segments, stats.segments);
	assert_int_equal(seen.schemas, stats.segments);
	assert_int_equal(seen.names, stats.segments);
	/* The next agent continues where this one ended. */
	results_maker_open(&maker, path, &window, 1, SEGMENT_BYTES);
	assert_int_equal(results_log_durable_lsn(maker.log), stats.durable_lsn);
	assert_int_equal(maker.store.manifest.agent_epoch, 2);
	write_rows(&maker, 300000, 1000, 7);
	results_maker_close(&maker);
	assert_int_equal(read_back(path).rows, 301000);
}

static void names_are_kept(void **state)
{
	struct results_maker maker;
	char name[16];
	int error = 0;
	__u64 count = 0;

	(void)state;
	results_maker_open(&maker, path, &window, 1, SEGMENT_BYTES);
	assert_int_equal(results_log_write_name(maker.log, SLUICE_SPACE_TYPE, 2, "click"), 0);
	assert_int_equal(results_log_write_name(maker.log, SLUICE_SPACE_TYPE, 2, "click"), 0);
	assert_int_equal(results_log_write_name(maker.log, SLUICE_SPACE_TYPE, 2, "clack"), -EEXIST);
	assert_int_equal(results_log_write_name(maker.log, SLUICE_SPACE_DIM0, 2, "north"), 0);
	assert_int_equal(results_log_write_name(maker.log, SLUICE_SPACE_COUNT, 2, "x"), -EINVAL);
	assert_int_equal(results_log_write_name(maker.log, SLUICE_SPACE_TYPE, 3, ""), -EINVAL);
	results_maker_flush(&maker);
	/* Later ones go with the rows; the table ends, and says so. */
	for (; !error && count < 100000; count++) {
		snprintf(name, sizeof(name), "n%llu", count);
		error = results_log_write_name(maker.log, SLUICE_SPACE_KEY, count, name);
		if (count % 1000 == 0)
			results_maker_flush(&maker);
	}
	assert_int_equal(error, -ENOSPC);
	assert_true(count > 30000);
	write_rows(&maker, 0, 100000, 1000);
	results_maker_close(&maker);
	assert_int_equal(read_back(path).rows, 100000);
}

/* Another writer finds the names of the one before and keeps them, unless it has its own. */
static void names_outlive_a_writer(void **state)
{
	struct results_maker maker;
	struct name_taught name;
	size_t offset = 0;

	(void)state;
	results_maker_open(&maker, path, &window, 1, SEGMENT_BYTES);
	assert_int_equal(results_log_recovered(maker.log)->count, 0);
	assert_int_equal(results_log_write_name(maker.log, SLUICE_SPACE_TYPE, 2, "click"), 0);
	results_maker_flush(&maker);
	assert_int_equal(results_log_write_name(maker.log, SLUICE_SPACE_KEY, 7, "seven"), 0);
	results_maker_close(&maker);
	results_maker_open(&maker, path, &window, 1, SEGMENT_BYTES);
	assert_true(name_table_next(results_log_recovered(maker.log), &offset, &name));
	assert_true(name.space == SLUICE_SPACE_TYPE && name.id == 2 && name.bytes == 5);
	assert_true(name_table_next(results_log_recovered(maker.log), &offset, &name));
	assert_true(name.space == SLUICE_SPACE_KEY && name.id == 7 && name.bytes == 5);
	assert_false(name_table_next(results_log_recovered(maker.log), &offset, &name));
	assert_int_equal(results_log_write_name(maker.log, SLUICE_SPACE_TYPE, 2, "clicks"), 0);
	results_log_keep_names(maker.log);
	assert_int_equal(results_log_write_name(maker.log, SLUICE_SPACE_TYPE, 2, "clicks"), 0);
	assert_int_equal(results_log_write_name(maker.log, SLUICE_SPACE_KEY, 7, "sept"), -EEXIST);
	/* They are in force in the last segment, however many there were. */
	write_rows(&maker, 0, 100000, 1000);
	results_maker_close(&maker);
	results_maker_open(&maker, path, &window, 1, SEGMENT_BYTES);
	assert_int_equal(results_log_recovered(maker.log)->count, 2);
	offset = 0;
	assert_true(name_table_next(results_log_recovered(maker.log), &offset, &name));
	assert_true(name.id == 2 && name.bytes == 6);
	results_maker_close(&maker);
}

static void schema_waits_for_rows(void **state)
{
	struct results_maker maker;

	(void)state;
	results_maker_open(&maker, path, &window, 1, SEGMENT_BYTES);
	write_rows(&maker, 0, 1, 1);
	assert_int_equal(results_log_write_schema(maker.log, &window, NULL, 1, NULL), -EBUSY);
	results_maker_flush(&maker);
	assert_int_equal(results_log_write_schema(maker.log, &window, NULL, 1, NULL), 0);
	assert_int_equal(results_log_write_schema(maker.log, &window, NULL, SLUICE_WINDOWS_MAX + 1,
						  NULL),
			 -E2BIG);
	write_rows(&maker, 1, 1, 1);
	results_maker_close(&maker);
	assert_int_equal(read_back(path).schemas, 2);
}

/* Nothing is on disk before it is due; then the turn writes it without being flushed. */
static void commit_interval_is_kept(void **state)
{
	struct results_maker maker;
	__u64 now_ns = 5 * SECOND_NS;

	(void)state;
	results_maker_open(&maker, path, &window, 1, SEGMENT_BYTES);
	results_maker_flush(&maker);
	assert_int_equal(results_log_deadline_ns(maker.log), UINT64_MAX);
	assert_int_equal(results_log_turn(maker.log, 1, now_ns), 0);
	write_rows(&maker, 0, 1, 1);
	assert_int_equal(results_log_deadline_ns(maker.log), now_ns + 1000000);
	assert_int_equal(results_log_turn(maker.log, 1, now_ns + 999999), 0);
	assert_int_equal(uring_room(maker.uring), 16);
	assert_int_equal(results_log_turn(maker.log, 1, now_ns + 1000000), 0);
	assert_int_equal(uring_room(maker.uring), 14);
	results_maker_close(&maker);
}

/* A writer without room says so at once; what is in its buffers is at most what they hold. */
static void buffers_are_bounded(void **state)
{
	const size_t bytes = 64 << 10;
	const struct row_writer *writer;
	struct results_log_stats stats;
	struct results_maker maker;
	size_t room, records = 0;
	void *at;

	(void)state;
	results_maker_open(&maker, path, &window, 1, SEGMENT_BYTES);
	writer = results_log_writer(maker.log);
	while ((at = writer->reserve(writer->context, bytes, bytes, &room))) {
		*(struct sluice_disk_record *)at =
			(struct sluice_disk_record){ (__u32)bytes, SLUICE_DISK_LATE, 1 };
		writer->commit(writer->context, bytes);
		records++;
	}
	assert_in_range(records, (RESULTS_LOG_BUFFERS - 2) * 15, RESULTS_LOG_BUFFERS * 16);
	assert_null(writer->reserve(writer->context, 8, 8, &room));
	results_maker_flush(&maker);
	results_log_read_stats(maker.log, &stats);
	assert_int_equal(stats.reserve_failures, 2);
	assert_int_equal(stats.records, records);
	at = writer->reserve(writer->context, 8, SIZE_MAX, &room);
	assert_non_null(at);
	assert_int_equal((uintptr_t)at % 8, 0);
	assert_int_equal(room, SLUICE_BATCH_BYTES_MAX - sizeof(struct sluice_batch));
	results_maker_close(&maker);
}

static void copy_store(const char *from, const char *to)
{
	char command[2 * PATH_MAX + 64];

	snprintf(command, sizeof(command), "rm -rf '%s' && cp -r '%s' '%s'", to, from, to);
	assert_int_equal(system(command), 0);
}

#define FIRST_SEGMENT "00000000000000000001.seg"

static int open_segment(const char *store)
{
	char file[PATH_MAX + 64];
	int fd;

	snprintf(file, sizeof(file), "%s/results/" FIRST_SEGMENT, store);
	fd = open(file, O_RDWR);
	assert_true(fd >= 0);
	return fd;
}

/* In `crashed`: what an agent leaves that was killed after `batches` durable batches of one row.
 * The schema's batch is the first: the last row has LSN batches + 1, and each batch takes one
 * block. */
static void make_crashed(int batches)
{
	struct results_maker maker;

	results_maker_open(&maker, path, &window, 1, SEGMENT_BYTES);
	results_maker_flush(&maker);
	for (int i = 0; i < batches; i++) {
		write_rows(&maker, (__u64)i, 1, 1);
		results_maker_flush(&maker);
	}
	copy_store(path, crashed);
	results_maker_close(&maker);
}

static char problem[STORE_PROBLEM_MAX];

/* Opens and closes the log as a new agent would. */
static int recover(const char *from, struct results_log_recovery *recovery)
{
	struct results_log *log;
	struct uring *uring;
	struct store store;
	int error;

	assert_int_equal(store_open(&store, from), 0);
	assert_int_equal(uring_open(&uring, 16), 0);
	error = results_log_open(&log,
				 &(struct results_log_options){ .store = &store,
								.uring = uring,
								.segment_bytes = SEGMENT_BYTES,
								.bytes_max = 1 << 30 },
				 recovery);
	snprintf(problem, sizeof(problem), "%s", error ? store.problem : "");
	if (!error)
		assert_int_equal(results_log_close(log), 0);
	uring_close(uring);
	store_close(&store);
	return error;
}

static void torn_anywhere_is_cut(void **state)
{
	const off_t first = 2 * SLUICE_DISK_ALIGN, end = 6 * SLUICE_DISK_ALIGN;
	static __u8 rest[6 * SLUICE_DISK_ALIGN];

	(void)state;
	make_crashed(4);
	for (off_t cut = first; cut < end; cut += 512) {
		__u64 rows = (__u64)(cut - first) / SLUICE_DISK_ALIGN;
		size_t torn = SLUICE_DISK_ALIGN - (size_t)cut % SLUICE_DISK_ALIGN;
		struct results_log_recovery recovery;
		struct results_maker maker;
		struct seen seen;
		int fd;

		copy_store(crashed, victim);
		fd = open_segment(victim);
		memset(rest, 0, sizeof(rest));
		memset(rest, 0xee, torn);
		assert_int_equal(pwrite(fd, rest, (size_t)(end - cut), cut), end - cut);
		close(fd);
		/* Whoever only reads takes it for the end. */
		assert_int_equal(read_back(victim).rows, rows);
		assert_int_equal(recover(victim, &recovery), 0);
		assert_int_equal(recovery.durable_lsn, 1 + rows);
		assert_int_equal(recovery.cut_offset, first + (off_t)rows * SLUICE_DISK_ALIGN);
		assert_string_equal(recovery.cut_segment, FIRST_SEGMENT);
		/* Doing it again changes nothing more. */
		assert_int_equal(recover(victim, &recovery), 0);
		assert_int_equal(recovery.durable_lsn, 1 + rows);
		assert_int_equal(recovery.cut_offset, 0);
		results_maker_open(&maker, victim, &window, 1, SEGMENT_BYTES);
		write_rows(&maker, rows, 1, 1);
		results_maker_close(&maker);
		seen = read_back(victim);
		assert_int_equal(seen.result, 0);
		assert_int_equal(seen.rows, rows + 1);
	}
}

/* Two sound batches behind prove that the damaged one was durable: refused, and left as it is. */
static void flipped_anywhere_is_cut_or_refused(void **state)
{
	(void)state;
	make_crashed(4);
	for (off_t offset = 0; offset < 6 * SLUICE_DISK_ALIGN; offset += 211) {
		off_t block = offset / SLUICE_DISK_ALIGN;
		struct results_log_recovery recovery;
		struct seen seen;
		__u8 byte;
		int fd, error;

		copy_store(crashed, victim);
		fd = open_segment(victim);
		assert_int_equal(pread(fd, &byte, 1, offset), 1);
		byte ^= 0x10;
		assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
		error = recover(victim, &recovery);
		if (block < 4) {
			__u8 after;

			assert_int_equal(error, -EBADMSG);
			assert_non_null(strstr(problem, "sluice log verify --state"));
			assert_int_equal(pread(fd, &after, 1, offset), 1);
			assert_int_equal(after, byte);
		} else {
			assert_int_equal(error, 0);
			assert_int_equal(recovery.durable_lsn, block - 1);
			seen = read_back(victim);
			assert_int_equal(seen.rows, block - 2);
		}
		close(fd);
	}
}

/* After an orderly stop even the last batch is known to have been durable. */
static void damage_after_a_stop_is_refused(void **state)
{
	static const __u8 zeros[SLUICE_DISK_ALIGN];
	struct results_log_recovery recovery;
	struct seen seen;
	int fd;

	(void)state;
	make_crashed(4);
	fd = open_segment(path);
	assert_int_equal(pwrite(fd, zeros, sizeof(zeros), 5 * SLUICE_DISK_ALIGN), sizeof(zeros));
	close(fd);
	assert_int_equal(recover(path, &recovery), -EBADMSG);
	assert_non_null(strstr(problem, "from LSN 5 on were durable"));
	seen = read_back(path);
	assert_int_equal(seen.result, -EBADMSG);
	assert_int_equal(seen.rows, 3);
}

/* A block of zeros before two sound batches is no end, either. */
static void a_hole_is_no_end(void **state)
{
	static const __u8 zeros[SLUICE_DISK_ALIGN];
	struct results_log_recovery recovery;
	__u8 kept;
	int fd;

	(void)state;
	make_crashed(4);
	fd = open_segment(crashed);
	assert_int_equal(pwrite(fd, zeros, sizeof(zeros), 3 * SLUICE_DISK_ALIGN), sizeof(zeros));
	assert_int_equal(recover(crashed, &recovery), -EBADMSG);
	assert_non_null(strstr(problem, "zeros stand where more was written"));
	/* Nothing was cut. */
	assert_int_equal(pread(fd, &kept, 1, 5 * SLUICE_DISK_ALIGN), 1);
	assert_int_equal(kept, SLUICE_BATCH_MAGIC & 0xff);
	/* One alone may be of two that were in flight. */
	assert_int_equal(pwrite(fd, zeros, sizeof(zeros), 4 * SLUICE_DISK_ALIGN), sizeof(zeros));
	assert_int_equal(recover(crashed, &recovery), 0);
	assert_int_equal(recovery.durable_lsn, 2);
	close(fd);
}

static void remove_segment(const char *store, int place)
{
	char command[PATH_MAX + 128];

	snprintf(command, sizeof(command), "rm \"$(ls -d '%s'/results/*.seg | sed -n %dp)\"", store,
		 place);
	assert_int_equal(system(command), 0);
}

static void missing_segments_are_refused(void **state)
{
	struct results_log_recovery recovery;
	struct results_maker maker;

	(void)state;
	results_maker_open(&maker, path, &window, 1, SEGMENT_BYTES);
	write_rows(&maker, 0, 250000, 1000);
	results_maker_close(&maker);
	for (int place = 1; place <= 4; place++) {
		copy_store(path, victim);
		remove_segment(victim, place);
		assert_int_equal(recover(victim, &recovery), -EBADMSG);
		assert_int_equal(read_back(victim).result, -EBADMSG);
	}
	copy_store(path, victim);
	for (int place = 4; place >= 1; place--)
		remove_segment(victim, place);
	assert_int_equal(recover(victim, &recovery), -EBADMSG);
	assert_non_null(strstr(problem, "segment number 1 is missing"));
}

/* A disk that misbehaves in a given way a given number of times. */
struct fault {
	enum uring_operation operation;
	int result; /* INT32_MIN: half of what was asked for */
	int times;
	int seen; /* completions of any kind */
	/* Syncs that are linked to a faulty write are cancelled; they stand behind it in their
	 * batch. */
	struct uring_request *cancelled[RESULTS_LOG_IN_FLIGHT];
};

static bool take_cancelled(struct fault *fault, struct uring_request *request,
			   struct uring_request *instead)
{
	for (int i = 0; i < RESULTS_LOG_IN_FLIGHT; i++) {
		if (fault->cancelled[i] == request) {
			fault->cancelled[i] = instead;
			return true;
		}
	}
	return false;
}

static int inject(void *context, struct uring_request *request, int result)
{
	struct fault *fault = context;

	fault->seen++;
	if (request->operation == URING_SYNC && take_cancelled(fault, request, NULL))
		return -ECANCELED;
	if (request->operation != fault->operation || fault->times == 0)
		return result;
	fault->times--;
	if (fault->operation == URING_WRITE)
		assert_true(take_cancelled(fault, NULL, request + 1));
	return fault->result == INT32_MIN ? result / 2 : fault->result;
}

static void short_writes_are_finished(void **state)
{
	struct fault fault = { URING_WRITE, INT32_MIN, 12, 0, { NULL } };
	struct results_log_stats stats;
	struct results_maker maker;

	(void)state;
	results_maker_open(&maker, path, &window, 1, SEGMENT_BYTES);
	uring_set_fault(maker.uring, inject, &fault);
	write_rows(&maker, 0, 60000, 1000);
	results_maker_flush(&maker);
	assert_int_equal(fault.times, 0);
	results_log_read_stats(maker.log, &stats);
	assert_int_equal(stats.rows, 60000);
	assert_int_equal(stats.no_space_retries, 12);
	results_maker_close(&maker);
	assert_int_equal(read_back(path).rows, 60000);
}

static void passing_errors_are_tried_again(void **state)
{
	struct fault fault = { URING_WRITE, -EAGAIN, 3, 0, { NULL } };
	struct results_maker maker;

	(void)state;
	results_maker_open(&maker, path, &window, 1, SEGMENT_BYTES);
	uring_set_fault(maker.uring, inject, &fault);
	write_rows(&maker, 0, 10, 1);
	results_maker_flush(&maker);
	fault = (struct fault){ URING_SYNC, -ECANCELED, 2, 0, { NULL } };
	write_rows(&maker, 10, 10, 1);
	results_maker_close(&maker);
	assert_int_equal(fault.times, 0);
	assert_int_equal(read_back(path).rows, 20);
}

static void no_space_waits_and_goes_on(void **state)
{
	struct fault fault = { URING_WRITE, -ENOSPC, 1000000, 0, { NULL } };
	struct results_log_stats stats;
	struct results_maker maker;

	(void)state;
	results_maker_open(&maker, path, &window, 1, SEGMENT_BYTES);
	results_maker_flush(&maker);
	uring_set_fault(maker.uring, inject, &fault);
	write_rows(&maker, 0, 10, 1);
	assert_int_equal(results_log_flush_wait(maker.log, SECOND_NS / 10), -ENOSPC);
	results_log_read_stats(maker.log, &stats);
	assert_true(stats.is_out_of_space);
	assert_int_equal(stats.error, 0);
	assert_int_equal(stats.durable_lsn, 1);
	assert_non_null(strstr(results_log_explain(maker.log), "no space"));
	/* What waits is not written. */
	assert_int_equal(stats.rows, 0);
	assert_int_equal(stats.records, 0);
	/* It is not hammered. */
	assert_true(fault.seen <= 4);
	fault.times = 0;
	results_maker_flush(&maker);
	results_log_read_stats(maker.log, &stats);
	assert_false(stats.is_out_of_space);
	assert_string_equal(results_log_explain(maker.log), "");
	results_maker_close(&maker);
	assert_int_equal(read_back(path).rows, 10);
}

/* One failed sync, and nothing counts any more; no later success is believed. */
static void final_error(enum uring_operation operation, int result)
{
	struct fault fault = { operation, result, 1, 0, { NULL } };
	const struct row_writer *writer;
	struct results_log_stats stats;
	struct results_maker maker;
	int seen;
	size_t room;

	results_maker_open(&maker, path, &window, 1, SEGMENT_BYTES);
	write_rows(&maker, 0, 5, 1);
	results_maker_flush(&maker);
	results_log_read_stats(maker.log, &stats);
	uring_set_fault(maker.uring, inject, &fault);
	write_rows(&maker, 5, 5, 1);
	assert_int_equal(results_log_flush_wait(maker.log, 5 * SECOND_NS), result);
	assert_int_equal(results_log_durable_lsn(maker.log), stats.durable_lsn);
	assert_int_equal(results_log_turn(maker.log, 1, UINT64_MAX / 2), result);
	assert_non_null(strstr(results_log_explain(maker.log), strerror(-result)));
	writer = results_log_writer(maker.log);
	assert_null(writer->reserve(writer->context, 64, 64, &room));
	seen = fault.seen;
	uring_wait(maker.uring, 10000000);
	assert_int_equal(fault.seen, seen);
	assert_int_equal(results_log_close(maker.log), result);
	uring_close(maker.uring);
	assert_false(maker.store.manifest.is_stopped);
	store_close(&maker.store);
}

static void a_failed_sync_is_final(void **state)
{
	(void)state;
	final_error(URING_SYNC, -EIO);
}

static void no_space_at_sync_is_final(void **state)
{
	(void)state;
	final_error(URING_SYNC, -ENOSPC);
}

static void a_failed_write_is_final(void **state)
{
	(void)state;
	final_error(URING_WRITE, -EIO);
}

/* The second of two batches is durable first: what counts is what has no gap before it. */
static void durable_has_no_gaps(void **state)
{
	struct fault fault = { URING_WRITE, -ENOSPC, 1, 0, { NULL } };
	struct results_maker maker;
	__u64 now_ns = 1;

	(void)state;
	results_maker_open(&maker, path, &window, 1, SEGMENT_BYTES);
	results_maker_flush(&maker);
	uring_set_fault(maker.uring, inject, &fault);
	for (int i = 0; i < 2; i++) {
		write_rows(&maker, (__u64)i * 5000, 5000, 5000);
		now_ns += 2000000;
		assert_int_equal(results_log_turn(maker.log, 1, now_ns), 0);
	}
	/* Both are sealed; the first fails, the second does not. */
	assert_int_equal(uring_room(maker.uring), 12);
	while (fault.seen < 4)
		assert_true(uring_wait(maker.uring, SECOND_NS) >= 0);
	assert_int_equal(results_log_durable_lsn(maker.log), 1);
	results_maker_flush(&maker);
	assert_int_equal(results_log_durable_lsn(maker.log), 3);
	results_maker_close(&maker);
	assert_int_equal(read_back(path).rows, 10000);
}

/* Until no buffer is free. Returns the next row. */
static __u64 fill(struct results_maker *maker, __u64 row)
{
	const struct row_writer *writer = results_log_writer(maker->log);
	size_t room;

	for (; writer->reserve(writer->context, 60000, 60000, &room); row += 1000)
		write_rows(maker, row, 1000, 1000);
	return row;
}

/* A small file system that is really full, and gets larger. */
static void a_full_disk_holds_up_and_goes_on(void **state)
{
	struct results_log_recovery recovery;
	struct results_log_stats stats = { 0 };
	struct results_maker maker;
	__u64 rows = 0;

	(void)state;
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", directory, "tmpfs", 0, "size=10m") < 0)
		skip();
	results_maker_open(&maker, path, &window, 1, SEGMENT_BYTES);
	for (int i = 0; i < 2000 && !stats.is_out_of_space; i++) {
		rows = fill(&maker, rows);
		results_log_flush_wait(maker.log, SECOND_NS / 100);
		results_log_read_stats(maker.log, &stats);
	}
	/* More than what is left of the active segment. */
	rows = fill(&maker, rows);
	assert_true(stats.is_out_of_space);
	assert_int_equal(stats.error, 0);
	/* What fits is durable and readable, what does not waits. */
	results_log_flush_wait(maker.log, SECOND_NS / 100);
	results_log_read_stats(maker.log, &stats);
	assert_true(stats.waiting_bytes > 0);
	assert_true(read_back(path).rows > 100000);
	assert_int_equal(mount("none", directory, "tmpfs", MS_REMOUNT, "size=64m"), 0);
	results_maker_flush(&maker);
	results_log_read_stats(maker.log, &stats);
	assert_false(stats.is_out_of_space);
	results_maker_close(&maker);
	assert_int_equal(read_back(path).rows, rows);
	assert_int_equal(recover(path, &recovery), 0);
	assert_int_equal(umount2(directory, MNT_DETACH), 0);
}

/* A limit on file sizes makes real short writes, then real errors. */
static void a_file_size_limit_is_final(void **state)
{
	struct rlimit limit, low;
	struct results_maker maker;
	struct seen seen;
	int error = 0;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	results_maker_open(&maker, path, &window, 1, SEGMENT_BYTES);
	results_maker_flush(&maker);
	getrlimit(RLIMIT_FSIZE, &limit);
	low = limit;
	low.rlim_cur = 1000000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
	for (__u64 i = 0; i < 10 && !error; i++) {
		write_rows(&maker, i * 5000, 5000, 5000);
		error = results_log_flush_wait(maker.log, 5 * SECOND_NS);
	}
	setrlimit(RLIMIT_FSIZE, &limit);
	assert_int_equal(error, -EFBIG);
	assert_int_equal(results_log_close(maker.log), -EFBIG);
	uring_close(maker.uring);
	store_close(&maker.store);
	seen = read_back(path);
	assert_int_equal(seen.result, 0);
	assert_int_equal(seen.rows, 15000);
}

static void wait_for_segments(struct results_maker *maker, __u64 wanted,
			      struct results_log_stats *stats)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0; i < 5000; i++) {
		results_log_read_stats(maker->log, stats);
		if (stats->segments == wanted)
			return;
		nanosleep(&pause, NULL);
	}
	fail_msg("%llu segments instead of %llu", stats->segments, wanted);
}

static void retention_by_size(void **state)
{
	char command[3 * PATH_MAX];
	struct results_log_stats stats;
	struct results_log_recovery recovery;
	struct results_maker maker;
	struct seen seen;

	(void)state;
	/* Three segments and one to come. */
	results_maker_open_with(&maker, path, &window, 1,
				&(struct results_log_options){ .segment_bytes = SEGMENT_BYTES,
							       .bytes_max = 4 * SEGMENT_BYTES });
	write_rows(&maker, 0, 100000, 1000);
	results_maker_flush(&maker);
	copy_store(path, crashed);
	write_rows(&maker, 100000, 400000, 1000);
	results_maker_flush(&maker);
	wait_for_segments(&maker, 3, &stats);
	assert_true(stats.segments_removed >= 4);
	assert_int_equal(stats.segment_bytes, 3 * SEGMENT_BYTES);
	assert_int_equal(maker.store.manifest.results_first, stats.segments_removed + 1);
	results_maker_close(&maker);
	seen = read_back(path);
	assert_int_equal(seen.result, 0);
	assert_int_equal(seen.segments, 3);
	assert_int_equal(seen.first_row + seen.rows, 500000);
	/* A kill between manifest and unlink leaves old files: ignored by readers, removed at the
	 * start. */
	snprintf(command, sizeof(command), "cp '%s'/results/" FIRST_SEGMENT " '%s'/results/",
		 crashed, path);
	assert_int_equal(system(command), 0);
	assert_int_equal(read_back(path).first_row, seen.first_row);
	assert_int_equal(recover(path, &recovery), 0);
	snprintf(command, sizeof(command), "test ! -e '%s'/results/" FIRST_SEGMENT, path);
	assert_int_equal(system(command), 0);
	assert_int_equal(read_back(path).rows, seen.rows);
}

static void retention_by_age(void **state)
{
	struct results_log_stats stats;
	struct results_maker maker;
	struct timespec now;
	__u64 wall_ns;

	(void)state;
	results_maker_open_with(&maker, path, &window, 1,
				&(struct results_log_options){ .segment_bytes = SEGMENT_BYTES,
							       .bytes_max = 1 << 30,
							       .age_max_ns =
								       3600 * (__s64)SECOND_NS });
	write_rows(&maker, 0, 250000, 1000);
	results_maker_flush(&maker);
	results_log_read_stats(maker.log, &stats);
	assert_int_equal(stats.segments, 4);
	clock_gettime(CLOCK_REALTIME, &now);
	wall_ns = (__u64)now.tv_sec * SECOND_NS;
	assert_int_equal(results_log_turn(maker.log, wall_ns + 3000 * SECOND_NS, UINT64_MAX / 4),
			 0);
	wait_for_segments(&maker, 4, &stats);
	/* Not while the clock that says so is in doubt. */
	results_log_hold_age(maker.log, true);
	assert_int_equal(
		results_log_turn(maker.log, wall_ns + 8 * 86400 * SECOND_NS, UINT64_MAX / 3), 0);
	wait_for_segments(&maker, 4, &stats);
	results_log_hold_age(maker.log, false);
	assert_int_equal(results_log_turn(maker.log, wall_ns + 4000 * SECOND_NS,
					  UINT64_MAX / 2 + SECOND_NS),
			 0);
	/* The active one stays, however old. */
	wait_for_segments(&maker, 1, &stats);
	assert_int_equal(stats.segments_removed, 3);
	results_maker_close(&maker);
	assert_int_equal(read_back(path).result, 0);
}

/* What is logged while `during` runs. */
static char logged[65536];

static void catch_log(void (*during)(void))
{
	int file = open("/tmp", O_TMPFILE | O_RDWR, 0600), old = dup(2);
	ssize_t bytes;

	dup2(file, 2);
	during();
	dup2(old, 2);
	bytes = pread(file, logged, sizeof(logged) - 1, 0);
	assert_true(bytes >= 0);
	logged[bytes] = '\0';
	close(old);
	close(file);
}

static void fail_to_remove(void)
{
	struct results_log_recovery recovery;
	struct results_log_stats stats;
	struct results_maker maker;
	char command[3 * PATH_MAX];

	results_maker_open_with(&maker, path, &window, 1,
				&(struct results_log_options){ .segment_bytes = SEGMENT_BYTES,
							       .bytes_max = 4 * SEGMENT_BYTES });
	write_rows(&maker, 0, 100000, 1000);
	results_maker_flush(&maker);
	/* A name that no unlink removes, in the place of the first segment. */
	snprintf(command, sizeof(command),
		 "f='%s'/results/" FIRST_SEGMENT "; mv \"$f\" '%s/aside'; mkdir \"$f\"", path,
		 directory);
	assert_int_equal(system(command), 0);
	write_rows(&maker, 100000, 400000, 1000);
	results_maker_flush(&maker);
	wait_for_segments(&maker, 4, &stats);
	/* The others are gone; what is still there still counts. */
	assert_int_equal(stats.segment_bytes, 4 * SEGMENT_BYTES);
	assert_true(stats.retention_failures > 0);
	assert_int_equal(stats.retention_error, -EISDIR);
	snprintf(command, sizeof(command),
		 "f='%s'/results/" FIRST_SEGMENT "; rmdir \"$f\"; mv '%s/aside' \"$f\"", path,
		 directory);
	assert_int_equal(system(command), 0);
	assert_int_equal(results_log_turn(maker.log, 1, UINT64_MAX / 4), 0);
	wait_for_segments(&maker, 3, &stats);
	results_maker_close(&maker);
	assert_int_equal(recover(path, &recovery), 0);
}

static unsigned int count_logged(const char *text)
{
	unsigned int count = 0;

	for (const char *at = logged; (at = strstr(at, text)); at++)
		count++;
	return count;
}

static void removal_that_fails_is_told(void **state)
{
	(void)state;
	catch_log(fail_to_remove);
	assert_int_equal(count_logged("old segments cannot be removed"), 1);
	assert_int_equal(count_logged("old segments can be removed again"), 1);
	/* Each that is gone, and why. */
	assert_int_equal(count_logged("removed an old segment"), 5);
	assert_int_equal(count_logged("segment=2 file=00000000000000000066.seg reason=size"), 1);
	assert_int_equal(count_logged("segment=1 file=" FIRST_SEGMENT " reason=\"removed before\""),
			 1);
}

static void fill_the_disk(void)
{
	struct fault fault = { URING_WRITE, -ENOSPC, 2, 0, { NULL } };
	struct results_maker maker;

	results_maker_open(&maker, path, &window, 1, SEGMENT_BYTES);
	results_maker_flush(&maker);
	uring_set_fault(maker.uring, inject, &fault);
	write_rows(&maker, 0, 10, 1);
	results_maker_close(&maker);
}

static void a_full_disk_is_told_and_its_end(void **state)
{
	(void)state;
	catch_log(fill_the_disk);
	assert_int_equal(count_logged("the disk is full"), 1);
	assert_int_equal(count_logged("the disk has room again"), 1);
}

static void options_are_checked(void **state)
{
	struct results_log_options options = { .segment_bytes = RESULTS_LOG_SEGMENT_MIN - 1 };
	struct results_log *log = NULL;
	struct store store;

	(void)state;
	assert_int_equal(store_open(&store, path), 0);
	options.store = &store;
	assert_int_equal(results_log_open(&log, &options, NULL), -EINVAL);
	assert_non_null(strstr(store.problem, "4194304"));
	assert_null(log);
	assert_int_equal(results_log_close(NULL), 0);
	store_close(&store);
}

#define LOG_TEST(name) cmocka_unit_test_setup_teardown(name, make, clean)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOG_TEST(round_trip_over_segments),
		LOG_TEST(names_are_kept),
		LOG_TEST(names_outlive_a_writer),
		LOG_TEST(schema_waits_for_rows),
		LOG_TEST(commit_interval_is_kept),
		LOG_TEST(buffers_are_bounded),
		LOG_TEST(torn_anywhere_is_cut),
		LOG_TEST(flipped_anywhere_is_cut_or_refused),
		LOG_TEST(damage_after_a_stop_is_refused),
		LOG_TEST(a_hole_is_no_end),
		LOG_TEST(missing_segments_are_refused),
		LOG_TEST(short_writes_are_finished),
		LOG_TEST(passing_errors_are_tried_again),
		LOG_TEST(no_space_waits_and_goes_on),
		LOG_TEST(a_failed_sync_is_final),
		LOG_TEST(no_space_at_sync_is_final),
		LOG_TEST(a_failed_write_is_final),
		LOG_TEST(durable_has_no_gaps),
		LOG_TEST(a_full_disk_holds_up_and_goes_on),
		LOG_TEST(a_file_size_limit_is_final),
		LOG_TEST(retention_by_size),
		LOG_TEST(retention_by_age),
		LOG_TEST(removal_that_fails_is_told),
		LOG_TEST(a_full_disk_is_told_and_its_end),
		LOG_TEST(options_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
