/* SPDX-License-Identifier: BSD-2-Clause */
#include "report.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void report_add_run(struct report *report, double value)
{
	assert(report->run_count < REPORT_RUNS_MAX);
	report->run[report->run_count++] = value;
}

void report_add_extra(struct report *report, const char *name, double value)
{
	assert(report->extra_count < REPORT_EXTRAS_MAX);
	report->extra[report->extra_count++] = (struct report_extra){ name, value };
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double report_median(const double *values, unsigned int count)
{
	double sorted[REPORT_RUNS_MAX];

	assert(count && count <= REPORT_RUNS_MAX);
	memcpy(sorted, values, count * sizeof(*values));
	qsort(sorted, count, sizeof(*sorted), compare);
	if (count % 2)
		return sorted[count / 2];
	return (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

double report_per_second(__u64 count, __u64 ns)
{
	return (double)count * 1e9 / (double)(ns ? ns : 1);
}

double report_distance(__u64 a, __u64 b)
{
	return (double)(a > b ? a - b : b - a);
}

void report_print(const struct report *report)
{
	double median = report_median(report->run, report->run_count);

	printf("{\"name\":\"%s\",\"metric\":\"%s\",\"median\":%.6g,\"runs\":[", report->name,
	       report->metric, median);
	for (unsigned int i = 0; i < report->run_count; i++)
		printf("%s%.6g", i ? "," : "", report->run[i]);
	printf("]");
	if (report->yardstick > 0)
		printf(",\"yardstick\":%.6g,\"ratio\":%.3f", report->yardstick,
		       median / report->yardstick);
	else
		printf(",\"yardstick\":null,\"ratio\":null");
	printf(",\"unaccounted\":%.0f", report->unaccounted);
	for (unsigned int i = 0; i < report->extra_count; i++)
		printf(",\"%s\":%.6g", report->extra[i].name, report->extra[i].value);
	printf("}\n");
	fflush(stdout);
}

static __u64 read_clock(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (__u64)now.tv_sec * 1000000000ull + (__u64)now.tv_nsec;
}

__u64 report_cpu_ns(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

__u64 report_wall_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}
