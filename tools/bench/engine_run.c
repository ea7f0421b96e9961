/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine_run.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/worker/worker.h"
#include "report.h"

#define BUFFER_BYTES ((size_t)1 << 20)
#define MAX_AHEAD_NS 10000000000
#define KEY_BYTES 8 /* group_by is one word */

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
	const __u8 *at = (const __u8 *)(rows + 1), *end = run->buffer + bytes;
	__u64 sign = rows->flags & SLUICE_ROWS_RETRACTED ? -1ull : 1;
	struct engine_run_total *total = &run->total[rows->window];

	for (__u32 i = 0; record->kind == SLUICE_DISK_ROWS && i < rows->row_count; i++) {
		const struct sluice_row_head *head = (const void *)at;
		bool is_variable = rows->flags & SLUICE_ROWS_VARIABLE;
		const __u8 *row = is_variable ? at + sizeof(*head) : at;
		struct sluice_partial partial;

		if (row + KEY_BYTES + sizeof(partial) > end)
			return;
		memcpy(&partial, row + KEY_BYTES, sizeof(partial));
		total->rows++;
		total->count += sign * partial.count;
		total->sum += sign * partial.sum_low;
		at += is_variable ? head->bytes : rows->row_bytes;
	}
}

struct window_spec engine_run_tumbling(void)
{
	return (struct window_spec){
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
	};
}

struct window_spec engine_run_sliding(__u64 size_ns)
{
	struct window_spec window = engine_run_tumbling();

	window.kind = SLUICE_WINDOW_SLIDING;
	window.size_ns = (__s64)size_ns;
	return window;
}

struct window_spec engine_run_tumbling_by(enum sluice_field field)
{
	struct window_spec window = engine_run_tumbling();

	window.group_field[0] = (__u8)field;
	return window;
}

void engine_run_ask_distinct(struct window_spec *window, enum sluice_field field)
{
	window->aggregate_count = 1;
	window->aggregate[0] = (struct sluice_schema_aggregate){ .kind = SLUICE_AGGREGATE_DISTINCT,
								 .field = (__u8)field,
								 .precision = 12 };
}

void engine_run_ask_quantiles(struct window_spec *window)
{
	window->aggregate_count = 1;
	window->aggregate[0] = (struct sluice_schema_aggregate){ .kind = SLUICE_AGGREGATE_QUANTILES,
								 .field = SLUICE_FIELD_VALUE,
								 .precision = 5 };
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

/* The sets of event ids, where a window asks for them. */
static int open_dedup(struct engine_run *run)
{
	const struct dedup_options options = {
		.windows = run->window,
		.window_count = run->window_count,
		.worker_count = 1,
		.memory_bytes = ENGINE_RUN_DEDUP_BYTES,
		.hash_seed = 0x2545f4914f6cdd1dull,
		.max_ahead_ns = MAX_AHEAD_NS,
	};

	return dedup_open(&run->dedup, &options);
}

int engine_run_open_alone(struct engine_run *run, const struct window_spec *windows,
			  __u32 window_count, __u32 groups_max, __u64 memory_bytes)
{
	struct stream_options options = {
		.windows = run->window,
		.window_count = window_count,
		.worker_count = 1,
		.groups_max = groups_max,
		.memory_bytes = memory_bytes,
		.hash_seed = 0x5bd1e9955bd1e995ull,
		.max_ahead_ns = MAX_AHEAD_NS,
	};
	int err;

	assert(window_count <= ENGINE_RUN_WINDOWS_MAX);
	*run = (struct engine_run){
		.window_count = window_count,
		.mono_ns = 1000000000,
		.buffer = malloc(BUFFER_BYTES),
	};
	for (__u32 w = 0; w < window_count; w++) {
		run->window[w] = windows[w];
		run->watermark_ns[w] = SOURCES_WATERMARK_NONE;
	}
	err = run->buffer ? open_sources(run) : -ENOMEM;
	if (!err)
		err = open_dedup(run);
	options.sources = run->sources;
	options.dedup = run->dedup;
	if (!err)
		err = stream_open(&run->stream, &options);
	if (err)
		engine_run_close(run);
	return err;
}

int engine_run_open(struct engine_run *run, const struct window_spec *windows, __u32 window_count,
		    __u32 groups_max, __u64 memory_bytes)
{
	int err = engine_run_open_alone(run, windows, window_count, groups_max, memory_bytes);

	if (err)
		return err;
	run->prefault.stream[0] = run->stream;
	run->prefault.stream_count = 1;
	return prefault_start(&run->prefault);
}

void engine_run_close(struct engine_run *run)
{
	prefault_stop(&run->prefault);
	if (run->stream)
		stream_close(run->stream);
	dedup_close(run->dedup);
	if (run->sources)
		sources_close(run->sources);
	free(run->buffer);
	*run = (struct engine_run){ 0 };
}

static __u64 note_longest(__u64 *longest_ns, __u64 begin_ns)
{
	__u64 ns = report_cpu_ns() - begin_ns;

	if (ns > *longest_ns)
		*longest_ns = ns;
	return ns;
}

__u32 engine_run_turn_datagrams(const struct dataset *set)
{
	return (WORKER_TURN_BYTES + set->record_bytes - 1) / set->record_bytes;
}

void engine_run_add_part(struct engine_run *run, const struct dataset *set, __u32 begin, __u32 end)
{
	const __u32 turn = engine_run_turn_datagrams(set);

	while (begin < end) {
		__u32 step = end - begin < turn ? end - begin : turn;
		__u64 begin_ns = report_cpu_ns(), ns;

		stream_set_time(run->stream, dataset_header(set, begin)->base_time_ns,
				++run->mono_ns);
		for (step += begin; begin < step; begin++)
			stream_add(run->stream, dataset_record(set, begin), set->record_bytes);
		stream_flush(run->stream);
		stream_tidy(run->stream);
		ns = note_longest(&run->longest_step_ns, begin_ns);
		if (run->step_ns)
			*run->step_ns++ = ns;
	}
}

void engine_run_add(struct engine_run *run, const struct dataset *set)
{
	engine_run_add_part(run, set, 0, set->datagrams);
}

int engine_run_tick(struct engine_run *run, __s64 watermark_ns)
{
	const struct row_writer writer = { .context = run, .reserve = reserve, .commit = commit };
	__u64 begin_ns = report_cpu_ns(), slice_ns = begin_ns;
	int written;

	for (__u32 w = 0; w < run->window_count; w++) {
		if (watermark_ns > run->watermark_ns[w])
			run->watermark_ns[w] = watermark_ns;
	}
	stream_advance(run->stream, run->watermark_ns);
	note_longest(&run->longest_slice_ns, slice_ns);
	do {
		slice_ns = report_cpu_ns();
		written = stream_emit(run->stream, &writer, WORKER_TURN_ROWS);
		note_longest(&run->longest_slice_ns, slice_ns);
	} while (written > 0);
	run->emission_ns += report_cpu_ns() - begin_ns;
	return written;
}

int engine_run_emit(struct engine_run *run, const struct dataset *set)
{
	memset(run->total, 0, sizeof(run->total));
	return engine_run_tick(run, (__s64)(set->base_time_ns + 2 * ENGINE_RUN_WINDOW_NS));
}

__u64 engine_run_second(struct engine_run *run, const struct dataset *set, int *err)
{
	__u64 begin_ns = report_cpu_ns();

	engine_run_add(run, set);
	if (!*err)
		*err = engine_run_tick(run, (__s64)(set->base_time_ns + ENGINE_RUN_WINDOW_NS));
	return report_cpu_ns() - begin_ns;
}

double engine_run_unaccounted(const struct engine_run *run, __u32 window, const struct dataset *set,
			      __u64 times)
{
	const struct engine_run_total *total = &run->total[window];
	bool once = run->window[window].dedup == WINDOW_DEDUP_EVENT_ID;
	__u64 events = (set->events - (once ? set->repeats : 0)) * times;
	__u64 sum = (set->value_sum - (once ? set->repeats_sum : 0)) * times;

	return report_distance(total->count, events) + (total->sum != sum);
}
