/* SPDX-License-Identifier: BSD-2-Clause */
/* The slow side of a log, on a thread of its own: prepares the next segment ahead of need, starts
 * it when the current one is full, and removes old ones. Whoever appends asks and looks again
 * later; no call waits for the disk. Never touches a segment that is being appended to. */
#ifndef SLUICE_EDGE_SEGMENT_KEEPER_H
#define SLUICE_EDGE_SEGMENT_KEEPER_H

#include "edge/store/store.h"

#define SEGMENT_KEEPER_RETRY_NS 250000000ull /* after want of space */

struct segment_keeper;

/* A segment on disk. */
struct segment_entry {
	__u64 number;
	__u64 first_lsn;
	__u64 bytes; /* preallocated */
	__u64 created_wall_ns;
};

struct segment_keeper_options {
	struct store *store;
	__u64 segment_bytes; /* of new segments, a multiple of 4 KiB */
	__u64 bytes_max;
	__s64 age_max_ns; /* 0: no limit */
	/* On disk already, by number; copied. Those below the manifest's results_first could not be
	 * removed so far: tried again. */
	const struct segment_entry *entries;
	size_t entry_count;
};

int segment_keeper_open(struct segment_keeper **keeper,
			const struct segment_keeper_options *options);
/* Stops the thread; an unused prepared segment is removed. Takes NULL. */
void segment_keeper_close(struct segment_keeper *keeper);

/* Asks for a prepared segment; asking again is free. */
void segment_keeper_prepare(struct segment_keeper *keeper);
/* Asks for a segment with this header (sizes and checksum are filled in here). One at a time. */
void segment_keeper_start(struct segment_keeper *keeper, const struct sluice_segment *header);
/* 1: it is started and durable, *fd is the caller's; 0: not yet; -errno: it never will be. */
int segment_keeper_poll(struct segment_keeper *keeper, int *fd);
/* Asks for retention by age and size at this time, with what is durable now. */
void segment_keeper_retire(struct segment_keeper *keeper, __u64 now_wall_ns, __u64 durable_lsn);

struct segment_keeper_stats {
	__u64 segments;
	__u64 bytes;
	__u64 removed; /* files that are gone from the disk by it */
	__u64 removal_failures; /* attempts */
	int removal_error; /* of the last attempt, -errno */
	__u64 retries;
	bool is_out_of_space;
};

void segment_keeper_read_stats(struct segment_keeper *keeper, struct segment_keeper_stats *stats);

#endif
