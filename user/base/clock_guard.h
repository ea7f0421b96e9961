/* SPDX-License-Identifier: BSD-2-Clause */
/* The one wall clock of the agent: now = CLOCK_BOOTTIME + offset. The offset follows a clock that
 * is slewed; a step is believed only after it has stood for a minute. Readings come in as
 * arguments, so it reads no clock itself; it says what has changed, so that others can log it. */
#ifndef SLUICE_BASE_CLOCK_GUARD_H
#define SLUICE_BASE_CLOCK_GUARD_H

#include <stdbool.h>

#include <linux/types.h>

/* A difference up to this is followed at once. A leap second measures one second, so a little
 * more. */
#define CLOCK_GUARD_STEP_NS 1001000000ll
/* How long a step must stand. */
#define CLOCK_GUARD_PATIENCE_NS 60000000000ull

enum clock_guard_change {
	CLOCK_GUARD_SAME,
	CLOCK_GUARD_BEGAN,	/* the wall clock differs, or by another step than before */
	CLOCK_GUARD_ENDED,	/* it came back by itself; nothing was changed */
	CLOCK_GUARD_ADOPTED,	/* the step stood long enough: the offset is the new one */
};

struct clock_guard {
	__s64 offset_ns;	/* now = boottime + this */
	bool is_open;
	bool is_stepping;	/* the wall clock disagrees */
	bool is_seeded;		/* the offset was known before this start */
	__s64 step_ns;		/* wall clock − now, the last one while it disagreed */
	__u64 since_ns;		/* boottime at which the disagreement began; else of the open */
	__u64 steps_adopted;
	__u64 steps_ended;	/* that went away by themselves */
};

/* One wall clock reading in nanoseconds; before 1970 it is 0, after 2262 INT64_MAX. */
__s64 clock_guard_wall_ns(__s64 seconds, __s64 nanoseconds);

/* Starts with the clock as it stands. */
void clock_guard_open(struct clock_guard *guard, __u64 boot_ns, __s64 wall_ns);
/* Starts with an offset that was believed before, in the same boot. */
enum clock_guard_change clock_guard_open_with(struct clock_guard *guard, __s64 offset_ns,
					      __u64 boot_ns, __s64 wall_ns);

/* Takes a reading of both clocks; at least once a second or so. */
enum clock_guard_change clock_guard_read(struct clock_guard *guard, __u64 boot_ns, __s64 wall_ns);

/* The time it is, from 0 to INT64_MAX. */
__u64 clock_guard_now_ns(__s64 offset_ns, __u64 boot_ns);

/* How long the disagreement has lasted; 0 without one. */
__u64 clock_guard_stepping_ns(const struct clock_guard *guard, __u64 boot_ns);

/* Whether anything may be removed for its age: no disagreement, and an offset that has stood for a
 * minute or was known before. */
bool clock_guard_is_settled(const struct clock_guard *guard, __u64 boot_ns);

#endif
