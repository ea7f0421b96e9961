/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of the results log, shared by its two sources: results_open.c (open, close, what
 * others ask) and results_log.c (the turn). Nobody else includes it. */
#ifndef SLUICE_EDGE_RESULTS_STATE_H
#define SLUICE_EDGE_RESULTS_STATE_H

#include "edge/results/results_batches.h"
#include "edge/results/results_log.h"
#include "edge/results/positions.h"
#include "edge/results/results_memory.h"
#include "edge/results/results_preamble.h"
#include "edge/log/segment.h"
#include "edge/log/segment_keeper.h"
#include "edge/store/space_watch.h"

#define results_log_container(pointer, type, member) \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

struct results_log {
	struct store *store;
	struct uring *uring;
	struct segment_keeper *keeper;
	__u8 store_id[16];		/* these two do not change; the manifest around them does */
	__u8 agent_id[16];
	__u64 agent_epoch;
	__u32 config_epoch;
	__u64 segment_bytes; /* of new segments */
	__u64 commit_interval_ns;
	struct results_batches batches;
	struct results_preamble preamble;
	struct results_batch preamble_batch;
	struct positions positions;
	bool is_preamble_due;
	struct results_memory recovered; /* what the log ended with when it was opened */
	__u64 gaps_durable;
	__s64 complete_end_ns[SLUICE_WINDOWS_MAX]; /* durable; of closed instances */
	/* The active segment: */
	int fd;
	__u64 file_bytes;
	__u64 offset; /* of the next batch */
	__u64 next_lsn;
	__u64 next_number; /* of the next segment */
	__u32 chain;
	bool is_starting; /* a new segment was asked for */
	bool has_prepared; /* the next one was asked for ahead */
	__u64 next_retire_ns;
	bool is_age_held; /* the wall clock is in doubt */
	/* Sealed and not known durable, in LSN order: */
	struct results_batch *flight[RESULTS_LOG_IN_FLIGHT];
	unsigned int flight_count;
	bool has_queued;
	bool is_write_out_of_space;
	struct space_watch space;
	__u64 write_retries;
	/* Read by any thread: */
	__u64 durable_lsn;
	int error; /* final */
	char explanation[STORE_PROBLEM_MAX];
	struct results_log_stats stats;
};

/* A batch is durable: how far emissions are complete by it, and which gaps are told. */
void results_log_note_complete(struct results_log *log, const struct sluice_batch *batch);
/* Asks for a new segment; all of the active one is durable. */
void results_log_request_segment(struct results_log *log);
/* Makes `fd`, the segment asked for, the active one. */
void results_log_use_segment(struct results_log *log, int fd);
/* The first error is the one that stays. */
void results_log_fail(struct results_log *log, int error, const char *what);
bool results_log_is_out_of_space(const struct results_log *log);
__u64 results_log_clock_ns(void); /* monotonic */

#endif
