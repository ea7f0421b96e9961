/* SPDX-License-Identifier: BSD-2-Clause */
/* The pure engine with one tumbling window over a data set, in one thread: what the agent's worker
 * does without rings and disk. Rows that come out are summed, so that a wrong result is no fast
 * result. */
#ifndef BENCH_ENGINE_RUN_H
#define BENCH_ENGINE_RUN_H

#include "core/stream.h"
#include "dataset.h"

#define ENGINE_RUN_WINDOW_NS 1000000000ull

struct engine_run {
	struct stream *stream;
	struct sources *sources;
	struct window_spec window;
	__s64 watermark_ns;
	__u32 row_bytes;		/* of one row, for the writer */
	__u64 mono_ns;			/* simulated arrival */
	__u8 *buffer;			/* of the writer */
	/* summed over the rows of the last engine_run_emit() */
	__u64 rows, count, sum;
	/* summed over all */
	__u64 longest_step_ns;		/* of a step of engine_run_add() */
};

/* Up to `groups_max` groups by key in `memory_bytes`. -errno. */
int engine_run_open(struct engine_run *run, __u32 groups_max, __u64 memory_bytes);
void engine_run_close(struct engine_run *run);

/* Adds every record, flushed every `datagrams_a_step`. */
void engine_run_add(struct engine_run *run, const struct dataset *set, __u32 datagrams_a_step);

/* Moves the watermark past all windows of the data set and takes their rows, `rows_a_slice` at a
 * time. -EIO when a row is not what the format says. */
int engine_run_emit(struct engine_run *run, const struct dataset *set, __u32 rows_a_slice);

#endif
