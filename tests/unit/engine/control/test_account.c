/* SPDX-License-Identifier: BSD-2-Clause */
/* The equations notice one datagram or event too few or too many, and nothing that only moved. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/control/account.h"

/* One listener, balanced: 100 datagrams of 10 events, some of each fate. */
static struct account_kernel balanced(void)
{
	struct account_kernel kernel = { .listener_count = 1 };
	struct sluice_ledger *ledger = &kernel.ledger[0];

	kernel.traffic.frames = 130;
	kernel.traffic.pass_not_udp = 20;
	kernel.traffic.pass_other_port = 10;
	kernel.traffic.listened = 100;
	ledger->seen = (struct sluice_count){ 100, 950 };
	ledger->refused_magic.datagrams = 3;
	ledger->refused_length.datagrams = 2;
	ledger->filtered = (struct sluice_count){ 5, 80 };
	ledger->no_ring = (struct sluice_count){ 1, 10 };
	ledger->ring_full = (struct sluice_count){ 9, 90 };
	ledger->emitted = (struct sluice_count){ 80, 770 };
	return kernel;
}

static void a_balanced_kernel_is_at_distance_0(void **state)
{
	struct account_kernel kernel = balanced();

	(void)state;
	assert_int_equal(account_kernel_distance(&kernel, &kernel), 0);
	assert_int_equal(account_emitted(&kernel).datagrams, 80);
	assert_int_equal(account_emitted(&kernel).events, 770);
}

/* Every counter of the X-lists, moved by one, is noticed. */
static void every_counter_counts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(struct sluice_ledger) / sizeof(__u64); i++) {
		struct account_kernel kernel = balanced();

		((__u64 *)&kernel.ledger[0])[i]++;
		assert_int_not_equal(account_kernel_distance(&kernel, &kernel), 0);
	}
	for (size_t i = 0; i < sizeof(struct sluice_traffic) / sizeof(__u64); i++) {
		struct account_kernel kernel = balanced();

		((__u64 *)&kernel.traffic)[i]++;
		assert_int_not_equal(account_kernel_distance(&kernel, &kernel), 0);
	}
}

static void what_moved_between_two_readings_is_no_loss(void **state)
{
	struct account_kernel before = balanced();
	struct account_kernel after = balanced();

	(void)state;
	/* Read while two datagrams were on their way: seen, not yet emitted; then emitted. */
	before.traffic.frames += 2;
	before.traffic.listened += 2;
	before.ledger[0].seen.datagrams += 2;
	before.ledger[0].seen.events += 20;
	after = before;
	after.ledger[0].emitted.datagrams += 2;
	after.ledger[0].emitted.events += 20;
	assert_int_equal(account_kernel_distance(&before, &after), 0);
	/* One more that was seen and never came out anywhere. */
	before.ledger[0].seen.datagrams++;
	after.ledger[0].seen.datagrams++;
	assert_int_not_equal(account_kernel_distance(&before, &after), 0);
}

static void what_is_shown_adds_up(void **state)
{
	struct account_kernel before = balanced();
	struct account_kernel after = balanced();

	(void)state;
	after.traffic.frames += 3;
	after.traffic.listened += 3;
	after.ledger[0].seen.datagrams += 3;
	after.ledger[0].seen.events += 30;
	after.ledger[0].emitted.datagrams += 2;
	after.ledger[0].emitted.events += 20;
	account_kernel_settle(&before, &after);
	assert_int_equal(after.ledger[0].seen.datagrams, 102);
	assert_int_equal(after.ledger[0].seen.events, 970);
	assert_int_equal(after.traffic.listened, 102);
	assert_int_equal(after.traffic.frames, 132);
	assert_int_equal(account_kernel_distance(&after, &after), 0);
}

static void a_real_loss_is_shown_as_it_is(void **state)
{
	struct account_kernel kernel = balanced();
	struct account_kernel shown;

	(void)state;
	kernel.ledger[0].emitted.datagrams--;
	shown = kernel;
	account_kernel_settle(&kernel, &shown);
	assert_int_equal(shown.ledger[0].seen.datagrams, 100);
	assert_int_equal(account_kernel_distance(&kernel, &kernel), 1);
}

static struct account_unread none(void)
{
	return (struct account_unread){ { 0, 0 }, { 0, 0 } };
}

static void hand_over_at_rest_is_exact(void **state)
{
	struct account_handover handover = { .emitted = { 50, 500 },
					     .consumed_before = { 50, 500 },
					     .consumed_after = { 50, 500 } };
	struct account_unread unread = none();

	(void)state;
	assert_int_equal(account_handover_distance(&handover, &unread), 0);
	handover.emitted.datagrams = 51;
	assert_int_equal(account_handover_distance(&handover, &unread), 1);
	handover.emitted = (struct sluice_count){ 50, 498 };
	assert_int_equal(account_handover_distance(&handover, &unread), 2);
}

static void hand_over_under_load_allows_what_was_under_way(void **state)
{
	struct account_handover handover = { .emitted = { 60, 600 },
					     .consumed_before = { 50, 500 },
					     .consumed_after = { 75, 750 } };
	struct account_unread unread = none();

	(void)state;
	assert_int_equal(account_handover_distance(&handover, &unread), 0);
	handover.emitted.datagrams = 76;
	assert_int_equal(account_handover_distance(&handover, &unread), 1);
	handover.emitted.datagrams = 49;
	assert_true(account_handover_distance(&handover, &unread) > 0);
}

/* A dead agent had 1000; it was counted while packets arrived, so only bounds are known at
 * first. */
static void bounds_of_a_take_over_become_exact(void **state)
{
	struct account_unread unread =
		account_unread_at_start((struct sluice_count){ 1040, 10400 },
					(struct sluice_count){ 42, 420 },
					(struct sluice_count){ 1045, 10450 });
	struct account_handover handover = { .emitted = { 1100, 11000 },
					     .consumed_before = { 0, 0 },
					     .consumed_after = { 100, 1000 } };

	(void)state;
	assert_int_equal(unread.lowest.datagrams, 998);
	assert_int_equal(unread.highest.datagrams, 1003);
	assert_int_equal(account_handover_distance(&handover, &unread), 0);
	assert_int_equal(unread.lowest.datagrams, 1000);
	handover = (struct account_handover){ .emitted = { 1200, 12000 },
					      .consumed_before = { 200, 2000 },
					      .consumed_after = { 200, 2000 } };
	assert_int_equal(account_handover_distance(&handover, &unread), 0);
	assert_int_equal(unread.lowest.datagrams, 1000);
	assert_int_equal(unread.highest.datagrams, 1000);
	assert_int_equal(unread.highest.events, 10000);
	/* From here on one lost datagram is noticed. */
	handover.emitted.datagrams++;
	assert_int_equal(account_handover_distance(&handover, &unread), 1);
}

static void waiting_is_what_is_left(void **state)
{
	struct account_unread unread = { { 10, 100 }, { 10, 100 } };
	struct sluice_count waiting = account_waiting((struct sluice_count){ 100, 1000 },
						      (struct sluice_count){ 70, 700 }, &unread);

	(void)state;
	assert_int_equal(waiting.datagrams, 20);
	assert_int_equal(waiting.events, 200);
	waiting = account_waiting((struct sluice_count){ 5, 50 }, (struct sluice_count){ 70, 700 },
				  &unread);
	assert_int_equal(waiting.datagrams, 0);
}

static void stream_and_window_are_exact(void **state)
{
	struct sluice_stream_ledger stream = { .consumed_datagrams = 7,
					       .consumed = 100,
					       .accepted = 78,
					       .dictionary = 12,
					       .names_learnt = 5,
					       .names_known = 4,
					       .name_conflicts = 2,
					       .name_bad_text = 1,
					       .future = 6,
					       .rejected_record = 4 };
	struct sluice_window_ledger window = {
		.unselected = 10, .aggregated = 70, .overflow = 5,
		.late = 4,	  .late_not_kept = 3, .rejected_pane = 1
	};
	struct sluice_stream_ledger stream_sum = { 0 };
	struct sluice_window_ledger window_sum = { 0 };

	(void)state;
	assert_int_equal(account_stream_distance(&stream), 0);
	assert_int_equal(account_window_distance(90, &window), 0);
	assert_int_equal(account_window_distance(91, &window), 1);
	stream.names_full++; /* a name more than there were entries */
	assert_int_equal(account_stream_distance(&stream), 1);
	stream.names_full--;
	stream.stale++;
	assert_int_equal(account_stream_distance(&stream), 1);
	account_stream_add(&stream_sum, &stream);
	account_stream_add(&stream_sum, &stream);
	assert_int_equal(stream_sum.consumed, 200);
	assert_int_equal(account_stream_distance(&stream_sum), 2);
	account_window_add(&window_sum, &window);
	account_window_add(&window_sum, &window);
	assert_int_equal(account_window_distance(180, &window_sum), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_balanced_kernel_is_at_distance_0),
		cmocka_unit_test(every_counter_counts),
		cmocka_unit_test(what_moved_between_two_readings_is_no_loss),
		cmocka_unit_test(what_is_shown_adds_up),
		cmocka_unit_test(a_real_loss_is_shown_as_it_is),
		cmocka_unit_test(hand_over_at_rest_is_exact),
		cmocka_unit_test(hand_over_under_load_allows_what_was_under_way),
		cmocka_unit_test(bounds_of_a_take_over_become_exact),
		cmocka_unit_test(waiting_is_what_is_left),
		cmocka_unit_test(stream_and_window_are_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
