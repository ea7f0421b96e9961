/* SPDX-License-Identifier: BSD-2-Clause */
/* What rows hold behind the base partial, read: written tails go in and add up, first, last and
 * sketches can be looked at, and the sum can be written again. One row at a time, in a bounded
 * pool that holds any row; a sketch that found no room is lost, as in the stream. */
#ifndef SLUICE_EDGE_ROW_TAIL_H
#define SLUICE_EDGE_ROW_TAIL_H

#include "core/aggregate/extras.h"

#define ROW_TAIL_STATE_BYTES (SLUICE_AGGREGATES_MAX * sizeof(struct sluice_point))

struct row_tail {
	struct extras extras; /* of the window in work */
	struct sketch_pool pool;
	void *memory; /* of the pool */
	__u32 aggregate_count;
	struct sluice_schema_aggregate aggregate[SLUICE_AGGREGATES_MAX]; /* what extras lay out */
	bool is_open; /* the state holds a row */
	bool is_absent; /* some row had no tail: nothing is known of the sum */
	__u8 *bytes; /* the written sum */
	size_t room;
	__u64 state[ROW_TAIL_STATE_BYTES / 8];
};

int row_tail_open(struct row_tail **tail); /* -ENOMEM */
void row_tail_close(struct row_tail *tail); /* takes NULL */

/* Forgets the last row; the next one is of this window. -EBADMSG for aggregates that no version
 * writes. */
int row_tail_begin(struct row_tail *tail, const struct sluice_schema_window *window);
/* Adds a written tail of the window; 0 bytes: the row has none, as the overflow group. -EBADMSG. */
int row_tail_add(struct row_tail *tail, const void *bytes, size_t length);

/* The sum as one tail, valid until the next row_tail_begin; none: 0 bytes. -ENOMEM. */
int row_tail_write(struct row_tail *tail, const __u8 **bytes, size_t *length);

/* The sluice_point or sketch of the window's aggregate; NULL when it is one that has none, or when
 * nothing is known. Sketches are in tail->pool. */
const void *row_tail_state(const struct row_tail *tail, unsigned int aggregate);
/* Whether an aggregate is told by the tail and not by the partial. */
bool row_tail_has(enum sluice_aggregate_kind kind);

#endif
