/* SPDX-License-Identifier: BSD-2-Clause */
/* Opens the results log (recovery, buffers, first segment), closes it, takes schema and names, and
 * tells its state. What happens in a turn is in results_log.c. */
#include "edge/results/results_state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "edge/results/results_recovery.h"

#define START_POLL_NS 500000

__u64 results_log_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (__u64)now.tv_sec * 1000000000 + (__u64)now.tv_nsec;
}

static int check_options(const struct results_log_options *options)
{
	if (options->segment_bytes >= RESULTS_LOG_SEGMENT_MIN &&
	    options->segment_bytes <= RESULTS_LOG_SEGMENT_MAX && options->age_max_ns >= 0 &&
	    options->commit_interval_ns >= 0)
		return 0;
	snprintf(options->store->problem, sizeof(options->store->problem),
		 "results_log: segments of %" PRIu64 " bytes are not possible; use %u to %llu",
		 (uint64_t)options->segment_bytes, RESULTS_LOG_SEGMENT_MIN,
		 RESULTS_LOG_SEGMENT_MAX);
	return -EINVAL;
}

static int open_memory(struct results_log *log)
{
	__u64 hash_seed;
	int error;

	if (getrandom(&hash_seed, sizeof(hash_seed), 0) != sizeof(hash_seed))
		return -EIO;
	error = results_batches_open(&log->batches, log);
	if (!error)
		error = results_preamble_open(&log->preamble, hash_seed);
	if (error)
		return error;
	log->preamble_batch.log = log;
	log->preamble_batch.header = aligned_alloc(SLUICE_DISK_ALIGN, SLUICE_BATCH_BYTES_MAX);
	return log->preamble_batch.header ? 0 : -ENOMEM;
}

static int open_keeper(struct results_log *log, const struct results_log_options *options,
		       const struct results_recovery *found)
{
	return segment_keeper_open(&log->keeper, &(struct segment_keeper_options){
							 .store = options->store,
							 .segment_bytes = log->segment_bytes,
							 .bytes_max = options->bytes_max,
							 .age_max_ns = options->age_max_ns,
							 .entries = found->entries,
							 .entry_count = found->entry_count,
						 });
}

static void take_recovery(struct results_log *log, const struct results_recovery *found)
{
	log->fd = found->fd;
	log->file_bytes = found->segment_bytes;
	log->offset = found->offset;
	log->next_lsn = found->next_lsn;
	log->next_number = found->next_number;
	log->chain = found->chain;
	log->durable_lsn = found->next_lsn - 1;
	log->recovered = found->memory;
	for (int i = 0; i < SLUICE_WINDOWS_MAX; i++)
		log->complete_end_ns[i] = INT64_MIN;
}

/* The first segment, waited for: starting up may. An oversized batch makes the turn ask for one. */
static int start_first(struct results_log *log)
{
	const struct timespec pause = { .tv_nsec = START_POLL_NS };
	struct segment_keeper_stats stats;
	int fd = -1, got;

	if (log->fd >= 0)
		return 0;
	results_log_request_segment(log);
	for (;;) {
		got = segment_keeper_poll(log->keeper, &fd);
		segment_keeper_read_stats(log->keeper, &stats);
		if (got == 0 && stats.is_out_of_space)
			got = -ENOSPC;
		if (got < 0)
			return got;
		if (got == 1)
			break;
		nanosleep(&pause, NULL);
	}
	results_log_use_segment(log, fd);
	return 0;
}

/* While the agent runs, the log may be longer than the manifest knows. */
static int note_running(struct store *store)
{
	struct store_manifest manifest;

	store_read_manifest(store, &manifest);
	if (!manifest.is_stopped)
		return 0;
	manifest.is_stopped = false;
	return store_update(store, &manifest);
}

static int build(struct results_log *log, const struct results_log_options *options,
		 const struct results_recovery *found)
{
	int error = open_memory(log);

	if (!error)
		error = note_running(options->store);
	if (!error)
		error = open_keeper(log, options, found);
	if (!error)
		error = start_first(log);
	return error;
}

static void release(struct results_log *log)
{
	segment_keeper_close(log->keeper);
	if (log->fd >= 0)
		close(log->fd);
	results_batches_close(&log->batches);
	results_preamble_close(&log->preamble);
	results_memory_close(&log->recovered);
	free(log->preamble_batch.header);
	free(log);
}

static void explain(struct store *store, int error)
{
	struct text text;

	text_init(&text, store->problem, sizeof(store->problem));
	text_format(&text,
		    "the results log cannot be started: %s; check space and permissions below %s",
		    strerror(-error), store->path);
}

int results_log_open(struct results_log **log, const struct results_log_options *options,
		     struct results_log_recovery *recovery)
{
	struct store *store = options->store;
	struct results_recovery found;
	struct results_log *made;
	int error;

	error = check_options(options);
	if (!error)
		error = results_recovery_run(store, &found);
	if (error)
		return error;
	made = calloc(1, sizeof(*made));
	if (!made) {
		if (found.fd >= 0)
			close(found.fd);
		free(found.entries);
		results_memory_close(&found.memory);
		return -ENOMEM;
	}
	made->store = store;
	made->uring = options->uring;
	made->space = (struct space_watch)SPACE_WATCH_READY;
	memcpy(made->store_id, store->manifest.store_id, sizeof(made->store_id));
	memcpy(made->agent_id, store->manifest.agent_id, sizeof(made->agent_id));
	made->agent_epoch = store->manifest.agent_epoch;
	made->config_epoch = options->config_epoch;
	made->batches.now_wall_ns = options->now_wall_ns;
	made->batches.now_mono_ns = results_log_clock_ns();
	made->segment_bytes =
		(options->segment_bytes + SLUICE_DISK_ALIGN - 1) & ~(__u64)(SLUICE_DISK_ALIGN - 1);
	made->commit_interval_ns = (__u64)options->commit_interval_ns;
	take_recovery(made, &found);
	error = build(made, options, &found);
	free(found.entries);
	if (error) {
		explain(store, error);
		release(made);
		return error;
	}
	if (recovery) {
		*recovery = (struct results_log_recovery){ .durable_lsn = made->durable_lsn,
							   .cut_offset = found.cut_offset };
		memcpy(recovery->cut_segment, found.cut_segment, sizeof(recovery->cut_segment));
	}
	*log = made;
	return 0;
}

static bool is_flying(const struct results_log *log)
{
	for (unsigned int i = 0; i < log->flight_count; i++) {
		if (log->flight[i]->is_flying)
			return true;
	}
	return false;
}

int results_log_close(struct results_log *log)
{
	struct store_manifest manifest;
	bool is_clean;
	int error = 0;

	if (!log)
		return 0;
	/* Until it completes, a buffer is the kernel's. */
	while (is_flying(log) && error >= 0)
		error = uring_wait(log->uring, URING_WAIT_MAX_NS);
	if (is_flying(log))
		return error;
	is_clean = !log->error && !results_log_is_busy(log);
	segment_keeper_close(log->keeper);
	log->keeper = NULL;
	error = log->error;
	if (is_clean) {
		store_read_manifest(log->store, &manifest);
		manifest.is_stopped = true;
		manifest.results_durable_lsn = log->durable_lsn;
		error = store_update(log->store, &manifest);
	}
	release(log);
	return error;
}
