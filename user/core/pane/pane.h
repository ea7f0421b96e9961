/* SPDX-License-Identifier: BSD-2-Clause */
/* The smallest slice of time kept apart, as one column of rows indexed by group id; opened and
 * freed as a unit. And the windows in time that are made of panes.
 *
 * A row is key words, then sluice_partial: the bytes that go to disk. All zeros: no such row. */
#ifndef SLUICE_CORE_PANE_H
#define SLUICE_CORE_PANE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/memory/chunks.h"
#include "core/group/groups.h"
#include "core/aggregate/partial.h"
#include "core/decode/share.h"

/* Distance of rows: one cache line, or one and a half when three to five key words do not fit. */
#define PANE_ROW_BYTES(key_words) ((key_words) <= 2 ? 64u : 96u)
_Static_assert(2 * sizeof(__u64) + sizeof(struct sluice_partial) == 64,
	       "two key words fill a line");
_Static_assert(SLUICE_KEY_WORDS_MAX * sizeof(__u64) + sizeof(struct sluice_partial) <= 96,
	       "five key words fit one and a half lines");

struct pane {
	__s64 start_ns;
	__s64 number;		/* start = offset + number × pane_ns */
	__u32 stamp;		/* of the groups that it has (presence.h) */
	__u32 table;		/* number of the two tables that follow */
	__u32 *chunk;		/* by id >> CHUNK_ROWS_SHIFT; CHUNK_NONE: no rows there */
	__u32 *extra;		/* … of the rows' extras, in step; NULL where none are asked for */
	__u32 chunk_count;	/* entries that may be set */
	__u32 rows;
	bool is_behind;		/* the watermark has passed the end of a window over it */
	bool is_leaving;	/* waits to be given away or freed; may still take events */
	__u32 next_chunk;	/* where giving it away goes on */
	__u32 next_row;
	__u64 events;		/* taken in, overflow included */
	/* what came late (revisions.c) */
	__u32 *stamps;		/* chunk numbers, as `chunk`; NULL without revisions */
	bool has_marks;		/* since the last tick */
	__u64 newest_stamp;	/* of all that follow, and those of the rows */
	__u64 whole_stamp;	/* of all rows, for want of memory */
	__u64 overflow_stamp;
	struct sluice_partial overflow;
};

enum instance_state {
	INSTANCE_OPEN,		/* the watermark has not passed its end */
	INSTANCE_CLOSED,	/* … it has; late events are taken in, and make revisions */
	INSTANCE_LEAVING,	/* takes nothing more: its next emission is its last */
	INSTANCE_FINISHING,	/* as leaving, but the agent stops: not final */
};

/* One window in time, [start, start + size): what is emitted. It covers one pane when the window
 * tumbles, several when it slides. */
struct instance {
	__s64 start_ns;
	__s64 number;		/* start = offset + number × slide */
	__u64 left_at;		/* number of the advance that made it leave */
	__u8 state;		/* enum instance_state */
	bool is_waiting;	/* in the queue of emissions */
	bool is_empty;		/* shown for what was lost of it: no pane was opened yet */
	bool is_running;	/* its emission has begun; what it gives is fixed below */
	bool run_all;		/* … every row, not only the changed ones */
	bool run_early;
	bool run_last;
	bool run_frees;
	bool run_final;
	bool run_completed;	/* its record `complete` is written */
	bool run_is_told;	/* that it has no rows, but misses some, is written */
	bool wants_early;
	bool has_changed;	/* since the last emission began, as the last tick found */
	bool is_finding;	/* the rows that are due, before any is given */
	__s64 next_pane;	/* where that goes on */
	__u64 due_after;	/* the stamp of the emission before the running one */
	__u64 emitted_at;	/* … of the last one */
	bool overflow_has_changed;
	__s32 revision;		/* of the last emission; −1: none yet */
	__u32 early_count;	/* early emissions so far */
	__u64 first_position;	/* in the log, of its first emission */
	__u64 run_position;	/* … of the running one */
	__u32 next_chunk;	/* where the running emission goes on */
	__u32 next_row;
	__u32 run_chunks;	/* of its panes */
	__u64 run_rows;		/* rows it gave */
	__u64 run_aggregated;	/* events in its panes */
	struct sluice_missing run_missing;
	struct share run_share;
};

static inline struct sluice_partial *row_partial(unsigned char *row, __u32 key_words)
{
	return (struct sluice_partial *)(row + key_words * sizeof(__u64));
}

/* A row that was none becomes that of this key, without events yet. */
static inline void pane_begin_row(struct pane *pane, unsigned char *row, const __u64 *key,
				  __u32 key_words)
{
	for (__u32 w = 0; w < key_words; w++)
		((__u64 *)row)[w] = key[w];
	partial_open(row_partial(row, key_words));
	pane->rows++;
}

static inline unsigned char *pane_row(const struct pane *pane, const struct chunks *chunks,
				      size_t row_bytes, __u32 id)
{
	__u32 chunk = pane->chunk[id >> CHUNK_ROWS_SHIFT];

	return chunk == CHUNK_NONE
		       ? NULL
		       : chunks_at(chunks, chunk) + (id & (CHUNK_ROWS - 1)) * row_bytes;
}

#endif
