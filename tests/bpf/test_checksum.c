/* SPDX-License-Identifier: BSD-2-Clause */
/* UDP checksums, over every way that a datagram takes through the program: a right one, none and
 * one that transmit offload left open are accepted, a flipped bit anywhere is not, unless the
 * listener looks at none. */
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"

#define UNCHECKED_PORT 9126
#define FLIPS 40 /* of each frame */

static struct bench bench;
static struct frame frame;

/* Each is another way: where the frame lies, of what length it is, what it says. */
static const struct shape ways[] = {
	{ 0 },
	{ .is_ipv6 = true },
	{ .events = 2 },
	{ .events = 44 },
	{ .events = 44, .is_ipv6 = true },
	{ .events = 44, .padding = 30 },
	{ .events = 7, .event_size = 48, .flags = SLUICE_FLAG_TRAILER },
	{ .events = 5, .event_size = 256 },
	{ .tags = 1, .events = 3 },
	{ .tags = 2, .is_ipv6 = true, .events = 44 },
	{ .option_words = 10, .events = 20 },
	{ .is_ipv6 = true, .extension_count = 2, .extension = { { 0 }, { 60, 2, 2 } } },
	{ .flags = SLUICE_FLAG_DICTIONARY, .events = 3 },
	{ .flags = SLUICE_FLAG_DICTIONARY, .payload_more = 1 },
	{ .flags = SLUICE_FLAG_DICTIONARY, .payload_more = 2, .is_ipv6 = true },
	{ .flags = SLUICE_FLAG_DICTIONARY, .payload_more = 3 },
	{ .events = 279 },
	{ .events = 279, .is_ipv6 = true },
	{ .events = 1900 },
	{ .events = 2045, .flags = SLUICE_FLAG_TRAILER },
	{ .events = 1900, .tags = 2, .is_ipv6 = true },
};

#define WAYS (sizeof(ways) / sizeof(ways[0]))

static void empty_ring(void)
{
	size_t bytes;

	while (ring_reader_next(&bench.reader, &bytes))
		;
	ring_reader_release(&bench.reader);
}

static void expect(int ended, const char *what, size_t way)
{
	struct outcome outcome;

	bench_run(&bench, &frame, &outcome);
	empty_ring();
	if (outcome.verdict != XDP_DROP ||
	    ledger_counts(&outcome.ledger)[ended].datagrams != 1)
		fail_msg("%s, way %zu: did not end as %s", what, way, outcome_names[ended]);
	if (ended == SLUICE_OUTCOME_refused_checksum)
		assert_int_equal(outcome.ledger.seen.events, 0);
}

static void build(size_t way, enum checksum checksum, __u16 port)
{
	struct shape shape = ways[way];

	shape.checksum = checksum;
	shape.port = port;
	frame_build(&frame, &shape);
}

static void test_what_is_right(void **state)
{
	(void)state;
	for (size_t way = 0; way < WAYS; way++) {
		build(way, CHECKSUM_TRUE, PORT);
		expect(SLUICE_OUTCOME_emitted, "true", way);
		build(way, CHECKSUM_LEFT, PORT);
		expect(SLUICE_OUTCOME_emitted, "left open", way);
		build(way, CHECKSUM_NONE, PORT);
		expect(ways[way].is_ipv6 ? SLUICE_OUTCOME_refused_checksum : SLUICE_OUTCOME_emitted,
		       "none", way);
	}
}

/* From the ports of UDP to the last byte of the payload, and the addresses. But not the UDP length,
 * and the port decides who listens. */
static void test_a_flipped_bit(void **state)
{
	(void)state;
	for (size_t way = 0; way < WAYS; way++) {
		for (__u32 i = 0; i < FLIPS; i++) {
			__u32 at, bytes;

			build(way, CHECKSUM_TRUE, PORT);
			bytes = frame.payload_bytes;
			at = i < FLIPS / 2 ? i * (bytes - 1) / (FLIPS / 2 - 1) : bytes - FLIPS + i;
			frame.bytes[frame.payload_offset + at] ^= (__u8)(1u << i % 8);
			expect(SLUICE_OUTCOME_refused_checksum, "flipped in the payload", way);
		}
		build(way, CHECKSUM_TRUE, PORT);
		frame.bytes[frame.udp_offset + 1] ^= 1;
		expect(SLUICE_OUTCOME_refused_checksum, "another source port", way);
		build(way, CHECKSUM_TRUE, PORT);
		frame.bytes[frame.udp_offset + 6] ^= 1;
		expect(SLUICE_OUTCOME_refused_checksum, "flipped in the checksum", way);
	}
}

static void test_two_words_exchanged_are_not_seen(void **state)
{
	__u8 *payload, word[2];

	(void)state;
	build(0, CHECKSUM_TRUE, PORT);
	payload = frame.bytes + frame.payload_offset + sizeof(struct sluice_header);
	memcpy(word, payload, 2);
	memmove(payload, payload + 2, 2);
	memcpy(payload + 2, word, 2);
	expect(SLUICE_OUTCOME_emitted, "exchanged", 0);
}

static void test_not_looked_at(void **state)
{
	(void)state;
	for (size_t way = 0; way < WAYS; way++) {
		build(way, CHECKSUM_FLIPPED, UNCHECKED_PORT);
		if (ways[way].events < 2) /* else a record's byte is flipped, which nobody sees */
			continue;
		expect(SLUICE_OUTCOME_emitted, "unchecked", way);
		build(way, CHECKSUM_NONE, UNCHECKED_PORT);
		expect(SLUICE_OUTCOME_emitted, "unchecked none", way);
	}
}

/* Every length that records make in a frame of 1500 bytes is summed in other pieces. */
static void test_every_length(void **state)
{
	(void)state;
	for (int size = 32; size <= 256; size += 8) {
		for (int events = 1; 40 + events * size <= 1472; events++) {
			struct shape shape = { .events = events,
					       .event_size = (__u16)size,
					       .is_ipv6 = events % 2 };

			frame_build(&frame, &shape);
			expect(SLUICE_OUTCOME_emitted, "true", (size_t)events);
			frame.bytes[frame.length - 1] ^= 128;
			expect(SLUICE_OUTCOME_refused_checksum, "flipped", (size_t)events);
		}
	}
}

/* A sum of 0 is sent as 0xffff: 0 means none. */
static void test_sum_of_zero(void **state)
{
	struct shape shape = { 0 };
	__u8 *checksum, *value;

	(void)state;
	frame_build(&frame, &shape);
	checksum = frame.bytes + frame.udp_offset + 6;
	value = frame.bytes + frame.payload_offset + sizeof(struct sluice_header) + 8;
	/* What the checksum would be is added where the event's value is. */
	for (int i = 0; i < 2; i++)
		assert_int_equal(value[4 + i], 0);
	memcpy(value + 4, checksum, 2);
	frame_set_checksums(&frame);
	assert_int_equal(checksum[0], 0xff);
	assert_int_equal(checksum[1], 0xff);
	expect(SLUICE_OUTCOME_emitted, "0xffff", 0);
	value[0] ^= 1;
	expect(SLUICE_OUTCOME_refused_checksum, "0xffff, flipped", 0);
}

static int open_bench(void **state)
{
	(void)state;
	bench.config.listener_count = 2;
	bench.config.listener[0].port = PORT;
	bench.config.listener[1] =
		(struct sluice_listener){ .port = UNCHECKED_PORT, .is_unchecked = 1 };
	bench_open(&bench, RING_BYTES);
	return 0;
}

static int close_bench(void **state)
{
	(void)state;
	bench_check_balance(&bench);
	bench_close(&bench);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_right),
		cmocka_unit_test(test_a_flipped_bit),
		cmocka_unit_test(test_two_words_exchanged_are_not_seen),
		cmocka_unit_test(test_not_looked_at),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_sum_of_zero),
	};

	harness_isolate();
	return cmocka_run_group_tests(tests, open_bench, close_bench);
}
