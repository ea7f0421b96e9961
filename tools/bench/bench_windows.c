/* SPDX-License-Identifier: BSD-2-Clause */
/* bench_windows NAME…: what kinds of windows cost beside one that tumbles, in process: sliding by
 * the event and by the row, several windows at once, and everything together. Passes are a second
 * of event time each, with a tick behind, and every row that comes out is summed. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine_run.h"
#include "report.h"

#define SECOND_NS ENGINE_RUN_WINDOW_NS
#define PANES 60u
#define RUNS 9
#define MEMORY_BYTES ((__u64)12 << 30)

/* One pass, and a tick at its end. CPU time of both. */
static __u64 run_second(struct engine_run *run, const struct dataset *set, int *err)
{
	__u64 begin_ns = report_cpu_ns();

	engine_run_add(run, set);
	if (!*err)
		*err = engine_run_tick(run, (__s64)(set->base_time_ns + SECOND_NS));
	return report_cpu_ns() - begin_ns;
}

static double distance(__u64 a, __u64 b)
{
	return (double)(a > b ? a - b : b - a);
}

/* Events of `seconds` passes are in every row once, or `times` over where windows slide. */
static void check_total(struct report *report, const struct engine_run_total *total,
			const struct dataset *set, __u64 times)
{
	report->unaccounted += distance(total->count, set->events * times);
	report->unaccounted += total->sum != set->value_sum * times;
}

/* Sliding 60 s by 1 s against tumbling by 1 s, pass by pass in turns, once 60 panes are there. */
static int measure_sliding(struct report *report)
{
	const struct window_spec tumbling = engine_run_tumbling();
	const struct window_spec sliding = engine_run_sliding(PANES * SECOND_NS);
	struct engine_run plain = { 0 }, slides = { 0 };
	double plain_ns[RUNS];
	struct dataset set;
	int err = dataset_open(&set, 50000, 10000, false, 42);

	report->metric = "ns_per_event";
	if (!err)
		err = engine_run_open(&plain, &tumbling, 1, 20000, MEMORY_BYTES);
	if (!err)
		err = engine_run_open(&slides, &sliding, 1, 20000, MEMORY_BYTES);
	for (unsigned int i = 0; i < PANES + RUNS && !err; i++) {
		__u64 tumbling_ns = run_second(&plain, &set, &err);
		__u64 sliding_ns = run_second(&slides, &set, &err);

		if (i >= PANES) {
			plain_ns[i - PANES] = (double)tumbling_ns / (double)set.events;
			report_add_run(report, (double)sliding_ns / (double)set.events);
		}
		dataset_shift_time(&set, SECOND_NS);
	}
	if (!err) {
		report->yardstick = report_median(plain_ns, RUNS);
		check_total(report, &plain.total[0], &set, PANES + RUNS);
		check_total(report, &slides.total[0], &set,
			    PANES * (PANES + 1) / 2 + (__u64)RUNS * PANES);
	}
	engine_run_close(&plain);
	engine_run_close(&slides);
	dataset_close(&set);
	return err;
}

/* Rows of a million groups a second, each of 60 panes, by the row; those of a tumbling window are
 * the yardstick. */
static int measure_emission(struct report *report)
{
	const struct window_spec tumbling = engine_run_tumbling();
	const struct window_spec sliding = engine_run_sliding(PANES * SECOND_NS);
	struct engine_run plain = { 0 }, slides = { 0 };
	struct stream_stats stats = { 0 };
	double plain_ns[RUNS];
	struct dataset set;
	int err = dataset_open(&set, 50000, 1000000, false, 42);

	report->metric = "ns_per_row";
	if (!err)
		err = engine_run_open(&plain, &tumbling, 1, 2000000, MEMORY_BYTES);
	if (!err)
		err = engine_run_open(&slides, &sliding, 1, 2000000, MEMORY_BYTES);
	for (unsigned int i = 0; i < PANES + RUNS && !err; i++) {
		__u64 before = slides.total[0].rows, plain_before = plain.total[0].rows;

		slides.emission_ns = plain.emission_ns = 0;
		if (i == PANES)
			slides.longest_slice_ns = plain.longest_slice_ns = 0;
		run_second(&slides, &set, &err);
		if (i >= PANES) {
			run_second(&plain, &set, &err);
			report_add_run(report, (double)slides.emission_ns /
						       (double)(slides.total[0].rows - before));
			plain_ns[i - PANES] = (double)plain.emission_ns /
					      (double)(plain.total[0].rows - plain_before);
		}
		dataset_shift_time(&set, SECOND_NS);
	}
	if (!err) {
		stream_read_stats(slides.stream, &stats);
		report->yardstick = report_median(plain_ns, RUNS);
		report_add_extra(report, "longest_slice_us", (double)slides.longest_slice_ns / 1e3);
		report_add_extra(report, "longest_slice_tumbling_us",
				 (double)plain.longest_slice_ns / 1e3);
		report_add_extra(report, "bytes_per_group_and_pane",
				 (double)stats.memory_bytes / (double)stats.pane_groups);
		check_total(report, &plain.total[0], &set, RUNS);
		check_total(report, &slides.total[0], &set,
			    PANES * (PANES + 1) / 2 + (__u64)RUNS * PANES);
	}
	engine_run_close(&plain);
	engine_run_close(&slides);
	dataset_close(&set);
	return err;
}

static struct window_spec tumbling_by(enum sluice_field field)
{
	struct window_spec window = engine_run_tumbling();

	window.group_field[0] = (__u8)field;
	return window;
}

/* Nanoseconds an event of a stream with these windows, emission included. */
static int measure_windows(struct report *report, struct dataset *set,
			   const struct window_spec *windows, __u32 window_count, __u32 groups,
			   double *ns)
{
	struct engine_run run = { 0 };
	double each[RUNS];
	int err = engine_run_open(&run, windows, window_count, 2 * groups, MEMORY_BYTES);

	for (int i = -1; i < RUNS && !err; i++) {
		__u64 pass_ns = run_second(&run, set, &err);

		if (i >= 0)
			each[i] = (double)pass_ns / (double)set->events;
		dataset_shift_time(set, SECOND_NS);
	}
	if (!err)
		err = engine_run_tick(&run, run.watermark_ns[0] + 2 * (__s64)SECOND_NS);
	for (__u32 w = 0; w < window_count && !err; w++)
		check_total(report, &run.total[w], set, RUNS + 1);
	engine_run_close(&run);
	if (!err)
		*ns = report_median(each, RUNS);
	return err;
}

/* What a second window adds: with the same group_by, and with another. */
static int measure_second(struct report *report)
{
	static const __u32 groups[] = { 10000, 1000000 };
	static const char *const names[][2] = { { "same_10k_ns", "other_10k_ns" },
						{ "same_1m_ns", "other_1m_ns" } };
	struct window_spec same[] = { engine_run_tumbling(), engine_run_tumbling() };
	struct window_spec other[] = { engine_run_tumbling(), tumbling_by(SLUICE_FIELD_TYPE) };
	int err = 0;

	report->metric = "ns_per_event";
	same[1].size_ns = same[1].slide_ns = 2 * (__s64)SECOND_NS;
	for (int g = 0; g < 2 && !err; g++) {
		double one = 0, same_ns = 0, other_ns = 0;
		struct dataset set;

		err = dataset_open(&set, 100000, groups[g], false, 42);
		if (!err)
			err = measure_windows(report, &set, same, 1, groups[g], &one);
		if (!err)
			err = measure_windows(report, &set, same, 2, groups[g], &same_ns);
		if (!err)
			err = measure_windows(report, &set, other, 2, groups[g], &other_ns);
		if (!err && g == 0) {
			report_add_run(report, same_ns - one);
			report->yardstick = one;
		}
		report_add_extra(report, names[g][0], same_ns - one);
		report_add_extra(report, names[g][1], other_ns - one);
		dataset_close(&set);
	}
	return err;
}

/* A million groups by key, distinct keys by region and quantiles by type: three windows, as a user
 * would write them. */
static int measure_everything(struct report *report)
{
	struct window_spec windows[] = { engine_run_tumbling(), tumbling_by(SLUICE_FIELD_DIM0),
					 tumbling_by(SLUICE_FIELD_TYPE) };
	struct engine_run run = { 0 };
	__u64 longest_ns = 0;
	struct dataset set;
	int err = dataset_open(&set, 381300, 1000000, false, 42);

	report->metric = "events_per_second";
	windows[1].aggregate_count = windows[2].aggregate_count = 1;
	windows[1].aggregate[0] = (struct sluice_schema_aggregate){
		.kind = SLUICE_AGGREGATE_DISTINCT, .field = SLUICE_FIELD_KEY, .precision = 12
	};
	windows[2].aggregate[0] = (struct sluice_schema_aggregate){
		.kind = SLUICE_AGGREGATE_QUANTILES, .field = SLUICE_FIELD_VALUE, .precision = 5
	};
	if (!err)
		err = engine_run_open(&run, windows, 3, 2000000, MEMORY_BYTES);
	for (int i = -1; i < RUNS && !err; i++) {
		__u64 pass_ns = run_second(&run, &set, &err);

		if (i >= 0)
			report_add_run(report, (double)set.events * 1e9 / (double)pass_ns);
		else
			run.longest_step_ns = run.longest_slice_ns = run.emission_ns = 0;
		dataset_shift_time(&set, SECOND_NS);
	}
	longest_ns = run.longest_step_ns > run.longest_slice_ns ? run.longest_step_ns
								: run.longest_slice_ns;
	report_add_extra(report, "longest_turn_us", (double)longest_ns / 1e3);
	report_add_extra(report, "longest_step_us", (double)run.longest_step_ns / 1e3);
	report_add_extra(report, "longest_slice_us", (double)run.longest_slice_ns / 1e3);
	report_add_extra(report, "emission_ns_per_row",
			 (double)run.emission_ns * (RUNS + 1) / RUNS /
				 (double)run.total[0].rows);
	for (__u32 w = 0; w < 3 && !err; w++)
		check_total(report, &run.total[w], &set, RUNS + 1);
	engine_run_close(&run);
	dataset_close(&set);
	return err;
}

static const struct measurement {
	const char *name;
	int (*measure)(struct report *report);
} measurements[] = {
	{ "sliding_10k", measure_sliding },
	{ "sliding_emit_1m", measure_emission },
	{ "second_window", measure_second },
	{ "everything_1m", measure_everything },
};

static int measure(const char *name)
{
	for (size_t i = 0; i < sizeof(measurements) / sizeof(*measurements); i++) {
		struct report report = { .name = name };
		int err;

		if (strcmp(name, measurements[i].name))
			continue;
		err = measurements[i].measure(&report);
		if (!err)
			report_print(&report);
		return err;
	}
	return -ENOENT;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		int err = measure(argv[i]);

		if (err) {
			fprintf(stderr, "bench_windows: %s: %s\n", argv[i], strerror(-err));
			return 1;
		}
	}
	return 0;
}
