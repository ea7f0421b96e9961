/* SPDX-License-Identifier: BSD-2-Clause */
/* One thread, one mutex that is never held across I/O, and three kinds of work in this order: start
 * what is asked for, prepare the next one, retire the oldest (segment_retire.c). */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "edge/log/segment_file.h"
#include "edge/log/segment_keeper_state.h"

static int prepare(struct segment_keeper *keeper)
{
	int fd = segment_file_prepare(keeper->options.store->results_fd,
				      keeper->options.segment_bytes);

	if (fd < 0)
		return fd;
	keeper->prepared_fd = fd;
	return 0;
}

void segment_keeper_drop_prepared(struct segment_keeper *keeper)
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

/* With the mutex held on entry and return, released in between. Says whether to rest before
 * more. */
static bool do_start(struct segment_keeper *keeper)
{
	struct sluice_segment header = keeper->header;
	int error;

	pthread_mutex_unlock(&keeper->mutex);
	error = start(keeper, &header);
	space_watch_set(&keeper->space, space_watch_is_space(error), "a segment",
			keeper->options.store->path);
	pthread_mutex_lock(&keeper->mutex);
	keeper->stats.is_out_of_space = space_watch_is_space(error);
	if (space_watch_is_space(error)) {
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
	space_watch_set(&keeper->space, space_watch_is_space(error), "a segment",
			keeper->options.store->path);
	pthread_mutex_lock(&keeper->mutex);
	/* Other errors come back, and are final, when the segment is really needed. */
	keeper->want_prepare = space_watch_is_space(error);
	keeper->want_retire = true;
	keeper->stats.is_out_of_space = space_watch_is_space(error);
	keeper->stats.retries += space_watch_is_space(error);
	return space_watch_is_space(error);
}

static void do_retire(struct segment_keeper *keeper)
{
	int error;

	keeper->want_retire = false;
	pthread_mutex_unlock(&keeper->mutex);
	error = segment_keeper_remove_old(keeper);
	pthread_mutex_lock(&keeper->mutex);
	keeper->stats.removal_failures += error != 0;
	keeper->stats.removal_error = error;
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
	made->results_first = options->store->manifest.results_first;
	made->space = (struct space_watch)SPACE_WATCH_READY;
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
	segment_keeper_drop_prepared(keeper);
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
	keeper->want_retire = segment_keeper_count_old(keeper) > 0;
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
