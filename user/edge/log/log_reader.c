/* SPDX-License-Identifier: BSD-2-Clause */
/* Walks the sound segments in order, checks that each continues the one before, and notes what lies
 * between that does not. */
#include "edge/log/log_reader.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "edge/store/store_manifest.h"

/* A batch may be written while it is read; then it is whole a moment later. */
#define REREADS 3

/* A new damage: what is lost begins where the last batch ended. */
static struct log_damage *note(struct log_reader *reader, enum log_damage_kind kind,
			       const char *file, const char *why)
{
	size_t place = reader->damage_count;
	struct log_damage *damage;

	if (place == LOG_DAMAGES_MAX)
		place--;
	reader->lost_count += kind == LOG_DAMAGE_LOST;
	if (kind != LOG_DAMAGE_STRAY && !reader->is_pending)
		reader->pending = place;
	if (kind != LOG_DAMAGE_STRAY)
		reader->is_pending = reader->is_doubtful = true;
	damage = &reader->damages[place];
	if (reader->damage_count == LOG_DAMAGES_MAX)
		return damage;
	reader->damage_count++;
	*damage = (struct log_damage){ .kind = kind, .error = -EBADMSG, .why = why };
	snprintf(damage->file, sizeof(damage->file), "%s", file);
	if (kind != LOG_DAMAGE_STRAY) {
		damage->first_lsn = reader->next_lsn;
		damage->from_wall_ns = reader->last_wall_ns;
	}
	return damage;
}

/* What was lost since the last batch ends before this LSN and time. */
static void end_pending(struct log_reader *reader, __u64 lsn, __u64 wall_ns)
{
	for (size_t i = reader->pending; reader->is_pending && i < reader->damage_count; i++) {
		struct log_damage *damage = &reader->damages[i];

		if (damage->kind == LOG_DAMAGE_STRAY)
			continue;
		damage->last_lsn = lsn - 1;
		damage->to_wall_ns = wall_ns;
	}
	reader->is_pending = false;
}

static void note_at(struct log_reader *reader, enum log_damage_kind kind, __u64 offset,
		    enum segment_fault fault)
{
	struct log_damage *damage =
		note(reader, kind, reader->cursor.name, segment_fault_text(fault));

	if (damage->number)
		return; /* it stands for more than it can say */
	damage->number = damage->last_number = reader->number;
	damage->offset = offset;
}

static void note_here(struct log_reader *reader, enum log_damage_kind kind)
{
	note_at(reader, kind, reader->cursor.offset, reader->cursor.fault);
}

static void note_numbers(struct log_reader *reader, enum log_damage_kind kind, __u64 first,
			 __u64 last)
{
	struct log_damage *damage =
		note(reader, kind, "", segment_fault_text(SEGMENT_FAULT_MISSING));

	if (damage->number == 0)
		damage->number = first;
	damage->last_number = last;
}

/* Behind the segment read last. */
static size_t next_place(const struct log_reader *reader)
{
	return reader->number ? reader->place + 1 : 0;
}

static struct log_file *next_file(const struct log_reader *reader)
{
	return log_files_next_sound(&reader->files, next_place(reader));
}

static const char *file_why(const struct log_file *file)
{
	return file->error == -EBADMSG || file->error == -EPROTONOSUPPORT
		       ? segment_fault_text(file->fault)
		       : strerror(-file->error);
}

/* Files that are not sound between the last segment and `end`. Each stands for a number that is
 * missing there; when none is, it is only in the way. Returns the next number. */
static __u64 note_files(struct log_reader *reader, size_t end, __u64 number, __u64 before)
{
	for (size_t i = next_place(reader); i < end; i++) {
		const struct log_file *file = &reader->files.file[i];
		struct log_damage *damage;

		number = store_manifest_skip_gaps(&reader->files.manifest, number);
		/* A name of records that were read already proves nothing missing, either. */
		if (number >= before || file->first_lsn < reader->next_lsn ||
		    file->fault == SEGMENT_FAULT_GIVEN_UP) {
			damage = note(reader, LOG_DAMAGE_STRAY, file->name, file_why(file));
		} else {
			damage = note(reader, LOG_DAMAGE_LOST, file->name, file_why(file));
			damage->number = damage->last_number = number++;
		}
		damage->error = file->error;
	}
	return number;
}

/* Numbers that no file has, of [number, before). */
static void note_missing(struct log_reader *reader, __u64 number, __u64 before)
{
	const struct store_manifest *manifest = &reader->files.manifest;

	while ((number = store_manifest_skip_gaps(manifest, number)) < before) {
		__u64 first = number;

		while (number < before && !store_manifest_gap(manifest, number))
			number++;
		note_numbers(reader, LOG_DAMAGE_LOST, first, number - 1);
	}
}

/* All that lies between the last segment and the one with number `before` at `end`. */
static void note_between(struct log_reader *reader, size_t end, __u64 before)
{
	const struct store_manifest *manifest = &reader->files.manifest;
	__u64 first = reader->number ? reader->number + 1 : manifest->results_first;
	__u64 number = note_files(reader, end, first, before);

	/* How many there were behind the last one, nobody knows. */
	if (before != UINT64_MAX)
		note_missing(reader, number, before);
	for (__u32 i = 0; i < manifest->gap_count; i++) {
		const struct store_gap *gap = &manifest->gap[i];

		if (gap->first >= first && gap->last < before)
			note_numbers(reader, LOG_DAMAGE_GIVEN_UP, gap->first, gap->last);
	}
}

/* The segment just opened must go on where the one before ended; what that one lacks was noted at
 * its end. */
static void check_continuity(struct log_reader *reader)
{
	struct segment_cursor *cursor = &reader->cursor;
	__u64 first_lsn = cursor->header.first_lsn;

	if (first_lsn > reader->next_lsn ||
	    (first_lsn == reader->next_lsn && cursor->header.prev_chain == reader->chain))
		return;
	cursor->fault = first_lsn < reader->next_lsn ? SEGMENT_FAULT_LSN : SEGMENT_FAULT_CHAIN;
	note_here(reader, LOG_DAMAGE_LOST);
	cursor->fault = SEGMENT_FAULT_NONE;
}

static int open_file(struct log_reader *reader, struct log_file *file)
{
	const __u8 *store_id = reader->files.manifest.store_id;
	int fd = file->fd;

	file->fd = -1;
	return fd < 0 ? segment_open(&reader->cursor, reader->store->results_fd, file->name,
				     store_id, SLUICE_LOG_RESULTS, false)
		      : segment_open_file(&reader->cursor, fd, file->name, store_id,
					  SLUICE_LOG_RESULTS);
}

/* 1: opened, 0: there is no more, -ENOMEM. */
static int open_next(struct log_reader *reader)
{
	struct log_file *file;

	while ((file = next_file(reader))) {
		size_t place = (size_t)(file - reader->files.file);
		bool is_following = reader->number && file->number == reader->number + 1;
		int error;

		note_between(reader, place, file->number);
		error = open_file(reader, file);
		if (error == -ENOMEM)
			return error;
		reader->place = place;
		reader->number = file->number;
		if (error) {
			/* Sound a moment ago, but there was no descriptor left to keep it. */
			note_here(reader, LOG_DAMAGE_LOST);
			continue;
		}
		if (is_following)
			check_continuity(reader);
		reader->next_lsn = file->first_lsn;
		if (reader->last_wall_ns < file->created_wall_ns)
			reader->last_wall_ns = file->created_wall_ns;
		return 1;
	}
	return 0;
}

/* Behind the last sound segment. */
static void end_log(struct log_reader *reader)
{
	const struct store_manifest *manifest = &reader->files.manifest;
	__u64 end_lsn = reader->next_lsn;

	if (reader->is_ended)
		return;
	reader->is_ended = true;
	note_between(reader, reader->files.count, UINT64_MAX);
	/* Nothing was read, and nothing explains why. */
	if (reader->number == 0 && reader->damage_count == 0 && manifest->results_durable_lsn > 0)
		note_numbers(reader, LOG_DAMAGE_LOST, manifest->results_first,
			     manifest->results_first);
	if (end_lsn <= manifest->results_durable_lsn)
		end_lsn = manifest->results_durable_lsn + 1;
	if (reader->is_pending && end_lsn > reader->damages[reader->pending].first_lsn)
		end_pending(reader, end_lsn, 0);
}

/* Says what is lost here and goes on behind it: 2, or 0 when nothing sound is behind. The last
 * segment is sound as far as it goes when only zeros follow: then what was durable besides stood in
 * one that is not here. */
static int pass_by(struct log_reader *reader, int got, bool is_last)
{
	struct segment_cursor *cursor = &reader->cursor;
	enum segment_fault fault = got < 0 ? cursor->fault : SEGMENT_FAULT_HOLE;
	__u64 offset = cursor->offset;
	int is_found = segment_resume(cursor);

	if (got == 0 && !is_found && is_last)
		note_numbers(reader, LOG_DAMAGE_LOST, reader->number + 1, reader->number + 1);
	else
		note_at(reader, LOG_DAMAGE_LOST, offset, fault);
	return is_found ? 2 : 0;
}

/* After the last record of a segment. */
static void check_rest(struct log_reader *reader, int got, bool may_grow)
{
	if (got == 0 && (!reader->is_thorough || may_grow))
		return;
	if (got == 0)
		got = segment_is_rest_zero(&reader->cursor) == 1 ? 0 : -EBADMSG;
	if (got < 0)
		note_here(reader, LOG_DAMAGE_STRAY);
}

/* Whether a file behind this one claims LSNs that were not read yet. */
static bool has_more(const struct log_reader *reader)
{
	for (size_t i = reader->place + 1; i < reader->files.count; i++) {
		if (reader->files.file[i].first_lsn >= reader->cursor.next_lsn)
			return true;
	}
	return false;
}

/* Where no other segment follows, a log may end in a batch that is not whole. 1 when it became
 * whole, 2 to go on, 0 at the end. */
static int judge_tail(struct log_reader *reader, int got, const struct sluice_batch **batch)
{
	const struct store_manifest *manifest = &reader->files.manifest;
	struct segment_cursor *cursor = &reader->cursor;
	bool is_last = !has_more(reader) && !store_manifest_gap(manifest, reader->number + 1);
	int behind = segment_count_behind(cursor, 2);
	/* Two are in flight at most: what has two sound ones behind it was durable once. */
	bool is_lost = behind < 0 || behind >= 2 ||
		       (is_last && cursor->next_lsn <= manifest->results_durable_lsn);

	for (int i = 0; i < REREADS && (got < 0 || is_lost); i++) {
		segment_reread(cursor);
		got = segment_next(cursor, batch);
		if (got == 1)
			return 1;
	}
	if (is_lost)
		return pass_by(reader, got, is_last);
	if (is_last)
		reader->tail_fault = got < 0 ? cursor->fault : SEGMENT_FAULT_NONE;
	if (got == 0)
		check_rest(reader, got, is_last && !manifest->is_stopped);
	return 0;
}

/* Where segment_next gave no batch: as judge_tail. */
static int judge_stop(struct log_reader *reader, int got, const struct sluice_batch **batch)
{
	const struct log_file *next = next_file(reader);

	if (!next || next->number != reader->number + 1)
		return judge_tail(reader, got, batch);
	if (reader->cursor.next_lsn < next->first_lsn)
		return pass_by(reader, got, false);
	check_rest(reader, got, false);
	return 0;
}

/* Whether the batch means what the schema read last says; then it is given out. */
static bool take(struct log_reader *reader, const struct sluice_batch *batch)
{
	reader->next_lsn = reader->cursor.next_lsn;
	if (segment_next_record(batch, NULL)->kind == SLUICE_DISK_SCHEMA) {
		reader->has_schema = true;
		reader->agent_epoch = batch->agent_epoch;
		reader->config_epoch = batch->config_epoch;
		reader->is_doubtful = false;
	}
	if (reader->is_doubtful &&
	    (!reader->has_schema || reader->agent_epoch != batch->agent_epoch ||
	     reader->config_epoch != batch->config_epoch))
		return false;
	reader->is_doubtful = false;
	end_pending(reader, batch->first_lsn, batch->arrival_wall_ns);
	reader->last_wall_ns = batch->arrival_wall_ns;
	return true;
}

int log_reader_open(struct log_reader *reader, struct store *store)
{
	int error;

	*reader = (struct log_reader){ .store = store, .cursor = SEGMENT_CURSOR_CLOSED };
	error = log_files_open(&reader->files, store);
	if (error)
		return error;
	reader->damages = calloc(LOG_DAMAGES_MAX, sizeof(*reader->damages));
	if (!reader->damages)
		return -ENOMEM;
	if (store->is_guessed)
		note(reader, LOG_DAMAGE_LOST, STORE_MANIFEST, "it is missing or damaged");
	reader->is_pending = reader->is_doubtful = false;
	return 0;
}

void log_reader_close(struct log_reader *reader)
{
	segment_close(&reader->cursor);
	log_files_close(&reader->files);
	free(reader->damages);
	reader->damages = NULL;
	reader->damage_count = 0;
}

int log_reader_next(struct log_reader *reader, const struct sluice_batch **batch)
{
	for (;;) {
		int got = reader->cursor.fd < 0 ? open_next(reader) : 1;

		if (got == 0)
			end_log(reader);
		if (got <= 0)
			return got;
		got = segment_next(&reader->cursor, batch);
		if (got != 1)
			got = judge_stop(reader, got, batch);
		if (got == 1 && take(reader, *batch))
			return 1;
		if (got == 0) {
			reader->next_lsn = reader->cursor.next_lsn;
			reader->chain = reader->cursor.chain;
			segment_close(&reader->cursor);
		}
	}
}

void log_reader_note_record(struct log_reader *reader, const struct sluice_disk_record *record,
			    __u64 lsn)
{
	struct log_damage *damage = note(reader, LOG_DAMAGE_LOST, reader->cursor.name,
					 segment_fault_text(SEGMENT_FAULT_RECORD));
	bool is_schema = record->kind == SLUICE_DISK_SCHEMA;

	/* Without its schema nothing is known of what follows; else only this record is lost. */
	reader->has_schema &= !is_schema;
	reader->is_pending = reader->is_doubtful = is_schema;
	if (damage->number)
		return;
	damage->number = damage->last_number = reader->number;
	damage->first_lsn = damage->last_lsn = lsn;
	damage->to_wall_ns = damage->from_wall_ns;
}
