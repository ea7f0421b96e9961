/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses as people write them, private or not; payloads found in frames and nowhere else. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../tools/sluice-gen/frame.h"

static void test_addresses(void **unused)
{
	static const struct {
		const char *text;
		int result;
		bool is_v6;
		__u16 port;
		__u8 first, last;
	} cases[] = {
		{ "10.0.0.2:9125", 0, false, 9125, 10, 2 },
		{ "10.0.0.2", 0, false, 77, 10, 2 },
		{ "[fd00::2]:1", 0, true, 1, 0xfd, 2 },
		{ "[fd00::2]", 0, true, 77, 0xfd, 2 },
		{ "fd00::2", 0, true, 77, 0xfd, 2 },
		{ "[::1]:65535", 0, true, 65535, 0, 1 },
		{ "10.0.0.2:0", -EINVAL },
		{ "10.0.0.2:65536", -EINVAL },
		{ "10.0.0.2:", -EINVAL },
		{ "10.0.0:1", -EINVAL },
		{ "host:1", -EINVAL },
		{ "", -EINVAL },
		{ "[fd00::2", -EINVAL },
		{ "[fd00::2]x", -EINVAL },
		{ "[10.0.0.1]:1", -EINVAL },
		{ ":1", -EINVAL },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		__u8 address[16] = { 0 };
		__u16 port = 77;
		bool is_v6 = false;

		assert_int_equal(frame_parse_address(cases[i].text, &is_v6, address, &port),
				 cases[i].result);
		if (cases[i].result)
			continue;
		assert_int_equal(is_v6, cases[i].is_v6);
		assert_int_equal(port, cases[i].port);
		assert_int_equal(address[0], cases[i].first);
		assert_int_equal(address[is_v6 ? 15 : 3], cases[i].last);
	}
}

static void test_macs(void **unused)
{
	static const __u8 expected[6] = { 2, 0, 0xab, 0, 0, 0xff };
	__u8 mac[6];

	(void)unused;
	assert_int_equal(frame_parse_mac("02:00:ab:0:00:FF", mac), 0);
	assert_memory_equal(mac, expected, 6);
	assert_int_equal(frame_parse_mac("02:00:ab:00:00", mac), -EINVAL);
	assert_int_equal(frame_parse_mac("02:00:ab:00:00:ff:01", mac), -EINVAL);
	assert_int_equal(frame_parse_mac("02:00:ab:00:00:xx", mac), -EINVAL);
}

static void test_private_addresses(void **unused)
{
	static const struct {
		const char *text;
		bool is_private;
	} cases[] = {
		{ "127.0.0.1", true },	    { "10.255.0.1", true },
		{ "11.0.0.1", false },	    { "9.255.255.255", false },
		{ "172.15.0.1", false },    { "172.16.0.1", true },
		{ "172.31.255.255", true }, { "172.32.0.1", false },
		{ "192.168.7.7", true },    { "192.169.0.1", false },
		{ "1.1.1.1", false },	    { "8.8.8.8", false },
		{ "169.254.1.1", true },    { "100.64.0.1", true },
		{ "100.128.0.1", false },   { "192.0.2.2", true },
		{ "198.18.0.1", true },	    { "198.19.255.255", true },
		{ "198.20.0.1", false },    { "::1", true },
		{ "::2", false },	    { "fd08::1", true },
		{ "fc00::1", true },	    { "fe80::1", true },
		{ "2001:db8::1", true },    { "2606:4700:4700::1111", false },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct frame_address address = { 0 };
		__u16 port = 1;

		assert_int_equal(
			frame_parse_address(cases[i].text, &address.is_v6, address.to, &port), 0);
		assert_int_equal(frame_is_private(&address), cases[i].is_private);
	}
}

static void test_destinations_of_frames(void **unused)
{
	struct frame_address address = { .to = { 10, 0, 0, 2 }, .from = { 1, 1, 1, 1 } };
	__u8 frame[128] = { 0 }, tagged[128];

	(void)unused;
	frame_write_headers(&address, 5, 30, frame);
	assert_true(frame_stays_private(frame, 72));
	assert_false(frame_stays_private(frame, 33)); /* cut short: it cannot be told */
	memcpy(tagged, frame, 12);
	memcpy(tagged + 12, "\x88\xa8\0\1\x81\0\0\2", 8);
	memcpy(tagged + 20, frame + 12, 60);
	assert_true(frame_stays_private(tagged, 80));
	address.to[0] = 11;
	frame_write_headers(&address, 5, 30, frame);
	assert_false(frame_stays_private(frame, 72));
	frame[12] = 9; /* no IP */
	assert_false(frame_stays_private(frame, 72));
	address = (struct frame_address){ .is_v6 = true, .to = { 0xfd, [15] = 2 } };
	frame_write_headers(&address, 5, 30, frame);
	assert_true(frame_stays_private(frame, 92));
	assert_false(frame_stays_private(frame, 53));
	address.to[0] = 0x26;
	frame_write_headers(&address, 5, 30, frame);
	assert_false(frame_stays_private(frame, 92));
}

static void test_payloads_are_found_in_whole_udp_frames_only(void **unused)
{
	struct frame_address address = {
		.to = { 10, 0, 0, 2 }, .from = { 10, 0, 0, 1 }, .to_port = 1, .from_port = 2
	};
	__u8 frame[128] = { 0 }, tagged[128];
	const __u8 *payload = NULL;

	(void)unused;
	frame_write_headers(&address, 5, 30, frame);
	assert_int_equal(frame_find_payload(frame, 72, &payload), 30);
	assert_ptr_equal(payload, frame + 42);
	assert_int_equal(frame_find_payload(frame, 100, &payload), 30); /* padding */
	for (size_t bytes = 0; bytes < 72; bytes++)
		assert_int_equal(frame_find_payload(frame, bytes, &payload), -EINVAL);
	memcpy(tagged, frame, 12);
	memcpy(tagged + 12, "\x88\xa8\0\1\x81\0\0\2", 8);
	memcpy(tagged + 20, frame + 12, 60);
	assert_int_equal(frame_find_payload(tagged, 80, &payload), 30);
	assert_ptr_equal(payload, tagged + 50);
	frame[14 + 6] = 0x20; /* a fragment */
	assert_int_equal(frame_find_payload(frame, 72, &payload), -EINVAL);
	frame[14 + 6] = 0x40; /* may not be fragmented: fine */
	assert_int_equal(frame_find_payload(frame, 72, &payload), 30);
	frame[14 + 9] = 6; /* TCP */
	assert_int_equal(frame_find_payload(frame, 72, &payload), -EINVAL);
	frame[14 + 9] = 17;
	frame[14] = 0x44; /* a header shorter than itself */
	assert_int_equal(frame_find_payload(frame, 72, &payload), -EINVAL);
	address.is_v6 = true;
	frame_write_headers(&address, 5, 30, frame);
	assert_int_equal(frame_find_payload(frame, 92, &payload), 30);
	assert_int_equal(frame_find_payload(frame, 91, &payload), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_macs),
		cmocka_unit_test(test_private_addresses),
		cmocka_unit_test(test_destinations_of_frames),
		cmocka_unit_test(test_payloads_are_found_in_whole_udp_frames_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
