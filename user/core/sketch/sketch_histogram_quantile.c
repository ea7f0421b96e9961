/* SPDX-License-Identifier: BSD-2-Clause */
/* What the codes of a histogram mean: buckets, those of a coarser scale, and quantiles. */
#include "core/sketch/sketch_histogram.h"

#include <assert.h>
#include <errno.h>
#include <math.h>

static __u64 add_saturated(__u64 a, __u64 b)
{
	__u64 sum;

	return __builtin_add_overflow(a, b, &sum) ? ~0ull : sum;
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

/* floor(2^(index / 64)), index 0 … 63 · 64 + 63. */
static __u64 power_floor(unsigned int index)
{
	unsigned int octave = index >> SKETCH_HISTOGRAM_SCALE_MAX, step = index % 64;

	return sketch_bound[step] >> (63 - octave);
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

int sketch_histogram_quantile(const struct sketch_histogram *sketch, const struct sketch_pool *pool,
			      double q, double *value)
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
