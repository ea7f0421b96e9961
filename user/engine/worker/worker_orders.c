/* SPDX-License-Identifier: BSD-2-Clause */
/* What a worker does about an order, a slice a turn: each kind has a beginning and a step that
 * says when it is done. Rows that became due are emitted in slices of their own, whatever the
 * order is. */
#include "engine/worker/worker.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "config/config.h"

#define FLUSH_STEP_NS 100000000ull
#define NAMES_PER_TURN 64

enum progress {
	PROGRESS_NONE, /* waits for somebody else */
	PROGRESS_MADE, /* goes on in the next turn, which should follow at once */
	PROGRESS_DONE,
};

static void begin_drain(struct worker *worker)
{
	worker->is_draining = true;
	for (__u32 i = 0; i < worker->ring_count; i++)
		worker->ring[i].target = ring_reader_producer_position(&worker->ring[i].reader);
}

static void copy_counters(struct worker *worker)
{
	struct worker_snapshot *snapshot = &worker->snapshot;

	snapshot->stream = *stream_ledger(worker->stream);
	for (__u32 i = 0; i < worker->config->window_count; i++) {
		snapshot->window[i] = *stream_window_ledger(worker->stream, i);
		if (worker->index == 0)
			stream_read_dedup(worker->stream, i, &snapshot->dedup[i]);
	}
	for (__u32 i = 0; i < worker->config->window_count; i++)
		stream_read_open(worker->stream, i, (__s64)worker->now_wall_ns, &snapshot->open[i]);
	for (__u32 i = 0; i < worker->config->listener_count; i++)
		snapshot->accepted[i] = stream_accepted(worker->stream, i);
	snapshot->loss_count = stream_take_losses(worker->stream, snapshot->loss);
	stream_read_stats(worker->stream, &snapshot->stats);
}

static enum progress step_drain(struct worker *worker)
{
	for (__u32 i = 0; i < worker->ring_count && !worker_is_halted(worker); i++)
		if (ring_reader_position(&worker->ring[i].reader) < worker->ring[i].target)
			return PROGRESS_MADE;
	copy_counters(worker);
	stream_hand_over_gaps(worker->stream);
	return PROGRESS_DONE;
}

/* The others: a slice of what they hold of closing windows, then the end mark. */
static enum progress export_slice(struct worker *worker)
{
	struct row_writer writer = handoff_writer(worker->outbox);
	int count = stream_export(worker->stream, &writer, WORKER_TURN_ROWS);

	if (count > 0)
		return PROGRESS_MADE;
	if (count < 0 || handoff_end(worker->outbox, worker->order) < 0)
		return PROGRESS_NONE; /* the outbox is full */
	worker_wake(worker->first);
	return PROGRESS_DONE;
}

/* Imports what is left of the block. 0 when that was all, -EAGAIN when rows must go out first. */
static int import_block(struct worker *worker, const struct handoff_block *block)
{
	while (worker->import_at < block->byte_count) {
		const struct sluice_disk_record *record =
			(const void *)(block->bytes + worker->import_at);
		int error = stream_import(worker->stream, record, record->bytes);

		if (error == -EAGAIN)
			return error;
		if (error < 0) {
			worker_fail(worker, EX_SOFTWARE,
				    "partials of another worker cannot be merged", error);
			break;
		}
		worker->import_at += record->bytes;
	}
	worker->import_at = 0;
	return 0;
}

/* A full disk holds up a running agent for as long as it is full, one that stops for a while,
 * and one whose log has failed not at all: then the partials are lost, and the exit code says
 * so. */
static bool may_wait_for_disk(struct worker *worker)
{
	if (!worker->blocked_mono_ns)
		worker->blocked_mono_ns = worker->now_mono_ns;
	if (atomic_load(&worker->failure))
		return false;
	if (!atomic_load_explicit(&worker->orders->is_stopping, memory_order_relaxed) ||
	    worker->now_mono_ns - worker->blocked_mono_ns < WORKER_FINISH_NS)
		return true;
	worker_fail(worker, EX_IOERR, "rows that wait for the disk are lost at the stop", -ENOSPC);
	return false;
}

/* Worker 0: one block a turn, the outboxes one after the other, so that a block that must wait is
 * the next one again. Done when all have sent their end mark. */
static enum progress import_slice(struct worker *worker)
{
	struct handoff *outbox;
	struct handoff_block block;

	if (worker->ends_seen + 1 == worker->count)
		return PROGRESS_DONE;
	outbox = worker->first[worker->ends_seen + 1].outbox;
	if (!handoff_take(outbox, &block))
		return PROGRESS_NONE;
	if (import_block(worker, &block) == -EAGAIN && may_wait_for_disk(worker)) {
		worker->is_emitting = true;
		return PROGRESS_NONE;
	}
	worker->import_at = 0;
	worker->blocked_mono_ns = 0;
	assert(!block.end_order || block.end_order == worker->order);
	worker->ends_seen += block.end_order != 0;
	handoff_release(outbox);
	return PROGRESS_MADE;
}

static void learn_losses(struct worker *worker)
{
	const struct orders *orders = worker->orders;

	for (__u32 i = 0; i < worker->config->window_count; i++)
		stream_set_share(worker->stream, i, orders->now_ns, orders->share[i].selected,
				 orders->share[i].offered);
	stream_add_losses(worker->stream, orders->loss, orders->loss_count);
}

/* With what is missing so far, for the rows that become due. */
static void advance(struct worker *worker)
{
	if (worker->index == 0)
		learn_losses(worker);
	stream_advance(worker->stream, worker->orders->watermark_ns);
}

/* Rows that come behind a gap may rest on it. A log that has failed takes none. */
static bool write_gaps(struct worker *worker)
{
	const struct orders *orders = worker->orders;

	for (; worker->gaps_written < orders->gap_count; worker->gaps_written++) {
		if (!results_log_write_gap(worker->log, &orders->gap[worker->gaps_written]))
			return !may_wait_for_disk(worker);
	}
	worker->blocked_mono_ns = 0;
	return true;
}

static void begin_advance(struct worker *worker)
{
	worker->ends_seen = 0;
	worker->gaps_written = 0;
	if (worker->index)
		advance(worker);
}

static enum progress step_advance(struct worker *worker)
{
	enum progress progress;

	if (worker->index)
		return export_slice(worker);
	progress = import_slice(worker);
	if (progress != PROGRESS_DONE)
		return progress;
	if (!write_gaps(worker))
		return PROGRESS_NONE;
	advance(worker);
	worker->is_emitting = true;
	return PROGRESS_DONE;
}

static void begin_finish(struct worker *worker)
{
	worker->ends_seen = 0;
	worker->is_finishing = true;
	worker->finish_by_mono_ns = worker->now_mono_ns + WORKER_FINISH_NS;
	if (worker->index)
		stream_finish(worker->stream);
}

/* What was open is emitted: nothing of these epochs follows. False: no room now. */
static bool end_epochs(struct worker *worker)
{
	while (worker->epochs_ended < worker->config->window_count) {
		if (!results_log_end_epoch(worker->log, worker->epochs_ended,
					   worker->epochs[worker->epochs_ended]))
			return false;
		worker->epochs_ended++;
	}
	return true;
}

/* The rows of the last windows, then the disk. A log that failed takes nothing any more. */
static enum progress finish_log(struct worker *worker)
{
	int error = -ETIMEDOUT;

	if (atomic_load(&worker->failure))
		return PROGRESS_DONE;
	if (!worker->is_emitting && end_epochs(worker))
		error = results_log_flush_wait(worker->log, FLUSH_STEP_NS);
	if (!error)
		return PROGRESS_DONE;
	if ((error == -ETIMEDOUT || error == -ENOSPC) &&
	    worker->now_mono_ns < worker->finish_by_mono_ns)
		return worker->is_log_full ? PROGRESS_NONE : PROGRESS_MADE;
	worker_fail(worker, EX_IOERR, "open windows could not be written at the stop", error);
	return PROGRESS_DONE;
}

static enum progress step_finish(struct worker *worker)
{
	enum progress progress;

	if (worker->index)
		return export_slice(worker);
	if (worker->is_finished)
		return finish_log(worker);
	progress = import_slice(worker);
	if (progress != PROGRESS_DONE)
		return progress;
	stream_finish(worker->stream);
	worker->is_finished = true;
	worker->is_emitting = true;
	return PROGRESS_MADE;
}

static enum progress step_setup(struct worker *worker)
{
	const struct config *config = worker->config;
	int error;

	if (!worker->log)
		return PROGRESS_DONE;
	error = results_log_write_schema(worker->log, config->window, worker->epochs,
					 config->window_count,
					 config->dim_name);
	for (__u32 i = 0; !error && i < config->type_name_count; i++)
		error = results_log_write_name(worker->log, SLUICE_SPACE_TYPE,
					       config->type_names[i].id,
					       config->type_names[i].name);
	if (!error)
		results_log_keep_names(worker->log);
	else
		worker_fail(worker, EX_IOERR, "the results log refused the schema", error);
	return PROGRESS_DONE;
}

/* In this thread, because the io_uring belongs to it. */
static enum progress step_exit(struct worker *worker)
{
	int error = results_log_close(worker->log);

	worker->log = NULL;
	if (error)
		worker_fail(worker, EX_IOERR, "the results log did not close well", error);
	uring_close(worker->uring);
	worker->uring = NULL;
	worker->is_done = true;
	return PROGRESS_DONE;
}

static const struct {
	void (*begin)(struct worker *worker);
	enum progress (*step)(struct worker *worker);
} steps[] = {
	[ORDER_SETUP] = { .step = step_setup },
	[ORDER_DRAIN] = { .begin = begin_drain, .step = step_drain },
	[ORDER_ADVANCE] = { .begin = begin_advance, .step = step_advance },
	[ORDER_FINISH] = { .begin = begin_finish, .step = step_finish },
	[ORDER_EXIT] = { .step = step_exit },
};

static void take_order(struct worker *worker)
{
	__u64 number = atomic_load_explicit(&worker->orders->number, memory_order_acquire);

	if (number == worker->order)
		return;
	assert(worker->kind == ORDER_NONE);
	worker->order = number;
	worker->kind = worker->orders->kind;
	if (steps[worker->kind].begin)
		steps[worker->kind].begin(worker);
}

/* The answer hands the order's memory, and this worker's snapshot, back to the control thread. */
static void answer_order(struct worker *worker)
{
	worker->kind = ORDER_NONE;
	atomic_store_explicit(&worker->answered, worker->order, memory_order_release);
	worker_raise_event(worker->orders->answer_fd);
}

bool worker_obey(struct worker *worker)
{
	enum progress progress;

	take_order(worker);
	if (worker->kind == ORDER_NONE)
		return false;
	progress = steps[worker->kind].step(worker);
	if (progress == PROGRESS_DONE)
		answer_order(worker);
	return progress == PROGRESS_MADE;
}

/* The log repeats a name in every segment; it has as much room for them as the stream, and a log
 * that failed takes nothing. */
static void write_names(struct worker *worker)
{
	char text[UINT8_MAX + 1];
	struct name_taught name;

	for (int i = 0; i < NAMES_PER_TURN && stream_next_name(worker->stream, &name); i++) {
		memcpy(text, name.text, name.bytes);
		text[name.bytes] = '\0';
		results_log_write_name(worker->log, name.space, name.id, text);
	}
}

bool worker_emit(struct worker *worker)
{
	int count;

	if (!worker->log)
		return false;
	write_names(worker);
	worker->is_emitting |= stream_has_names(worker->stream) || stream_has_late(worker->stream);
	if (!worker->is_emitting)
		return false;
	count = stream_emit(worker->stream, results_log_writer(worker->log), WORKER_TURN_ROWS);
	worker->is_emitting = count != 0 || stream_has_names(worker->stream);
	worker->is_log_full = count < 0;
	return count > 0;
}
