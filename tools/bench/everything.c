/* SPDX-License-Identifier: BSD-2-Clause */
#include "everything.h"

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

/* The first pass touches memory for the first time. */
static int run_passes(struct report *report, struct engine_run *run, struct dataset *set)
{
	int err = 0;

	for (int i = -1; i < RUNS && !err; i++) {
		__u64 pass_ns = engine_run_second(run, set, &err);

		if (i >= 0)
			report_add_run(report, report_per_second(set->events, pass_ns));
		else
			run->longest_step_ns = run->longest_slice_ns = run->emission_ns = 0;
		dataset_shift_time(set, ENGINE_RUN_WINDOW_NS);
	}
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
	struct engine_run run = { 0 };
	int err = open_engine(&run, dedup);

	report->metric = "events_per_second";
	if (!err)
		err = run_passes(report, &run, set);
	if (!err) {
		add_extras(report, &run);
		for (__u32 w = 0; w < run.window_count; w++)
			report->unaccounted += engine_run_unaccounted(&run, w, set, RUNS + 1);
	}
	engine_run_close(&run);
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
