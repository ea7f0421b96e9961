/* SPDX-License-Identifier: BSD-2-Clause */
/* Differences of two clocks, compared with what they were. Every sum saturates: a clock may read
 * anything. */
#include "base/clock_guard.h"

#include <stdint.h>

#define SECOND_NS 1000000000ll

static __s64 add(__s64 a, __s64 b)
{
	__s64 sum;

	return __builtin_add_overflow(a, b, &sum) ? (b < 0 ? INT64_MIN : INT64_MAX) : sum;
}

static __s64 subtract(__s64 a, __s64 b)
{
	__s64 difference;

	return __builtin_sub_overflow(a, b, &difference) ? (b > 0 ? INT64_MIN : INT64_MAX)
							 : difference;
}

static __s64 bounded(__u64 ns)
{
	return ns < INT64_MAX ? (__s64)ns : INT64_MAX;
}

static bool is_step(__s64 difference_ns)
{
	return difference_ns > CLOCK_GUARD_STEP_NS || difference_ns < -CLOCK_GUARD_STEP_NS;
}

__s64 clock_guard_wall_ns(__s64 seconds, __s64 nanoseconds)
{
	__s64 wall_ns;

	if (seconds < 0)
		return 0;
	if (__builtin_mul_overflow(seconds, SECOND_NS, &wall_ns) ||
	    __builtin_add_overflow(wall_ns, nanoseconds, &wall_ns))
		return INT64_MAX;
	return wall_ns;
}

void clock_guard_open(struct clock_guard *guard, __u64 boot_ns, __s64 wall_ns)
{
	*guard = (struct clock_guard){
		.offset_ns = subtract(wall_ns, bounded(boot_ns)),
		.is_open = true,
		.since_ns = boot_ns,
	};
}

enum clock_guard_change clock_guard_open_with(struct clock_guard *guard, __s64 offset_ns,
					      __u64 boot_ns, __s64 wall_ns)
{
	*guard = (struct clock_guard){
		.offset_ns = offset_ns,
		.is_open = true,
		.is_seeded = true,
		.since_ns = boot_ns,
	};
	return clock_guard_read(guard, boot_ns, wall_ns);
}

static enum clock_guard_change disagree(struct clock_guard *guard, __u64 boot_ns, __s64 step_ns)
{
	bool is_another = !guard->is_stepping || is_step(subtract(step_ns, guard->step_ns));

	guard->step_ns = step_ns;
	if (is_another) {
		guard->is_stepping = true;
		guard->since_ns = boot_ns;
		return CLOCK_GUARD_BEGAN;
	}
	if (boot_ns - guard->since_ns < CLOCK_GUARD_PATIENCE_NS)
		return CLOCK_GUARD_SAME;
	guard->offset_ns = add(guard->offset_ns, step_ns);
	guard->is_stepping = false;
	guard->steps_adopted++;
	return CLOCK_GUARD_ADOPTED;
}

enum clock_guard_change clock_guard_read(struct clock_guard *guard, __u64 boot_ns, __s64 wall_ns)
{
	__s64 difference_ns =
		subtract(wall_ns, (__s64)clock_guard_now_ns(guard->offset_ns, boot_ns));

	if (is_step(difference_ns))
		return disagree(guard, boot_ns, difference_ns);
	guard->offset_ns = add(guard->offset_ns, difference_ns);
	if (!guard->is_stepping)
		return CLOCK_GUARD_SAME;
	guard->is_stepping = false;
	guard->steps_ended++;
	return CLOCK_GUARD_ENDED;
}

__u64 clock_guard_now_ns(__s64 offset_ns, __u64 boot_ns)
{
	__s64 now_ns = add(offset_ns, bounded(boot_ns));

	return now_ns > 0 ? (__u64)now_ns : 0;
}

__u64 clock_guard_stepping_ns(const struct clock_guard *guard, __u64 boot_ns)
{
	return guard->is_stepping ? boot_ns - guard->since_ns : 0;
}

bool clock_guard_is_settled(const struct clock_guard *guard, __u64 boot_ns)
{
	if (!guard->is_open || guard->is_stepping)
		return false;
	return guard->is_seeded || guard->steps_adopted ||
	       boot_ns - guard->since_ns >= CLOCK_GUARD_PATIENCE_NS;
}
