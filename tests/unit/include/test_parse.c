/* SPDX-License-Identifier: BSD-2-Clause */
/* What the table of frames in tests/bpf cannot run: frames shorter than the kernel takes for a
 * test, and payloads longer than IPv4 carries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sluice/parse.h"

static void test_frames_shorter_than_ethernet(void **state)
{
	(void)state;
	for (__u32 length = 0; length < sizeof(struct sluice_ethernet); length++) {
		struct sluice_frame frame;
		__u8 *head = calloc(1, length ? length : 1);

		assert_non_null(head);
		assert_int_equal(sluice_parse_frame(head, length, &frame),
				 SLUICE_TRAFFIC_pass_short);
		free(head);
	}
}

static void test_headers_beyond_the_head(void **state)
{
	static __u8 head[SLUICE_HEAD_BYTES];
	struct sluice_frame frame;

	(void)state;
	head[12] = 0x86, head[13] = 0xdd, head[14] = 0x60;
	head[18] = 0x10; /* 4096 bytes of payload */
	head[20] = SLUICE_NEXT_DESTINATION;
	head[54] = SLUICE_NEXT_UDP;
	for (int more = 0; more < 256; more++) {
		/* UDP begins at 62 + 8 × more and must end within the head. */
		__u32 expected = 62 + 8 * more + 8 > SLUICE_HEAD_BYTES
					 ? SLUICE_TRAFFIC_pass_ipv6_headers
					 : 0;

		head[55] = (__u8)more;
		assert_int_equal(sluice_parse_frame(head, 54 + 4096, &frame), expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames_shorter_than_ethernet),
		cmocka_unit_test(test_headers_beyond_the_head),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
