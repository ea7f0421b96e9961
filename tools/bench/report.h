/* SPDX-License-Identifier: BSD-2-Clause */
/* One measured result goes in, one line of JSON comes out on stdout, for tools/bench/run to
 * collect. Clocks and the median live here too, so that every program means the same by them. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <linux/types.h>

#define REPORT_RUNS_MAX 64
#define REPORT_EXTRAS_MAX 24

struct report_extra {
	const char *name;
	double value;
};

struct report {
	const char *name;	/* as interface.md lists it: inproc_10k … */
	const char *metric;	/* what a run's number is: events_per_second … */
	unsigned int run_count;
	double run[REPORT_RUNS_MAX];
	double yardstick;	/* the same metric of a bare loop; 0: there is none */
	double unaccounted; /* events that went in and are in no result; anything but 0 is a bug */
	unsigned int extra_count;
	struct report_extra extra[REPORT_EXTRAS_MAX];
};

void report_add_run(struct report *report, double value);
void report_add_extra(struct report *report, const char *name, double value);
void report_print(const struct report *report);

/* Median of `count` values; does not reorder them. */
double report_median(const double *values, unsigned int count);

double report_per_second(__u64 count, __u64 ns);
double report_distance(__u64 a, __u64 b); /* how far two counts are apart */

__u64 report_cpu_ns(void);	/* CPU time of the calling thread */
__u64 report_wall_ns(void);	/* monotonic */

#endif
