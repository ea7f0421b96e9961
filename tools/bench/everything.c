/* SPDX-License-Identifier: BSD-2-Clause */
#include "everything.h"

#include <errno.h>

#include "bare_everything.h"
#include "engine_run.h"
#include "steps.h"

#define GROUPS 1000000u
#define RUNS 9
#define PASSES (2 * RUNS)
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

/* The engine and the bare loop, in turns over the same data. */
struct contest {
	struct engine_run run;
	struct bare_everything *bare;
	struct steps engine_steps, bare_steps;
};

static int open_contest(struct contest *contest, const struct dataset *set, enum window_dedup dedup)
{
	const __u32 turn = engine_run_turn_datagrams(set);
	const __u32 steps = (set->datagrams + turn - 1) / turn;
	int err;

	contest->bare = bare_everything_open(set, GROUPS);
	if (!contest->bare)
		return -ENOMEM;
	err = steps_open(&contest->engine_steps, steps, RUNS);
	if (!err)
		err = steps_open(&contest->bare_steps, steps, RUNS);
	return err ? err : open_engine(&contest->run, dedup);
}

static void close_contest(struct contest *contest)
{
	engine_run_close(&contest->run);
	bare_everything_close(contest->bare);
	steps_close(&contest->engine_steps);
	steps_close(&contest->bare_steps);
}

/* A pass of either: its CPU time. That of its steps goes to `step_ns` unless it is NULL; a step is
 * a turn's share of datagrams. */
static __u64 run_engine(struct contest *contest, const struct dataset *set, __u64 *step_ns,
			int *err)
{
	contest->run.step_ns = step_ns;
	return engine_run_second(&contest->run, set, err);
}

static __u64 run_bare(struct contest *contest, const struct dataset *set, __u64 *step_ns)
{
	const __u32 turn = engine_run_turn_datagrams(set);
	__u64 begin_ns, last_ns;

	bare_everything_reset(contest->bare);
	begin_ns = last_ns = report_cpu_ns();
	for (__u32 begin = 0; begin < set->datagrams; begin += turn) {
		const __u32 left = set->datagrams - begin;
		__u64 now_ns;

		bare_everything_add(contest->bare, set, begin, begin + (left < turn ? left : turn));
		now_ns = report_cpu_ns();
		if (step_ns)
			*step_ns++ = now_ns - last_ns;
		last_ns = now_ns;
	}
	return last_ns - begin_ns;
}

/* The second of two passes counts: the first finds the caches, those of page tables too, full of
 * the other's memory, and at the start its own is touched for the first time. */
static int run_in_turns(struct report *report, struct contest *contest, struct dataset *set)
{
	double bare_rate[RUNS];
	int err = 0;

	for (int i = 0; i < RUNS && !err; i++) {
		__u64 pass_ns;

		run_engine(contest, set, NULL, &err);
		if (i == 0)
			contest->run.longest_slice_ns = 0;
		dataset_shift_time(set, ENGINE_RUN_WINDOW_NS);
		pass_ns = run_engine(contest, set, steps_next_pass(&contest->engine_steps), &err);
		report_add_run(report, report_per_second(set->events, pass_ns));
		run_bare(contest, set, NULL);
		pass_ns = run_bare(contest, set, steps_next_pass(&contest->bare_steps));
		bare_rate[i] = report_per_second(set->events, pass_ns);
		dataset_shift_time(set, ENGINE_RUN_WINDOW_NS);
	}
	if (!err)
		report->yardstick = report_median(bare_rate, RUNS);
	return err;
}

static void add_extras(struct report *report, const struct contest *contest)
{
	const struct engine_run *run = &contest->run;

	report_add_extra(report, "longest_step_us", steps_longest(&contest->engine_steps) / 1e3);
	report_add_extra(report, "longest_median_step_us",
			 steps_longest_median(&contest->engine_steps) / 1e3);
	report_add_extra(report, "yardstick_longest_step_us",
			 steps_longest(&contest->bare_steps) / 1e3);
	report_add_extra(report, "yardstick_longest_median_step_us",
			 steps_longest_median(&contest->bare_steps) / 1e3);
	report_add_extra(report, "longest_slice_us", (double)run->longest_slice_ns / 1e3);
	report_add_extra(report, "emission_ns_per_row",
			 (double)run->emission_ns / (double)run->total[0].rows);
}

static int measure(struct report *report, struct dataset *set, enum window_dedup dedup)
{
	struct contest contest = { 0 };
	int err = open_contest(&contest, set, dedup);

	report->metric = "events_per_second";
	if (!err)
		err = run_in_turns(report, &contest, set);
	if (!err) {
		add_extras(report, &contest);
		for (__u32 w = 0; w < contest.run.window_count; w++)
			report->unaccounted += engine_run_unaccounted(&contest.run, w, set, PASSES);
		report->unaccounted += bare_everything_unaccounted(contest.bare, set);
	}
	close_contest(&contest);
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
