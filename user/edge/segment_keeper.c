/* SPDX-License-Identifier: BSD-2-Clause */
/* One thread, one mutex that is never held across I/O, and three kinds of work in this order: start
 * what is asked for, prepare the next one, retire the oldest. */
#include "edge/segment_keeper.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "edge/segment.h"
#include "edge/segment_file.h"

struct segment_keeper {
	struct segment_keeper_options options;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wakeup;
	/* Under the mutex: */
	bool has_thread;
	bool is_stopping;
	bool want_prepare;
	bool want_start;
	bool want_retire;
	struct sluice_segment header; /* of the segment to start */
	int started_fd; /* waiting to be taken, or -1 */
	int start_error; /* final */
	__u64 now_wall_ns;
	__u64 durable_lsn;
	struct segment_entry *entries;
	size_t entry_count;
	struct segment_keeper_stats stats;
	/* The thread's alone: */
	int prepared_fd;
};

static bool is_space_error(int error)
{
	return error == -ENOSPC || error == -EDQUOT;
}

static int prepare(struct segment_keeper *keeper)
{
	int fd = segment_file_prepare(keeper->options.store->results_fd,
				      keeper->options.segment_bytes);

	if (fd < 0)
		return fd;
	keeper->prepared_fd = fd;
	return 0;
}

static void drop_prepared(struct segment_keeper *keeper)
{
	if (keeper->prepared_fd >= 0)
		segment_file_drop(keeper->options.store->results_fd, keeper->prepared_fd);
	keeper->prepared_fd = -1;
}

static int add_entry(struct segment_keeper *keeper, const struct sluice_segment *header)
{
	size_t count = keeper->entry_count + 1;
	struct segment_entry *entries = realloc(keeper->entries, count * sizeof(*entries));

	if (!entries)
		return -ENOMEM;
	entries[count - 1] = (struct segment_entry){
		.number = header->number,
		.first_lsn = header->first_lsn,
		.bytes = header->segment_bytes,
		.created_wall_ns = header->created_wall_ns,
	};
	keeper->entries = entries;
	keeper->entry_count = count;
	keeper->stats.segments = count;
	keeper->stats.bytes += header->segment_bytes;
	return 0;
}

static int start(struct segment_keeper *keeper, struct sluice_segment *header)
{
	int error = keeper->prepared_fd < 0 ? prepare(keeper) : 0;

	if (error)
		return error;
	header->segment_bytes = keeper->options.segment_bytes;
	return segment_file_start(keeper->options.store->results_fd, keeper->prepared_fd, header);
}

/* How many of the oldest are to go: by size (a prepared one counts), by age of their newest batch
 * (which is older than the next segment), never the last one. Under the mutex. */
static size_t count_retired(const struct segment_keeper *keeper)
{
	__u64 bytes = keeper->stats.bytes + keeper->options.segment_bytes;
	__u64 age_max_ns = (__u64)keeper->options.age_max_ns;
	size_t count = 0;

	while (count + 1 < keeper->entry_count) {
		__u64 newest_ns = keeper->entries[count + 1].created_wall_ns;
		bool is_old = age_max_ns && keeper->now_wall_ns > newest_ns &&
			      keeper->now_wall_ns - newest_ns > age_max_ns;

		if (!is_old && bytes <= keeper->options.bytes_max)
			break;
		bytes -= keeper->entries[count].bytes;
		count++;
	}
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
	if (is_space_error(error) && keeper->prepared_fd >= 0) {
		/* The prepared segment is also the reserve that lets a full disk be relieved. */
		drop_prepared(keeper);
		error = store_update(keeper->options.store, &manifest);
	}
	return error;
}

/* The manifest says that they are gone before they are. */
static int retire(struct segment_keeper *keeper)
{
	int directory_fd = keeper->options.store->results_fd;
	__u64 first, durable_lsn, removed_bytes = 0;
	size_t count;
	int error;

	pthread_mutex_lock(&keeper->mutex);
	count = count_retired(keeper);
	first = count ? keeper->entries[count].number : 0;
	durable_lsn = keeper->durable_lsn;
	pthread_mutex_unlock(&keeper->mutex);
	if (count == 0)
		return 0;
	error = note_retired(keeper, first, durable_lsn);
	if (error)
		return error;
	/* Only this thread changes the entries. */
	for (size_t i = 0; i < count; i++) {
		char name[SEGMENT_NAME_MAX];

		segment_format_name(name, keeper->entries[i].first_lsn);
		if (unlinkat(directory_fd, name, 0) < 0 && errno != ENOENT)
			error = -errno;
		removed_bytes += keeper->entries[i].bytes;
	}
	if (fsync(directory_fd) < 0 && !error)
		error = -errno;
	pthread_mutex_lock(&keeper->mutex);
	keeper->entry_count -= count;
	memmove(keeper->entries, keeper->entries + count,
		keeper->entry_count * sizeof(*keeper->entries));
	keeper->stats.segments = keeper->entry_count;
	keeper->stats.bytes -= removed_bytes;
	keeper->stats.removed += count;
	pthread_mutex_unlock(&keeper->mutex);
	return error;
}

/* With the mutex held on entry and return, released in between. Says whether to rest before
 * more. */
static bool do_start(struct segment_keeper *keeper)
{
	struct sluice_segment header = keeper->header;
	int error;

	pthread_mutex_unlock(&keeper->mutex);
	error = start(keeper, &header);
	pthread_mutex_lock(&keeper->mutex);
	keeper->stats.is_out_of_space = is_space_error(error);
	if (is_space_error(error)) {
		keeper->stats.retries++;
		keeper->want_retire = true;
		return true;
	}
	keeper->want_start = false;
	if (!error)
		error = add_entry(keeper, &header);
	keeper->start_error = error;
	if (error)
		return false;
	keeper->started_fd = keeper->prepared_fd;
	keeper->prepared_fd = -1;
	keeper->want_retire = true;
	return false;
}

static bool do_prepare(struct segment_keeper *keeper)
{
	int error = 0;

	pthread_mutex_unlock(&keeper->mutex);
	if (keeper->prepared_fd < 0)
		error = prepare(keeper);
	pthread_mutex_lock(&keeper->mutex);
	/* Other errors come back, and are final, when the segment is really needed. */
	keeper->want_prepare = is_space_error(error);
	keeper->want_retire = true;
	keeper->stats.is_out_of_space = is_space_error(error);
	keeper->stats.retries += is_space_error(error);
	return is_space_error(error);
}

static void do_retire(struct segment_keeper *keeper)
{
	int error;

	keeper->want_retire = false;
	pthread_mutex_unlock(&keeper->mutex);
	error = retire(keeper);
	pthread_mutex_lock(&keeper->mutex);
	keeper->stats.error = error;
}

static void rest(struct segment_keeper *keeper)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)SEGMENT_KEEPER_RETRY_NS;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	if (!keeper->is_stopping)
		pthread_cond_timedwait(&keeper->wakeup, &keeper->mutex, &until);
}

static void *work(void *context)
{
	struct segment_keeper *keeper = context;

	pthread_mutex_lock(&keeper->mutex);
	while (!keeper->is_stopping) {
		bool is_full = false;

		if (keeper->want_start)
			is_full = do_start(keeper);
		else if (keeper->want_prepare)
			is_full = do_prepare(keeper);
		else if (!keeper->want_retire)
			pthread_cond_wait(&keeper->wakeup, &keeper->mutex);
		if (keeper->want_retire)
			do_retire(keeper);
		if (is_full)
			rest(keeper);
	}
	pthread_mutex_unlock(&keeper->mutex);
	return NULL;
}

static int copy_entries(struct segment_keeper *keeper, const struct segment_keeper_options *options)
{
	keeper->entries = malloc((options->entry_count + 1) * sizeof(*keeper->entries));
	if (!keeper->entries)
		return -ENOMEM;
	keeper->entry_count = options->entry_count;
	keeper->stats.segments = options->entry_count;
	for (size_t i = 0; i < options->entry_count; i++) {
		keeper->entries[i] = options->entries[i];
		keeper->stats.bytes += options->entries[i].bytes;
	}
	return 0;
}

int segment_keeper_open(struct segment_keeper **keeper,
			const struct segment_keeper_options *options)
{
	struct segment_keeper *made = calloc(1, sizeof(*made));
	pthread_condattr_t clock;
	int error;

	if (!made)
		return -ENOMEM;
	made->options = *options;
	made->options.entries = NULL;
	made->started_fd = -1;
	made->prepared_fd = -1;
	pthread_mutex_init(&made->mutex, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&made->wakeup, &clock);
	pthread_condattr_destroy(&clock);
	error = copy_entries(made, options);
	if (!error)
		error = -pthread_create(&made->thread, NULL, work, made);
	if (error) {
		segment_keeper_close(made);
		return error;
	}
	made->has_thread = true;
	*keeper = made;
	return 0;
}

void segment_keeper_close(struct segment_keeper *keeper)
{
	if (!keeper)
		return;
	if (keeper->has_thread) {
		pthread_mutex_lock(&keeper->mutex);
		keeper->is_stopping = true;
		pthread_cond_signal(&keeper->wakeup);
		pthread_mutex_unlock(&keeper->mutex);
		pthread_join(keeper->thread, NULL);
	}
	drop_prepared(keeper);
	if (keeper->started_fd >= 0)
		close(keeper->started_fd);
	pthread_cond_destroy(&keeper->wakeup);
	pthread_mutex_destroy(&keeper->mutex);
	free(keeper->entries);
	free(keeper);
}

void segment_keeper_prepare(struct segment_keeper *keeper)
{
	pthread_mutex_lock(&keeper->mutex);
	keeper->want_prepare = true;
	pthread_cond_signal(&keeper->wakeup);
	pthread_mutex_unlock(&keeper->mutex);
}

void segment_keeper_start(struct segment_keeper *keeper, const struct sluice_segment *header)
{
	pthread_mutex_lock(&keeper->mutex);
	assert(!keeper->want_start && keeper->started_fd < 0);
	keeper->header = *header;
	keeper->want_start = true;
	pthread_cond_signal(&keeper->wakeup);
	pthread_mutex_unlock(&keeper->mutex);
}

int segment_keeper_poll(struct segment_keeper *keeper, int *fd)
{
	int result;

	pthread_mutex_lock(&keeper->mutex);
	result = keeper->start_error;
	if (keeper->started_fd >= 0) {
		*fd = keeper->started_fd;
		keeper->started_fd = -1;
		result = 1;
	}
	pthread_mutex_unlock(&keeper->mutex);
	return result;
}

void segment_keeper_retire(struct segment_keeper *keeper, __u64 now_wall_ns, __u64 durable_lsn)
{
	pthread_mutex_lock(&keeper->mutex);
	keeper->now_wall_ns = now_wall_ns;
	keeper->durable_lsn = durable_lsn;
	keeper->want_retire = count_retired(keeper) > 0;
	if (keeper->want_retire)
		pthread_cond_signal(&keeper->wakeup);
	pthread_mutex_unlock(&keeper->mutex);
}

void segment_keeper_read_stats(struct segment_keeper *keeper, struct segment_keeper_stats *stats)
{
	pthread_mutex_lock(&keeper->mutex);
	*stats = keeper->stats;
	pthread_mutex_unlock(&keeper->mutex);
}
