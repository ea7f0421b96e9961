/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of panes: their chunks taken, rows opened, and freed again with what they leave in the
 * dictionary of groups. The common cases are in the hot path. */
#include <assert.h>
#include <string.h>

#include "core/stream/stream_state.h"

/* What emission remembers is no reason to turn a group away. */
static __u32 take_row_chunk(struct window *window)
{
	__u32 chunk = chunks_take(&window->grouping->chunks);

	while (chunk == CHUNK_NONE && stacks_yield(&window->stacks))
		chunk = chunks_take(&window->grouping->chunks);
	return chunk;
}

/* Chunks for this place: rows, and extras in step. False: no memory left. */
static bool take_chunks(struct window *window, struct pane *pane, __u32 place)
{
	__u32 rows = take_row_chunk(window), extra;

	if (rows == CHUNK_NONE)
		return false;
	if (pane->extra) {
		extra = chunks_take(&window->extra_chunks);
		if (extra == CHUNK_NONE) {
			chunks_give(&window->grouping->chunks, rows);
			return false;
		}
		pane->extra[place] = extra;
	}
	pane->chunk[place] = rows;
	if (pane->chunk_count <= place)
		pane->chunk_count = place + 1;
	return true;
}

unsigned char *window_row(struct window *window, struct pane *pane, __u32 id)
{
	struct grouping *grouping = window->grouping;
	__u32 place = id >> CHUNK_ROWS_SHIFT;

	if (pane->chunk[place] == CHUNK_NONE && !take_chunks(window, pane, place))
		return NULL;
	return pane_row(pane, &grouping->chunks, grouping->row_bytes, id);
}

unsigned char *window_open_row(struct window *window, struct pane *pane, const __u64 *key,
			       __u32 *id)
{
	struct grouping *grouping = window->grouping;
	struct groups *groups = &grouping->groups;
	unsigned char *row;

	if (*id == GROUPS_NONE || !groups_has_key(groups, *id, key))
		*id = grouping_find_or_add(grouping, key);
	row = *id == GROUPS_NONE ? NULL : window_row(window, pane, *id);
	if (!row)
		return NULL;
	if (row_partial(row, grouping->key_words)->records != 0)
		return row;
	if (window->presence.pane &&
	    !presence_admit(&window->presence, groups_use(groups, *id), *id, pane->stamp))
		return NULL;
	pane_begin_row(pane, row, key, grouping->key_words);
	if (pane->extra)
		extras_open(&window->extras, pane_extra(window, pane, *id));
	groups_refer(groups, *id);
	return row;
}

static bool has_row(const struct grouping *grouping, const unsigned char *rows, __u32 i)
{
	const unsigned char *row = rows + (size_t)i * grouping->row_bytes;

	return row_partial((unsigned char *)row, grouping->key_words)->records != 0;
}

/* Rows [first, end) of a chunk become none. */
static void clear_rows(struct window *window, struct pane *pane, __u32 chunk, __u32 first,
		       __u32 end)
{
	struct grouping *grouping = window->grouping;
	unsigned char *rows = chunks_at(&grouping->chunks, pane->chunk[chunk]);
	__u32 ids[CHUNK_ROWS], count = 0;

	for (__u32 i = first; i < end; i++) {
		__u32 id = (chunk << CHUNK_ROWS_SHIFT) + i;

		if (!has_row(grouping, rows, i))
			continue;
		pane->rows--;
		if (pane->extra)
			extras_clear(&window->extras, pane_extra(window, pane, id));
		ids[count++] = id;
	}
	groups_release(&grouping->groups, ids, count);
	memset(rows + (size_t)first * grouping->row_bytes, 0,
	       (size_t)(end - first) * grouping->row_bytes);
}

static bool has_rows_before(const struct window *window, const struct pane *pane, __u32 chunk,
			    __u32 end)
{
	const struct grouping *grouping = window->grouping;
	const unsigned char *rows = chunks_at(&grouping->chunks, pane->chunk[chunk]);

	for (__u32 i = 0; i < end; i++)
		if (has_row(grouping, rows, i))
			return true;
	return false;
}

void window_free_rows(struct window *window, struct pane *pane, __u32 chunk, __u32 first, __u32 end)
{
	struct grouping *grouping = window->grouping;

	if (pane->chunk[chunk] == CHUNK_NONE)
		return;
	if (window->stacks.panes)
		stack_forget(&window->stacks, chunk, pane->number);
	clear_rows(window, pane, chunk, first, end);
	if (end < CHUNK_ROWS || has_rows_before(window, pane, chunk, first))
		return;
	chunks_give(&grouping->chunks, pane->chunk[chunk]);
	pane->chunk[chunk] = CHUNK_NONE;
	if (pane->stamps)
		revisions_free_stamps(window, pane, chunk);
	if (pane->extra) {
		chunks_give(&window->extra_chunks, pane->extra[chunk]);
		pane->extra[chunk] = CHUNK_NONE;
	}
}

void window_free_chunk(struct window *window, struct pane *pane, __u32 chunk)
{
	window_free_rows(window, pane, chunk, 0, CHUNK_ROWS);
}
