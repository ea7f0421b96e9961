/* SPDX-License-Identifier: BSD-2-Clause */
/* Payloads at the bounds of their lengths, several datagrams in one, and who takes a frame. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sluice/validate.h"

static void test_payload_bounds(void **state)
{
	struct sluice_header header = {
		.magic = SLUICE_MAGIC,
		.version = SLUICE_VERSION,
		.event_count = 1,
		.event_size = 32,
	};

	(void)state;
	assert_int_equal(sluice_validate(&header, 72), 0);
	assert_int_equal(sluice_validate(&header, 39), SLUICE_OUTCOME_refused_short);
	assert_int_equal(sluice_validate(&header, 0), SLUICE_OUTCOME_refused_short);
	assert_int_equal(sluice_validate(&header, SLUICE_PAYLOAD_MAX + 1),
			 SLUICE_OUTCOME_refused_length);
	header.event_count = SLUICE_EVENTS_MAX;
	assert_int_equal(sluice_validate(&header, 40 + 32 * SLUICE_EVENTS_MAX), 0);
	/* What would be true modulo 2^16 is not. */
	header.event_count = 2048;
	assert_int_equal(sluice_validate(&header, (40 + 32 * 2048) & 0xffff),
			 SLUICE_OUTCOME_refused_length);
	assert_int_equal(sluice_validate(&header, 40 + 32 * 2048), SLUICE_OUTCOME_refused_length);
	header.flags = SLUICE_FLAG_DICTIONARY;
	header.event_size = 0;
	header.event_count = 65535;
	assert_int_equal(sluice_validate(&header, SLUICE_PAYLOAD_MAX),
			 SLUICE_OUTCOME_refused_length);
}

static void test_several_datagrams_in_one(void **state)
{
	struct sluice_listener native = { 0 }, generic = { .is_generic = 1 };
	struct sluice_header header = { .event_count = 2, .event_size = 32 };

	(void)state;
	assert_true(sluice_is_segmented(&generic, &header, 105));
	assert_false(sluice_is_segmented(&native, &header, 105));
	assert_false(sluice_is_segmented(&generic, &header, 104));
	assert_false(sluice_is_segmented(&generic, &header, 103));
	assert_true(sluice_is_segmented(&generic, &header, SLUICE_PAYLOAD_MAX));
	assert_false(sluice_is_segmented(&generic, &header, SLUICE_PAYLOAD_MAX + 1));
	header.flags = SLUICE_FLAG_TRAILER;
	assert_false(sluice_is_segmented(&generic, &header, 128));
	assert_true(sluice_is_segmented(&generic, &header, 129));
	header.flags = SLUICE_FLAG_DICTIONARY;
	assert_false(sluice_is_segmented(&generic, &header, 1000));
}

static void test_first_listener_wins(void **state)
{
	static struct sluice_config config = { .listener_count = 3 };
	const struct sluice_frame frame = { .address = { 0, 0, 0xffff0000, 0x0708090a },
					    .port = 7 };
	struct sluice_frame other = frame;
	const __u8 mapped[16] = { [10] = 0xff, 0xff, 10, 9, 8, 7 };

	(void)state;
	for (int i = 0; i < 3; i++)
		config.listener[i] = (struct sluice_listener){ .ifindex = 4, .port = 7 };
	config.listener[0].has_address = 1;
	memcpy(config.listener[0].address, mapped, sizeof(mapped));
	assert_int_equal(sluice_listener_find(&config, 4, &other), 0);
	assert_int_equal(sluice_listener_find(&config, 5, &other), -1);
	for (int word = 0; word < 4; word++) {
		other = frame;
		other.address[word] ^= 1;
		assert_int_equal(sluice_listener_find(&config, 4, &other), 1);
	}
	other = frame;
	other.port = 8;
	assert_int_equal(sluice_listener_find(&config, 4, &other), -1);
	config.listener_count = 0;
	assert_int_equal(sluice_listener_find(&config, 4, &other), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_payload_bounds),
		cmocka_unit_test(test_several_datagrams_in_one),
		cmocka_unit_test(test_first_listener_wins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
