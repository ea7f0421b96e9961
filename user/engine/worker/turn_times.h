/* SPDX-License-Identifier: BSD-2-Clause */
/* How long the turns of one worker took, waiting excluded: the longest and a histogram in powers of
 * two. Written by its worker alone, read by any thread. */
#ifndef SLUICE_ENGINE_TURN_TIMES_H
#define SLUICE_ENGINE_TURN_TIMES_H

#include <stdatomic.h>

#include <linux/types.h>

#define TURN_TIMES_BUCKETS 16	/* below 1 µs, 2 µs, 4 µs … 16 ms; the last takes the rest */

struct turn_times {
	_Atomic __u64 turns;
	_Atomic __u64 longest_ns;	/* as a clock on the wall sees it */
	_Atomic __u64 longest_cpu_ns;	/* of its own CPU time: without what others took */
	_Atomic __u64 bucket[TURN_TIMES_BUCKETS];
};

struct turn_times_sum {
	__u64 turns;
	__u64 longest_ns;
	__u64 longest_cpu_ns;
	__u64 bucket[TURN_TIMES_BUCKETS];
};

/* Upper bound of a bucket (the last has none: 0), in ns. */
static inline __u64 turn_times_bound_ns(unsigned int bucket)
{
	return bucket + 1 < TURN_TIMES_BUCKETS ? 1000ull << bucket : 0;
}

static inline unsigned int turn_times_bucket(__u64 ns)
{
	unsigned int bucket = 0;

	while (bucket + 1 < TURN_TIMES_BUCKETS && ns >= turn_times_bound_ns(bucket))
		bucket++;
	return bucket;
}

static inline void turn_times_raise(_Atomic __u64 *counter, __u64 by)
{
	__u64 value = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, value + by, memory_order_relaxed);
}

static inline void turn_times_lift(_Atomic __u64 *longest, __u64 ns)
{
	if (ns > atomic_load_explicit(longest, memory_order_relaxed))
		atomic_store_explicit(longest, ns, memory_order_relaxed);
}

static inline void turn_times_note(struct turn_times *times, __u64 wall_ns, __u64 cpu_ns)
{
	turn_times_raise(&times->turns, 1);
	turn_times_raise(&times->bucket[turn_times_bucket(wall_ns)], 1);
	turn_times_lift(&times->longest_ns, wall_ns);
	turn_times_lift(&times->longest_cpu_ns, cpu_ns);
}

/* Adds the times of one more worker to a sum that starts zeroed. */
static inline void turn_times_add(struct turn_times_sum *sum, const struct turn_times *times)
{
	__u64 longest = atomic_load_explicit(&times->longest_ns, memory_order_relaxed);
	__u64 longest_cpu = atomic_load_explicit(&times->longest_cpu_ns, memory_order_relaxed);

	sum->turns += atomic_load_explicit(&times->turns, memory_order_relaxed);
	sum->longest_ns = longest > sum->longest_ns ? longest : sum->longest_ns;
	sum->longest_cpu_ns = longest_cpu > sum->longest_cpu_ns ? longest_cpu : sum->longest_cpu_ns;
	for (unsigned int i = 0; i < TURN_TIMES_BUCKETS; i++)
		sum->bucket[i] += atomic_load_explicit(&times->bucket[i], memory_order_relaxed);
}

#endif
