/* SPDX-License-Identifier: BSD-2-Clause */
/* Checksums against the example of RFC 1071, known headers, and a sum made byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sluice/validate.h"

/* The sum as the RFC describes it, in network order. */
static unsigned int sum_by_bytes(const __u8 *bytes, size_t count)
{
	unsigned int sum = 0;

	for (size_t i = 0; i < count; i++) {
		sum += i % 2 ? bytes[i] : (unsigned int)bytes[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

static unsigned int folded(const __u8 *bytes, size_t count)
{
	return SLUICE_NET16(sluice_sum_fold(sluice_sum(bytes, (__u32)count)));
}

static void test_the_example_of_rfc_1071(void **state)
{
	const __u8 bytes[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };

	(void)state;
	assert_int_equal(folded(bytes, sizeof(bytes)), 0xddf2);
}

static void test_every_length_and_largest_words(void **state)
{
	__u8 bytes[2048];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (__u8)(i * 151 + i / 7);
	for (size_t count = 0; count < 300; count++)
		assert_int_equal(folded(bytes, count), sum_by_bytes(bytes, count));
	assert_int_equal(folded(bytes, sizeof(bytes)), sum_by_bytes(bytes, sizeof(bytes)));
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(folded(bytes, sizeof(bytes)), 0xffff);
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(folded(bytes, sizeof(bytes)), 0);
	assert_int_equal(sluice_sum_fold(~0ull), 0xffff);
}

/* UDP from 10.0.0.1:40000 to 10.0.0.2:9125 with "sluice"; the sums are made elsewhere. */
static const __u8 known[] = {
	0x02, 0, 0, 0, 0, 2, 0x02, 0, 0, 0, 0, 1, 0x08, 0x00,
	0x45, 0x00, 0x00, 0x22, 0x12, 0x34, 0x40, 0x00, 0x40, 0x11, 0x14, 0x95,
	10, 0, 0, 1, 10, 0, 0, 2,
	0x9c, 0x40, 0x23, 0xa5, 0x00, 0x0e, 0xdf, 0xae,
	's', 'l', 'u', 'i', 'c', 'e',
};

static struct sluice_frame parse(__u8 *frame, __u32 expected)
{
	struct sluice_frame found = { 0 };

	assert_int_equal(sluice_parse_frame(frame, sizeof(known), &found), expected);
	return found;
}

static int is_right(const struct sluice_frame *frame, const __u8 *bytes)
{
	return sluice_checksum_is_right(frame, sluice_sum(bytes + frame->payload_offset,
							  frame->payload_bytes));
}

static void test_a_known_frame(void **state)
{
	__u8 bytes[sizeof(known)];
	struct sluice_frame frame;

	(void)state;
	memcpy(bytes, known, sizeof(bytes));
	frame = parse(bytes, 0);
	assert_int_equal(sluice_checksum_look(&frame), SLUICE_CHECKSUM_UNKNOWN);
	assert_true(is_right(&frame, bytes));
	bytes[45] ^= 4;
	assert_false(is_right(&frame, bytes));
	bytes[45] ^= 4;
	bytes[40] = bytes[41] = 0;
	frame = parse(bytes, 0);
	assert_int_equal(sluice_checksum_look(&frame), SLUICE_CHECKSUM_RIGHT);
	frame.is_ipv6 = 1;
	assert_int_equal(sluice_checksum_look(&frame), SLUICE_CHECKSUM_WRONG);
	/* 10.0.0.1 + 10.0.0.2 + 17 + 14 */
	bytes[40] = 0x14;
	bytes[41] = 0x22;
	frame = parse(bytes, 0);
	assert_int_equal(sluice_checksum_look(&frame), SLUICE_CHECKSUM_RIGHT);
}

static void test_a_damaged_header(void **state)
{
	__u8 bytes[sizeof(known)];

	(void)state;
	for (int at = 14; at < 34; at++) {
		memcpy(bytes, known, sizeof(bytes));
		bytes[at] ^= 1;
		if (at == 23) /* another protocol is none of ours, whatever its header is like */
			parse(bytes, SLUICE_TRAFFIC_pass_not_udp);
		else if (at == 20 || at == 21)
			parse(bytes, SLUICE_TRAFFIC_pass_fragment);
		else
			parse(bytes, SLUICE_TRAFFIC_pass_ip_malformed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_example_of_rfc_1071),
		cmocka_unit_test(test_every_length_and_largest_words),
		cmocka_unit_test(test_a_known_frame),
		cmocka_unit_test(test_a_damaged_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
