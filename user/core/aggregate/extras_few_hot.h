/* SPDX-License-Identifier: BSD-2-Clause */
/* Sketches of few groups, for hot_batch.c alone: a plain batch in which every event has its row.
 * Where a sketch has its counts is found once a batch, not once an event. */
#ifndef SLUICE_CORE_EXTRAS_FEW_HOT_H
#define SLUICE_CORE_EXTRAS_FEW_HOT_H

#include "core/sketch/codes_hot.h"
#include "core/aggregate/extras_column_hot.h"
#include "core/sketch/sketch_distinct.h"
#include "core/sketch/sketch_histogram.h"

#define EXTRAS_FEW_MAX EXTRAS_FETCH_GROUPS

/* One aggregate of all groups. */
struct few_sketches {
	const struct batch *batch;
	struct sketch_pool *pool;
	unsigned char *first; /* of id 0 */
	size_t distance; /* to that of the next id, in bytes */
	__u32 ids; /* up to EXTRAS_FEW_MAX */
};

inline_always void *few_sketch(const struct few_sketches *few, __u32 id)
{
	return few->first + id * few->distance;
}

/* Registers that may have to be raised. They are found by one loop and stay where they are; the
 * next is so short that many of them are on their way at once. */
struct raises {
	__u8 *place[BATCH_EVENTS];
	__u8 rank[BATCH_EVENTS];
};

inline_always void note_raise(struct raises *raises, __u32 n, __u8 *registers,
			      unsigned int precision, __u64 hash)
{
	raises->place[n] = sketch_distinct_register(registers, precision, hash);
	raises->rank[n] = sketch_distinct_rank(precision, hash);
}

inline_always void raise_registers(const struct raises *raises, __u32 count)
{
	for (__u32 n = 0; n < count; n++) {
		if (is_rare(*raises->place[n] < raises->rank[n]))
			*raises->place[n] = raises->rank[n];
	}
}

/* What an event adds to a sketch is computed by a loop of its own: that and the adding are chains
 * of latencies, and more events are under way in short loops. */
static __attribute__((noinline)) void add_distinct_few(const struct few_sketches *few,
						       enum sluice_field field,
						       unsigned int precision)
{
	const struct column column = columns[field];
	const __u32 count = few->batch->count;
	__u8 *registers[EXTRAS_FEW_MAX];
	__u64 hash[BATCH_EVENTS];
	struct raises raises;
	__u32 found = 0;

	for (__u32 id = 0; id < few->ids; id++) {
		const struct sketch_distinct *sketch = few_sketch(few, id);

		registers[id] = sketch->form == SKETCH_DISTINCT_REGISTERS
					? sketch_pool_block(few->pool, sketch->block)
					: NULL;
	}
	for (__u32 i = 0; i < count; i++)
		hash[i] = murmur64a_u64(read_column(few->batch, column, i), MURMUR64A_SEED_REDIS);
	for (__u32 i = 0; i < count; i++) {
		const __u32 id = few->batch->id[i];

		if (is_rare(!registers[id]))
			sketch_distinct_add_hash(few_sketch(few, id), few->pool, hash[i]);
		else
			note_raise(&raises, found++, registers[id], precision, hash[i]);
	}
	raise_registers(&raises, found);
}

/* The counts of a histogram: of `places` codes from `first` on. */
struct few_counts {
	void *block;
	__u32 first, places;
	bool is_wide;
};

inline_always struct few_counts find_counts(const struct few_sketches *few, __u32 id)
{
	const struct sketch_histogram *sketch = few_sketch(few, id);
	const bool is_wide = sketch->form == SKETCH_HISTOGRAM_WIDE;

	if (!is_wide && sketch->form != SKETCH_HISTOGRAM_NARROW)
		return (struct few_counts){ 0 };
	return (struct few_counts){
		.block = sketch_pool_block(few->pool, sketch->block),
		.first = sketch->first * SKETCH_HISTOGRAM_CHUNK,
		.places = sketch_histogram_places(sketch),
		.is_wide = is_wide,
	};
}

/* Adds one to a code's count. False: it has none, or that is full. */
inline_always bool count_code(const struct few_counts *counts, __u32 code)
{
	const __u32 at = code - counts->first;

	if (is_rare(at >= counts->places))
		return false;
	if (counts->is_wide) {
		__u64 *count = (__u64 *)counts->block + at;

		*count += *count != ~0ull;
	} else {
		__u16 *count = (__u16 *)counts->block + at;

		if (is_rare(*count == 0xffff))
			return false;
		++*count;
	}
	return true;
}

static __attribute__((noinline)) void add_quantiles_few(const struct few_sketches *few,
							unsigned int scale)
{
	const struct batch *batch = few->batch;
	const __u32 count = batch->count;
	struct few_counts counts[EXTRAS_FEW_MAX];
	__u32 code[BATCH_ROOM];

	codes_find(batch->value, count, scale, code);
	for (__u32 id = 0; id < few->ids; id++)
		counts[id] = find_counts(few, id);
	for (__u32 i = 0; i < count; i++) {
		const __u32 id = batch->id[i];

		if (is_likely(count_code(&counts[id], code[i])))
			continue;
		sketch_histogram_add_code(few_sketch(few, id), few->pool, code[i], 1);
		counts[id] = find_counts(few, id);
	}
}

#endif
