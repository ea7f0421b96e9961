/* SPDX-License-Identifier: BSD-2-Clause */
/* Windows of few groups, as regions and types are, for hot_batch.c alone: rows are near, and one
 * loop finds and updates them. */
#ifndef SLUICE_CORE_FEW_HOT_H
#define SLUICE_CORE_FEW_HOT_H

#include "core/pane/rows_hot.h"

/* An event of few groups whose row is not there yet, or that has none. Returns the row or NULL. */
static __attribute__((noinline)) unsigned char *open_few(struct window *window, struct batch *batch,
							 __u64 key, __u32 i)
{
	unsigned char *row = NULL;

	if (batch->id[i] != GROUPS_NONE)
		row = window_open_row(window, window->last, &key, &batch->id[i]);
	if (!row)
		add_overflow(window, batch, window->last, i);
	return row;
}

/* Whether there are so few groups that the rows of a pane are in one chunk, and that ids are looked
 * up by key: an id is right then, and so is the key of its row. */
inline_always bool are_few(const struct grouping *grouping, const struct pane *pane)
{
	return grouping->key_words == 1 && groups_are_direct(&grouping->groups) &&
	       grouping->groups.ids_touched <= CHUNK_ROWS && pane->chunk[0] != CHUNK_NONE;
}

/* Takes a plain batch into few groups. Whether every event found a row. */
static __attribute__((noinline)) bool update_few(struct window *window, struct batch *batch,
						 const __u64 *first_word)
{
	struct pane *pane = window->last;
	unsigned char *const rows = chunks_at(&window->grouping->chunks, pane->chunk[0]);
	const __u32 count = batch->count;
	__u32 aggregated = 0;

	for (__u32 i = 0; i < count; i++) {
		const __u32 id = batch->id[i];
		unsigned char *row = rows + (size_t)id * PANE_ROW_BYTES(1);

		if (is_rare(id >= CHUNK_ROWS || row_partial(row, 1)->records == 0))
			row = open_few(window, batch, first_word[i], i);
		batch->row[i] = row;
		if (is_likely(row)) {
			partial_add(row_partial(row, 1), batch->value[i], 1);
			aggregated++;
		}
	}
	pane->events += count;
	window->ledger.aggregated += aggregated;
	return aggregated == count;
}

#endif
