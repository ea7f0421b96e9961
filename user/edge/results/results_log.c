/* SPDX-License-Identifier: BSD-2-Clause */
/* The turn of the results log: closed batches are sealed into the active segment in LSN order and
 * written with linked write + fdatasync, two at a time; durable is what has no gap before it. A
 * full segment is left only when all of it is durable. Never waits; opening and closing are in
 * results_open.c. */
#include "edge/results/results_state.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

/* Attempts without progress before the disk is given time. */
#define ATTEMPTS_AT_ONCE 8
#define RETIRE_INTERVAL_NS 1000000000ull
#define SEGMENT_POLL_NS 1000000ull

/* What does not say anything about the disk. */
static bool is_passing(int error)
{
	return error == -EAGAIN || error == -EINTR || error == -ECANCELED;
}

static void publish(__u64 *to, __u64 value)
{
	__atomic_store_n(to, value, __ATOMIC_RELAXED);
}

static void publish_more(__u64 *to, __u64 more)
{
	publish(to, *to + more);
}

void results_log_fail(struct results_log *log, int error, const char *what)
{
	struct text text;

	if (log->error)
		return;
	text_init(&text, log->explanation, sizeof(log->explanation));
	text_format(&text,
		    "%s: %s; nothing after LSN %" PRIu64 " is safe: check the disk below %s, then "
		    "start again",
		    what, strerror(-error), (uint64_t)log->durable_lsn, log->store->path);
	log->batches.is_refusing = true;
	__atomic_store_n(&log->error, error, __ATOMIC_RELEASE);
}

/* Everything without a gap before it is durable. */
static void advance_durable(struct results_log *log)
{
	while (log->flight_count > 0 && log->flight[0]->is_durable) {
		struct results_batch *batch = log->flight[0];

		publish_more(&log->stats.rows, batch->rows);
		publish_more(&log->stats.records,
			     batch == &log->preamble_batch ? 0 : batch->record_count);
		publish_more(&log->stats.batches, 1);
		publish_more(&log->stats.bytes, batch->disk_bytes);
		__atomic_store_n(&log->durable_lsn,
				 batch->header->first_lsn + batch->record_count - 1,
				 __ATOMIC_RELEASE);
		if (batch->has_positions)
			results_log_note_complete(log, batch->header);
		log->flight_count--;
		memmove(log->flight, log->flight + 1, log->flight_count * sizeof(*log->flight));
		if (batch != &log->preamble_batch)
			results_batches_release(&log->batches);
	}
}

static void note_space(struct results_log *log, bool is_out)
{
	__atomic_store_n(&log->is_write_out_of_space, is_out, __ATOMIC_RELAXED);
	space_watch_set(&log->space, is_out, "a batch of rows", log->store->path);
}

static void retry(struct results_log *log, struct results_batch *batch, bool is_space)
{
	batch->attempts++;
	batch->retry_mono_ns = 0;
	if (is_space || batch->attempts > ATTEMPTS_AT_ONCE)
		batch->retry_mono_ns = results_log_clock_ns() + SEGMENT_KEEPER_RETRY_NS;
	note_space(log, is_space);
	publish(&log->write_retries, log->write_retries + 1);
}

static void finish_batch(struct results_log *log, struct results_batch *batch)
{
	__u64 took_ns = results_log_clock_ns() - batch->submitted_mono_ns;

	batch->is_durable = true;
	note_space(log, false);
	if (took_ns > log->stats.commit_ns_max)
		publish(&log->stats.commit_ns_max, took_ns);
	advance_durable(log);
}

/* Both results are there: durable, to be tried again, or the end of the log. */
static void judge(struct results_batch *batch, int synced)
{
	struct results_log *log = batch->log;
	int written = batch->write_result;
	int wanted = (int)(batch->disk_bytes - batch->done_bytes);

	batch->is_flying = false;
	if (written == wanted && synced == 0) {
		finish_batch(log, batch);
	} else if (written == wanted && !is_passing(synced)) {
		/* The kernel forgets after it told once: no later success means anything. */
		results_log_fail(log, synced, "a sync failed");
	} else if (written == wanted) {
		batch->done_bytes = 0;
		retry(log, batch, false);
	} else if (written > 0 && written < wanted) {
		batch->done_bytes += (size_t)written;
		retry(log, batch, false);
	} else if (space_watch_is_space(written) || is_passing(written)) {
		retry(log, batch, space_watch_is_space(written));
	} else {
		results_log_fail(log, written < 0 ? written : -EIO, "a write failed");
	}
}

static void complete_write(struct uring_request *request, int result, bool has_more)
{
	struct results_batch *batch = results_log_container(request, struct results_batch, write);

	assert(!has_more);
	batch->write_result = result;
}

static void complete_sync(struct uring_request *request, int result, bool has_more)
{
	struct results_batch *batch = results_log_container(request, struct results_batch, sync);

	assert(!has_more && !batch->write.is_in_flight);
	judge(batch, result);
}

/* Queues what is left of a sealed batch. False: the ring has no room now. */
static bool queue_write(struct results_log *log, struct results_batch *batch)
{
	batch->write.complete = complete_write;
	batch->sync.complete = complete_sync;
	if (uring_write_sync(log->uring, &batch->write, &batch->sync, log->fd,
			     (__u8 *)batch->header + batch->done_bytes,
			     batch->disk_bytes - batch->done_bytes,
			     batch->header->file_offset + batch->done_bytes, true) != 0)
		return false;
	batch->is_flying = true;
	log->has_queued = true;
	return true;
}

/* Gives the batch its place: in the file, in the LSNs, in the chain. */
static void seal(struct results_log *log, struct results_batch *batch)
{
	struct sluice_batch *header = batch->header;

	*header = (struct sluice_batch){
		.magic = SLUICE_BATCH_MAGIC,
		.version = 1,
		.log_kind = SLUICE_LOG_RESULTS,
		.first_lsn = log->next_lsn,
		.record_count = batch->record_count,
		.payload_bytes = (__u32)(batch->bytes - sizeof(*header)),
		.raw_bytes = (__u32)(batch->bytes - sizeof(*header)),
		.config_epoch = log->config_epoch,
		.arrival_wall_ns = log->batches.now_wall_ns,
		.arrival_mono_ns = log->batches.now_mono_ns,
		.file_offset = log->offset,
		.agent_epoch = log->agent_epoch,
		.prev_chain = log->chain,
	};
	memcpy(header->boot_id, log->store->boot_id, sizeof(header->boot_id));
	if (batch != &log->preamble_batch)
		positions_note(&log->positions, batch->first_position, header->first_lsn);
	if (batch->has_positions)
		positions_resolve(&log->positions, header + 1, header->payload_bytes);
	batch->disk_bytes = segment_batch_bytes(header);
	memset((__u8 *)header + batch->bytes, 0, batch->disk_bytes - batch->bytes);
	segment_seal_batch(header, log->store_id);
	batch->done_bytes = 0;
	batch->attempts = 0;
	batch->retry_mono_ns = 0;
	batch->is_durable = false;
	batch->submitted_mono_ns = log->batches.now_mono_ns;
	log->chain = segment_chain(header);
	log->offset += batch->disk_bytes;
	log->next_lsn += batch->record_count;
}

void results_log_request_segment(struct results_log *log)
{
	struct sluice_segment header = {
		.magic = SLUICE_SEGMENT_MAGIC,
		.major = SLUICE_DISK_MAJOR,
		.minor = SLUICE_DISK_MINOR,
		.number = log->next_number,
		.first_lsn = log->next_lsn,
		.created_wall_ns = log->batches.now_wall_ns,
		.created_mono_ns = log->batches.now_mono_ns,
		.prev_chain = log->chain,
		.log_kind = SLUICE_LOG_RESULTS,
	};

	memcpy(header.store_id, log->store_id, sizeof(header.store_id));
	memcpy(header.agent_id, log->agent_id, sizeof(header.agent_id));
	memcpy(header.boot_id, log->store->boot_id, sizeof(header.boot_id));
	segment_keeper_start(log->keeper, &header);
	log->is_starting = true;
}

void results_log_use_segment(struct results_log *log, int fd)
{
	if (log->fd >= 0)
		close(log->fd);
	log->fd = fd;
	log->offset = SLUICE_DISK_ALIGN;
	log->file_bytes = log->segment_bytes;
	log->next_number++;
	log->is_starting = false;
	log->has_prepared = false;
	log->is_preamble_due = log->preamble.schema_bytes + log->preamble.names.bytes > 0;
}

/* Looks whether the segment that was asked for has come. */
static void take_segment(struct results_log *log)
{
	int fd, got;

	if (!log->is_starting)
		return;
	got = segment_keeper_poll(log->keeper, &fd);
	if (got < 0)
		results_log_fail(log, got, "a new segment cannot be started");
	else if (got > 0)
		results_log_use_segment(log, fd);
}

static struct results_batch *make_preamble(struct results_log *log)
{
	struct results_batch *batch = &log->preamble_batch;

	for (unsigned int i = 0; i < log->flight_count; i++) {
		if (log->flight[i] == batch)
			return NULL;
	}
	batch->bytes =
		sizeof(*batch->header) +
		results_preamble_copy(&log->preamble, batch->header + 1, &batch->record_count);
	batch->rows = 0;
	return batch;
}

/* Sends one batch. False: nothing to send, or not now. */
static bool send_next(struct results_log *log)
{
	struct results_batch *batch;
	size_t bytes;

	if (log->flight_count == RESULTS_LOG_IN_FLIGHT || log->is_starting ||
	    uring_room(log->uring) < 2)
		return false;
	batch = log->is_preamble_due ? make_preamble(log) : results_batches_next(&log->batches);
	if (!batch)
		return false;
	bytes = (batch->bytes + SLUICE_DISK_ALIGN - 1) & ~(size_t)(SLUICE_DISK_ALIGN - 1);
	if (log->fd < 0 || log->offset + bytes > log->file_bytes) {
		if (log->flight_count == 0)
			results_log_request_segment(log);
		return false;
	}
	seal(log, batch);
	if (log->is_preamble_due)
		log->is_preamble_due = false;
	else
		results_batches_mark_sent(&log->batches);
	log->flight[log->flight_count++] = batch;
	return queue_write(log, batch);
}

static void send_again(struct results_log *log)
{
	for (unsigned int i = 0; i < log->flight_count; i++) {
		struct results_batch *batch = log->flight[i];

		if (!batch->is_flying && !batch->is_durable &&
		    log->batches.now_mono_ns >= batch->retry_mono_ns && !queue_write(log, batch))
			return;
	}
}

static void close_due(struct results_log *log)
{
	__u64 opened_ns = results_batches_opened_ns(&log->batches);

	if (opened_ns && log->batches.now_mono_ns >= opened_ns + log->commit_interval_ns)
		results_batches_close_open(&log->batches);
}

static void keep_house(struct results_log *log)
{
	if (!log->has_prepared && log->offset > log->file_bytes / 2) {
		log->has_prepared = true;
		segment_keeper_prepare(log->keeper);
	}
	if (log->batches.now_mono_ns >= log->next_retire_ns) {
		log->next_retire_ns = log->batches.now_mono_ns + RETIRE_INTERVAL_NS;
		segment_keeper_retire(log->keeper,
				      log->is_age_held ? 0 : log->batches.now_wall_ns,
				      log->durable_lsn);
	}
}

static void publish_stats(struct results_log *log)
{
	publish(&log->stats.waiting_bytes, results_batches_waiting_bytes(&log->batches));
	publish(&log->stats.buffers_free, results_batches_free(&log->batches));
	publish(&log->stats.reserve_failures, log->batches.reserve_failures);
}

int results_log_turn(struct results_log *log, __u64 now_wall_ns, __u64 now_mono_ns)
{
	int error;

	if (log->error)
		return log->error;
	log->batches.now_wall_ns = now_wall_ns;
	log->batches.now_mono_ns = now_mono_ns;
	close_due(log);
	take_segment(log);
	send_again(log);
	while (!log->error && send_next(log))
		;
	if (log->has_queued) {
		log->has_queued = false;
		error = uring_submit(log->uring);
		if (error)
			results_log_fail(log, error, "io_uring refused a write");
	}
	keep_house(log);
	publish_stats(log);
	return log->error;
}

__u64 results_log_deadline_ns(const struct results_log *log)
{
	__u64 opened_ns = results_batches_opened_ns(&log->batches);
	__u64 deadline_ns = opened_ns ? opened_ns + log->commit_interval_ns : UINT64_MAX;

	if (log->error)
		return UINT64_MAX;
	if (log->is_starting)
		deadline_ns = log->batches.now_mono_ns + SEGMENT_POLL_NS;
	for (unsigned int i = 0; i < log->flight_count; i++) {
		const struct results_batch *batch = log->flight[i];

		if (!batch->is_flying && !batch->is_durable && batch->retry_mono_ns < deadline_ns)
			deadline_ns = batch->retry_mono_ns;
	}
	return deadline_ns;
}

/* From the clock of the last turn on: whoever waits here runs no turn of its own. */
static __u64 wall_ns_at(const struct results_log *log, __u64 now_mono_ns)
{
	return log->batches.now_wall_ns + (now_mono_ns - log->batches.now_mono_ns);
}

int results_log_flush_wait(struct results_log *log, __u64 timeout_ns)
{
	__u64 end_ns = results_log_clock_ns() + timeout_ns;

	results_batches_close_open(&log->batches);
	for (;;) {
		__u64 now_ns = results_log_clock_ns(), until_ns;
		int error = results_log_turn(log, wall_ns_at(log, now_ns), now_ns);

		if (error || !results_log_is_busy(log))
			return error;
		if (now_ns >= end_ns)
			return log->is_write_out_of_space || results_log_is_out_of_space(log)
				       ? -ENOSPC
				       : -ETIMEDOUT;
		until_ns = results_log_deadline_ns(log);
		until_ns = until_ns < end_ns ? until_ns : end_ns;
		error = uring_wait(log->uring, until_ns > now_ns ? until_ns - now_ns : 0);
		if (error < 0)
			return error;
	}
}
