/* SPDX-License-Identifier: BSD-2-Clause */
/* The program and the user-space rules over the same bytes, mutated at random from a seed: they
 * must come to the same end, move the same counters and mark the same records. SLUICE_SEED and
 * SLUICE_RUNS choose others. timeout-seconds: 180 */
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "judge.h"

#define RUNS 100000
#define SEED 20260101

static struct bench bench;
static struct frame frame;
static __u64 random_state;

/* xorshift64*, Marsaglia 2003 and Vigna 2016 */
static __u32 draw(__u32 bound)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (__u32)(random_state * 0x2545f4914f6cdd1d >> 33) % bound;
}

static void draw_shape(struct shape *shape)
{
	static const __u8 types[] = { 0, 43, 44, 60, 60, 60, 51, 17, 6 };

	memset(shape, 0, sizeof(*shape));
	shape->tags = draw(4) ? 0 : (int)draw(4);
	shape->is_qinq = draw(2);
	shape->is_ipv6 = draw(2);
	shape->option_words = draw(4) ? 0 : (int)draw(11);
	shape->extension_count = draw(3) ? 0 : (int)draw(8);
	for (int i = 0; i < shape->extension_count; i++) {
		shape->extension[i].type = types[draw(sizeof(types))];
		shape->extension[i].real = (__u8)draw(8);
		shape->extension[i].more = draw(9) ? shape->extension[i].real : (__u8)draw(256);
		shape->extension[i].fragment = draw(5) ? 0 : (__u16)draw(65536);
	}
	shape->port = (__u16)(PORT + draw(4));
	shape->address[15] = draw(3) ? 0 : 7;
	shape->address[0] = shape->address[15] ? 0xfd : 0;
	shape->events = 1 + (int)(draw(8) ? draw(6) : draw(200));
	shape->event_size = (__u16)(32 + 8 * (draw(3) ? draw(3) : draw(29)));
	shape->type_first = (__u16)draw(5000);
	shape->type_step = (__u16)draw(200);
	shape->flags = (__u8)(draw(4) ? 0 : draw(16));
	shape->is_bare = !draw(30);
	shape->payload_bytes = (int)draw(48);
	shape->checksum = draw(3) ? CHECKSUM_TRUE : (enum checksum)draw(4);
	shape->is_ip_flipped = !draw(40);
	shape->padding = draw(3) ? 0 : (int)draw(40);
}

/* Mostly where the headers are, and mostly small changes: a coarse one ends in the first stage. */
static void mutate(void)
{
	__u32 changes = draw(4);
	bool is_set_right = changes && draw(4);

	for (; changes; changes--) {
		__u32 reach = draw(4) ? frame.payload_offset + 40 : frame.length;
		__u32 at = draw(reach < frame.length ? reach : frame.length);

		switch (draw(4)) {
		case 0:
			frame.bytes[at] ^= (__u8)(1u << draw(8));
			break;
		case 1:
			frame.bytes[at] = (__u8)draw(256);
			break;
		case 2:
			frame.bytes[at] = (__u8)(frame.bytes[at] + 1 - 2 * draw(2));
			break;
		default:
			if (!draw(4) && frame.length > 14)
				frame.length = 14 + draw(frame.length - 13);
			break;
		}
	}
	/* Or else hardly anything would get further than they. */
	if (is_set_right)
		frame_set_checksums(&frame);
}

static void check_record(const struct verdict *verdict)
{
	const struct sluice_record *record;
	__u32 marked = 0;
	size_t bytes;

	record = ring_reader_next(&bench.reader, &bytes);
	if (verdict->passed || verdict->refused || verdict->dropped == verdict->events) {
		assert_null(record);
		return;
	}
	assert_non_null(record);
	assert_int_equal(record->listener, verdict->listener);
	assert_int_equal(record->kept, verdict->events - verdict->dropped);
	assert_in_range(bytes, record->prefix_bytes + record->payload_bytes,
			record->prefix_bytes + record->payload_bytes + SLUICE_RECORD_REST_MAX);
	for (const __u64 *word = &record->dropped;
	     (const __u8 *)word < (const __u8 *)record + record->prefix_bytes; word++)
		marked += (__u32)__builtin_popcountll(*word);
	assert_int_equal(marked, verdict->dropped);
	ring_reader_release(&bench.reader);
}

static void check_run(const struct verdict *verdict, const struct outcome *outcome)
{
	__u32 moved = verdict->passed ? verdict->passed : SLUICE_TRAFFIC_listened;
	__u32 ended = verdict->refused			    ? verdict->refused
		      : verdict->dropped == verdict->events ? SLUICE_OUTCOME_filtered
							    : SLUICE_OUTCOME_emitted;

	assert_int_equal(outcome->traffic.frames, 1);
	if (((const __u64 *)&outcome->traffic)[moved] != 1)
		fail_msg("expected traffic %s", traffic_names[moved]);
	assert_int_equal(outcome->listener,
			 verdict->passed ? SLUICE_LISTENERS_MAX : (__u32)verdict->listener);
	if (verdict->passed)
		return;
	if (ledger_counts(&outcome->ledger)[ended].datagrams != 1)
		fail_msg("expected outcome %s", outcome_names[ended]);
	assert_int_equal(outcome->ledger.seen.events, verdict->events);
	assert_int_equal(outcome->ledger.filtered.events, verdict->dropped);
}

static void run_one(const struct sluice_config *config, struct sluice_types *types, __u64 *reached)
{
	struct verdict verdict;
	struct outcome outcome;
	struct shape shape;

	draw_shape(&shape);
	frame_build(&frame, &shape);
	mutate();
	judge_frame(frame.bytes, frame.length, LOOPBACK, config, types, &verdict);
	bench_run(&bench, &frame, &outcome);
	check_run(&verdict, &outcome);
	check_record(&verdict);
	reached[verdict.passed ? verdict.passed : SLUICE_TRAFFIC_COUNT + verdict.refused]++;
}

/* That the mutations lead everywhere is checked too: a reason that never came was not compared. */
static void check_reach(const __u64 *reached)
{
	for (int i = SLUICE_TRAFFIC_frames + 1; i < SLUICE_TRAFFIC_listened; i++) {
		if (!reached[i])
			fail_msg("no frame ended as %s", traffic_names[i]);
	}
	for (int i = SLUICE_OUTCOME_seen; i <= SLUICE_OUTCOME_refused_length; i++) {
		if (!reached[SLUICE_TRAFFIC_COUNT + i])
			fail_msg("no datagram ended as %s", outcome_names[i]);
	}
}

/* From here on lo, which has no native mode, is attached. */
static void go_on_in_generic_mode(struct sluice_config *config)
{
	char error[BPF_LOADER_ERROR_BYTES] = "";

	if (bpf_loader_attach(bench.loader, error))
		fail_msg("cannot attach: %s", error);
	for (__u32 i = 0; i < config->listener_count; i++)
		config->listener[i].is_generic = 1;
}

static void test_same_verdict(void **state)
{
	static __u64 reached[SLUICE_TRAFFIC_COUNT + SLUICE_OUTCOME_COUNT];
	static struct sluice_types expected, counted;
	const char *seed = getenv("SLUICE_SEED"), *runs = getenv("SLUICE_RUNS");
	struct sluice_config config = bench.config;
	unsigned long count = runs ? strtoul(runs, NULL, 10) : RUNS;

	(void)state;
	for (__u32 i = 0; i < config.listener_count; i++)
		config.listener[i].ifindex = LOOPBACK;
	random_state = seed ? strtoull(seed, NULL, 10) : SEED;
	for (unsigned long i = 0; i < count; i++) {
		__u64 before = random_state;

		if (i == count / 2)
			go_on_in_generic_mode(&config);
		run_one(&config, &expected, reached);
		if (i + 1 == count)
			printf("last state %llu\n", before);
	}
	assert_int_equal(bpf_loader_read_types(bench.loader, &counted), 0);
	assert_memory_equal(&counted, &expected, sizeof(expected));
	bench_check_balance(&bench);
	check_reach(reached);
}

static int open_bench(void **state)
{
	static const __u8 address[16] = { 0xfd, [15] = 7 };

	(void)state;
	bench.config.listener_count = 3;
	bench.config.listener[0].port = PORT;
	bench.config.listener[1] =
		(struct sluice_listener){ .port = PORT + 1, .action = SLUICE_ACTION_TAP };
	bench.config.listener[2] = (struct sluice_listener){ .port = PORT + 2, .has_address = 1 };
	memcpy(bench.config.listener[2].address, address, sizeof(address));
	bench.config.listener[2].is_unchecked = 1;
	bench.config.has_rules = 1;
	for (int type = 0; type < SLUICE_TYPES; type += 3)
		bench.config.type_rule[type] = SLUICE_RULE_DROP;
	bench_open(&bench, RING_BYTES);
	return 0;
}

static int close_bench(void **state)
{
	(void)state;
	bpf_loader_stop(bench.loader);
	bench_close(&bench);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_same_verdict) };

	harness_isolate();
	return cmocka_run_group_tests(tests, open_bench, close_bench);
}
