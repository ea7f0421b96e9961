/* SPDX-License-Identifier: BSD-2-Clause */
/* The reader over pages that the test writes as the kernel would: records come in order, busy ones
 * hold it up, discarded ones are skipped, and only a release moves the shared position. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "edge/xdp/ring_reader.h"

#define RING_BYTES 256

static unsigned long consumer, producer;
static _Alignas(8) unsigned char data[2 * RING_BYTES];
static struct ring_reader reader;

static int set_up(void **state)
{
	(void)state;
	memset(data, 0, sizeof(data));
	consumer = producer = 0;
	reader = (struct ring_reader){
		.ring_bytes = RING_BYTES,
		.consumer = &consumer,
		.producer = &producer,
		.data = data,
	};
	return 0;
}

/* A record of `bytes` with `bits` in its header; its content is its number. Written twice, as it is
 * mapped twice. */
static unsigned int produce(unsigned int bytes, unsigned int bits, unsigned char number)
{
	unsigned int at = (unsigned int)(producer % RING_BYTES), header = bytes | bits;

	for (unsigned int i = 0; i < 8 + bytes; i++) {
		unsigned char byte = (unsigned char)(i < 8 ? (__u64)header >> 8 * i : number);

		data[(at + i) % RING_BYTES] = data[(at + i) % RING_BYTES + RING_BYTES] = byte;
	}
	producer += (8 + bytes + 7) / 8 * 8;
	return at;
}

static void expect(unsigned char number, size_t expected_bytes)
{
	size_t bytes = 0;
	const unsigned char *record = ring_reader_next(&reader, &bytes);

	assert_non_null(record);
	assert_int_equal(bytes, expected_bytes);
	assert_int_equal(record[0], number);
	assert_int_equal(record[bytes - 1], number);
}

static void expect_none(void)
{
	size_t bytes = 99;

	assert_null(ring_reader_next(&reader, &bytes));
	assert_int_equal(bytes, 99);
}

static void test_records_in_order(void **state)
{
	(void)state;
	expect_none();
	produce(16, 0, 1);
	produce(13, 0, 2); /* takes 24 bytes */
	produce(1, 0, 3);
	assert_int_equal(ring_reader_waiting_bytes(&reader), 24 + 24 + 16);
	expect(1, 16);
	expect(2, 13);
	assert_int_equal(consumer, 0);
	assert_int_equal(ring_reader_waiting_bytes(&reader), 16);
	expect(3, 1);
	expect_none();
	ring_reader_release(&reader);
	assert_int_equal(consumer, producer);
	assert_int_equal(ring_reader_waiting_bytes(&reader), 0);
}

static void test_busy_record_holds_up(void **state)
{
	unsigned int at;

	(void)state;
	produce(8, 0, 1);
	at = produce(8, BPF_RINGBUF_BUSY_BIT, 2);
	produce(8, 0, 3);
	expect(1, 8);
	expect_none();
	expect_none();
	ring_reader_release(&reader);
	assert_int_equal(consumer, 16);
	data[at + 3] = 0; /* committed */
	expect(2, 8);
	expect(3, 8);
}

static void test_discarded_records_are_skipped(void **state)
{
	(void)state;
	produce(24, BPF_RINGBUF_DISCARD_BIT, 1);
	produce(8, 0, 2);
	produce(40, BPF_RINGBUF_DISCARD_BIT, 3);
	expect(2, 8);
	expect_none();
	ring_reader_release(&reader);
	assert_int_equal(consumer, producer); /* the discarded one at the end too */
}

static void test_wraps_around(void **state)
{
	(void)state;
	for (unsigned char i = 1; i < 100; i++) {
		produce(24 + i % 16, 0, i);
		expect(i, 24 + i % 16);
		ring_reader_release(&reader);
		assert_int_equal(consumer, producer);
	}
	assert_true(producer > 10 * RING_BYTES);
}

static void test_copy_looks_ahead(void **state)
{
	struct ring_reader probe;
	size_t bytes;
	int count = 0;

	(void)state;
	for (unsigned char i = 0; i < 5; i++)
		produce(16, 0, i);
	expect(0, 16);
	probe = reader;
	while (ring_reader_next(&probe, &bytes))
		count++;
	assert_int_equal(count, 4);
	expect(1, 16);
}

static void test_release_of_a_part(void **state)
{
	__u64 position;

	(void)state;
	produce(16, 0, 1);
	produce(16, 0, 2);
	expect(1, 16);
	position = ring_reader_position(&reader);
	expect(2, 16);
	ring_reader_release_to(&reader, position);
	assert_int_equal(consumer, 24);
	assert_int_equal(ring_reader_position(&reader), 48);
}

static void test_open_refuses_what_is_no_ring(void **state)
{
	struct ring_reader opened = { .map_fd = 42 };
	int fd = open("/dev/null", O_RDONLY);

	(void)state;
	assert_true(ring_reader_open(&opened, fd) < 0);
	assert_true(ring_reader_open(&opened, -1) < 0);
	assert_int_equal(opened.map_fd, 42);
	close(fd);
	memset(&opened, 0, sizeof(opened));
	ring_reader_close(&opened);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_records_in_order, set_up),
		cmocka_unit_test_setup(test_busy_record_holds_up, set_up),
		cmocka_unit_test_setup(test_discarded_records_are_skipped, set_up),
		cmocka_unit_test_setup(test_wraps_around, set_up),
		cmocka_unit_test_setup(test_copy_looks_ahead, set_up),
		cmocka_unit_test_setup(test_release_of_a_part, set_up),
		cmocka_unit_test(test_open_refuses_what_is_no_ring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
