/* SPDX-License-Identifier: BSD-2-Clause */
/* Panes of a window and their rows: found, opened and freed. The common cases are in the hot path;
 * what is here runs once a pane, a chunk or a new row. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "core/session/session_state.h"
#include "core/stream/stream_state.h"

/* Windows in time that one loss may open. */
#define SHOWN_AT_ONCE 4096

static __s64 floor_divide(__s64 value, __s64 by)
{
	return value / by - (value % by < 0);
}

__u32 grouping_find_or_add(struct grouping *grouping, const __u64 *key)
{
	__u32 tag = groups_tag(&grouping->groups, key);
	__u32 id = groups_find(&grouping->groups, key, tag);

	if (id == GROUPS_NONE && grouping->added_count < BATCH_EVENTS) {
		id = groups_add(&grouping->groups, key, tag);
		if (id != GROUPS_NONE)
			grouping->added[grouping->added_count++] = id;
	}
	return id;
}

void grouping_drop_unused(struct grouping *grouping)
{
	groups_drop_unused(&grouping->groups, grouping->added, grouping->added_count);
}

__s64 window_expiry(const struct window *window, __s64 start_ns)
{
	return window_add_ns(start_ns + window->spec->size_ns, window->spec->allowed_lateness_ns);
}

__s64 window_last_expiry(const struct window *window, __s64 start_ns)
{
	const struct window_spec *spec = window->spec;
	__s64 number = floor_divide(start_ns - spec->offset_ns, spec->slide_ns);

	return window_expiry(window, spec->offset_ns + number * spec->slide_ns);
}

__s64 window_first_end(const struct window *window, __s64 start_ns)
{
	const struct window_spec *spec = window->spec;
	/* The first window that ends behind the start. */
	__s64 number = floor_divide(start_ns - spec->offset_ns - spec->size_ns, spec->slide_ns) + 1;

	return spec->offset_ns + number * spec->slide_ns + spec->size_ns;
}

__s64 window_oldest_taken(const struct window *window)
{
	const struct window_spec *spec = window->spec;
	__s64 open_ns, number;

	if (window->watermark_ns == SOURCES_WATERMARK_NONE)
		return INT64_MIN;
	if (window->sessions) {
		open_ns = window_add_ns(window->watermark_ns, -spec->allowed_lateness_ns);
		return window_add_ns(open_ns, -spec->gap_ns);
	}
	/* The first window that is not over: end + allowed_lateness > watermark. */
	open_ns = window_add_ns(window_add_ns(window->watermark_ns, -spec->allowed_lateness_ns),
				-spec->size_ns);
	if (open_ns < INT64_MIN / 2)
		return INT64_MIN;
	open_ns = open_ns < INT64_MAX / 2 ? open_ns : INT64_MAX / 2;
	number = floor_divide(open_ns - spec->offset_ns, spec->slide_ns) + 1;
	return spec->offset_ns + number * spec->slide_ns;
}

__s64 window_oldest_pane(const struct window *window)
{
	const struct window_spec *spec = window->spec;
	__s64 closed_ns = window_add_ns(window->watermark_ns, -spec->allowed_lateness_ns);
	__s64 start_ns = window_add_ns(closed_ns, -spec->size_ns);

	/* The first window that is not over begins behind this. */
	return (floor_divide(window_add_ns(start_ns, -spec->offset_ns), spec->slide_ns) + 1) *
	       (spec->slide_ns / window->pane_ns);
}

__s64 window_pane_number(const struct window *window, __s64 time_ns)
{
	return floor_divide(time_ns - window->spec->offset_ns, window->pane_ns);
}

struct pane *window_find_pane(const struct window *window, __s64 number)
{
	__u32 place = places_find(&window->pane_places, number);

	return place != PLACES_NONE ? &window->panes[place] : NULL;
}

struct instance *window_find_instance(const struct window *window, __s64 number)
{
	__u32 place = places_find(&window->instance_places, number);

	return place != PLACES_NONE ? &window->instances[place] : NULL;
}

static struct instance *show_instance(struct window *window, __s64 number)
{
	const struct window_spec *spec = window->spec;
	__u32 place = places_take(&window->instance_places, number);

	assert(place != PLACES_NONE);
	window->instances[place] = (struct instance){
		.start_ns = spec->offset_ns + number * spec->slide_ns,
		.number = number,
		.state = INSTANCE_OPEN,
		.revision = -1,
	};
	slots_add(&window->shown, number, place);
	return &window->instances[place];
}

/* The windows over a pane that are not over yet: first and last number. */
static void numbers_over(const struct window *window, __s64 start_ns, __s64 *first, __s64 *last)
{
	const struct window_spec *spec = window->spec;
	/* A window is over when end + allowed_lateness <= watermark. */
	bool has_over =
		window->watermark_ns > 0 && spec->allowed_lateness_ns < window->watermark_ns;
	__s64 over_ns = has_over ? window->watermark_ns - spec->allowed_lateness_ns : INT64_MIN;
	__s64 from_ns = over_ns > start_ns ? over_ns : start_ns;

	*first = floor_divide(from_ns - spec->offset_ns - spec->size_ns, spec->slide_ns) + 1;
	*last = floor_divide(start_ns - spec->offset_ns, spec->slide_ns);
}

__s64 window_last_over(const struct window *window, __s64 start_ns)
{
	const struct window_spec *spec = window->spec;
	__s64 first, last, over_ns;

	numbers_over(window, start_ns, &first, &last);
	over_ns = spec->offset_ns + (first - 1) * spec->slide_ns;
	return first <= last + 1 && over_ns + spec->size_ns > start_ns &&
			       window_expiry(window, over_ns) <= window->watermark_ns
		       ? over_ns
		       : INT64_MIN;
}

/* Shows every window over the pane. False: one of them has no room. */
static bool show_instances(struct window *window, __s64 start_ns)
{
	__s64 first, last;

	numbers_over(window, start_ns, &first, &last);
	if (!places_have_room(&window->instance_places, first, last))
		return false;
	for (__s64 number = first; number <= last; number++) {
		struct instance *instance = window_find_instance(window, number);

		if (!instance) {
			show_instance(window, number);
		} else if (instance->is_empty) {
			instance->is_empty = false;
			/* Closed, and nothing of it was told yet. */
			instance->has_changed = true;
		}
	}
	return true;
}

void window_show_between(struct window *window, __s64 from_ns, __s64 to_ns)
{
	const struct window_spec *spec = window->spec;
	__s64 first, last;

	if (window->watermark_ns != SOURCES_WATERMARK_NONE && from_ns < window->watermark_ns)
		from_ns = window->watermark_ns;
	if (from_ns > to_ns || from_ns < INT64_MIN / 2 || to_ns > INT64_MAX / 2)
		return;
	first = floor_divide(from_ns - spec->offset_ns - spec->size_ns, spec->slide_ns) + 1;
	last = floor_divide(to_ns - spec->offset_ns, spec->slide_ns);
	if (last - first >= SHOWN_AT_ONCE ||
	    !places_have_room(&window->instance_places, first, last))
		return;
	for (__s64 number = first; number <= last; number++) {
		if (!window_find_instance(window, number))
			show_instance(window, number)->is_empty = true;
	}
}

/* A table of its own for each slot would be first used once: the one freed last is warm. */
static __u32 take_table(struct window *window)
{
	if (window->table_free_count)
		return window->table_free[--window->table_free_count];
	return window->tables_touched++;
}

static struct pane *open_pane(struct window *window, __s64 number, __s64 start_ns)
{
	struct pane *pane;
	size_t first_entry;
	__u32 place, stamp = 0;

	if (!places_have_room(&window->pane_places, number, number) ||
	    (window->emits && !show_instances(window, start_ns)))
		return NULL;
	if (window->presence.pane) {
		stamp = presence_stamp(&window->presence, number);
		if (!stamp)
			return NULL;
	}
	place = places_take(&window->pane_places, number);
	pane = &window->panes[place];
	*pane = (struct pane){
		.start_ns = start_ns,
		.number = number,
		.stamp = stamp,
		.table = take_table(window),
		.is_behind = window_first_end(window, start_ns) <= window->watermark_ns,
	};
	first_entry = (size_t)pane->table * window->chunk_entries;
	pane->chunk = window->chunk_table + first_entry;
	if (window->extra_table)
		pane->extra = window->extra_table + first_entry;
	if (window->revisions.table)
		pane->stamps = window->revisions.table + first_entry;
	partial_open(&pane->overflow);
	slots_add(&window->live, number, place);
	return pane;
}

struct pane *window_pane(struct window *window, __s64 time_ns, __u64 **reason)
{
	const struct window_spec *spec = window->spec;
	__s64 number = window_pane_number(window, time_ns);
	__s64 start_ns = spec->offset_ns + number * window->pane_ns;
	struct pane *pane;

	if (window_last_expiry(window, start_ns) <= window->watermark_ns) {
		*reason = &window->ledger.late;
		return NULL;
	}
	*reason = &window->ledger.rejected_pane;
	pane = window_find_pane(window, number);
	if (!pane)
		pane = open_pane(window, number, start_ns);
	if (!pane || !pane->is_behind)
		return pane;
	/* Windows over it that close now must not have this; those that come later must. */
	if (window->slides && (window->emits ? window->leaving_count > 0 : pane->is_leaving)) {
		*reason = NULL;
		return NULL;
	}
	window->took_behind = true;
	return pane;
}

void window_note_growth(struct window *window, struct pane *pane, __u32 id,
			const struct sluice_partial *partial)
{
	if (!window->emits)
		return;
	if (window->stacks.panes && id != GROUPS_NONE)
		stack_add(&window->stacks, id >> CHUNK_ROWS_SHIFT, pane->number,
			  id & (CHUNK_ROWS - 1), partial);
	if (pane->is_behind && pane->stamps)
		revisions_mark(window, pane, id);
}

void window_free_pane(struct window *window, struct pane *pane)
{
	/* Hardly ever: a chunk that was taken for a row that then found no room. */
	for (__u32 place = 0; place < pane->chunk_count; place++)
		window_free_chunk(window, pane, place);
	window->table_free[window->table_free_count++] = pane->table;
	slots_remove(&window->live, (__u32)(pane - window->panes));
	places_give(&window->pane_places, (__u32)(pane - window->panes));
	if (window->last == pane)
		window->last = NULL;
}

void window_free_instance(struct window *window, struct instance *instance)
{
	slots_remove(&window->shown, (__u32)(instance - window->instances));
	places_give(&window->instance_places, (__u32)(instance - window->instances));
}
