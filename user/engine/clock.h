/* SPDX-License-Identifier: BSD-2-Clause */
/* The agent's wall clock for all of its threads: the control thread takes readings and logs what
 * changes, everybody else asks for the time. Nothing in the agent looks at CLOCK_REALTIME but
 * this, apart from the times of log lines. */
#ifndef SLUICE_ENGINE_CLOCK_H
#define SLUICE_ENGINE_CLOCK_H

#include <stdatomic.h>
#include <time.h>

#include "base/clock_guard.h"

struct engine_clock {
	struct clock_guard guard;	/* the control thread's */
	_Atomic __s64 offset_ns;	/* of the guard, for everybody */
	_Atomic bool is_settled;	/* clock_guard_is_settled() at the last reading */
};

/* Two readings that belong together. */
struct clock_reading {
	__u64 boot_ns;
	__s64 wall_ns;
};

struct clock_reading engine_clock_read(void);

/* Before any thread asks. `offset_ns`: what an earlier start of this boot believed, or NULL. */
void engine_clock_open(struct engine_clock *clock, struct clock_reading reading,
		       const __s64 *offset_ns);
/* At every tick, the ones that are left out too. Control thread. */
void engine_clock_note(struct engine_clock *clock, struct clock_reading reading);

/* Any thread. */
static inline __u64 engine_clock_now_ns(const struct engine_clock *clock)
{
	struct timespec boot;

	clock_gettime(CLOCK_BOOTTIME, &boot);
	return clock_guard_now_ns(
		atomic_load_explicit(&((struct engine_clock *)clock)->offset_ns,
				     memory_order_relaxed),
		(__u64)boot.tv_sec * 1000000000ull + (__u64)boot.tv_nsec);
}

static inline bool engine_clock_is_settled(const struct engine_clock *clock)
{
	return atomic_load_explicit(&((struct engine_clock *)clock)->is_settled,
				    memory_order_relaxed);
}

#endif
