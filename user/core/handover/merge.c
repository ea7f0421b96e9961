/* SPDX-License-Identifier: BSD-2-Clause */
/* Partials that come from elsewhere than the batch: from other workers, and events that were put
 * aside while a window that must not have them was being emitted. */
#include <assert.h>
#include <string.h>

#include "core/stream/stream_state.h"

/* The row of a key, opened when it is new, and its events counted as overflow when there is no
 * room. */
static unsigned char *row_to_merge(struct window *window, struct pane *pane, const __u64 *key,
				   __u64 records, __u32 *id)
{
	struct grouping *grouping = window->grouping;
	unsigned char *row;

	grouping->added_count = 0;
	row = window_open_row(window, pane, key, id);
	grouping_drop_unused(grouping);
	groups_step(&grouping->groups, 16);
	if (!row) {
		window->ledger.aggregated -= records;
		window->ledger.overflow += records;
	}
	return row;
}

static void merge_partial(struct window *window, struct pane *pane, unsigned char *row, __u32 id,
			  const struct sluice_partial *partial)
{
	partial_merge(row ? row_partial(row, window->grouping->key_words) : &pane->overflow,
		      partial);
	window_note_growth(window, pane, row ? id : GROUPS_NONE, partial);
}

void window_merge(struct window *window, struct pane *pane, const __u64 *key,
		  const struct sluice_partial *partial, const void *extras, size_t extras_bytes)
{
	__u32 id = GROUPS_NONE;
	unsigned char *row = key ? row_to_merge(window, pane, key, partial->records, &id) : NULL;

	merge_partial(window, pane, row, id, partial);
	if (row && window->extras.count)
		extras_merge_bytes(&window->extras, pane_extra(window, pane, id), extras,
				   extras_bytes);
}

bool window_defer(struct window *window, const __u64 *key, const struct sluice_partial *partial,
		  const struct extras_event *event)
{
	struct deferred *deferred = &window->deferred[window->deferred_count];

	if (window->deferred_count == DEFERRED_MAX)
		return false;
	deferred->advance = window->advance;
	deferred->number = window_pane_number(window, event->time_ns);
	memcpy(deferred->key, key, window->grouping->key_words * sizeof(*key));
	deferred->partial = *partial;
	deferred->event = *event;
	window->deferred_count++;
	return true;
}

static void merge_deferred(struct window *window, struct pane *pane,
			   const struct deferred *deferred)
{
	__u32 id = GROUPS_NONE;
	unsigned char *row = row_to_merge(window, pane, deferred->key, 1, &id);

	merge_partial(window, pane, row, id, &deferred->partial);
	window_count_missed(window, pane);
	if (row && window->extras.count)
		extras_add(&window->extras, pane_extra(window, pane, id), &deferred->event);
	pane->events++;
}

/* Its pane was opened when it came. Worker 0 frees it behind the windows it waits for; another has
 * given it away since, and opens it again. */
static struct pane *deferred_pane(struct window *window, __s64 number)
{
	__s64 start_ns = window->spec->offset_ns + number * window->pane_ns;
	struct pane *pane = window_find_pane(window, number);
	__u64 *reason;

	assert(pane || !window->emits);
	if (!pane)
		pane = window_pane(window, start_ns, &reason);
	if (!pane) {
		window->ledger.aggregated--;
		*reason += 1;
		if (reason == &window->ledger.late)
			window_count_late(window, start_ns, 1);
		else
			window_note_no_pane(window, start_ns, 1);
	}
	return pane;
}

void window_merge_deferred(struct window *window, __u64 before_advance)
{
	__u32 done = 0;

	for (; done < window->deferred_count; done++) {
		struct deferred *deferred = &window->deferred[done];
		struct pane *pane;

		if (deferred->advance >= before_advance)
			break;
		pane = deferred_pane(window, deferred->number);
		if (pane)
			merge_deferred(window, pane, deferred);
	}
	window->deferred_count -= done;
	memmove(window->deferred, window->deferred + done,
		window->deferred_count * sizeof(*window->deferred));
}
