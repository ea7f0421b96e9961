/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of a segment keeper, shared by its sources: segment_keeper.c (the thread, new
 * segments) and segment_retire.c (old ones). Nobody else includes it. */
#ifndef SLUICE_EDGE_SEGMENT_KEEPER_STATE_H
#define SLUICE_EDGE_SEGMENT_KEEPER_STATE_H

#include "edge/log/segment_keeper.h"
#include "edge/store/space_watch.h"

struct segment_keeper {
	struct segment_keeper_options options;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wakeup;
	/* Under the mutex: */
	bool has_thread;
	bool is_stopping;
	bool want_prepare;
	bool want_start;
	bool want_retire;
	struct sluice_segment header; /* of the segment to start */
	int started_fd; /* waiting to be taken, or -1 */
	int start_error; /* final */
	__u64 now_wall_ns;
	__u64 durable_lsn;
	struct segment_entry *entries;
	size_t entry_count;
	struct segment_keeper_stats stats;
	__u64 results_first; /* below it files are to go, whatever their size or age */
	/* The thread's alone: */
	int prepared_fd;
	struct space_watch space;
};

void segment_keeper_drop_prepared(struct segment_keeper *keeper);
/* How many of the oldest are to go (a prepared one counts), never the last one. Under the mutex. */
size_t segment_keeper_count_old(const struct segment_keeper *keeper);
/* Removes them, and tells when that fails or works again. 0, or the -errno of the first failure:
 * what is left is tried again the next time. */
int segment_keeper_remove_old(struct segment_keeper *keeper);

#endif
