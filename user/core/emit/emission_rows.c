/* SPDX-License-Identifier: BSD-2-Clause */
/* Several panes become one row: merged in a scratch chunk, a few rows at a time where panes are
 * many or have sketches; or, at the first emission of a window whose rows have none, read from the
 * stacks. Sketches are not kept there: their memory is short, and a copy might take it from a
 * pane. */
#include "core/emit/emission_rows.h"

#include <string.h>

/* Rows of panes merged at a time: some ten microseconds. Those with sketches take longer. */
#define MERGES_A_STEP 8192u
#define SKETCH_MERGES_A_STEP 512u
#define ROWS_PER_SKETCH_MERGE 16u

/* NULL: all are. */
static bool is_due(const __u64 *due, __u32 row)
{
	return !due || due[row / 64] >> (row % 64) & 1;
}

/* Merges due rows of a pane's chunk into the scratch chunk, extras and all. */
static void merge_rows(struct stream *stream, const struct window *window,
		       const struct chunk_view *from, const __u64 *due, __u32 first, __u32 end)
{
	__u32 words = window->grouping->key_words, row_bytes = window->grouping->row_bytes;
	__u32 state_bytes = window->extras.state_bytes;

	for (__u32 i = first; i < end; i++) {
		unsigned char *into = stream->scratch + (size_t)i * row_bytes;
		const unsigned char *row = from->rows + (size_t)i * row_bytes;
		unsigned char *state = stream->scratch_extras + (size_t)i * state_bytes;
		bool is_new = row_partial(into, words)->records == 0;

		if (row_partial((unsigned char *)row, words)->records == 0 || !is_due(due, i))
			continue;
		if (is_new)
			memcpy(into, row, row_bytes);
		else
			partial_merge(row_partial(into, words),
				      row_partial((unsigned char *)row, words));
		if (!state_bytes)
			continue;
		if (is_new)
			extras_open(&window->extras, state);
		extras_merge(&window->extras, state, from->states + (size_t)i * state_bytes);
	}
}

/* The rows of one chunk of an instance up to `end`; those of several panes are merged in the
 * scratch chunk, which is to be cleared afterwards. Returns of how many panes. */
static __u32 gather(struct stream *stream, const struct window *window,
		    const struct instance *instance, __u32 end, struct chunk_view *view)
{
	__u32 row_bytes = window->grouping->row_bytes, first = instance->next_row, found = 0;
	const __u64 *due = instance->run_all ? NULL : revisions_due(window, instance);
	struct chunk_view own;
	const struct pane *pane;

	for_each_pane (window, instance, pane) {
		if (!chunk_view_open(window, pane, instance->next_chunk, &own))
			continue;
		if (++found == 1) {
			*view = own;
			continue;
		}
		if (found == 2) {
			memset(stream->scratch + (size_t)first * row_bytes, 0,
			       (size_t)(end - first) * row_bytes);
			merge_rows(stream, window, view, due, first, end);
			view->rows = stream->scratch;
			view->states = own.states ? stream->scratch_extras : NULL;
		}
		merge_rows(stream, window, &own, due, first, end);
	}
	return found;
}

/* Sketches of the scratch chunk go back to the pool. */
static void clear_scratch(struct stream *stream, const struct window *window,
			  const struct chunk_view *view, __u32 first, __u32 end)
{
	if (view->states != stream->scratch_extras || !view->states)
		return;
	for (__u32 i = first; i < end; i++) {
		const unsigned char *row =
			stream->scratch + (size_t)i * window->grouping->row_bytes;

		if (row_partial((unsigned char *)row, window->grouping->key_words)->records)
			extras_clear(&window->extras,
				     stream->scratch_extras +
					     (size_t)i * window->extras.state_bytes);
	}
}

static __u32 put_gathered(struct stream *stream, struct window *window, struct instance *instance,
			  struct block *block)
{
	__u32 merges = window->extras.count ? SKETCH_MERGES_A_STEP : MERGES_A_STEP;
	__u32 first = instance->next_row, step = merges / window->pane_count, end, found;
	struct chunk_view view;

	end = first + (step ? step : 1);
	end = end < CHUNK_ROWS ? end : CHUNK_ROWS;
	found = gather(stream, window, instance, end, &view);
	if (!found) {
		instance->next_row = CHUNK_ROWS;
		return window->pane_count;
	}
	block_put_rows(window, &view, instance->next_chunk << CHUNK_ROWS_SHIFT,
		       window->revisions.due, instance->run_all, &instance->next_row, end, block);
	clear_scratch(stream, window, &view, first, end);
	if (found == 1)
		return end - first;
	return (end - first) * found * (view.states ? ROWS_PER_SKETCH_MERGE : 1);
}

/* False: the stack cannot be had, for want of memory or because it is ahead of this instance. */
static bool put_stacked(struct window *window, struct instance *instance, struct block *block,
			__u32 *scanned)
{
	__u32 place = instance->next_chunk;
	__s64 first = window_pane_number(window, instance->start_ns), number;
	enum stack_state state;
	struct chunk_view view;

	*scanned = 0;
	while ((state = stack_prepare(&window->stacks, place, first, &number)) == STACK_WANTS) {
		struct pane *pane = window_find_pane(window, number);
		bool has_rows = pane && chunk_view_open(window, pane, place, &view);

		if (!stack_give(&window->stacks, place, number, has_rows ? view.rows : NULL))
			return false;
		*scanned += has_rows ? CHUNK_ROWS : 1;
		if (*scanned >= MERGES_A_STEP)
			return true;
	}
	if (state == STACK_AHEAD)
		return false;
	view = (struct chunk_view){ 0 };
	stack_read(&window->stacks, place, &view.front, &view.back);
	if (view.front || view.back)
		*scanned += block_put_rows(window, &view, place << CHUNK_ROWS_SHIFT,
					   NULL, true, &instance->next_row, CHUNK_ROWS, block);
	else
		instance->next_row = CHUNK_ROWS;
	return true;
}

/* Goes on at the next row that is due: the panes are not walked for the others. False: there is
 * none. */
static bool skip_to_due(const struct window *window, struct instance *instance)
{
	const __u64 *due = revisions_due(window, instance);

	while (instance->next_row < CHUNK_ROWS && !is_due(due, instance->next_row))
		instance->next_row++;
	return instance->next_row < CHUNK_ROWS;
}

__u32 emission_put_rows(struct stream *stream, struct window *window, struct instance *instance,
			struct block *block)
{
	__u32 scanned;

	if (!instance->run_all && !skip_to_due(window, instance))
		return 1;
	if (window->stacks.panes && instance->run_all && !instance->run_early &&
	    put_stacked(window, instance, block, &scanned))
		return scanned;
	return put_gathered(stream, window, instance, block);
}
