/* SPDX-License-Identifier: BSD-2-Clause */
/* Blocks: rows of one length, or of any length with a head of their own where windows have
 * extras. */
#include "core/record/block.h"

#include <errno.h>
#include <string.h>

#define inline_always static inline __attribute__((always_inline))

#define BLOCK_HEAD_BYTES (sizeof(struct sluice_disk_record) + sizeof(struct sluice_rows))
/* Room asked for a row with extras; longer ones get a block of their own. */
#define VARIABLE_ROW_BYTES 256u

/* What stands in for a chunk without rows. */
static const struct sluice_partial no_rows = { .min = INT64_MAX, .max = INT64_MIN };

/* Room for `bytes_min` to `bytes_max` of rows. */
static bool reserve(struct block *block, size_t bytes_min, size_t bytes_max)
{
	size_t room = 0;
	unsigned char *at = block->writer->reserve(block->writer->context,
						   BLOCK_HEAD_BYTES + bytes_min,
						   BLOCK_HEAD_BYTES + bytes_max, &room);

	if (!at)
		return false;
	block->record = (void *)at;
	block->rows = (void *)(at + sizeof(struct sluice_disk_record));
	block->end = at + BLOCK_HEAD_BYTES;
	block->limit = at + room;
	return true;
}

bool block_open(const struct row_writer *writer, const struct window *window, __u32 rows_max,
		struct block *block)
{
	size_t fixed = window->grouping->key_words * 8 + sizeof(struct sluice_partial);
	size_t each = fixed;

	if (window->extras.count)
		each += sizeof(struct sluice_row_head) + VARIABLE_ROW_BYTES;
	*block = (struct block){
		.writer = writer,
		.fixed_bytes = fixed,
		.rows_max = rows_max,
		.is_variable = window->extras.count > 0,
	};
	return reserve(block, each, each * rows_max);
}

void block_commit(struct block *block, __u16 kind)
{
	size_t bytes = (size_t)(block->end - (unsigned char *)block->record);

	block->rows->row_count = block->row_count;
	block->rows->row_bytes = block->is_variable ? 0 : (__u32)block->fixed_bytes;
	if (block->is_variable)
		block->rows->flags |= SLUICE_ROWS_VARIABLE;
	*block->record =
		(struct sluice_disk_record){ (__u32)bytes, kind, SLUICE_ROWS_VERSION };
	block->writer->commit(block->writer->context, bytes);
}

__u64 emission_position(const struct row_writer *writer)
{
	return writer->position ? writer->position(writer->context) : 0;
}

int emission_put_record(const struct row_writer *writer, __u16 kind,
			const struct sluice_emission *emission)
{
	const size_t bytes = sizeof(struct sluice_disk_record) + sizeof(*emission);
	struct sluice_disk_record *record;
	struct sluice_emission *body;
	size_t room;

	record = writer->reserve(writer->context, bytes, bytes, &room);
	if (!record)
		return -EAGAIN;
	body = (struct sluice_emission *)(record + 1);
	*record = (struct sluice_disk_record){ (__u32)bytes, kind, 1 };
	*body = *emission;
	body->last_lsn = emission_position(writer);
	writer->commit(writer->context, bytes);
	return 1;
}

/* Room for one row more. A row too long for the room of an empty block gets a longer one. */
static bool has_room(struct block *block, size_t bytes)
{
	if (block->row_count < block->rows_max && bytes <= (size_t)(block->limit - block->end))
		return true;
	if (block->row_count == 0) {
		struct sluice_rows head = *block->rows;

		block->is_full = !reserve(block, bytes, bytes);
		if (!block->is_full)
			*block->rows = head;
		return !block->is_full;
	}
	block->is_full = true;
	return false;
}

bool block_put_row(const struct window *window, struct block *block, const unsigned char *row,
		   const void *state)
{
	size_t bytes = block->fixed_bytes;

	if (block->is_variable)
		bytes += sizeof(struct sluice_row_head) +
			 (state ? extras_bytes(&window->extras, state) : 0);
	if (!has_room(block, bytes))
		return false;
	if (block->is_variable) {
		*(struct sluice_row_head *)block->end = (struct sluice_row_head){
			.bytes = (__u32)bytes,
			.revision = block->rows->revision,
			.start_ns = block->rows->start_ns,
			.end_ns = block->rows->end_ns,
			.order = block->rows->order,
		};
		block->end += sizeof(struct sluice_row_head);
		bytes -= sizeof(struct sluice_row_head);
	}
	memcpy(block->end, row, block->fixed_bytes);
	if (state)
		extras_write(&window->extras, state, block->end + block->fixed_bytes);
	block->end += bytes;
	block->row_count++;
	return true;
}

static void put_rows(const struct window *window, const struct chunk_view *view, __u32 first_id,
		     const __u64 *changed, bool all, __u32 *next_row, __u32 end_row,
		     struct block *block)
{
	const struct grouping *grouping = window->grouping;
	__u32 i;

	for (i = *next_row; i < end_row; i++) {
		const unsigned char *row = view->rows + (size_t)i * grouping->row_bytes;
		const void *state =
			view->states ? view->states + (size_t)i * window->extras.state_bytes : NULL;
		__u32 id = first_id + i;

		if (!all && !(changed[id / 64] >> (id % 64) & 1))
			continue;
		if (row_partial((unsigned char *)row, grouping->key_words)->records == 0)
			continue;
		if (!block_put_row(window, block, row, state))
			break;
	}
	*next_row = i;
}

/* All rows of one length, as fast as they can be copied. The block is open, and so has room for one
 * at least. */
inline_always void put_all(const struct window *window, const struct chunk_view *view,
			   __u32 first_id, __u32 *next_row, __u32 end_row, struct block *block,
			   const __u32 words)
{
	const size_t key_bytes = words * sizeof(__u64), row_bytes = PANE_ROW_BYTES(words);
	const size_t bytes = key_bytes + sizeof(struct sluice_partial);
	const __u64 *keys = groups_key(&window->grouping->groups, first_id);
	const struct sluice_partial *front = view->front ? view->front : &no_rows;
	const struct sluice_partial *back = view->back ? view->back : &no_rows;
	const bool steps_front = view->front != NULL, steps_back = view->back != NULL;
	unsigned char *end = block->end;
	__u32 left = block->rows_max - block->row_count, count = 0, i;

	if ((size_t)(block->limit - end) / bytes < left)
		left = (__u32)((size_t)(block->limit - end) / bytes);
	for (i = *next_row; i < end_row; i++) {
		const unsigned char *row;
		struct sluice_partial sum;

		if (view->rows) {
			row = view->rows + i * row_bytes;
			sum = *row_partial((unsigned char *)row, words);
		} else {
			sum = front[steps_front ? i : 0];
			partial_merge(&sum, &back[steps_back ? i : 0]);
			row = (const unsigned char *)(keys + i * GROUPS_ENTRY_WORDS(words));
		}
		if (sum.records == 0)
			continue;
		if (count == left)
			break;
		memcpy(end, row, key_bytes);
		memcpy(end + key_bytes, &sum, sizeof(sum));
		end += bytes;
		count++;
	}
	block->is_full = i < end_row;
	block->end = end;
	block->row_count += count;
	*next_row = i;
}

#define PUT_ALL(words)                                                                             \
	static void put_all_##words(const struct window *window, const struct chunk_view *view,    \
				    __u32 first_id, __u32 *next_row, __u32 end_row,                \
				    struct block *block)                                           \
	{                                                                                          \
		put_all(window, view, first_id, next_row, end_row, block, words);                  \
	}
PUT_ALL(1)
PUT_ALL(2)
PUT_ALL(3)
PUT_ALL(4)
PUT_ALL(5)

static void (*const put_all_by_words[])(const struct window *window, const struct chunk_view *view,
					__u32 first_id, __u32 *next_row, __u32 end_row,
					struct block *block) = {
	put_all_1, put_all_2, put_all_3, put_all_4, put_all_5,
};

__u32 block_put_rows(const struct window *window, const struct chunk_view *view, __u32 first_id,
		     const __u64 *changed, bool all, __u32 *next_row, __u32 end_row,
		     struct block *block)
{
	__u32 from = *next_row;

	if (all && !block->is_variable) {
		put_all_by_words[window->grouping->key_words - 1](window, view, first_id, next_row,
								  end_row, block);
	} else {
		put_rows(window, view, first_id, changed, all, next_row, end_row, block);
	}
	return *next_row - from;
}

bool chunk_view_open(const struct window *window, const struct pane *pane, __u32 place,
		     struct chunk_view *view)
{
	if (place >= pane->chunk_count || pane->chunk[place] == CHUNK_NONE)
		return false;
	*view = (struct chunk_view){ .rows = chunks_at(&window->grouping->chunks,
						       pane->chunk[place]) };
	if (pane->extra)
		view->states = chunks_at(&window->extra_chunks, pane->extra[place]);
	return true;
}
