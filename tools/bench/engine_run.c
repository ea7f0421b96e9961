/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine_run.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

#define BUFFER_BYTES ((size_t)1 << 20)
#define KEY_BYTES 8	/* group_by: [key] is one word */

static void *reserve(void *context, size_t bytes_min, size_t bytes_max, size_t *bytes_room)
{
	struct engine_run *run = context;

	if (bytes_min > BUFFER_BYTES)
		return NULL;
	*bytes_room = bytes_max < BUFFER_BYTES ? bytes_max : BUFFER_BYTES;
	return run->buffer;
}

/* Sums the rows of a finished record. */
static void commit(void *context, size_t bytes)
{
	struct engine_run *run = context;
	const struct sluice_disk_record *record = (const void *)run->buffer;
	const struct sluice_rows *rows = (const void *)(record + 1);
	const __u8 *row = (const __u8 *)(rows + 1);

	if (record->kind != SLUICE_DISK_ROWS || (rows->flags & SLUICE_ROWS_VARIABLE))
		return;
	if (sizeof(*record) + sizeof(*rows) + (size_t)rows->row_count * rows->row_bytes > bytes)
		return;
	for (__u32 i = 0; i < rows->row_count; i++, row += rows->row_bytes) {
		struct sluice_partial partial;

		memcpy(&partial, row + KEY_BYTES, sizeof(partial));
		run->rows++;
		run->count += partial.count;
		run->sum += partial.sum_low;
	}
}

static int open_sources(struct engine_run *run)
{
	const struct sources_options options = {
		.sources_max = 1024,
		.worker_count = 1,
		.listener_count = 1,
		.idle_timeout_ns = 5000000000,
		.max_lag_ns = 60000000000,
		.hash_seed = 1,
	};

	return sources_open(&run->sources, &options);
}

int engine_run_open(struct engine_run *run, __u32 groups_max, __u64 memory_bytes)
{
	struct stream_options options = {
		.windows = &run->window,
		.window_count = 1,
		.worker_count = 1,
		.groups_max = groups_max,
		.memory_bytes = memory_bytes,
		.hash_seed = 0x5bd1e9955bd1e995ull,
		.max_ahead_ns = 10000000000,
	};
	int err;

	*run = (struct engine_run){
		.window = {
			.name = "bench",
			.listener_mask = 1,
			.kind = SLUICE_WINDOW_TUMBLING,
			.size_ns = ENGINE_RUN_WINDOW_NS,
			.slide_ns = ENGINE_RUN_WINDOW_NS,
			.group_count = 1,
			.group_field = { SLUICE_FIELD_KEY },
			.aggregate_count = 4,
			.aggregate = {
				{ .kind = SLUICE_AGGREGATE_COUNT_WEIGHT },
				{ .kind = SLUICE_AGGREGATE_SUM, .field = SLUICE_FIELD_VALUE },
				{ .kind = SLUICE_AGGREGATE_MIN, .field = SLUICE_FIELD_VALUE },
				{ .kind = SLUICE_AGGREGATE_MAX, .field = SLUICE_FIELD_VALUE },
			},
		},
		.watermark_ns = SOURCES_WATERMARK_NONE,
		.mono_ns = 1000000000,
		.buffer = malloc(BUFFER_BYTES),
	};
	err = run->buffer ? open_sources(run) : -ENOMEM;
	if (err)
		goto fail;
	options.sources = run->sources;
	err = stream_open(&run->stream, &options);
	if (err)
		goto fail;
	return 0;
fail:
	engine_run_close(run);
	return err;
}

void engine_run_close(struct engine_run *run)
{
	if (run->stream)
		stream_close(run->stream);
	if (run->sources)
		sources_close(run->sources);
	free(run->buffer);
	*run = (struct engine_run){ 0 };
}

void engine_run_add(struct engine_run *run, const struct dataset *set, __u32 datagrams_a_step)
{
	for (__u32 i = 0; i < set->datagrams;) {
		__u64 begin_ns = report_wall_ns(), step_ns;
		__u32 end = i + datagrams_a_step < set->datagrams ? i + datagrams_a_step
								  : set->datagrams;

		stream_set_time(run->stream, dataset_header(set, i)->base_time_ns, run->mono_ns);
		for (; i < end; i++)
			stream_add(run->stream, dataset_record(set, i), DATASET_RECORD_BYTES);
		stream_flush(run->stream);
		step_ns = report_wall_ns() - begin_ns;
		if (step_ns > run->longest_step_ns)
			run->longest_step_ns = step_ns;
	}
}

int engine_run_emit(struct engine_run *run, const struct dataset *set, __u32 rows_a_slice)
{
	const struct row_writer writer = { .context = run, .reserve = reserve, .commit = commit };
	int emitted;

	/* All sources fall silent: after the idle timeout the wall clock moves the watermark. */
	run->mono_ns += 6000000000;
	sources_snapshot(run->sources, run->mono_ns);
	sources_watermarks(run->sources, set->base_time_ns + 10 * ENGINE_RUN_WINDOW_NS,
			   &run->window, 1, &run->watermark_ns);
	stream_advance(run->stream, &run->watermark_ns);
	run->rows = run->count = run->sum = 0;
	do
		emitted = stream_emit(run->stream, &writer, rows_a_slice);
	while (emitted > 0);
	return emitted;
}
