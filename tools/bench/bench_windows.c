/* SPDX-License-Identifier: BSD-2-Clause */
/* bench_windows NAME…: what kinds of windows cost beside one that tumbles, in process: sliding by
 * the event and by the row, several windows at once, what they may ask for, and everything
 * together. Passes are a second of event time each, with a tick behind, and every row that comes
 * out is summed. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine_run.h"
#include "everything.h"
#include "report.h"

#define SECOND_NS ENGINE_RUN_WINDOW_NS
#define PANES 60u
#define RUNS 9
#define MEMORY_BYTES ((__u64)12 << 30)

/* Two windows over the same events, in turns: what one costs beside the other. */
struct pair {
	struct engine_run plain, other;
	struct dataset set;
	double plain_ns[RUNS];
};

static int pair_open(struct pair *pair, const struct window_spec *plain,
		     const struct window_spec *other, __u32 groups_max)
{
	int err = engine_run_open(&pair->plain, plain, 1, groups_max, MEMORY_BYTES);

	return err ? err : engine_run_open(&pair->other, other, 1, groups_max, MEMORY_BYTES);
}

static void pair_close(struct pair *pair)
{
	engine_run_close(&pair->plain);
	engine_run_close(&pair->other);
	dataset_close(&pair->set);
}

static int pair_open_sliding(struct pair *pair, __u64 groups)
{
	const struct window_spec tumbling = engine_run_tumbling();
	const struct window_spec sliding = engine_run_sliding(PANES * SECOND_NS);
	int err = dataset_open(&pair->set, 50000, groups, false, 42);

	return err ? err : pair_open(pair, &tumbling, &sliding, (__u32)groups * 2);
}

/* The window that slides has seen PANES + RUNS seconds, the other one `plain_seconds`. */
static void pair_check_sliding(struct report *report, const struct pair *pair, __u64 plain_seconds)
{
	report->yardstick = report_median(pair->plain_ns, RUNS);
	report->unaccounted += engine_run_unaccounted(&pair->plain, 0, &pair->set, plain_seconds);
	report->unaccounted += engine_run_unaccounted(
		&pair->other, 0, &pair->set, PANES * (PANES + 1) / 2 + (__u64)RUNS * PANES);
}

/* Sliding 60 s by 1 s against tumbling by 1 s, pass by pass in turns, once 60 panes are there. */
static int measure_sliding(struct report *report)
{
	struct pair pair = { 0 };
	int err = pair_open_sliding(&pair, 10000);

	report->metric = "ns_per_event";
	for (unsigned int i = 0; i < PANES + RUNS && !err; i++) {
		__u64 tumbling_ns = engine_run_second(&pair.plain, &pair.set, &err);
		__u64 sliding_ns = engine_run_second(&pair.other, &pair.set, &err);

		if (i >= PANES) {
			pair.plain_ns[i - PANES] = (double)tumbling_ns / (double)pair.set.events;
			report_add_run(report, (double)sliding_ns / (double)pair.set.events);
		}
		dataset_shift_time(&pair.set, SECOND_NS);
	}
	if (!err)
		pair_check_sliding(report, &pair, PANES + RUNS);
	pair_close(&pair);
	return err;
}

/* Nanoseconds a row of a second's emission. */
static double run_second_by_row(struct engine_run *run, const struct dataset *set, int *err)
{
	__u64 before = run->total[0].rows;

	run->emission_ns = 0;
	engine_run_second(run, set, err);
	return (double)run->emission_ns / (double)(run->total[0].rows - before);
}

/* Rows of a million groups a second, each of 60 panes, by the row; those of a tumbling window are
 * the yardstick. */
static int measure_emission(struct report *report)
{
	struct stream_stats stats = { 0 };
	struct pair pair = { 0 };
	int err = pair_open_sliding(&pair, 1000000);

	report->metric = "ns_per_row";
	for (unsigned int i = 0; i < PANES + RUNS && !err; i++) {
		double sliding_ns;

		if (i == PANES)
			pair.other.longest_slice_ns = pair.plain.longest_slice_ns = 0;
		sliding_ns = run_second_by_row(&pair.other, &pair.set, &err);
		if (i >= PANES) {
			pair.plain_ns[i - PANES] = run_second_by_row(&pair.plain, &pair.set, &err);
			report_add_run(report, sliding_ns);
		}
		dataset_shift_time(&pair.set, SECOND_NS);
	}
	if (!err) {
		stream_read_stats(pair.other.stream, &stats);
		report_add_extra(report, "longest_slice_us",
				 (double)pair.other.longest_slice_ns / 1e3);
		report_add_extra(report, "longest_slice_tumbling_us",
				 (double)pair.plain.longest_slice_ns / 1e3);
		report_add_extra(report, "bytes_per_group_and_pane",
				 (double)stats.memory_bytes / (double)stats.pane_groups);
		pair_check_sliding(report, &pair, RUNS);
	}
	pair_close(&pair);
	return err;
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
		__u64 pass_ns = engine_run_second(&run, set, &err);

		if (i >= 0)
			each[i] = (double)pass_ns / (double)set->events;
		dataset_shift_time(set, SECOND_NS);
	}
	if (!err)
		err = engine_run_tick(&run, run.watermark_ns[0] + 2 * (__s64)SECOND_NS);
	for (__u32 w = 0; w < window_count && !err; w++)
		report->unaccounted += engine_run_unaccounted(&run, w, set, RUNS + 1);
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
	struct window_spec other[] = { engine_run_tumbling(),
				       engine_run_tumbling_by(SLUICE_FIELD_TYPE) };
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

static void ask_distinct(struct window_spec *window)
{
	engine_run_ask_distinct(window, SLUICE_FIELD_KEY);
}

static void ask_distinct_few(struct window_spec *window)
{
	engine_run_ask_distinct(window, SLUICE_FIELD_DIM1);
}

static void ask_dedup(struct window_spec *window)
{
	window->dedup = WINDOW_DEDUP_EVENT_ID;
}

/* What a window's cost grows by when it asks for one thing more. */
static int measure_more(double *more_ns, struct report *report, const struct dataset *set,
			enum sluice_field field, __u32 groups, void (*ask)(struct window_spec *))
{
	struct window_spec plain = engine_run_tumbling_by(field), other = plain;
	struct pair pair = { .set = *set };
	double other_ns[RUNS];
	int err;

	ask(&other);
	err = pair_open(&pair, &plain, &other, 2 * groups);
	for (int i = -1; i < RUNS && !err; i++) {
		double first_ns = (double)engine_run_second(&pair.plain, &pair.set, &err);
		double second_ns = (double)engine_run_second(&pair.other, &pair.set, &err);

		if (i >= 0) {
			pair.plain_ns[i] = first_ns / (double)set->events;
			other_ns[i] = second_ns / (double)set->events;
		}
		dataset_shift_time(&pair.set, SECOND_NS);
	}
	if (!err) {
		report->unaccounted += engine_run_unaccounted(&pair.plain, 0, set, RUNS + 1);
		report->unaccounted += engine_run_unaccounted(&pair.other, 0, set, RUNS + 1);
		*more_ns = report_median(other_ns, RUNS) - report_median(pair.plain_ns, RUNS);
	}
	engine_run_close(&pair.plain);
	engine_run_close(&pair.other);
	return err;
}

/* Distinct keys, quantiles of values, and event ids, each by few groups and by many; the many
 * have few distinct values each, which are kept as they are. */
static int measure_extras(struct report *report)
{
	static const struct {
		const char *name;
		void (*ask)(struct window_spec *window);
		__u32 groups;
	} cases[] = {
		{ "distinct_16_ns", ask_distinct, 16 },
		{ "distinct_10k_ns", ask_distinct_few, 10000 },
		{ "quantiles_16_ns", engine_run_ask_quantiles, 16 },
		{ "quantiles_10k_ns", engine_run_ask_quantiles, 10000 },
		{ "dedup_16_ns", ask_dedup, 16 },
		{ "dedup_1m_ns", ask_dedup, 1000000 },
	};
	int err = 0;

	report->metric = "ns_per_event";
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases) && !err; i++) {
		__u32 groups = cases[i].groups;
		struct dataset set;
		double more_ns = 0;

		err = dataset_open_with_ids(&set, 100000, groups, 42);
		if (!err)
			err = measure_more(&more_ns, report, &set,
					   groups > 16 ? SLUICE_FIELD_KEY : SLUICE_FIELD_TYPE,
					   groups, cases[i].ask);
		if (i == 0)
			report_add_run(report, more_ns);
		report_add_extra(report, cases[i].name, more_ns);
		dataset_close(&set);
	}
	return err;
}

static const struct measurement {
	const char *name;
	int (*measure)(struct report *report);
} measurements[] = {
	{ "sliding_10k", measure_sliding },
	{ "sliding_emit_1m", measure_emission },
	{ "second_window", measure_second },
	{ "window_extras", measure_extras },
	{ "everything_1m", everything_measure },
	{ "everything_1m_plain", everything_measure_plain },
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
