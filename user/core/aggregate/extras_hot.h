/* SPDX-License-Identifier: BSD-2-Clause */
/* The hot path of what rows hold beyond the base partial, for hot_batch.c alone: takes a batch into
 * the extras of the rows that its events found, one aggregate after the other, each from the column
 * that it looks at. With many groups, what an event will change is fetched while others are worked
 * on. */
#ifndef SLUICE_CORE_EXTRAS_HOT_H
#define SLUICE_CORE_EXTRAS_HOT_H

#include "core/aggregate/extras_few_hot.h"
#include "core/sketch/sketch_top.h"

/* So many events are worked on between the fetch of a state and a look at it, and again between the
 * fetch of what it points to and the use of that. */
#define EXTRAS_DISTANCE (FETCH_DISTANCE / 2)

/* The events of a batch that found a row, and the states of these. */
struct takers {
	const struct batch *batch;
	struct sketch_pool *pool;
	__u32 count;
	__u16 event[BATCH_EVENTS]; /* number in the batch */
	unsigned char *state[BATCH_EVENTS];
};

static void find_takers(struct takers *takers, const struct window *window,
			const struct batch *batch, bool is_plain)
{
	const __u32 state_bytes = window->extras.state_bytes, count = batch->count;
	const size_t chunk_bytes = window->extra_chunks.chunk_bytes;
	unsigned char *const base = window->extra_chunks.base;
	/* Of few groups, all states are in one chunk. */
	unsigned char *chunk = NULL;
	const struct pane *pane = NULL;
	__u32 taken = 0, place = 0;

	takers->batch = batch;
	takers->pool = window->extras.pool;
	for (__u32 i = 0; i < count; i++) {
		const struct pane *own = pane_of(window, batch, i, is_plain);
		__u32 id = batch->id[i];

		if (!batch->row[i])
			continue;
		if (own != pane || id >> CHUNK_ROWS_SHIFT != place) {
			pane = own;
			place = id >> CHUNK_ROWS_SHIFT;
			chunk = base + pane->extra[place] * chunk_bytes;
		}
		takers->event[taken] = (__u16)i;
		takers->state[taken++] = chunk + (size_t)(id & (CHUNK_ROWS - 1)) * state_bytes;
	}
	takers->count = taken;
}

inline_always void hash_column(const struct takers *takers, const struct extras_item *item,
			       __u64 *hash)
{
	const struct column column = columns[item->field];
	const __u32 count = takers->count;

	for (__u32 n = 0; n < count; n++)
		hash[n] = murmur64a_u64(read_column(takers->batch, column, takers->event[n]),
					MURMUR64A_SEED_REDIS);
}

static __attribute__((noinline)) void add_distinct_near(const struct takers *takers,
							const struct extras_item *item)
{
	const __u32 offset = item->offset, count = takers->count;
	struct sketch_pool *const pool = takers->pool;
	__u64 hash[BATCH_EVENTS];
	struct raises raises;
	__u32 found = 0;

	hash_column(takers, item, hash);
	for (__u32 n = 0; n < count; n++) {
		struct sketch_distinct *sketch = (void *)(takers->state[n] + offset);

		if (is_rare(sketch->form != SKETCH_DISTINCT_REGISTERS))
			sketch_distinct_add_hash(sketch, pool, hash[n]);
		else
			note_raise(&raises, found++, sketch_pool_block(pool, sketch->block),
				   sketch->precision, hash[n]);
	}
	raise_registers(&raises, found);
}

static __attribute__((noinline)) void add_distinct_far(const struct takers *takers,
						       const struct extras_item *item)
{
	const __u32 offset = item->offset, count = takers->count;
	struct sketch_pool *const pool = takers->pool;
	__u64 hash[BATCH_EVENTS];

	hash_column(takers, item, hash);
	for (__u32 n = 0; n < count + 2 * EXTRAS_DISTANCE; n++) {
		const __u32 near = n - EXTRAS_DISTANCE, now = near - EXTRAS_DISTANCE;

		if (n < count)
			fetch(takers->state[n] + offset);
		if (near < count)
			sketch_distinct_prefetch((void *)(takers->state[near] + offset), pool,
						 hash[near]);
		if (now < count)
			sketch_distinct_add_hash((void *)(takers->state[now] + offset), pool,
						 hash[now]);
	}
}

inline_always void add_quantiles(const struct takers *takers, const struct extras_item *item,
				 const bool fetches)
{
	const __u32 offset = item->offset, count = takers->count;
	const __u32 distance = fetches ? EXTRAS_DISTANCE : 0, scale = item->precision;
	struct sketch_pool *const pool = takers->pool;
	const struct batch *batch = takers->batch;
	__u32 code[BATCH_ROOM]; /* by event */

	codes_find(batch->value, batch->count, scale, code);
	for (__u32 n = 0; n < count + 2 * distance; n++) {
		const __u32 near = n - distance, now = near - distance;

		if (fetches && n < count)
			fetch(takers->state[n] + offset);
		if (fetches && near < count)
			sketch_histogram_prefetch((void *)(takers->state[near] + offset), pool,
						  code[takers->event[near]]);
		if (now < count)
			sketch_histogram_add_code((void *)(takers->state[now] + offset), pool,
						  code[takers->event[now]],
						  batch_weight(batch, takers->event[now]));
	}
}

/* Functions of their own: together they would want more registers than there are. */
#define ADD_QUANTILES(reach, fetches)                                        \
	static __attribute__((noinline)) void add_quantiles_##reach(         \
		const struct takers *takers, const struct extras_item *item) \
	{                                                                    \
		add_quantiles(takers, item, fetches);                        \
	}
ADD_QUANTILES(near, false)
ADD_QUANTILES(far, true)

static void add_top(const struct takers *takers, const struct extras_item *item)
{
	const struct column column = columns[item->field];

	for (__u32 n = 0; n < takers->count; n++)
		sketch_top_add((void *)(takers->state[n] + item->offset), takers->pool,
			       read_column(takers->batch, column, takers->event[n]),
			       batch_weight(takers->batch, takers->event[n]));
}

/* First and last: mostly the time alone tells that an event is neither. */
static void add_points(const struct takers *takers, const struct extras *extras,
		       const struct extras_item *item)
{
	bool is_first = item->kind == SLUICE_AGGREGATE_FIRST;

	for (__u32 n = 0; n < takers->count; n++) {
		const struct sluice_point *point = (void *)(takers->state[n] + item->offset);
		__s64 time_ns = takers->batch->time_ns[takers->event[n]];
		struct extras_event event;

		if (is_first ? time_ns > point->time_ns
			     : time_ns < point->time_ns && !extras_point_is_none(point))
			continue;
		batch_read_event(takers->batch, takers->event[n], &event);
		extras_add_item(extras, item, takers->state[n], &event);
	}
}

static void add_item(const struct takers *takers, const struct extras *extras,
		     const struct extras_item *item, bool fetches)
{
	if (item->kind == SLUICE_AGGREGATE_DISTINCT && fetches)
		add_distinct_far(takers, item);
	else if (item->kind == SLUICE_AGGREGATE_DISTINCT)
		add_distinct_near(takers, item);
	else if (item->kind == SLUICE_AGGREGATE_QUANTILES && fetches)
		add_quantiles_far(takers, item);
	else if (item->kind == SLUICE_AGGREGATE_QUANTILES)
		add_quantiles_near(takers, item);
	else if (item->kind == SLUICE_AGGREGATE_TOP)
		add_top(takers, item);
	else
		add_points(takers, extras, item);
}

/* Of few groups, where every event has its row in the pane of the last one. False: the item has no
 * such way. */
static bool add_item_few(const struct window *window, const struct batch *batch,
			 const struct extras_item *item)
{
	const struct few_sketches few = {
		.batch = batch,
		.pool = window->extras.pool,
		.first = (unsigned char *)chunks_at(&window->extra_chunks, window->last->extra[0]) +
			 item->offset,
		.distance = window->extras.state_bytes,
		.ids = window->grouping->groups.ids_touched,
	};

	if (item->kind == SLUICE_AGGREGATE_DISTINCT)
		add_distinct_few(&few, item->field, item->precision);
	else if (item->kind == SLUICE_AGGREGATE_QUANTILES)
		add_quantiles_few(&few, item->precision);
	else
		return false;
	return true;
}

/* is_whole: every event has its row, of few groups, in the pane of the last one. */
static __attribute__((noinline)) void add_extras(const struct window *window,
						 const struct batch *batch, bool is_plain,
						 bool is_whole)
{
	const struct groups *groups = &window->grouping->groups;
	const bool fetches = groups->count >= EXTRAS_FETCH_GROUPS;
	const bool is_few = is_whole && groups->ids_touched <= EXTRAS_FEW_MAX;
	const struct extras *extras = &window->extras;
	struct takers takers;
	bool has_takers = false;

	for (__u32 i = 0; i < extras->count; i++) {
		const struct extras_item *item = &extras->item[i];

		if (is_few && add_item_few(window, batch, item))
			continue;
		if (!has_takers)
			find_takers(&takers, window, batch, is_plain);
		has_takers = true;
		add_item(&takers, extras, item, fetches);
	}
}

#endif
