/* SPDX-License-Identifier: BSD-2-Clause */
/* The program as a function: each row is a frame and what must come of it. Checked are the verdict,
 * every counter, the ring record byte by byte, and that the ledger balances. */
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"

#define DROPPED_FIRST 1000 /* types 1000 … 1999 are dropped by a rule */
#define DROPPED_LAST 1999
#define TAP_PORT 9126
#define ADDRESS_PORT 9127
#define OTHER_INTERFACE_PORT 9128

#define PASSES(reason) .passed = SLUICE_TRAFFIC_pass_##reason
#define ENDS(name) .outcome = SLUICE_OUTCOME_##name
#define EMITS(n) .outcome = SLUICE_OUTCOME_emitted, .kept = (n)

struct row {
	const char *name;
	struct shape shape;
	int passed; /* 0: it is for a listener and has the outcome */
	int outcome;
	__u32 listener;
	__u32 kept, dropped;
};

static const struct row rows[] = {
	/* layers below */
	{ "one event over IPv4", { 0 }, EMITS(1) },
	{ "one event over IPv6", { .is_ipv6 = true }, EMITS(1) },
	{ "one tag", { .tags = 1 }, EMITS(1) },
	{ "one tag, IPv6", { .tags = 1, .is_ipv6 = true }, EMITS(1) },
	{ "two tags", { .tags = 2 }, EMITS(1) },
	{ "two tags, QinQ", { .tags = 2, .is_qinq = true }, EMITS(1) },
	{ "three tags", { .tags = 3 }, PASSES(vlan_depth) },
	{ "three tags, QinQ, IPv6",
	  { .tags = 3, .is_qinq = true, .is_ipv6 = true },
	  PASSES(vlan_depth) },
	{ "ARP", { .ethertype = 0x0806 }, PASSES(not_ip) },
	{ "802.3 length", { .ethertype = 60 }, PASSES(not_ip) },
	{ "tagged ARP", { .tags = 1, .ethertype = 0x0806 }, PASSES(not_ip) },
	{ "padding behind IPv4", { .padding = 18 }, EMITS(1) },
	{ "padding behind IPv6", { .padding = 100, .is_ipv6 = true }, EMITS(1) },
	/* IPv4 */
	{ "IPv4 options, one word", { .option_words = 1 }, EMITS(1) },
	{ "IPv4 options, ten words", { .option_words = 10 }, EMITS(1) },
	{ "IPv4 options and two tags", { .option_words = 10, .tags = 2 }, EMITS(1) },
	{ "ihl 4", { .ihl = 4 }, PASSES(ip_malformed) },
	{ "ihl 0 is not 0 here", { .ihl = 1 }, PASSES(ip_malformed) },
	{ "version 5", { .ip_version = 5 }, PASSES(ip_malformed) },
	{ "IPv6 header announced as IPv4",
	  { .is_ipv6 = true, .ethertype = 0x0800 },
	  PASSES(ip_malformed) },
	{ "total length beyond the frame", { .ip_length_more = 1 }, PASSES(ip_malformed) },
	{ "total length below the header",
	  { .ip_length_more = -(8 + 72 + 1) },
	  PASSES(ip_malformed) },
	{ "total length is the header", { .ip_length_more = -(8 + 72) }, PASSES(short) },
	{ "total length ends inside UDP", { .ip_length_more = -(72 + 1) }, PASSES(short) },
	{ "total length one less", { .ip_length_more = -1 }, ENDS(refused_udp_length) },
	{ "total length one less, with padding",
	  { .ip_length_more = -1, .padding = 9 },
	  ENDS(refused_udp_length) },
	{ "total length reaches into padding",
	  { .ip_length_more = 2, .padding = 9 },
	  ENDS(refused_udp_length) },
	{ "first fragment", { .fragment = 0x2000 }, PASSES(fragment) },
	{ "later fragment", { .fragment = 0x2001 }, PASSES(fragment) },
	{ "last fragment", { .fragment = 0x0010 }, PASSES(fragment) },
	{ "do not fragment", { .fragment = 0x4000 }, EMITS(1) },
	{ "TCP", { .protocol = 6 }, PASSES(not_udp) },
	{ "ICMP", { .protocol = 1 }, PASSES(not_udp) },
	{ "fragment of TCP", { .protocol = 6, .fragment = 0x2000 }, PASSES(not_udp) },
	{ "damaged header", { .is_ip_flipped = true }, PASSES(ip_malformed) },
	{ "damaged header with options",
	  { .option_words = 10, .is_ip_flipped = true },
	  PASSES(ip_malformed) },
	{ "damaged header of TCP", { .protocol = 6, .is_ip_flipped = true }, PASSES(not_udp) },
	/* IPv6 */
	{ "hop by hop",
	  { .is_ipv6 = true, .extension_count = 1, .extension = { { .type = 0 } } },
	  EMITS(1) },
	{ "destination options of 64 bytes",
	  { .is_ipv6 = true, .extension_count = 1, .extension = { { 60, 7, 7 } } },
	  EMITS(1) },
	{ "routing header at its last segment",
	  { .is_ipv6 = true, .extension_count = 1, .extension = { { 43, 2, 2 } } },
	  EMITS(1) },
	{ "routing header on its way",
	  { .is_ipv6 = true, .extension_count = 1, .extension = { { 43, 2, 2, 0x0001 } } },
	  PASSES(ipv6_headers) },
	{ "six extension headers",
	  { .is_ipv6 = true,
	    .extension_count = 6,
	    .extension = { { 0 }, { 60, 1, 1 }, { 43 }, { 60 }, { 60, 2, 2 }, { 60 } } },
	  EMITS(1) },
	{ "six extension headers, two tags",
	  { .is_ipv6 = true,
	    .tags = 2,
	    .extension_count = 6,
	    .extension = { { 0 }, { 60, 1, 1 }, { 43 }, { 60 }, { 60, 2, 2 }, { 60 } } },
	  EMITS(1) },
	{ "seven extension headers",
	  { .is_ipv6 = true,
	    .extension_count = 7,
	    .extension = { { 0 }, { 60 }, { 60 }, { 60 }, { 60 }, { 60 }, { 60 } } },
	  PASSES(ipv6_headers) },
	{ "extension headers beyond the head",
	  { .is_ipv6 = true,
	    .extension_count = 2,
	    .extension = { { 60, 30, 30 }, { 60, 30, 30 } } },
	  PASSES(ipv6_headers) },
	{ "extension header longer than the packet",
	  { .is_ipv6 = true, .extension_count = 1, .extension = { { 60, 200, 0 } } },
	  PASSES(short) },
	{ "authentication header", { .is_ipv6 = true, .protocol = 51 }, PASSES(ipv6_headers) },
	{ "encrypted", { .is_ipv6 = true, .protocol = 50 }, PASSES(ipv6_headers) },
	{ "mobility", { .is_ipv6 = true, .protocol = 135 }, PASSES(ipv6_headers) },
	{ "no next header", { .is_ipv6 = true, .protocol = 59 }, PASSES(not_udp) },
	{ "TCP over IPv6", { .is_ipv6 = true, .protocol = 6 }, PASSES(not_udp) },
	{ "six extension headers, then TCP",
	  { .is_ipv6 = true,
	    .protocol = 6,
	    .extension_count = 6,
	    .extension = { { 60 }, { 60 }, { 60 }, { 60 }, { 60 }, { 60 } } },
	  PASSES(not_udp) },
	{ "first IPv6 fragment",
	  { .is_ipv6 = true, .extension_count = 1, .extension = { { 44, 0, 0, 1 } } },
	  PASSES(fragment) },
	{ "later IPv6 fragment",
	  { .is_ipv6 = true, .extension_count = 1, .extension = { { 44, 0, 0, 8 } } },
	  PASSES(fragment) },
	{ "fragment header of a whole packet",
	  { .is_ipv6 = true, .extension_count = 1, .extension = { { 44, 0, 0, 0 } } },
	  EMITS(1) },
	{ "fragment header's reserved byte is no length",
	  { .is_ipv6 = true, .extension_count = 1, .extension = { { 44, 9, 0, 0 } } },
	  EMITS(1) },
	{ "IPv6 length beyond the frame",
	  { .is_ipv6 = true, .ip_length_more = 1 },
	  PASSES(ip_malformed) },
	{ "IPv6 length 0", { .is_ipv6 = true, .ip_length_more = -80 }, PASSES(short) },
	{ "IPv6 version 4", { .is_ipv6 = true, .ip_version = 4 }, PASSES(ip_malformed) },
	/* UDP */
	{ "other port", { .port = 9124 }, PASSES(other_port) },
	{ "port bytes swapped", { .port = 0xa523 }, PASSES(other_port) },
	{ "UDP length one more", { .udp_length_more = 1 }, ENDS(refused_udp_length) },
	{ "UDP length one less", { .udp_length_more = -1 }, ENDS(refused_udp_length) },
	{ "UDP length below its header",
	  { .udp_length_more = -(72 + 1) },
	  ENDS(refused_udp_length) },
	{ "UDP length 0", { .udp_length_more = -80 }, ENDS(refused_udp_length) },
	{ "no payload", { .is_bare = true }, ENDS(refused_short) },
	{ "no payload, padded frame", { .is_bare = true, .padding = 18 }, ENDS(refused_short) },
	/* header */
	{ "39 bytes", { .is_bare = true, .payload_bytes = 39 }, ENDS(refused_short) },
	{ "40 zero bytes", { .is_bare = true, .payload_bytes = 40 }, ENDS(refused_magic) },
	{ "magic of an acknowledgement", { .magic = SLUICE_ACK_MAGIC }, ENDS(refused_magic) },
	{ "magic, bytes swapped", { .magic = 0x534c4331 }, ENDS(refused_magic) },
	{ "version 2", { .version = 2 }, ENDS(refused_version) },
	{ "version 255", { .version = 255 }, ENDS(refused_version) },
	{ "unknown flag 4", { .flags = 0x10 }, ENDS(refused_flags) },
	{ "unknown flag 7", { .flags = 0x81 }, ENDS(refused_flags) },
	{ "both acknowledgements asked for", { .flags = 3 }, EMITS(1) },
	{ "no events", { .is_count_zero = true }, ENDS(refused_event_count) },
	{ "header alone",
	  { .is_count_zero = true, .payload_more = -32 },
	  ENDS(refused_event_count) },
	{ "one event too many", { .count_more = 1 }, ENDS(refused_length) },
	{ "one event too few", { .events = 2, .count_more = -1 }, ENDS(refused_length) },
	{ "count of 65535", { .count_more = 65534 }, ENDS(refused_length) },
	{ "one byte too many", { .payload_more = 1 }, ENDS(refused_length) },
	{ "one byte too few", { .payload_more = -1 }, ENDS(refused_length) },
	{ "event size 24", { .size_instead = 24 }, ENDS(refused_event_size) },
	{ "event size 31", { .size_instead = 31 }, ENDS(refused_event_size) },
	{ "event size 36", { .size_instead = 36 }, ENDS(refused_event_size) },
	{ "event size 264", { .size_instead = 264 }, ENDS(refused_event_size) },
	{ "event size 65528", { .size_instead = 65528 }, ENDS(refused_event_size) },
	{ "event size 40 for records of 32", { .size_instead = 40 }, ENDS(refused_length) },
	{ "records of 40", { .event_size = 40, .events = 3 }, EMITS(3) },
	{ "records of 48", { .event_size = 48, .events = 30 }, EMITS(30) },
	{ "records of 256", { .event_size = 256, .events = 5 }, EMITS(5) },
	{ "44 records of 32", { .events = 44, .type_step = 1 }, EMITS(44) },
	{ "44 records of 32, IPv6", { .events = 44, .type_step = 1, .is_ipv6 = true }, EMITS(44) },
	{ "trailer", { .flags = SLUICE_FLAG_TRAILER, .events = 2 }, EMITS(2) },
	{ "trailer missing",
	  { .flags = SLUICE_FLAG_TRAILER, .payload_more = -24 },
	  ENDS(refused_length) },
	{ "trailer cut",
	  { .flags = SLUICE_FLAG_TRAILER, .payload_more = -1 },
	  ENDS(refused_length) },
	{ "trailer not announced", { .payload_more = 24 }, ENDS(refused_length) },
	{ "dictionary", { .flags = SLUICE_FLAG_DICTIONARY, .events = 7 }, EMITS(7) },
	{ "dictionary with trailer", { .flags = 12, .events = 7 }, EMITS(7) },
	{ "dictionary with an event size",
	  { .flags = SLUICE_FLAG_DICTIONARY, .size_instead = 32 },
	  ENDS(refused_event_size) },
	{ "dictionary that cannot hold its entries",
	  { .flags = SLUICE_FLAG_DICTIONARY, .count_more = 1 },
	  ENDS(refused_length) },
	{ "dictionary of no entries",
	  { .flags = SLUICE_FLAG_DICTIONARY, .is_count_zero = true },
	  ENDS(refused_event_count) },
	/* listeners */
	{ "tap", { .port = TAP_PORT, .events = 2 }, EMITS(2), .listener = 1 },
	{ "tap, refused",
	  { .port = TAP_PORT, .version = 9 },
	  ENDS(refused_version),
	  .listener = 1 },
	{ "tap, all dropped",
	  { .port = TAP_PORT, .type_first = DROPPED_FIRST },
	  ENDS(filtered),
	  .listener = 1,
	  .dropped = 1 },
	{ "listener with an IPv4 address", { .port = ADDRESS_PORT }, EMITS(1), .listener = 2 },
	{ "listener with an IPv6 address",
	  { .port = ADDRESS_PORT, .is_ipv6 = true },
	  EMITS(1),
	  .listener = 3 },
	{ "other IPv4 address",
	  { .port = ADDRESS_PORT, .address = { 10, 9, 8, 6 } },
	  PASSES(other_port) },
	{ "other IPv6 address",
	  { .port = ADDRESS_PORT, .is_ipv6 = true, .address = { 0xfd, [15] = 8 } },
	  PASSES(other_port) },
	{ "other interface", { .port = OTHER_INTERFACE_PORT }, PASSES(other_port) },
	{ "multicast", { .address = { 239, 1, 1, 1 } }, EMITS(1) },
	/* rules */
	{ "the only record dropped",
	  { .type_first = DROPPED_FIRST },
	  ENDS(filtered),
	  .dropped = 1 },
	{ "all of 44 dropped",
	  { .events = 44, .type_first = DROPPED_FIRST, .type_step = 1 },
	  ENDS(filtered),
	  .dropped = 44 },
	{ "first dropped",
	  { .events = 3, .type_first = DROPPED_LAST, .type_step = 1 },
	  EMITS(2),
	  .dropped = 1 },
	{ "last dropped",
	  { .events = 3, .type_first = DROPPED_FIRST - 2, .type_step = 1 },
	  EMITS(2),
	  .dropped = 1 },
	{ "half dropped",
	  { .events = 44, .type_first = DROPPED_FIRST - 22, .type_step = 1 },
	  EMITS(22),
	  .dropped = 22 },
	{ "dropped in records of 48",
	  { .events = 20, .event_size = 48, .type_first = DROPPED_FIRST - 7, .type_step = 1 },
	  EMITS(7),
	  .dropped = 13 },
	{ "dictionary ids are no types",
	  { .flags = SLUICE_FLAG_DICTIONARY, .type_first = DROPPED_FIRST },
	  EMITS(1) },
	{ "refused is not filtered",
	  { .type_first = DROPPED_FIRST, .payload_more = 1 },
	  ENDS(refused_length) },
	/* large frames: beyond the first memory page of the driver */
	{ "64 events", { .events = 64, .type_step = 3 }, EMITS(64) },
	{ "65 events", { .events = 65, .type_step = 3 }, EMITS(65) },
	{ "64 events, the last dropped",
	  { .events = 64, .type_first = DROPPED_FIRST - 63, .type_step = 1 },
	  EMITS(63),
	  .dropped = 1 },
	{ "65 events, the last dropped",
	  { .events = 65, .type_first = DROPPED_FIRST - 64, .type_step = 1 },
	  EMITS(64),
	  .dropped = 1 },
	{ "65 events, the first dropped",
	  { .events = 65, .type_first = DROPPED_LAST, .type_step = 1 },
	  EMITS(64),
	  .dropped = 1 },
	{ "a jumbo frame", { .events = 279, .type_step = 7 }, EMITS(143), .dropped = 136 },
	{ "a jumbo frame, all dropped",
	  { .events = 279, .type_first = DROPPED_FIRST },
	  ENDS(filtered),
	  .dropped = 279 },
	{ "the largest datagram over IPv4",
	  { .events = 2045, .type_step = 1, .flags = SLUICE_FLAG_TRAILER },
	  EMITS(1045),
	  .dropped = 1000 },
	{ "a datagram of 60 KiB", { .events = 1900, .type_step = 1 }, EMITS(1000), .dropped = 900 },
	{ "a datagram of 60 KiB, IPv6, two tags",
	  { .events = 1900, .type_step = 1, .is_ipv6 = true, .tags = 2 },
	  EMITS(1000),
	  .dropped = 900 },
	{ "large records over several pages",
	  { .events = 200, .event_size = 256, .type_step = 9 },
	  EMITS(200 - 88),
	  .dropped = 88 },
};

static struct bench bench;
static struct frame frame;

static bool is_dropped(const struct shape *shape, int i)
{
	int type = (__u16)(shape->type_first + i * shape->type_step);

	return type >= DROPPED_FIRST && type <= DROPPED_LAST &&
	       !(shape->flags & SLUICE_FLAG_DICTIONARY);
}

static void check_record(const struct row *row, const struct sluice_record *record, size_t bytes)
{
	const __u64 *more = (const __u64 *)(record + 1);

	assert_int_equal(record->payload_bytes, frame.payload_bytes);
	assert_in_range(bytes, record->prefix_bytes + record->payload_bytes,
			record->prefix_bytes + record->payload_bytes + SLUICE_RECORD_REST_MAX);
	assert_int_equal(record->listener, row->listener);
	assert_int_equal(record->kept, row->kept);
	assert_int_equal(record->zero, 0);
	assert_memory_equal((const __u8 *)record + record->prefix_bytes,
			    frame.bytes + frame.payload_offset, frame.payload_bytes);
	for (int i = 0; i < 64 * SLUICE_MARK_WORDS; i++) {
		bool expected = i < (row->shape.events ? row->shape.events : 1) &&
				is_dropped(&row->shape, i);

		if (i < 64)
			assert_int_equal(record->dropped >> i & 1, expected);
		else if (record->prefix_bytes == SLUICE_PREFIX_LONG)
			assert_int_equal(more[i / 64 - 1] >> i % 64 & 1, expected);
		else
			assert_false(expected);
	}
	assert_true(record->prefix_bytes == SLUICE_PREFIX_LONG ||
		    record->prefix_bytes == SLUICE_PREFIX_SHORT);
}

static void check_counters(const struct row *row, const struct outcome *outcome)
{
	const __u64 *traffic = (const __u64 *)&outcome->traffic;
	const struct sluice_count *ledger = ledger_counts(&outcome->ledger);
	int moved = row->passed ? row->passed : SLUICE_TRAFFIC_listened;
	__u32 events = row->kept + row->dropped;

	for (int i = 0; i < SLUICE_TRAFFIC_COUNT; i++) {
		if (traffic[i] != (i == SLUICE_TRAFFIC_frames || i == moved))
			fail_msg("traffic %s moved by %llu", traffic_names[i], traffic[i]);
	}
	assert_int_equal(outcome->listener, row->passed ? SLUICE_LISTENERS_MAX : row->listener);
	for (int i = 0; i < SLUICE_OUTCOME_COUNT && !row->passed; i++) {
		__u64 datagrams = i == SLUICE_OUTCOME_seen || i == row->outcome;
		__u64 count = i == SLUICE_OUTCOME_seen	     ? events
			      : i == SLUICE_OUTCOME_filtered ? row->dropped
			      : i == row->outcome	     ? row->kept
							     : 0;

		if (ledger[i].datagrams != datagrams || ledger[i].events != count)
			fail_msg("%s moved by %llu datagrams, %llu events", outcome_names[i],
				 ledger[i].datagrams, ledger[i].events);
	}
}

static void check_row(const struct row *row)
{
	const struct sluice_record *record;
	struct outcome outcome;
	size_t bytes;

	frame_build(&frame, &row->shape);
	bench_run(&bench, &frame, &outcome);
	check_counters(row, &outcome);
	assert_int_equal(outcome.verdict, row->passed || row->listener == 1 ? XDP_PASS : XDP_DROP);
	record = ring_reader_next(&bench.reader, &bytes);
	if (!row->passed && row->outcome == SLUICE_OUTCOME_emitted) {
		assert_non_null(record);
		check_record(row, record, bytes);
		record = ring_reader_next(&bench.reader, &bytes);
	}
	assert_null(record);
	ring_reader_release(&bench.reader);
	bench_check_balance(&bench);
}

/* cmocka stops a test at its first failure, so the row is named before it is tried. */
static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		printf("row %zu: %s\n", i, rows[i].name);
		fflush(stdout);
		check_row(&rows[i]);
	}
}

/* A true datagram cut at every byte: whatever is left is short or contradicts its IP length. */
static void test_truncated_at_every_byte(void **state)
{
	static const struct shape shapes[] = {
		{ .events = 2 },
		{ .events = 2, .tags = 2, .option_words = 3 },
		{ .is_ipv6 = true, .extension_count = 2, .extension = { { 0, 1, 1 }, { 60 } } },
	};

	(void)state;
	for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
		struct outcome outcome;
		__u32 whole, ip;

		frame_build(&frame, &shapes[s]);
		whole = frame.length;
		ip = 14 + 4 * (__u32)shapes[s].tags;
		for (__u32 length = 14; length < whole; length++) {
			__u64 expected_short = length < ip + (shapes[s].is_ipv6 ? 40 : 20);

			frame.length = length;
			bench_run(&bench, &frame, &outcome);
			assert_int_equal(outcome.verdict, XDP_PASS);
			assert_int_equal(outcome.traffic.pass_short, expected_short);
			assert_int_equal(outcome.traffic.pass_ip_malformed, !expected_short);
		}
	}
	bench_check_balance(&bench);
}

static void test_types_are_counted(void **state)
{
	static struct sluice_types before, after;
	struct shape shape = { .events = 6, .type_first = 998, .type_step = 1 };
	struct outcome outcome;
	size_t bytes;

	(void)state;
	assert_int_equal(bpf_loader_read_types(bench.loader, &before), 0);
	frame_build(&frame, &shape);
	bench_run(&bench, &frame, &outcome);
	shape.type_first = 65533; /* … 65535, 0, 1, 2: from 4095 on they share a counter */
	frame_build(&frame, &shape);
	bench_run(&bench, &frame, &outcome);
	assert_int_equal(bpf_loader_read_types(bench.loader, &after), 0);
	for (int i = 0; i < SLUICE_TYPE_COUNTERS; i++) {
		__u64 seen = i <= 2 || (i >= 998 && i <= 1003) ? 1
			     : i == SLUICE_TYPE_COUNTERS - 1   ? 3
							       : 0;
		__u64 dropped = i >= 1000 && i <= 1003;

		assert_int_equal(after.type[i].seen - before.type[i].seen, seen);
		assert_int_equal(after.type[i].dropped - before.type[i].dropped, dropped);
	}
	while (ring_reader_next(&bench.reader, &bytes))
		;
	ring_reader_release(&bench.reader);
}

/* What is usual goes other ways then; nothing else is different, but that nothing is dropped. */
static void test_rows_without_rules(void **state)
{
	static struct sluice_types before, after;
	struct outcome outcome;
	size_t bytes;

	(void)state;
	bench.config.has_rules = 0;
	assert_int_equal(bpf_loader_set_config(bench.loader, &bench.config), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		printf("row %zu: %s\n", i, rows[i].name);
		fflush(stdout);
		if (!rows[i].dropped)
			check_row(&rows[i]);
	}
	for (__u16 type = 1; type <= 3; type++) {
		const struct shape shape = { .events = type, .type_first = type };

		assert_int_equal(bpf_loader_read_types(bench.loader, &before), 0);
		frame_build(&frame, &shape);
		bench_run(&bench, &frame, &outcome);
		assert_int_equal(bpf_loader_read_types(bench.loader, &after), 0);
		assert_int_equal(after.type[type].seen - before.type[type].seen, type);
	}
	while (ring_reader_next(&bench.reader, &bytes))
		;
	ring_reader_release(&bench.reader);
}

static void set_listeners(struct sluice_config *config)
{
	static const __u8 mapped[16] = { [10] = 0xff, 0xff, 10, 9, 8, 7 };
	static const __u8 address[16] = { 0xfd, [15] = 7 };

	config->listener_count = 5;
	config->listener[0].port = PORT;
	config->listener[1] =
		(struct sluice_listener){ .port = TAP_PORT, .action = SLUICE_ACTION_TAP };
	config->listener[2] = (struct sluice_listener){ .port = ADDRESS_PORT, .has_address = 1 };
	memcpy(config->listener[2].address, mapped, 16);
	config->listener[3] = config->listener[2];
	memcpy(config->listener[3].address, address, 16);
	config->listener[4].port = OTHER_INTERFACE_PORT;
	config->has_rules = 1;
	for (int type = DROPPED_FIRST; type <= DROPPED_LAST; type++)
		config->type_rule[type] = SLUICE_RULE_DROP;
}

static int open_bench(void **state)
{
	(void)state;
	harness_run("ip link add other0 type veth peer name other1");
	set_listeners(&bench.config);
	bench.interface[4] = "other0";
	bench_open(&bench, RING_BYTES);
	return 0;
}

static int close_bench(void **state)
{
	(void)state;
	bench_close(&bench);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_truncated_at_every_byte),
		cmocka_unit_test(test_types_are_counted),
		cmocka_unit_test(test_rows_without_rules),
	};

	harness_isolate();
	return cmocka_run_group_tests(tests, open_bench, close_bench);
}
