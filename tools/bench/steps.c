/* SPDX-License-Identifier: BSD-2-Clause */
#include "steps.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "report.h"

int steps_open(struct steps *all, __u32 steps, unsigned int passes)
{
	assert(passes > 0 && passes <= REPORT_RUNS_MAX);
	*all = (struct steps){
		.ns = calloc((size_t)steps * passes, sizeof(*all->ns)),
		.steps = steps,
		.passes = passes,
	};
	return all->ns ? 0 : -ENOMEM;
}

void steps_close(struct steps *all)
{
	free(all->ns);
	*all = (struct steps){ 0 };
}

__u64 *steps_next_pass(struct steps *all)
{
	assert(all->pass < all->passes);
	return all->ns + (size_t)all->steps * all->pass++;
}

double steps_longest(const struct steps *all)
{
	__u64 longest = 0;

	for (size_t i = 0; i < (size_t)all->steps * all->pass; i++)
		longest = all->ns[i] > longest ? all->ns[i] : longest;
	return (double)longest;
}

double steps_longest_median(const struct steps *all)
{
	double longest = 0;

	for (__u32 s = 0; s < all->steps; s++) {
		double ns[REPORT_RUNS_MAX], median;

		for (unsigned int p = 0; p < all->pass; p++)
			ns[p] = (double)all->ns[(size_t)p * all->steps + s];
		median = report_median(ns, all->pass);
		longest = median > longest ? median : longest;
	}
	return longest;
}
