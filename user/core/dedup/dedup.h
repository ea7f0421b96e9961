/* SPDX-License-Identifier: BSD-2-Clause */
/* What windows that ask for `dedup: event_id` remember: for each one set of (slice of time,
 * event_id) that all workers share. An event repeats its time, so its slice: the pane of a window
 * that tumbles or slides, for sessions a slice of gap + allowed_lateness. An id counts once in a
 * slice; it is remembered for as long as an event of that slice could still be taken.
 *
 * A set is split by hash into shards with a lock each, which a worker takes once a batch for all
 * events that belong there: so exactly one of any number of equal ids is new, whichever workers
 * bring them. One worker alone has one shard and takes no lock. */
#ifndef SLUICE_CORE_DEDUP_H
#define SLUICE_CORE_DEDUP_H

#include <stddef.h>

#include "core/memory/area.h"
#include "core/window_spec.h"

#define DEDUP_BYTES_MIN (1ull << 20) /* of a window's set */

struct dedup;
struct dedup_window;

struct dedup_options {
	const struct window_spec *windows;
	__u32 window_count;
	__u32 worker_count;
	__u64 memory_bytes; /* for the sets of all windows together */
	__u64 hash_seed; /* secret: senders choose ids */
	__s64 max_ahead_ns;
	__s64 max_lag_ns;
};

/* Reserves everything; memory is touched as ids come. With no window that asks for it there is
 * nothing to do, and *dedup is NULL. -ENOMEM; -EINVAL below DEDUP_BYTES_MIN a set. */
int dedup_open(struct dedup **dedup, const struct dedup_options *options);
void dedup_close(struct dedup *dedup);

/* The set of a window, or NULL. */
struct dedup_window *dedup_window(const struct dedup *dedup, __u32 window);

/* Length of the slices in which an id of this window counts once, in ns. */
__s64 dedup_slice_ns(const struct window_spec *spec);

/* Events before `time_ns` are no longer taken, by any worker: what was remembered of slices before
 * it may go. Never backwards; one thread at a time. */
void dedup_retire(struct dedup_window *set, __s64 time_ns);

/* A little of the work that ended slices leave behind; a turn of worker `worker` calls it again and
 * again. Bounded: some ten microseconds. */
void dedup_tidy(struct dedup *dedup, __u32 worker);

/* The memory of a set that is in use or soon will be. Any thread. */
struct area dedup_area(const struct dedup_window *set);

struct dedup_stats {
	__u64 ids, ids_max; /* remembered now, and at most */
	__u64 bytes_max;
	__u64 slice_ns;
	/* From the oldest slice that is remembered to the end of the newest; 0 while nothing has
	 * been forgotten. */
	__u64 horizon_ns;
	__u64 displaced; /* ids that had to go one by one: no room where their hash puts them */
	__u64 dropped; /* ids of slices given up at the bound, the oldest first */
	__u64 undecided; /* events of slices given up before: taken, perhaps again */
};

/* By a worker, between two turns. */
void dedup_read_stats(struct dedup_window *set, struct dedup_stats *stats);

#endif
