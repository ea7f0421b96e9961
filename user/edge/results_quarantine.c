/* SPDX-License-Identifier: BSD-2-Clause */
/* Judges every segment for itself and by its neighbours, notes gaps, moves files. */
#include "edge/results_quarantine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "edge/results_recovery.h"
#include "edge/store_manifest.h"

#define DIRECTORY_MODE 0750

struct verdict {
	__u64 number;
	__u64 end_lsn; /* behind its last sound record */
	__u64 lsn_max; /* no record in it can have a larger one */
	enum segment_fault fault;
	bool is_damaged;
};

static int fail_with(struct store *store, int error, const char *what)
{
	struct text text;

	text_init(&text, store->problem, sizeof(store->problem));
	text_format(&text, "%s below %s: %s", what, store->path, strerror(-error));
	return error;
}

/* A record takes eight bytes at least. */
static __u64 bound_lsn(__u64 first_lsn, __u64 bytes)
{
	return first_lsn + bytes / sizeof(struct sluice_disk_record);
}

/* One segment by itself. `number` is what it should be when its header cannot be read. */
static int judge(struct store *store, const struct segment_entry *entry, bool is_last, __u64 number,
		 struct verdict *verdict)
{
	struct segment_cursor cursor = SEGMENT_CURSOR_CLOSED;
	const struct sluice_batch *batch;
	char name[SEGMENT_NAME_MAX];
	int got;

	segment_format_name(name, entry->first_lsn);
	got = segment_open(&cursor, store->results_fd, name, store->manifest.store_id,
			   SLUICE_LOG_RESULTS, true);
	*verdict = (struct verdict){ .number = number,
				     .fault = cursor.fault,
				     .is_damaged = true,
				     .lsn_max = bound_lsn(entry->first_lsn, cursor.file_bytes) };
	if (got)
		return got == -EBADMSG ? 0 : got;
	verdict->number = cursor.header.number;
	while ((got = segment_next(&cursor, &batch)) == 1)
		;
	verdict->end_lsn = cursor.next_lsn;
	verdict->fault = cursor.fault;
	verdict->is_damaged = got < 0;
	/* A torn tail of the last one is for recovery to cut. */
	if (got == -EBADMSG && is_last && cursor.next_lsn > store->manifest.results_durable_lsn)
		verdict->is_damaged = segment_count_behind(&cursor, 2) >= 2;
	else if (got == 0 && !is_last && segment_is_rest_zero(&cursor) == 0) {
		verdict->is_damaged = true;
		verdict->fault = cursor.fault;
	}
	segment_close(&cursor);
	return got == -EBADMSG || got > 0 ? 0 : got;
}

/* Gaps stay sorted, apart, and few. */
static int add_gap(struct store_manifest *manifest, __u64 first, __u64 last)
{
	for (__u32 i = 0; i < manifest->gap_count; i++) {
		struct store_gap *gap = &manifest->gap[i];

		if (first >= gap->first && last <= gap->last)
			return 0;
		if (first == gap->last + 1) {
			gap->last = last;
			return 0;
		}
	}
	if (manifest->gap_count == STORE_GAPS_MAX)
		return -E2BIG;
	manifest->gap[manifest->gap_count++] = (struct store_gap){ first, last };
	return 0;
}

/* Numbers that no file has. */
static int note_missing(struct store_manifest *manifest, __u64 first, __u64 behind,
			const struct results_quarantine *quarantine)
{
	int count = 0;

	for (__u64 number = first; number < behind; number++) {
		if (store_manifest_gap(manifest, number))
			continue;
		if (add_gap(manifest, number, number))
			return -E2BIG;
		quarantine->report(quarantine->context, number, NULL, "it is missing");
		count++;
	}
	return count;
}

static int make_quarantine(struct store *store)
{
	int fd;

	if (mkdirat(store->directory_fd, STORE_QUARANTINE, DIRECTORY_MODE) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(store->directory_fd, STORE_QUARANTINE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int move_damaged(struct store *store, const struct segment_entry *entries,
			const struct verdict *verdicts, size_t count)
{
	int to = make_quarantine(store), error = to < 0 ? to : 0;

	for (size_t i = 0; i < count && !error; i++) {
		char name[SEGMENT_NAME_MAX];

		segment_format_name(name, entries[i].first_lsn);
		if (verdicts[i].is_damaged && renameat(store->results_fd, name, to, name) < 0)
			error = -errno;
	}
	if (!error && (fsync(to) < 0 || fsync(store->results_fd) < 0))
		error = -errno;
	if (to >= 0)
		close(to);
	return error;
}

static int judge_all(struct store *store, const struct segment_entry *entries,
		     struct verdict *verdicts, size_t count)
{
	__u64 number = store->manifest.results_first;

	for (size_t i = 0; i < count; i++) {
		int error = judge(store, &entries[i], i + 1 == count, number, &verdicts[i]);

		if (error)
			return error;
		number = verdicts[i].number + 1;
	}
	/* A sound segment that does not reach its successor has lost its end. */
	for (size_t i = 0; i + 1 < count; i++) {
		if (verdicts[i + 1].number == verdicts[i].number + 1 && !verdicts[i].is_damaged &&
		    verdicts[i].end_lsn != entries[i + 1].first_lsn) {
			verdicts[i].is_damaged = true;
			verdicts[i].fault = SEGMENT_FAULT_LSN;
		}
	}
	return 0;
}

/* What the manifest will say. Returns the number of segments given up. */
static int plan(struct store *store, const struct segment_entry *entries,
		const struct verdict *verdicts, size_t count, struct store_manifest *manifest,
		const struct results_quarantine *quarantine)
{
	__u64 expected = manifest->results_first, end_lsn = 0;
	int given_up = 0;

	for (size_t i = 0; i < count; i++) {
		char name[SEGMENT_NAME_MAX];
		int missing = note_missing(manifest, expected, verdicts[i].number, quarantine);

		if (missing < 0)
			return missing;
		given_up += missing;
		expected = verdicts[i].number + 1;
		end_lsn = verdicts[i].end_lsn;
		if (!verdicts[i].is_damaged)
			continue;
		segment_format_name(name, entries[i].first_lsn);
		if (add_gap(manifest, verdicts[i].number, verdicts[i].number))
			return -E2BIG;
		quarantine->report(quarantine->context, verdicts[i].number, name,
				   segment_fault_text(verdicts[i].fault));
		given_up++;
		/* LSNs that may have been seen are never given again. */
		if (i + 1 == count && verdicts[i].lsn_max > manifest->results_durable_lsn)
			manifest->results_durable_lsn = verdicts[i].lsn_max;
		if (i + 1 == count)
			return given_up;
	}
	/* Sound to the last, but more was durable: what came behind is gone. */
	if (end_lsn <= store->manifest.results_durable_lsn &&
	    store->manifest.results_durable_lsn > 0) {
		int missing = note_missing(manifest, expected, expected + 1, quarantine);

		return missing < 0 ? missing : given_up + missing;
	}
	return given_up;
}

static int run(struct store *store, struct segment_entry *entries, size_t count,
	       const struct results_quarantine *quarantine)
{
	struct verdict *verdicts = calloc(count + 1, sizeof(*verdicts));
	struct store_manifest manifest;
	int given_up = 0, error;

	if (!verdicts)
		return fail_with(store, -ENOMEM, "judging segments");
	error = judge_all(store, entries, verdicts, count);
	if (error)
		fail_with(store, error, "a segment cannot be read");
	store_read_manifest(store, &manifest);
	if (!error)
		given_up = plan(store, entries, verdicts, count, &manifest, quarantine);
	if (given_up < 0)
		error = fail_with(store, given_up,
				  "there are too many gaps; move the whole state directory "
				  "away instead of what is");
	if (!error && given_up > 0) {
		manifest.is_stopped = false;
		error = store_update(store, &manifest);
		if (!error)
			error = move_damaged(store, entries, verdicts, count);
		if (error)
			fail_with(store, error, "segments cannot be moved to " STORE_QUARANTINE);
	}
	free(verdicts);
	return error ? error : given_up;
}

int results_quarantine_run(struct store *store, const struct results_quarantine *quarantine)
{
	struct segment_entry *entries = NULL;
	size_t count = 0;
	int result = results_recovery_list_names(store, &entries, &count);

	if (!result)
		result = run(store, entries, count, quarantine);
	free(entries);
	return result;
}
