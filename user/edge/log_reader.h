/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads a whole results log in order, batch by batch, an agent appending to it or not. Takes no
 * lock and changes nothing. A tail that is torn or still being written is the end; damage before it
 * is an error that says where. */
#ifndef SLUICE_EDGE_LOG_READER_H
#define SLUICE_EDGE_LOG_READER_H

#include "edge/segment.h"
#include "edge/segment_keeper.h"
#include "edge/store.h"

struct log_reader {
	struct store *store; /* opened by store_open_reader (or store_open) */
	struct segment_entry *entries; /* the segments when it was opened, by number */
	size_t entry_count;
	size_t next_entry;
	struct segment_cursor cursor; /* where the last batch was */
	bool has_expectation; /* next_lsn and chain below are known */
	__u64 next_lsn;
	__u32 chain;
	enum segment_fault tail_fault; /* at the end: why reading ended there; NONE: zeros */
	bool is_thorough; /* also what follows the last batch of a segment must be zeros */
};

/* -EBADMSG when a segment is missing or a header is damaged, or other -errno; store->problem says
 * more. A log without segments is fine. */
int log_reader_open(struct log_reader *reader, struct store *store);
/* Takes a reader in any state after log_reader_open was called. */
void log_reader_close(struct log_reader *reader);

/* After an error of log_reader_next: goes on with the segment behind. */
void log_reader_skip(struct log_reader *reader);

/* 1 with the next batch (valid until the next call), 0 at the end, -EBADMSG or other -errno with
 * store->problem. */
int log_reader_next(struct log_reader *reader, const struct sluice_batch **batch);

#endif
