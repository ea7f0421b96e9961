/* SPDX-License-Identifier: BSD-2-Clause */
/* Opens the results log (recovery, buffers, first segment), closes it, takes schema and names, and
 * tells its state. What happens in a turn is in results_log.c. */
#include "edge/results_state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "edge/results_recovery.h"

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

/* Gaps are told of windows that are still there, under the numbers they have now. */
static void keep_gaps(struct results_log *log, const struct window_spec *windows,
		      __u32 window_count)
{
	for (__u32 i = 0; i < log->recovered.gaps.count; i++) {
		struct results_gap *known = &log->recovered.gaps.gap[i];

		for (__u32 w = 0; w < window_count; w++) {
			if (strcmp(windows[w].name, known->window) != 0)
				continue;
			known->gap.window = (__u16)w;
			results_preamble_add_gap(&log->preamble, &known->gap);
		}
	}
}

int results_log_write_schema(struct results_log *log, const struct window_spec *windows,
			     const __u64 *epochs, __u32 window_count,
			     const char dim_name[4][SLUICE_NAME_MAX + 1])
{
	struct sluice_schema head = {
		.config_epoch = log->config_epoch,
		.agent_epoch = log->agent_epoch,
	};

	if (window_count > SLUICE_WINDOWS_MAX)
		return -E2BIG;
	/* Rows that wait still mean what the schema before says. */
	if (log->flight_count > 0 || log->batches.closed_count > 0 ||
	    results_batches_opened_ns(&log->batches))
		return -EBUSY;
	memcpy(head.agent_id, log->agent_id, sizeof(head.agent_id));
	if (dim_name)
		memcpy(head.dim_name, dim_name, sizeof(head.dim_name));
	results_preamble_set_schema(&log->preamble, &head, windows, epochs,
				    window_count);
	keep_gaps(log, windows, window_count);
	log->is_preamble_due = true;
	return 0;
}

__s64 results_log_complete_end(const struct results_log *log, __u32 window)
{
	return __atomic_load_n(&log->complete_end_ns[window], __ATOMIC_RELAXED);
}

__s64 results_log_recovered_end(const struct results_log *log, const char *window)
{
	return results_memory_end_of(&log->recovered, window);
}

/* A record, if there is room now. */
static bool write_record(struct results_log *log, __u16 kind, const void *body, size_t body_bytes)
{
	const struct row_writer *writer = &log->batches.writer;
	size_t bytes = sizeof(struct sluice_disk_record) + body_bytes, room;
	struct sluice_disk_record *record;

	record = writer->reserve(writer->context, bytes, bytes, &room);
	if (!record)
		return false;
	*record = (struct sluice_disk_record){ (__u32)bytes, kind, 1 };
	memcpy(record + 1, body, body_bytes);
	writer->commit(writer->context, bytes);
	return true;
}

bool results_log_write_gap(struct results_log *log, const struct sluice_gap *gap)
{
	if (!write_record(log, SLUICE_DISK_GAP, gap, sizeof(*gap)))
		return false;
	results_preamble_add_gap(&log->preamble, gap);
	return true;
}

__u64 results_log_gaps_durable(const struct results_log *log)
{
	return __atomic_load_n(&log->gaps_durable, __ATOMIC_RELAXED);
}

bool results_log_end_epoch(struct results_log *log, __u32 window, __u64 epoch)
{
	const struct sluice_epoch_end end = { .window = (__u16)window, .epoch = epoch };

	return write_record(log, SLUICE_DISK_EPOCH_END, &end, sizeof(end));
}

int results_log_write_name(struct results_log *log, enum sluice_space space, __u64 id,
			   const char *name)
{
	_Alignas(8) __u8 record[RESULTS_PREAMBLE_NAME_MAX];
	const struct row_writer *writer = &log->batches.writer;
	size_t bytes, room;
	void *at;
	int got = results_preamble_add_name(&log->preamble, space, id, name, record, &bytes);

	if (got <= 0)
		return got;
	/* Before the schema goes out, names go with it; when there is no room, all is sent again
	 * later. */
	if (log->is_preamble_due)
		return 0;
	at = writer->reserve(writer->context, bytes, bytes, &room);
	if (!at) {
		log->is_preamble_due = true;
		return 0;
	}
	memcpy(at, record, bytes);
	writer->commit(writer->context, bytes);
	return 0;
}

const struct name_table *results_log_recovered(const struct results_log *log)
{
	return &log->recovered.names;
}

void results_log_keep_names(struct results_log *log)
{
	struct name_taught name;
	size_t offset = 0;

	while (name_table_next(&log->recovered.names, &offset, &name))
		name_table_add(&log->preamble.names, &name);
	log->is_preamble_due = true;
}

const struct row_writer *results_log_writer(struct results_log *log)
{
	return &log->batches.writer;
}

__u64 results_log_durable_lsn(const struct results_log *log)
{
	return __atomic_load_n(&log->durable_lsn, __ATOMIC_ACQUIRE);
}

bool results_log_is_busy(const struct results_log *log)
{
	return log->flight_count > 0 || log->is_starting || log->is_preamble_due ||
	       log->batches.closed_count > 0 || results_batches_opened_ns(&log->batches) != 0;
}

void results_log_hold_age(struct results_log *log, bool is_held)
{
	log->is_age_held = is_held;
}

bool results_log_is_out_of_space(const struct results_log *log)
{
	struct segment_keeper_stats stats;

	segment_keeper_read_stats(log->keeper, &stats);
	return stats.is_out_of_space;
}

const char *results_log_explain(const struct results_log *log)
{
	if (__atomic_load_n(&log->error, __ATOMIC_ACQUIRE))
		return log->explanation;
	if (__atomic_load_n(&log->is_write_out_of_space, __ATOMIC_RELAXED) ||
	    results_log_is_out_of_space(log))
		return "no space for results: rows wait in memory; free space in state_dir, or "
		       "lower "
		       "results_log.max_bytes; it goes on by itself";
	return "";
}

void results_log_read_stats(const struct results_log *log, struct results_log_stats *stats)
{
	struct segment_keeper_stats keeper;

	segment_keeper_read_stats(log->keeper, &keeper);
#define READ(field) __atomic_load_n(&log->stats.field, __ATOMIC_RELAXED)
	*stats = (struct results_log_stats){
		.durable_lsn = results_log_durable_lsn(log),
		.segments = keeper.segments,
		.segment_bytes = keeper.bytes,
		.rows = READ(rows),
		.records = READ(records),
		.batches = READ(batches),
		.bytes = READ(bytes),
		.waiting_bytes = READ(waiting_bytes),
		.buffers_free = READ(buffers_free),
		.reserve_failures = READ(reserve_failures),
		.commit_ns_max = READ(commit_ns_max),
		.segments_removed = keeper.removed,
		.retention_failures = keeper.removal_failures,
		.retention_error = keeper.removal_error,
		.no_space_retries =
			keeper.retries + __atomic_load_n(&log->write_retries, __ATOMIC_RELAXED),
		.is_out_of_space = keeper.is_out_of_space ||
				   __atomic_load_n(&log->is_write_out_of_space, __ATOMIC_RELAXED),
		.error = __atomic_load_n(&log->error, __ATOMIC_ACQUIRE),
	};
#undef READ
}
