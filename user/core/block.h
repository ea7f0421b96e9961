/* SPDX-License-Identifier: BSD-2-Clause */
/* A record of rows being filled in the room of a row_writer, and a chunk of rows to fill it from:
 * what emission and hand-over have in common. */
#ifndef SLUICE_CORE_BLOCK_H
#define SLUICE_CORE_BLOCK_H

#include "core/stream_state.h"

/* A record being filled: rows of one length, or of any length with a head of their own. */
struct block {
	struct sluice_disk_record *record;
	struct sluice_rows *rows;
	unsigned char *end;
	unsigned char *limit;
	size_t fixed_bytes;	/* key words and partial */
	__u32 rows_max;
	bool is_variable;
};

/* The rows of one chunk, and their extras' states, or NULL. */
struct chunk_view {
	const unsigned char *rows;
	const unsigned char *states;
};

/* Room for rows, at most `rows_max`, and for at least `bytes_min` bytes of them. False: no room
 * now. */
bool block_open(const struct row_writer *writer, const struct window *window, __u32 rows_max,
		size_t bytes_min, struct block *block);
void block_commit(const struct row_writer *writer, struct block *block, __u16 kind);
/* A row with the state of its extras, or NULL. False: the block has no room for it. */
bool block_put_row(const struct window *window, struct block *block, const unsigned char *row,
		   const void *state);
/* Copies due rows of one chunk into the block, from *next_row on. Returns the number looked at, and
 * in *bytes_wanted what the row at which it stopped needs when the block is too small for it. */
__u32 block_put_rows(const struct window *window, const struct chunk_view *view, __u32 first_id,
		     __u64 *changed, bool all, __u32 *next_row, struct block *block,
		     size_t *bytes_wanted);
/* The chunk of a pane at this place. False: there is none. */
bool chunk_view_open(const struct window *window, const struct pane *pane, __u32 place,
		     struct chunk_view *view);

#endif
