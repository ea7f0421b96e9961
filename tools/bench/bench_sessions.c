/* SPDX-License-Identifier: BSD-2-Clause */
/* bench_sessions NAME…: events a second through session windows of a million keys, in process, with
 * the ticks and the rows of the sessions that close on the way. The events of one pass come 54 ms
 * apart by key on average: with a gap of three times that, one event in twenty opens a session. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_run.h"
#include "report.h"

#define DATAGRAMS 381300
#define TICK_NS 50000000ull
#define DISORDER_NS 20000000ll
#define GROUPS 1000000ull
#define RUNS 5

static const struct measurement {
	const char *name;
	__s64 gap_ns;
	__s64 lateness_ns;
} measurements[] = {
	{ "sessions_1m", 162000000, 0 },
	{ "sessions_1m_short", 54000000, 0 },
	{ "sessions_1m_late", 162000000, 100000000 },
};

/* One pass of the data set with its ticks, and one behind it that closes every session. */
static int pass(struct engine_run *run, const struct dataset *set)
{
	const __u32 turn = engine_run_turn_datagrams(set);
	__u64 next_ns = 0;
	int err = 0;

	for (__u32 i = 0; i < set->datagrams && !err; i += turn) {
		__u64 now_ns = dataset_header(set, i)->base_time_ns;
		__u32 end = i + turn;

		engine_run_add_part(run, set, i, end < set->datagrams ? end : set->datagrams);
		if (now_ns >= next_ns) {
			next_ns = now_ns + TICK_NS;
			err = engine_run_tick(run, (__s64)now_ns - DISORDER_NS);
		}
	}
	return err ? err : engine_run_tick(run, run->watermark_ns[0] + 2000000000);
}

static int measure(const struct measurement *what)
{
	struct report report = { .name = what->name, .metric = "events_per_second" };
	const struct window_spec window = {
		.name = "bench",
		.listener_mask = 1,
		.kind = SLUICE_WINDOW_SESSION,
		.gap_ns = what->gap_ns,
		.allowed_lateness_ns = what->lateness_ns,
		.group_count = 1,
		.group_field = { SLUICE_FIELD_KEY },
	};
	struct engine_run run = { 0 };
	struct dataset set;
	int err = dataset_open(&set, DATAGRAMS, GROUPS, false, 42);

	if (!err)
		err = engine_run_open(&run, &window, 1, 2 * GROUPS, 4ull << 30);
	/* The first pass touches memory for the first time. */
	for (int i = -1; i < RUNS && !err; i++) {
		__u64 begin_ns = report_cpu_ns();

		run.total[0] = (struct engine_run_total){ 0 };
		err = pass(&run, &set);
		if (i >= 0)
			report_add_run(&report,
				       report_per_second(set.events, report_cpu_ns() - begin_ns));
		else
			run.longest_slice_ns = 0;
		report.unaccounted += engine_run_unaccounted(&run, 0, &set, 1);
		dataset_shift_time(&set, 10000000000);
	}
	report_add_extra(&report, "groups", (double)GROUPS);
	report_add_extra(&report, "rows", (double)run.total[0].rows);
	report_add_extra(&report, "longest_slice_us", (double)run.longest_slice_ns / 1e3);
	if (!err)
		report_print(&report);
	engine_run_close(&run);
	dataset_close(&set);
	return err;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		int err = -ENOENT;

		for (size_t m = 0; m < sizeof(measurements) / sizeof(*measurements); m++) {
			if (!strcmp(argv[i], measurements[m].name))
				err = measure(&measurements[m]);
		}
		if (err) {
			fprintf(stderr, "bench_sessions: %s: %s\n", argv[i], strerror(-err));
			return 1;
		}
	}
	return 0;
}
