/* SPDX-License-Identifier: BSD-2-Clause */
/* The caller's side of stream.h and sources.h, by the letter of their comments: records stay
 * where they are until a flush (and not longer), ticks have two halves, other workers export
 * before worker 0 advances. */
#include "drive.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/stream/stream.h"
#include "decode.h"
#include "encode.h"

#define MEMORY_BYTES (64ull << 20)
#define STALL_MAX 10000		/* refused reservations in a row: the engine is stuck */

struct drive {
	const struct scenario *scenario;
	const struct drive_options *options;
	struct result *result;
	struct random random;
	__u32 worker_count;
	struct sources *sources;
	struct dedup *dedup;
	struct stream *stream[SLUICE_WORKERS_MAX];
	size_t pending_count;		/* records that are not flushed yet */
	void **pending;
	__u64 wall_ns, mono_ns;
	__s64 watermark_ns[SLUICE_WINDOWS_MAX];
	struct decode_sink sink;
	__u32 step;
	size_t next_step;
	size_t loss_count;
	struct loss *loss;		/* told since the last tick */
};

static int open_streams(struct drive *drive)
{
	const struct scenario *scenario = drive->scenario;
	struct stream_options options = {
		.windows = scenario->window,
		.window_count = scenario->window_count,
		.worker_count = drive->worker_count,
		.groups_max = scenario->groups_max,
		.memory_bytes = MEMORY_BYTES,
		.hash_seed = drive->options->hash_seed,
		.max_ahead_ns = scenario->max_ahead_ns,
		.max_lag_ns = scenario->max_lag_ns,
		.sources = drive->sources,
		.dedup = drive->dedup,
	};

	for (; options.worker < drive->worker_count; options.worker++) {
		int error = stream_open(&drive->stream[options.worker], &options);

		if (error)
			return error;
	}
	return 0;
}

static int open_all(struct drive *drive)
{
	const struct scenario *scenario = drive->scenario;
	struct sources_options options = {
		.sources_max = scenario->sources_max,
		.worker_count = drive->worker_count,
		.listener_count = scenario->listener_count,
		.windows = scenario->window,
		.window_count = scenario->window_count,
		.idle_timeout_ns = scenario->idle_timeout_ns,
		.max_lag_ns = scenario->max_lag_ns,
		.hash_seed = drive->options->hash_seed,
	};
	struct dedup_options dedup = {
		.windows = scenario->window,
		.window_count = scenario->window_count,
		.worker_count = drive->worker_count,
		.memory_bytes = scenario->window_count * DEDUP_BYTES_MIN,
		.hash_seed = drive->options->hash_seed,
		.max_ahead_ns = scenario->max_ahead_ns,
		.max_lag_ns = scenario->max_lag_ns,
	};
	int error = sources_open(&drive->sources, &options);

	if (!error)
		error = dedup_open(&drive->dedup, &dedup);
	for (__u32 i = 0; i < scenario->window_count; i++)
		drive->watermark_ns[i] = SOURCES_WATERMARK_NONE;
	decode_sink_open(&drive->sink, random_next(&drive->random),
			 drive->options->no_room_percent);
	return error ? error : open_streams(drive);
}

static void close_all(struct drive *drive)
{
	for (__u32 i = 0; i < drive->worker_count; i++)
		if (drive->stream[i])
			stream_close(drive->stream[i]);
	dedup_close(drive->dedup);
	if (drive->sources)
		sources_close(drive->sources);
	decode_sink_clear(&drive->sink);
	free(drive->pending);
	free(drive->loss);
}

static void flush(struct drive *drive)
{
	for (__u32 i = 0; i < drive->worker_count; i++)
		stream_flush(drive->stream[i]);
	for (size_t i = 0; i < drive->pending_count; i++)
		free(drive->pending[i]);
	drive->pending_count = 0;
}

/* A turn starts: what came before is flushed at its own time. */
static void set_time(struct drive *drive, const struct scenario_step *step)
{
	if (drive->wall_ns == step->wall_ns && drive->mono_ns == step->mono_ns)
		return;
	flush(drive);
	drive->wall_ns = step->wall_ns;
	drive->mono_ns = step->mono_ns;
	for (__u32 i = 0; i < drive->worker_count; i++) {
		stream_set_time(drive->stream[i], step->wall_ns, step->mono_ns);
		stream_tidy(drive->stream[i]);
	}
}

static void add_datagram(struct drive *drive, const struct scenario_step *step)
{
	size_t bytes;
	struct sluice_record *record = encode_record(&step->datagram, &bytes);

	if (!record)
		return;
	drive->pending = scenario_grow(drive->pending, drive->pending_count, sizeof(void *));
	drive->pending[drive->pending_count++] = record;
	stream_add(drive->stream[step->worker % drive->worker_count], record, bytes);
	if (random_percent(&drive->random, 10))
		flush(drive);
}

static __u32 slice(struct drive *drive)
{
	return (__u32)(random_percent(&drive->random, 50) ? random_range(&drive->random, 1, 8)
							  : 100000);
}

/* Emits until nothing waits, in slices; lazily now and then not to the end. */
static int emit(struct drive *drive, bool is_lazy)
{
	int refused = 0, count;

	do {
		count = stream_emit(drive->stream[0], &drive->sink.writer, slice(drive));
		refused = count == -EAGAIN ? refused + 1 : 0;
		if (is_lazy && random_percent(&drive->random, 50))
			break;
	} while (count > 0 || (count == -EAGAIN && refused < STALL_MAX));
	if (count < 0 && count != -EAGAIN)
		printf("  stream_emit answered %d\n", count);
	if (refused == STALL_MAX)
		printf("  stream_emit never found room\n");
	if ((count < 0 && count != -EAGAIN) || refused == STALL_MAX)
		return -EINVAL;
	count = decode_rows(&drive->sink, drive->scenario, drive->step, drive->result);
	decode_sink_clear(&drive->sink);
	return count;
}

/* Between two slices of an export the workers go on with what comes next; worker 0 has to wait, it
 * has not seen the watermark yet. */
static void maybe_go_on(struct drive *drive)
{
	const struct scenario_step *step = &drive->scenario->step[drive->next_step];
	__u32 worker;

	if (!drive->options->is_interleaved || random_percent(&drive->random, 50) ||
	    drive->next_step == drive->scenario->step_count || step->kind != SCENARIO_DATAGRAM)
		return;
	worker = step->worker % drive->worker_count;
	if (worker == 0)
		return;
	stream_set_time(drive->stream[worker], step->wall_ns, step->mono_ns);
	drive->mono_ns = UINT64_MAX;	/* the clocks differ until the next step */
	add_datagram(drive, step);
	flush(drive);
	drive->next_step++;
}

/* What another worker holds of closing windows goes to worker 0. */
static int hand_over(struct drive *drive, __u32 worker)
{
	struct decode_sink sink;
	int refused = 0, count, error = 0;

	decode_sink_open(&sink, random_next(&drive->random), drive->options->no_room_percent);
	do {
		count = stream_export(drive->stream[worker], &sink.writer, slice(drive));
		refused = count == -EAGAIN ? refused + 1 : 0;
		if (count)
			maybe_go_on(drive);
	} while (count > 0 || (count == -EAGAIN && refused < STALL_MAX));
	for (size_t i = 0; i < sink.record_count && !error; i++)
		error = stream_import(drive->stream[0], sink.record[i].data, sink.record[i].bytes);
	if (count || error)
		printf("  export answered %d, import %d\n", count, error);
	decode_sink_clear(&sink);
	return count || error ? -EINVAL : 0;
}

static void add_loss(struct drive *drive, const struct loss *loss)
{
	drive->loss = scenario_grow(drive->loss, drive->loss_count, sizeof(*loss));
	drive->loss[drive->loss_count++] = *loss;
}

static void take_loss(struct drive *drive, const struct scenario_loss *told)
{
	static const enum loss_cause causes[RESULT_CAUSES] = {
		[RESULT_SHED] = LOSS_shed,
		[RESULT_RING_FULL] = LOSS_ring_full,
		[RESULT_SOCKET_DROPPED] = LOSS_socket_dropped,
		[RESULT_REFUSED] = LOSS_refused,
		[RESULT_LATE] = LOSS_late,
		[RESULT_NO_PANE] = LOSS_no_pane,
		[RESULT_UPSTREAM] = LOSS_upstream,
	};
	struct loss loss = {
		.from_ns = told->from_ns,
		.to_ns = told->to_ns,
		.records = (__s64)told->records,
		.window_mask = told->windows,
		.cause = (__u8)causes[told->cause],
		.flags = told->is_uncounted ? SLUICE_MISSING_UNCOUNTED : 0,
	};

	add_loss(drive, &loss);
}

/* Gaps of a source concern who reads a listener by which it comes. */
static void take_gap(void *context, const struct source_gap_note *note)
{
	struct drive *drive = context;
	struct loss loss = {
		.from_ns = note->from_ns,
		.to_ns = note->to_ns,
		.records = note->records,
		.cause = LOSS_upstream,
		.flags = SLUICE_MISSING_ESTIMATED,
	};

	for (__u32 i = 0; i < drive->scenario->window_count; i++)
		if (drive->scenario->window[i].listener_mask & note->listeners)
			loss.window_mask |= 1u << i;
	if (note->unknown)
		loss.flags |= SLUICE_MISSING_UNCOUNTED;
	if (loss.window_mask)
		add_loss(drive, &loss);
}

/* What all workers and listeners miss, for the rows that come now. */
static void tell_losses(struct drive *drive)
{
	struct loss found[STREAM_LOSSES_MAX];

	for (__u32 i = 0; i < drive->worker_count; i++)
		sources_hand_over_gaps(drive->sources, i);
	sources_take_gaps(drive->sources, take_gap, drive);
	for (__u32 i = 0; i < drive->worker_count; i++) {
		__u32 count = stream_take_losses(drive->stream[i], found);

		for (__u32 j = 0; j < count; j++)
			add_loss(drive, &found[j]);
	}
	stream_add_losses(drive->stream[0], drive->loss, (__u32)drive->loss_count);
	drive->loss_count = 0;
}

/* Running totals of what each window's where has selected of its listeners' events. */
static void tell_shares(struct drive *drive)
{
	for (__u32 w = 0; w < drive->scenario->window_count; w++) {
		__u64 selected = 0, offered = 0;

		for (__u32 i = 0; i < drive->worker_count; i++) {
			const struct stream *stream = drive->stream[i];

			selected += stream_ledger(stream)->accepted -
				    stream_window_ledger(stream, w)->unselected;
			for (__u32 l = 0; l < drive->scenario->listener_count; l++)
				if (drive->scenario->window[w].listener_mask >> l & 1)
					offered += stream_accepted(stream, l);
		}
		stream_set_share(drive->stream[0], w, (__s64)drive->wall_ns, selected, offered);
	}
}

static int advance(struct drive *drive)
{
	for (__u32 i = 0; i < drive->scenario->window_count; i++)
		result_add_watermark(drive->result, drive->watermark_ns[i]);
	for (__u32 i = 1; i < drive->worker_count; i++)
		stream_advance(drive->stream[i], drive->watermark_ns);
	for (__u32 i = 1; i < drive->worker_count; i++)
		if (hand_over(drive, i))
			return -EINVAL;
	tell_losses(drive);
	tell_shares(drive);
	stream_advance(drive->stream[0], drive->watermark_ns);
	return emit(drive, drive->options->is_lazy);
}

static int take_tick(struct drive *drive, const struct scenario_step *step)
{
	const struct scenario *scenario = drive->scenario;

	flush(drive);
	if (step->kind == SCENARIO_TICK) {
		sources_snapshot(drive->sources, step->mono_ns);
		sources_watermarks(drive->sources, step->wall_ns, drive->watermark_ns);
	}
	for (__u32 i = 0; step->kind == SCENARIO_WATERMARK && i < scenario->window_count; i++)
		if (step->watermark_ns > drive->watermark_ns[i])
			drive->watermark_ns[i] = step->watermark_ns;
	return advance(drive);
}

static int take_finish(struct drive *drive)
{
	flush(drive);
	for (__u32 i = 1; i < drive->worker_count; i++) {
		stream_finish(drive->stream[i]);
		if (hand_over(drive, i))
			return -EINVAL;
	}
	tell_losses(drive);
	tell_shares(drive);
	stream_finish(drive->stream[0]);
	return emit(drive, false);
}

static void add_counters(__u64 *sum, const void *ledger, size_t bytes)
{
	for (size_t i = 0; i < bytes / sizeof(*sum); i++)
		sum[i] += ((const __u64 *)ledger)[i];
}

static void read_end(struct drive *drive)
{
	struct result *result = drive->result;
	struct stream_stats stats;

	for (__u32 i = 0; i < drive->worker_count; i++) {
		const struct stream *stream = drive->stream[i];

		add_counters((__u64 *)&result->stream, stream_ledger(stream),
			     sizeof(result->stream));
		for (__u32 j = 0; j < drive->scenario->window_count; j++)
			add_counters((__u64 *)&result->window[j], stream_window_ledger(stream, j),
				     sizeof(result->window[j]));
		stream_read_stats(stream, &stats);
		result->groups_left += stats.groups;
		result->panes_left += stats.panes + stats.pane_groups + stats.rows_waiting;
		result->bytes_left += stats.sketch_bytes;
	}
}

static int run_steps(struct drive *drive)
{
	int error = 0;

	while (drive->next_step < drive->scenario->step_count && !error) {
		const struct scenario_step *step = &drive->scenario->step[drive->next_step];

		drive->step = (__u32)drive->next_step++;
		set_time(drive, step);
		if (step->kind == SCENARIO_DATAGRAM)
			add_datagram(drive, step);
		else if (step->kind == SCENARIO_FINISH)
			error = take_finish(drive);
		else if (step->kind == SCENARIO_LOSS)
			take_loss(drive, &step->loss);
		else
			error = take_tick(drive, step);
	}
	flush(drive);
	return error ? error : emit(drive, false);
}

int drive_run(const struct scenario *scenario, const struct drive_options *options,
	      struct result *result)
{
	struct drive drive = {
		.scenario = scenario,
		.options = options,
		.result = result,
		.random = { .state = options->noise_seed },
		.worker_count = options->worker_count ? options->worker_count : 1,
	};
	int error = open_all(&drive);

	if (!error)
		error = run_steps(&drive);
	else
		printf("  the engine did not open: %d\n", error);
	if (!error)
		read_end(&drive);
	close_all(&drive);
	return error;
}
