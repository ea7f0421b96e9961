/* SPDX-License-Identifier: BSD-2-Clause */
#include "stream_bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define START (1700000000 * SECOND)
#define YEARS (200 * 365 * (86400 * SECOND))

struct stream_bed {
	struct window_spec window;
	struct sources *sources;
	__u32 workers;
	struct stream *stream[STREAM_BED_WORKERS_MAX];
	__u64 sequence;
	bool is_handing_over;
	__u32 row_count, row_room;
	struct stream_bed_row *row;
	__u32 loss_count;
	struct sluice_loss last_loss;
	_Alignas(8) unsigned char buffer[1 << 16];
};

struct stream_bed *stream_bed_open(const struct stream_bed_options *wanted)
{
	struct stream_bed *bed = calloc(1, sizeof(*bed));
	struct stream_options options = {
		.window_count = 1,
		.worker_count = wanted->workers ? wanted->workers : 1,
		.groups_max = wanted->groups_max ? wanted->groups_max : 64,
		.memory_bytes = 256 << 20,
		.hash_seed = 5,
		.max_ahead_ns = 10 * SECOND,
		.max_lag_ns = wanted->max_lag_ns,
	};
	const struct sources_options sources = { .sources_max = 1,
						 .worker_count = options.worker_count,
						 .listener_count = 1,
						 .max_lag_ns = wanted->max_lag_ns };

	assert_non_null(bed);
	bed->workers = options.worker_count;
	bed->window = wanted->window;
	bed->window.listener_mask = 1;
	bed->window.group_count = !wanted->is_ungrouped;
	bed->window.group_field[0] = SLUICE_FIELD_KEY;
	options.windows = &bed->window;
	assert_int_equal(sources_open(&bed->sources, &sources), 0);
	options.sources = bed->sources;
	for (; options.worker < bed->workers; options.worker++) {
		assert_int_equal(stream_open(&bed->stream[options.worker], &options), 0);
		stream_set_time(bed->stream[options.worker], START + YEARS, 1);
	}
	return bed;
}

void stream_bed_close(struct stream_bed *bed)
{
	for (__u32 i = 0; i < bed->workers; i++)
		stream_close(bed->stream[i]);
	sources_close(bed->sources);
	free(bed->row);
	free(bed);
}

struct stream *stream_bed_stream(struct stream_bed *bed, __u32 worker)
{
	return bed->stream[worker];
}

void stream_bed_send(struct stream_bed *bed, __u32 worker, __u64 key, __s64 time_ns)
{
	struct {
		struct sluice_record record;
		struct sluice_header header;
		unsigned char event[32];
	} datagram = {
		.record = { .payload_bytes = sizeof(struct sluice_header) + 32,
			    .prefix_bytes = SLUICE_PREFIX_SHORT,
			    .kept = 1 },
		.header = { .magic = SLUICE_MAGIC,
			    .version = SLUICE_VERSION,
			    .event_count = 1,
			    .event_size = 32,
			    .sequence = bed->sequence++,
			    .base_time_ns = (__u64)(START + time_ns) },
	};
	struct sluice_event event = { .key = key, .value = 1 };

	memcpy(datagram.event, &event, sizeof(datagram.event));
	stream_add(bed->stream[worker], &datagram.record, sizeof(datagram));
	stream_flush(bed->stream[worker]);
}

static void *reserve(void *context, size_t bytes_min, size_t bytes_max, size_t *bytes_room)
{
	struct stream_bed *bed = context;

	assert_true(bytes_min <= sizeof(bed->buffer));
	*bytes_room = bytes_max < sizeof(bed->buffer) ? bytes_max : sizeof(bed->buffer);
	return bed->buffer;
}

static void take_row(struct stream_bed *bed, const struct sluice_rows *head,
		     const unsigned char *row)
{
	struct sluice_partial partial;
	__u64 key;

	if (bed->row_count == bed->row_room) {
		bed->row_room = 2 * bed->row_room + 64;
		bed->row = realloc(bed->row, bed->row_room * sizeof(*bed->row));
		assert_non_null(bed->row);
	}
	memcpy(&key, row, sizeof(key));
	memcpy(&partial, row + sizeof(key), sizeof(partial));
	bed->row[bed->row_count++] = (struct stream_bed_row){
		.key = key,
		.start_ns = head->start_ns - START,
		.revision = head->revision,
		.records = partial.records,
		.flags = head->flags,
		.upstream = head->missing.upstream,
		.losses_before = bed->loss_count,
	};
}

static void take_loss(struct stream_bed *bed, const struct sluice_loss *loss)
{
	bed->loss_count++;
	bed->last_loss = *loss;
	bed->last_loss.from_ns -= START;
	bed->last_loss.to_ns -= START;
}

__u32 stream_bed_loss_count(const struct stream_bed *bed)
{
	return bed->loss_count;
}

const struct sluice_loss *stream_bed_last_loss(const struct stream_bed *bed)
{
	return &bed->last_loss;
}

void stream_bed_lose(struct stream_bed *bed, __s64 from_ns, __s64 to_ns, __s64 records)
{
	const struct loss loss = { .from_ns = START + from_ns,
				   .to_ns = START + to_ns,
				   .records = records,
				   .window_mask = 1,
				   .cause = LOSS_upstream };

	stream_add_losses(bed->stream[0], &loss, 1);
}

static void commit(void *context, size_t bytes)
{
	struct stream_bed *bed = context;
	const struct sluice_disk_record *record = (const struct sluice_disk_record *)bed->buffer;
	const struct sluice_rows *head = (const struct sluice_rows *)(record + 1);

	if (bed->is_handing_over)
		assert_int_equal(stream_import(bed->stream[0], record, bytes), 0);
	else if (record->kind == SLUICE_DISK_LOSS)
		take_loss(bed, (const struct sluice_loss *)(record + 1));
	else if (record->kind == SLUICE_DISK_ROWS)
		for (__u32 i = 0; i < head->row_count; i++)
			take_row(bed, head,
				 (const unsigned char *)(head + 1) + (size_t)i * head->row_bytes);
}

static struct row_writer writer_of(struct stream_bed *bed)
{
	return (struct row_writer){ .context = bed, .reserve = reserve, .commit = commit };
}

int stream_bed_emit(struct stream_bed *bed, __u32 rows_max)
{
	const struct row_writer writer = writer_of(bed);

	return stream_emit(bed->stream[0], &writer, rows_max);
}

void stream_bed_advance_only(struct stream_bed *bed, __s64 watermark_ns)
{
	const struct row_writer writer = writer_of(bed);
	__s64 at_ns = START + watermark_ns;

	for (__u32 i = 1; i < bed->workers; i++) {
		stream_advance(bed->stream[i], &at_ns);
		bed->is_handing_over = true;
		while (stream_export(bed->stream[i], &writer, 100) > 0)
			;
		bed->is_handing_over = false;
	}
	stream_advance(bed->stream[0], &at_ns);
}

void stream_bed_advance(struct stream_bed *bed, __s64 watermark_ns)
{
	stream_bed_advance_only(bed, watermark_ns);
	while (stream_bed_emit(bed, 512) > 0)
		;
}

const struct sluice_window_ledger *stream_bed_ledger(struct stream_bed *bed, __u32 worker)
{
	return stream_window_ledger(bed->stream[worker], 0);
}

__u32 stream_bed_row_count(const struct stream_bed *bed)
{
	return bed->row_count;
}

const struct stream_bed_row *stream_bed_row(const struct stream_bed *bed, __u32 i)
{
	assert_true(i < bed->row_count);
	return &bed->row[i];
}

__u64 stream_bed_records(const struct stream_bed *bed)
{
	__u64 records = 0;

	for (__u32 i = 0; i < bed->row_count; i++)
		records += bed->row[i].revision == 0 ? bed->row[i].records : 0;
	return records;
}
