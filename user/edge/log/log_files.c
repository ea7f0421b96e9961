/* SPDX-License-Identifier: BSD-2-Clause */
/* Opens all, looks whether the manifest said the same before and after, and else begins again: so a
 * segment that retention removes meanwhile is never taken for a missing one. */
#include "edge/log/log_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "edge/results/results_recovery.h"
#include "edge/store/store_manifest.h"

#define ATTEMPTS_MAX 8
#define HOLE_ATTEMPTS_MAX 3 /* what is missing for so long is missing */

void log_files_close(struct log_files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		if (files->file[i].fd >= 0)
			close(files->file[i].fd);
	}
	free(files->file);
	*files = (struct log_files){ 0 };
}

struct log_file *log_files_next_sound(const struct log_files *files, size_t place)
{
	for (; place < files->count; place++) {
		if (files->file[place].error == 0)
			return &files->file[place];
	}
	return NULL;
}

/* As many as the administrator allows. False: that is what we have. */
static bool allow_more_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= limit.rlim_max)
		return false;
	limit.rlim_cur = limit.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

/* Gives back a descriptor that another file needs more now. It is opened again by name later. */
static bool give_one_back(struct log_files *files)
{
	for (size_t i = files->count; i-- > 0;) {
		if (files->file[i].fd < 0)
			continue;
		close(files->file[i].fd);
		files->file[i].fd = -1;
		return true;
	}
	return false;
}

static int open_header(struct log_files *files, struct store *store, struct segment_cursor *cursor,
		       const char *name)
{
	int error;

	do
		error = segment_open(cursor, store->results_fd, name, files->manifest.store_id,
				     SLUICE_LOG_RESULTS, false);
	while (error == -EMFILE && (allow_more_files() || give_one_back(files)));
	return error;
}

/* 1 when it is one to keep, 0 when it is gone or retired, -errno. */
static int open_one(struct log_files *files, struct store *store, struct log_file *file)
{
	struct segment_cursor cursor = SEGMENT_CURSOR_CLOSED;

	segment_format_name(file->name, file->first_lsn);
	file->fd = -1;
	file->error = open_header(files, store, &cursor, file->name);
	file->fault = cursor.fault;
	if (file->error)
		return file->error == -ENOENT ? 0 : file->error == -ENOMEM ? -ENOMEM : 1;
	file->number = cursor.header.number;
	file->bytes = cursor.header.segment_bytes;
	file->created_wall_ns = cursor.header.created_wall_ns;
	file->prev_chain = cursor.header.prev_chain;
	file->fd = segment_detach(&cursor);
	if (file->number >= files->manifest.results_first) {
		if (store_manifest_gap(&files->manifest, file->number)) {
			file->error = -EBADMSG;
			file->fault = SEGMENT_FAULT_GIVEN_UP;
		}
		return 1;
	}
	close(file->fd);
	return 0;
}

/* Whether another one, further on, has a number between these two. */
static bool is_overtaken(const struct log_files *files, size_t place, __u64 after, __u64 before)
{
	const struct log_file *file;

	while ((file = log_files_next_sound(files, ++place))) {
		place = (size_t)(file - files->file);
		if (file->number > after && file->number < before)
			return true;
	}
	return false;
}

/* Numbers rise with the names; what does not fit in is not of this log. Says whether one that
 * should be there is not. */
static bool judge_numbers(struct log_files *files)
{
	__u64 expected = files->manifest.results_first;
	bool has_hole = false;

	for (size_t i = 0; i < files->count; i++) {
		struct log_file *file = &files->file[i];

		if (file->error) {
			has_hole = true;
			continue;
		}
		expected = store_manifest_skip_gaps(&files->manifest, expected);
		if (file->number < expected ||
		    (file->number > expected &&
		     is_overtaken(files, i, expected - 1, file->number))) {
			file->error = -EBADMSG;
			file->fault = SEGMENT_FAULT_NUMBER;
			has_hole = true;
			continue;
		}
		has_hole |= file->number > expected;
		expected = file->number + 1;
	}
	return has_hole;
}

static bool is_same(const struct store_manifest *a, const struct store_manifest *b)
{
	return a->results_first == b->results_first && a->gap_count == b->gap_count &&
	       memcmp(a->gap, b->gap, a->gap_count * sizeof(*a->gap)) == 0;
}

/* One attempt. 1: nothing changed meanwhile, 0: something did, -errno. */
static int list(struct log_files *files, struct store *store, int attempt)
{
	struct segment_entry *entries = NULL;
	struct store_manifest after;
	bool has_vanished = false;
	size_t count = 0;
	int got;

	store_refresh(store);
	store_read_manifest(store, &files->manifest);
	got = results_recovery_list_names(store, &entries, &count);
	if (!got && !(files->file = calloc(count + 1, sizeof(*files->file))))
		got = -ENOMEM;
	for (size_t i = 0; i < count && got >= 0; i++) {
		files->file[files->count].first_lsn = entries[i].first_lsn;
		got = open_one(files, store, &files->file[files->count]);
		has_vanished |= got == 0 && files->file[files->count].error == -ENOENT;
		files->count += got == 1;
	}
	free(entries);
	if (got < 0)
		return got;
	store_refresh(store);
	store_read_manifest(store, &after);
	if (judge_numbers(files) && attempt < HOLE_ATTEMPTS_MAX)
		return 0;
	return !has_vanished && is_same(&after, &files->manifest);
}

int log_files_open(struct log_files *files, struct store *store)
{
	int got = 0;

	for (int i = 1; i <= ATTEMPTS_MAX && got == 0; i++) {
		log_files_close(files);
		got = list(files, store, i);
	}
	if (got < 0)
		log_files_close(files);
	return got < 0 ? got : 0;
}
