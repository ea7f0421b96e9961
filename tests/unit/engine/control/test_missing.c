/* SPDX-License-Identifier: BSD-2-Clause */
/* Losses of a tick by cause, window and time: what the kernel counted, what gaps show, what turned
 * up again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/control/missing.h"

#define S 1000000000ll
#define T 1000 * S

struct bed {
	struct config config;
	struct missing missing;
	struct account_kernel kernel;
	__s64 watermark_ns[SLUICE_WINDOWS_MAX];
};

/* Listener 0 for window 0, both for window 1. */
static struct bed *open_bed(void)
{
	struct bed *bed = calloc(1, sizeof(*bed));

	assert_non_null(bed);
	bed->config.listener_count = 2;
	bed->config.window_count = 2;
	bed->config.window[0].listener_mask = 1;
	bed->config.window[0].max_disorder_ns = 2 * S;
	bed->config.window[1].listener_mask = 3;
	for (int w = 0; w < SLUICE_WINDOWS_MAX; w++)
		bed->watermark_ns[w] = INT64_MIN;
	bed->kernel.listener_count = 2;
	bed->kernel.ledger[0].emitted = (struct sluice_count){ 100, 1000 };
	missing_open(&bed->missing, &bed->config);
	missing_set_baseline(&bed->missing, &bed->kernel, T);
	return bed;
}

static void begin(struct bed *bed, __s64 now_ns)
{
	missing_begin(&bed->missing, &bed->kernel, now_ns, bed->watermark_ns);
}

static struct sluice_missing sum(const struct bed *bed, __u32 window, __s64 start_ns, __s64 end_ns)
{
	struct sluice_missing missing = { 0 };

	losses_sum(&bed->missing.losses, 1u << window, start_ns, end_ns, &missing);
	return missing;
}

static void kernel_losses_belong_to_the_time_between_two_readings(void **state)
{
	struct bed *bed = open_bed();

	(void)state;
	bed->kernel.ledger[0].ring_full = (struct sluice_count){ 3, 30 };
	bed->kernel.ledger[0].no_ring = (struct sluice_count){ 1, 2 };
	begin(bed, T + S);
	assert_int_equal(sum(bed, 0, T, T + S).ring_full, 32);
	assert_int_equal(sum(bed, 0, T, T + S).flags, SLUICE_MISSING_ESTIMATED);
	/* An event may be as much older than its arrival as the window's disorder. */
	assert_int_equal(sum(bed, 0, T - 2 * S, T - S).ring_full, 32);
	assert_int_equal(sum(bed, 0, T - 3 * S, T - 2 * S).ring_full, 0);
	assert_int_equal(sum(bed, 1, T - S, T).ring_full, 0);
	assert_int_equal(sum(bed, 1, T + 2 * S, T + 3 * S).ring_full, 0);
	/* The next tick has nothing new. */
	begin(bed, T + 2 * S);
	assert_int_equal(bed->missing.losses.count, 0);
	assert_int_equal(bed->missing.total[0].ring_full, 32);
	free(bed);
}

/* A slow source keeps windows open: what was lost may be theirs. */
static void what_was_open_may_miss_it(void **state)
{
	struct bed *bed = open_bed();

	(void)state;
	bed->watermark_ns[1] = T - 50 * S;
	bed->kernel.ledger[1].ring_full = (struct sluice_count){ 1, 5 };
	begin(bed, T + S);
	assert_int_equal(sum(bed, 1, T - 51 * S, T - 49 * S).ring_full, 5);
	assert_int_equal(sum(bed, 1, T - 60 * S, T - 50 * S).ring_full, 0);
	assert_int_equal(sum(bed, 0, T, T + S).ring_full, 0);
	free(bed);
}

static void refused_datagrams_count_by_the_mean_of_their_listener(void **state)
{
	struct bed *bed = open_bed();

	(void)state;
	bed->kernel.ledger[0].refused_length.datagrams = 2;
	bed->kernel.ledger[0].refused_flags.datagrams = 1;
	bed->kernel.ledger[0].refused_magic.datagrams = 50;
	bed->kernel.ledger[0].refused_version.datagrams = 50;
	bed->kernel.ledger[0].refused_short.datagrams = 50;
	begin(bed, T + S);
	assert_int_equal(sum(bed, 0, T, T + S).refused, 30);
	free(bed);
}

static void miss(struct bed *bed, __u32 listeners, __s64 datagrams, __s64 records)
{
	const struct source_gap_note note = { .listeners = listeners,
					      .from_ns = T,
					      .to_ns = T + S,
					      .datagrams = datagrams,
					      .records = records };

	missing_add_gap(&bed->missing, &note);
}

static void what_is_lost_here_is_not_upstream_too(void **state)
{
	struct bed *bed = open_bed();

	(void)state;
	bed->kernel.ledger[0].ring_full = (struct sluice_count){ 3, 30 };
	begin(bed, T + S);
	miss(bed, 1, 4, 40);
	assert_int_equal(sum(bed, 0, T, T + S).upstream, 10);
	assert_int_equal(sum(bed, 0, T, T + S).ring_full, 30);
	begin(bed, T + 2 * S);
	miss(bed, 1, 2, 20);
	assert_int_equal(sum(bed, 0, T, T + S).upstream, 20);
	assert_int_equal(missing_upstream(&bed->missing), 1); /* the others may turn up */
	begin(bed, T + 3 * S);
	assert_int_equal(missing_upstream(&bed->missing), 3);
	free(bed);
}

/* A source that was lost here and never came again must not hide what others lose later. */
static void old_losses_explain_nothing(void **state)
{
	struct bed *bed = open_bed();

	(void)state;
	bed->kernel.ledger[0].ring_full = (struct sluice_count){ 3, 30 };
	begin(bed, T + S);
	begin(bed, T + 15 * S);
	begin(bed, T + 26 * S);
	miss(bed, 1, 2, 20);
	assert_int_equal(sum(bed, 0, T, T + S).upstream, 20);
	free(bed);
}

/* One worker may tell that a gap has filled before another tells that it opened. */
static void workers_tell_in_any_order(void **state)
{
	struct bed *bed = open_bed();
	struct loss memory[2 * LOSS_CAUSES];
	struct losses known;
	struct sluice_missing missing = { 0 };

	(void)state;
	losses_open(&known, memory, 2 * LOSS_CAUSES);
	begin(bed, T + S);
	miss(bed, 1, -2, -20);
	missing_end(&bed->missing);
	assert_int_equal(bed->missing.losses.count, 0);
	begin(bed, T + 2 * S);
	miss(bed, 1, 2, 20);
	missing_end(&bed->missing);
	for (__u32 i = 0; i < bed->missing.losses.count; i++)
		losses_add(&known, &bed->missing.losses.loss[i]);
	losses_sum(&known, 1, T, T + S, &missing);
	assert_int_equal(missing.upstream, 0);
	assert_int_equal(missing_upstream(&bed->missing), 0);
	begin(bed, T + 3 * S);
	missing_end(&bed->missing);
	assert_int_equal(bed->missing.losses.count, 0);
	assert_int_equal(bed->missing.total[0].upstream, 0);
	free(bed);
}

static void gaps_are_of_the_windows_that_read_the_source(void **state)
{
	struct bed *bed = open_bed();

	(void)state;
	begin(bed, T + S);
	miss(bed, 2, 1, 10);
	assert_int_equal(sum(bed, 0, T, T + S).upstream, 0);
	assert_int_equal(sum(bed, 1, T, T + S).upstream, 10);
	assert_int_equal(sum(bed, 1, T, T + S).flags, SLUICE_MISSING_ESTIMATED);
	free(bed);
}

static void what_turned_up_is_taken_back(void **state)
{
	struct bed *bed = open_bed();
	struct loss memory[2 * LOSS_CAUSES];
	struct losses known;
	struct sluice_missing missing = { 0 };
	struct loss loss = { .from_ns = T,
			     .to_ns = T + S,
			     .records = 20,
			     .window_mask = 1,
			     .cause = LOSS_upstream };

	(void)state;
	losses_open(&known, memory, 2 * LOSS_CAUSES);
	begin(bed, T + S);
	missing_add(&bed->missing, &loss);
	losses_add(&known, &bed->missing.losses.loss[0]);
	begin(bed, T + 2 * S);
	loss.records = -5;
	missing_add(&bed->missing, &loss);
	assert_int_equal(bed->missing.losses.count, 1);
	losses_add(&known, &bed->missing.losses.loss[0]);
	losses_sum(&known, 1, T, T + S, &missing);
	assert_int_equal(missing.upstream, 15);
	assert_int_equal(bed->missing.total[0].upstream, 15);
	free(bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernel_losses_belong_to_the_time_between_two_readings),
		cmocka_unit_test(what_was_open_may_miss_it),
		cmocka_unit_test(refused_datagrams_count_by_the_mean_of_their_listener),
		cmocka_unit_test(what_is_lost_here_is_not_upstream_too),
		cmocka_unit_test(old_losses_explain_nothing),
		cmocka_unit_test(workers_tell_in_any_order),
		cmocka_unit_test(gaps_are_of_the_windows_that_read_the_source),
		cmocka_unit_test(what_turned_up_is_taken_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
