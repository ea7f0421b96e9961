/* SPDX-License-Identifier: BSD-2-Clause */
/* Blocks: rows of one length, or of any length with a head of their own where windows have
 * extras. */
#include "core/block.h"

#include <string.h>

#define BLOCK_HEAD_BYTES (sizeof(struct sluice_disk_record) + sizeof(struct sluice_rows))
/* Room asked for a row with extras; longer ones get a block of their own. */
#define VARIABLE_ROW_BYTES 256u

/* Room for at least `bytes_min` of rows. */
bool block_open(const struct row_writer *writer, const struct window *window,
		       __u32 rows_max, size_t bytes_min, struct block *block)
{
	size_t fixed = window->grouping->key_words * 8 + sizeof(struct sluice_partial);
	size_t wanted = fixed, room = 0;
	unsigned char *at;

	if (window->extras.count)
		wanted += sizeof(struct sluice_row_head) + VARIABLE_ROW_BYTES;
	bytes_min = bytes_min > wanted ? bytes_min : wanted;
	wanted = wanted * rows_max > bytes_min ? wanted * rows_max : bytes_min;
	at = writer->reserve(writer->context, BLOCK_HEAD_BYTES + bytes_min,
			     BLOCK_HEAD_BYTES + wanted, &room);
	if (!at)
		return false;
	*block = (struct block){ .record = (void *)at, .fixed_bytes = fixed };
	block->rows = (void *)(at + sizeof(struct sluice_disk_record));
	block->end = at + BLOCK_HEAD_BYTES;
	block->limit = at + room;
	block->rows_max = rows_max;
	block->is_variable = window->extras.count > 0;
	return true;
}

void block_commit(const struct row_writer *writer, struct block *block, __u16 kind)
{
	size_t bytes = (size_t)(block->end - (unsigned char *)block->record);

	block->rows->row_bytes = block->is_variable ? 0 : (__u32)block->fixed_bytes;
	if (block->is_variable)
		block->rows->flags |= SLUICE_ROWS_VARIABLE;
	*block->record = (struct sluice_disk_record){ (__u32)bytes, kind, 1 };
	writer->commit(writer->context, bytes);
}

/* Bytes that a row with this state takes; NULL: a row without extras. */
static size_t row_length(const struct window *window, const struct block *block, const void *state)
{
	if (!block->is_variable)
		return block->fixed_bytes;
	return sizeof(struct sluice_row_head) + block->fixed_bytes +
	       (state ? extras_bytes(&window->extras, state) : 0);
}

/* False: the block has no room for it. */
bool block_put_row(const struct window *window, struct block *block, const unsigned char *row,
		    const void *state)
{
	size_t bytes = row_length(window, block, state);

	if (block->rows->row_count == block->rows_max ||
	    bytes > (size_t)(block->limit - block->end))
		return false;
	if (block->is_variable) {
		*(struct sluice_row_head *)block->end = (struct sluice_row_head){
			.bytes = (__u32)bytes,
			.revision = block->rows->revision,
			.start_ns = block->rows->start_ns,
			.end_ns = block->rows->end_ns,
		};
		block->end += sizeof(struct sluice_row_head);
		bytes -= sizeof(struct sluice_row_head);
	}
	memcpy(block->end, row, block->fixed_bytes);
	if (state)
		extras_write(&window->extras, state, block->end + block->fixed_bytes);
	block->end += bytes;
	block->rows->row_count++;
	return true;
}

/* Copies due rows of one chunk into the block, from *next_row on. Returns the number looked at, and
 * in *bytes_wanted what the row at which it stopped needs when the block is too small for it. */
__u32 block_put_rows(const struct window *window, const struct chunk_view *view, __u32 first_id,
		      __u64 *changed, bool all, __u32 *next_row, struct block *block,
		      size_t *bytes_wanted)
{
	const struct grouping *grouping = window->grouping;
	__u32 from = *next_row, i;

	*bytes_wanted = 0;
	for (i = from; i < CHUNK_ROWS; i++) {
		const unsigned char *row = view->rows + (size_t)i * grouping->row_bytes;
		const void *state =
			view->states ? view->states + (size_t)i * window->extras.state_bytes : NULL;
		__u32 id = first_id + i;

		if (!all && changed[id / 64] == 0) {
			i |= 63;
			continue;
		}
		if (row_partial((unsigned char *)row, grouping->key_words)->records == 0 ||
		    (!all && !(changed[id / 64] >> (id % 64) & 1)))
			continue;
		if (!block_put_row(window, block, row, state)) {
			*bytes_wanted = row_length(window, block, state);
			break;
		}
		if (changed)
			changed[id / 64] &= ~(1ull << (id % 64));
	}
	*next_row = i < CHUNK_ROWS ? i : CHUNK_ROWS;
	return *next_row - from;
}

bool chunk_view_open(const struct window *window, const struct pane *pane, __u32 place,
		       struct chunk_view *view)
{
	if (place >= pane->chunk_count || pane->chunk[place] == CHUNK_NONE)
		return false;
	view->rows = chunks_at(&window->grouping->chunks, pane->chunk[place]);
	view->states = pane->extra ? chunks_at(&window->extra_chunks, pane->extra[place]) : NULL;
	return true;
}
