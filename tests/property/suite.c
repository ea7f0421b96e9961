/* SPDX-License-Identifier: BSD-2-Clause */
/* Running, judging, shrinking. The properties are loops over seeds around these. */
#include "suite.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include <cmocka.h>

#define SHRINK_RUNS_MAX 400

static __u64 seed_now;

static void name_seed(void)
{
	if (seed_now)
		fprintf(stderr, "property: died at seed %llu (SLUICE_PROPERTY_SEED=%llu)\n",
			seed_now, seed_now);
}

static void handle_abort(int number)
{
	name_seed();
	signal(number, SIG_DFL);
	raise(number);
}

void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

void suite_start(void)
{
	/* Thousands of short-lived streams: 2 MiB pages would be cleared most of the time. */
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	signal(SIGABRT, handle_abort);
	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(name_seed);
}

size_t suite_judge(const struct scenario *scenario, const struct drive_options *drive,
		   unsigned int flags)
{
	struct result expected = { 0 }, result = { 0 };
	size_t count = 1;

	oracle_run(scenario, &expected);
	if (!drive_run(scenario, drive, &result)) {
		count = compare_results(scenario, &expected, &result, flags);
		count += compare_check_alone(scenario, &result);
	}
	result_clear(&expected);
	result_clear(&result);
	return count;
}

static void drop_steps(struct scenario *scenario, size_t from, size_t count)
{
	for (size_t i = from; i < from + count; i++)
		free(scenario->step[i].datagram.event);
	memmove(&scenario->step[from], &scenario->step[from + count],
		(scenario->step_count - from - count) * sizeof(*scenario->step));
	scenario->step_count -= count;
}

static bool is_failing(const struct scenario *scenario, const struct drive_options *drive,
		       unsigned int flags)
{
	bool is_bad;

	compare_set_quiet(true);
	is_bad = suite_judge(scenario, drive, flags) != 0;
	compare_set_quiet(false);
	return is_bad;
}

/* Leaves out steps, then single events, as long as the failure stays. */
static void shrink(struct scenario *scenario, const struct drive_options *drive,
		   unsigned int flags)
{
	int runs = 0;

	for (size_t size = scenario->step_count / 2; size; size /= 2) {
		size_t from = 0;

		while (from + size <= scenario->step_count && runs++ < SHRINK_RUNS_MAX) {
			struct scenario smaller;

			scenario_copy(&smaller, scenario);
			drop_steps(&smaller, from, size);
			if (is_failing(&smaller, drive, flags)) {
				scenario_clear(scenario);
				*scenario = smaller;
			} else {
				scenario_clear(&smaller);
				from += size;
			}
		}
	}
	for (size_t i = 0; i < scenario->step_count; i++) {
		struct scenario_datagram *datagram = &scenario->step[i].datagram;

		while (datagram->event_count > 1 && runs++ < 2 * SHRINK_RUNS_MAX) {
			datagram->event_count--;
			if (is_failing(scenario, drive, flags))
				continue;
			datagram->event_count++;
			break;
		}
	}
}

static void fail_with(const struct scenario *scenario, const struct drive_options *drive,
		      unsigned int flags)
{
	struct scenario small;

	printf("seed %llu fails; made smaller:\n", scenario->seed);
	scenario_copy(&small, scenario);
	shrink(&small, drive, flags);
	scenario_print(&small);
	suite_judge(&small, drive, flags);
	scenario_clear(&small);
	fail_msg("seed %llu (SLUICE_PROPERTY_SEED=%llu runs it alone)", scenario->seed,
		 scenario->seed);
}

void suite_judge_or_fail(const struct scenario *scenario, const struct drive_options *drive,
			  unsigned int flags)
{
	if (suite_judge(scenario, drive, flags))
		fail_with(scenario, drive, flags);
}

static struct drive_options drive_for(__u64 seed)
{
	return (struct drive_options){
		.worker_count = 1,
		.hash_seed = seed * 0x9e3779b97f4a7c15ull,
		.noise_seed = seed + 1,
		.no_room_percent = seed % 3 ? 0 : 30,
	};
}

void suite_random_streams(const struct generate_options *options, __u64 rounds, __u64 first_seed)
{
	__u64 seed = generate_first_seed(first_seed), end = seed + generate_rounds(rounds);

	for (; seed < end; seed++) {
		struct drive_options drive = drive_for(seed);
		struct scenario scenario;

		seed_now = seed;
		generate_scenario(&scenario, seed, options);
		suite_judge_or_fail(&scenario, &drive, COMPARE_ALL);
		scenario_clear(&scenario);
	}
}

void suite_lazy_emission(const struct generate_options *options, __u64 rounds, __u64 first_seed)
{
	__u64 seed = generate_first_seed(first_seed), end = seed + generate_rounds(rounds);

	for (; seed < end; seed++) {
		struct drive_options drive = drive_for(seed);
		struct scenario scenario;

		seed_now = seed;
		drive.is_lazy = true;
		generate_scenario(&scenario, seed, options);
		suite_judge_or_fail(&scenario, &drive,
			      COMPARE_FINAL | COMPARE_LEDGER | COMPARE_WATERMARKS | COMPARE_LATE);
		scenario_clear(&scenario);
	}
}

/* Which revision tells of an event that comes during the hand-over is open; with sessions also
 * whether it is late when that was in doubt. */
static void judge_interleaved(const struct scenario *scenario, struct drive_options drive)
{
	drive.is_interleaved = true;
	for (__u32 i = 0; i < scenario->window_count; i++)
		if (scenario->window[i].kind == SLUICE_WINDOW_SESSION && !scenario->jitter_ns)
			return;
	suite_judge_or_fail(scenario, &drive,
			    COMPARE_FINAL | COMPARE_LEDGER | COMPARE_WATERMARKS | COMPARE_LATE);
}

/* Which copy of a datagram comes first decides who refuses the others, where windows read different
 * listeners: rows are the same then, counters are not. */
static unsigned int flags_of_permutation(const struct scenario *scenario)
{
	__u32 all = (1u << scenario->listener_count) - 1;

	for (__u32 i = 0; i < scenario->window_count; i++)
		if ((scenario->window[i].listener_mask & all) != all)
			return COMPARE_FINAL;
	return COMPARE_FINAL | COMPARE_LEDGER;
}

void suite_permutations(const struct generate_options *options, __u64 rounds, __u64 first_seed)
{
	__u64 seed = generate_first_seed(first_seed), end = seed + generate_rounds(rounds);
	struct generate_options in_bound = *options;

	in_bound.is_in_bound = true;
	for (; seed < end; seed++) {
		struct drive_options drive = drive_for(seed);
		struct result first = { 0 };
		struct scenario scenario;

		seed_now = seed;
		generate_scenario(&scenario, seed, &in_bound);
		suite_judge_or_fail(&scenario, &drive, COMPARE_ALL);
		if (drive_run(&scenario, &drive, &first))
			fail_msg("seed %llu", seed);
		for (__u64 i = 0; i < 3; i++) {
			struct result other = { 0 };
			struct scenario permuted;

			generate_permute(&permuted, &scenario, 3 * seed + i);
			suite_judge_or_fail(&permuted, &drive, COMPARE_ALL);
			drive.worker_count = 3;
			judge_interleaved(&permuted, drive);
			drive.worker_count = 1;
			if (drive_run(&permuted, &drive, &other) ||
			    compare_results(&scenario, &first, &other,
					    flags_of_permutation(&scenario)))
				fail_msg("seed %llu: the order of arrival shows", seed);
			for (__u32 j = 0; j < scenario.window_count; j++)
				assert_int_equal(other.window[j].late, 0);
			result_clear(&other);
			scenario_clear(&permuted);
		}
		result_clear(&first);
		scenario_clear(&scenario);
	}
}

void suite_workers(const struct generate_options *options, __u64 rounds, __u64 first_seed)
{
	__u64 seed = generate_first_seed(first_seed), end = seed + generate_rounds(rounds);

	for (; seed < end; seed++) {
		struct drive_options drive = drive_for(seed);
		struct scenario scenario;

		seed_now = seed;
		generate_scenario(&scenario, seed, options);
		scenario.sources_max = 64;	/* who overflows depends on who is first */
		scenario.lacks |= LACK_GAPS; /* nor is a gap always told before it fills */
		/* Nobody knows which of two workers was first in the same nanosecond. */
		for (size_t i = 0; i < scenario.step_count; i++)
			scenario.step[i].mono_ns += i;
		for (__u32 workers = 2; workers <= 8; workers *= 2) {
			drive.worker_count = workers;
			suite_judge_or_fail(&scenario, &drive, COMPARE_ALL);
			judge_interleaved(&scenario, drive);
		}
		scenario_clear(&scenario);
	}
}

void suite_hidden_choices(const struct generate_options *options, __u64 rounds, __u64 first_seed)
{
	__u64 seed = generate_first_seed(first_seed), end = seed + generate_rounds(rounds);

	for (; seed < end; seed++) {
		struct drive_options drive = drive_for(seed);
		struct result first = { 0 };
		struct scenario scenario;

		seed_now = seed;
		generate_scenario(&scenario, seed, options);
		if (drive_run(&scenario, &drive, &first))
			fail_msg("seed %llu", seed);
		for (__u64 i = 1; i <= 3; i++) {
			struct result other = { 0 };

			drive.hash_seed = i == 1 ? 0 : drive.hash_seed * 31 + i;
			drive.noise_seed += i;
			drive.no_room_percent = (unsigned int)(40 * (i - 1));
			if (drive_run(&scenario, &drive, &other) ||
			    compare_results(&scenario, &first, &other,
					    COMPARE_ALL & ~(unsigned int)(COMPARE_REVISIONS |
									  COMPARE_ORDER |
									  COMPARE_MISSING)))
				fail_msg("seed %llu: a secret shows in the rows", seed);
			result_clear(&other);
		}
		result_clear(&first);
		scenario_clear(&scenario);
	}
}

/* The scenario with window `index` alone, as window 0. */
static void keep_window(struct scenario *to, const struct scenario *from, __u32 index)
{
	scenario_copy(to, from);
	for (__u32 i = 0; i < to->window_count; i++)
		if (i != index)
			free(to->window[i].where.type_bits);
	to->window[0] = to->window[index];
	to->window_count = 1;
}

/* The rows of window `index`, as rows of window 0. */
static void pick_rows(struct result *to, const struct result *from, __u32 index)
{
	for (size_t i = 0; i < from->row_count; i++) {
		struct result_row *row;

		if (from->row[i].identity.window != index)
			continue;
		row = result_add_row(to);
		*row = from->row[i];
		row->identity.window = 0;
		row->aggregate = NULL;
		row->aggregate_count = 0;
	}
	to->stream = from->stream;
	to->window[0] = from->window[index];
}

static void judge_alone(const struct scenario *scenario, const struct drive_options *drive,
			const struct result *together, __u32 index)
{
	struct result alone = { 0 }, picked = { 0 }, plain = { 0 };
	struct scenario single;

	keep_window(&single, scenario, index);
	pick_rows(&picked, together, index);
	if (drive_run(&single, drive, &alone))
		fail_msg("seed %llu", scenario->seed);
	pick_rows(&plain, &alone, 0);
	if (compare_results(&single, &picked, &plain, COMPARE_EVERY_STEP | COMPARE_LEDGER))
		fail_msg("seed %llu: window %u is not what it is alone", scenario->seed, index);
	result_clear(&alone);
	result_clear(&picked);
	result_clear(&plain);
	scenario_clear(&single);
}

void suite_windows_alone(const struct generate_options *options, __u64 rounds, __u64 first_seed)
{
	__u64 seed = generate_first_seed(first_seed), end = seed + generate_rounds(rounds);

	for (; seed < end; seed++) {
		struct drive_options drive = drive_for(seed);
		struct result together = { 0 };
		struct scenario scenario;

		seed_now = seed;
		generate_scenario(&scenario, seed, options);
		if (drive_run(&scenario, &drive, &together))
			fail_msg("seed %llu", seed);
		for (__u32 i = 0; i < scenario.window_count; i++)
			judge_alone(&scenario, &drive, &together, i);
		result_clear(&together);
		scenario_clear(&scenario);
	}
}

void suite_empty_state(const struct generate_options *options, __u64 rounds, __u64 first_seed)
{
	__u64 seed = generate_first_seed(first_seed), end = seed + generate_rounds(rounds);

	for (; seed < end; seed++) {
		struct drive_options drive = drive_for(seed);
		struct result result = { 0 };
		struct scenario scenario;

		seed_now = seed;
		drive.worker_count = 1 + (__u32)(seed % 3);
		generate_scenario(&scenario, seed, options);
		scenario_add_step(&scenario, SCENARIO_WATERMARK, 0, 0)->watermark_ns = INT64_MAX;
		if (drive_run(&scenario, &drive, &result))
			fail_msg("seed %llu", seed);
		if (result.groups_left || result.panes_left || result.bytes_left)
			fail_msg("seed %llu: %llu groups, %llu panes and %llu bytes are left", seed,
				 result.groups_left, result.panes_left, result.bytes_left);
		result_clear(&result);
		scenario_clear(&scenario);
	}
}
