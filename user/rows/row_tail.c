/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads tails into the states that the stream itself uses. Trusts neither schema nor bytes. */
#include "rows/row_tail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/memory.h"
#include "core/sketch/sketch_histogram.h"
#include "core/sketch/sketch_top.h"

/* A block of the largest size for each aggregate, a slab for each size, and some to work with. */
#define POOL_BYTES (4u << 20)

_Static_assert(POOL_BYTES > (SLUICE_AGGREGATES_MAX + 2 * SKETCH_BLOCK_CLASSES) *
				    SKETCH_BLOCK_BYTES_MAX,
	       "no sketch of one row is ever lost here");

int row_tail_open(struct row_tail **tail)
{
	struct row_tail *made = calloc(1, sizeof(*made));
	__u64 seed = 0;

	if (!made)
		return -ENOMEM;
	made->memory = memory_reserve(POOL_BYTES);
	if (!made->memory) {
		free(made);
		return -ENOMEM;
	}
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != (ssize_t)sizeof(seed))
		seed = (__u64)(size_t)made->memory;
	sketch_pool_open(&made->pool, made->memory, POOL_BYTES, seed);
	*tail = made;
	return 0;
}

void row_tail_close(struct row_tail *tail)
{
	if (!tail)
		return;
	sketch_pool_close(&tail->pool);
	memory_release(tail->memory, POOL_BYTES);
	free(tail->bytes);
	free(tail);
}

bool row_tail_has(enum sluice_aggregate_kind kind)
{
	return kind == SLUICE_AGGREGATE_FIRST || kind == SLUICE_AGGREGATE_LAST ||
	       kind == SLUICE_AGGREGATE_DISTINCT || kind == SLUICE_AGGREGATE_QUANTILES ||
	       kind == SLUICE_AGGREGATE_TOP;
}

static bool are_quantiles(const struct sluice_schema_aggregate *aggregate)
{
	for (unsigned int i = 0; i < aggregate->quantile_count; i++) {
		double quantile;

		memcpy(&quantile, &aggregate->quantile[i], sizeof(quantile));
		if (!(quantile >= 0 && quantile <= 1))
			return false;
	}
	return aggregate->quantile_count > 0;
}

static bool is_possible(const struct sluice_schema_aggregate *aggregate)
{
	switch (aggregate->kind) {
	case SLUICE_AGGREGATE_DISTINCT:
		return aggregate->precision >= 12 && aggregate->precision <= 14;
	case SLUICE_AGGREGATE_QUANTILES:
		return aggregate->precision >= SKETCH_HISTOGRAM_SCALE_MIN &&
		       aggregate->precision <= SKETCH_HISTOGRAM_SCALE_MAX &&
		       are_quantiles(aggregate);
	case SLUICE_AGGREGATE_TOP:
		return aggregate->k >= 1 && aggregate->k <= SKETCH_TOP_K_MAX;
	default:
		return aggregate->kind < SLUICE_AGGREGATE_KINDS;
	}
}

static bool is_laid_out(const struct row_tail *tail, const struct sluice_schema_window *window)
{
	return tail->aggregate_count > 0 && tail->aggregate_count == window->aggregate_count &&
	       memcmp(tail->aggregate, window->aggregate,
		      tail->aggregate_count * sizeof(*tail->aggregate)) == 0;
}

static int lay_out(struct row_tail *tail, const struct sluice_schema_window *window)
{
	struct window_spec spec = { .aggregate_count = window->aggregate_count };

	for (unsigned int i = 0; i < window->aggregate_count; i++) {
		if (!is_possible(&window->aggregate[i]))
			return -EBADMSG;
		spec.aggregate[i] = window->aggregate[i];
	}
	extras_init(&tail->extras, &spec, &tail->pool);
	memcpy(tail->aggregate, spec.aggregate, sizeof(tail->aggregate));
	tail->aggregate_count = spec.aggregate_count;
	return 0;
}

int row_tail_begin(struct row_tail *tail, const struct sluice_schema_window *window)
{
	int error = 0;

	if (tail->is_open)
		extras_clear(&tail->extras, tail->state);
	tail->is_open = false;
	tail->is_absent = false;
	if (!is_laid_out(tail, window))
		error = lay_out(tail, window);
	if (error)
		return error;
	extras_open(&tail->extras, tail->state);
	tail->is_open = true;
	return 0;
}

int row_tail_add(struct row_tail *tail, const void *bytes, size_t length)
{
	if (length == 0) {
		tail->is_absent = true;
		return 0;
	}
	return extras_merge_bytes(&tail->extras, tail->state, bytes, length);
}

int row_tail_write(struct row_tail *tail, const __u8 **bytes, size_t *length)
{
	size_t wanted = tail->is_absent ? 0 : extras_bytes(&tail->extras, tail->state);

	if (wanted > tail->room) {
		__u8 *grown = realloc(tail->bytes, wanted);

		if (!grown)
			return -ENOMEM;
		tail->bytes = grown;
		tail->room = wanted;
	}
	if (wanted)
		extras_write(&tail->extras, tail->state, tail->bytes);
	*bytes = tail->bytes;
	*length = wanted;
	return 0;
}

const void *row_tail_state(const struct row_tail *tail, unsigned int aggregate)
{
	if (!tail->is_open || tail->is_absent)
		return NULL;
	for (__u32 i = 0; i < tail->extras.count; i++) {
		if (tail->extras.item[i].aggregate == aggregate)
			return (const __u8 *)tail->state + tail->extras.item[i].offset;
	}
	return NULL;
}
