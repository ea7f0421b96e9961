/* SPDX-License-Identifier: BSD-2-Clause */
/* The buffers of the results log: a ring of batches, the youngest open for records, the older ones
 * closed and waiting for the disk or on their way. Rows come in by reserve and commit. No I/O. */
#ifndef SLUICE_EDGE_RESULTS_BATCHES_H
#define SLUICE_EDGE_RESULTS_BATCHES_H

#include "edge/results/results_log.h"

struct results_batch {
	struct sluice_batch *header; /* SLUICE_BATCH_BYTES_MAX bytes; records follow it */
	size_t bytes; /* used, header included */
	__u32 record_count;
	__u64 first_position;	/* of its first record, among all that came in */
	bool has_positions;	/* some record names others by theirs, or tells a gap */
	__u64 rows;
	__u64 opened_mono_ns; /* of its first record */
	/* On its way to the disk: */
	struct results_log *log;
	struct uring_request write, sync;
	int write_result;
	size_t disk_bytes; /* padded */
	size_t done_bytes; /* written by earlier, shorter writes */
	bool is_flying; /* the kernel has it */
	bool is_durable;
	unsigned int attempts;
	__u64 retry_mono_ns; /* not before */
	__u64 submitted_mono_ns;
};

struct results_batches {
	struct results_batch batch[RESULTS_LOG_BUFFERS];
	unsigned int first; /* oldest that is in use */
	unsigned int closed_count; /* from first on */
	unsigned int sent_count; /* of these, sealed and given to the disk */
	bool is_open; /* the one behind the closed ones */
	bool is_refusing; /* after a final error */
	size_t reserved_bytes;
	__u8 *memory;
	__u64 now_wall_ns, now_mono_ns; /* of the turn */
	__u64 records; /* since start */
	__u64 reserve_failures;
	struct row_writer writer;
};

/* -ENOMEM. Takes a zeroed object; close takes it in any state. */
int results_batches_open(struct results_batches *batches, struct results_log *log);
void results_batches_close(struct results_batches *batches);

/* Ends the open batch, if it holds anything. */
void results_batches_close_open(struct results_batches *batches);
/* The next closed batch that was not sent; NULL: none. Then say it was. */
struct results_batch *results_batches_next(struct results_batches *batches);
void results_batches_mark_sent(struct results_batches *batches);
/* The oldest batch is durable: its buffer is free again. */
void results_batches_release(struct results_batches *batches);

/* Monotonic time of the first record of the open batch; 0: nothing is in it. */
__u64 results_batches_opened_ns(const struct results_batches *batches);
/* Bytes of records not durable yet, and free buffers. */
__u64 results_batches_waiting_bytes(const struct results_batches *batches);
unsigned int results_batches_free(const struct results_batches *batches);

#endif
