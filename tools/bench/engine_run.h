/* SPDX-License-Identifier: BSD-2-Clause */
/* The pure engine over a data set, in one thread: what the agent's worker does without rings and
 * disk, a turn's share at a time. Rows that come out are summed by window, so that a wrong result
 * is no fast result. */
#ifndef BENCH_ENGINE_RUN_H
#define BENCH_ENGINE_RUN_H

#include "core/stream/stream.h"
#include "dataset.h"
#include "engine/worker/prefault.h"

#define ENGINE_RUN_WINDOW_NS 1000000000ull
#define ENGINE_RUN_WINDOWS_MAX 4
/* For event ids, of each window that wants them: 32 million, twice the largest data set's. */
#define ENGINE_RUN_DEDUP_BYTES ((__u64)512 << 20)

/* The rows that came out of one window. What is retracted never counted. */
struct engine_run_total {
	__u64 rows, count, sum;
};

struct engine_run {
	struct stream *stream;
	struct sources *sources;
	struct dedup *dedup;
	struct prefault prefault;
	struct window_spec window[ENGINE_RUN_WINDOWS_MAX];
	__u32 window_count;
	__s64 watermark_ns[ENGINE_RUN_WINDOWS_MAX];
	__u64 mono_ns; /* simulated arrival */
	__u8 *buffer; /* of the writer */
	struct engine_run_total total[ENGINE_RUN_WINDOWS_MAX];
	/* CPU time, since whoever looks at it cleared it */
	__u64 longest_step_ns; /* of a turn's share of datagrams */
	__u64 *step_ns; /* where that of the next step goes; NULL: nowhere */
	__u64 longest_slice_ns; /* of an advance, or of a turn's share of rows */
	__u64 emission_ns; /* of all advances and slices */
};

/* count, sum, min and max by key: tumbling by a second, or sliding over `size_ns` by a second. */
struct window_spec engine_run_tumbling(void);
struct window_spec engine_run_sliding(__u64 size_ns);
/* … tumbling, by another field. */
struct window_spec engine_run_tumbling_by(enum sluice_field field);
/* Has the window sketch this instead: distinct values of a field, quantiles of the value. */
void engine_run_ask_distinct(struct window_spec *window, enum sluice_field field);
void engine_run_ask_quantiles(struct window_spec *window);

/* Up to `groups_max` groups in each of the windows, which are copied, in `memory_bytes`. Groups
 * have one key word. -errno. */
int engine_run_open(struct engine_run *run, const struct window_spec *windows, __u32 window_count,
		    __u32 groups_max, __u64 memory_bytes);
/* … without the thread that touches memory ahead, as the agent has one. */
int engine_run_open_alone(struct engine_run *run, const struct window_spec *windows,
			  __u32 window_count, __u32 groups_max, __u64 memory_bytes);
void engine_run_close(struct engine_run *run);

/* Datagrams of this size in a busy worker's turn. */
__u32 engine_run_turn_datagrams(const struct dataset *set);

/* Adds the records from `begin` to `end`, flushed after each turn's share. */
void engine_run_add_part(struct engine_run *run, const struct dataset *set, __u32 begin, __u32 end);
/* … every record. */
void engine_run_add(struct engine_run *run, const struct dataset *set);

/* Moves the watermark of all windows there (never back) and takes the rows that are due, a turn's
 * share at a time. -EAGAIN when a row finds no room. */
int engine_run_tick(struct engine_run *run, __s64 watermark_ns);
/* One pass of a second, and a tick at its end. CPU time of both. *err stays, or is the tick's. */
__u64 engine_run_second(struct engine_run *run, const struct dataset *set, int *err);
/* Events that a window's rows lack, or have too often, when each should be there `times` over;
 * where the window remembers ids, a repeat is in none. A wrong sum is one more. */
double engine_run_unaccounted(const struct engine_run *run, __u32 window, const struct dataset *set,
			      __u64 times);
/* Clears the totals, and ticks past all tumbling windows of the data set. */
int engine_run_emit(struct engine_run *run, const struct dataset *set);

#endif
