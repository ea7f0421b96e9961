/* SPDX-License-Identifier: BSD-2-Clause */
/* Quantiles of signed integers: a base-2 exponential histogram, the grid of OpenTelemetry and
 * of Prometheus native histograms. Bucket i at scale s holds 2^((i−1)/2^s) < |value| ≤
 * 2^(i/2^s), decided in integers; zero and each sign have buckets of their own. What it holds
 * depends on the values and weights alone, not on their order or merges. When the pool is exhausted
 * it is lost: it says so from then on, and whatever it is merged into is lost. */
#ifndef SLUICE_CORE_SKETCH_HISTOGRAM_H
#define SLUICE_CORE_SKETCH_HISTOGRAM_H

#include <stdbool.h>

#include "core/sketch/sketch_bounds.h"
#include "core/sketch/sketch_bytes.h"
#include "core/sketch/sketch_pool.h"

#define SKETCH_HISTOGRAM_SCALE 5u /* relative error ≤ 1.09 %; 32 buckets an octave */
#define SKETCH_HISTOGRAM_SCALE_MIN 1u /* below, ±2^63 is beside the line of codes */
#define SKETCH_HISTOGRAM_SCALE_MAX 6u /* ≤ 0.55 % */
#define SKETCH_HISTOGRAM_CHUNK 32u /* buckets whose narrow counts fill a cache line */
#define SKETCH_HISTOGRAM_LIST_MAX 32u /* buckets; beyond, counts are faster and seldom larger */
#define SKETCH_HISTOGRAM_CODES(scale) (128u << (scale))
#define SKETCH_HISTOGRAM_BYTES_MAX(scale) \
	(sizeof(struct sketch_head) + 12u * SKETCH_HISTOGRAM_CODES(scale))

enum sketch_histogram_form {
	SKETCH_HISTOGRAM_LIST, /* buckets in use as they came, 16-bit codes and counts */
	SKETCH_HISTOGRAM_NARROW, /* counts of consecutive buckets, 16 bits each */
	SKETCH_HISTOGRAM_WIDE, /* … 64 bits each */
	SKETCH_HISTOGRAM_LOST,
};

struct sketch_histogram {
	__u32 block;
	__u8 extent; /* list: buckets in use; counts: log2 of the chunks in the block */
	__u8 first; /* counts: number of the first chunk */
	__u8 form; /* enum sketch_histogram_form */
	__u8 scale;
};

SLUICE_ASSERT_SIZE(struct sketch_histogram, 8);

/* An empty one; scale is SKETCH_HISTOGRAM_SCALE_MIN … _MAX. */
static inline struct sketch_histogram sketch_histogram_empty(unsigned int scale)
{
	return (struct sketch_histogram){ .scale = (__u8)scale };
}

/* ceil(log2(magnitude) · 2^scale), exactly; magnitude is 1 … 2^63. */
static inline unsigned int sketch_histogram_index(__u64 magnitude, unsigned int scale)
{
	unsigned int zeros = (unsigned int)__builtin_clzll(magnitude);
	unsigned int drop = SKETCH_HISTOGRAM_SCALE_MAX - scale;
	__u64 top = magnitude << zeros;
	unsigned int fine = sketch_cell[top >> 56 & 127];

	fine += top > sketch_bound[fine];
	fine += (63 - zeros) << SKETCH_HISTOGRAM_SCALE_MAX;
	return (fine + (1u << drop) - 1) >> drop;
}

/* Buckets of both signs and zero in one ascending line: zero is in the middle. Without a branch:
 * senders mix signs as they like. */
static inline unsigned int sketch_histogram_code(__s64 value, unsigned int scale)
{
	unsigned int middle = SKETCH_HISTOGRAM_CODES(scale) / 2;
	__u64 sign = (__u64)(value >> 63); /* all ones: below zero */
	__u64 magnitude = ((__u64)value ^ sign) - sign;
	/* Not by a comparison: compilers set a byte then, and wait for the rest of the register. */
	unsigned int is_zero = (unsigned int)((magnitude - 1) >> 63);
	unsigned int distance = 1 + sketch_histogram_index(magnitude + is_zero, scale);

	return middle + ((distance ^ (unsigned int)sign) - (unsigned int)sign) - is_zero;
}

/* Gives its block back and empties it. */
void sketch_histogram_clear(struct sketch_histogram *sketch, struct sketch_pool *pool);

int sketch_histogram_add_slow(struct sketch_histogram *sketch, struct sketch_pool *pool,
			      unsigned int code, __u64 weight);

/* A bucket's place in the block of a sketch that has counts; there is none yet from
 * sketch_histogram_places() on. */
static inline unsigned int sketch_histogram_place(const struct sketch_histogram *sketch,
						  unsigned int code)
{
	return code - sketch->first * SKETCH_HISTOGRAM_CHUNK;
}

static inline unsigned int sketch_histogram_places(const struct sketch_histogram *sketch)
{
	return SKETCH_HISTOGRAM_CHUNK << sketch->extent;
}

/* Adds a code of this scale `weight` times, for batches that have it already; counts stop at
 * 2^64 − 1. -ENOSPC once, when this made the sketch lost; 0 else. */
static inline int sketch_histogram_add_code(struct sketch_histogram *sketch,
					    struct sketch_pool *pool, unsigned int code,
					    __u64 weight)
{
	unsigned int at = sketch_histogram_place(sketch, code);
	void *block = sketch_pool_block(pool, sketch->block);

	if (sketch->form == SKETCH_HISTOGRAM_NARROW && at < sketch_histogram_places(sketch)) {
		__u16 *count = (__u16 *)block + at;

		if (__builtin_expect(weight <= 0xffffu - *count, 1)) {
			*count = (__u16)(*count + weight);
			return 0;
		}
	} else if (sketch->form == SKETCH_HISTOGRAM_WIDE && at < sketch_histogram_places(sketch)) {
		__u64 *count = (__u64 *)block + at;

		if (__builtin_add_overflow(*count, weight, count))
			*count = ~0ull;
		return 0;
	}
	return sketch_histogram_add_slow(sketch, pool, code, weight);
}

/* Adds a value `weight` times. As sketch_histogram_add_code. */
static inline int sketch_histogram_add(struct sketch_histogram *sketch, struct sketch_pool *pool,
				       __s64 value, __u64 weight)
{
	return sketch_histogram_add_code(sketch, pool, sketch_histogram_code(value, sketch->scale),
					 weight);
}

/* Fetches what adding to a bucket will look at first, into the second cache level; worth it for
 * many sketches. */
static inline __attribute__((always_inline)) void sketch_histogram_prefetch(
	const struct sketch_histogram *sketch, const struct sketch_pool *pool, unsigned int code)
{
	unsigned int at = sketch_histogram_place(sketch, code);
	const __u8 *block = sketch_pool_block(pool, sketch->block);

	if (sketch->form == SKETCH_HISTOGRAM_NARROW)
		SKETCH_PREFETCH(block + at * sizeof(__u16));
	else if (sketch->form == SKETCH_HISTOGRAM_WIDE)
		SKETCH_PREFETCH(block + at * sizeof(__u64));
	else
		SKETCH_PREFETCH(block);
}

/* Adds all of `from`, which stays as it is and may live in another pool. A finer scale is folded
 * exactly; -EINVAL for a coarser one. -ENOSPC as above. */
int sketch_histogram_merge(struct sketch_histogram *sketch, struct sketch_pool *pool,
			   const struct sketch_histogram *from,
			   const struct sketch_pool *from_pool);

/* Marks it lost and gives its blocks back. -ENOSPC when it was not lost before, else 0. */
int sketch_histogram_lose(struct sketch_histogram *sketch, struct sketch_pool *pool);

/* The first bucket in use at or above *code: its code and count. Go on from *code + 1. */
bool sketch_histogram_next(const struct sketch_histogram *sketch, const struct sketch_pool *pool,
			   unsigned int *code, __u64 *count);

/* What a bucket is: its sign, its index, and the least and largest magnitude of integers in it
 * (least > largest: none is; both 0 for zero). */
struct sketch_bucket {
	int sign; /* −1, 0, 1 */
	unsigned int index; /* OpenTelemetry's is one less, Prometheus's is the same */
	__u64 least, largest;
};

struct sketch_bucket sketch_histogram_bucket(unsigned int code, unsigned int scale);

/* The code at a coarser or the same scale: ceil(index / 2^(scale − to_scale)), exact. */
unsigned int sketch_histogram_fold(unsigned int code, unsigned int scale, unsigned int to_scale);

/* Sum of all counts, at most 2^64 − 1. */
__u64 sketch_histogram_count(const struct sketch_histogram *sketch, const struct sketch_pool *pool);

/* The value of rank max(1, ceil(q · n)) of n, ascending, where q (0 … 1) is taken in steps
 * of 10^−9. As value goes the harmonic mean of the least and largest integer in its bucket,
 * whose relative error to any value in there is below (γ − 1) / (γ + 1), γ =
 * 2^(2^−scale); up to 45 in magnitude it is exact. -ENODATA when empty or lost. */
int sketch_histogram_quantile(const struct sketch_histogram *sketch, const struct sketch_pool *pool,
			      double q, double *value);

/* The bytes sketch_histogram_write will write: at most SKETCH_HISTOGRAM_BYTES_MAX(scale). */
size_t sketch_histogram_bytes(const struct sketch_histogram *sketch,
			      const struct sketch_pool *pool);

/* Writes the canonical bytes; returns how many, or -ENOBUFS when `room` is too small. */
long sketch_histogram_write(const struct sketch_histogram *sketch, const struct sketch_pool *pool,
			    void *bytes, size_t room);

/* Adds all of a written sketch at `bytes`, which need no alignment. -EBADMSG (and nothing is
 * added) for bytes that no sketch_histogram_write wrote; else as sketch_histogram_merge. */
int sketch_histogram_merge_bytes(struct sketch_histogram *sketch, struct sketch_pool *pool,
				 const void *bytes, size_t room);

#endif
