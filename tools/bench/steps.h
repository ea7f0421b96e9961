/* SPDX-License-Identifier: BSD-2-Clause */
/* How long each step of a loop took that is run again and again over the same data. What the loop's
 * own work costs comes back in every pass; what the host takes meanwhile (a virtual CPU that does
 * not run counts as its own CPU time) falls now on this step, now on that one. */
#ifndef BENCH_STEPS_H
#define BENCH_STEPS_H

#include <linux/types.h>

struct steps {
	__u64 *ns; /* by pass, then by step */
	__u32 steps; /* of a pass */
	unsigned int passes, pass; /* in all, and begun */
};

/* 1 to REPORT_RUNS_MAX passes. -ENOMEM. */
int steps_open(struct steps *all, __u32 steps, unsigned int passes);
void steps_close(struct steps *all);

/* The times of the next pass, one for each of its steps, in ns; to be filled in. */
__u64 *steps_next_pass(struct steps *all);

/* The longest step of any pass, in ns. */
double steps_longest(const struct steps *all);
/* The longest step when each has taken the median of its passes, in ns. */
double steps_longest_median(const struct steps *all);

#endif
