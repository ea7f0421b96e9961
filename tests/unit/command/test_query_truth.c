/* SPDX-License-Identifier: BSD-2-Clause */
/* That rows claim no more than the log knows: emissions that did not end, epochs that did, gaps,
 * late records, windows without rows, losses that a `where` would have left out, definitions that
 * differ, and names that say more than a number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "command/command.h"
#include "run_command.h"
#include "core/record/schema.h"
#include "results_maker.h"

#define S 1000000000ll
#define T0 (1767225600 * S) /* 2026-01-01T00:00:00Z */
#define SEGMENT_BYTES ((__u64)4 << 20)

static const struct window_spec windows[] = {
	{ .name = "w",
	  .size_ns = 10 * S,
	  .slide_ns = 10 * S,
	  .max_disorder_ns = 2 * S,
	  .group_count = 1,
	  .group_field = { SLUICE_FIELD_TYPE },
	  .aggregate_count = 1,
	  .aggregate = { { .kind = SLUICE_AGGREGATE_COUNT_WEIGHT } } },
	{ .name = "s",
	  .kind = SLUICE_WINDOW_SLIDING,
	  .size_ns = 10 * S,
	  .slide_ns = 5 * S,
	  .aggregate_count = 1,
	  .aggregate = { { .kind = SLUICE_AGGREGATE_COUNT_WEIGHT } } },
	{ .name = "v",
	  .kind = SLUICE_WINDOW_SESSION,
	  .gap_ns = 5 * S,
	  .aggregate_count = 1,
	  .aggregate = { { .kind = SLUICE_AGGREGATE_COUNT_WEIGHT } } },
};

static char directory[PATH_MAX], path[PATH_MAX];
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
	results_maker_open(&maker, path, windows, 3, SEGMENT_BYTES);
	maker.completes = true;
}

/* A row of type `type` of window w in [start, start + 10 s). */
static struct sluice_rows head(__s64 start_s)
{
	return (struct sluice_rows){ .start_ns = T0 + start_s * S,
				     .end_ns = T0 + (start_s + 10) * S,
				     .aggregated = 100 };
}

static void put(const struct sluice_rows *rows, __u64 type, __u64 count)
{
	results_maker_row(&maker, rows, (__u64[SLUICE_GROUP_FIELDS_MAX]){ type }, count, 1);
}

static void row(__s64 start_s, __u64 type, __u64 count)
{
	const struct sluice_rows rows = head(start_s);

	put(&rows, type, count);
}

static void record(__u16 kind, const void *body, size_t bytes)
{
	struct {
		struct sluice_disk_record record;
		__u8 body[256];
	} made = { .record = { (__u32)(sizeof(made.record) + bytes), kind, 1 } };

	memcpy(made.body, body, bytes);
	results_maker_record(&maker, &made, made.record.bytes);
}

static void gap(__u16 window, __s64 from_ms, __s64 to_ms, __u16 cause)
{
	const struct sluice_gap made = { .from_ns = T0 + from_ms * 1000000,
					 .to_ns = T0 + to_ms * 1000000,
					 .window = window,
					 .cause = cause };

	record(SLUICE_DISK_GAP, &made, sizeof(made));
}

static void late(__u16 window, __s64 start_ns, __s64 end_ns, __u64 records)
{
	const struct {
		struct sluice_late_count head;
		struct sluice_late_pane pane;
	} made = { { window, sizeof(made.pane), 1, 1 }, { start_ns, end_ns, records } };

	record(SLUICE_DISK_LATE_COUNT, &made, sizeof(made));
}

static void loss(__u16 window, __s64 from_ms, __s64 to_ms, __s64 records, __u16 flags)
{
	const struct sluice_loss made = { .from_ns = T0 + from_ms * 1000000,
					  .to_ns = T0 + to_ms * 1000000,
					  .records = records,
					  .epoch = 1,
					  .window = window,
					  .cause = 6, /* upstream */
					  .flags = flags };

	record(SLUICE_DISK_LOSS, &made, sizeof(made));
}

static void end_epoch(__u64 epoch)
{
	const struct sluice_epoch_end made = { .epoch = epoch };

	record(SLUICE_DISK_EPOCH_END, &made, sizeof(made));
}

static void query(const char *words)
{
	char line[512];

	snprintf(line, sizeof(line), "query %s", words);
	assert_int_equal(run_command(path, line), 0);
}

static void expect(const char *part)
{
	if (!strstr(command_output, part))
		fail_msg("no %s in\n%s", part, command_output);
}

static void expect_lines(int count)
{
	if (command_times("\n") != count)
		fail_msg("not %d lines:\n%s", count, command_output);
}

static void rows_without_complete_are_partial(void **state)
{
	(void)state;
	open_log();
	maker.completes = false;
	row(0, 1, 10);
	row(0, 2, 20); /* of the same emission; the agent was killed behind it */
	results_maker_close(&maker);
	query("-w w --json");
	expect_lines(2);
	assert_int_equal(command_times("\"completeness\":null,"), 2);
	open_log();
	row(10, 1, 30);
	maker.completes = false;
	row(20, 1, 40);
	results_maker_close(&maker);
	query("-w w --json --since 2026-01-01T00:00:10Z");
	expect("\"count\":30,\"completeness\":1.0,");
	expect("\"count\":40,\"completeness\":null,");
	query("-w w --since 2026-01-01T00:00:10Z");
	expect("  open        100 %");
	expect("  partial         ?");
	query("-w w --since 2026-01-01T00:00:20Z --format csv");
	expect(",40,partial,?,0,");
}

/* An emission that was begun, killed, and done again whole. */
static void what_was_done_again_is_not_there_twice(void **state)
{
	const struct sluice_rows first = head(0);

	(void)state;
	open_log();
	maker.completes = false;
	put(&first, 1, 10);
	put(&first, 9, 90); /* not in the repetition */
	maker.completes = true;
	put(&first, 1, 10);
	results_maker_close(&maker);
	query("-w w --json");
	expect_lines(1);
	expect("\"count\":10,\"completeness\":1.0,");
	query("-w w --json --all-revisions");
	expect_lines(1);
}

static void an_ended_epoch_keeps_whole_closed_rows(void **state)
{
	struct sluice_rows early = head(20);

	(void)state;
	early.flags = SLUICE_ROWS_EARLY;
	early.revision = -1;
	open_log();
	row(0, 1, 10);
	put(&early, 1, 20);
	maker.completes = false;
	row(10, 1, 30);
	results_maker_flush(&maker);
	query("-w w --json");
	expect_lines(3);
	end_epoch(1);
	results_maker_close(&maker);
	query("-w w --json");
	expect_lines(1);
	expect("\"final\":false,\"early\":false,\"retracted\":false,\"count\":10,");
	query("-w w --json --all-revisions");
	expect_lines(3);
}

static void final_rows_overlap_gaps(void **state)
{
	(void)state;
	open_log();
	for (int i = 0; i < 4; i++)
		row(i * 10, 1, 10);
	/* Told twice, by both causes, as segments do: 1.5 s of the second row, and of the first
	 * what reaches into its disorder. */
	gap(0, 11000, 12000, SLUICE_GAP_UNATTENDED);
	gap(0, 11500, 12500, SLUICE_GAP_STATE_LOST);
	gap(0, 11000, 12000, SLUICE_GAP_UNATTENDED);
	results_maker_close(&maker);
	query("-w w --json");
	expect_lines(4);
	expect("\"start\":\"2026-01-01T00:00:00.000Z\"");
	assert_int_equal(command_times("\"completeness\":1.0"), 2);
	assert_int_equal(command_times("\"unattended_ms\":1000,"), 1);
	assert_int_equal(command_times("\"unattended_ms\":1500,"), 1);
	assert_int_equal(command_times("\"unattended_ms\":0,"), 2);
	/* Another window has no part in it. */
	query("-w s --json");
	expect_lines(0);
}

static void windows_without_rows_have_lines(void **state)
{
	(void)state;
	open_log();
	row(0, 1, 10);
	row(30, 2, 10);
	gap(0, 12000, 31000, SLUICE_GAP_UNATTENDED);
	gap(1, 12000, 13000, SLUICE_GAP_UNATTENDED);
	gap(2, 12000, 14000, SLUICE_GAP_UNATTENDED);
	gap(2, 13000, 15000, SLUICE_GAP_STATE_LOST);
	results_maker_close(&maker);
	query("-w w --json");
	expect_lines(4);
	expect("{\"window\":\"w\",\"start\":\"2026-01-01T00:00:10.000Z\","
	       "\"end\":\"2026-01-01T00:00:"
	       "20.000Z\",\"group\":null,\"group_id\":null,\"revision\":0,\"order\":0,"
	       "\"final\":false,"
	       "\"early\":false,\"retracted\":false,\"count\":0,\"completeness\":null,\"missing\":{"
	       "\"shed\":0,\"ring_full\":0,\"socket_dropped\":0,\"refused\":0,\"late\":0,"
	       "\"no_pane\":0,"
	       "\"upstream\":0,\"unattended_ms\":10000,\"estimated\":false},");
	assert_int_equal(command_times("\"merged\":0}"), 2);
	/* The window has rows, of another group. */
	query("-w w --json --where type=1");
	expect_lines(3);
	query("-w w --json --where count>0");
	expect_lines(2);
	query("-w w --json --since 2026-01-01T00:00:20Z --until 2026-01-01T00:00:30Z");
	expect_lines(1);
	query("-w w");
	expect("2026-01-01T00:00:20.000Z  2026-01-01T00:00:30.000Z  -         0         0  "
	       "partial  "
	       "       ?");
	query("-w s --json");
	expect_lines(2);
	expect("\"start\":\"2026-01-01T00:00:05.000Z\"");
	expect("\"start\":\"2026-01-01T00:00:10.000Z\"");
	query("-w v --json");
	expect_lines(1);
	expect("\"start\":\"2026-01-01T00:00:12.000Z\",\"end\":\"2026-01-01T00:00:15.000Z\","
	       "\"group\":"
	       "null");
	expect("\"unattended_ms\":3000,");
}

static void lines_are_bounded(void **state)
{
	(void)state;
	open_log();
	gap(0, 0, 200000000, SLUICE_GAP_UNATTENDED);
	results_maker_close(&maker);
	query("-w w --json");
	expect_lines(10000);
	assert_non_null(strstr(command_errors, "10001 more windows may have no row"));
}

static void late_records_are_missing_where_they_belong(void **state)
{
	struct sluice_rows session = { .start_ns = T0, .end_ns = T0 + 20 * S, .window = 2,
				       .aggregated = 3 };

	(void)state;
	open_log();
	row(0, 1, 10);
	row(10, 1, 10);
	put(&session, 0, 3);
	late(0, T0, T0 + 10 * S, 2);
	late(0, T0, T0 + 10 * S, 3);
	late(0, T0 + 30 * S, T0 + 40 * S, 7);
	late(1, T0 + 5 * S, T0 + 10 * S, 1);
	late(2, T0 + 2 * S, T0 + 7 * S, 1);
	late(2, T0 + 50 * S, T0 + 55 * S, 1);
	late(2, T0 + 53 * S, T0 + 58 * S, 1);
	results_maker_close(&maker);
	query("-w w --json");
	expect_lines(3);
	expect("\"completeness\":0.952380952380952,\"missing\":{\"shed\":0,\"ring_full\":0,"
	       "\"socket_dropped\":0,\"refused\":0,\"late\":5,");
	expect("\"completeness\":1.0,");
	expect("\"start\":\"2026-01-01T00:00:30.000Z\",\"end\":\"2026-01-01T00:00:40.000Z\","
	       "\"group\":"
	       "null");
	expect("\"late\":7,");
	query("-w w");
	expect(" 95.23 %");
	query("-w s --json");
	expect_lines(2);
	assert_int_equal(command_times("\"late\":1,"), 2);
	query("-w v --json");
	expect_lines(2);
	expect("\"count\":3,\"completeness\":0.75,");
	expect("\"start\":\"2026-01-01T00:00:50.000Z\",\"end\":\"2026-01-01T00:00:58.000Z\","
	       "\"group\":"
	       "null");
	expect("\"late\":2,");
	/* Nobody knows where: every row is in doubt. */
	open_log();
	late(0, INT64_MIN, INT64_MAX, 1);
	results_maker_close(&maker);
	query("-w w --json");
	assert_int_equal(command_times("\"completeness\":null,"), 3);
}

/* What the window's `where` would have left out is not missing from it. */
static void losses_are_scaled(void **state)
{
	struct sluice_rows rows = head(0);

	(void)state;
	open_log();
	rows.aggregated = 10;
	rows.selected = 1;
	rows.offered = 4;
	rows.missing = (struct sluice_missing){ .shed = 100, .upstream = 20, .no_pane = 10,
						.flags = SLUICE_MISSING_ESTIMATED };
	put(&rows, 1, 10); /* 10 of 10 + 120 / 4 + 10 */
	rows = head(10);
	rows.aggregated = UINT64_MAX;
	rows.selected = 1;
	rows.offered = UINT64_MAX;
	rows.missing.shed = 1;
	put(&rows, 1, 10);
	rows = head(20);
	rows.missing.flags = SLUICE_MISSING_UNCOUNTED;
	put(&rows, 1, 10);
	rows = head(30);
	rows.aggregated = 0;
	put(&rows, 1, 10);
	results_maker_close(&maker);
	query("-w w --json");
	expect("\"completeness\":0.2,\"missing\":{\"shed\":100,\"ring_full\":0,"
	       "\"socket_dropped\":0,"
	       "\"refused\":0,\"late\":0,\"no_pane\":10,\"upstream\":20,\"unattended_ms\":0,"
	       "\"estimated\":true}");
	expect("\"completeness\":0.999999999999999,");
	expect("\"completeness\":null,");
	expect("\"completeness\":1.0,");
	query("-w w");
	expect(" 99.99 %");
}

/* A loss that a later revision tells concerns the groups that did not change, too. */
static void the_newest_word_counts_for_all_groups(void **state)
{
	struct sluice_rows rows = head(0);

	(void)state;
	open_log();
	row(0, 1, 10);
	rows.revision = 1;
	rows.aggregated = 101;
	rows.missing.upstream = 101;
	put(&rows, 2, 1);
	results_maker_close(&maker);
	query("-w w --json");
	expect_lines(2);
	assert_int_equal(command_times("\"completeness\":0.5,"), 2);
	query("-w w --json --all-revisions");
	assert_int_equal(command_times("\"completeness\":0.5,"), 1);
}

static void identities_apart(void **state)
{
	struct sluice_rows rows = head(0);

	(void)state;
	open_log();
	row(0, 1, 10);
	rows.epoch = 2; /* of the window, not of the agent */
	rows.aggregated = 50;
	rows.missing.upstream = 50;
	put(&rows, 1, 5);
	results_maker_close(&maker);
	query("-w w --json");
	expect_lines(1);
	expect("\"count\":15,\"completeness\":0.75,");
	expect("\"epoch\":2,\"merged\":2}");
	query("-w w --json --by-agent");
	expect_lines(2);
	expect("\"count\":10,\"completeness\":1.0,");
	expect("\"count\":5,\"completeness\":0.5,");
	assert_int_equal(run_command(path, "query -w w --by-agent --all-revisions"), EX_USAGE);
	assert_int_equal(run_command(path, "query -w w --by-agent --late"), EX_USAGE);
}

static void definitions_are_not_added_up(void **state)
{
	struct window_spec other = windows[0];

	(void)state;
	open_log();
	row(0, 1, 10);
	row(10, 1, 10);
	results_maker_close(&maker);
	other.where.has_value_range = true;
	other.aggregate[1].kind = SLUICE_AGGREGATE_RECORDS;
	other.aggregate_count = 2;
	results_maker_open(&maker, path, &other, 1, SEGMENT_BYTES);
	maker.completes = true;
	row(0, 1, 5);
	row(20, 1, 7);
	results_maker_close(&maker);
	query("-w w --json");
	expect_lines(4);
	assert_int_equal(command_times(",\"merged\":1,\"unmerged\":true}"), 2);
	query("-w w");
	expect("COUNT  RECORDS  REVISION  STATE          COMPLETE  DEFINITION");
	assert_int_equal(command_times("  open UNMERGED  "), 2);
	query("-w w --format csv");
	expect("count,records,state");
	expect(",10,,open UNMERGED,1.0,");
	expect(",5,5,open UNMERGED,1.0,");
}

static void name(__u64 id, const char *text)
{
	assert_int_equal(results_log_write_name(maker.log, SLUICE_SPACE_TYPE, id, text), 0);
}

static void names_are_not_identities(void **state)
{
	(void)state;
	open_log();
	name(10, "same");
	name(11, "same");
	name(12, "=1+1");
	name(13, "7"); /* an older agent took it */
	name(14, "a\x1b[2J");
	for (__u64 type = 10; type < 15; type++)
		row(0, type, type);
	results_maker_close(&maker);
	query("-w w --json");
	expect("\"group\":{\"type\":\"same\"},\"group_id\":{\"type\":10}");
	expect("\"group\":{\"type\":\"same\"},\"group_id\":{\"type\":11}");
	expect("\"group\":{\"type\":\"13\"},\"group_id\":{\"type\":13}");
	expect("\"group\":{\"type\":\"14\"},\"group_id\":{\"type\":14}");
	query("-w w");
	expect("  same#10  ");
	expect("  same#11  ");
	expect("  =1+1     ");
	query("-w w --json --where type=same");
	expect_lines(2);
	query("-w w --json --where type=same#11");
	expect_lines(1);
	expect("\"type\":11}");
	query("-w w --format csv");
	expect(",'=1+1,12,");
	query("-w w --format csv --csv-safe off");
	expect(",=1+1,12,");
}

static void formats_and_headings(void **state)
{
	(void)state;
	open_log();
	results_maker_close(&maker);
	query("-w w --format csv");
	expect_lines(1);
	expect("window,start,end,type,type_id,revision,order,");
	query("-w w --late --format csv");
	expect_lines(1);
	expect("window,time,type,type_id,key,key_id,");
	query("-w w --json --format json");
	assert_int_equal(run_command(path, "query -w w --json --format csv"), EX_USAGE);
	assert_non_null(strstr(command_errors, "two formats are asked for"));
}

static void the_log_shows_and_checks_marks(void **state)
{
	(void)state;
	open_log();
	row(0, 1, 10);
	gap(0, 1000, 2000, SLUICE_GAP_STATE_LOST);
	late(0, T0, T0 + 10 * S, 2);
	end_epoch(1);
	results_maker_close(&maker);
	assert_int_equal(run_command(path, "log dump --json --rows"), 0);
	expect("{\"lsn\":3,\"kind\":\"complete\",\"window\":\"w\","
	       "\"start\":\"2026-01-01T00:00:00.000Z\","
	       "\"end\":\"2026-01-01T00:00:10.000Z\",\"flags\":[],\"epoch\":1,\"order\":4294967296,"
	       "\"first_lsn\":2,\"last_lsn\":2,\"rows\":1}");
	expect("\"kind\":\"gap\",\"window\":\"w\",\"from\":\"2026-01-01T00:00:01.000Z\",\"to\":"
	       "\"2026-01-01T00:00:02.000Z\",\"cause\":\"state_lost\",\"records\":0}");
	expect("\"kind\":\"late_count\",\"window\":\"w\",\"epoch\":1,\"panes\":1}\n"
	       "{\"kind\":\"late_pane\",\"start\":\"2026-01-01T00:00:00.000Z\",\"end\":"
	       "\"2026-01-01T00:00:10.000Z\",\"records\":2}\n");
	expect("\"kind\":\"epoch_end\",\"window\":\"w\",\"epoch\":1}");
	assert_int_equal(run_command(path, "log dump"), 0);
	expect(" gap window=\"w\" from=2026-01-01T00:00:01.000Z");
	assert_int_equal(run_command(path, "log verify"), 0);
	open_log();
	gap(7, 1000, 2000, SLUICE_GAP_STATE_LOST); /* of no window */
	results_maker_close(&maker);
	assert_int_equal(run_command(path, "log verify"), EX_IOERR);
}

/* A record that has a head alone: nothing is left of its window, and it says what is missing. */
static void lost_windows_have_lines(void **state)
{
	struct sluice_rows lost = head(20);

	(void)state;
	open_log();
	row(0, 1, 5);
	row(10, 1, 6);
	lost.aggregated = 0;
	lost.missing.ring_full = 70;
	results_maker_rows(&maker, &lost, 0, NULL, NULL);
	lost = head(10); /* another worker's view of one that has rows */
	lost.missing.ring_full = 3;
	results_maker_rows(&maker, &lost, 0, NULL, NULL);
	results_maker_close(&maker);
	assert_int_equal(run_command(path, "query --window w --json"), 0);
	assert_int_equal(command_times("\n"), 3);
	assert_int_equal(command_times("\"group\":null"), 1);
	assert_non_null(strstr(command_output, "20.000Z\",\"end\":\"2026-01-01T00:00:30.000Z\","
					       "\"group\":null"));
	assert_int_equal(command_times("\"completeness\":null"), 1);
	assert_int_equal(command_times("\"ring_full\":70"), 1);
}

/* Rows that were written before a loss was found miss it, those behind it say so themselves. */
static void losses_found_later_reach_rows_before(void **state)
{
	struct sluice_rows said = head(20);

	(void)state;
	said.missing.upstream = 50;
	open_log();
	row(0, 1, 5);
	row(10, 1, 6);
	loss(0, 9999, 10000, 100, SLUICE_MISSING_ESTIMATED); /* both windows */
	loss(0, 25000, 26000, 50, 0);
	loss(0, 41000, 42000, 7, 0); /* no row */
	loss(0, 51000, 52000, 8, 0);
	loss(0, 51000, 52000, -8, 0); /* turned up */
	put(&said, 1, 7);
	results_maker_close(&maker);
	query("-w w --json");
	expect_lines(4);
	assert_int_equal(command_times("\"completeness\":0.5,"), 2);
	assert_int_equal(command_times("\"upstream\":100"), 2);
	assert_int_equal(command_times("\"completeness\":0.666"), 1);
	assert_int_equal(command_times("\"upstream\":50"), 1);
	assert_int_equal(command_times("\"group\":null"), 1);
	expect("\"start\":\"2026-01-01T00:00:40.000Z\"");
	expect("\"upstream\":7");
	assert_int_equal(run_command(path, "log verify"), 0);
	assert_int_equal(run_command(path, "log dump --json"), 0);
	expect("\"cause\":\"upstream\",\"records\":-8,");
}

/* A loss of a later run concerns the rows of the one before, however it stands in the log. */
static void losses_of_another_epoch_reach_all_rows(void **state)
{
	struct sluice_rows older = head(0);

	(void)state;
	older.epoch = 7;
	open_log();
	loss(0, 1000, 2000, 100, 0);
	put(&older, 1, 5);
	loss(0, 11000, 12000, 0, SLUICE_MISSING_UNCOUNTED);
	loss(0, 81000, 82000, 9, SLUICE_LOSS_AHEAD); /* no row, and no line for that */
	older = head(10);
	older.epoch = 7;
	put(&older, 1, 6);
	results_maker_close(&maker);
	query("-w w --json");
	expect_lines(2);
	assert_int_equal(command_times("\"completeness\":0.5,"), 1);
	assert_int_equal(command_times("\"completeness\":null,"), 1);
}

/* Nobody knows which sessions there would have been: the time itself, unless a row has it. */
static void lost_sessions_have_lines(void **state)
{
	const struct sluice_rows held = { .window = 2,
					  .start_ns = T0,
					  .end_ns = T0 + 10 * S,
					  .aggregated = 10 };

	(void)state;
	open_log();
	put(&held, 0, 10);
	loss(2, 4000, 5000, 10, 0);
	loss(2, 30000, 31000, 3, 0);
	results_maker_close(&maker);
	query("-w v --json");
	expect_lines(2);
	assert_int_equal(command_times("\"group\":null"), 1);
	expect("\"start\":\"2026-01-01T00:00:30.000Z\"");
	assert_int_equal(command_times("\"upstream\":10"), 1);
	assert_int_equal(command_times("\"upstream\":3"), 1);
	open_log();
	gap(2, 60000, 70000, SLUICE_GAP_UNATTENDED); /* told first, and later than others */
	results_maker_close(&maker);
	query("-w v --json");
	expect_lines(3);
	expect("\"start\":\"2026-01-01T00:00:30.000Z\"");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, clean)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rows_without_complete_are_partial),
		TEST(what_was_done_again_is_not_there_twice),
		TEST(an_ended_epoch_keeps_whole_closed_rows),
		TEST(final_rows_overlap_gaps),
		TEST(windows_without_rows_have_lines),
		TEST(lost_windows_have_lines),
		TEST(losses_found_later_reach_rows_before),
		TEST(losses_of_another_epoch_reach_all_rows),
		TEST(lost_sessions_have_lines),
		TEST(lines_are_bounded),
		TEST(late_records_are_missing_where_they_belong),
		TEST(losses_are_scaled),
		TEST(the_newest_word_counts_for_all_groups),
		TEST(identities_apart),
		TEST(definitions_are_not_added_up),
		TEST(names_are_not_identities),
		TEST(formats_and_headings),
		TEST(the_log_shows_and_checks_marks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
