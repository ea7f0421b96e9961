/* SPDX-License-Identifier: BSD-2-Clause */
/* What the stages of the hot path share; for hot_batch.c and the headers it is made of. */
#ifndef SLUICE_CORE_HOT_H
#define SLUICE_CORE_HOT_H

#include "core/stream/stream_state.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#define inline_always static inline __attribute__((always_inline))
#define is_likely(x) __builtin_expect(!!(x), 1)
#define is_rare(x) __builtin_expect(!!(x), 0)

/* Into the second-level cache: far more misses may be under way there than in the first. */
#define fetch(address) __builtin_prefetch((address), 0, 2)

/* Where the index and the rows of a grouping are found, and so how a stage goes over the batch. */
enum reach {
	REACH_L2, /* fetch nothing */
	REACH_L3, /* one loop fetches, the next uses */
	/* One loop fetches for event j and uses what it fetched for event j − FETCH_DISTANCE. A
	 * loop that only fetches overruns the few misses that may be under way, and the loop behind
	 * it waits for the rest one by one: twice as slow with a million groups. */
	REACH_MEMORY,
};

/* Groups from which on; some 80 bytes each, index included. Tests ask for fewer. */
#ifndef FETCH_DISTANCE
#define REACH_L3_GROUPS 8192u
#define REACH_MEMORY_GROUPS 65536u
#define FETCH_DISTANCE 48u
/* The sketches of so many do not stay in the nearest caches. */
#define EXTRAS_FETCH_GROUPS 64u
#endif

/* Whether all events of the batch belong to the pane of the one before them. */
inline_always bool is_of_last_pane(const struct window *window, const struct batch *batch)
{
	return window->last &&
	       (__u64)(batch->oldest_ns - window->last_start_ns) < (__u64)window->pane_ns &&
	       (__u64)(batch->newest_ns - window->last_start_ns) < (__u64)window->pane_ns;
}

/* The pane of an event that has found its row. Of a plain batch (rows_hot.h) none is noted, as all
 * are of the last. */
inline_always struct pane *pane_of(const struct window *window, const struct batch *batch, __u32 i,
				   bool is_plain)
{
	return is_plain ? window->last : batch->pane[i];
}

#endif
