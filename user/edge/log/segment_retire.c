/* SPDX-License-Identifier: BSD-2-Clause */
/* Retention: which segments are to go, and that they really go. All of it runs on the keeper's
 * thread, the only one that changes the list. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "edge/log/segment.h"
#include "edge/log/segment_keeper_state.h"

/* Why the segment at `place` is to go, when all together have `bytes`; NULL: it is not. Its newest
 * batch is older than the next segment. */
static const char *why_retired(const struct segment_keeper *keeper, size_t place, __u64 bytes)
{
	__u64 age_max_ns = (__u64)keeper->options.age_max_ns;
	__u64 newest_ns = keeper->entries[place + 1].created_wall_ns;

	if (keeper->entries[place].number < keeper->results_first)
		return "removed before";
	if (age_max_ns && keeper->now_wall_ns > newest_ns &&
	    keeper->now_wall_ns - newest_ns > age_max_ns)
		return "age";
	return bytes > keeper->options.bytes_max ? "size" : NULL;
}

size_t segment_keeper_count_old(const struct segment_keeper *keeper)
{
	__u64 bytes = keeper->stats.bytes + keeper->options.segment_bytes;
	size_t count = 0;

	while (count + 1 < keeper->entry_count && why_retired(keeper, count, bytes))
		bytes -= keeper->entries[count++].bytes;
	return count;
}

static int note_retired(struct segment_keeper *keeper, __u64 first, __u64 durable_lsn)
{
	struct store_manifest manifest;
	int error;

	store_read_manifest(keeper->options.store, &manifest);
	manifest.results_first = first;
	manifest.results_durable_lsn = durable_lsn;
	error = store_update(keeper->options.store, &manifest);
	if (space_watch_is_space(error) && keeper->prepared_fd >= 0) {
		/* The prepared segment is also the reserve that lets a full disk be relieved. */
		segment_keeper_drop_prepared(keeper);
		error = store_update(keeper->options.store, &manifest);
	}
	return error;
}

/* Takes the entry out of the list: its file is gone. */
static void forget(struct segment_keeper *keeper, size_t place, bool is_removed)
{
	pthread_mutex_lock(&keeper->mutex);
	keeper->stats.bytes -= keeper->entries[place].bytes;
	keeper->stats.removed += is_removed;
	keeper->entry_count--;
	keeper->stats.segments = keeper->entry_count;
	memmove(keeper->entries + place, keeper->entries + place + 1,
		(keeper->entry_count - place) * sizeof(*keeper->entries));
	pthread_mutex_unlock(&keeper->mutex);
}

/* Those that somebody else has taken away, into quarantine perhaps: their bytes do not count. */
static void forget_vanished(struct segment_keeper *keeper)
{
	for (size_t i = 0; i + 1 < keeper->entry_count;) {
		char name[SEGMENT_NAME_MAX];

		segment_format_name(name, keeper->entries[i].first_lsn);
		if (faccessat(keeper->options.store->results_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) <
			    0 &&
		    errno == ENOENT)
			forget(keeper, i, false);
		else
			i++;
	}
}

/* 0 when the file of the oldest entry at `place` is gone. */
static int remove_file(struct segment_keeper *keeper, size_t place, const char *why)
{
	const struct segment_entry entry = keeper->entries[place];
	char name[SEGMENT_NAME_MAX];

	segment_format_name(name, entry.first_lsn);
	if (unlinkat(keeper->options.store->results_fd, name, 0) < 0 && errno != ENOENT)
		return -errno;
	log_line(LOG_LEVEL_INFO, "results", "removed an old segment",
		 log_unsigned("segment", entry.number), log_text("file", name),
		 log_text("reason", why), log_unsigned("bytes", entry.bytes));
	forget(keeper, place, true);
	return 0;
}

/* Removes `count` of the oldest. One that cannot be removed is left for the next time. */
static int remove_files(struct segment_keeper *keeper, size_t count)
{
	__u64 bytes = keeper->stats.bytes + keeper->options.segment_bytes;
	int directory_fd = keeper->options.store->results_fd, first_error = 0;
	size_t place = 0;

	/* Only this thread changes the entries. */
	for (; count > 0; count--) {
		__u64 entry_bytes = keeper->entries[place].bytes;
		const char *why;
		int error;

		pthread_mutex_lock(&keeper->mutex);
		why = why_retired(keeper, place, bytes);
		pthread_mutex_unlock(&keeper->mutex);
		error = remove_file(keeper, place, why ? why : "size");
		bytes -= entry_bytes;
		place += error != 0;
		first_error = first_error ? first_error : error;
	}
	if (fsync(directory_fd) < 0 && !first_error)
		first_error = -errno;
	return first_error;
}

/* The manifest says that they are gone before they are. */
static int retire(struct segment_keeper *keeper)
{
	__u64 first, durable_lsn;
	size_t count;
	int error;

	forget_vanished(keeper);
	pthread_mutex_lock(&keeper->mutex);
	count = segment_keeper_count_old(keeper);
	first = keeper->entries[count].number;
	durable_lsn = keeper->durable_lsn;
	pthread_mutex_unlock(&keeper->mutex);
	if (count == 0)
		return 0;
	if (first > keeper->results_first) {
		error = note_retired(keeper, first, durable_lsn);
		if (error)
			return error;
	}
	error = remove_files(keeper, count);
	pthread_mutex_lock(&keeper->mutex);
	keeper->results_first = first > keeper->results_first ? first : keeper->results_first;
	pthread_mutex_unlock(&keeper->mutex);
	return error;
}

/* Each error is told once, and its end. */
static void tell_removal(const struct segment_keeper *keeper, int before, int error)
{
	const char *path = keeper->options.store->path;

	if (error && error != before)
		log_line(LOG_LEVEL_ERROR, "results",
			 "old segments cannot be removed: the disk fills beyond "
			 "results_log.max_bytes; see the permissions below path",
			 log_error(error), log_text("path", path));
	else if (!error && before)
		log_line(LOG_LEVEL_INFO, "results", "old segments can be removed again",
			 log_text("path", path));
}

int segment_keeper_remove_old(struct segment_keeper *keeper)
{
	int error = keeper->entry_count ? retire(keeper) : 0;

	tell_removal(keeper, keeper->stats.removal_error, error);
	return error;
}
