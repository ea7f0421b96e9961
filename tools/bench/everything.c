/* SPDX-License-Identifier: BSD-2-Clause */
#include "everything.h"

#include <errno.h>

#include "bare_everything.h"
#include "engine_run.h"

#define GROUPS 1000000u
#define RUNS 9
#define MEMORY_BYTES ((__u64)12 << 30)

static int open_engine(struct engine_run *run, enum window_dedup dedup)
{
	struct window_spec windows[] = { engine_run_tumbling(),
					 engine_run_tumbling_by(SLUICE_FIELD_DIM0),
					 engine_run_tumbling_by(SLUICE_FIELD_TYPE) };

	windows[0].dedup = dedup;
	engine_run_ask_distinct(&windows[1], SLUICE_FIELD_KEY);
	engine_run_ask_quantiles(&windows[2]);
	return engine_run_open(run, windows, 3, 2 * GROUPS, MEMORY_BYTES);
}

static double run_bare(struct bare_everything *bare, const struct dataset *set)
{
	__u64 begin_ns;

	bare_everything_reset(bare);
	begin_ns = report_cpu_ns();
	bare_everything_run(bare, set);
	return report_per_second(set->events, report_cpu_ns() - begin_ns);
}

/* The first pass of both touches memory for the first time. */
static int run_in_turns(struct report *report, struct engine_run *run, struct bare_everything *bare,
			struct dataset *set)
{
	double bare_rate[RUNS];
	int err = 0;

	for (int i = -1; i < RUNS && !err; i++) {
		__u64 pass_ns = engine_run_second(run, set, &err);
		double rate = run_bare(bare, set);

		if (i >= 0) {
			report_add_run(report, report_per_second(set->events, pass_ns));
			bare_rate[i] = rate;
		} else {
			run->longest_step_ns = run->longest_slice_ns = run->emission_ns = 0;
		}
		dataset_shift_time(set, ENGINE_RUN_WINDOW_NS);
	}
	if (!err)
		report->yardstick = report_median(bare_rate, RUNS);
	return err;
}

static void add_extras(struct report *report, const struct engine_run *run)
{
	__u64 longest_ns = run->longest_step_ns > run->longest_slice_ns ? run->longest_step_ns
									: run->longest_slice_ns;

	report_add_extra(report, "longest_turn_us", (double)longest_ns / 1e3);
	report_add_extra(report, "longest_step_us", (double)run->longest_step_ns / 1e3);
	report_add_extra(report, "longest_slice_us", (double)run->longest_slice_ns / 1e3);
	report_add_extra(report, "emission_ns_per_row",
			 (double)run->emission_ns * (RUNS + 1) / RUNS / (double)run->total[0].rows);
}

static int measure(struct report *report, struct dataset *set, enum window_dedup dedup)
{
	struct bare_everything *bare = bare_everything_open(set, GROUPS);
	struct engine_run run = { 0 };
	int err = bare ? open_engine(&run, dedup) : -ENOMEM;

	report->metric = "events_per_second";
	if (!err)
		err = run_in_turns(report, &run, bare, set);
	if (!err) {
		add_extras(report, &run);
		for (__u32 w = 0; w < run.window_count; w++)
			report->unaccounted += engine_run_unaccounted(&run, w, set, RUNS + 1);
		report->unaccounted += bare_everything_unaccounted(bare, set);
	}
	engine_run_close(&run);
	bare_everything_close(bare);
	return err;
}

int everything_measure(struct report *report)
{
	struct dataset set;
	int err = dataset_open_with_ids(&set, 479360, GROUPS, 42);

	if (!err)
		err = measure(report, &set, WINDOW_DEDUP_EVENT_ID);
	dataset_close(&set);
	return err;
}

int everything_measure_plain(struct report *report)
{
	struct dataset set;
	int err = dataset_open(&set, 381300, GROUPS, false, 42);

	if (!err)
		err = measure(report, &set, WINDOW_DEDUP_NONE);
	dataset_close(&set);
	return err;
}
