/* SPDX-License-Identifier: BSD-2-Clause */
/* What a row carries behind its base partial, in the order of the window's aggregates: points of
 * first and last, and written sketches, read by the functions that every reader of the log uses. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/sketch/sketch_distinct.h"
#include "core/sketch/sketch_histogram.h"
#include "core/sketch/sketch_top.h"
#include "decode.h"

#define POOL_BYTES (1u << 20)

struct reader {
	const unsigned char *at;
	size_t left;
	struct sketch_pool *pool;
};

/* One pool for all rows: each reading gives back what it took. */
static struct sketch_pool *shared_pool(void)
{
	static unsigned char memory[POOL_BYTES] __attribute__((aligned(SKETCH_POOL_ALIGN)));
	static struct sketch_pool pool;

	if (!pool.memory)
		sketch_pool_open(&pool, memory, sizeof(memory), 1);
	return &pool;
}

static size_t sketch_length(const struct reader *reader)
{
	struct sketch_head head;

	if (reader->left < sizeof(head))
		return 0;
	memcpy(&head, reader->at, sizeof(head));
	return head.bytes <= reader->left && head.body != SKETCH_BODY_LOST ? head.bytes : 0;
}

static size_t read_point(struct reader *reader, struct result_aggregate *aggregate)
{
	struct sluice_point point;

	if (reader->left < sizeof(point))
		return 0;
	memcpy(&point, reader->at, sizeof(point));
	aggregate->value = point.value;
	aggregate->is_exact = true;
	return sizeof(point);
}

static size_t read_distinct(struct reader *reader, const struct sluice_schema_aggregate *asked,
			    struct result_aggregate *aggregate)
{
	struct sketch_distinct sketch = sketch_distinct_empty(asked->precision);
	size_t bytes = sketch_length(reader);
	__u64 count;

	if (!bytes || sketch_distinct_merge_bytes(&sketch, reader->pool, reader->at, bytes) ||
	    sketch_distinct_estimate(&sketch, reader->pool, &count))
		return 0;
	aggregate->distinct = (double)count;
	aggregate->is_exact = sketch_distinct_is_exact(&sketch);
	sketch_distinct_clear(&sketch, reader->pool);
	return bytes;
}

static size_t read_quantiles(struct reader *reader, const struct sluice_schema_aggregate *asked,
			     struct result_aggregate *aggregate)
{
	struct sketch_histogram sketch = sketch_histogram_empty(asked->precision);
	size_t bytes = sketch_length(reader);

	if (!bytes || sketch_histogram_merge_bytes(&sketch, reader->pool, reader->at, bytes))
		return 0;
	for (unsigned int i = 0; i < asked->quantile_count; i++) {
		double q;

		memcpy(&q, &asked->quantile[i], sizeof(q));
		if (sketch_histogram_quantile(&sketch, reader->pool, q, &aggregate->quantile[i]))
			return 0;
	}
	sketch_histogram_clear(&sketch, reader->pool);
	return bytes;
}

static size_t read_top(struct reader *reader, const struct sluice_schema_aggregate *asked,
		       struct result_aggregate *aggregate)
{
	struct sketch_top sketch = sketch_top_empty(SKETCH_TOP_CAPACITY(asked->k));
	struct sketch_top_item item[64];
	size_t bytes = sketch_length(reader);
	int count;

	if (!bytes || sketch_top_merge_bytes(&sketch, reader->pool, reader->at, bytes))
		return 0;
	count = sketch_top_items(&sketch, reader->pool, item, asked->k < 64 ? asked->k : 64);
	if (count < 0)
		return 0;
	aggregate->top_count = (__u32)count;
	for (int i = 0; i < count; i++)
		aggregate->top[i] =
			(struct result_top){ item[i].value, item[i].count, item[i].error };
	aggregate->is_exact = sketch_top_absent_max(&sketch, reader->pool) == 0;
	sketch_top_clear(&sketch, reader->pool);
	return bytes;
}

static bool has_extra(__u8 kind)
{
	return kind == SLUICE_AGGREGATE_FIRST || kind == SLUICE_AGGREGATE_LAST ||
	       kind >= SLUICE_AGGREGATE_DISTINCT;
}

static int read_all(struct reader *reader, const struct window_spec *spec, struct result_row *row)
{
	for (__u32 a = 0; a < spec->aggregate_count; a++) {
		const struct sluice_schema_aggregate *asked = &spec->aggregate[a];
		struct result_aggregate *aggregate;
		size_t bytes;

		if (!has_extra(asked->kind))
			continue;
		aggregate = &row->aggregate[row->aggregate_count++];
		aggregate->kind = asked->kind;
		if (asked->kind == SLUICE_AGGREGATE_DISTINCT)
			bytes = read_distinct(reader, asked, aggregate);
		else if (asked->kind == SLUICE_AGGREGATE_QUANTILES)
			bytes = read_quantiles(reader, asked, aggregate);
		else if (asked->kind == SLUICE_AGGREGATE_TOP)
			bytes = read_top(reader, asked, aggregate);
		else
			bytes = read_point(reader, aggregate);
		if (!bytes)
			return -EINVAL;
		reader->at += bytes;
		reader->left -= bytes;
	}
	return 0;
}

int decode_extra(const struct window_spec *spec, const void *data, size_t bytes,
		 struct result_row *row)
{
	struct reader reader = { .at = data, .left = bytes, .pool = shared_pool() };
	int error;

	if (!bytes)
		return 0;	/* nothing asked for, or the overflow group */
	row->aggregate = calloc(spec->aggregate_count, sizeof(*row->aggregate));
	error = read_all(&reader, spec, row);
	return error ? error : (int)(bytes - reader.left);
}
