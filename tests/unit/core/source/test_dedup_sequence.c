/* SPDX-License-Identifier: BSD-2-Clause */
/* The duplicate window of sequences against a model that remembers everything, across wraps and
 * epochs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/source/dedup_sequence.h"
#include "random.h"

#define SOURCES 4

static struct dedup_sequence dedup;
static void *memory;

static int set_up(void **state)
{
	size_t bytes = (dedup_sequence_bytes(SOURCES) + 63) & ~(size_t)63;

	(void)state;
	memory = aligned_alloc(64, bytes);
	memset(memory, 0, bytes);
	dedup_sequence_open(&dedup, memory, SOURCES);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(memory);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Of any source: what a datagram changes is what it says. */
static enum dedup_verdict ask_of(__u32 source, __u32 epoch, __u64 sequence)
{
	__u64 missing = dedup_sequence_missing(&dedup, source);
	struct dedup_step step = { 0 };
	bool is_highest;
	enum dedup_verdict looked =
		dedup_sequence_look(&dedup, source, epoch, sequence, &is_highest);
	enum dedup_verdict verdict;
	static __u32 asked;

	/* Now and then by the quick way, where it is one. */
	if (asked++ % 3 && dedup_sequence_take_next(&dedup, source, epoch, sequence)) {
		assert_int_equal(looked, DEDUP_NEW);
		assert_true(is_highest);
		assert_int_equal(dedup_sequence_missing(&dedup, source), missing);
		return DEDUP_NEW;
	}
	verdict = dedup_sequence_take(&dedup, source, epoch, sequence, &step);
	assert_int_equal(looked, verdict);
	if (verdict == DEDUP_NEW) {
		assert_int_equal(step.is_highest, is_highest);
		assert_int_equal(dedup.sources[source].lane[step.lane].epoch, epoch);
		assert_int_equal(dedup_sequence_missing(&dedup, source),
				 missing + (__u64)step.missing);
	}
	return verdict;
}

static enum dedup_verdict ask(__u32 epoch, __u64 sequence)
{
	return ask_of(1, epoch, sequence);
}

static void each_sequence_is_new_once(void **state)
{
	(void)state;
	for (__u64 sequence = 0; sequence < 30000; sequence++) {
		assert_int_equal(ask(0, sequence), DEDUP_NEW);
		assert_int_equal(ask(0, sequence), DEDUP_DUPLICATE);
	}
	assert_int_equal(dedup_sequence_missing(&dedup, 1), 0);
	assert_int_equal(dedup_sequence_missing(&dedup, 0), 0);
}

static void the_window_is_exactly_as_deep_as_it_says(void **state)
{
	(void)state;
	ask(7, 100000);
	assert_int_equal(ask(7, 100000 - 8191), DEDUP_NEW);
	assert_int_equal(ask(7, 100000 - 8191), DEDUP_DUPLICATE);
	assert_int_equal(ask(7, 100000 - 8192), DEDUP_STALE);
	assert_int_equal(ask(7, 100001), DEDUP_NEW);
	assert_int_equal(ask(7, 100001 - 8191), DEDUP_NEW);
	assert_int_equal(ask(7, 100001 - 8192), DEDUP_STALE);
	assert_int_equal(ask(7, 100001 + 8191), DEDUP_NEW);
	assert_int_equal(ask(7, 100001), DEDUP_DUPLICATE);
	assert_int_equal(ask(7, 100001 + 8192), DEDUP_NEW);
	assert_int_equal(ask(7, 100001), DEDUP_STALE);
}

static void gaps_are_counted_until_they_fill(void **state)
{
	(void)state;
	ask(0, 10);
	assert_int_equal(dedup_sequence_missing(&dedup, 1), 0);	/* we may have come late */
	ask(0, 14);
	assert_int_equal(dedup_sequence_missing(&dedup, 1), 3);
	ask(0, 12);
	assert_int_equal(dedup_sequence_missing(&dedup, 1), 2);
	ask(0, 8);	/* 9 is expected now as well */
	assert_int_equal(dedup_sequence_missing(&dedup, 1), 3);
	ask(0, 14 + 8192);
	assert_int_equal(dedup_sequence_missing(&dedup, 1), 3 + 8191);
	assert_int_equal(ask(0, 13), DEDUP_STALE);
	assert_int_equal(dedup_sequence_missing(&dedup, 1), 3 + 8191);
	ask(0, 14 + 8192 + 1000000);
	assert_int_equal(dedup_sequence_missing(&dedup, 1), 3 + 8191 + 999999);
}

static void a_jump_is_no_loss(void **state)
{
	(void)state;
	ask(0, 0);
	ask(0, 2);
	assert_int_equal(ask(0, 2 + DEDUP_SEQUENCE_JUMP), DEDUP_NEW);
	assert_int_equal(dedup.jumps, 1);
	assert_int_equal(dedup_sequence_missing(&dedup, 1), 1);
	assert_int_equal(ask(0, 2 + DEDUP_SEQUENCE_JUMP), DEDUP_DUPLICATE);
	assert_int_equal(ask(0, 2 * DEDUP_SEQUENCE_JUMP), DEDUP_NEW);
	assert_int_equal(dedup.jumps, 1);	/* two less than a jump */
	assert_int_equal(dedup_sequence_missing(&dedup, 1), 1 + DEDUP_SEQUENCE_JUMP - 3);
}

#define SPAN 40000

/* Random walks with disorder, repetition and leaps, from bases that wrap. */
static void every_answer_is_the_models(void **state)
{
	static const __u64 bases[] = { 0, 5000, 1ull << 32, 1ull << 63, 0 - 20000ull, 0 - 1ull };
	static bool is_seen[4 * SPAN];
	__u64 random = 1;

	(void)state;
	for (unsigned int round = 0; round < 60; round++) {
		__u64 base = bases[round % 6], head = SPAN, lowest = ~0ull, highest = 0, count = 0;
		__u64 leap = round % 3 ? 3 : 30000;

		memset(is_seen, 0, sizeof(is_seen));
		for (unsigned int step = 0; step < 20000 && head < 3 * SPAN; step++) {
			__u64 at = head - random_below(&random, step % 4 ? 20 : 10000);
			enum dedup_verdict expected;

			if (random_below(&random, 1000) == 0)
				head += random_below(&random, leap);
			head += random_below(&random, 3);
			if (count && highest >= at + 8192)
				expected = DEDUP_STALE;
			else
				expected = is_seen[at] ? DEDUP_DUPLICATE : DEDUP_NEW;
			assert_int_equal(ask(round, base + at), expected);
			if (expected != DEDUP_NEW)
				continue;
			is_seen[at] = true;
			count++;
			lowest = at < lowest ? at : lowest;
			highest = at > highest ? at : highest;
		}
		assert_true(count > 1000);
		assert_int_equal(dedup_sequence_missing(&dedup, 1), highest - lowest + 1 - count);
		tear_down(state);
		set_up(state);
	}
}

static void two_epochs_overlap_without_harm(void **state)
{
	(void)state;
	for (__u64 sequence = 0; sequence < 20; sequence++)
		ask(500, sequence == 19 ? 20 : sequence);
	assert_int_equal(ask(3, 1), DEDUP_NEW);	/* restarted; 0 is still on its way */
	assert_int_equal(dedup.epochs_opened, 1);
	assert_int_equal(dedup_sequence_missing(&dedup, 1), 2);
	assert_int_equal(ask(500, 19), DEDUP_NEW);	/* so was the end of the epoch before */
	assert_int_equal(ask(500, 19), DEDUP_DUPLICATE);
	assert_int_equal(ask(500, 21), DEDUP_NEW);
	assert_int_equal(ask(3, 0), DEDUP_NEW);
	assert_int_equal(ask(3, 1), DEDUP_DUPLICATE);
	assert_int_equal(dedup_sequence_missing(&dedup, 1), 0);
	assert_int_equal(dedup.epochs_opened, 1);
}

static void epochs_before_the_two_newest_are_stale(void **state)
{
	(void)state;
	for (__u32 epoch = 0; epoch < 20; epoch++) {
		assert_int_equal(ask(epoch, epoch), DEDUP_NEW);
		assert_int_equal(ask(epoch, epoch), DEDUP_DUPLICATE);
		if (epoch >= 1)
			assert_int_equal(ask(epoch - 1, epoch - 1), DEDUP_DUPLICATE);
		for (__u32 old = 2; old <= 5 && old <= epoch; old++)
			assert_int_equal(ask(epoch - old, 1000), DEDUP_STALE);
	}
	assert_int_equal(dedup.epochs_opened, 19);
	/* each epoch but the first missed what came before its only datagram */
	assert_int_equal(dedup_sequence_missing(&dedup, 1), 19 * 20 / 2);
}

static void a_reopened_lane_remembers_nothing(void **state)
{
	(void)state;
	for (__u32 epoch = 0; epoch < 3; epoch++)
		for (__u64 sequence = 0; sequence < 9000; sequence++)
			assert_int_equal(ask(epoch, sequence), DEDUP_NEW);
	assert_int_equal(dedup_sequence_missing(&dedup, 1), 0);
	assert_int_equal(ask(3, 7000), DEDUP_NEW);
	for (__u64 sequence = 7000; sequence-- > 0;)
		assert_int_equal(ask(3, sequence), DEDUP_NEW);
	assert_int_equal(dedup_sequence_missing(&dedup, 1), 0);
}

static void sources_do_not_know_each_other(void **state)
{
	(void)state;
	for (__u32 epoch = 1; epoch < 4; epoch++)
		for (__u64 sequence = 0; sequence < 10000; sequence += 3)
			for (__u32 source = 0; source < SOURCES; source++)
				assert_int_equal(ask_of(source, epoch,
									     sequence), DEDUP_NEW);
}

/* A gap says where it begins, and what cannot be counted says so. */
static void a_step_tells_what_is_missing(void **state)
{
	struct dedup_step step;

	(void)state;
	dedup_sequence_take(&dedup, 1, 7, 100, &step);
	assert_true(step.is_opened && step.is_highest && !step.is_unknown && !step.missing);
	dedup_sequence_take(&dedup, 1, 7, 105, &step);
	assert_int_equal(step.first, 101);
	assert_int_equal(step.missing, 4);
	assert_false(step.is_opened);
	dedup_sequence_take(&dedup, 1, 7, 103, &step);
	assert_int_equal(step.missing, -1);
	assert_false(step.is_highest);
	dedup_sequence_take(&dedup, 1, 7, 97, &step);	/* 98 and 99 are expected now */
	assert_int_equal(step.first, 98);
	assert_int_equal(step.missing, 2);
	dedup_sequence_take(&dedup, 1, 8, 3, &step);	/* a restart: 0, 1, 2 */
	assert_true(step.is_opened && !step.is_unknown);
	assert_int_equal(step.first, 0);
	assert_int_equal(step.missing, 3);
	dedup_sequence_take(&dedup, 1, 9, 8192, &step);
	assert_true(step.is_opened && step.is_unknown && !step.missing);
	dedup_sequence_take(&dedup, 1, 9, 8192 + DEDUP_SEQUENCE_JUMP, &step);
	assert_true(step.is_unknown && !step.missing);
}

static void a_forgotten_source_is_a_new_one(void **state)
{
	(void)state;
	for (__u64 sequence = 0; sequence < 20000; sequence += 3)
		ask(1, sequence);
	ask(2, 5);
	dedup_sequence_forget(&dedup, 1);
	assert_int_equal(dedup_sequence_missing(&dedup, 1), 0);
	assert_int_equal(ask(1, 19998), DEDUP_NEW);
	assert_int_equal(ask(1, 19998), DEDUP_DUPLICATE);
	assert_int_equal(ask(1, 19995), DEDUP_NEW);
	for (__u32 i = 0; i < 128; i++)
		assert_int_equal(dedup_sequence_bits(&dedup, 1, 1)[i], 0);
}

static void a_restored_source_is_the_same(void **state)
{
	(void)state;
	for (__u64 sequence = 0; sequence < 20000; sequence += 1 + sequence % 3)
		ask(4, sequence);
	assert_true(dedup_sequence_restore(&dedup, 2, 0, &dedup.sources[1].lane[0],
					   dedup_sequence_bits(&dedup, 1, 0)));
	assert_int_equal(dedup.sources[2].lane[0].held, dedup.sources[1].lane[0].held);
	for (__u64 sequence = 19999; sequence > 11000; sequence--)
		assert_int_equal(ask_of(2, 4, sequence), ask_of(1, 4, sequence));
	/* Without a bitmap all that it tells about was seen. */
	assert_true(dedup_sequence_restore(
		&dedup, 3, 0,
		&(struct dedup_lane){ .highest = 9000, .epoch = 4, .span = DEDUP_SEQUENCE_DEPTH },
		NULL));
	for (__u64 sequence = 9000; sequence > 9000 - DEDUP_SEQUENCE_DEPTH; sequence--)
		assert_int_equal(ask_of(3, 4, sequence), DEDUP_DUPLICATE);
	assert_int_equal(ask_of(3, 4, 9000 - DEDUP_SEQUENCE_DEPTH), DEDUP_STALE);
	assert_int_equal(ask_of(3, 4, 9001), DEDUP_NEW);
	assert_int_equal(dedup_sequence_missing(&dedup, 3), 0);
	/* No lane is like these. */
	assert_false(dedup_sequence_restore(&dedup, 0, 0, &(struct dedup_lane){ .span = 0 }, NULL));
	assert_false(dedup_sequence_restore(
		&dedup, 0, 0, &(struct dedup_lane){ .span = DEDUP_SEQUENCE_DEPTH + 1 }, NULL));
	assert_false(dedup_sequence_restore(&dedup, 3, 0, &(struct dedup_lane){ .span = 1 }, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_sequence_is_new_once),
		TEST(the_window_is_exactly_as_deep_as_it_says),
		TEST(gaps_are_counted_until_they_fill),
		TEST(a_jump_is_no_loss),
		TEST(every_answer_is_the_models),
		TEST(two_epochs_overlap_without_harm),
		TEST(epochs_before_the_two_newest_are_stale),
		TEST(a_reopened_lane_remembers_nothing),
		TEST(sources_do_not_know_each_other),
		TEST(a_step_tells_what_is_missing),
		TEST(a_forgotten_source_is_a_new_one),
		TEST(a_restored_source_is_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
