/* SPDX-License-Identifier: BSD-2-Clause */
/* sluice log: what is on disk, as segments (ls), as a judgement (verify), as records (dump). Reads
 * files only, except for quarantine, which is in log_quarantine.c. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "base/time_format.h"
#include "base/units.h"
#include "command/commands.h"
#include "command/log_actions.h"
#include "command/store_option.h"
#include "core/late_record.h"
#include "edge/log_reader.h"

/* What ls tells of a segment. */
struct listing {
	const struct segment_entry *entry;
	__u64 last_lsn; /* first_lsn − 1: it is empty */
	__u64 used_bytes;
	__u64 until_wall_ns; /* newest batch; 0: none */
	bool is_active;
};

/* The last segment is walked; the others end where the next one begins. */
static int look_at(struct store *store, struct listing *listing)
{
	struct segment_cursor cursor = SEGMENT_CURSOR_CLOSED;
	const struct sluice_batch *batch;
	char name[SEGMENT_NAME_MAX];
	int got;

	segment_format_name(name, listing->entry->first_lsn);
	got = segment_open(&cursor, store->results_fd, name, store->manifest.store_id,
			   SLUICE_LOG_RESULTS, false);
	if (got)
		return got;
	while (segment_next(&cursor, &batch) == 1)
		listing->until_wall_ns = batch->arrival_wall_ns;
	listing->last_lsn = cursor.next_lsn - 1;
	listing->used_bytes = cursor.offset;
	segment_close(&cursor);
	return 0;
}

static void print_listing(const struct listing *listing, bool is_json)
{
	char created[TIME_FORMAT_BYTES], until[TIME_FORMAT_BYTES] = "-", name[SEGMENT_NAME_MAX];
	char size[UNITS_BYTES_MAX], used[UNITS_BYTES_MAX];
	const struct segment_entry *entry = listing->entry;

	segment_format_name(name, entry->first_lsn);
	time_format(created, (__s64)entry->created_wall_ns);
	if (listing->until_wall_ns)
		time_format(until, (__s64)listing->until_wall_ns);
	if (is_json)
		printf("{\"log\":\"results\",\"number\":%" PRIu64
		       ",\"file\":\"%s\",\"first_lsn\":%" PRIu64 ",\"last_lsn\":%" PRIu64
		       ",\"bytes\":%" PRIu64 ",\"used_bytes\":%" PRIu64
		       ",\"created\":\"%s\",\"newest\":%s%s%s,\"state\":\"%s\"}\n",
		       (uint64_t)entry->number, name, (uint64_t)entry->first_lsn,
		       (uint64_t)listing->last_lsn, (uint64_t)entry->bytes,
		       (uint64_t)listing->used_bytes, created, listing->until_wall_ns ? "\"" : "",
		       listing->until_wall_ns ? until : "null", listing->until_wall_ns ? "\"" : "",
		       listing->is_active ? "active" : "sealed");
	else
		printf("%6" PRIu64 "  %s  %12" PRIu64 "  %12" PRIu64 "  %9s  %9s  %s  %s  %s\n",
		       (uint64_t)entry->number, name, (uint64_t)entry->first_lsn,
		       (uint64_t)listing->last_lsn,
		       units_format_size_about(used, listing->used_bytes),
		       units_format_size_about(size, entry->bytes), created, until,
		       listing->is_active ? "active" : "sealed");
}

int log_action_ls(const struct command_line *line, struct store *store)
{
	bool is_json = command_option_given(line, "json");
	struct segment_entry *entries;
	size_t count;
	int error = results_recovery_list(store, false, &entries, &count);

	if (error)
		return command_error(EX_IOERR, NULL, "%s", store->problem);
	if (!is_json)
		printf("NUMBER  %-24s  %12s  %12s  %9s  %9s  %-24s  %-24s  STATE\n", "FILE",
		       "FIRST LSN", "LAST LSN", "USED", "SIZE", "CREATED", "NEWEST BATCH");
	for (size_t i = 0; i < count && !error; i++) {
		struct listing listing = { .entry = &entries[i], .is_active = i + 1 == count };

		error = look_at(store, &listing);
		if (error == -ENOENT)
			error = 0; /* removed by retention since */
		else if (!error)
			print_listing(&listing, is_json);
	}
	free(entries);
	return error ? command_error(EX_IOERR, "see `sluice log verify`",
				     "a segment cannot be read: %s", strerror(-error))
		     : EX_OK;
}

/* What verify has seen. */
struct totals {
	__u64 segments, batches, records, rows, damaged;
	__u64 first_lsn, last_lsn;
};

static int check_record(struct schema *schema, bool *has_schema,
			const struct sluice_disk_record *record, struct names *names,
			__u64 *row_count)
{
	struct rows_cursor cursor;
	struct late_cursor late;
	struct row_view row;
	int got;

	if (record->kind == SLUICE_DISK_SCHEMA) {
		*has_schema = true;
		return schema_read(schema, record);
	}
	if (record->kind == SLUICE_DISK_NAMES)
		return names_add(names, record);
	if (record->kind == SLUICE_DISK_LATE)
		return *has_schema ? late_record_open(&late, schema->head.window_count, record)
				   : -EBADMSG;
	got = *has_schema ? rows_open(&cursor, schema, record) : -EBADMSG;
	while (!got && (got = rows_next(&cursor, &row)) == 1) {
		++*row_count;
		got = 0;
	}
	return got;
}

static void report(struct totals *totals, bool is_json, const char *what)
{
	char buffer[2 * STORE_PROBLEM_MAX];
	struct text text;

	totals->damaged++;
	text_init(&text, buffer, sizeof(buffer));
	text_add_quoted(&text, what);
	if (is_json)
		printf("{\"log\":\"results\",\"damage\":%s}\n", buffer);
	else
		printf("DAMAGED  %s\n", what);
}

static void count_batch(struct totals *totals, const struct sluice_batch *batch)
{
	if (!totals->first_lsn)
		totals->first_lsn = batch->first_lsn;
	totals->last_lsn = batch->first_lsn + batch->record_count - 1;
	totals->batches++;
	totals->records += batch->record_count;
}

static void check_batch(struct log_reader *reader, struct schema *schema, bool *has_schema,
			struct names *names, const struct sluice_batch *batch,
			struct totals *totals, bool is_json)
{
	const struct sluice_disk_record *record = NULL;
	char text[256];
	__u64 lsn = batch->first_lsn;

	count_batch(totals, batch);
	for (; (record = segment_next_record(batch, record)); lsn++) {
		if (check_record(schema, has_schema, record, names, &totals->rows) == 0)
			continue;
		snprintf(text, sizeof(text), "%s/%s: LSN %" PRIu64 ": the record makes no sense",
			 STORE_RESULTS, reader->cursor.name, (uint64_t)lsn);
		report(totals, is_json, text);
	}
}

static void print_totals(const struct log_reader *reader, const struct totals *totals, bool is_json)
{
	const char *tail = reader->tail_fault ? segment_fault_text(reader->tail_fault) : "";

	if (is_json) {
		printf("{\"log\":\"results\",\"segments\":%" PRIu64 ",\"batches\":%" PRIu64
		       ",\"records\":%" PRIu64 ",\"rows\":%" PRIu64 ",\"first_lsn\":%" PRIu64
		       ",\"last_lsn\":%" PRIu64 ",\"torn_tail\":%s,\"damaged\":%" PRIu64 "}\n",
		       (uint64_t)totals->segments, (uint64_t)totals->batches,
		       (uint64_t)totals->records, (uint64_t)totals->rows,
		       (uint64_t)totals->first_lsn, (uint64_t)totals->last_lsn,
		       reader->tail_fault ? "true" : "false", (uint64_t)totals->damaged);
		return;
	}
	printf("results  %" PRIu64 " segments, %" PRIu64 " batches, %" PRIu64 " records, %" PRIu64
	       " rows, LSN %" PRIu64 " to %" PRIu64 "\n",
	       (uint64_t)totals->segments, (uint64_t)totals->batches, (uint64_t)totals->records,
	       (uint64_t)totals->rows, (uint64_t)totals->first_lsn, (uint64_t)totals->last_lsn);
	if (reader->tail_fault)
		printf("results  ends in a batch that is not whole (%s): it is being written, or "
		       "a crash tore "
		       "it and the next start cuts it\n",
		       tail);
	if (totals->damaged == 0)
		printf("results  nothing is wrong\n");
}

static int verify(struct log_reader *reader, bool is_json)
{
	struct schema *schema = calloc(1, sizeof(*schema));
	struct totals totals = { .segments = reader->entry_count };
	const struct sluice_batch *batch;
	struct names *names = NULL;
	bool has_schema = false;
	int got = schema ? names_open(&names) : -ENOMEM;

	if (got) {
		free(schema);
		return command_error(EX_OSERR, NULL, "%s", strerror(-got));
	}
	while ((got = log_reader_next(reader, &batch)) != 0) {
		if (got == 1) {
			check_batch(reader, schema, &has_schema, names, batch, &totals, is_json);
		} else {
			report(&totals, is_json, reader->store->problem);
			log_reader_skip(reader);
		}
	}
	print_totals(reader, &totals, is_json);
	names_close(names);
	free(schema);
	return totals.damaged ? EX_IOERR : EX_OK;
}

int log_action_verify(const struct command_line *line, struct store *store)
{
	struct log_reader reader;
	int code, error = log_reader_open(&reader, store);

	if (error)
		return command_error(EX_IOERR, NULL, "%s", store->problem);
	reader.is_thorough = true;
	code = verify(&reader, command_option_given(line, "json"));
	log_reader_close(&reader);
	return code;
}

static const struct {
	const char *name;
	int (*run)(const struct command_line *line, struct store *store);
} actions[] = {
	{ "ls", log_action_ls },
	{ "verify", log_action_verify },
	{ "dump", log_action_dump },
};

static int run(const struct command_line *line)
{
	const char *name = command_argument(line, 0);
	struct store store = STORE_CLOSED;
	int code;

	if (strcmp(name, "quarantine") == 0)
		return log_action_quarantine(line);
	for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++) {
		if (strcmp(actions[i].name, name) != 0)
			continue;
		code = store_option_open(line, &store);
		if (!code)
			code = actions[i].run(line, &store);
		store_close(&store);
		if (!code && (fflush(stdout) != 0 || ferror(stdout)))
			code = command_error(EX_IOERR, NULL, "the output cannot be written");
		return code;
	}
	return command_error(EX_USAGE, "use ls, verify, dump or quarantine",
			     "sluice log: unknown action %s", name);
}

static const struct command_option options[] = {
	{ .name = "from", .value = "LSN", .fallback = "0", .help = "dump: records from LSN on" },
	{ .name = "rows", .help = "dump: each row of a record, too" },
	{ 0 },
};

const struct command command_log = {
	.name = "log",
	.summary = "Shows and checks the logs on disk.",
	.arguments = "ls|verify|dump|quarantine",
	.argument_min = 1,
	.argument_max = 1,
	.common = COMMAND_STATE | COMMAND_CONFIG | COMMAND_JSON,
	.options = options,
	.details =
		"ls          segments with their LSNs, sizes and times\n"
		"verify      every checksum, chain, LSN and record; exit code 74 when something "
		"is damaged\n"
		"dump        every record, one a line\n"
		"quarantine  moves damaged segments aside so that the agent starts; not while it "
		"runs\n",
	.examples = "sluice log ls\n"
		    "sluice log verify --state /var/lib/sluice\n"
		    "sluice log dump --from 1000 --rows --json\n",
	.run = run,
};
