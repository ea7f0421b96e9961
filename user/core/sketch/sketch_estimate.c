/* SPDX-License-Identifier: BSD-2-Clause */
/* The improved HyperLogLog estimate of Otmar Ertl, "New cardinality estimation algorithms for
 * HyperLogLog sketches" (arXiv 1702.01284), algorithm 6: no tables, no bias at either end. Only
 * addition, multiplication, division and square roots, so every machine gives the same answer. */
#include <errno.h>
#include <math.h>

#include "core/sketch/sketch_distinct.h"

#define RANKS_MAX (65u - SKETCH_DISTINCT_PRECISION_MIN + 1)

/* Σ 2^(k−1) · x^(2^k), k ≥ 1, plus x: what the registers still at 0 stand for; 0 ≤ x
 * ≤ 1. */
static double sigma(double x)
{
	double weight = 1, sum = x, before;

	if (x >= 1)
		return INFINITY;
	do {
		before = sum;
		x *= x;
		sum += x * weight;
		weight += weight;
	} while (sum > before);
	return sum;
}

/* A third of 1 − x − Σ 2^(−k) · (1 − x^(2^(−k)))²: the registers that can rise no
 * further. */
static double tau(double x)
{
	double weight = 1, sum = 1 - x, before;

	if (x <= 0 || x >= 1)
		return 0;
	do {
		before = sum;
		x = sqrt(x);
		weight /= 2;
		sum -= (1 - x) * (1 - x) * weight;
	} while (sum < before);
	return sum / 3;
}

static void ranks_count(const __u8 *registers, unsigned int count, __u32 *ranks)
{
	__u32 part[4][RANKS_MAX] = { 0 };	/* four, so that equal neighbours do not wait */

	for (unsigned int i = 0; i < count; i += 4)
		for (unsigned int j = 0; j < 4; j++)
			part[j][registers[i + j]]++;
	for (unsigned int rank = 0; rank < RANKS_MAX; rank++)
		ranks[rank] = part[0][rank] + part[1][rank] + part[2][rank] + part[3][rank];
}

static __u64 registers_estimate(const __u8 *registers, unsigned int precision)
{
	const double alpha = 0.72134752044448170367996;	/* 1 / (2 ln 2) */
	const double m = 1u << precision;
	const unsigned int q = 64 - precision;
	__u32 ranks[RANKS_MAX];
	double z;

	ranks_count(registers, 1u << precision, ranks);
	z = m * tau((m - ranks[q + 1]) / m);
	for (unsigned int rank = q; rank > 0; rank--)
		z = (z + ranks[rank]) * 0.5;
	z += m * sigma(ranks[0] / m);
	z = alpha * m * m / z;
	return z >= 0x1p64 ? ~0ull : (__u64)(z + 0.5);
}

int sketch_distinct_estimate(const struct sketch_distinct *sketch, const struct sketch_pool *pool,
			     __u64 *count)
{
	if (sketch->form == SKETCH_DISTINCT_LOST)
		return -ENODATA;
	if (sketch->form == SKETCH_DISTINCT_EXACT)
		*count = sketch->count + sketch->has_zero;
	else
		*count = registers_estimate(sketch_pool_block(pool, sketch->block),
					    sketch->precision);
	return 0;
}
