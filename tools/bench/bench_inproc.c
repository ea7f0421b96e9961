/* SPDX-License-Identifier: BSD-2-Clause */
/* bench_inproc NAME…: events a second through decode and windows, without kernel and disk, beside
 * the bare loop of the same minute. Ring records lie ready in memory; each run is a new pane. A run
 * whose rows do not add up to what went in is reported as unaccounted. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bare_loop.h"
#include "engine_run.h"
#include "report.h"

#define DATAGRAMS 381300 /* × 44 = 16.8 million events, 560 MB: more than any cache holds */
#define RUNS 5

struct measurement {
	const char *name;
	__u64 groups;
	bool is_zipf;
	__u32 datagrams;
};

static const struct measurement measurements[] = {
	{ "inproc_100", 100, false, DATAGRAMS },
	{ "inproc_100_zipf", 100, true, DATAGRAMS },
	{ "inproc_10k", 10000, false, DATAGRAMS },
	{ "inproc_10k_zipf", 10000, true, DATAGRAMS },
	{ "inproc_1m", 1000000, false, DATAGRAMS },
	{ "inproc_1m_zipf", 1000000, true, DATAGRAMS },
	{ "inproc_10m", 10000000, false, DATAGRAMS },
	{ "inproc_10m_zipf", 10000000, true, DATAGRAMS },
	{ "memory_1m", 1000000, false, DATAGRAMS },
};

static int measure_bare(struct report *report, const struct dataset *set, __u64 groups,
			__u64 *found)
{
	struct bare_loop *loop = bare_loop_open(groups);
	double rate[RUNS];
	__u64 count, sum;

	if (!loop)
		return -ENOMEM;
	for (unsigned int i = 0; i < RUNS; i++) {
		__u64 begin_ns;

		bare_loop_reset(loop);
		begin_ns = report_cpu_ns();
		bare_loop_run(loop, set);
		rate[i] = report_per_second(set->events, report_cpu_ns() - begin_ns);
	}
	bare_loop_totals(loop, &count, &sum);
	*found = bare_loop_groups(loop);
	bare_loop_close(loop);
	if (count != set->events || sum != set->value_sum)
		return -EIO;
	report->yardstick = report_median(rate, RUNS);
	return 0;
}

/* Adds what is wrong with the rows of the last pass to `unaccounted`. */
static void check_rows(struct report *report, const struct engine_run *run,
		       const struct dataset *set, __u64 groups)
{
	report->unaccounted += report_distance(run->total[0].count, set->events);
	if (run->total[0].rows != groups || run->total[0].sum != set->value_sum)
		report->unaccounted += 1;
}

static int measure_engine(struct report *report, struct engine_run *run, struct dataset *set,
			  __u64 groups)
{
	double emission_ns[RUNS];

	/* The first pass touches memory for the first time: run in full, reported apart. */
	for (int i = -1; i < RUNS; i++) {
		__u64 begin_ns = report_cpu_ns(), added_ns;
		int err;

		engine_run_add(run, set);
		added_ns = report_cpu_ns();
		err = engine_run_emit(run, set);
		if (err)
			return err;
		check_rows(report, run, set, groups);
		if (i < 0) {
			report_add_extra(report, "first_run",
					 report_per_second(set->events, added_ns - begin_ns));
			run->longest_step_ns = 0;
			run->longest_slice_ns = 0;
		} else {
			report_add_run(report, report_per_second(set->events, added_ns - begin_ns));
			emission_ns[i] = (double)(report_cpu_ns() - added_ns) / (double)groups;
		}
		dataset_shift_time(set, 20 * ENGINE_RUN_WINDOW_NS);
	}
	report_add_extra(report, "groups", (double)groups);
	report_add_extra(report, "emission_ns_per_row", report_median(emission_ns, RUNS));
	report_add_extra(report, "longest_step_us", (double)run->longest_step_ns / 1e3);
	report_add_extra(report, "longest_slice_us", (double)run->longest_slice_ns / 1e3);
	return 0;
}

static int measure_speed(const struct measurement *what)
{
	struct report report = { .name = what->name, .metric = "events_per_second" };
	const struct window_spec window = engine_run_tumbling();
	struct engine_run run = { 0 };
	struct dataset set;
	__u64 groups;
	int err = dataset_open(&set, what->datagrams, what->groups, what->is_zipf, 42);

	if (!err)
		err = measure_bare(&report, &set, what->groups, &groups);
	if (!err)
		err = engine_run_open(&run, &window, 1, (__u32)(what->groups * 2 + 1000),
				      (__u64)8 << 30);
	if (!err)
		err = measure_engine(&report, &run, &set, groups);
	if (!err)
		report_print(&report);
	engine_run_close(&run);
	dataset_close(&set);
	return err;
}

static __u64 resident_bytes(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (file && fscanf(file, "%*u %lu", &pages) != 1)
		pages = 0;
	if (file)
		fclose(file);
	return (__u64)pages * (__u64)sysconf(_SC_PAGESIZE);
}

/* Resident memory by group and live pane, as the kernel counts it: with one pane, then with two. */
static int measure_memory(const struct measurement *what)
{
	struct report report = { .name = what->name, .metric = "bytes_per_group_and_pane" };
	const struct window_spec window = engine_run_tumbling();
	struct engine_run run = { 0 };
	struct stream_stats stats = { 0 };
	struct dataset set;
	__u64 before;
	int err = dataset_open(&set, what->datagrams, what->groups, what->is_zipf, 42);

	before = resident_bytes();
	if (!err)
		err = engine_run_open_alone(&run, &window, 1, (__u32)(what->groups * 2),
					    (__u64)2 << 30);
	for (unsigned int panes = 1; !err && panes <= 2; panes++) {
		__u64 used;

		engine_run_add(&run, &set);
		used = resident_bytes() - before;
		stream_read_stats(run.stream, &stats);
		if (panes == 1)
			report_add_run(&report, (double)used / (double)stats.pane_groups);
		else
			report_add_extra(&report, "two_panes",
					 (double)used / (double)stats.pane_groups);
		dataset_shift_time(&set, ENGINE_RUN_WINDOW_NS);
	}
	report_add_extra(&report, "panes", (double)stats.panes);
	report_add_extra(&report, "groups", (double)stats.groups);
	report_add_extra(&report, "accounted_bytes", (double)stats.memory_bytes);
	if (!err) {
		err = engine_run_emit(&run, &set);
		report.unaccounted = report_distance(run.total[0].count, 2 * set.events);
	}
	if (!err)
		report_print(&report);
	engine_run_close(&run);
	dataset_close(&set);
	return err;
}

static int measure(const char *name)
{
	for (size_t i = 0; i < sizeof(measurements) / sizeof(*measurements); i++) {
		if (strcmp(name, measurements[i].name))
			continue;
		if (!strcmp(name, "memory_1m"))
			return measure_memory(&measurements[i]);
		return measure_speed(&measurements[i]);
	}
	return -ENOENT;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		int err = measure(argv[i]);

		if (err) {
			fprintf(stderr, "bench_inproc: %s: %s\n", argv[i], strerror(-err));
			return 1;
		}
	}
	return 0;
}
