/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of sessions brought into order: what was retracted is gone, and one closing record makes all
 * final that end by then, of its epoch alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rows/row_set.h"

static const struct window_spec window = {
	.name = "visits",
	.kind = SLUICE_WINDOW_SESSION,
	.gap_ns = 5,
	.allowed_lateness_ns = 5,
	.group_count = 1,
	.group_field = { SLUICE_FIELD_KEY },
};

struct found {
	__u32 count;
	__u64 key[8];
	__s64 end_ns[8];
	__u64 records[8];
	bool is_final[8];
};

static int note(void *context, const struct row_result *row)
{
	struct found *found = context;

	assert_true(found->count < 8);
	assert_false(row->is_retracted);
	found->key[found->count] = row->words[0];
	found->end_ns[found->count] = row->end_ns;
	found->records[found->count] = row->partial.records;
	found->is_final[found->count++] = row->is_final;
	return 0;
}

static __u64 lsn, epoch_now;

static void use_epoch(struct row_set *set, __u64 epoch)
{
	const struct sluice_schema head = { .agent_epoch = epoch };
	struct schema schema;
	static _Alignas(8) __u8 bytes[16384];

	epoch_now = epoch;
	schema_write(bytes, &head, &window, NULL, 1);
	assert_int_equal(schema_read(&schema, (const struct sluice_disk_record *)bytes), 0);
	assert_int_equal(row_set_use_schema(set, &schema), 0);
}

/* Retractions of early rows come behind them. */
static __u64 order_of(__s32 revision, __u16 flags)
{
	if (flags & SLUICE_ROWS_EARLY)
		return flags & SLUICE_ROWS_RETRACTED ? 2 : 1;
	return SLUICE_ORDER_CLOSED + (__u64)revision;
}

static void add(struct row_set *set, __u64 key, __s64 start_ns, __s64 end_ns, __s32 revision,
		__u16 flags, __u64 records)
{
	struct {
		struct sluice_disk_record record;
		struct sluice_rows rows;
		struct sluice_row_head head;
		__u64 key;
		struct sluice_partial partial;
	} row = {
		.record = { sizeof(row), SLUICE_DISK_ROWS, SLUICE_ROWS_VERSION },
		.rows = { .flags = flags | SLUICE_ROWS_VARIABLE,
			  .row_count = 1,
			  .epoch = epoch_now },
		.head = { sizeof(row) - sizeof(row.record) - sizeof(row.rows), revision, start_ns,
			  end_ns, order_of(revision, flags) },
		.key = key,
		.partial = { .records = records },
	};

	assert_int_equal(row_set_add(set, &row.record, ++lsn), 0);
}

/* All that has been added is one emission of this epoch. */
static void add_complete(struct row_set *set)
{
	struct {
		struct sluice_disk_record record;
		struct sluice_emission emission;
	} complete = {
		.record = { sizeof(complete), SLUICE_DISK_COMPLETE, 1 },
		.emission = { .start_ns = INT64_MIN,
			      .epoch = epoch_now,
			      .first_lsn = 1,
			      .last_lsn = lsn },
	};

	assert_int_equal(row_set_add(set, &complete.record, ++lsn), 0);
}

static void add_close(struct row_set *set, __s64 end_ns)
{
	struct {
		struct sluice_disk_record record;
		struct sluice_emission emission;
	} final = {
		.record = { sizeof(final), SLUICE_DISK_FINAL, 1 },
		.emission = { .start_ns = INT64_MIN,
			      .end_ns = end_ns,
			      .flags = SLUICE_ROWS_FINAL,
			      .epoch = epoch_now },
	};

	assert_int_equal(row_set_add(set, &final.record, ++lsn), 0);
}

static struct row_set *open_set(void)
{
	const struct row_set_options options = {
		.window = "visits",
		.since_ns = 0,
		.until_ns = INT64_MAX,
	};
	struct row_set *set;

	lsn = 0;
	assert_int_equal(row_set_open(&set, &options), 0);
	return set;
}

static void sessions_are_closed_by_their_end(void **state)
{
	struct row_set *set = open_set();
	struct found found = { 0 };

	(void)state;
	use_epoch(set, 1);
	add(set, 1, 100, 110, 0, 0, 1);
	add(set, 1, 100, 110, 1, SLUICE_ROWS_RETRACTED, 1);
	add(set, 1, 100, 120, 0, 0, 2);
	add(set, 2, 100, 121, 0, 0, 3);
	add(set, 2, 100, 121, 1, 0, 4);
	add_complete(set);
	add_close(set, 120);
	assert_int_equal(row_set_emit(set, ROW_SET_MERGED, note, &found), 0);
	assert_int_equal(found.count, 2);
	assert_true(found.key[0] == 1 && found.end_ns[0] == 120 && found.records[0] == 2);
	assert_true(found.is_final[0]);
	assert_true(found.key[1] == 2 && found.end_ns[1] == 121 && found.records[1] == 4);
	assert_false(found.is_final[1]);
	row_set_close(set);
}

static void early_rows_taken_back_are_gone(void **state)
{
	struct row_set *set = open_set();
	struct found found = { 0 };

	(void)state;
	use_epoch(set, 1);
	add(set, 1, 100, 110, -1, SLUICE_ROWS_EARLY, 1);
	add(set, 1, 100, 120, 0, SLUICE_ROWS_FINAL, 2);
	add(set, 1, 100, 110, -1, SLUICE_ROWS_EARLY | SLUICE_ROWS_RETRACTED, 1);
	add_complete(set);
	assert_int_equal(row_set_emit(set, ROW_SET_MERGED, note, &found), 0);
	assert_int_equal(found.count, 1);
	assert_true(found.end_ns[0] == 120 && found.is_final[0]);
	row_set_close(set);
}

static void closing_is_of_its_epoch(void **state)
{
	struct row_set *set = open_set();
	struct found found = { 0 };

	(void)state;
	use_epoch(set, 1);
	add(set, 1, 100, 110, 0, 0, 1);
	add_complete(set);
	add_close(set, 200);
	use_epoch(set, 2);
	add(set, 2, 100, 110, 0, 0, 1);
	assert_int_equal(row_set_emit(set, ROW_SET_MERGED, note, &found), 0);
	assert_int_equal(found.count, 2);
	assert_true(found.is_final[0] && !found.is_final[1]);
	row_set_close(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sessions_are_closed_by_their_end),
		cmocka_unit_test(early_rows_taken_back_are_gone),
		cmocka_unit_test(closing_is_of_its_epoch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
