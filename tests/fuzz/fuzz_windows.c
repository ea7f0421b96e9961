/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a configuration of windows and a stream for them. The bytes become YAML, so that
 * what runs is what a user can ask for; what is refused must be refused by config.h. Whatever is
 * accepted runs: no crash, ledgers that balance, no byte more than the budget, and nothing held in
 * the end. */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "core/stream/stream.h"
#include "windows_yaml.h"

#define WORKERS_MAX 2
#define EVENTS_MAX 64
#define BLOCK_BYTES (64u << 10)
#define MILLISECOND_NS 1000000ull
#define ROWS_MAX 512
#define ROUNDS_MAX 100000 /* of emission without an end: the engine is stuck */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

struct run {
	struct config *config;
	struct sources *sources;
	struct stream *stream[WORKERS_MAX];
	__u32 workers;
	__u64 memory_bytes; /* of one worker */
	__u64 wall_ns;
	__u64 mono_ns;
	__u64 sequence;
	__s64 watermark_ns[SLUICE_WINDOWS_MAX];
	unsigned int refusals; /* the writer has no room so many times */
};

/* NULL when it is refused, as most mixtures of sizes are. */
static struct config *make_config(struct cursor *cursor)
{
	struct config *config = NULL;
	char *text = windows_yaml(cursor), *said = NULL;
	size_t said_bytes = 0;
	FILE *errors = open_memstream(&said, &said_bytes);
	int error = config_load_text(&config, text, strlen(text), "F", errors);

	fclose(errors);
	assert(error == 0 || (error == -EINVAL && said_bytes));
	free(text);
	free(said);
	return config;
}

/* --- the writer: a block, and what other workers hand over --- */

static _Alignas(8) __u8 block[BLOCK_BYTES];

static void *reserve(void *context, size_t bytes_min, size_t bytes_max, size_t *bytes_room)
{
	struct run *run = context;

	assert(bytes_min <= bytes_max && bytes_min <= BLOCK_BYTES);
	run->refusals = run->refusals ? run->refusals - 1 : 0;
	if (run->refusals)
		return NULL;
	*bytes_room = bytes_max < BLOCK_BYTES ? bytes_max : BLOCK_BYTES;
	return block;
}

static void check_record(const struct sluice_disk_record *record, size_t bytes)
{
	assert(bytes >= sizeof(*record) && bytes <= BLOCK_BYTES);
	assert(record->bytes == bytes && bytes % 8 == 0);
}

static void commit(void *context, size_t bytes)
{
	(void)context;
	check_record((const struct sluice_disk_record *)block, bytes);
}

/* Worker 0 gets it at once; rows that are in the way go out first. */
static void commit_export(void *context, size_t bytes)
{
	const struct row_writer writer = { context, reserve, commit };
	struct run *run = context;
	struct sluice_disk_record *record = malloc(bytes);
	int error, rounds = 0;

	assert(record);
	memcpy(record, block, bytes);
	check_record(record, bytes);
	while ((error = stream_import(run->stream[0], record, bytes)) == -EAGAIN) {
		stream_emit(run->stream[0], &writer, ROWS_MAX);
		assert(rounds++ < ROUNDS_MAX);
	}
	assert(error == 0);
	free(record);
}

/* --- the stream --- */

static void check_stream(const struct run *run, const struct stream *stream)
{
	const struct sluice_stream_ledger *ledger = stream_ledger(stream);
	struct stream_stats stats;

	stream_read_stats(stream, &stats);
	assert(stats.memory_bytes + stats.sketch_bytes <= run->memory_bytes);
	assert(stats.sketch_bytes <= stats.sketch_bytes_max);
	assert(ledger->consumed == ledger->accepted + ledger->dictionary + ledger->duplicate +
					   ledger->stale + ledger->future +
					   ledger->rejected_record);
	for (__u32 i = 0; i < run->config->window_count; i++) {
		const struct sluice_window_ledger *window = stream_window_ledger(stream, i);

		assert(ledger->accepted == window->unselected + window->duplicate_datagram +
						window->aggregated +
						   window->duplicate_id + window->overflow +
						   window->late + window->rejected_pane);
	}
}

static void check(const struct run *run)
{
	for (__u32 i = 0; i < run->workers; i++)
		check_stream(run, run->stream[i]);
}

/* A datagram of events that look alike or not, as the kernel hands it over. */
static void add_datagram(struct run *run, struct cursor *cursor)
{
	static _Alignas(8) __u8 room[sizeof(struct sluice_record) + sizeof(struct sluice_header) +
				     EVENTS_MAX * sizeof(struct sluice_event)];
	struct sluice_record *record = (struct sluice_record *)room;
	struct sluice_header *header = (struct sluice_header *)(record + 1);
	struct sluice_event *event = (struct sluice_event *)(header + 1);
	__u8 head = windows_take(cursor), spread = windows_take(cursor),
	     seed = windows_take(cursor);
	__u32 count = head % EVENTS_MAX + 1;
	__u64 back_ns = windows_take_time(cursor) * MILLISECOND_NS;
	struct stream *stream = run->stream[head / EVENTS_MAX % run->workers];
	size_t bytes = sizeof(*header) + count * sizeof(*event);

	memset(room, 0, sizeof(room));
	*header = (struct sluice_header){ .magic = SLUICE_MAGIC,
					  .version = 1,
					  .event_size = sizeof(*event),
					  .event_count = (__u16)count,
					  .source_id = seed % 8,
					  .sequence = run->sequence++,
					  .base_time_ns = back_ns < run->wall_ns
								  ? run->wall_ns - back_ns
								  : 0 };
	for (__u32 i = 0; i < count; i++) {
		__u64 number = (run->sequence * EVENTS_MAX + i) * 0x9e3779b97f4a7c15ull;

		event[i] = (struct sluice_event){
			.key = number >> (spread & 63),
			.value = (__s64)(number << (seed & 63)),
			.time_offset_us = (__u32)(number >> 40) >> (seed % 25),
			.type = (__u16)(i % 3),
			.weight = (__u16)seed,
			.dim0 = (__u32)(number >> 32) >> (spread & 31),
			.dim1 = i,
			.dim2 = seed,
			.event_id = number >> (spread & 63),
		};
	}
	*record = (struct sluice_record){ .payload_bytes = (__u32)bytes,
					  .prefix_bytes = sizeof(*record),
					  .kept = (__u16)count };
	stream_add(stream, record, sizeof(*record) + bytes);
	stream_flush(stream);
}

static void emit(struct run *run, __u32 rows_max)
{
	const struct row_writer writer = { run, reserve, commit };

	stream_emit(run->stream[0], &writer, rows_max);
}

/* All that waits, in slices; the writer refuses now and then. */
static void emit_all(struct run *run, struct cursor *cursor)
{
	const struct row_writer writer = { run, reserve, commit };
	int count, rounds = 0;

	do {
		run->refusals = windows_take(cursor) % 4;
		count = stream_emit(run->stream[0], &writer, ROWS_MAX);
		assert(count >= 0 || count == -EAGAIN);
		assert(rounds++ < ROUNDS_MAX);
	} while (count);
}

static void hand_over(struct run *run)
{
	const struct row_writer writer = { run, reserve, commit_export };
	int count, rounds = 0;

	for (__u32 i = 1; i < run->workers; i++) {
		while ((count = stream_export(run->stream[i], &writer, ROWS_MAX)) != 0)
			assert((count > 0 || count == -EAGAIN) && rounds++ < ROUNDS_MAX);
	}
}

static void advance(struct run *run)
{
	for (__u32 i = run->workers; i-- > 0;) {
		if (i == 0)
			hand_over(run);
		stream_advance(run->stream[i], run->watermark_ns);
	}
}

static void tick(struct run *run, struct cursor *cursor)
{
	__u64 passed_ns = windows_take_time(cursor) * MILLISECOND_NS;

	run->wall_ns += passed_ns;
	run->mono_ns += passed_ns;
	for (__u32 i = 0; i < run->workers; i++)
		stream_set_time(run->stream[i], run->wall_ns, run->mono_ns);
	sources_snapshot(run->sources, run->mono_ns);
	sources_watermarks(run->sources, run->wall_ns, run->watermark_ns);
	advance(run);
}

/* The watermark passes everything: then nothing may be held. */
static void end(struct run *run, struct cursor *cursor)
{
	struct stream_stats stats;

	for (__u32 i = 0; i < run->config->window_count; i++)
		run->watermark_ns[i] = INT64_MAX;
	advance(run);
	emit_all(run, cursor);
	check(run);
	for (__u32 i = 0; i < run->workers; i++) {
		stream_read_stats(run->stream[i], &stats);
		assert(!stats.groups && !stats.panes && !stats.pane_groups);
		assert(!stats.sketch_bytes && !stats.rows_waiting);
	}
}

static void run_steps(struct run *run, struct cursor *cursor)
{
	while (cursor->left) {
		__u8 step = windows_take(cursor);

		if (step % 8 < 5)
			add_datagram(run, cursor);
		else if (step % 8 == 5)
			emit(run, step / 8 + 1);
		else
			tick(run, cursor);
		if (step % 8 == 7)
			emit_all(run, cursor);
		check(run);
	}
}

static bool open_streams(struct run *run)
{
	const struct config *config = run->config;
	const struct sources_options sources = { .sources_max = config->sources_max,
						 .worker_count = run->workers,
						 .listener_count = config->listener_count,
						 .windows = config->window,
						 .window_count = config->window_count,
						 .idle_timeout_ns = config->idle_timeout_ns,
						 .max_lag_ns = config->max_lag_ns,
						 .hash_seed = 1 };
	struct stream_options options = { .windows = config->window,
					  .window_count = config->window_count,
					  .worker_count = run->workers,
					  .groups_max = config->groups_max,
					  .memory_bytes = config->memory_bytes / run->workers,
					  .hash_seed = 1,
					  .max_ahead_ns = config->max_ahead_ns };

	run->memory_bytes = options.memory_bytes;
	if (sources_open(&run->sources, &sources))
		return false;
	options.sources = run->sources;
	for (; options.worker < run->workers; options.worker++) {
		if (stream_open(&run->stream[options.worker], &options))
			return false;
		stream_set_time(run->stream[options.worker], run->wall_ns, run->mono_ns);
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct cursor cursor = { data, bytes };
	struct run run = { .wall_ns = 1767225600000000000ull,
			   .mono_ns = 1000000000,
			   .workers = bytes > 0 && data[bytes - 1] % 4 == 0 ? 2 : 1 };

	run.config = make_config(&cursor);
	if (!run.config)
		return 0;
	for (__u32 i = 0; i < run.config->window_count; i++)
		run.watermark_ns[i] = SOURCES_WATERMARK_NONE;
	if (open_streams(&run)) {
		run_steps(&run, &cursor);
		end(&run, &cursor);
	}
	for (__u32 i = 0; i < run.workers; i++)
		if (run.stream[i])
			stream_close(run.stream[i]);
	if (run.sources)
		sources_close(run.sources);
	config_free(run.config);
	return 0;
}
