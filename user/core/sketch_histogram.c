/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of a small histogram, the chunks of a large one, and what is computed from either.
 * Its bytes are next door, in sketch_histogram_bytes.c. */
#include "core/sketch_histogram.h"

#include <assert.h>
#include <errno.h>
#include <math.h>

#define LIST_COUNT_BITS 48
#define LIST_COUNT_MAX ((1ull << LIST_COUNT_BITS) - 1)
#define CHUNK_BYTES (SKETCH_HISTOGRAM_CHUNK * sizeof(__u64))

_Static_assert(SKETCH_HISTOGRAM_CODES(SKETCH_HISTOGRAM_SCALE_MAX) <= 1u << (64 - LIST_COUNT_BITS),
	       "a code fits beside its count");

static unsigned int chunks_max(const struct sketch_histogram *sketch)
{
	return SKETCH_HISTOGRAM_CODES(sketch->scale) / SKETCH_HISTOGRAM_CHUNK;
}

static __u64 add_saturated(__u64 a, __u64 b)
{
	__u64 sum;

	return __builtin_add_overflow(a, b, &sum) ? ~0ull : sum;
}

void sketch_histogram_clear(struct sketch_histogram *sketch, struct sketch_pool *pool)
{
	if (sketch->form == SKETCH_HISTOGRAM_CHUNKS) {
		const __u32 *chunks = sketch_pool_block(pool, sketch->block);

		for (unsigned int i = 0; i < chunks_max(sketch); i++)
			sketch_pool_give(pool, chunks[i]);
	}
	sketch_pool_give(pool, sketch->block);
	*sketch = sketch_histogram_empty(sketch->scale);
}

int sketch_histogram_lose(struct sketch_histogram *sketch, struct sketch_pool *pool)
{
	if (sketch->form == SKETCH_HISTOGRAM_LOST)
		return 0;
	sketch_histogram_clear(sketch, pool);
	sketch->form = SKETCH_HISTOGRAM_LOST;
	return -ENOSPC;
}

/* The counts of a chunk, made when it is new; NULL when the pool is exhausted. */
static __u64 *chunk_counts(struct sketch_histogram *sketch, struct sketch_pool *pool,
			   unsigned int number)
{
	__u32 *chunks = sketch_pool_block(pool, sketch->block);

	if (!chunks[number]) {
		__u32 chunk = sketch_pool_take(pool, CHUNK_BYTES);

		if (!chunk)
			return NULL;
		memset(sketch_pool_block(pool, chunk), 0, CHUNK_BYTES);
		chunks[number] = chunk;
	}
	return sketch_pool_block(pool, chunks[number]);
}

static int chunks_add(struct sketch_histogram *sketch, struct sketch_pool *pool, unsigned int code,
		      __u64 weight)
{
	__u64 *counts = chunk_counts(sketch, pool, code / SKETCH_HISTOGRAM_CHUNK);

	if (!counts)
		return sketch_histogram_lose(sketch, pool);
	counts += code % SKETCH_HISTOGRAM_CHUNK;
	*counts = add_saturated(*counts, weight);
	return 0;
}

/* From a list to chunks. */
static int promote(struct sketch_histogram *sketch, struct sketch_pool *pool)
{
	struct sketch_histogram list = *sketch;
	size_t bytes = chunks_max(sketch) * sizeof(__u32);
	__u32 block = sketch_pool_take(pool, bytes);
	unsigned int code = 0;
	int error = 0;
	__u64 count;

	if (!block)
		return sketch_histogram_lose(sketch, pool);
	memset(sketch_pool_block(pool, block), 0, bytes);
	*sketch = sketch_histogram_empty(list.scale);
	sketch->form = SKETCH_HISTOGRAM_CHUNKS;
	sketch->block = block;
	for (; !error && sketch_histogram_next(&list, pool, &code, &count); code++)
		error = chunks_add(sketch, pool, code, count);
	sketch_histogram_clear(&list, pool);
	return error;
}

/* Room in the list for one more, in blocks of 8, 16 and 32. */
static int list_grow(struct sketch_histogram *sketch, struct sketch_pool *pool)
{
	__u32 block;

	if (sketch->used && (sketch->used < 8 || (sketch->used & (sketch->used - 1))))
		return 0;
	block = sketch_pool_take(pool, 8u * (sketch->used ? 2u * sketch->used : 8u));
	if (!block)
		return sketch_histogram_lose(sketch, pool);
	if (sketch->used)
		memcpy(sketch_pool_block(pool, block), sketch_pool_block(pool, sketch->block),
		       8u * sketch->used);
	sketch_pool_give(pool, sketch->block);
	sketch->block = block;
	return 0;
}

/* 1: the list took it; 0: it cannot; -ENOSPC. */
static int list_add(struct sketch_histogram *sketch, struct sketch_pool *pool, unsigned int code,
		    __u64 weight)
{
	__u64 *list = sketch->used ? sketch_pool_block(pool, sketch->block) : NULL;
	int error;

	if (weight > LIST_COUNT_MAX)
		return 0;
	for (unsigned int i = 0; i < sketch->used; i++) {
		if (list[i] >> LIST_COUNT_BITS != code)
			continue;
		if ((list[i] & LIST_COUNT_MAX) + weight > LIST_COUNT_MAX)
			return 0;
		list[i] += weight;
		return 1;
	}
	if (sketch->used == SKETCH_HISTOGRAM_LIST_MAX)
		return 0;
	error = list_grow(sketch, pool);
	if (error)
		return error;
	list = sketch_pool_block(pool, sketch->block);
	list[sketch->used++] = (__u64)code << LIST_COUNT_BITS | weight;
	return 1;
}

int sketch_histogram_add_slow(struct sketch_histogram *sketch, struct sketch_pool *pool,
			      unsigned int code, __u64 weight)
{
	int answer;

	assert(code < SKETCH_HISTOGRAM_CODES(sketch->scale));
	if (sketch->form == SKETCH_HISTOGRAM_LOST || !weight)
		return 0;
	if (sketch->form == SKETCH_HISTOGRAM_LIST) {
		answer = list_add(sketch, pool, code, weight);
		if (answer)
			return answer < 0 ? answer : 0;
		answer = promote(sketch, pool);
		if (answer)
			return answer;
	}
	return chunks_add(sketch, pool, code, weight);
}

static bool list_next(const struct sketch_histogram *sketch, const struct sketch_pool *pool,
		      unsigned int *code, __u64 *count)
{
	const __u64 *list = sketch->used ? sketch_pool_block(pool, sketch->block) : NULL;
	__u64 best = ~0ull, from = (__u64)*code << LIST_COUNT_BITS;

	for (unsigned int i = 0; i < sketch->used; i++)
		if (list[i] >= from && list[i] < best)
			best = list[i];
	if (best == ~0ull || *code >= SKETCH_HISTOGRAM_CODES(sketch->scale))
		return false;
	*code = (unsigned int)(best >> LIST_COUNT_BITS);
	*count = best & LIST_COUNT_MAX;
	return true;
}

bool sketch_histogram_next(const struct sketch_histogram *sketch, const struct sketch_pool *pool,
			   unsigned int *code, __u64 *count)
{
	const __u32 *chunks;
	unsigned int at = *code;

	if (sketch->form == SKETCH_HISTOGRAM_LIST)
		return list_next(sketch, pool, code, count);
	if (sketch->form == SKETCH_HISTOGRAM_LOST)
		return false;
	chunks = sketch_pool_block(pool, sketch->block);
	while (at < SKETCH_HISTOGRAM_CODES(sketch->scale)) {
		__u32 chunk = chunks[at / SKETCH_HISTOGRAM_CHUNK];
		const __u64 *counts = chunk ? sketch_pool_block(pool, chunk) : NULL;

		if (!counts) {
			at = (at / SKETCH_HISTOGRAM_CHUNK + 1) * SKETCH_HISTOGRAM_CHUNK;
		} else if (counts[at % SKETCH_HISTOGRAM_CHUNK]) {
			*code = at;
			*count = counts[at % SKETCH_HISTOGRAM_CHUNK];
			return true;
		} else {
			at++;
		}
	}
	return false;
}

unsigned int sketch_histogram_fold(unsigned int code, unsigned int scale, unsigned int to_scale)
{
	unsigned int middle = SKETCH_HISTOGRAM_CODES(scale) / 2, drop = scale - to_scale;
	unsigned int to_middle = SKETCH_HISTOGRAM_CODES(to_scale) / 2, round = (1u << drop) - 1;

	if (code == middle)
		return to_middle;
	if (code > middle)
		return to_middle + 1 + ((code - middle - 1 + round) >> drop);
	return to_middle - 1 - ((middle - code - 1 + round) >> drop);
}

/* Both in chunks, one scale: count by count. */
static int chunks_merge(struct sketch_histogram *sketch, struct sketch_pool *pool,
			const struct sketch_histogram *from, const struct sketch_pool *from_pool)
{
	const __u32 *chunks = sketch_pool_block(from_pool, from->block);

	for (unsigned int i = 0; i < chunks_max(from); i++) {
		const __u64 *more;
		__u64 *counts;

		if (!chunks[i])
			continue;
		more = sketch_pool_block(from_pool, chunks[i]);
		counts = chunk_counts(sketch, pool, i);
		if (!counts)
			return sketch_histogram_lose(sketch, pool);
		for (unsigned int j = 0; j < SKETCH_HISTOGRAM_CHUNK; j++)
			counts[j] = add_saturated(counts[j], more[j]);
	}
	return 0;
}

int sketch_histogram_merge(struct sketch_histogram *sketch, struct sketch_pool *pool,
			   const struct sketch_histogram *from,
			   const struct sketch_pool *from_pool)
{
	unsigned int code = 0;
	int error = 0;
	__u64 count;

	if (from->scale < sketch->scale)
		return -EINVAL;
	if (sketch->form == SKETCH_HISTOGRAM_LOST)
		return 0;
	if (from->form == SKETCH_HISTOGRAM_LOST)
		return sketch_histogram_lose(sketch, pool);
	if (sketch->form == SKETCH_HISTOGRAM_CHUNKS && from->form == SKETCH_HISTOGRAM_CHUNKS &&
	    sketch->scale == from->scale)
		return chunks_merge(sketch, pool, from, from_pool);
	for (; !error && sketch_histogram_next(from, from_pool, &code, &count); code++)
		error = sketch_histogram_add_code(
			sketch, pool, sketch_histogram_fold(code, from->scale, sketch->scale),
			count);
	return error;
}

/* floor(2^(index / 64)), index 0 … 63 · 64 + 63. */
static __u64 power_floor(unsigned int index)
{
	unsigned int octave = index >> SKETCH_HISTOGRAM_SCALE_MAX, step = index % 64;

	return (step ? sketch_bound[step - 1] : 1ull << 63) >> (63 - octave);
}

struct sketch_bucket sketch_histogram_bucket(unsigned int code, unsigned int scale)
{
	unsigned int middle = SKETCH_HISTOGRAM_CODES(scale) / 2;
	unsigned int shift = SKETCH_HISTOGRAM_SCALE_MAX - scale;
	struct sketch_bucket bucket = { 0 };

	if (code == middle)
		return bucket;
	bucket.sign = code > middle ? 1 : -1;
	bucket.index = (code > middle ? code - middle : middle - code) - 1;
	bucket.least = bucket.index ? power_floor((bucket.index - 1) << shift) + 1 : 1;
	bucket.largest = power_floor(bucket.index << shift);
	return bucket;
}

__u64 sketch_histogram_count(const struct sketch_histogram *sketch, const struct sketch_pool *pool)
{
	unsigned int code = 0;
	__u64 count, sum = 0;

	for (; sketch_histogram_next(sketch, pool, &code, &count); code++)
		sum = add_saturated(sum, count);
	return sum;
}

static double bucket_value(unsigned int code, unsigned int scale)
{
	struct sketch_bucket bucket = sketch_histogram_bucket(code, scale);
	double least = (double)bucket.least, largest = (double)bucket.largest;

	if (bucket.least == bucket.largest)
		return bucket.sign * least;
	return bucket.sign * (2 * least * largest / (least + largest));
}

int sketch_histogram_quantile(const struct sketch_histogram *sketch,
			      const struct sketch_pool *pool, double q, double *value)
{
	const unsigned int steps = 1000000000;
	__u64 count, rank, seen = 0, total = sketch_histogram_count(sketch, pool);
	unsigned int code = 0;

	assert(q >= 0 && q <= 1);
	if (!total)
		return -ENODATA;
	rank = (__u64)(((unsigned __int128)total * (__u64)llround(q * steps) + steps - 1) / steps);
	for (; sketch_histogram_next(sketch, pool, &code, &count); code++) {
		seen = add_saturated(seen, count);
		if (seen >= rank)
			break;
	}
	*value = bucket_value(code, sketch->scale);
	return 0;
}
