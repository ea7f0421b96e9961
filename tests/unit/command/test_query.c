/* SPDX-License-Identifier: BSD-2-Clause */
/* sluice query and sluice log on logs made by hand: revisions, epochs, early, retracted and
 * overflow rows, names, ranges, conditions, formats and errors. The programs' own output is
 * compared, byte for byte. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "command/command.h"
#include "run_command.h"
#include "core/record/schema.h"
#include "edge/store/store_manifest.h"
#include "results_maker.h"

#define S 1000000000ll
#define T0 (1767225600 * S) /* 2026-01-01T00:00:00Z */
#define SEGMENT_BYTES ((__u64)4 << 20)

static const struct window_spec windows[] = {
	{ .name = "clicks",
	  .size_ns = 10 * S,
	  .slide_ns = 10 * S,
	  .group_count = 2,
	  .group_field = { SLUICE_FIELD_TYPE, SLUICE_FIELD_DIM0 },
	  .aggregate_count = 6,
	  .aggregate = { { .kind = SLUICE_AGGREGATE_COUNT_WEIGHT },
			 { .kind = SLUICE_AGGREGATE_RECORDS },
			 { .kind = SLUICE_AGGREGATE_SUM, .field = SLUICE_FIELD_VALUE },
			 { .kind = SLUICE_AGGREGATE_MIN, .field = SLUICE_FIELD_VALUE },
			 { .kind = SLUICE_AGGREGATE_MAX, .field = SLUICE_FIELD_VALUE },
			 { .kind = SLUICE_AGGREGATE_AVG, .field = SLUICE_FIELD_VALUE } } },
	{ .name = "all",
	  .size_ns = S,
	  .slide_ns = S,
	  .aggregate_count = 2,
	  .aggregate = { { .kind = SLUICE_AGGREGATE_COUNT_WEIGHT },
			 { .kind = SLUICE_AGGREGATE_RATE } } },
};

static const char dims[4][SLUICE_NAME_MAX + 1] = { "region" };

static char directory[PATH_MAX], path[PATH_MAX], agent[40];
static struct results_maker maker;

static int make(void **state)
{
	(void)state;
	results_maker_directory(directory);
	snprintf(path, sizeof(path), "%.3000s/store", directory);
	return 0;
}

static int clean(void **state)
{
	(void)state;
	results_maker_remove(directory);
	return 0;
}

static void open_log(void)
{
	results_maker_open(&maker, path, windows, 2, SEGMENT_BYTES);
	maker.completes = true;
	assert_int_equal(results_log_write_schema(maker.log, windows, NULL, 2, dims), 0);
	store_manifest_format_id(agent, maker.store.manifest.agent_id);
}

static void row(__s64 start_s, __u64 type, __u64 region, __s32 revision, __u16 flags, __u64 count,
		__s64 value)
{
	const struct sluice_rows head = { .start_ns = T0 + start_s * S,
					  .end_ns = T0 + (start_s + 10) * S,
					  .revision = revision,
					  .flags = flags,
					  .aggregated = 100 };

	results_maker_row(&maker, &head, (__u64[SLUICE_GROUP_FIELDS_MAX]){ type, region }, count,
			  value);
}

#define output command_output
#define errors command_errors
#define times command_times

static int run(const char *words)
{
	return run_command(path, words);
}

static void a_row_as_the_manual_shows_it(void **state)
{
	char expected[1024];

	(void)state;
	open_log();
	assert_int_equal(results_log_write_name(maker.log, SLUICE_SPACE_TYPE, 2, "click"), 0);
	row(0, 2, 3, 0, SLUICE_ROWS_FINAL, 120, 30);
	results_maker_close(&maker);
	assert_int_equal(run("query --window clicks --format json"), 0);
	snprintf(
		expected, sizeof(expected),
		"{\"window\":\"clicks\",\"start\":\"2026-01-01T00:00:"
		"00.000Z\",\"end\":\"2026-01-01T00:00:10.000Z\","
		"\"group\":{\"type\":\"click\",\"region\":\"3\"},\"group_id\":{\"type\":2,"
		"\"region\":3},\"revision\":0,\"order\":4294967296,\"final\":"
		"true,\"early\":false,"
		"\"retracted\":false,\"count\":120,\"records\":120,\"sum\":3600,\"min\":"
		"30,\"max\":30,\"avg\":30.0,"
		"\"completeness\":1.0,\"missing\":{\"shed\":0,\"ring_full\":0,\"socket_dropped\":"
		"0,\"refused\":0,\"late\":0,\"no_pane\":0,\"upstream\":0,\"unattended_ms\":0,"
		"\"estimated\":false},\"agent\":\"%s\",\"epoch\":1,\"merged\":1}\n",
		agent);
	assert_string_equal(output, expected);
	assert_string_equal(errors, "");
	assert_int_equal(run("query -w clicks --json"), 0);
	assert_string_equal(output, expected);
}

static void csv_and_table(void **state)
{
	char expected[1024];

	(void)state;
	open_log();
	assert_int_equal(results_log_write_name(maker.log, SLUICE_SPACE_TYPE, 2, "a,\"b\""), 0);
	row(0, 2, 3, 0, 0, 4, -7);
	results_maker_close(&maker);
	assert_int_equal(run("query --window clicks --format csv"), 0);
	snprintf(
		expected, sizeof(expected),
		"window,start,end,type,type_id,region,region_id,revision,order,final,early,"
		"retracted,count,records,sum,sum_saturated,min,max,avg,state,completeness,"
		"missing_shed,missing_ring_full,missing_socket_dropped,missing_refused,"
		"missing_late,missing_no_pane,missing_upstream,missing_unattended_ms,"
		"missing_estimated,agent,epoch,merged,unmerged,definition\n"
		"clicks,2026-01-01T00:00:00.000Z,2026-01-01T00:00:10.000Z,\"a,\"\"b\"\"\",2,3,3,"
		"0,4294967296,false,false,false,4,4,-28,false,-7,-7,-7.0,open,1.0,"
		"0,0,0,0,0,0,0,0,false,%s,1,1,false,%016llx\n",
		agent, (unsigned long long)schema_definition(&windows[0]));
	assert_string_equal(output, expected);
	assert_int_equal(run("query --window clicks"), 0);
	assert_string_equal(
		output,
		"START                     END                       TYPE   REGION  COUNT  "
		"RECORDS  SUM  MIN  MAX"
		"   AVG  REVISION  STATE  COMPLETE\n"
		"2026-01-01T00:00:00.000Z  2026-01-01T00:00:10.000Z  a,\"b\"  3           4       "
		" 4  -28   -7   -7"
		"  -7.0         0  open      100 %\n");
}

/* The newest revision of an identity, wherever it stands in the log. */
static void the_highest_revision_counts(void **state)
{
	(void)state;
	open_log();
	row(0, 1, 1, 0, 0, 10, 1);
	row(10, 1, 1, 0, 0, 99, 1);
	row(0, 1, 1, 2, SLUICE_ROWS_FINAL, 12, 1);
	row(0, 1, 1, 1, 0, 11, 1);
	row(0, 1, 2, 0, 0, 5, 1);
	results_maker_close(&maker);
	assert_int_equal(run("query --window clicks --json"), 0);
	assert_int_equal(times("\n"), 3);
	assert_int_equal(times("\"region\":1},\"revision\":2,\"order\":4294967298,"
			       "\"final\":true"), 1);
	assert_int_equal(times("\"count\":12,"), 1);
	assert_int_equal(run("query --window clicks --json --all-revisions"), 0);
	assert_int_equal(times("\n"), 5);
	assert_true(strstr(output, "\"count\":10,") < strstr(output, "\"count\":11,"));
	assert_true(strstr(output, "\"count\":11,") < strstr(output, "\"count\":12,"));
	/* Ordered by start first. */
	assert_true(strstr(output, "\"count\":5,") < strstr(output, "\"count\":99,"));
}

/* The last revision becomes final by a close record of its interval, of its own epoch only. */
static void close_records_make_final(void **state)
{
	const struct sluice_emission closing = { .start_ns = T0,
						 .end_ns = T0 + 10 * S,
						 .order = SLUICE_ORDER_CLOSED + 1,
						 .flags = SLUICE_ROWS_FINAL };

	(void)state;
	open_log();
	row(0, 1, 1, 0, 0, 10, 1);
	row(0, 1, 2, 0, 0, 20, 1);
	row(0, 1, 1, 1, 0, 11, 1);
	row(10, 1, 1, 0, 0, 40, 1);
	results_maker_emission(&maker, SLUICE_DISK_FINAL, &closing);
	results_maker_close(&maker);
	assert_int_equal(run("query --window clicks --json"), 0);
	assert_int_equal(times("\"final\":true"), 2);
	assert_int_equal(times("\"final\":false"), 1);
	assert_int_equal(run("query --window clicks --json --all-revisions"), 0);
	assert_int_equal(times("\"revision\":0,\"order\":4294967296,\"final\":false"), 2);
	assert_int_equal(times("\"revision\":0,\"order\":4294967296,\"final\":true"), 1);
	assert_int_equal(times("\"revision\":1,\"order\":4294967297,\"final\":true"), 1);
}

/* What an epoch closes says nothing about groups that only an earlier one has seen. */
static void close_records_speak_for_their_epoch(void **state)
{
	const struct sluice_emission closing = { .start_ns = T0, .end_ns = T0 + 10 * S };

	(void)state;
	open_log();
	row(0, 1, 1, 0, 0, 10, 1);
	results_maker_close(&maker);
	open_log();
	row(0, 1, 2, 0, 0, 20, 1);
	results_maker_emission(&maker, SLUICE_DISK_FINAL, &closing);
	results_maker_close(&maker);
	assert_int_equal(run("query --window clicks --json"), 0);
	assert_int_equal(times("\"region\":1},\"revision\":0,\"order\":4294967296,"
			       "\"final\":false"), 1);
	assert_int_equal(times("\"region\":2},\"revision\":0,\"order\":4294967296,"
			       "\"final\":true"), 1);
}

static void epochs_add_up(void **state)
{
	(void)state;
	open_log();
	row(0, 1, 1, 0, 0, 10, 5);
	row(0, 1, 1, 1, 0, 11, 5);
	row(0, 1, 2, 0, 0, 7, 1);
	results_maker_close(&maker);
	open_log();
	row(0, 1, 1, 0, SLUICE_ROWS_FINAL, 3, -2);
	results_maker_close(&maker);
	assert_int_equal(run("query --window clicks --json"), 0);
	assert_int_equal(times("\n"), 2);
	assert_int_equal(
		times("\"revision\":0,\"order\":4294967296,\"final\":true,\"early\":false,"
		      "\"retracted\":"
		      "false,\"count\":14,"
		      "\"records\":14,\"sum\":49,\"min\":-2,\"max\":5,\"avg\":3.5,"),
		1);
	assert_int_equal(times("\"epoch\":2,\"merged\":2}"), 1);
	assert_int_equal(times("\"epoch\":1,\"merged\":1}"), 1);
	assert_int_equal(run("query --window clicks --json --all-revisions"), 0);
	assert_int_equal(times("\n"), 4);
}

static void early_rows_never_replace(void **state)
{
	(void)state;
	open_log();
	row(0, 1, 1, -1, SLUICE_ROWS_EARLY, 1, 1);
	row(0, 1, 1, -1, SLUICE_ROWS_EARLY, 2, 1);
	row(10, 1, 1, 0, 0, 9, 1);
	row(10, 1, 1, -1, SLUICE_ROWS_EARLY, 3, 1);
	results_maker_close(&maker);
	assert_int_equal(run("query --window clicks --json"), 0);
	assert_int_equal(times("\n"), 2);
	assert_int_equal(
		times("\"revision\":-1,\"order\":1,\"final\":false,\"early\":true,\"retracted\":"
		      "false,\"count\":2,"),
		1);
	assert_int_equal(
		times("\"revision\":0,\"order\":4294967296,\"final\":false,\"early\":false,"
		      "\"retracted\":"
		      "false,\"count\":9,"),
		1);
}

static void retracted_rows_are_hidden(void **state)
{
	(void)state;
	open_log();
	row(0, 1, 1, 0, 0, 10, 1);
	row(0, 1, 1, 1, SLUICE_ROWS_RETRACTED, 10, 1);
	row(0, 1, 2, 0, 0, 5, 1);
	/* Retracted once, then there again. */
	row(0, 1, 3, 0, SLUICE_ROWS_RETRACTED, 6, 1);
	row(0, 1, 3, 1, 0, 6, 1);
	results_maker_close(&maker);
	assert_int_equal(run("query --window clicks --json"), 0);
	assert_int_equal(times("\n"), 2);
	assert_int_equal(times("\"region\":\"1\""), 0);
	assert_int_equal(run("query --window clicks --json --all-revisions"), 0);
	assert_int_equal(times("\"retracted\":true"), 2);
}

static void overflow_comes_last(void **state)
{
	(void)state;
	open_log();
	row(0, 0, 0, 0, SLUICE_ROWS_OVERFLOW, 50, 1);
	row(0, 65535, 4294967295, 0, 0, 1, 1);
	row(0, 0, 0, 0, 0, 2, 1);
	results_maker_close(&maker);
	assert_int_equal(run("query --window clicks --json"), 0);
	assert_int_equal(times("\n"), 3);
	assert_true(strstr(output, "\"count\":2,") < strstr(output, "\"count\":1,"));
	assert_true(strstr(output, "\"count\":1,") < strstr(output, "\"count\":50,"));
	assert_int_equal(times("\"group\":{\"type\":\"__overflow__\",\"region\":\"__overflow__\"}"),
			 1);
	assert_int_equal(run("query --window clicks --json --where type=__overflow__"), 0);
	assert_int_equal(times("\n"), 1);
	assert_int_equal(run("query --window clicks --json --where type=0"), 0);
	assert_int_equal(times("\"count\":2,"), 1);
	assert_int_equal(times("\n"), 1);
}

static void numbers_at_their_limits(void **state)
{
	const struct sluice_rows head = {
		.start_ns = T0,
		.end_ns = T0 + 10 * S,
		.aggregated = 90,
		.missing = { .ring_full = 6, .late = 2, .upstream = 1, .refused = 1 }
	};
	const __u64 values[1][SLUICE_GROUP_FIELDS_MAX] = { { 1, 1 } };
	const struct sluice_partial none = { .min = INT64_MAX, .max = INT64_MIN };

	(void)state;
	open_log();
	row(0, 1, 0, 0, 0, UINT64_MAX, INT64_MAX);
	row(0, 1, 3, 0, 0, 3, INT64_MIN);
	results_maker_rows(&maker, &head, 1, values, &none);
	results_maker_close(&maker);
	assert_int_equal(run("query --window clicks --json"), 0);
	assert_int_equal(times("\"count\":18446744073709551615,"), 1);
	assert_int_equal(times("\"sum\":9223372036854775807,\"sum_saturated\":true,"), 1);
	assert_int_equal(times("\"sum\":-9223372036854775808,\"sum_saturated\":true,"
			       "\"min\":-9223372036854775808"),
			 1);
	assert_int_equal(times("saturated"), 2);
	assert_int_equal(times("\"avg\":-9.223372036854776e+18"), 1);
	assert_int_equal(
		times("\"count\":0,\"records\":0,\"sum\":0,\"min\":null,\"max\":null,\"avg\":null,"
		      "\"completeness\":0.9,\"missing\":{\"shed\":0,\"ring_full\":6,"
		      "\"socket_dropped\":0,\"refused\":1,\"late\":2,\"no_pane\":0,"
		      "\"upstream\":1,"),
		1);
	assert_string_equal(
		errors, "sluice: warning: 2 sums do not fit 64 bits and are shown at the limit\n");
	assert_int_equal(run("query --window clicks"), 0);
	assert_int_equal(times(" >9223372036854775807 "), 1);
	assert_int_equal(times(" <-9223372036854775808 "), 1);
	assert_int_equal(run("query --window clicks --format csv"), 0);
	assert_int_equal(times(",9223372036854775807,true,"), 1);
	assert_int_equal(times(",0,0,0,false,,,,"), 1);
}

static void ranges(void **state)
{
	(void)state;
	open_log();
	for (int i = 0; i < 6; i++)
		row(i * 10, 1, (__u64)i, 0, 0, 1, 1);
	results_maker_close(&maker);
	assert_int_equal(run("query -w clicks --json --since 2026-01-01T00:00:20Z"), 0);
	assert_int_equal(times("\n"), 4);
	assert_int_equal(run("query -w clicks --json --until @1767225620"), 0);
	assert_int_equal(times("\n"), 2);
	assert_int_equal(
		run("query -w clicks --json --since 2026-01-01T00:00:20Z --until 2026-01-01T00:00:"
		    "20.001Z"),
		0);
	assert_int_equal(times("\n"), 1);
	assert_int_equal(times("\"region\":\"2\""), 1);
	assert_int_equal(run("query -w clicks --json --since 2020-01-01 --until 2021-01-01"), 0);
	assert_string_equal(output, "");
	assert_int_equal(run("query -w clicks --since soon"), EX_USAGE);
	assert_non_null(strstr(errors, "--since soon is not a time"));
}

static void conditions(void **state)
{
	(void)state;
	open_log();
	assert_int_equal(results_log_write_name(maker.log, SLUICE_SPACE_DIM0, 2, "north"), 0);
	for (int i = 0; i < 4; i++)
		row(0, (__u64)i % 2, (__u64)i, 0, 0, (__u64)(i + 1) * 10, i - 1);
	/* A name that is taught after the rows it names. */
	results_maker_flush(&maker);
	assert_int_equal(results_log_write_name(maker.log, SLUICE_SPACE_TYPE, 1, "click"), 0);
	results_maker_close(&maker);
	assert_int_equal(run("query -w clicks --json --where type=click"), 0);
	assert_int_equal(times("\"type\":\"click\""), 2);
	assert_int_equal(times("\n"), 2);
	assert_int_equal(run("query -w clicks --json --where type!=click"), 0);
	assert_int_equal(times("\n"), 2);
	assert_int_equal(run("query -w clicks --json --where type=1,region=3"), 0);
	assert_int_equal(times("\n"), 1);
	assert_int_equal(run("query -w clicks --json --where dim0=north"), 0);
	assert_int_equal(times("\"region\":\"north\""), 1);
	assert_int_equal(times("\n"), 1);
	assert_int_equal(
		run("query -w clicks --json --where region=1,region=north --where count>20"), 0);
	assert_int_equal(times("\n"), 1);
	assert_int_equal(times("\"region\":\"north\""), 1);
	assert_int_equal(run("query -w clicks --json --where min<0"), 0);
	assert_int_equal(times("\n"), 1);
	assert_int_equal(run("query -w clicks --json --where region>=1,region<3"), 0);
	assert_int_equal(times("\n"), 2);
	assert_int_equal(run("query -w clicks --json --where type=clik"), 0);
	assert_string_equal(output, "");
	assert_string_equal(errors, "sluice: warning: --where: nothing is known to be called "
				    "clik in "
				    "type; did you mean click?\n");
	assert_int_equal(run("query -w clicks --json --where type=7,region=__overflow__"), 0);
	assert_string_equal(errors, "");
	assert_int_equal(run("query -w clicks --where type==click"), EX_USAGE);
	assert_non_null(strstr(errors, "\"==\" is no comparison; use = != < <= > or >="));
	assert_int_equal(run("query -w clicks --where count=>3"), EX_USAGE);
	assert_int_equal(run("query -w clicks --where count<>3"), EX_USAGE);
	assert_int_equal(run("query -w clicks --where type=~cl"), EX_USAGE);
	assert_int_equal(run("query -w clicks --where type~click"), EX_USAGE);
	assert_int_equal(run("query -w clicks --where city=3"), EX_USAGE);
	assert_non_null(strstr(errors, "no field city"));
	assert_int_equal(run("query -w clicks --where type"), EX_USAGE);
	assert_int_equal(run("query -w clicks --where =3"), EX_USAGE);
	assert_int_equal(run("query -w clicks --where count=many"), EX_USAGE);
	assert_int_equal(run("query -w clicks --where type>click"), EX_USAGE);
}

static void another_window_without_groups(void **state)
{
	const struct sluice_rows head = {
		.start_ns = T0, .end_ns = T0 + S, .window = 1, .aggregated = 3
	};

	(void)state;
	open_log();
	row(0, 1, 1, 0, 0, 1, 1);
	results_maker_row(&maker, &head, (__u64[SLUICE_GROUP_FIELDS_MAX]){ 0 }, 250, 1);
	results_maker_close(&maker);
	assert_int_equal(run("query -w all --json"), 0);
	assert_int_equal(times("\"group\":{},"), 1);
	assert_int_equal(times("\"count\":250,\"rate\":250.0,"), 1);
	assert_int_equal(times("\n"), 1);
}

static void a_changed_configuration(void **state)
{
	static const struct window_spec changed = {
		.name = "clicks",
		.size_ns = 5 * S,
		.slide_ns = 5 * S,
		.group_count = 1,
		.group_field = { SLUICE_FIELD_TENANT },
		.aggregate_count = 1,
		.aggregate = { { .kind = SLUICE_AGGREGATE_COUNT_WEIGHT } }
	};

	(void)state;
	open_log();
	row(0, 1, 1, 0, 0, 8, 1);
	row(10, 1, 1, 0, 0, 9, 1);
	results_maker_close(&maker);
	results_maker_open(&maker, path, &changed, 1, SEGMENT_BYTES);
	results_maker_row(&maker,
			  &(struct sluice_rows){ .start_ns = T0 + 5 * S, .end_ns = T0 + 10 * S },
			  (__u64[SLUICE_GROUP_FIELDS_MAX]){ 4 }, 7, 1);
	results_maker_close(&maker);
	assert_int_equal(run("query -w clicks --json"), 0);
	assert_int_equal(times("\n"), 3);
	assert_int_equal(
		times("\"group\":{\"tenant\":\"4\"},\"group_id\":{\"tenant\":4},\"revision\":0,"
		      "\"order\":4294967296,\"final\":false,\"early\":false,"
		      "\"retracted\":false,\"count\":7,\"completeness\""),
		1);
	assert_true(strstr(output, "\"count\":8,") < strstr(output, "\"count\":7,"));
	assert_true(strstr(output, "\"count\":7,") < strstr(output, "\"count\":9,"));
	assert_int_equal(run("query -w clicks --format csv"), 0);
	assert_int_equal(times("\n"), 4);
	/* The window "all" is known although the last configuration has it no more. */
	assert_int_equal(run("query -w all --json"), 0);
}

static void wrong_windows_are_answered(void **state)
{
	(void)state;
	assert_int_equal(run("query -w clicks"), EX_UNAVAILABLE);
	assert_non_null(strstr(errors, "there is no store at"));
	open_log();
	results_maker_close(&maker);
	assert_int_equal(run("query -w clics"), EX_USAGE);
	assert_string_equal(errors,
			    "sluice: error: no window is named clics; there is: clicks, all\n");
	assert_int_equal(run("query"), EX_USAGE);
	assert_non_null(strstr(errors, "there is: clicks, all"));
	assert_int_equal(run("query -w clicks --json"), 0);
	assert_string_equal(output, "");
}

static __u64 changes(void)
{
	struct stat status;
	char name[PATH_MAX + 64];
	__u64 sum = 0;
	static const char *const names[] = { "", "MANIFEST", "LOCK", "results",
					     "results/00000000000000000001.seg" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(name, sizeof(name), "%s/%s", path, names[i]);
		assert_int_equal(stat(name, &status), 0);
		sum = sum * 31 + (__u64)status.st_mtim.tv_nsec + (__u64)status.st_ctim.tv_nsec +
		      (__u64)status.st_size;
	}
	return sum;
}

static void reading_changes_nothing(void **state)
{
	__u64 before;

	(void)state;
	open_log();
	row(0, 1, 1, 0, 0, 8, 1);
	results_maker_flush(&maker);
	before = changes();
	/* With the agent's lock held, and rows on their way. */
	row(0, 1, 2, 0, 0, 8, 1);
	assert_int_equal(run("query -w clicks --json"), 0);
	assert_int_equal(times("\n"), 1);
	assert_int_equal(run("log verify"), 0);
	assert_int_equal(run("log ls"), 0);
	assert_int_equal(run("log dump --rows"), 0);
	assert_true(before == changes());
	results_maker_close(&maker);
}

static void log_shows_what_is_there(void **state)
{
	(void)state;
	open_log();
	row(0, 1, 1, 0, SLUICE_ROWS_FINAL, 8, -2);
	row(10, 1, 1, 0, 0, 9, 1);
	results_maker_close(&maker);
	assert_int_equal(run("log ls --json"), 0);
	assert_int_equal(times("\n"), 1);
	assert_non_null(strstr(
		output, "{\"log\":\"results\",\"number\":1,\"file\":\"00000000000000000001.seg\","
			"\"first_lsn\":1,\"last_lsn\":5,\"bytes\":4194304,\"used_bytes\":12288,"));
	assert_int_equal(run("log ls"), 0);
	assert_int_equal(times("active"), 1);
	assert_int_equal(run("log dump --rows --json --from 2"), 0);
	assert_int_equal(times("\n"), 6);
	assert_non_null(strstr(
		output,
		"{\"lsn\":2,\"kind\":\"rows\",\"window\":\"clicks\",\"start\":"
		"\"2026-01-01T00:00:00.000Z\",\"end\":\"2026-01-01T00:00:10.000Z\",\"revision\":0,"
		"\"flags\":[\"final\"],\"rows\":1,\"aggregated\":100,\"epoch\":1,"
		"\"order\":4294967296,\"selected\":0,\"offered\":0}\n"
		"{\"kind\":\"row\",\"type\":1,\"region\":1,\"count\":8,\"records\":8,\"sum\":-16,"
		"\"min\":-2,\"max\":-2}\n"));
	assert_int_equal(run("log dump"), 0);
	assert_non_null(
		strstr(output, "schema epoch=1 config_epoch=0 windows=[\"clicks\",\"all\"]"));
	assert_int_equal(run("log frobnicate"), EX_USAGE);
}

static void late_record(__u32 count, const struct sluice_late_event *events)
{
	struct {
		struct sluice_disk_record record;
		struct sluice_late head;
		struct sluice_late_event event[8];
	} made = { .record = { (__u32)(16 + count * sizeof(*events)), SLUICE_DISK_LATE, 1 },
		   .head = { 0, sizeof(*events), count } };

	memcpy(made.event, events, count * sizeof(*events));
	results_maker_record(&maker, &made, made.record.bytes);
}

static void open_late_log(void)
{
	const struct sluice_late_event events[] = {
		{ .time_ns = T0 + 3 * S, .source_id = 2, .sequence = 5, .index = 1, .type = 2,
		  .weight = 1 },
		{ .time_ns = T0 + 3 * S, .source_id = 2, .sequence = 5, .index = 0, .type = 2,
		  .weight = 1, .value = -1 },
		{ .time_ns = T0 + S, .key = 42, .value = -7, .event_id = 6, .source_id = 9,
		  .sequence = 4, .epoch = 3, .tenant = 1, .type = 1, .weight = 2,
		  .dim = { 3, 4, 5, 6 } },
		{ .time_ns = T0 + 3 * S, .source_id = 1, .sequence = 7, .type = 2, .weight = 1 },
	};

	open_log();
	assert_int_equal(results_log_write_name(maker.log, SLUICE_SPACE_TYPE, 1, "view"), 0);
	row(0, 1, 3, 0, 0, 4, -7);
	late_record(2, events);
	late_record(2, events + 2);
	results_maker_close(&maker);
}

static void late_events_in_order(void **state)
{
	char expected[1024];

	(void)state;
	open_late_log();
	assert_int_equal(run("query --window clicks --late --json"), 0);
	snprintf(expected, sizeof(expected),
		 "{\"window\":\"clicks\",\"time\":\"2026-01-01T00:00:01.000Z\",\"fields\":"
		 "{\"type\":\"view\",\"key\":\"42\",\"tenant\":\"1\",\"source\":\"9\","
		 "\"region\":\"3\",\"dim1\":\"4\",\"dim2\":\"5\",\"dim3\":\"6\"},"
		 "\"fields_id\":{\"type\":1,\"key\":42,\"tenant\":1,\"source\":9,\"region\":3,"
		 "\"dim1\":4,\"dim2\":5,\"dim3\":6},"
		 "\"value\":-7,\"weight\":2,\"event_id\":\"6\",\"source_epoch\":3,"
		 "\"sequence\":4,\"index\":0,\"agent\":\"%s\",\"epoch\":1}\n",
		 agent);
	assert_memory_equal(output, expected, strlen(expected));
	assert_int_equal(times("\n"), 4);
	assert_int_equal(run("query --window clicks --late --format csv"), 0);
	snprintf(expected, sizeof(expected),
		 "window,time,type,type_id,key,key_id,tenant,tenant_id,source,region,region_id,"
		 "dim1,dim1_id,dim2,dim2_id,dim3,dim3_id,value,weight,event_id,"
		 "source_epoch,sequence,index,agent,epoch\n"
		 "clicks,2026-01-01T00:00:01.000Z,view,1,42,42,1,1,9,3,3,4,4,5,5,6,6,-7,2,6,3,4,"
		 "0,%s,1\n"
		 "clicks,2026-01-01T00:00:03.000Z,2,2,0,0,0,0,1,0,0,0,0,0,0,0,0,0,1,0,0,7,0,%s,1\n"
		 "clicks,2026-01-01T00:00:03.000Z,2,2,0,0,0,0,2,0,0,0,0,0,0,0,0,-1,1,0,0,5,0,%s,1\n"
		 "clicks,2026-01-01T00:00:03.000Z,2,2,0,0,0,0,2,0,0,0,0,0,0,0,0,0,1,0,0,5,1,%s,1\n",
		 agent, agent, agent, agent);
	assert_string_equal(output, expected);
	assert_int_equal(run("query --window clicks --late"), 0);
	assert_non_null(strstr(output, "TIME                      TYPE  KEY  TENANT  SOURCE  "
				       "REGION"));
	assert_int_equal(run("query --window clicks --json"), 0);
	assert_int_equal(times("\n"), 1);
	assert_string_equal(errors, "");
	assert_int_equal(run("query --window all --late"), 0);
	assert_string_equal(output, "");
	assert_non_null(strstr(errors, "no late events of window all; `late: keep`"));
}

static void late_events_by_time_and_condition(void **state)
{
	(void)state;
	open_late_log();
	assert_int_equal(run("query -w clicks --late --json --since 2026-01-01T00:00:02Z"), 0);
	assert_int_equal(times("\n"), 3);
	assert_int_equal(run("query -w clicks --late --json --until 2026-01-01T00:00:03Z"), 0);
	assert_int_equal(times("\n"), 1);
	assert_int_equal(run("query -w clicks --late --json --where type=view,region=3"), 0);
	assert_int_equal(times("\n"), 1);
	assert_int_equal(run("query -w clicks --late --json --where value<0,source!=9"), 0);
	assert_int_equal(times("\n"), 1);
	assert_int_equal(run("query -w clicks --late --json --where count=1"), EX_USAGE);
	assert_non_null(strstr(errors, "has no field count"));
	assert_int_equal(run("query -w clicks --late --all-revisions"), EX_USAGE);
	assert_int_equal(run("query -w nothing --late"), EX_USAGE);
}

static void log_shows_late_events(void **state)
{
	(void)state;
	open_late_log();
	assert_int_equal(run("log dump --rows"), 0);
	assert_non_null(strstr(output, "late window=\"clicks\" events=2\n          late "
				       "time=2026-01-01T00:00:03.000Z tenant=0 source=2 type=2"));
	assert_int_equal(run("log dump --json"), 0);
	assert_int_equal(times("\"kind\":\"late\",\"window\":\"clicks\",\"events\":2}"), 2);
	assert_int_equal(run("log verify"), 0);
}

/* A record of any kind. */
static void record_of(__u16 kind, const void *body, size_t bytes)
{
	__u64 buffer[64];
	struct sluice_disk_record *record = (struct sluice_disk_record *)buffer;

	*record = (struct sluice_disk_record){ (__u32)(sizeof(*record) + bytes), kind, 1 };
	memcpy(record + 1, body, bytes);
	results_maker_record(&maker, record, record->bytes);
}

static void log_shows_the_small_records(void **state)
{
	static const struct {
		struct sluice_late_count head;
		struct sluice_late_pane pane[2];
	} late = { .head = { .pane_bytes = sizeof(struct sluice_late_pane),
			     .pane_count = 2,
			     .epoch = 4 } };
	const struct sluice_gap gap = {
		.from_ns = T0, .to_ns = T0 + S, .window = 1, .cause = 1, .records = 7
	};
	const struct sluice_epoch_end end = { .window = 1, .epoch = 3 };
	const struct sluice_emission complete = { .start_ns = INT64_MIN,
						  .end_ns = T0,
						  .epoch = 9,
						  .flags = SLUICE_ROWS_EARLY,
						  .rows = 5 };

	(void)state;
	open_log();
	record_of(SLUICE_DISK_GAP, &gap, sizeof(gap));
	record_of(SLUICE_DISK_EPOCH_END, &end, sizeof(end));
	record_of(SLUICE_DISK_LATE_COUNT, &late, sizeof(late));
	record_of(SLUICE_DISK_COMPLETE, &complete, sizeof(complete));
	results_maker_flush(&maker);
	assert_int_equal(run("log verify"), 0);
	assert_int_equal(run("log dump --json"), 0);
	assert_non_null(strstr(output, "\"kind\":\"gap\",\"window\":\"all\",\"from\":"
				       "\"2026-01-01T00:00:00.000Z\",\"to\":"
				       "\"2026-01-01T00:00:01.000Z\",\"cause\":\"state_lost\","
				       "\"records\":7}"));
	assert_non_null(strstr(output, "\"kind\":\"epoch_end\",\"window\":\"all\",\"epoch\":3}"));
	assert_non_null(strstr(output, "\"window\":\"clicks\",\"epoch\":4,\"panes\":2}"));
	assert_non_null(strstr(output, "\"start\":null,\"end\":\"2026-01-01T00:00:00.000Z\","
				       "\"flags\":[\"early\"],\"epoch\":9,\"order\":0,"));
	/* One that makes no sense hides no other. */
	record_of(SLUICE_DISK_GAP, &gap, sizeof(gap) - 8);
	record_of(SLUICE_DISK_EPOCH_END, &(struct sluice_epoch_end){ .window = 2 }, sizeof(end));
	record_of(SLUICE_DISK_LATE_COUNT, &late, sizeof(late) - 8);
	record_of(SLUICE_DISK_ROWS, &gap, 8);
	row(0, 1, 1, 0, 0, 8, -2);
	results_maker_close(&maker);
	assert_int_equal(run("log verify --json"), EX_IOERR);
	assert_int_equal(times("a record makes no sense"), 4);
	assert_int_equal(run("log dump --json"), EXIT_FAILURE);
	assert_int_equal(times("\"kind\":\"rows\""), 1);
	assert_int_equal(run("query -w clicks --json"), EXIT_FAILURE);
	assert_int_equal(times("\"count\":8"), 1);
	assert_non_null(strstr(errors, "a record makes no sense; LSN 9 is lost"));
}

static void damage(off_t offset)
{
	char name[PATH_MAX + 64];
	__u8 byte;
	int fd;

	snprintf(name, sizeof(name), "%s/results/00000000000000000001.seg", path);
	fd = open(name, O_RDWR);
	assert_int_equal(pread(fd, &byte, 1, offset), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
	close(fd);
}

static void damage_has_a_place(void **state)
{
	(void)state;
	open_log();
	maker.completes = false;
	row(0, 1, 1, 0, 0, 8, -2);
	results_maker_close(&maker);
	assert_int_equal(run("log verify"), 0);
	assert_non_null(strstr(output, "nothing is wrong"));
	assert_int_equal(run("log verify --json"), 0);
	assert_non_null(strstr(output, "\"torn_tail\":false,\"damaged\":0}"));
	damage(2 * SLUICE_DISK_ALIGN + 200);
	assert_int_equal(run("log verify"), EX_IOERR);
	assert_non_null(strstr(output, "DAMAGED  results/00000000000000000001.seg (segment 1): the "
				       "checksum of its\n         payload is wrong at byte 8192; "
				       "LSN 2 is lost"));
	assert_int_equal(run("query -w clicks"), EXIT_FAILURE);
	assert_non_null(strstr(errors, "LSN 2 is lost, written from 20"));
	assert_non_null(strstr(errors, "sluice log verify"));
	assert_string_equal(output, "");
	assert_int_equal(run("log dump"), EXIT_FAILURE);
	assert_non_null(strstr(output, "1 schema"));
	assert_non_null(strstr(errors, "LSN 2 is lost"));
	damage(2 * SLUICE_DISK_ALIGN + 200);
	assert_int_equal(run("log verify"), 0);
	damage(100 * SLUICE_DISK_ALIGN);
	assert_int_equal(run("log verify --json"), EX_IOERR);
	assert_non_null(strstr(output, "something behind the end of the log"));
	assert_non_null(strstr(output, "\"kind\":\"stray\""));
	assert_int_equal(run("query -w clicks"), 0);
	damage(100 * SLUICE_DISK_ALIGN);
	damage(20);
	assert_int_equal(run("log verify"), EX_IOERR);
	assert_int_equal(run("log ls"), EXIT_FAILURE);
	assert_non_null(strstr(output, "DAMAGED\n"));
	assert_non_null(strstr(errors, "the checksum of its header is wrong"));
	/* What is lost may have been of any window. */
	assert_int_equal(run("query -w clicks"), EXIT_FAILURE);
	assert_string_equal(output, "");
}

static void lose_manifest(void)
{
	char name[PATH_MAX + 16];

	snprintf(name, sizeof(name), "%s/MANIFEST", path);
	assert_int_equal(unlink(name), 0);
}

/* Readers find out from the segments what they can. */
static void results_outlive_their_manifest(void **state)
{
	(void)state;
	open_log();
	row(0, 1, 1, 0, 0, 8, -2);
	results_maker_close(&maker);
	lose_manifest();
	assert_int_equal(run("query -w clicks --json"), EXIT_FAILURE);
	assert_non_null(strstr(output, "\"count\":8"));
	assert_non_null(strstr(errors, "MANIFEST is missing, but there are results"));
	assert_int_equal(run("log verify"), EX_IOERR);
	assert_non_null(strstr(output, "DAMAGED  MANIFEST: it is missing or damaged"));
	damage(20);
	assert_int_equal(run("query -w clicks"), EX_IOERR);
}

static void lines_fit_a_terminal(void **state)
{
	static const char *const commands[] = { "log ls", "log verify", "log dump --rows" };

	(void)state;
	open_log();
	for (int i = 0; i < 20; i++)
		row(i * 10, 1, (__u64)i << 20, i, SLUICE_ROWS_FINAL, 1ull << 40, -(1ll << 60));
	results_maker_close(&maker);
	for (int broken = 0; broken < 2; broken++) {
		for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
			run(commands[i]);
			for (const char *line = output; *line; line = strchr(line, '\n') + 1)
				assert_true(strchr(line, '\n') - line <= 80);
		}
		damage(2 * SLUICE_DISK_ALIGN + 200);
	}
}

#define QUERY_TEST(name) cmocka_unit_test_setup_teardown(name, make, clean)

int main(void)
{
	const struct CMUnitTest tests[] = {
		QUERY_TEST(a_row_as_the_manual_shows_it),
		QUERY_TEST(csv_and_table),
		QUERY_TEST(the_highest_revision_counts),
		QUERY_TEST(close_records_make_final),
		QUERY_TEST(close_records_speak_for_their_epoch),
		QUERY_TEST(epochs_add_up),
		QUERY_TEST(early_rows_never_replace),
		QUERY_TEST(retracted_rows_are_hidden),
		QUERY_TEST(overflow_comes_last),
		QUERY_TEST(numbers_at_their_limits),
		QUERY_TEST(ranges),
		QUERY_TEST(conditions),
		QUERY_TEST(another_window_without_groups),
		QUERY_TEST(a_changed_configuration),
		QUERY_TEST(wrong_windows_are_answered),
		QUERY_TEST(reading_changes_nothing),
		QUERY_TEST(log_shows_what_is_there),
		QUERY_TEST(late_events_in_order),
		QUERY_TEST(late_events_by_time_and_condition),
		QUERY_TEST(log_shows_late_events),
		QUERY_TEST(log_shows_the_small_records),
		QUERY_TEST(damage_has_a_place),
		QUERY_TEST(results_outlive_their_manifest),
		QUERY_TEST(lines_fit_a_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
