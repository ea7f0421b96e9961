/* SPDX-License-Identifier: BSD-2-Clause */
/* bench_sessions NAME…: events a second through session windows of a million keys, in process, with
 * the ticks and the rows of the sessions that close on the way. The events of one pass come 54 ms
 * apart by key on average: with a gap of three times that, one event in twenty opens a session. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/stream.h"
#include "dataset.h"
#include "report.h"

#define DATAGRAMS 381300
#define DATAGRAMS_A_STEP 256
#define ROWS_A_SLICE 512	/* as a worker does in a turn */
#define TICK_NS 50000000ull
#define DISORDER_NS 20000000ll
#define GROUPS 1000000ull
#define BUFFER_BYTES ((size_t)1 << 20)
#define RUNS 5

struct run {
	struct stream *stream;
	struct sources *sources;
	struct window_spec window;
	__s64 watermark_ns;
	__u64 mono_ns;
	__u8 *buffer;
	__u64 rows, count, sum;		/* of what came out */
	__u64 longest_ns;		/* CPU time of an advance or of a slice of rows */
};

static const struct measurement {
	const char *name;
	__s64 gap_ns;
	__s64 lateness_ns;
} measurements[] = {
	{ "sessions_1m", 162000000, 0 },
	{ "sessions_1m_short", 54000000, 0 },
	{ "sessions_1m_late", 162000000, 100000000 },
};

static void *reserve(void *context, size_t bytes_min, size_t bytes_max, size_t *bytes_room)
{
	struct run *run = context;

	if (bytes_min > BUFFER_BYTES)
		return NULL;
	*bytes_room = bytes_max < BUFFER_BYTES ? bytes_max : BUFFER_BYTES;
	return run->buffer;
}

/* Sums the rows of a finished record; what is retracted never counted. */
static void commit(void *context, size_t bytes)
{
	struct run *run = context;
	const struct sluice_disk_record *record = (const void *)run->buffer;
	const struct sluice_rows *rows = (const void *)(record + 1);
	const __u8 *at = (const __u8 *)(rows + 1);

	(void)bytes;
	for (__u32 i = 0; record->kind == SLUICE_DISK_ROWS && i < rows->row_count; i++) {
		const struct sluice_row_head *head = (const void *)at;
		struct sluice_partial partial;
		__u64 sign = rows->flags & SLUICE_ROWS_RETRACTED ? -1ull : 1;

		memcpy(&partial, at + sizeof(*head) + sizeof(__u64), sizeof(partial));
		run->rows++;
		run->count += sign * partial.count;
		run->sum += sign * partial.sum_low;
		at += head->bytes;
	}
}

static int open_run(struct run *run, const struct measurement *what)
{
	const struct sources_options sources = {
		.sources_max = 1024,
		.worker_count = 1,
		.listener_count = 1,
		.idle_timeout_ns = 5000000000,
		.max_lag_ns = 60000000000,
		.hash_seed = 1,
	};
	struct stream_options options = {
		.windows = &run->window,
		.window_count = 1,
		.worker_count = 1,
		.groups_max = 2 * GROUPS,
		.memory_bytes = 4ull << 30,
		.hash_seed = 0x5bd1e9955bd1e995ull,
		.max_ahead_ns = 10000000000,
	};
	int err;

	*run = (struct run){
		.window = {
			.name = "bench",
			.listener_mask = 1,
			.kind = SLUICE_WINDOW_SESSION,
			.gap_ns = what->gap_ns,
			.allowed_lateness_ns = what->lateness_ns,
			.group_count = 1,
			.group_field = { SLUICE_FIELD_KEY },
		},
		.watermark_ns = SOURCES_WATERMARK_NONE,
		.mono_ns = 1000000000,
		.buffer = malloc(BUFFER_BYTES),
	};
	err = run->buffer ? sources_open(&run->sources, &sources) : -ENOMEM;
	options.sources = run->sources;
	return err ? err : stream_open(&run->stream, &options);
}

static void close_run(struct run *run)
{
	stream_close(run->stream);
	sources_close(run->sources);
	free(run->buffer);
}

static void note_slice(struct run *run, __u64 begin_ns)
{
	__u64 slice_ns = report_cpu_ns() - begin_ns;

	if (slice_ns > run->longest_ns)
		run->longest_ns = slice_ns;
}

/* The watermark moves, and everything that waits is written, a slice a turn. */
static int tick(struct run *run, __s64 watermark_ns)
{
	const struct row_writer writer = { .context = run, .reserve = reserve, .commit = commit };
	__u64 begin_ns = report_cpu_ns();
	int written;

	if (watermark_ns > run->watermark_ns)
		run->watermark_ns = watermark_ns;
	stream_advance(run->stream, &run->watermark_ns);
	note_slice(run, begin_ns);
	do {
		begin_ns = report_cpu_ns();
		written = stream_emit(run->stream, &writer, ROWS_A_SLICE);
		note_slice(run, begin_ns);
	} while (written > 0);
	return written;
}

static int pass(struct run *run, const struct dataset *set)
{
	__u64 next_ns = 0;
	int err = 0;

	for (__u32 i = 0; i < set->datagrams && !err;) {
		__u64 now_ns = dataset_header(set, i)->base_time_ns;
		__u32 end = i + DATAGRAMS_A_STEP < set->datagrams ? i + DATAGRAMS_A_STEP
								  : set->datagrams;

		stream_set_time(run->stream, now_ns, ++run->mono_ns);
		for (; i < end; i++)
			stream_add(run->stream, dataset_record(set, i), DATASET_RECORD_BYTES);
		stream_flush(run->stream);
		if (now_ns >= next_ns) {
			next_ns = now_ns + TICK_NS;
			err = tick(run, (__s64)now_ns - DISORDER_NS);
		}
	}
	return err ? err : tick(run, run->watermark_ns + 2000000000);
}

static int measure(const struct measurement *what)
{
	struct report report = { .name = what->name, .metric = "events_per_second" };
	struct dataset set;
	struct run run = { 0 };
	int err = dataset_open(&set, DATAGRAMS, GROUPS, false, 42);

	if (!err)
		err = open_run(&run, what);
	/* The first pass touches memory for the first time. */
	for (int i = -1; i < RUNS && !err; i++) {
		__u64 begin_ns = report_cpu_ns();

		run.rows = run.count = run.sum = 0;
		err = pass(&run, &set);
		if (i >= 0)
			report_add_run(&report, (double)set.events * 1e9 /
							(double)(report_cpu_ns() - begin_ns));
		else
			run.longest_ns = 0;
		report.unaccounted += (double)(set.events - run.count) + (run.sum != set.value_sum);
		dataset_shift_time(&set, 10000000000);
	}
	report_add_extra(&report, "groups", (double)GROUPS);
	report_add_extra(&report, "rows", (double)run.rows);
	report_add_extra(&report, "longest_slice_us", (double)run.longest_ns / 1e3);
	if (!err)
		report_print(&report);
	close_run(&run);
	dataset_close(&set);
	return err;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		int err = -ENOENT;

		for (size_t m = 0; m < sizeof(measurements) / sizeof(*measurements); m++) {
			if (!strcmp(argv[i], measurements[m].name))
				err = measure(&measurements[m]);
		}
		if (err) {
			fprintf(stderr, "bench_sessions: %s: %s\n", argv[i], strerror(-err));
			return 1;
		}
	}
	return 0;
}
