/* SPDX-License-Identifier: BSD-2-Clause */
/* The hot path of what rows hold beyond the base partial, for hot_batch.c alone: takes a batch into
 * the extras of the rows that its events found, one aggregate after the other, each from the column
 * that it looks at. With many groups, what an event will change is fetched while others are worked
 * on. */
#ifndef SLUICE_CORE_EXTRAS_HOT_H
#define SLUICE_CORE_EXTRAS_HOT_H

#include <string.h>

#include "core/hot.h"
#include "core/sketch_distinct.h"
#include "core/sketch_histogram.h"
#include "core/sketch_top.h"

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
			const struct batch *batch)
{
	const __u32 state_bytes = window->extras.state_bytes, count = batch->count;
	const size_t chunk_bytes = window->extra_chunks.chunk_bytes;
	unsigned char *const base = window->extra_chunks.base;
	/* Of few groups, all states are in one chunk. */
	unsigned char *chunk = NULL;
	const struct pane *pane = NULL;
	__u32 taken = 0, place = 0;

	for (__u32 i = 0; i < count; i++) {
		__u32 id = batch->id[i];

		if (!batch->row[i])
			continue;
		if (batch->pane[i] != pane || id >> CHUNK_ROWS_SHIFT != place) {
			pane = batch->pane[i];
			place = id >> CHUNK_ROWS_SHIFT;
			chunk = base + pane->extra[place] * chunk_bytes;
		}
		takers->event[taken] = (__u16)i;
		takers->state[taken++] = chunk + (size_t)(id & (CHUNK_ROWS - 1)) * state_bytes;
	}
	takers->count = taken;
}

/* Of few groups, where every event has its row in the pane of the last one. */
static void find_takers_few(struct takers *takers, const struct window *window,
			    const struct batch *batch)
{
	const __u64 state_bytes = window->extras.state_bytes;
	const __u32 count = batch->count;
	unsigned char *const chunk = chunks_at(&window->extra_chunks, window->last->extra[0]);

	for (__u32 i = 0; i < count; i++)
		takers->event[i] = (__u16)i;
	for (__u32 i = 0; i < count; i++)
		takers->state[i] = chunk + batch->id[i] * state_bytes;
	takers->count = count;
}

/* Where a field of events lies in the batch: 8 bytes are read at its place, as every array has
 * that much room behind it. */
struct column {
	size_t offset;
	__u8 stride;
	__u8 shift;
	bool is_of_datagram;
	__u64 mask;
};

static const struct column columns[SLUICE_FIELD_VALUE] = {
	[SLUICE_FIELD_TENANT] = { offsetof(struct batch, tenant), 2, 0, true, 0xffff },
	[SLUICE_FIELD_SOURCE] = { offsetof(struct batch, source_id), 8, 0, true, ~0ull },
	[SLUICE_FIELD_TYPE] = { offsetof(struct batch, type_weight), 4, 0, false, 0xffff },
	[SLUICE_FIELD_KEY] = { offsetof(struct batch, key), 8, 0, false, ~0ull },
	[SLUICE_FIELD_DIM0] = { offsetof(struct batch, dims01), 8, 0, false, 0xffffffff },
	[SLUICE_FIELD_DIM1] = { offsetof(struct batch, dims01), 8, 32, false, 0xffffffff },
	[SLUICE_FIELD_DIM2] = { offsetof(struct batch, dims23), 8, 0, false, 0xffffffff },
	[SLUICE_FIELD_DIM3] = { offsetof(struct batch, dims23), 8, 32, false, 0xffffffff },
};

inline_always __u64 read_column(const struct takers *takers, const struct column column, __u32 n)
{
	const struct batch *batch = takers->batch;
	__u32 i = takers->event[n];
	__u64 word;

	if (column.is_of_datagram)
		i = batch->datagram[i];
	memcpy(&word, (const unsigned char *)batch + column.offset + (size_t)i * column.stride,
	       sizeof(word));
	return word >> column.shift & column.mask;
}

/* What an event adds to a sketch is computed by a loop of its own: that and the adding are chains
 * of latencies, and more events are under way in short loops. */
inline_always void hash_column(const struct takers *takers, const struct extras_item *item,
			       __u64 *hash)
{
	const struct column column = columns[item->field];
	const __u32 count = takers->count;

	for (__u32 n = 0; n < count; n++)
		hash[n] = murmur64a_u64(read_column(takers, column, n), MURMUR64A_SEED_REDIS);
}

/* Of few groups: registers are found by the first loop as well, and they stay where they are. The
 * second one is so short that many of them are on their way at once. */
static __attribute__((noinline)) void add_distinct_near(const struct takers *takers,
							const struct extras_item *item)
{
	const __u32 offset = item->offset, count = takers->count;
	struct sketch_pool *const pool = takers->pool;
	__u64 hash[BATCH_EVENTS];
	__u8 *place[BATCH_EVENTS], rank[BATCH_EVENTS];
	__u32 found = 0;

	hash_column(takers, item, hash);
	for (__u32 n = 0; n < count; n++) {
		struct sketch_distinct *sketch = (void *)(takers->state[n] + offset);

		if (is_rare(sketch->form != SKETCH_DISTINCT_REGISTERS)) {
			sketch_distinct_add_hash(sketch, pool, hash[n]);
			continue;
		}
		place[found] = sketch_distinct_register(sketch_pool_block(pool, sketch->block),
							sketch->precision, hash[n]);
		rank[found++] = sketch_distinct_rank(sketch->precision, hash[n]);
	}
	for (__u32 n = 0; n < found; n++) {
		if (is_rare(*place[n] < rank[n]))
			*place[n] = rank[n];
	}
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
	__u32 code[BATCH_EVENTS];

	for (__u32 n = 0; n < count; n++)
		code[n] = sketch_histogram_code(batch->value[takers->event[n]], scale);
	for (__u32 n = 0; n < count + 2 * distance; n++) {
		const __u32 near = n - distance, now = near - distance;

		if (fetches && n < count)
			fetch(takers->state[n] + offset);
		if (fetches && near < count)
			sketch_histogram_prefetch((void *)(takers->state[near] + offset), pool,
						  code[near]);
		if (now < count)
			sketch_histogram_add_code((void *)(takers->state[now] + offset), pool,
						  code[now],
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
			       read_column(takers, column, n),
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

static __attribute__((noinline)) void add_extras(const struct window *window,
						 const struct batch *batch, bool is_whole)
{
	const bool fetches = window->grouping->groups.count >= EXTRAS_FETCH_GROUPS;
	const struct extras *extras = &window->extras;
	struct takers takers;

	takers.batch = batch;
	takers.pool = extras->pool;
	if (is_whole)
		find_takers_few(&takers, window, batch);
	else
		find_takers(&takers, window, batch);
	for (__u32 i = 0; i < extras->count; i++) {
		const struct extras_item *item = &extras->item[i];

		if (item->kind == SLUICE_AGGREGATE_DISTINCT && fetches)
			add_distinct_far(&takers, item);
		else if (item->kind == SLUICE_AGGREGATE_DISTINCT)
			add_distinct_near(&takers, item);
		else if (item->kind == SLUICE_AGGREGATE_QUANTILES && fetches)
			add_quantiles_far(&takers, item);
		else if (item->kind == SLUICE_AGGREGATE_QUANTILES)
			add_quantiles_near(&takers, item);
		else if (item->kind == SLUICE_AGGREGATE_TOP)
			add_top(&takers, item);
		else
			add_points(&takers, extras, item);
	}
}

#endif
