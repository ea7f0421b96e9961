/* SPDX-License-Identifier: BSD-2-Clause */
/* Panes of a window and their rows: found, opened and freed. The common cases are in the hot path; what
 * is here runs once a pane, a chunk or a new row. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "core/stream_state.h"

static __s64 floor_divide(__s64 value, __s64 by)
{
	return value / by - (value % by < 0);
}

__u32 grouping_find_or_add(struct grouping *grouping, const __u64 *key, __u32 tag)
{
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
	for (__u32 i = 0; i < grouping->added_count; i++) {
		if (grouping->groups.references[grouping->added[i]] == 0)
			groups_remove(&grouping->groups, grouping->added[i]);
	}
}

/* End of the last window that covers the slice starting at `start_ns`. */
static __s64 last_window_end(const struct window *window, __s64 start_ns)
{
	const struct window_spec *spec = window->spec;
	__s64 number = floor_divide(start_ns - spec->offset_ns, spec->slide_ns);

	return spec->offset_ns + number * spec->slide_ns + spec->size_ns;
}

__s64 window_pane_expiry(const struct window *window, const struct pane *pane)
{
	return last_window_end(window, pane->start_ns) + window->spec->allowed_lateness_ns;
}

static struct pane *open_pane(struct window *window, __s64 number, __s64 start_ns)
{
	__u32 slot = (__u32)number & window->pane_mask;
	struct pane *pane = &window->panes[slot];

	*pane = (struct pane){
		.start_ns = start_ns,
		.number = number,
		.chunk = window->chunk_table + (size_t)slot * window->chunk_entries,
		.state = PANE_OPEN,
		.revision = -1,
		.missing_before = window->missing,
	};
	if (window->changed_table)
		pane->changed = window->changed_table +
				(size_t)slot * window->chunk_entries * (CHUNK_ROWS / 64);
	partial_open(&pane->overflow);
	window->live[window->live_count++] = slot;
	return pane;
}

struct pane *window_pane(struct window *window, __s64 time_ns, __u64 **reason)
{
	const struct window_spec *spec = window->spec;
	__s64 number = floor_divide(time_ns - spec->offset_ns, window->pane_ns);
	__s64 start_ns = spec->offset_ns + number * window->pane_ns;
	struct pane *pane = &window->panes[(__u32)number & window->pane_mask];

	if (last_window_end(window, start_ns) + spec->allowed_lateness_ns <= window->watermark_ns) {
		*reason = &window->ledger.late;
		return NULL;
	}
	if (pane->state == PANE_FREE)
		return open_pane(window, number, start_ns);
	if (pane->number != number) {
		*reason = &window->ledger.rejected_pane;
		return NULL;
	}
	return pane;
}

unsigned char *window_row(struct window *window, struct pane *pane, __u32 id)
{
	struct grouping *grouping = window->grouping;
	__u32 *chunk = &pane->chunk[id >> CHUNK_ROWS_SHIFT];

	if (*chunk == CHUNK_NONE) {
		*chunk = chunks_take(&grouping->chunks);
		if (*chunk == CHUNK_NONE)
			return NULL;
		if (pane->chunk_count <= id >> CHUNK_ROWS_SHIFT)
			pane->chunk_count = (id >> CHUNK_ROWS_SHIFT) + 1;
	}
	return pane_row(pane, &grouping->chunks, grouping->row_bytes, id);
}

unsigned char *window_open_row(struct window *window, struct pane *pane, const __u64 *key,
			       __u32 tag, __u32 *id)
{
	struct grouping *grouping = window->grouping;
	struct groups *groups = &grouping->groups;
	size_t key_bytes = grouping->key_words * sizeof(*key);
	struct sluice_partial *partial;
	unsigned char *row;

	if (*id == GROUPS_NONE || memcmp(groups_key(groups, *id), key, key_bytes) != 0)
		*id = grouping_find_or_add(grouping, key, tag);
	row = *id == GROUPS_NONE ? NULL : window_row(window, pane, *id);
	if (!row)
		return NULL;
	partial = row_partial(row, grouping->key_words);
	if (partial->records != 0)
		return row;
	if (pane->rows >= window->groups_max)
		return NULL;
	memcpy(row, key, key_bytes);
	partial_open(partial);
	groups->references[*id]++;
	pane->rows++;
	return row;
}

void pane_add_overflow(struct pane *pane, __s64 value, __u16 weight)
{
	partial_add(&pane->overflow, value, weight);
	pane->overflow_has_changed = true;
	pane->has_changed = true;
}

static void drop_references(struct window *window, __u32 first_id, const unsigned char *rows)
{
	struct grouping *grouping = window->grouping;
	struct groups *groups = &grouping->groups;

	for (__u32 i = 0; i < CHUNK_ROWS; i++) {
		const unsigned char *row = rows + (size_t)i * grouping->row_bytes;
		__u32 id = first_id + i;

		if (row_partial((unsigned char *)row, grouping->key_words)->records == 0)
			continue;
		assert(groups->references[id] > 0);
		if (--groups->references[id] == 0)
			groups_remove(groups, id);
	}
}

void window_free_chunk(struct window *window, struct pane *pane, __u32 chunk)
{
	struct grouping *grouping = window->grouping;
	__u32 number = pane->chunk[chunk];
	unsigned char *rows;

	if (number == CHUNK_NONE)
		return;
	rows = chunks_at(&grouping->chunks, number);
	drop_references(window, chunk << CHUNK_ROWS_SHIFT, rows);
	memset(rows, 0, grouping->chunks.chunk_bytes);
	if (pane->changed)
		memset(pane->changed + (size_t)chunk * (CHUNK_ROWS / 64), 0, CHUNK_ROWS / 8);
	chunks_give(&grouping->chunks, number);
	pane->chunk[chunk] = CHUNK_NONE;
}

void window_free_pane(struct window *window, struct pane *pane)
{
	__u32 slot = (__u32)(pane - window->panes), i = 0;

	while (window->live[i] != slot)
		i++;
	assert(i < window->live_count);
	window->live[i] = window->live[--window->live_count];
	if (window->last == pane)
		window->last = NULL;
	pane->state = PANE_FREE;
}

static __u32 panes_wanted(const struct window_spec *spec, __s64 pane_ns, __s64 max_ahead_ns)
{
	/* What may be open at once: the window, its lateness and disorder, the reach ahead, and a
	 * straggling source's lag before it is set aside. */
	__u64 span = (__u64)spec->size_ns + (__u64)spec->allowed_lateness_ns +
		     (__u64)spec->max_disorder_ns + (__u64)max_ahead_ns + 120000000000ull;
	__u64 wanted = span / (__u64)pane_ns + 8;
	__u32 panes = WINDOW_PANES_MIN;

	while (panes < wanted && panes < WINDOW_PANES_MAX)
		panes *= 2;
	return panes;
}

static __s64 greatest_common_divisor(__s64 a, __s64 b)
{
	while (b) {
		__s64 rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

static size_t changed_bytes(const struct window *window)
{
	return ((size_t)window->pane_mask + 1) * window->chunk_entries * (CHUNK_ROWS / 8);
}

int window_open(struct window *window, const struct stream_options *options, __u32 index,
		struct grouping *grouping)
{
	const struct window_spec *spec = &options->windows[index];
	size_t panes;

	*window = (struct window){ .spec = spec, .grouping = grouping, .index = index };
	window->pane_ns = greatest_common_divisor(spec->size_ns, spec->slide_ns);
	window->watermark_ns = SOURCES_WATERMARK_NONE;
	window->groups_max = options->groups_max;
	window->chunk_entries = grouping->groups.capacity / CHUNK_ROWS + 1;
	panes = panes_wanted(spec, window->pane_ns, options->max_ahead_ns);
	window->pane_mask = (__u32)panes - 1;
	window->panes = memory_reserve(panes * sizeof(*window->panes));
	window->live = memory_reserve(panes * sizeof(*window->live));
	window->chunk_table = memory_reserve(panes * window->chunk_entries * sizeof(__u32));
	if (spec->allowed_lateness_ns > 0)
		window->changed_table = memory_reserve(changed_bytes(window));
	if (!window->panes || !window->live || !window->chunk_table ||
	    (spec->allowed_lateness_ns > 0 && !window->changed_table))
		return -ENOMEM;
	return 0;
}

void window_close(struct window *window)
{
	size_t panes = (size_t)window->pane_mask + 1;

	memory_release(window->panes, panes * sizeof(*window->panes));
	memory_release(window->live, panes * sizeof(*window->live));
	memory_release(window->chunk_table, panes * window->chunk_entries * sizeof(__u32));
	memory_release(window->changed_table, changed_bytes(window));
	*window = (struct window){ 0 };
}
