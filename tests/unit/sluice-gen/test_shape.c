/* SPDX-License-Identifier: BSD-2-Clause */
/* Templates and what is stamped on them: keys in their space and distribution, headers true, and
 * every damage refused for the reason that it announces. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gen_support.h"

#define SHARE(p) ((__u64)((p)*4294967296.0))

static __u64 get(const __u8 *at, int bytes)
{
	__u64 number = 0;

	for (int i = bytes - 1; i >= 0; i--)
		number = number << 8 | at[i];
	return number;
}

/* Counts keys of `originals` datagrams of one event. */
static void count_keys(__u64 key_count, double zipf, __u64 originals, __u64 *counts)
{
	__u8 payload[128];
	struct plan_state state = { 0 };
	struct plan_datagram datagram;
	struct gen gen;

	gen_init(&gen);
	gen.options.shape.events_max = 1;
	gen.options.shape.key_count = key_count;
	gen.options.shape.zipf = zipf;
	gen.options.plan.original_count = originals;
	gen_open(&gen);
	memset(counts, 0, key_count * sizeof(*counts));
	while (plan_next(&gen.options.plan, &state, &datagram)) {
		__u64 key;

		shape_write_payload(gen.shape, &gen.options.plan, &datagram, payload);
		key = get(payload + 40, 8);
		assert_true(key < key_count);
		counts[key]++;
	}
	gen_close(&gen);
}

static void test_uniform_keys_are_uniform_for_any_number(void **unused)
{
	static const __u64 sizes[] = { 1, 2, 3, 7, 10, 100, 127, 128, 129, 1000 };
	static __u64 counts[1000];

	(void)unused;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		__u64 originals = sizes[i] * 400, expected = 400;

		count_keys(sizes[i], 0, originals, counts);
		for (__u64 key = 0; key < sizes[i]; key++)
			assert_in_range(counts[key], expected / 2, expected * 2);
	}
}

/* Octaves of ranks get what the exponent says; within an octave the keys are alike. */
static void test_zipf_keys_follow_the_exponent(void **unused)
{
	enum { KEYS = 1000, DRAWN = 200000 };
	static __u64 counts[KEYS];
	double total = 0, weights[KEYS];

	(void)unused;
	count_keys(KEYS, 1.1, DRAWN, counts);
	for (int i = 0; i < KEYS; i++)
		total += weights[i] = pow(i + 1, -1.1);
	for (int first = 1; first <= KEYS; first *= 2) {
		double expected = 0, drawn = 0;

		for (int rank = first; rank < 2 * first && rank <= KEYS; rank++) {
			expected += weights[rank - 1] / total * DRAWN;
			drawn += (double)counts[rank - 1];
		}
		assert_true(drawn > expected * 0.8 && drawn < expected * 1.2);
	}
}

static void test_every_record_size_and_count_is_a_true_datagram(void **unused)
{
	static const __u16 sizes[] = { 32, 40, 48, 56, 256 };

	(void)unused;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct plan_state state = { 0 };
		struct plan_datagram datagram;
		struct gen gen;
		__u8 *payload;

		gen_init(&gen);
		gen.options.shape.event_size = gen.options.plan.event_size = sizes[i];
		gen.options.plan.original_count = 100;
		gen_open(&gen);
		payload = malloc(gen.shape->frame_bytes_max);
		while (plan_next(&gen.options.plan, &state, &datagram)) {
			size_t bytes = shape_write_payload(gen.shape, &gen.options.plan, &datagram,
							   payload);
			__u64 count = get(payload + 6, 2), earliest = UINT64_MAX;

			assert_memory_equal(payload, "SLC1\x01\x00", 6);
			assert_in_range(count, 1, 9);
			assert_int_equal(get(payload + 8, 2), sizes[i]);
			assert_int_equal(bytes, 40 + count * sizes[i]);
			assert_int_equal(get(payload + 12, 4), 7);
			for (__u64 e = 0; e < count; e++) {
				const __u8 *record = payload + 40 + e * sizes[i];

				assert_in_range((__s64)get(record + 8, 8) + 10, 0, 20);
				assert_in_range(get(record + 20, 2), 1, 8);
				assert_in_range(get(record + 24, 4), 0, 15);
				if (get(record + 16, 4) < earliest)
					earliest = get(record + 16, 4);
				if (sizes[i] >= 40)
					assert_int_equal(get(record + 32, 8),
							 (datagram.number << 16 | e) + 1);
			}
			assert_int_equal(earliest, 0); /* base_time is that of the earliest event */
		}
		free(payload);
		gen_close(&gen);
	}
}

static void test_unordered_offsets_start_at_zero_too(void **unused)
{
	struct plan_datagram datagram = { 0 };
	struct gen gen;
	__u8 payload[1024];
	bool falls = false;

	(void)unused;
	gen_init(&gen);
	gen.options.shape.is_ordered = false;
	gen.options.shape.events_min = 9;
	gen_open(&gen);
	for (datagram.template = 0; datagram.template <64; datagram.template ++) {
		__u64 earliest = UINT64_MAX, last = 0;

		shape_write_payload(gen.shape, &gen.options.plan, &datagram, payload);
		for (int e = 0; e < 9; e++) {
			__u64 offset_us = get(payload + 40 + e * 48 + 16, 4);

			assert_true(offset_us <= 1000);
			falls |= offset_us < last;
			last = offset_us;
			earliest = offset_us < earliest ? offset_us : earliest;
		}
		assert_int_equal(earliest, 0);
	}
	assert_true(falls);
	gen_close(&gen);
}

static __u16 internet_sum(const __u8 *bytes, size_t count, __u32 sum)
{
	for (size_t i = 0; i < count; i++)
		sum += i % 2 ? bytes[i] : (__u32)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)sum;
}

static void test_each_damage_is_refused_for_its_reason(void **unused)
{
	struct config *config =
		gen_config("", "  - {name: all, kind: tumbling, size: 1s, aggregate: [count]}\n");
	struct run run = { 0 };
	struct truth *truth;
	struct plan_datagram datagram;
	struct gen gen;

	(void)unused;
	gen_init(&gen);
	gen.options.plan.original_count = 5000;
	gen.options.plan.corrupt_below = gen.options.plan.late_below =
		gen.options.plan.future_below = SHARE(0.5);
	gen_open(&gen);
	while (plan_next(&gen.options.plan, &run.state, &datagram)) {
		plan_count(&run.state, &datagram, 0);
		run.frames++;
	}
	assert_int_equal(truth_open(&truth, config, 0, false), 0);
	assert_int_equal(generate_truth(truth, &run, &gen.options.plan, gen.shape), 0);
	assert_int_equal(truth_stats(truth)->datagrams[TRUTH_TAKEN],
			 run.state.kind[PLAN_NORMAL].datagrams);
	assert_int_equal(truth_stats(truth)->datagrams[TRUTH_REFUSED_SHORT],
			 run.state.damage[PLAN_DAMAGE_SHORT]);
	assert_int_equal(truth_stats(truth)->datagrams[TRUTH_REFUSED_LENGTH],
			 run.state.damage[PLAN_DAMAGE_LENGTH]);
	assert_int_equal(truth_stats(truth)->datagrams[TRUTH_REFUSED_FLAGS],
			 run.state.damage[PLAN_DAMAGE_FLAGS]);
	truth_close(truth);
	config_free(config);
	gen_close(&gen);
}

/* IP lengths and checksums of whole and shortened frames, in both families. */
static void check_frames(bool is_v6)
{
	struct plan_state state = { 0 };
	struct plan_datagram datagram;
	struct gen gen;
	__u8 frame[1024];
	int shortened = 0, wrong = 0;

	gen_init(&gen);
	gen.options.shape.address.is_v6 = is_v6;
	gen.options.plan.has_checksums = 1;
	gen.options.plan.corrupt_below = gen.options.plan.late_below =
		gen.options.plan.future_below = SHARE(0.5);
	gen_open(&gen);
	while (plan_next(&gen.options.plan, &state, &datagram)) {
		const __u8 *payload = NULL;
		size_t payload_bytes, bytes;
		bool is_right;

		bytes = shape_write_frame(gen.shape, &gen.options.plan, &datagram, frame,
					  &payload_bytes);
		shortened += payload_bytes == PLAN_SHORT_PAYLOAD_BYTES;
		assert_int_equal(frame_find_payload(frame, bytes, &payload), payload_bytes);
		assert_ptr_equal(payload, frame + gen.shape->header_bytes);
		/* What IP says about the length: the header counts for IPv4 only. */
		assert_int_equal(is_v6 ? frame[18] << 8 | frame[19] : frame[16] << 8 | frame[17],
				 (is_v6 ? 8 : 28) + payload_bytes);
		is_right = internet_sum(frame + (is_v6 ? 22 : 26),
					(is_v6 ? 32u : 8u) + 8 + payload_bytes,
					17 + 8 + (__u32)payload_bytes) == 0xffff;
		assert_int_equal(is_right, datagram.damage != PLAN_DAMAGE_CHECKSUM);
		assert_true(payload[-2] || payload[-1]);
		wrong += !is_right;
		if (!is_v6) {
			assert_int_equal(internet_sum(frame + 14, 20, 0), 0xffff);
			assert_int_equal(frame[18] << 8 | frame[19], datagram.template);
		}
	}
	assert_true(shortened > 20);
	assert_true(wrong > 20);
	gen_close(&gen);
}

/* Never none, never what offload leaves, and never the same sum in another form. */
static void test_wrong_checksums_are_wrong(void **unused)
{
	(void)unused;
	for (__u32 right = 1; right <= 0xffff; right++) {
		for (__u32 left = right > 4 ? right - 4 : 1; left <= 0xffff; left++) {
			__u16 wrong = plan_wrong_checksum((__u16)right, (__u16)left);

			assert_true(wrong && wrong != left && wrong % 0xffff != right % 0xffff);
			if (left > right + 4 && left < 0xfff0)
				left = 0xfff0;
		}
	}
}

static void test_frames_are_true(void **unused)
{
	(void)unused;
	check_frames(false);
	check_frames(true);
}

static void test_too_large_a_datagram_is_refused(void **unused)
{
	struct gen gen;

	(void)unused;
	gen_init(&gen);
	gen.options.shape.events_max = 2000;
	assert_int_equal(shape_open(&gen.shape, &gen.options.shape), -EFBIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_uniform_keys_are_uniform_for_any_number),
		cmocka_unit_test(test_zipf_keys_follow_the_exponent),
		cmocka_unit_test(test_every_record_size_and_count_is_a_true_datagram),
		cmocka_unit_test(test_unordered_offsets_start_at_zero_too),
		cmocka_unit_test(test_each_damage_is_refused_for_its_reason),
		cmocka_unit_test(test_frames_are_true),
		cmocka_unit_test(test_wrong_checksums_are_wrong),
		cmocka_unit_test(test_too_large_a_datagram_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
