/* SPDX-License-Identifier: BSD-2-Clause */
/* Segments read: whatever is changed in one, what comes out is a true prefix or a named fault. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "edge/log/segment.h"
#include "results_maker.h"

#define BATCHES 4
#define SEGMENT_BYTES (8 * SLUICE_DISK_ALIGN)
#define NAME "00000000000000000007.seg"
#define FIRST_LSN 7

static const __u8 store_id[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
static char directory[PATH_MAX];
static int directory_fd, file_fd;
static __u8 *file; /* the segment, mapped */

/* Batches of 1, 2, 3, 4 records of 16 bytes; the third needs two blocks. */
static size_t fill_batch(struct sluice_batch *batch, int number, __u64 lsn, __u64 offset,
			 __u32 chain)
{
	struct sluice_disk_record *record = (struct sluice_disk_record *)(batch + 1);
	__u32 bytes = number == 2 ? 2000 : 16;

	memset(batch, 0, sizeof(*batch));
	batch->magic = SLUICE_BATCH_MAGIC;
	batch->version = 1;
	batch->log_kind = SLUICE_LOG_RESULTS;
	batch->first_lsn = lsn;
	batch->file_offset = offset;
	batch->prev_chain = chain;
	for (int i = 0; i <= number; i++) {
		*record = (struct sluice_disk_record){ bytes, SLUICE_DISK_ROWS, 1 };
		memset(record + 1, 'a' + number, bytes - sizeof(*record));
		record = (struct sluice_disk_record *)((__u8 *)record + bytes);
		batch->record_count++;
		batch->payload_bytes += bytes;
	}
	batch->raw_bytes = batch->payload_bytes;
	segment_seal_batch(batch, store_id);
	return segment_batch_bytes(batch);
}

static void fill_file(void)
{
	struct sluice_segment *header = (struct sluice_segment *)file;
	__u64 offset = SLUICE_DISK_ALIGN, lsn = FIRST_LSN;
	__u32 chain = 99;

	memset(file, 0, SEGMENT_BYTES);
	*header = (struct sluice_segment){ .magic = SLUICE_SEGMENT_MAGIC,
					   .major = 1,
					   .number = 3,
					   .first_lsn = FIRST_LSN,
					   .segment_bytes = SEGMENT_BYTES,
					   .prev_chain = 99,
					   .log_kind = SLUICE_LOG_RESULTS };
	memcpy(header->store_id, store_id, 16);
	segment_seal_header(header);
	for (int i = 0; i < BATCHES; i++) {
		struct sluice_batch *batch = (struct sluice_batch *)(file + offset);

		offset += fill_batch(batch, i, lsn, offset, chain);
		lsn += batch->record_count;
		chain = segment_chain(batch);
	}
}

static int make(void **state)
{
	(void)state;
	results_maker_directory(directory);
	directory_fd = open(directory, O_RDONLY | O_DIRECTORY);
	file_fd = openat(directory_fd, NAME, O_RDWR | O_CREAT, 0600);
	assert_int_equal(ftruncate(file_fd, SEGMENT_BYTES), 0);
	file = mmap(NULL, SEGMENT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file_fd, 0);
	assert_ptr_not_equal(file, MAP_FAILED);
	fill_file();
	return 0;
}

static int clean(void **state)
{
	(void)state;
	munmap(file, SEGMENT_BYTES);
	close(file_fd);
	close(directory_fd);
	results_maker_remove(directory);
	return 0;
}

/* Reads all; returns how the reading ended and the batches before. */
static int read_all(struct segment_cursor *cursor, int *batches)
{
	const struct sluice_batch *batch;
	int got;

	*batches = 0;
	got = segment_open(cursor, directory_fd, NAME, store_id, SLUICE_LOG_RESULTS, false);
	if (got)
		return got;
	while ((got = segment_next(cursor, &batch)) == 1) {
		/* What is given out is what was written. */
		assert_int_equal(batch->record_count, *batches + 1);
		assert_int_equal(((const char *)(batch + 1))[8], 'a' + *batches);
		++*batches;
	}
	return got;
}

static void reads_what_was_written(void **state)
{
	struct segment_cursor cursor;
	int batches;

	(void)state;
	assert_int_equal(read_all(&cursor, &batches), 0);
	assert_int_equal(batches, BATCHES);
	assert_int_equal(cursor.next_lsn, FIRST_LSN + 1 + 2 + 3 + 4);
	assert_int_equal(cursor.offset, SLUICE_DISK_ALIGN * 6);
	assert_int_equal(segment_is_rest_zero(&cursor), 1);
	segment_close(&cursor);
	segment_close(&cursor);
	/* And past the page cache. */
	assert_int_equal(
		segment_open(&cursor, directory_fd, NAME, store_id, SLUICE_LOG_RESULTS, true), 0);
	segment_close(&cursor);
}

/* Which batches lie wholly before a byte of the file. */
static int batches_before(size_t byte)
{
	static const int ends[BATCHES] = { 2, 3, 5, 6 };
	int count = 0;

	while (count < BATCHES && byte >= (size_t)ends[count] * SLUICE_DISK_ALIGN)
		count++;
	return count;
}

static void every_flipped_byte_is_seen(void **state)
{
	(void)state;
	for (size_t i = 0; i < SEGMENT_BYTES; i++) {
		struct segment_cursor cursor;
		int batches, got;

		file[i] ^= (__u8)(1 << i % 8);
		got = read_all(&cursor, &batches);
		if (i < SLUICE_DISK_ALIGN) {
			assert_int_equal(batches, 0);
			assert_int_not_equal(got, 0);
		} else if (i < 6 * SLUICE_DISK_ALIGN) {
			assert_int_equal(got, -EBADMSG);
			assert_int_equal(batches, batches_before(i));
			assert_int_not_equal(cursor.fault, SEGMENT_FAULT_NONE);
		} else {
			assert_int_equal(batches, BATCHES);
			assert_true(got < 0 || segment_is_rest_zero(&cursor) == 0);
		}
		segment_close(&cursor);
		file[i] ^= (__u8)(1 << i % 8);
	}
}

/* The same where zeros begin: what they replace in the padding was zero before. */
static int batches_whole(size_t cut)
{
	static const size_t ends[BATCHES] = { 4096 + 128 + 16, 2 * 4096 + 128 + 32,
					      3 * 4096 + 128 + 6000, 5 * 4096 + 128 + 64 };
	int count = 0;

	while (count < BATCHES && cut >= ends[count])
		count++;
	return count;
}

static void torn_anywhere_is_a_prefix(void **state)
{
	(void)state;
	for (size_t cut = SLUICE_DISK_ALIGN; cut <= 6 * SLUICE_DISK_ALIGN; cut += 512) {
		struct segment_cursor cursor;
		int batches, got;

		memset(file + cut, 0, SEGMENT_BYTES - cut);
		got = read_all(&cursor, &batches);
		assert_int_equal(batches, batches_whole(cut));
		assert_true(got == 0 || got == -EBADMSG);
		assert_int_equal(segment_count_behind(&cursor, 2), 0);
		segment_close(&cursor);
		fill_file();
	}
}

static void truncated_file(void **state)
{
	(void)state;
	for (off_t bytes = 0; bytes < 6 * SLUICE_DISK_ALIGN; bytes += 1000) {
		struct segment_cursor cursor;
		int batches, got;

		assert_int_equal(ftruncate(file_fd, bytes), 0);
		got = read_all(&cursor, &batches);
		assert_int_equal(got, -EBADMSG);
		assert_int_equal(cursor.fault, SEGMENT_FAULT_SHORT);
		assert_int_equal(batches, batches_before((size_t)bytes));
		segment_close(&cursor);
		assert_int_equal(ftruncate(file_fd, SEGMENT_BYTES), 0);
		fill_file();
	}
}

/* Sound batches in a wrong place, of another order or store never pass for right ones. */
static void expect_fault(enum segment_fault fault, int batches_expected)
{
	struct segment_cursor cursor;
	int batches, got = read_all(&cursor, &batches);

	assert_int_equal(got, fault == SEGMENT_FAULT_VERSION && batches_expected < 0
				      ? -EPROTONOSUPPORT
				      : -EBADMSG);
	assert_int_equal(cursor.fault, fault);
	assert_int_equal(batches, batches_expected < 0 ? 0 : batches_expected);
	segment_close(&cursor);
	fill_file();
}

static struct sluice_batch *batch_at(size_t block)
{
	return (struct sluice_batch *)(file + block * SLUICE_DISK_ALIGN);
}

static void misplaced_and_foreign(void **state)
{
	static const __u8 other_id[16] = { 42 };
	struct sluice_segment *header = (struct sluice_segment *)file;

	(void)state;
	/* The bytes of the first batch, written again where the second belongs. */
	memcpy(batch_at(2), batch_at(1), SLUICE_DISK_ALIGN);
	expect_fault(SEGMENT_FAULT_HEADER_CRC, 1);
	/* Of another store. */
	segment_seal_batch(batch_at(2), other_id);
	expect_fault(SEGMENT_FAULT_HEADER_CRC, 1);
	memcpy(header->store_id, other_id, 16);
	segment_seal_header(header);
	expect_fault(SEGMENT_FAULT_STORE, 0);
	/* Right seeds, but it says another place. */
	batch_at(2)->file_offset = SLUICE_DISK_ALIGN;
	segment_seal_batch(batch_at(2), store_id);
	expect_fault(SEGMENT_FAULT_HEADER_CRC, 1);
}

static void reseal(size_t block)
{
	segment_seal_batch(batch_at(block), store_id);
}

static void order_is_checked(void **state)
{
	(void)state;
	batch_at(2)->prev_chain ^= 1;
	reseal(2);
	expect_fault(SEGMENT_FAULT_CHAIN, 1);
	batch_at(2)->first_lsn++;
	reseal(2);
	expect_fault(SEGMENT_FAULT_LSN, 1);
	/* A batch rewritten with other content breaks the chain behind it. */
	memset((__u8 *)(batch_at(2) + 1) + 8, 'z', 8);
	reseal(2);
	{
		struct segment_cursor cursor;
		const struct sluice_batch *batch;

		assert_int_equal(segment_open(&cursor, directory_fd, NAME, store_id,
					      SLUICE_LOG_RESULTS, false),
				 0);
		assert_int_equal(segment_next(&cursor, &batch), 1);
		assert_int_equal(segment_next(&cursor, &batch), 1);
		assert_int_equal(segment_next(&cursor, &batch), -EBADMSG);
		assert_int_equal(cursor.fault, SEGMENT_FAULT_CHAIN);
		segment_close(&cursor);
	}
}

static void contradictions_are_named(void **state)
{
	struct sluice_disk_record *record;

	(void)state;
	batch_at(2)->version = 2;
	reseal(2);
	expect_fault(SEGMENT_FAULT_VERSION, 1);
	batch_at(2)->compression = 1;
	reseal(2);
	expect_fault(SEGMENT_FAULT_VERSION, 1);
	batch_at(2)->log_kind = SLUICE_LOG_EVENTS;
	reseal(2);
	expect_fault(SEGMENT_FAULT_KIND, 1);
	batch_at(2)->record_count = 0;
	reseal(2);
	expect_fault(SEGMENT_FAULT_LENGTH, 1);
	batch_at(2)->raw_bytes++;
	reseal(2);
	expect_fault(SEGMENT_FAULT_LENGTH, 1);
	batch_at(2)->zero[31] = 1;
	reseal(2);
	expect_fault(SEGMENT_FAULT_LENGTH, 1);
	batch_at(2)->record_count++;
	reseal(2);
	expect_fault(SEGMENT_FAULT_RECORDS, 1);
	record = (struct sluice_disk_record *)(batch_at(2) + 1);
	record->bytes = 0;
	reseal(2);
	expect_fault(SEGMENT_FAULT_RECORDS, 1);
	record = (struct sluice_disk_record *)(batch_at(2) + 1);
	record->bytes = 12;
	reseal(2);
	expect_fault(SEGMENT_FAULT_RECORDS, 1);
	/* "Zero length, checksum right" is no batch. */
	batch_at(2)->payload_bytes = batch_at(2)->raw_bytes = 0;
	reseal(2);
	expect_fault(SEGMENT_FAULT_LENGTH, 1);
	((struct sluice_segment *)file)->incompat = 1;
	segment_seal_header((struct sluice_segment *)file);
	expect_fault(SEGMENT_FAULT_VERSION, -1);
	((struct sluice_segment *)file)->major = 2;
	segment_seal_header((struct sluice_segment *)file);
	expect_fault(SEGMENT_FAULT_VERSION, -1);
}

/* What stands behind a hole is not given out; two of them prove that the hole was durable once. */
static void batches_behind_a_hole(void **state)
{
	struct segment_cursor cursor;
	int batches;

	(void)state;
	memset(batch_at(3), 0, 2 * SLUICE_DISK_ALIGN);
	assert_int_equal(read_all(&cursor, &batches), 0);
	assert_int_equal(batches, 2);
	assert_int_equal(segment_count_behind(&cursor, 2), 1);
	segment_close(&cursor);
	memset(batch_at(2), 0xee, 100);
	fill_file();
	batch_at(2)->payload_crc ^= 4;
	assert_int_equal(read_all(&cursor, &batches), -EBADMSG);
	assert_int_equal(batches, 1);
	assert_int_equal(segment_count_behind(&cursor, 2), 2);
	assert_int_equal(segment_count_behind(&cursor, 100), 2);
	segment_close(&cursor);
}

static void names(void **state)
{
	char name[SEGMENT_NAME_MAX];
	__u64 lsn = 5;

	(void)state;
	segment_format_name(name, UINT64_MAX);
	assert_string_equal(name, "18446744073709551615.seg");
	assert_true(segment_parse_name(name, &lsn));
	assert_true(lsn == UINT64_MAX);
	assert_false(segment_parse_name("00000000000000000000.seg", &lsn));
	assert_false(segment_parse_name("1.seg", &lsn));
	assert_false(segment_parse_name("next.tmp", &lsn));
	assert_false(segment_parse_name("0000000000000000000x.seg", &lsn));
	assert_false(segment_parse_name("00000000000000000001.seG", &lsn));
	assert_false(segment_parse_name("99999999999999999999.seg", &lsn));
}

#define SEGMENT_TEST(name) cmocka_unit_test_setup_teardown(name, make, clean)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SEGMENT_TEST(reads_what_was_written),
		SEGMENT_TEST(every_flipped_byte_is_seen),
		SEGMENT_TEST(torn_anywhere_is_a_prefix),
		SEGMENT_TEST(truncated_file),
		SEGMENT_TEST(misplaced_and_foreign),
		SEGMENT_TEST(order_is_checked),
		SEGMENT_TEST(contradictions_are_named),
		SEGMENT_TEST(batches_behind_a_hole),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
