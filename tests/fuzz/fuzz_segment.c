/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a segment of the results log. The first byte chooses: payloads of batches that are
 * sealed as a writer would (so that records are reached), or a raw image, its checksums made right
 * or not. What is read keeps the promises of segment.h, schema.h, rows.h and row_set.h. */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rows/late_set.h"
#include "rows/names.h"
#include "rows/row_set.h"
#include "edge/log/segment.h"

#define IMAGE_BYTES (64 * SLUICE_DISK_ALIGN)
#define NAME "00000000000000000001.seg"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const __u8 store_id[16] = "sluice-fuzzing!";
static _Alignas(8) __u8 image[IMAGE_BYTES];
static int directory_fd = -1, file_fd;

static char path[] = "/tmp/sluice-fuzz-XXXXXX";

static void remove_file(void)
{
	unlinkat(directory_fd, NAME, 0);
	rmdir(path);
}

/* One file, written again and again, gone when the program ends. */
static void open_file(void)
{
	if (directory_fd >= 0)
		return;
	assert(mkdtemp(path));
	directory_fd = open(path, O_RDONLY | O_DIRECTORY);
	file_fd = openat(directory_fd, NAME, O_RDWR | O_CREAT, 0600);
	assert(directory_fd >= 0 && file_fd >= 0);
	atexit(remove_file);
}

static void put_header(void)
{
	struct sluice_segment *header = (struct sluice_segment *)image;

	*header = (struct sluice_segment){ .magic = SLUICE_SEGMENT_MAGIC,
					   .major = 1,
					   .number = 1,
					   .first_lsn = 1,
					   .segment_bytes = IMAGE_BYTES,
					   .log_kind = SLUICE_LOG_RESULTS };
	memcpy(header->store_id, store_id, sizeof(header->store_id));
	segment_seal_header(header);
}

static __u32 count_records(const struct sluice_batch *batch)
{
	const __u8 *at = (const __u8 *)(batch + 1);
	size_t left = batch->payload_bytes;
	__u32 count = 0;

	while (left >= sizeof(struct sluice_disk_record)) {
		__u32 record = ((const struct sluice_disk_record *)at)->bytes;

		if (record < sizeof(struct sluice_disk_record) || record > left || record % 8)
			break;
		at += record;
		left -= record;
		count++;
	}
	return count;
}

/* u16 length, payload; again. */
static void put_payloads(const uint8_t *data, size_t bytes)
{
	size_t offset = SLUICE_DISK_ALIGN;
	__u64 lsn = 1;
	__u32 chain = 0;

	put_header();
	while (bytes > 2) {
		struct sluice_batch *batch = (struct sluice_batch *)(image + offset);
		size_t length = (size_t)data[0] | (size_t)data[1] << 8;

		length = (length < bytes - 2 ? length : bytes - 2) & ~(size_t)7;
		if (offset + sizeof(*batch) + length + SLUICE_DISK_ALIGN > IMAGE_BYTES ||
		    length == 0)
			return;
		*batch = (struct sluice_batch){ .magic = SLUICE_BATCH_MAGIC,
						.version = 1,
						.log_kind = SLUICE_LOG_RESULTS,
						.first_lsn = lsn,
						.payload_bytes = (__u32)length,
						.raw_bytes = (__u32)length,
						.file_offset = offset,
						.prev_chain = chain };
		memcpy(batch + 1, data + 2, length);
		batch->record_count = count_records(batch);
		segment_seal_batch(batch, store_id);
		chain = segment_chain(batch);
		lsn += batch->record_count;
		offset += segment_batch_bytes(batch);
		data += 2 + length;
		bytes -= 2 + length;
	}
}

static void fix_checksums(void)
{
	struct sluice_segment *header = (struct sluice_segment *)image;

	memcpy(header->store_id, store_id, sizeof(header->store_id));
	segment_seal_header(header);
	for (size_t offset = SLUICE_DISK_ALIGN; offset < IMAGE_BYTES; offset += SLUICE_DISK_ALIGN) {
		struct sluice_batch *batch = (struct sluice_batch *)(image + offset);

		if (batch->magic == SLUICE_BATCH_MAGIC && batch->file_offset == offset &&
		    batch->payload_bytes <= IMAGE_BYTES - offset - sizeof(*batch))
			segment_seal_batch(batch, store_id);
	}
}

static int check_order(void *context, const struct row_result *row)
{
	__s64 *last_ns = context;

	assert(row->start_ns >= *last_ns && (row->merged_count == 0) == row->is_absent);
	*last_ns = row->start_ns;
	return 0;
}

static int check_late_order(void *context, const struct late_result *late)
{
	__s64 *last_ns = context;

	assert(late->event.time_ns >= *last_ns);
	*last_ns = late->event.time_ns;
	return 0;
}

static void take_record(struct schema *schema, struct row_set *rows, struct late_set *late,
			struct names *names, const struct sluice_disk_record *record,
			__u64 lsn)
{
	assert(record->bytes >= sizeof(*record) && record->bytes % 8 == 0);
	if (schema_read(schema, record) == 0)
		assert(row_set_use_schema(rows, schema) == 0 &&
		       late_set_use_schema(late, schema) == 0);
	else if (record->kind == SLUICE_DISK_NAMES)
		names_add(names, record);
	else if (record->kind == SLUICE_DISK_LATE)
		late_set_add(late, record);
	else
		row_set_add(rows, record, lsn);
}

static void read_segment(struct schema *schema, struct row_set *rows, struct late_set *late,
			 struct names *names)
{
	struct segment_cursor cursor;
	const struct sluice_batch *batch;
	__u64 lsn, offset;
	int got;

	if (segment_open(&cursor, directory_fd, NAME, store_id, SLUICE_LOG_RESULTS, false))
		return;
	lsn = cursor.next_lsn;
	offset = cursor.offset;
	while ((got = segment_next(&cursor, &batch)) == 1) {
		const struct sluice_disk_record *record = NULL;
		__u32 count = 0;

		assert(batch->first_lsn == lsn && cursor.offset > offset);
		while ((record = segment_next_record(batch, record))) {
			take_record(schema, rows, late, names, record, lsn + count);
			count++;
		}
		assert(count == batch->record_count);
		lsn += count;
		offset = cursor.offset;
	}
	assert((got < 0) == (cursor.fault != SEGMENT_FAULT_NONE));
	if (got < 0)
		assert(segment_count_behind(&cursor, 3) <= 3);
	else
		segment_is_rest_zero(&cursor);
	segment_close(&cursor);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	const struct row_set_options options = { .window = "w",
						 .since_ns = INT64_MIN,
						 .until_ns = INT64_MAX };
	const struct late_set_options late_options = { "w", INT64_MIN, INT64_MAX };
	struct schema *schema = calloc(1, sizeof(*schema));
	struct late_set *late = NULL;
	struct row_set *rows;
	struct names *names;
	__s64 last_ns = INT64_MIN, last_late_ns = INT64_MIN;

	open_file();
	memset(image, 0, sizeof(image));
	if (bytes == 0 || row_set_open(&rows, &options) || names_open(&names) ||
	    late_set_open(&late, &late_options)) {
		free(schema);
		return 0;
	}
	if (data[0] % 3 == 0) {
		put_payloads(data + 1, bytes - 1);
	} else {
		memcpy(image, data + 1, bytes - 1 < IMAGE_BYTES ? bytes - 1 : IMAGE_BYTES);
		if (data[0] % 3 == 1)
			fix_checksums();
	}
	assert(pwrite(file_fd, image, IMAGE_BYTES, 0) == IMAGE_BYTES);
	read_segment(schema, rows, late, names);
	row_set_emit(rows, data[0] / 64 % 3, check_order, &last_ns);
	late_set_emit(late, check_late_order, &last_late_ns);
	late_set_close(late);
	row_set_close(rows);
	names_close(names);
	free(schema);
	return 0;
}
