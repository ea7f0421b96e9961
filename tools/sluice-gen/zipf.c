/* SPDX-License-Identifier: BSD-2-Clause */
/* A hat of x^−exponent over [rank − ½, rank + ½] is inverted; what lies over the bar is drawn
 * again. */
#include "zipf.h"

#include <assert.h>
#include <math.h>

/* Integral of x^−exponent, and its inverse; both continuous at exponent 1. */
static double area(double exponent, double x)
{
	double log_x = log(x), power = (1 - exponent) * log_x;

	return fabs(power) < 1e-8 ? log_x * (1 + power / 2) : log_x * expm1(power) / power;
}

static double area_inverse(double exponent, double y)
{
	double t = y * (1 - exponent);

	if (t < -1)
		t = -1;
	return exp(fabs(t) < 1e-8 ? y * (1 - t / 2) : y * log1p(t) / t);
}

static double height(double exponent, double x)
{
	return exp(-exponent * log(x));
}

void zipf_init(struct zipf *zipf, __u64 count, double exponent)
{
	assert(count >= 1 && exponent > 0);
	zipf->exponent = exponent;
	zipf->count = (double)count;
	zipf->area_low = area(exponent, 1.5) - 1;
	zipf->area_high = area(exponent, (double)count + 0.5);
	zipf->squeeze = 2 - area_inverse(exponent, area(exponent, 2.5) - height(exponent, 2));
}

__u64 zipf_draw(const struct zipf *zipf, struct random_state *random)
{
	for (;;) {
		double u =
			zipf->area_high + random_unit(random) * (zipf->area_low - zipf->area_high);
		double x = area_inverse(zipf->exponent, u);
		double rank = floor(x + 0.5);

		if (rank < 1)
			rank = 1;
		if (rank > zipf->count)
			rank = zipf->count;
		if (rank - x <= zipf->squeeze ||
		    u >= area(zipf->exponent, rank + 0.5) - height(zipf->exponent, rank))
			return (__u64)rank;
	}
}
