/* SPDX-License-Identifier: BSD-2-Clause */
/* Which rows of a closed window are due for a revision. An event that comes late leaves one stamp
 * with its row in its pane, however many windows lie over it; which of them it concerns is found at
 * the tick, and their rows when their emission begins, some at a time. Stamps are numbers of
 * emissions: what has a larger one than the last emission of a window has changed since. */
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "core/emit/emission_rows.h"

static size_t table_bytes(const struct window *window)
{
	return (size_t)places_count(&window->pane_places) * window->chunk_entries * sizeof(__u32);
}

static size_t due_bytes(const struct window *window)
{
	return (size_t)window->chunk_entries * (CHUNK_ROWS / 8);
}

int revisions_open(struct window *window, struct memory_budget *budget)
{
	struct revisions *revisions = &window->revisions;

	if (!window->emits || window->spec->allowed_lateness_ns == 0)
		return 0;
	revisions->now = 1;
	revisions->table = memory_reserve(table_bytes(window));
	revisions->due = memory_reserve(due_bytes(window));
	if (!revisions->table || !revisions->due)
		return -ENOMEM;
	return chunks_open(&revisions->chunks, sizeof(__u64), budget);
}

void revisions_close(struct window *window)
{
	memory_release(window->revisions.table, table_bytes(window));
	memory_release(window->revisions.due, due_bytes(window));
	chunks_close(&window->revisions.chunks);
}

static __u64 *stamps_of(const struct window *window, const struct pane *pane, __u32 place)
{
	return (__u64 *)chunks_at(&window->revisions.chunks, pane->stamps[place]);
}

/* False: no memory left for the stamps of these rows. */
static bool stamp_row(struct window *window, struct pane *pane, __u32 id)
{
	__u32 place = id >> CHUNK_ROWS_SHIFT;

	if (pane->stamps[place] == CHUNK_NONE)
		pane->stamps[place] = chunks_take(&window->revisions.chunks);
	if (pane->stamps[place] == CHUNK_NONE)
		return false;
	stamps_of(window, pane, place)[id & (CHUNK_ROWS - 1)] = window->revisions.now;
	return true;
}

void revisions_mark(struct window *window, struct pane *pane, __u32 id)
{
	window->revisions.has_marks = pane->has_marks = true;
	pane->newest_stamp = window->revisions.now;
	if (id == GROUPS_NONE)
		pane->overflow_stamp = window->revisions.now;
	else if (!stamp_row(window, pane, id))
		pane->whole_stamp = window->revisions.now;
}

void revisions_free_stamps(struct window *window, struct pane *pane, __u32 place)
{
	if (pane->stamps[place] == CHUNK_NONE)
		return;
	memset(stamps_of(window, pane, place), 0, CHUNK_ROWS * sizeof(__u64));
	chunks_give(&window->revisions.chunks, pane->stamps[place]);
	pane->stamps[place] = CHUNK_NONE;
}

/* Both lists are sorted, so that each pane is passed once. */
void revisions_find_changed(struct window *window)
{
	const struct slots *live = &window->live, *shown = &window->shown;
	__u32 at = 0;

	if (!window->revisions.has_marks)
		return;
	for (__u32 i = 0; i < shown->count; i++) {
		struct instance *instance = &window->instances[slots_at(shown, i)];
		__s64 first = window_pane_number(window, instance->start_ns);

		while (at < live->count && (!window->panes[slots_at(live, at)].has_marks ||
					    window->panes[slots_at(live, at)].number < first))
			at++;
		if (at < live->count && instance->state == INSTANCE_CLOSED &&
		    window->panes[slots_at(live, at)].number < first + window->pane_count)
			instance->has_changed = true;
	}
	for (__u32 i = 0; i < live->count; i++)
		window->panes[slots_at(live, i)].has_marks = false;
	window->revisions.has_marks = false;
}

void revisions_begin(struct window *window, struct instance *instance)
{
	instance->due_after = instance->emitted_at;
	instance->is_finding = !instance->run_all && window->revisions.due;
	instance->next_pane = window_pane_number(window, instance->start_ns);
	if (!instance->run_early)
		instance->emitted_at = window->revisions.now++;
}

/* Notes the rows of one chunk that have a newer stamp. */
static void find_rows(struct window *window, const struct instance *instance,
		      const struct pane *pane, __u32 place)
{
	__u64 *due = window->revisions.due + (size_t)place * (CHUNK_ROWS / 64);
	const __u64 *stamp;

	if (pane->whole_stamp > instance->due_after && pane->chunk[place] != CHUNK_NONE)
		memset(due, 0xff, CHUNK_ROWS / 8);
	if (pane->stamps[place] == CHUNK_NONE)
		return;
	stamp = stamps_of(window, pane, place);
	for (__u32 i = 0; i < CHUNK_ROWS; i++)
		due[i / 64] |= (__u64)(stamp[i] > instance->due_after) << (i % 64);
}

/* False: not through with the pane. */
static bool find_in_pane(struct window *window, struct instance *instance, const struct pane *pane,
			 __u32 *looked, __u32 looks_max)
{
	__u32 places =
		pane->chunk_count < instance->run_chunks ? pane->chunk_count : instance->run_chunks;

	if (pane->overflow_stamp > instance->due_after)
		instance->overflow_has_changed = true;
	for (; instance->next_chunk < places; instance->next_chunk++) {
		if (*looked >= looks_max)
			return false;
		find_rows(window, instance, pane, instance->next_chunk);
		*looked += pane->stamps[instance->next_chunk] == CHUNK_NONE
				   ? 1
				   : CHUNK_ROWS / ROWS_SCANNED_PER_ROW;
	}
	instance->next_chunk = 0;
	return true;
}

int revisions_find_rows(struct window *window, struct instance *instance, __u32 rows_max)
{
	__s64 end = window_pane_number(window, instance->start_ns) + window->pane_count;
	__u32 looked = 0, looks_max = rows_max * ROWS_SCANNED_PER_ROW;

	for (; instance->next_pane < end && looked < looks_max; instance->next_pane++) {
		const struct pane *pane = window_find_pane(window, instance->next_pane);

		looked++;
		if (pane && pane->newest_stamp > instance->due_after &&
		    !find_in_pane(window, instance, pane, &looked, looks_max))
			break;
	}
	instance->is_finding = instance->next_pane < end;
	return (int)(looked / ROWS_SCANNED_PER_ROW) + 1;
}

__u64 *revisions_due(const struct window *window, const struct instance *instance)
{
	return window->revisions.due + (size_t)instance->next_chunk * (CHUNK_ROWS / 64);
}
