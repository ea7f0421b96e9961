/* SPDX-License-Identifier: BSD-2-Clause */
/* First, last and the sketches of a row: one table row per kind of aggregate, walked in the order
 * in which the window asks for them. */
#include "core/aggregate/extras.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "core/sketch/sketch_distinct.h"
#include "core/sketch/sketch_histogram.h"
#include "core/sketch/sketch_top.h"

static int compare(__u64 a, __u64 b)
{
	return a < b ? -1 : a > b;
}

/* Order of two events in time, ties by identity. */
static int compare_points(const struct sluice_point *a, const struct sluice_point *b)
{
	int order = a->time_ns < b->time_ns ? -1 : a->time_ns > b->time_ns;

	order = order ? order : compare(a->event_id, b->event_id);
	order = order ? order : compare(a->source_id, b->source_id);
	order = order ? order : compare(a->epoch, b->epoch);
	order = order ? order : compare(a->sequence, b->sequence);
	return order ? order : compare(a->index, b->index);
}

static void first_merge(struct sluice_point *into, const struct sluice_point *from)
{
	if (!extras_point_is_none(from) &&
	    (extras_point_is_none(into) || compare_points(from, into) < 0))
		*into = *from;
}

static void last_merge(struct sluice_point *into, const struct sluice_point *from)
{
	if (!extras_point_is_none(from) &&
	    (extras_point_is_none(into) || compare_points(from, into) > 0))
		*into = *from;
}

static struct sluice_point point_of(const struct extras_event *event)
{
	return (struct sluice_point){
		.time_ns = event->time_ns,
		.value = event->value,
		.event_id = event->event_id,
		.source_id = event->source_id,
		.sequence = event->sequence,
		.epoch = event->epoch,
		.index = event->index,
	};
}

static void point_open(const struct extras_item *item, void *state)
{
	(void)item;
	*(struct sluice_point *)state = (struct sluice_point){ .time_ns = EXTRAS_POINT_NONE };
}

static void first_add(const struct extras_item *item, struct sketch_pool *pool, void *state,
		      const struct extras_event *event)
{
	struct sluice_point point = point_of(event);

	(void)item;
	(void)pool;
	first_merge(state, &point);
}

static void last_add(const struct extras_item *item, struct sketch_pool *pool, void *state,
		     const struct extras_event *event)
{
	struct sluice_point point = point_of(event);

	(void)item;
	(void)pool;
	last_merge(state, &point);
}

static void first_merge_state(struct sketch_pool *pool, void *state, const void *from)
{
	(void)pool;
	first_merge(state, from);
}

static void last_merge_state(struct sketch_pool *pool, void *state, const void *from)
{
	(void)pool;
	last_merge(state, from);
}

static void point_clear(struct sketch_pool *pool, void *state)
{
	(void)pool;
	(void)state;
}

static size_t point_bytes(const struct sketch_pool *pool, const void *state)
{
	(void)pool;
	(void)state;
	return sizeof(struct sluice_point);
}

static long point_write(const struct sketch_pool *pool, const void *state, void *bytes)
{
	(void)pool;
	memcpy(bytes, state, sizeof(struct sluice_point));
	return sizeof(struct sluice_point);
}

static int first_merge_bytes(struct sketch_pool *pool, void *state, const void *bytes, size_t room)
{
	struct sluice_point point;

	(void)room;
	memcpy(&point, bytes, sizeof(point));
	first_merge_state(pool, state, &point);
	return 0;
}

static int last_merge_bytes(struct sketch_pool *pool, void *state, const void *bytes, size_t room)
{
	struct sluice_point point;

	(void)room;
	memcpy(&point, bytes, sizeof(point));
	last_merge_state(pool, state, &point);
	return 0;
}

static void distinct_open(const struct extras_item *item, void *state)
{
	*(struct sketch_distinct *)state = sketch_distinct_empty(item->precision);
}

static void distinct_add(const struct extras_item *item, struct sketch_pool *pool, void *state,
			 const struct extras_event *event)
{
	sketch_distinct_add(state, pool, event->field[item->field]);
}

static void distinct_merge(struct sketch_pool *pool, void *state, const void *from)
{
	sketch_distinct_merge(state, pool, from, pool);
}

static void distinct_clear(struct sketch_pool *pool, void *state)
{
	sketch_distinct_clear(state, pool);
}

static size_t distinct_bytes(const struct sketch_pool *pool, const void *state)
{
	(void)pool;
	return sketch_distinct_bytes(state);
}

static long distinct_write(const struct sketch_pool *pool, const void *state, void *bytes)
{
	return sketch_distinct_write(state, pool, bytes, SIZE_MAX);
}

static int distinct_merge_bytes(struct sketch_pool *pool, void *state, const void *bytes,
				size_t room)
{
	return sketch_distinct_merge_bytes(state, pool, bytes, room);
}

static void quantiles_open(const struct extras_item *item, void *state)
{
	*(struct sketch_histogram *)state = sketch_histogram_empty(item->precision);
}

static void quantiles_add(const struct extras_item *item, struct sketch_pool *pool, void *state,
			  const struct extras_event *event)
{
	(void)item;
	sketch_histogram_add(state, pool, event->value, event->weight);
}

static void quantiles_merge(struct sketch_pool *pool, void *state, const void *from)
{
	sketch_histogram_merge(state, pool, from, pool);
}

static void quantiles_clear(struct sketch_pool *pool, void *state)
{
	sketch_histogram_clear(state, pool);
}

static size_t quantiles_bytes(const struct sketch_pool *pool, const void *state)
{
	return sketch_histogram_bytes(state, pool);
}

static long quantiles_write(const struct sketch_pool *pool, const void *state, void *bytes)
{
	return sketch_histogram_write(state, pool, bytes, SIZE_MAX);
}

static int quantiles_merge_bytes(struct sketch_pool *pool, void *state, const void *bytes,
				 size_t room)
{
	return sketch_histogram_merge_bytes(state, pool, bytes, room);
}

static void top_open(const struct extras_item *item, void *state)
{
	*(struct sketch_top *)state = sketch_top_empty(SKETCH_TOP_CAPACITY(item->k));
}

static void top_add(const struct extras_item *item, struct sketch_pool *pool, void *state,
		    const struct extras_event *event)
{
	sketch_top_add(state, pool, event->field[item->field], event->weight);
}

static void top_merge(struct sketch_pool *pool, void *state, const void *from)
{
	sketch_top_merge(state, pool, from, pool);
}

static void top_clear(struct sketch_pool *pool, void *state)
{
	sketch_top_clear(state, pool);
}

static size_t top_bytes(const struct sketch_pool *pool, const void *state)
{
	return sketch_top_bytes(state, pool);
}

static long top_write(const struct sketch_pool *pool, const void *state, void *bytes)
{
	return sketch_top_write(state, pool, bytes, SIZE_MAX);
}

static int top_merge_bytes(struct sketch_pool *pool, void *state, const void *bytes, size_t room)
{
	return sketch_top_merge_bytes(state, pool, bytes, room);
}

struct operations {
	__u32 state_bytes;	/* 0: this aggregate needs nothing beyond the base partial */
	void (*open)(const struct extras_item *item, void *state);
	void (*add)(const struct extras_item *item, struct sketch_pool *pool, void *state,
		    const struct extras_event *event);
	void (*merge)(struct sketch_pool *pool, void *state, const void *from);
	void (*clear)(struct sketch_pool *pool, void *state);
	size_t (*bytes)(const struct sketch_pool *pool, const void *state);
	/* There is room for what bytes() says. Returns that. */
	long (*write)(const struct sketch_pool *pool, const void *state, void *bytes);
	int (*merge_bytes)(struct sketch_pool *pool, void *state, const void *bytes, size_t room);
};

static const struct operations operations[SLUICE_AGGREGATE_KINDS] = {
	[SLUICE_AGGREGATE_FIRST] = { sizeof(struct sluice_point), point_open, first_add,
				     first_merge_state, point_clear, point_bytes, point_write,
				     first_merge_bytes },
	[SLUICE_AGGREGATE_LAST] = { sizeof(struct sluice_point), point_open, last_add,
				    last_merge_state, point_clear, point_bytes, point_write,
				    last_merge_bytes },
	[SLUICE_AGGREGATE_DISTINCT] = { sizeof(struct sketch_distinct), distinct_open, distinct_add,
					distinct_merge, distinct_clear, distinct_bytes,
					distinct_write, distinct_merge_bytes },
	[SLUICE_AGGREGATE_QUANTILES] = { sizeof(struct sketch_histogram), quantiles_open,
					 quantiles_add, quantiles_merge, quantiles_clear,
					 quantiles_bytes, quantiles_write, quantiles_merge_bytes },
	[SLUICE_AGGREGATE_TOP] = { sizeof(struct sketch_top), top_open, top_add, top_merge,
				   top_clear, top_bytes, top_write, top_merge_bytes },
};

void extras_init(struct extras *extras, const struct window_spec *spec, struct sketch_pool *pool)
{
	*extras = (struct extras){ .pool = pool };
	for (__u32 a = 0; a < spec->aggregate_count; a++) {
		const struct sluice_schema_aggregate *aggregate = &spec->aggregate[a];
		__u32 state_bytes = operations[aggregate->kind].state_bytes;

		if (!state_bytes)
			continue;
		extras->item[extras->count++] = (struct extras_item){
			.aggregate = (__u8)a,
			.kind = aggregate->kind,
			.field = aggregate->field,
			.precision = aggregate->precision,
			.k = aggregate->k,
			.offset = extras->state_bytes,
		};
		extras->state_bytes += state_bytes;
		extras->wants_identity |= aggregate->kind == SLUICE_AGGREGATE_FIRST ||
					  aggregate->kind == SLUICE_AGGREGATE_LAST;
	}
}

#define for_each_item(extras, item)                                                                \
	for (const struct extras_item *item = (extras)->item;                                      \
	     item < (extras)->item + (extras)->count; item++)

static void *state_of(void *state, const struct extras_item *item)
{
	return (unsigned char *)state + item->offset;
}

static const void *const_state_of(const void *state, const struct extras_item *item)
{
	return (const unsigned char *)state + item->offset;
}

void extras_open(const struct extras *extras, void *state)
{
	for_each_item (extras, item)
		operations[item->kind].open(item, state_of(state, item));
}

void extras_add_item(const struct extras *extras, const struct extras_item *item, void *state,
		     const struct extras_event *event)
{
	operations[item->kind].add(item, extras->pool, state_of(state, item), event);
}

void extras_add(const struct extras *extras, void *state, const struct extras_event *event)
{
	for_each_item (extras, item)
		extras_add_item(extras, item, state, event);
}

void extras_merge(const struct extras *extras, void *state, const void *from)
{
	for_each_item (extras, item)
		operations[item->kind].merge(extras->pool, state_of(state, item),
					     const_state_of(from, item));
}

void extras_clear(const struct extras *extras, void *state)
{
	for_each_item (extras, item)
		operations[item->kind].clear(extras->pool, state_of(state, item));
	memset(state, 0, extras->state_bytes);
}

size_t extras_bytes(const struct extras *extras, const void *state)
{
	size_t bytes = 0;

	for_each_item (extras, item)
		bytes += operations[item->kind].bytes(extras->pool, const_state_of(state, item));
	return bytes;
}

void extras_write(const struct extras *extras, const void *state, void *bytes)
{
	unsigned char *at = bytes;

	for_each_item (extras, item)
		at += operations[item->kind].write(extras->pool, const_state_of(state, item), at);
}

/* Length of the written state at `bytes`; 0 when it does not fit. */
static size_t written_bytes(const struct extras_item *item, const unsigned char *bytes, size_t room)
{
	struct sketch_head head;

	if (item->kind == SLUICE_AGGREGATE_FIRST || item->kind == SLUICE_AGGREGATE_LAST)
		return room >= sizeof(struct sluice_point) ? sizeof(struct sluice_point) : 0;
	if (room < sizeof(head))
		return 0;
	memcpy(&head, bytes, sizeof(head));
	return head.bytes >= sizeof(head) && head.bytes <= room && head.bytes % 8 == 0 ? head.bytes
										       : 0;
}

int extras_merge_bytes(const struct extras *extras, void *state, const void *bytes, size_t length)
{
	const unsigned char *at = bytes;
	size_t left = length;

	for_each_item (extras, item) {
		size_t own = written_bytes(item, at, left);

		if (!own)
			return -EBADMSG;
		at += own;
		left -= own;
	}
	if (left)
		return -EBADMSG;
	at = bytes;
	for_each_item (extras, item) {
		size_t own = written_bytes(item, at, length);
		int err = operations[item->kind].merge_bytes(extras->pool, state_of(state, item),
							     at, own);

		/* Also registers or buckets coarser than the window's: it never writes those. */
		if (err && err != -ENOSPC)
			return -EBADMSG;
		at += own;
		length -= own;
	}
	return 0;
}
