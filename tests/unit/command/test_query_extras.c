/* SPDX-License-Identifier: BSD-2-Clause */
/* First, last, distinct, quantiles and top of rows: written as the stream writes them, merged over
 * epochs, printed in every format; lost, absent and broken ones too. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "command/query_print.h"
#include "core/aggregate/extras.h"

#define S 1000000000ll
#define T0 (1767225600 * S) /* 2026-01-01T00:00:00Z */
#define POOL_BYTES (2u << 20)
#define RECORD_BYTES (1u << 18)

struct event {
	__u64 key;
	__s64 value;
	__u64 weight;
};

static struct window_spec spec = {
	.name = "w",
	.size_ns = 10 * S,
	.slide_ns = 10 * S,
	.group_count = 1,
	.group_field = { SLUICE_FIELD_TYPE },
	.aggregate_count = 7,
	.aggregate = { { .kind = SLUICE_AGGREGATE_FIRST, .field = SLUICE_FIELD_VALUE },
		       { .kind = SLUICE_AGGREGATE_DISTINCT, .field = SLUICE_FIELD_KEY,
			 .precision = 12 },
		       { .kind = SLUICE_AGGREGATE_LAST, .field = SLUICE_FIELD_VALUE },
		       { .kind = SLUICE_AGGREGATE_QUANTILES, .field = SLUICE_FIELD_VALUE,
			 .precision = 5, .quantile_count = 3 },
		       { .kind = SLUICE_AGGREGATE_COUNT_WEIGHT, .field = SLUICE_FIELD_VALUE },
		       { .kind = SLUICE_AGGREGATE_DISTINCT, .field = SLUICE_FIELD_DIM0,
			 .precision = 14 },
		       { .kind = SLUICE_AGGREGATE_TOP, .field = SLUICE_FIELD_KEY, .k = 2 } },
};

static struct row_set *set;
static struct names *names;
static __u64 record_words[RECORD_BYTES / 8];
static char *output;
static size_t output_bytes;

static __u64 epoch_now;

static void use_epoch(__u64 epoch)
{
	struct sluice_disk_record *record = (void *)record_words;
	static struct schema schema;

	epoch_now = epoch;
	schema_write(record,
		     &(struct sluice_schema){ .agent_epoch = epoch, .dim_name = { "region" } },
		     &spec, NULL, 1);
	assert_int_equal(schema_read(&schema, record), 0);
	assert_int_equal(row_set_use_schema(set, &schema), 0);
}

static int open_set(void **state)
{
	const struct row_set_options options = { .window = "w",
						 .since_ns = INT64_MIN,
						 .until_ns = INT64_MAX };
	const double quantile[] = { 0.5, 0.00001, 1 };

	(void)state;
	memcpy(spec.aggregate[3].quantile, quantile, sizeof(quantile));
	assert_int_equal(row_set_open(&set, &options), 0);
	assert_int_equal(names_open(&names), 0);
	use_epoch(1);
	return 0;
}

static int close_set(void **state)
{
	(void)state;
	row_set_close(set);
	names_close(names);
	free(output);
	output = NULL;
	return 0;
}

/* The tail of these events at `at`, out of a pool of so many bytes. */
static size_t write_tail(void *at, const struct event *events, size_t count, __s64 first_ns,
			 size_t pool_bytes)
{
	static __u8 memory[POOL_BYTES] __attribute__((aligned(SKETCH_POOL_ALIGN)));
	__u64 state[64] = { 0 };
	struct sketch_pool pool;
	struct extras extras;
	size_t bytes;

	sketch_pool_open(&pool, memory, pool_bytes, 1);
	extras_init(&extras, &spec, &pool);
	assert_true(extras.state_bytes <= sizeof(state));
	extras_open(&extras, state);
	for (size_t i = 0; i < count; i++) {
		struct extras_event event = { .time_ns = first_ns + (__s64)i,
					      .value = events[i].value,
					      .weight = events[i].weight };

		event.field[SLUICE_FIELD_KEY] = events[i].key;
		event.field[SLUICE_FIELD_DIM0] = events[i].key % 3;
		extras_add(&extras, state, &event);
	}
	bytes = extras_bytes(&extras, state);
	extras_write(&extras, state, at);
	extras_clear(&extras, state);
	sketch_pool_close(&pool);
	return bytes;
}

/* One row of type 1 with the tail that is already in place behind it. */
static void *tail_place(void)
{
	return (__u8 *)record_words + sizeof(struct sluice_disk_record) +
	       sizeof(struct sluice_rows) + sizeof(struct sluice_row_head) + 8 +
	       sizeof(struct sluice_partial);
}

static __s64 min_now, max_now; /* of the row's values */

static void add_row(__u64 count, size_t tail_bytes, __u16 flags)
{
	struct sluice_disk_record *record = (void *)record_words;
	struct sluice_rows *rows = (void *)(record + 1);
	struct sluice_row_head *head = (void *)(rows + 1);
	__u64 *words = (__u64 *)(head + 1);
	struct sluice_partial *partial = (void *)(words + 1);

	*rows = (struct sluice_rows){ .start_ns = T0,
				      .end_ns = T0 + 10 * S,
				      .flags = (__u16)(SLUICE_ROWS_VARIABLE | flags),
				      .row_count = 1,
				      .epoch = epoch_now,
				      .aggregated = count };
	*head = (struct sluice_row_head){ .bytes = (__u32)((__u8 *)(partial + 1) - (__u8 *)head) +
						   (__u32)tail_bytes,
					  .start_ns = T0,
					  .end_ns = T0 + 10 * S,
					  .order = SLUICE_ORDER_CLOSED };
	*words = flags & SLUICE_ROWS_OVERFLOW ? 0 : 1;
	*partial = (struct sluice_partial){
		.count = count, .records = count, .min = min_now, .max = max_now
	};
	*record = (struct sluice_disk_record){
		(__u32)((__u8 *)(partial + 1) - (__u8 *)record) + (__u32)tail_bytes,
		SLUICE_DISK_ROWS, SLUICE_ROWS_VERSION
	};
	assert_int_equal(row_set_add(set, record, 1), 0);
}

static void add_events(const struct event *events, size_t count, __s64 first_ns)
{
	min_now = INT64_MAX;
	max_now = INT64_MIN;
	for (size_t i = 0; i < count; i++) {
		min_now = events[i].value < min_now ? events[i].value : min_now;
		max_now = events[i].value > max_now ? events[i].value : max_now;
	}
	add_row(count, write_tail(tail_place(), events, count, first_ns, POOL_BYTES), 0);
}

static int print_row(void *context, const struct row_result *row)
{
	return query_printer_row(context, row);
}

/* What the set holds, in the format; it is empty afterwards. */
static int print(enum query_format format, enum row_set_view view)
{
	struct query_printer *printer;
	FILE *out;
	int error;

	free(output);
	out = open_memstream(&output, &output_bytes);
	assert_non_null(out);
	assert_int_equal(query_printer_open(&printer, format, out, names), 0);
	error = row_set_emit(set, view, print_row, printer);
	assert_int_equal(query_printer_finish(printer), 0);
	query_printer_close(printer);
	fclose(out);
	return error;
}

static const struct event few[] = { { 7, 40, 1 }, { 8, -3, 5 }, { 7, 12, 2 }, { 9, 20, 1 } };

static void json_as_the_manual_shows_it(void **state)
{
	(void)state;
	add_events(few, 4, T0);
	assert_int_equal(print(QUERY_JSON, ROW_SET_MERGED), 0);
	assert_non_null(strstr(
		output, "\"retracted\":false,\"first\":40,"
			"\"distinct\":{\"key\":{\"value\":3,\"exact\":true},"
			"\"region\":{\"value\":3,\"exact\":true}},"
			"\"last\":20,\"quantiles\":{\"value\":{\"0.5\":-3.0,\"0.00001\":-3.0,"
			"\"1\":40.0}},\"count\":4,"
			"\"top\":{\"key\":[{\"key\":\"8\",\"key_id\":8,\"count\":5,\"error\":0},"
			"{\"key\":\"7\",\"key_id\":7,\"count\":3,\"error\":0}]},\"completeness\""));
}

static void csv_and_table_have_columns(void **state)
{
	(void)state;
	add_events(few, 4, T0);
	assert_int_equal(print(QUERY_CSV, ROW_SET_MERGED), 0);
	assert_non_null(strstr(output, ",first,distinct_key,distinct_key_exact,last,value_0.5,"
				       "value_0.00001,value_1,count,distinct_region,"
				       "distinct_region_exact,top_key,state,completeness"));
	assert_non_null(strstr(output,
			       ",40,3,true,20,-3.0,-3.0,40.0,4,3,true,"
			       "\"[{\"\"key\"\":\"\"8\"\",\"\"key_id\"\":8,\"\"count\"\":5,"
			       "\"\"error\"\":0},"));
	add_events(few, 4, T0);
	assert_int_equal(print(QUERY_TABLE, ROW_SET_MERGED), 0);
	assert_non_null(strstr(output, "FIRST  DISTINCT_KEY  LAST  VALUE_0.5  VALUE_0.00001  "
				       "VALUE_1  COUNT  DISTINCT_REGION  TOP_KEY"));
	assert_non_null(strstr(output, "8 5, 7 3"));
	assert_non_null(strstr(output, "  ~-3.00  "));
	assert_non_null(strstr(output, "  ~40.0  "));
}

/* What a row knows exactly bounds its estimates; a table shows no digit that is not known. */
static void quantiles_keep_to_min_and_max(void **state)
{
	static struct event many[1000];

	(void)state;
	for (int i = 0; i < 1000; i++)
		many[i] = (struct event){ 1, 98123 + i % 7, 1 };
	add_events(many, 1000, T0);
	assert_int_equal(print(QUERY_JSON, ROW_SET_MERGED), 0);
	assert_non_null(strstr(output, "\"0.00001\":98123.0,"));
	add_events(many, 1000, T0);
	assert_int_equal(print(QUERY_TABLE, ROW_SET_MERGED), 0);
	assert_non_null(strstr(output, " ~98100 "));
	/* One value only is known exactly. */
	for (int i = 0; i < 1000; i++)
		many[i].value = 98123;
	add_events(many, 1000, T0);
	assert_int_equal(print(QUERY_TABLE, ROW_SET_MERGED), 0);
	assert_null(strstr(output, "~"));
	assert_non_null(strstr(output, " 98123.0 "));
}

static void top_prints_names(void **state)
{
	static const struct {
		struct sluice_disk_record record;
		struct sluice_dictionary_entry entry;
		char name[8];
	} known = { { sizeof(known), SLUICE_DISK_NAMES, 1 },
		    { .space = SLUICE_SPACE_KEY, .name_bytes = 6, .id = 8 },
		    "user\"8" };

	(void)state;
	assert_int_equal(names_add(names, &known.record), 0);
	add_events(few, 4, T0);
	assert_int_equal(print(QUERY_JSON, ROW_SET_MERGED), 0);
	assert_non_null(strstr(output, "[{\"key\":\"user\\\"8\",\"key_id\":8,\"count\":5,"
				       "\"error\":0},"
				       "{\"key\":\"7\",\"key_id\":7,\"count\":3,"));
}

/* What epochs counted apart prints as if one had counted it all. */
static void epochs_merge_exactly(void **state)
{
	static struct event many[3000];
	char *together, *at;

	(void)state;
	for (size_t i = 0; i < 3000; i++)
		many[i] = (struct event){ i * i % 991, (__s64)(i * 7919 % 100000), 1 + i % 3 };
	spec.aggregate[6].k = 200; /* all keys are candidates */
	use_epoch(3);
	add_events(many, 3000, T0);
	assert_int_equal(print(QUERY_JSON, ROW_SET_MERGED), 0);
	together = strdup(output);
	assert_non_null(strstr(together, "\"exact\":false"));
	use_epoch(2);
	add_events(many + 1000, 1500, T0 + 1000);
	use_epoch(3);
	add_events(many + 2500, 500, T0 + 2500);
	use_epoch(1);
	add_events(many, 1000, T0);
	assert_int_equal(print(QUERY_JSON, ROW_SET_MERGED), 0);
	/* Apart from how many epochs it is of. */
	assert_string_equal(strstr(output, "\"merged\":"), "\"merged\":3}\n");
	*strstr(output, "\"merged\":") = '\0';
	*strstr(together, "\"merged\":") = '\0';
	assert_string_equal(output, together);
	add_events(many, 1000, T0);
	use_epoch(2);
	add_events(many + 1000, 1500, T0 + 1000);
	assert_int_equal(print(QUERY_JSON, ROW_SET_REVISIONS), 0);
	at = strchr(output, '\n');
	assert_true(at && at[1] && strchr(at + 1, '\n')[1] == '\0');
	spec.aggregate[6].k = 2;
	free(together);
}

static void absent_is_null(void **state)
{
	static const char nulls[] =
		"\"first\":null,\"distinct\":{\"key\":null,\"region\":null},\"last\":null,"
		"\"quantiles\":{\"value\":{\"0.5\":null,\"0.00001\":null,\"1\":null}},"
		"\"count\":%d,\"top\":{\"key\":null}";
	char expected[300];

	(void)state;
	add_row(9, 0, SLUICE_ROWS_OVERFLOW);
	use_epoch(2);
	add_row(4, 0, SLUICE_ROWS_OVERFLOW);
	assert_int_equal(print(QUERY_JSON, ROW_SET_MERGED), 0);
	snprintf(expected, sizeof(expected), nulls, 13);
	assert_non_null(strstr(output, expected));
	/* A part without a tail: the sum is not known either. */
	add_events(few, 4, T0);
	use_epoch(3);
	add_row(2, 0, 0);
	assert_int_equal(print(QUERY_JSON, ROW_SET_MERGED), 0);
	snprintf(expected, sizeof(expected), nulls, 6);
	assert_non_null(strstr(output, expected));
	add_row(2, 0, 0);
	assert_int_equal(print(QUERY_CSV, ROW_SET_MERGED), 0);
	assert_non_null(strstr(output, ",,,,,,,,2,,,,"));
}

/* What found no room in the stream stays unknown, whatever it is merged with; points do not. */
static void lost_is_null(void **state)
{
	(void)state;
	add_row(4, write_tail(tail_place(), few, 4, T0, 4096), 0);
	use_epoch(2);
	add_events(few, 2, T0 + 100);
	assert_int_equal(print(QUERY_JSON, ROW_SET_MERGED), 0);
	assert_non_null(strstr(
		output, "\"first\":40,\"distinct\":{\"key\":null,\"region\":null},\"last\":-3,"
			"\"quantiles\":{\"value\":{\"0.5\":null,\"0.00001\":null,\"1\":null}},"
			"\"count\":6,\"top\":{\"key\":null}"));
}

static void broken_tails_are_told(void **state)
{
	size_t bytes = write_tail(tail_place(), few, 4, T0, POOL_BYTES);

	(void)state;
	add_row(4, bytes - 8, 0);
	assert_int_equal(print(QUERY_JSON, ROW_SET_MERGED), -EBADMSG);
	write_tail(tail_place(), few, 4, T0, POOL_BYTES);
	add_row(4, bytes - 8, 0);
	use_epoch(2);
	add_events(few, 4, T0);
	assert_int_equal(print(QUERY_JSON, ROW_SET_MERGED), -EBADMSG);
	spec.aggregate[6].k = 201;
	use_epoch(3);
	spec.aggregate[6].k = 2;
	add_events(few, 4, T0);
	assert_int_equal(print(QUERY_JSON, ROW_SET_MERGED), -EBADMSG);
}

#define EXTRAS_TEST(name) cmocka_unit_test_setup_teardown(name, open_set, close_set)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EXTRAS_TEST(json_as_the_manual_shows_it),
		EXTRAS_TEST(csv_and_table_have_columns),
		EXTRAS_TEST(quantiles_keep_to_min_and_max),
		EXTRAS_TEST(top_prints_names),
		EXTRAS_TEST(epochs_merge_exactly),
		EXTRAS_TEST(absent_is_null),
		EXTRAS_TEST(lost_is_null),
		EXTRAS_TEST(broken_tails_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
