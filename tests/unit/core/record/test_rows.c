/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows records and schemas: what is written is read, what contradicts itself is refused;
 * partials. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/record/rows.h"

static const struct window_spec windows[] = {
	{ .name = "clicks",
	  .size_ns = 10,
	  .slide_ns = 10,
	  .group_count = 2,
	  .group_field = { SLUICE_FIELD_TYPE, SLUICE_FIELD_KEY },
	  .aggregate_count = 1 },
	{ .name = "visits", .kind = SLUICE_WINDOW_SESSION, .gap_ns = 5 },
};

static _Alignas(8) __u8 block[4096];

static struct sluice_disk_record *write_schema(void)
{
	const struct sluice_schema head = { .config_epoch = 3, .agent_epoch = 9 };

	schema_write(block, &head, windows, NULL, 2);
	return (struct sluice_disk_record *)block;
}

static void schema_comes_back(void **state)
{
	struct schema schema;

	(void)state;
	assert_int_equal(schema_read(&schema, write_schema()), 0);
	assert_int_equal(schema.head.window_count, 2);
	assert_int_equal(schema.head.agent_epoch, 9);
	assert_string_equal(schema.window[0].name, "clicks");
	assert_int_equal(schema.window[0].key_words, 2);
	assert_int_equal(schema.layout[0].field_count, 2);
	assert_int_equal(schema.window[1].size_ns, 5);
	assert_int_equal(schema.window[1].slide_ns, 0);
}

/* Any byte changed: refused or harmless, never a crash (the sanitizers look). */
static void schema_survives_flips(void **state)
{
	struct sluice_disk_record *record = write_schema();
	struct schema *schema = calloc(1, sizeof(*schema));
	size_t bytes = record->bytes, refused = 0;
	__u8 *copy = malloc(bytes);

	(void)state;
	for (size_t i = 8; i < bytes; i++) {
		memcpy(copy, block, bytes);
		copy[i] ^= 0xff;
		refused += schema_read(schema, (struct sluice_disk_record *)copy) == -EBADMSG;
	}
	assert_true(refused > 30);
	free(copy);
	free(schema);
}

struct test_row {
	__u64 words[2];
	struct sluice_partial partial;
};

static struct sluice_disk_record *write_rows(__u32 count)
{
	struct sluice_disk_record *record = (struct sluice_disk_record *)block;
	struct sluice_rows *rows = (struct sluice_rows *)(record + 1);
	struct test_row *row = (struct test_row *)(rows + 1);

	*record = (struct sluice_disk_record){
		(__u32)(sizeof(*record) + sizeof(*rows) + count * sizeof(*row)), SLUICE_DISK_ROWS,
		SLUICE_ROWS_VERSION
	};
	*rows = (struct sluice_rows){ .start_ns = 10,
				      .end_ns = 20,
				      .revision = 4,
				      .row_count = count,
				      .row_bytes = sizeof(*row) };
	for (__u32 i = 0; i < count; i++)
		row[i] = (struct test_row){ { 100 + i, 7 },
					    { .count = i, .records = 1, .min = -5, .max = 5 } };
	return record;
}

static void rows_come_back(void **state)
{
	struct rows_cursor cursor;
	struct row_view row;
	struct schema schema;

	(void)state;
	assert_int_equal(schema_read(&schema, write_schema()), 0);
	assert_int_equal(rows_open(&cursor, &schema, write_rows(3)), 0);
	for (__u32 i = 0; i < 3; i++) {
		assert_int_equal(rows_next(&cursor, &row), 1);
		assert_int_equal(row.start_ns, 10);
		assert_int_equal(row.end_ns, 20);
		assert_int_equal(row.revision, 4);
		assert_int_equal(group_key_value(cursor.layout, row.words, 0), 7);
		assert_int_equal(group_key_value(cursor.layout, row.words, 1), 100 + i);
		assert_int_equal(row.partial->count, i);
		assert_int_equal(row.extra_bytes, 0);
	}
	assert_int_equal(rows_next(&cursor, &row), 0);
}

static void rows_of_any_length(void **state)
{
	struct sluice_disk_record *record = (struct sluice_disk_record *)block;
	struct sluice_rows *rows = (struct sluice_rows *)(record + 1);
	struct sluice_row_head *head = (struct sluice_row_head *)(rows + 1);
	struct rows_cursor cursor;
	struct row_view row;
	struct schema schema;

	(void)state;
	assert_int_equal(schema_read(&schema, write_schema()), 0);
	memset(block, 0, sizeof(block));
	*rows = (struct sluice_rows){ .window = 1, .flags = SLUICE_ROWS_VARIABLE, .row_count = 2 };
	/* One key word (no group_by), the partial, and 16 bytes of something. */
	*head = (struct sluice_row_head){ 32 + 8 + 48 + 16, -1, 5, 6, 9 };
	head = (struct sluice_row_head *)((__u8 *)head + head->bytes);
	*head = (struct sluice_row_head){ 32 + 8 + 48, 2, 7, 8, SLUICE_ORDER_CLOSED + 2 };
	*record = (struct sluice_disk_record){ 8 + 136 + 104 + 88, SLUICE_DISK_ROWS, 2 };
	assert_int_equal(rows_open(&cursor, &schema, record), 0);
	assert_int_equal(rows_next(&cursor, &row), 1);
	assert_int_equal(row.revision, -1);
	assert_int_equal(row.order, 9);
	assert_int_equal(row.end_ns, 6);
	assert_int_equal(row.extra_bytes, 16);
	assert_int_equal(rows_next(&cursor, &row), 1);
	assert_int_equal(row.revision, 2);
	assert_int_equal(row.extra_bytes, 0);
	assert_int_equal(rows_next(&cursor, &row), 0);
	/* A row that says more than there is. */
	head->bytes += 8;
	assert_int_equal(rows_open(&cursor, &schema, record), 0);
	assert_int_equal(rows_next(&cursor, &row), 1);
	assert_int_equal(rows_next(&cursor, &row), -EBADMSG);
}

static void rows_that_contradict(void **state)
{
	struct sluice_disk_record *record;
	struct sluice_rows *rows;
	struct rows_cursor cursor;
	struct schema schema;

	(void)state;
	assert_int_equal(schema_read(&schema, write_schema()), 0);
	rows = (struct sluice_rows *)(write_rows(3) + 1);
	rows->row_count = 4;
	assert_int_equal(rows_open(&cursor, &schema, (void *)block), -EBADMSG);
	rows = (struct sluice_rows *)(write_rows(3) + 1);
	rows->row_bytes += 8;
	assert_int_equal(rows_open(&cursor, &schema, (void *)block), -EBADMSG);
	rows = (struct sluice_rows *)(write_rows(3) + 1);
	rows->window = 2;
	assert_int_equal(rows_open(&cursor, &schema, (void *)block), -EBADMSG);
	rows = (struct sluice_rows *)(write_rows(3) + 1);
	rows->row_count = 0;
	assert_int_equal(rows_open(&cursor, &schema, (void *)block), -EBADMSG);
	record = write_rows(3);
	record->version = 3;
	assert_int_equal(rows_open(&cursor, &schema, record), -EBADMSG);
	record = write_rows(0);
	record->kind = SLUICE_DISK_CLOSE; /* of version 1 only */
	assert_int_equal(rows_open(&cursor, &schema, record), -EBADMSG);
	record->kind = SLUICE_DISK_NAMES;
	assert_int_equal(rows_open(&cursor, &schema, record), -EBADMSG);
}

static struct sluice_partial partial_of(__s64 value, __u64 weight)
{
	__int128 sum = (__int128)value * weight;

	return (struct sluice_partial){ weight,	    1,
					(__u64)sum, (__u64)((unsigned __int128)sum >> 64),
					value,	    value };
}

static void partials_merge_in_any_order(void **state)
{
	const struct sluice_partial parts[] = { partial_of(INT64_MAX, 65535),
						partial_of(INT64_MIN, 65535), partial_of(-1, 1),
						partial_of(INT64_MAX, 65535) };
	struct sluice_partial forward = { .min = INT64_MAX, .max = INT64_MIN }, backward = forward;
	bool is_saturated;

	(void)state;
	for (int i = 0; i < 4; i++) {
		partial_merge(&forward, &parts[i]);
		partial_merge(&backward, &parts[3 - i]);
	}
	assert_memory_equal(&forward, &backward, sizeof(forward));
	assert_true(rows_sum(&forward) ==
		    (__int128)INT64_MAX * 65535 * 2 + (__int128)INT64_MIN * 65535 - 1);
	assert_int_equal(rows_saturated_sum(&forward, &is_saturated), INT64_MAX);
	assert_true(is_saturated);
	assert_int_equal(rows_saturated_sum(&parts[2], &is_saturated), -1);
	assert_false(is_saturated);
	assert_int_equal(rows_saturated_sum(&parts[1], &is_saturated), INT64_MIN);
	assert_true(is_saturated);
	forward = partial_of(INT64_MIN, 1);
	assert_int_equal(rows_saturated_sum(&forward, &is_saturated), INT64_MIN);
	assert_false(is_saturated);
}

static void division_is_rounded_once(void **state)
{
	(void)state;
	assert_true(rows_divide(0, 3) == 0.0);
	assert_true(rows_divide(3600, 120) == 30.0);
	assert_true(rows_divide(1, 3) == 1.0 / 3);
	assert_true(rows_divide(-2, 3) == -2.0 / 3);
	/* 2^53 + 1 lies between two doubles: to even; a little more: up. */
	assert_true(rows_divide(9007199254740993, 1) == 9007199254740992.0);
	assert_true(rows_divide((__int128)9007199254740993 * 4 + 1, 4) == 9007199254740994.0);
	assert_true(rows_divide(9007199254740995, 1) == 9007199254740996.0);
	assert_true(rows_divide((__int128)1 << 126, 1) == ldexp(1, 126));
	assert_true(rows_divide(((__int128)1 << 126) + 1, 1) == ldexp(1, 126));
	assert_true(rows_divide(1, UINT64_MAX) == ldexp(1, -64));
	assert_true(rows_divide(INT64_MIN, 1) == -ldexp(1, 63));
	for (__u64 i = 1; i < 3000; i++) {
		__s64 numerator = (__s64)(i * 0x9E3779B97F4A7C15ull >> 12);

		/* Both below 2^53: one division of doubles is rounded once, too. */
		assert_true(rows_divide(numerator, i) == (double)numerator / (double)i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schema_comes_back),
		cmocka_unit_test(schema_survives_flips),
		cmocka_unit_test(rows_come_back),
		cmocka_unit_test(rows_of_any_length),
		cmocka_unit_test(rows_that_contradict),
		cmocka_unit_test(partials_merge_in_any_order),
		cmocka_unit_test(division_is_rounded_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
