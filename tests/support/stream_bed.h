/* SPDX-License-Identifier: BSD-2-Clause */
/* Streams of one window that groups by key, and what they emit: for tests of a window's bounds.
 * Times are relative to a day in 2023. */
#ifndef TESTS_CORE_STREAM_BED_H
#define TESTS_CORE_STREAM_BED_H

#include "core/stream/stream.h"

#define SECOND 1000000000ll
#define STREAM_BED_WORKERS_MAX 4u

struct stream_bed_options {
	struct window_spec window;
	__u32 workers;		/* 0 is 1 */
	__u32 groups_max;	/* 0 is 64 */
	__s64 max_lag_ns;
	bool is_ungrouped;
};

/* A row as it was emitted. */
struct stream_bed_row {
	__u64 key;
	__s64 start_ns;
	__s32 revision;
	__u64 records;
	__u16 flags;
	__u64 upstream;		/* what its record says to be missing */
	__u32 losses_before;	/* loss records that were written before it */
};

struct stream_bed;

struct stream_bed *stream_bed_open(const struct stream_bed_options *options);
void stream_bed_close(struct stream_bed *bed);
struct stream *stream_bed_stream(struct stream_bed *bed, __u32 worker);

/* One event of a key, at a worker. */
void stream_bed_send(struct stream_bed *bed, __u32 worker, __u64 key, __s64 time_ns);
/* A tick: all workers hand over, all get the watermark, and everything is emitted. */
void stream_bed_advance(struct stream_bed *bed, __s64 watermark_ns);
/* … but emission is left to stream_bed_emit(), a slice of `rows_max`; returns what stream_emit()
 * does. */
void stream_bed_advance_only(struct stream_bed *bed, __s64 watermark_ns);
int stream_bed_emit(struct stream_bed *bed, __u32 rows_max);

const struct sluice_window_ledger *stream_bed_ledger(struct stream_bed *bed, __u32 worker);

/* What was emitted so far: rows in order, and records of all first revisions. */
__u32 stream_bed_row_count(const struct stream_bed *bed);
/* Loss records, times relative as those of rows; the last one. */
__u32 stream_bed_loss_count(const struct stream_bed *bed);
const struct sluice_loss *stream_bed_last_loss(const struct stream_bed *bed);
/* Worker 0 hears of an upstream loss of all windows. */
void stream_bed_lose(struct stream_bed *bed, __s64 from_ns, __s64 to_ns, __s64 records);
const struct stream_bed_row *stream_bed_row(const struct stream_bed *bed, __u32 i);
__u64 stream_bed_records(const struct stream_bed *bed);

#endif
