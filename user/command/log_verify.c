/* SPDX-License-Identifier: BSD-2-Clause */
/* sluice log verify: every checksum, chain, LSN and record of what is on disk, and a judgement. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/fold.h"
#include "command/log_actions.h"
#include "command/log_damage.h"
#include "command/log_records.h"
#include "core/record/late_record.h"
#include "core/record/rows.h"
#include "rows/names.h"

/* What verify has seen, and what it needs to look into records. */
struct verify {
	struct log_reader *reader;
	struct schema *schema;
	struct names *names;
	bool has_schema;
	bool is_json;
	__u64 batches, records, rows;
	__u64 first_lsn, last_lsn;
};

static int check_rows(struct verify *verify, const struct sluice_disk_record *record)
{
	struct rows_cursor cursor;
	struct row_view row;
	int got = rows_open(&cursor, verify->schema, record);

	while (!got && (got = rows_next(&cursor, &row)) == 1) {
		verify->rows++;
		got = 0;
	}
	return got;
}

static int check_record(struct verify *verify, const struct sluice_disk_record *record)
{
	const struct log_record_kind *kind = log_record_kind(record->kind);
	struct late_cursor late;
	int error;

	if (kind)
		return log_record_check(kind, verify->has_schema ? verify->schema : NULL, record);

	switch (record->kind) {
	case SLUICE_DISK_SCHEMA:
		error = schema_read(verify->schema, record);
		verify->has_schema = error == 0;
		return error;
	case SLUICE_DISK_NAMES:
		return names_add(verify->names, record);
	case SLUICE_DISK_LATE:
		return verify->has_schema
			       ? late_record_open(&late, verify->schema->head.window_count, record)
			       : -EBADMSG;
	case SLUICE_DISK_ROWS:
	case SLUICE_DISK_CLOSE:
		return verify->has_schema ? check_rows(verify, record) : -EBADMSG;
	default:
		return 0; /* of a later version, which this one may ignore */
	}
}

static void check_batch(struct verify *verify, const struct sluice_batch *batch)
{
	const struct sluice_disk_record *record = NULL;

	if (!verify->first_lsn)
		verify->first_lsn = batch->first_lsn;
	verify->last_lsn = batch->first_lsn + batch->record_count - 1;
	verify->batches++;
	verify->records += batch->record_count;
	for (__u64 lsn = batch->first_lsn; (record = segment_next_record(batch, record)); lsn++) {
		if (check_record(verify, record))
			log_reader_note_record(verify->reader, record, lsn);
	}
}

static const char *kind_name(enum log_damage_kind kind)
{
	if (kind == LOG_DAMAGE_LOST)
		return "lost";
	return kind == LOG_DAMAGE_GIVEN_UP ? "given_up" : "stray";
}

static void print_damage(const struct verify *verify, const struct log_damage *damage)
{
	char what[LOG_DAMAGE_BYTES], line[2 * LOG_DAMAGE_BYTES];
	struct text text;

	text_init(&text, what, sizeof(what));
	log_damage_describe(damage, &text);
	text_init(&text, line, sizeof(line));
	if (verify->is_json) {
		text_add_quoted(&text, what);
		printf("{\"log\":\"results\",\"damage\":%s,\"kind\":\"%s\",\"first_lsn\":%" PRIu64
		       ",\"last_lsn\":%" PRIu64 "}\n",
		       line, kind_name(damage->kind), (uint64_t)damage->first_lsn,
		       (uint64_t)damage->last_lsn);
		return;
	}
	text_format(&text, "%-8s ", damage->kind == LOG_DAMAGE_GIVEN_UP ? "GIVEN UP" : "DAMAGED");
	text_add_printable(&text, what);
	fold_print(stdout, line, 9);
}

static void print_json(const struct verify *verify, __u64 damaged)
{
	printf("{\"log\":\"results\",\"segments\":%zu,\"batches\":%" PRIu64 ",\"records\":%" PRIu64
	       ",\"rows\":%" PRIu64 ",\"first_lsn\":%" PRIu64 ",\"last_lsn\":%" PRIu64
	       ",\"torn_tail\":%s,\"damaged\":%" PRIu64 "}\n",
	       verify->reader->files.count, (uint64_t)verify->batches, (uint64_t)verify->records,
	       (uint64_t)verify->rows, (uint64_t)verify->first_lsn, (uint64_t)verify->last_lsn,
	       verify->reader->tail_fault ? "true" : "false", (uint64_t)damaged);
}

static void print_text(const struct verify *verify, __u64 damaged)
{
	const struct log_reader *reader = verify->reader;
	char line[2 * STORE_PROBLEM_MAX];
	struct text text;

	snprintf(line, sizeof(line),
		 "results  %zu segments, %" PRIu64 " batches, %" PRIu64 " records, %" PRIu64
		 " rows, LSN %" PRIu64 " to %" PRIu64,
		 reader->files.count, (uint64_t)verify->batches, (uint64_t)verify->records,
		 (uint64_t)verify->rows, (uint64_t)verify->first_lsn, (uint64_t)verify->last_lsn);
	fold_print(stdout, line, 9);
	if (reader->tail_fault) {
		snprintf(line, sizeof(line),
			 "results  ends in a batch that is not whole (%s): it is being written, or "
			 "a crash tore it and the next start cuts it",
			 segment_fault_text(reader->tail_fault));
		fold_print(stdout, line, 9);
	}
	if (reader->store->is_guessed) {
		text_init(&text, line, sizeof(line));
		text_add(&text, "results  ");
		text_add_printable(&text, reader->store->problem);
		fold_print(stdout, line, 9);
	}
	if (damaged == 0)
		printf("results  nothing is wrong\n");
}

static int run(struct verify *verify)
{
	const struct sluice_batch *batch;
	__u64 damaged = 0;
	int got;

	while ((got = log_reader_next(verify->reader, &batch)) == 1)
		check_batch(verify, batch);
	if (got)
		return got;
	for (size_t i = 0; i < verify->reader->damage_count; i++) {
		damaged += verify->reader->damages[i].kind != LOG_DAMAGE_GIVEN_UP;
		print_damage(verify, &verify->reader->damages[i]);
	}
	if (verify->is_json)
		print_json(verify, damaged);
	else
		print_text(verify, damaged);
	return damaged ? EX_IOERR : EX_OK;
}

int log_action_verify(const struct command_line *line, struct log_reader *reader)
{
	struct verify verify = { .reader = reader, .is_json = command_option_given(line, "json") };
	int code;

	reader->is_thorough = true;
	verify.schema = calloc(1, sizeof(*verify.schema));
	code = verify.schema ? names_open(&verify.names) : -ENOMEM;
	if (!code)
		code = run(&verify);
	names_close(verify.names);
	free(verify.schema);
	return code < 0 ? command_error(EX_OSERR, NULL, "%s", strerror(-code)) : code;
}
