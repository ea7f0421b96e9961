/* SPDX-License-Identifier: BSD-2-Clause */
/* Walks segments in order and checks that each continues the one before. */
#include "edge/log_reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "edge/results_recovery.h"
#include "edge/store_manifest.h"

/* A batch may be written while it is read; then it is whole a moment later. */
#define REREADS 3

int log_reader_open(struct log_reader *reader, struct store *store)
{
	*reader = (struct log_reader){ .store = store, .cursor = SEGMENT_CURSOR_CLOSED };
	return results_recovery_list(store, false, &reader->entries, &reader->entry_count);
}

void log_reader_close(struct log_reader *reader)
{
	segment_close(&reader->cursor);
	free(reader->entries);
	reader->entries = NULL;
	reader->entry_count = 0;
}

static int explain(struct log_reader *reader, int error)
{
	const struct segment_cursor *cursor = &reader->cursor;
	struct text text;

	text_init(&text, reader->store->problem, sizeof(reader->store->problem));
	text_format(&text, "%s/%s/%s: ", reader->store->path, STORE_RESULTS, cursor->name);
	if (error == -EBADMSG)
		text_format(&text, "damaged at byte %" PRIu64 ", LSN %" PRIu64 ": %s",
			    (uint64_t)cursor->offset, (uint64_t)cursor->next_lsn,
			    segment_fault_text(cursor->fault));
	else if (error == -EPROTONOSUPPORT)
		text_add(&text, "written by a newer sluice; use that version");
	else
		text_format(&text, "cannot be read: %s", strerror(-error));
	return error;
}

static bool is_last(const struct log_reader *reader)
{
	return reader->next_entry == reader->entry_count;
}

/* Whether the segment follows the one before it; after a gap nothing is known. */
static bool is_following(const struct log_reader *reader)
{
	const struct segment_entry *entry = &reader->entries[reader->next_entry];

	return reader->has_expectation && reader->next_entry > 0 &&
	       entry[-1].number + 1 == entry->number;
}

/* 1: opened, 0: there is no more, -errno. */
static int open_next(struct log_reader *reader)
{
	while (!is_last(reader)) {
		const struct segment_entry *entry = &reader->entries[reader->next_entry];
		bool is_next = is_following(reader);
		char name[SEGMENT_NAME_MAX];
		int error;

		segment_format_name(name, entry->first_lsn);
		error = segment_open(&reader->cursor, reader->store->results_fd, name,
				     reader->store->manifest.store_id, SLUICE_LOG_RESULTS, false);
		reader->next_entry++;
		if (error == -ENOENT) {
			/* Removed by retention since it was listed. */
			reader->has_expectation = false;
			continue;
		}
		if (error)
			return explain(reader, error);
		if (is_next && (reader->cursor.header.first_lsn != reader->next_lsn ||
				reader->cursor.header.prev_chain != reader->chain)) {
			reader->cursor.fault = reader->cursor.header.first_lsn != reader->next_lsn
						       ? SEGMENT_FAULT_LSN
						       : SEGMENT_FAULT_CHAIN;
			reader->cursor.offset = 0;
			return explain(reader, -EBADMSG);
		}
		return 1;
	}
	return 0;
}

/* A bad batch in the last segment: 1 it became whole, 0 it is the tail, -errno. */
static int judge_tail(struct log_reader *reader, const struct sluice_batch **batch)
{
	struct segment_cursor *cursor = &reader->cursor;
	int behind, got = -EBADMSG;

	behind = segment_count_behind(cursor, 2);
	for (int i = 0; i < REREADS && got == -EBADMSG; i++) {
		cursor->buffer_bytes = 0;
		got = segment_next(cursor, batch);
	}
	if (got != -EBADMSG)
		return got;
	/* Two are in flight at most: what has two sound ones behind it was durable once. */
	if (behind >= 2 || cursor->next_lsn <= reader->store->manifest.results_durable_lsn)
		return explain(reader, -EBADMSG);
	reader->tail_fault = cursor->fault;
	return 0;
}

/* The end of a segment: only the last may end before what is known durable, and only as far as
 * that. */
static int judge_end(struct log_reader *reader)
{
	struct segment_cursor *cursor = &reader->cursor;

	reader->next_lsn = cursor->next_lsn;
	reader->chain = cursor->chain;
	reader->has_expectation = true;
	/* An agent may be appending behind the end of the last one. */
	if (reader->is_thorough && (!is_last(reader) || reader->store->manifest.is_stopped)) {
		int got = segment_is_rest_zero(cursor);

		if (got != 1)
			return explain(reader, got < 0 ? got : -EBADMSG);
	}
	if (!is_last(reader) || cursor->next_lsn > reader->store->manifest.results_durable_lsn ||
	    store_manifest_gap(&reader->store->manifest, cursor->header.number + 1))
		return 0;
	cursor->fault = SEGMENT_FAULT_MAGIC;
	return explain(reader, -EBADMSG);
}

void log_reader_skip(struct log_reader *reader)
{
	segment_close(&reader->cursor);
	reader->has_expectation = false;
}

int log_reader_next(struct log_reader *reader, const struct sluice_batch **batch)
{
	for (;;) {
		int got;

		if (reader->cursor.fd < 0) {
			got = open_next(reader);
			if (got <= 0)
				return got;
		}
		got = segment_next(&reader->cursor, batch);
		if (got == -EBADMSG && is_last(reader))
			got = judge_tail(reader, batch);
		else if (got < 0)
			got = explain(reader, got);
		if (got == 0)
			got = judge_end(reader);
		if (got != 0)
			return got;
		segment_close(&reader->cursor);
		if (is_last(reader))
			return 0;
	}
}
