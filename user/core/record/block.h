/* SPDX-License-Identifier: BSD-2-Clause */
/* A record of rows being filled in the room of a row_writer, and a chunk of rows to fill it from:
 * what emission and hand-over have in common. */
#ifndef SLUICE_CORE_BLOCK_H
#define SLUICE_CORE_BLOCK_H

#include "core/stream/stream_state.h"

/* A record being filled: rows of one length, or of any length with a head of their own. */
struct block {
	const struct row_writer *writer;
	struct sluice_disk_record *record;
	struct sluice_rows *rows;
	unsigned char *end;
	unsigned char *limit;
	size_t fixed_bytes;	/* key words and partial */
	__u32 rows_max;
	__u32 row_count;
	bool is_variable;
	bool is_full;		/* a row found no room; without rows: the writer has none
				 * now, and took its room back */
};

/* The rows of one chunk, and their extras' states, or NULL. Or, where `rows` is NULL, the partials
 * to merge into rows; either may be NULL. */
struct chunk_view {
	const unsigned char *rows;
	const unsigned char *states;
	const struct sluice_partial *front;
	const struct sluice_partial *back;
};

/* Room for rows, at most `rows_max`. False: no room now. */
bool block_open(const struct row_writer *writer, const struct window *window, __u32 rows_max,
		struct block *block);
void block_commit(struct block *block, __u16 kind);
/* Number of the log's next record; 0 where the writer has none. */
__u64 emission_position(const struct row_writer *writer);
/* A complete or final record; its last position is this one. 1, or -EAGAIN: no room. */
int emission_put_record(const struct row_writer *writer, __u16 kind,
			const struct sluice_emission *emission);
/* A row with the state of its extras, or NULL. False: no room for it; the block is full. */
bool block_put_row(const struct window *window, struct block *block, const unsigned char *row,
		   const void *state);
/* Copies due rows of one chunk into the block, from *next_row up to `end_row`: those marked in
 * `changed`, or `all`. Returns the number looked at. */
__u32 block_put_rows(const struct window *window, const struct chunk_view *view, __u32 first_id,
		     const __u64 *changed, bool all, __u32 *next_row, __u32 end_row,
		     struct block *block);
/* The chunk of a pane at this place. False: there is none. */
bool chunk_view_open(const struct window *window, const struct pane *pane, __u32 place,
		     struct chunk_view *view);

#endif
