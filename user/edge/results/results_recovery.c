/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists segments, checks that none is missing, walks the last one past the page cache, cuts its
 * tail. */
#include "edge/results/results_recovery.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/log.h"
#include "core/name/dictionary.h"
#include "edge/log/segment.h"
#include "edge/log/segment_file.h"
#include "edge/store/store_manifest.h"

#define ADVICE                                                                                  \
	"see what is sound with `sluice log verify --state %s`, then put the damaged segments " \
	"aside with `sluice log quarantine --state %s`"

__attribute__((format(printf, 3, 4))) static int fail_with(struct store *store, int error,
							   const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(store->problem, sizeof(store->problem), format, arguments);
	va_end(arguments);
	return error;
}

static int compare_entries(const void *left, const void *right)
{
	const struct segment_entry *a = left, *b = right;

	return a->first_lsn < b->first_lsn ? -1 : a->first_lsn > b->first_lsn;
}

static int add_name(struct segment_entry **entries, size_t *count, __u64 first_lsn)
{
	/* Grows at every power of two. */
	if ((*count & (*count - 1)) == 0) {
		size_t room = *count ? *count * 2 : 1;
		struct segment_entry *grown = realloc(*entries, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		*entries = grown;
	}
	(*entries)[(*count)++] = (struct segment_entry){ .first_lsn = first_lsn };
	return 0;
}

static int explain_list(struct store *store, int error)
{
	return fail_with(store, error, "%s/%s cannot be listed: %s", store->path, STORE_RESULTS,
			 strerror(-error));
}

int results_recovery_list_names(struct store *store, struct segment_entry **entries, size_t *count)
{
	int fd = openat(store->results_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *file;
	int error = 0;

	if (!directory) {
		error = -errno;
		if (fd >= 0)
			close(fd);
		return explain_list(store, error);
	}
	errno = 0;
	while (!error && (file = readdir(directory))) {
		__u64 first_lsn;

		if (segment_parse_name(file->d_name, &first_lsn))
			error = add_name(entries, count, first_lsn);
	}
	if (!error && errno)
		error = -errno;
	closedir(directory);
	if (*count)
		qsort(*entries, *count, sizeof(**entries), compare_entries);
	return error ? explain_list(store, error) : 0;
}

static int explain_segment(struct store *store, const struct segment_cursor *cursor, int error)
{
	if (error == -EPROTONOSUPPORT)
		return fail_with(store, error,
				 "%s/%s/%s was written by a newer sluice; use that version, "
				 "or give this one a state_dir of its own",
				 store->path, STORE_RESULTS, cursor->name);
	if (error == -EBADMSG)
		return fail_with(store, error, "%s/%s/%s is damaged (%s); " ADVICE, store->path,
				 STORE_RESULTS, cursor->name, segment_fault_text(cursor->fault),
				 store->path, store->path);
	return fail_with(store, error, "%s/%s/%s cannot be read: %s", store->path, STORE_RESULTS,
			 cursor->name, strerror(-error));
}

/* What retention had given up and was killed before it removed. 1: it cannot be removed now. */
static int remove_stale(struct store *store, const struct segment_entry *entry, const char *name)
{
	if (unlinkat(store->results_fd, name, 0) < 0)
		return errno != ENOENT;
	log_line(LOG_LEVEL_INFO, "results", "removed an old segment",
		 log_unsigned("segment", entry->number), log_text("file", name),
		 log_text("reason", "removed before"), log_unsigned("bytes", entry->bytes));
	return 0;
}

/* Fills in an entry from the segment's header. 1, 0 when it is gone, -errno. */
static int read_entry(struct store *store, const struct store_manifest *manifest,
		      struct segment_entry *entry)
{
	struct segment_cursor cursor = SEGMENT_CURSOR_CLOSED;
	char name[SEGMENT_NAME_MAX];
	int error;

	segment_format_name(name, entry->first_lsn);
	error = segment_open(&cursor, store->results_fd, name, manifest->store_id,
			     SLUICE_LOG_RESULTS, true);
	if (error == -ENOENT)
		return 0;
	if (error)
		return explain_segment(store, &cursor, error);
	entry->number = cursor.header.number;
	entry->bytes = cursor.header.segment_bytes;
	entry->created_wall_ns = cursor.header.created_wall_ns;
	segment_close(&cursor);
	return entry->number < manifest->results_first ? remove_stale(store, entry, name) : 1;
}

static int check_numbers(struct store *store, const struct store_manifest *manifest,
			 const struct segment_entry *entries, size_t count)
{
	__u64 expected = manifest->results_first;

	for (size_t i = 0; i < count; i++) {
		__u64 number = entries[i].number;

		if (number < manifest->results_first)
			continue;
		/* One that is in a gap, but still there, was to be moved. */
		if (number < expected ||
		    (number > expected && store_manifest_skip_gaps(manifest, expected) < number))
			return fail_with(store, -EBADMSG,
					 "%s/%s: segment number %" PRIu64 " is missing; " ADVICE,
					 store->path, STORE_RESULTS, (uint64_t)expected,
					 store->path, store->path);
		expected = number + 1;
	}
	return 0;
}

static int list_segments(struct store *store, struct segment_entry **entries, size_t *entry_count)
{
	struct segment_entry *list = NULL;
	struct store_manifest manifest;
	size_t count = 0, kept = 0;
	int error;

	store_read_manifest(store, &manifest);
	error = results_recovery_list_names(store, &list, &count);
	for (size_t i = 0; i < count && !error; i++) {
		int got = read_entry(store, &manifest, &list[i]);

		if (got == 1)
			list[kept++] = list[i];
		else if (got < 0)
			error = got;
	}
	if (!error)
		error = check_numbers(store, &manifest, list, kept);
	if (error) {
		free(list);
		return error;
	}
	*entries = list;
	*entry_count = kept;
	return 0;
}

static void remember(struct results_memory *memory, const struct sluice_batch *batch)
{
	const struct sluice_disk_record *record = NULL;

	while ((record = segment_next_record(batch, record)))
		results_memory_take(memory, record);
}

/* Walks to the end of what is sound; decides whether what follows is a torn tail or damage. */
static int find_end(struct store *store, struct segment_cursor *cursor, __u64 durable_lsn,
		    struct results_memory *memory)
{
	const struct sluice_batch *batch;
	int behind, got;

	while ((got = segment_next(cursor, &batch)) == 1)
		remember(memory, batch);
	if (got < 0 && got != -EBADMSG)
		return explain_segment(store, cursor, got);
	behind = segment_count_behind(cursor, 2);
	if (behind < 0)
		return explain_segment(store, cursor, behind);
	/* Two batches are in flight at most, so the second one behind proves that this one was
	 * durable. */
	if (cursor->next_lsn - 1 < durable_lsn || behind >= 2)
		return fail_with(store, -EBADMSG,
				 "%s/%s/%s is damaged at byte %" PRIu64 " (%s): records from "
				 "LSN %" PRIu64 " on were durable; " ADVICE,
				 store->path, STORE_RESULTS, cursor->name, (uint64_t)cursor->offset,
				 segment_fault_text(got < 0 ? cursor->fault : SEGMENT_FAULT_HOLE),
				 (uint64_t)cursor->next_lsn, store->path, store->path);
	return got < 0 ? 1 : 0;
}

static int recover_last(struct store *store, const struct store_manifest *manifest,
			struct results_recovery *found)
{
	struct segment_cursor cursor = SEGMENT_CURSOR_CLOSED;
	char name[SEGMENT_NAME_MAX];
	int torn, error;

	segment_format_name(name, found->entries[found->entry_count - 1].first_lsn);
	error = segment_open(&cursor, store->results_fd, name, manifest->store_id,
			     SLUICE_LOG_RESULTS, true);
	if (error)
		return explain_segment(store, &cursor, error);
	torn = find_end(store, &cursor, manifest->results_durable_lsn, &found->memory);
	segment_close(&cursor);
	if (torn < 0)
		return torn;
	found->fd = openat(store->results_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	error = found->fd < 0
			? -errno
			: segment_file_zero(found->fd, cursor.offset, cursor.header.segment_bytes);
	if (error)
		return fail_with(store, error, "%s/%s/%s cannot be prepared for appending: %s",
				 store->path, STORE_RESULTS, name, strerror(-error));
	found->segment_bytes = cursor.header.segment_bytes;
	found->offset = cursor.offset;
	found->next_lsn = cursor.next_lsn;
	found->next_number = cursor.header.number + 1;
	found->chain = cursor.chain;
	if (torn) {
		found->cut_offset = cursor.offset;
		snprintf(found->cut_segment, sizeof(found->cut_segment), "%s", name);
	}
	return 0;
}

/* A new segment is to come: the store is new, or what came last is in quarantine. */
static int recover_none(struct store *store, const struct store_manifest *manifest, __u64 number,
			__u64 after_gap, struct results_recovery *found)
{
	if (manifest->results_durable_lsn > 0 && number == after_gap)
		return fail_with(store, -EBADMSG,
				 "%s/%s: segment number %" PRIu64 " is missing; " ADVICE,
				 store->path, STORE_RESULTS, (uint64_t)number, store->path,
				 store->path);
	found->next_number = after_gap;
	found->next_lsn = manifest->results_durable_lsn + 1;
	return 0;
}

static int recover(struct store *store, const struct store_manifest *manifest,
		   struct results_recovery *found)
{
	__u64 number = manifest->results_first, after_gap;
	bool has_last = found->entry_count &&
			found->entries[found->entry_count - 1].number >= number;

	if (has_last)
		number = found->entries[found->entry_count - 1].number + 1;
	after_gap = store_manifest_skip_gaps(manifest, number);
	if (has_last && after_gap == number)
		return recover_last(store, manifest, found);
	return recover_none(store, manifest, number, after_gap, found);
}

int results_recovery_run(struct store *store, struct results_recovery *found)
{
	struct results_recovery made = { .fd = -1 };
	struct store_manifest manifest;
	int error;

	store_read_manifest(store, &manifest);
	if (unlinkat(store->results_fd, SEGMENT_FILE_NEXT, 0) < 0 && errno != ENOENT)
		return fail_with(store, -errno, "%s/%s/%s cannot be removed: %s", store->path,
				 STORE_RESULTS, SEGMENT_FILE_NEXT, strerror(errno));
	error = results_memory_open(&made.memory);
	if (!error)
		error = list_segments(store, &made.entries, &made.entry_count);
	if (!error)
		error = recover(store, &manifest, &made);
	if (error) {
		if (made.fd >= 0)
			close(made.fd);
		free(made.entries);
		results_memory_close(&made.memory);
		return error;
	}
	*found = made;
	return 0;
}
