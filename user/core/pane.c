/* SPDX-License-Identifier: BSD-2-Clause */
/* Panes of a window and their rows: found, opened and freed. The common cases are in the hot path;
 * what is here runs once a pane, a chunk or a new row. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "core/session.h"
#include "core/stream_state.h"

static __s64 floor_divide(__s64 value, __s64 by)
{
	return value / by - (value % by < 0);
}

static __s64 add_saturating(__s64 a, __s64 b)
{
	__s64 sum;

	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
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

__s64 window_expiry(const struct window *window, __s64 start_ns)
{
	return add_saturating(start_ns + window->spec->size_ns, window->spec->allowed_lateness_ns);
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

struct pane *window_find_pane(const struct window *window, __s64 number)
{
	struct pane *pane = &window->panes[(__u32)number & window->pane_mask];

	return pane->is_live && pane->number == number ? pane : NULL;
}

struct instance *window_find_instance(const struct window *window, __s64 number)
{
	struct instance *instance = &window->instances[(__u32)number & window->instance_mask];

	return instance->state != INSTANCE_FREE && instance->number == number ? instance : NULL;
}

/* True when the instance can be there: it is, or its slot is free. */
static bool can_show(const struct window *window, __s64 number)
{
	const struct instance *instance =
		&window->instances[(__u32)number & window->instance_mask];

	return instance->state == INSTANCE_FREE || instance->number == number;
}

static void show_instance(struct window *window, __s64 number)
{
	const struct window_spec *spec = window->spec;
	__u32 slot = (__u32)number & window->instance_mask;
	struct instance *instance = &window->instances[slot];

	if (instance->state != INSTANCE_FREE)
		return;
	*instance = (struct instance){
		.start_ns = spec->offset_ns + number * spec->slide_ns,
		.number = number,
		.state = INSTANCE_OPEN,
		.revision = -1,
	};
	if (window->changed_table)
		instance->changed = window->changed_table +
				    (size_t)slot * window->chunk_entries * (CHUNK_ROWS / 64);
	window->shown[window->shown_count++] = slot;
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

/* Shows every window over the pane. False: one of them has no room. */
static bool show_instances(struct window *window, __s64 start_ns)
{
	__s64 first, last;

	numbers_over(window, start_ns, &first, &last);
	for (__s64 number = first; number <= last; number++) {
		if (!can_show(window, number))
			return false;
	}
	for (__s64 number = first; number <= last; number++)
		show_instance(window, number);
	return true;
}

static struct pane *open_pane(struct window *window, __s64 number, __s64 start_ns)
{
	__u32 slot = (__u32)number & window->pane_mask;
	struct pane *pane = &window->panes[slot];

	if (window->emits && !show_instances(window, start_ns))
		return NULL;
	*pane = (struct pane){
		.start_ns = start_ns,
		.number = number,
		.chunk = window->chunk_table + (size_t)slot * window->chunk_entries,
		.is_live = true,
		.is_behind = window_first_end(window, start_ns) <= window->watermark_ns,
		.missing_before = window->missing,
	};
	if (window->extra_table)
		pane->extra = window->extra_table + (size_t)slot * window->chunk_entries;
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

	if (window_last_expiry(window, start_ns) <= window->watermark_ns) {
		*reason = &window->ledger.late;
		return NULL;
	}
	*reason = &window->ledger.rejected_pane;
	if (!pane->is_live)
		pane = open_pane(window, number, start_ns);
	else if (pane->number != number)
		return NULL;
	if (pane && pane->is_behind && window->slides && window->leaving_count > 0) {
		*reason = NULL;
		return NULL;
	}
	return pane;
}

/* The row of a key, opened when it is new, and its events counted as overflow when there is no
 * room. */
static unsigned char *row_to_merge(struct window *window, struct pane *pane, const __u64 *key,
				   __u64 records, __u32 *id)
{
	struct grouping *grouping = window->grouping;
	unsigned char *row;

	grouping->added_count = 0;
	row = window_open_row(window, pane, key, groups_tag(&grouping->groups, key), id);
	grouping_drop_unused(grouping);
	groups_grow_step(&grouping->groups, 16);
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
	if (pane->is_behind)
		window_mark_changed(window, pane, row ? id : GROUPS_NONE);
}

void window_merge(struct window *window, struct pane *pane, const __u64 *key,
		  const struct sluice_partial *partial, const void *extras, size_t extras_bytes)
{
	__u32 id = GROUPS_NONE;
	unsigned char *row =
		key ? row_to_merge(window, pane, key, partial->records, &id) : NULL;

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
	deferred->number = floor_divide(event->time_ns - window->spec->offset_ns, window->pane_ns);
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
	if (row && window->extras.count)
		extras_add(&window->extras, pane_extra(window, pane, id), &deferred->event);
	pane->events++;
}

void window_merge_deferred(struct window *window, __u64 before_advance)
{
	__u32 done = 0;

	for (; done < window->deferred_count; done++) {
		struct deferred *deferred = &window->deferred[done];
		struct pane *pane;

		if (deferred->advance >= before_advance)
			break;
		/* Its pane was opened when it came, and is freed behind the windows it waits
		 * for. */
		pane = window_find_pane(window, deferred->number);
		assert(pane);
		merge_deferred(window, pane, deferred);
	}
	window->deferred_count -= done;
	memmove(window->deferred, window->deferred + done,
		window->deferred_count * sizeof(*window->deferred));
}

void window_mark_changed(struct window *window, const struct pane *pane, __u32 id)
{
	__s64 first, last;

	if (!window->emits)
		return;
	numbers_over(window, pane->start_ns, &first, &last);
	for (__s64 number = first; number <= last; number++) {
		struct instance *instance = window_find_instance(window, number);

		if (!instance || instance->state != INSTANCE_CLOSED)
			continue;
		instance->has_changed = true;
		if (id == GROUPS_NONE)
			instance->overflow_has_changed = true;
		else
			instance->changed[id / 64] |= 1ull << (id % 64);
	}
}

/* Chunks for this place: rows, and extras in step. False: no memory left. */
static bool take_chunks(struct window *window, struct pane *pane, __u32 place)
{
	__u32 rows = chunks_take(&window->grouping->chunks), extra;

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
	if (pane->extra)
		extras_open(&window->extras, pane_extra(window, pane, *id));
	groups->references[*id]++;
	pane->rows++;
	return row;
}

static void drop_references(struct window *window, const struct pane *pane, __u32 first_id,
			    const unsigned char *rows)
{
	struct grouping *grouping = window->grouping;
	struct groups *groups = &grouping->groups;

	for (__u32 i = 0; i < CHUNK_ROWS; i++) {
		const unsigned char *row = rows + (size_t)i * grouping->row_bytes;
		__u32 id = first_id + i;

		if (row_partial((unsigned char *)row, grouping->key_words)->records == 0)
			continue;
		if (pane->extra)
			extras_clear(&window->extras, pane_extra(window, pane, id));
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
	drop_references(window, pane, chunk << CHUNK_ROWS_SHIFT, rows);
	memset(rows, 0, grouping->chunks.chunk_bytes);
	chunks_give(&grouping->chunks, number);
	pane->chunk[chunk] = CHUNK_NONE;
	if (pane->extra) {
		chunks_give(&window->extra_chunks, pane->extra[chunk]);
		pane->extra[chunk] = CHUNK_NONE;
	}
}

static void remove_slot(__u32 *slots, __u32 *count, __u32 slot)
{
	__u32 i = 0;

	while (slots[i] != slot)
		i++;
	assert(i < *count);
	slots[i] = slots[--*count];
}

void window_free_pane(struct window *window, struct pane *pane)
{
	remove_slot(window->live, &window->live_count, (__u32)(pane - window->panes));
	if (window->last == pane)
		window->last = NULL;
	pane->is_live = false;
}

void window_free_instance(struct window *window, struct instance *instance)
{
	if (instance->changed)
		memset(instance->changed, 0,
		       (window->grouping->groups.ids_touched / 64 + 1) * sizeof(__u64));
	remove_slot(window->shown, &window->shown_count,
		    (__u32)(instance - window->instances));
	instance->state = INSTANCE_FREE;
}

/* Slots for slices of `step_ns` that may be in use at once: the window, its lateness and disorder,
 * the reach ahead, and the lag of a straggling source before it is set aside. */
static __u32 slots_wanted(const struct window_spec *spec, __s64 step_ns, __s64 max_ahead_ns)
{
	__u64 span = (__u64)spec->size_ns * 2 + (__u64)spec->allowed_lateness_ns +
		     (__u64)spec->max_disorder_ns + (__u64)max_ahead_ns + 120000000000ull;
	__u64 wanted = span / (__u64)step_ns + 8;
	__u32 slots = WINDOW_PANES_MIN;

	while (slots < wanted && slots < WINDOW_PANES_MAX)
		slots *= 2;
	return slots;
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
	return ((size_t)window->instance_mask + 1) * window->chunk_entries * (CHUNK_ROWS / 8);
}

static bool reserve_tables(struct window *window)
{
	size_t panes = (size_t)window->pane_mask + 1;
	size_t instances = (size_t)window->instance_mask + 1;
	bool revises = window->spec->allowed_lateness_ns > 0;

	window->panes = memory_reserve(panes * sizeof(*window->panes));
	window->live = memory_reserve(panes * sizeof(*window->live));
	window->instances = memory_reserve(instances * sizeof(*window->instances));
	window->shown = memory_reserve(instances * sizeof(*window->shown));
	window->chunk_table = memory_reserve(panes * window->chunk_entries * sizeof(__u32));
	window->changed_table = revises ? memory_reserve(changed_bytes(window)) : NULL;
	window->deferred = memory_reserve(DEFERRED_MAX * sizeof(*window->deferred));
	if (window->extras.count) {
		window->extra_table =
			memory_reserve(panes * window->chunk_entries * sizeof(__u32));
		if (!window->extra_table)
			return false;
	}
	return window->panes && window->live && window->instances && window->shown &&
	       window->chunk_table && window->deferred && (window->changed_table || !revises);
}

int window_open(struct window *window, const struct stream_options *options, __u32 index,
		struct grouping *grouping, struct stream *stream)
{
	const struct window_spec *spec = &options->windows[index];

	*window = (struct window){ .spec = spec, .grouping = grouping, .index = index };
	if (spec->kind == SLUICE_WINDOW_SESSION) {
		window->emits = options->worker == 0;
		window->watermark_ns = SOURCES_WATERMARK_NONE;
		extras_init(&window->extras, spec, &stream->sketches);
		return sessions_open(&window->sessions, window, options, &stream->budget);
	}
	window->pane_ns = greatest_common_divisor(spec->size_ns, spec->slide_ns);
	window->slides = window->pane_ns != spec->size_ns;
	window->emits = options->worker == 0;
	window->watermark_ns = SOURCES_WATERMARK_NONE;
	window->groups_max = options->groups_max;
	window->chunk_entries = grouping->groups.capacity / CHUNK_ROWS + 1;
	window->pane_mask = slots_wanted(spec, window->pane_ns, options->max_ahead_ns) - 1;
	window->instance_mask = slots_wanted(spec, spec->slide_ns, options->max_ahead_ns) - 1;
	extras_init(&window->extras, spec, &stream->sketches);
	if (!reserve_tables(window))
		return -ENOMEM;
	return window->extras.count ? chunks_open(&window->extra_chunks, window->extras.state_bytes,
						  &stream->budget)
				    : 0;
}

void window_close(struct window *window)
{
	size_t panes = (size_t)window->pane_mask + 1;
	size_t instances = (size_t)window->instance_mask + 1;

	sessions_close(window->sessions);
	memory_release(window->panes, panes * sizeof(*window->panes));
	memory_release(window->live, panes * sizeof(*window->live));
	memory_release(window->instances, instances * sizeof(*window->instances));
	memory_release(window->shown, instances * sizeof(*window->shown));
	memory_release(window->chunk_table, panes * window->chunk_entries * sizeof(__u32));
	memory_release(window->changed_table, changed_bytes(window));
	memory_release(window->extra_table, panes * window->chunk_entries * sizeof(__u32));
	chunks_close(&window->extra_chunks);
	memory_release(window->deferred, DEFERRED_MAX * sizeof(*window->deferred));
	*window = (struct window){ 0 };
}
