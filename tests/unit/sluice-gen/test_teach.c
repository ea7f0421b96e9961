/* SPDX-License-Identifier: BSD-2-Clause */
/* Dictionary datagrams of the generator: by the rules of the agent they are whole, every space has
 * its turn, and the source is none of those that send events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/name/dictionary.h"
#include "sluice/validate.h"
#include "../../../tools/sluice-gen/teach.h"

static const struct options options = {
	.names = "a prefix, 16 byt",
	.shape = { .type_count = 3, .dim_count = 100, .key_count = 5 },
	.plan = { .source_first = 10, .source_count = 4, .tenant_count = 2, .epoch = 9 },
};

static void each_space_has_its_turn(void **state)
{
	static const __u32 counts[TEACH_ROUND] = { 3, 16, 16, 16, 16, 5, 2 };
	_Alignas(8) __u8 payload[TEACH_PAYLOAD_BYTES_MAX];
	const struct sluice_header *header = (const void *)payload;
	__u32 spaces = 0;

	(void)state;
	for (__u64 sequence = 0; sequence < 2 * TEACH_ROUND; sequence++) {
		__u32 names, count;
		size_t bytes = teach_write(&options, sequence, payload, &names);
		struct dictionary_cursor cursor;
		struct name_taught name;

		assert_true(bytes <= sizeof(payload));
		assert_int_equal(sluice_validate(header, (__u32)bytes), 0);
		assert_int_equal(header->source_id, 14);
		assert_int_equal(header->sequence, sequence);
		assert_int_equal(names, counts[sequence % TEACH_ROUND]);
		assert_int_equal(dictionary_open(&cursor, payload + sizeof(*header),
						 bytes - sizeof(*header), &count),
				 0);
		assert_int_equal(count, names);
		while (dictionary_next(&cursor, &name)) {
			assert_int_equal(dictionary_judge(&name), DICTIONARY_GOOD);
			assert_memory_equal(name.text, options.names, 16);
			spaces |= 1u << name.space;
		}
	}
	assert_int_equal(spaces, (1u << SLUICE_SPACE_COUNT) - 1);
}

static void names_are_the_ids(void **state)
{
	_Alignas(8) __u8 payload[TEACH_PAYLOAD_BYTES_MAX];
	struct dictionary_cursor cursor;
	struct name_taught name;
	__u32 count;
	size_t bytes = teach_write(&options, 0, payload, &count);

	(void)state;
	assert_int_equal(dictionary_open(&cursor, payload + sizeof(struct sluice_header),
					 bytes - sizeof(struct sluice_header), &count),
			 0);
	assert_true(dictionary_next(&cursor, &name));
	assert_int_equal(name.id, 1);
	assert_int_equal(name.bytes, strlen("a prefix, 16 byt-type-1"));
	assert_memory_equal(name.text, "a prefix, 16 byt-type-1", name.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_space_has_its_turn),
		cmocka_unit_test(names_are_the_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
