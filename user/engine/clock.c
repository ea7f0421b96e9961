/* SPDX-License-Identifier: BSD-2-Clause */
/* Readings and log lines around the guard. */
#include "engine/clock.h"

#include "base/log.h"

static __u64 boot_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_BOOTTIME, &time);
	return (__u64)time.tv_sec * 1000000000ull + (__u64)time.tv_nsec;
}

/* The wall clock between two looks at the other one: a thread that has to wait in between is half
 * as far off. */
struct clock_reading engine_clock_read(void)
{
	__u64 before_ns = boot_ns(), after_ns;
	struct timespec wall;

	clock_gettime(CLOCK_REALTIME, &wall);
	after_ns = boot_ns();
	return (struct clock_reading){
		.boot_ns = before_ns + (after_ns - before_ns) / 2,
		.wall_ns = clock_guard_wall_ns(wall.tv_sec, wall.tv_nsec),
	};
}

static void publish(struct engine_clock *clock, __u64 now_boot_ns)
{
	atomic_store_explicit(&clock->offset_ns, clock->guard.offset_ns, memory_order_relaxed);
	atomic_store_explicit(&clock->is_settled,
			      clock_guard_is_settled(&clock->guard, now_boot_ns),
			      memory_order_relaxed);
}

static void tell(const struct clock_guard *guard, enum clock_guard_change change)
{
	__s64 step_ms = guard->step_ns / 1000000;

	switch (change) {
	case CLOCK_GUARD_BEGAN:
		log_line(LOG_LEVEL_WARNING, "clock",
			 "the wall clock was set; the old time goes on until the new one has stood "
			 "for 60 s",
			 log_signed("step_ms", step_ms));
		break;
	case CLOCK_GUARD_ENDED:
		log_line(LOG_LEVEL_INFO, "clock",
			 "the wall clock came back by itself; nothing was changed",
			 log_signed("step_ms", step_ms));
		break;
	case CLOCK_GUARD_ADOPTED:
		log_line(LOG_LEVEL_WARNING, "clock",
			 "the wall clock has stood for 60 s; its time is the agent's time now",
			 log_signed("step_ms", step_ms));
		break;
	default:
		break;
	}
}

void engine_clock_open(struct engine_clock *clock, struct clock_reading reading,
		       const __s64 *offset_ns)
{
	if (offset_ns)
		tell(&clock->guard, clock_guard_open_with(&clock->guard, *offset_ns,
							  reading.boot_ns, reading.wall_ns));
	else
		clock_guard_open(&clock->guard, reading.boot_ns, reading.wall_ns);
	publish(clock, reading.boot_ns);
}

void engine_clock_note(struct engine_clock *clock, struct clock_reading reading)
{
	enum clock_guard_change change =
		clock_guard_read(&clock->guard, reading.boot_ns, reading.wall_ns);

	tell(&clock->guard, change);
	publish(clock, reading.boot_ns);
}
