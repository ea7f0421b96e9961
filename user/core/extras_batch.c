/* SPDX-License-Identifier: BSD-2-Clause */
/* Takes a batch into the extras of the rows its events found, one aggregate after the other, each
 * from the column that it looks at. Where there are many groups, what an event will change is
 * fetched first, so that it arrives while the others are worked on. */
#include "core/sketch_distinct.h"
#include "core/sketch_histogram.h"
#include "core/sketch_top.h"
#include "core/stream_state.h"

/* From so many groups on their sketches do not stay in the nearest cache. */
#define FETCH_STATES_MIN 64u

/* The events of a batch that found a row, and the states of these. */
struct takers {
	const struct batch *batch;
	struct sketch_pool *pool;
	bool fetches;
	__u32 count;
	__u16 event[BATCH_EVENTS];		/* number in the batch */
	unsigned char *state[BATCH_EVENTS];
};

static __u16 weight_of(const struct batch *batch, __u32 i)
{
	__u16 weight = (__u16)(batch->type_weight[i] >> 16);

	return weight ? weight : 1;
}

void batch_read_event(const struct batch *batch, __u32 i, struct extras_event *event)
{
	__u32 datagram = batch->datagram[i];

	*event = (struct extras_event){
		.time_ns = batch->time_ns[i],
		.value = batch->value[i],
		.weight = weight_of(batch, i),
		.event_id = batch->event_id[i],
		.source_id = batch->source_id[datagram],
		.sequence = batch->sequence[datagram],
		.epoch = batch->epoch[datagram],
		.index = batch->index[i],
		.field = {
			[SLUICE_FIELD_TENANT] = batch->tenant[datagram],
			[SLUICE_FIELD_SOURCE] = batch->source_id[datagram],
			[SLUICE_FIELD_TYPE] = batch->type_weight[i] & 0xffff,
			[SLUICE_FIELD_KEY] = batch->key[i],
			[SLUICE_FIELD_DIM0] = batch->dims01[i] & 0xffffffff,
			[SLUICE_FIELD_DIM1] = batch->dims01[i] >> 32,
			[SLUICE_FIELD_DIM2] = batch->dims23[i] & 0xffffffff,
			[SLUICE_FIELD_DIM3] = batch->dims23[i] >> 32,
		},
	};
}

static void find_states(struct takers *takers, const struct window *window,
			const struct batch *batch)
{
	takers->batch = batch;
	takers->pool = window->extras.pool;
	takers->fetches = window->grouping->groups.count >= FETCH_STATES_MIN;
	takers->count = 0;
	for (__u32 i = 0; i < batch->count; i++) {
		unsigned char *state;

		if (!batch->row[i])
			continue;
		state = pane_extra(window, batch->pane[i], batch->id[i]);
		if (takers->fetches)
			__builtin_prefetch(state, 1, 2);
		takers->event[takers->count] = (__u16)i;
		takers->state[takers->count++] = state;
	}
}

#define for_each_value(value, expression)                                                          \
	for (__u32 n = 0; n < takers->count; n++) {                                                \
		const __u32 i = takers->event[n];                                                  \
                                                                                                   \
		(value)[n] = (expression);                                                         \
	}

/* The field of each event. */
static void read_field(const struct takers *takers, __u8 field, __u64 *value)
{
	const struct batch *batch = takers->batch;

	switch (field) {
	case SLUICE_FIELD_TENANT:
		for_each_value(value, batch->tenant[batch->datagram[i]]);
		break;
	case SLUICE_FIELD_SOURCE:
		for_each_value(value, batch->source_id[batch->datagram[i]]);
		break;
	case SLUICE_FIELD_TYPE:
		for_each_value(value, batch->type_weight[i] & 0xffff);
		break;
	case SLUICE_FIELD_KEY:
		for_each_value(value, batch->key[i]);
		break;
	case SLUICE_FIELD_DIM0:
		for_each_value(value, batch->dims01[i] & 0xffffffff);
		break;
	case SLUICE_FIELD_DIM1:
		for_each_value(value, batch->dims01[i] >> 32);
		break;
	case SLUICE_FIELD_DIM2:
		for_each_value(value, batch->dims23[i] & 0xffffffff);
		break;
	default:
		for_each_value(value, batch->dims23[i] >> 32);
		break;
	}
}

static void add_distinct(const struct takers *takers, const struct extras_item *item)
{
	struct sketch_pool *pool = takers->pool;
	__u64 hash[BATCH_EVENTS];

	read_field(takers, item->field, hash);
	for (__u32 n = 0; n < takers->count; n++) {
		hash[n] = murmur64a_u64(hash[n], MURMUR64A_SEED_REDIS);
		if (takers->fetches)
			sketch_distinct_prefetch((void *)(takers->state[n] + item->offset), pool,
						 hash[n]);
	}
	for (__u32 n = 0; n < takers->count; n++)
		sketch_distinct_add_hash((void *)(takers->state[n] + item->offset), pool, hash[n]);
}

static void add_quantiles(const struct takers *takers, const struct extras_item *item)
{
	const struct batch *batch = takers->batch;
	struct sketch_pool *pool = takers->pool;
	__u32 code[BATCH_EVENTS];

	for (__u32 n = 0; n < takers->count; n++) {
		code[n] = sketch_histogram_code(batch->value[takers->event[n]], item->precision);
		if (takers->fetches)
			sketch_histogram_prefetch((void *)(takers->state[n] + item->offset), pool,
						  code[n]);
	}
	for (__u32 n = 0; n < takers->count; n++)
		sketch_histogram_add_code((void *)(takers->state[n] + item->offset), pool, code[n],
					  weight_of(batch, takers->event[n]));
}

static void add_top(const struct takers *takers, const struct extras_item *item)
{
	__u64 value[BATCH_EVENTS];

	read_field(takers, item->field, value);
	for (__u32 n = 0; n < takers->count; n++)
		sketch_top_add((void *)(takers->state[n] + item->offset), takers->pool, value[n],
			       weight_of(takers->batch, takers->event[n]));
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

void window_add_extras(struct window *window, const struct batch *batch)
{
	const struct extras *extras = &window->extras;
	struct takers takers;

	find_states(&takers, window, batch);
	for (__u32 i = 0; i < extras->count; i++) {
		const struct extras_item *item = &extras->item[i];

		if (item->kind == SLUICE_AGGREGATE_DISTINCT)
			add_distinct(&takers, item);
		else if (item->kind == SLUICE_AGGREGATE_QUANTILES)
			add_quantiles(&takers, item);
		else if (item->kind == SLUICE_AGGREGATE_TOP)
			add_top(&takers, item);
		else
			add_points(&takers, extras, item);
	}
}
