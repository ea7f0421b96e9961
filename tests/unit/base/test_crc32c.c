/* SPDX-License-Identifier: BSD-2-Clause */
/* CRC-32C against the published vectors (RFC 3720 B.4) and its two ways against each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc32c.h"

static void published_vectors(void **state)
{
	__u8 data[32];

	(void)state;
	assert_int_equal(crc32c(0, "123456789", 9), 0xE3069283);
	memset(data, 0, sizeof(data));
	assert_int_equal(crc32c(0, data, 32), 0x8A9136AA);
	memset(data, 0xff, sizeof(data));
	assert_int_equal(crc32c(0, data, 32), 0x62A8AB43);
	for (int i = 0; i < 32; i++)
		data[i] = (__u8)i;
	assert_int_equal(crc32c(0, data, 32), 0x46DD794E);
	for (int i = 0; i < 32; i++)
		data[i] = (__u8)(31 - i);
	assert_int_equal(crc32c(0, data, 32), 0x113FDB5C);
	assert_int_equal(crc32c(0, data, 0), 0);
}

static void instruction_equals_table(void **state)
{
	static __u8 data[20000];
	__u32 value = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++) {
		value = value * 1664525 + 1013904223;
		data[i] = (__u8)(value >> 24);
	}
	/* Around every boundary of words and streams, at every alignment. */
	for (size_t bytes = 0; bytes < 10000; bytes += bytes < 300 ? 1 : 97) {
		for (size_t offset = 0; offset < 8; offset++)
			assert_int_equal(crc32c(value, data + offset, bytes),
					 crc32c_by_table(value, data + offset, bytes));
	}
}

static void parts_continue(void **state)
{
	static __u8 data[9000];
	__u32 whole;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (__u8)(i * 7);
	whole = crc32c(5, data, sizeof(data));
	for (size_t cut = 0; cut <= sizeof(data); cut += 501)
		assert_int_equal(crc32c(crc32c(5, data, cut), data + cut, sizeof(data) - cut),
				 whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_vectors),
		cmocka_unit_test(instruction_equals_table),
		cmocka_unit_test(parts_continue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
