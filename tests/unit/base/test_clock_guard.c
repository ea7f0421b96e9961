/* SPDX-License-Identifier: BSD-2-Clause */
/* The wall clock as the agent believes it: slewing is followed, a step only when it stands, and no
 * reading, however odd, makes the sums wrap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock_guard.h"

#define SECOND 1000000000ll
#define DAY (86400 * SECOND)
#define TICK (50 * 1000000ll)
#define WALL (1700000000 * SECOND)

/* Both clocks, as a host has them: tests move them. */
struct host {
	__u64 boot_ns;
	__s64 wall_ns;
	struct clock_guard guard;
	unsigned int began, ended, adopted;
};

static void open_host(struct host *host)
{
	*host = (struct host){ .boot_ns = 100 * SECOND, .wall_ns = WALL };
	clock_guard_open(&host->guard, host->boot_ns, host->wall_ns);
}

static enum clock_guard_change reading(struct host *host)
{
	enum clock_guard_change change =
		clock_guard_read(&host->guard, host->boot_ns, host->wall_ns);

	host->began += change == CLOCK_GUARD_BEGAN;
	host->ended += change == CLOCK_GUARD_ENDED;
	host->adopted += change == CLOCK_GUARD_ADOPTED;
	return change;
}

/* Time passes, with a reading at each tick; the wall clock gains `slew_ns` at each. */
static void run(struct host *host, __s64 ns, __s64 slew_ns)
{
	for (__s64 passed = 0; passed < ns; passed += TICK) {
		host->boot_ns += TICK;
		host->wall_ns += TICK + slew_ns;
		reading(host);
	}
}

static __s64 now(const struct host *host)
{
	return (__s64)clock_guard_now_ns(host->guard.offset_ns, host->boot_ns);
}

static void follows_a_clock_that_is_slewed(void **state)
{
	struct host host;

	(void)state;
	open_host(&host);
	run(&host, 600 * SECOND, 25000); /* 500 ppm: 0.3 s in ten minutes */
	assert_int_equal(now(&host), host.wall_ns);
	run(&host, 600 * SECOND, -25000);
	host.wall_ns += SECOND * 9 / 10;
	assert_int_equal(reading(&host), CLOCK_GUARD_SAME);
	assert_int_equal(now(&host), host.wall_ns);
	assert_int_equal(host.began, 0);
}

static void a_step_that_goes_away_changes_nothing(void **state)
{
	const __s64 steps[] = { 30 * SECOND, -30 * SECOND, 8 * DAY, -8 * DAY };
	struct host host;

	(void)state;
	for (unsigned int i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		open_host(&host);
		host.wall_ns += steps[i];
		assert_int_equal(reading(&host), CLOCK_GUARD_BEGAN);
		assert_int_equal(host.guard.step_ns, steps[i]);
		run(&host, 2 * SECOND, 0);
		assert_int_equal(now(&host), WALL + 2 * SECOND);
		assert_true(host.guard.is_stepping);
		assert_int_equal(clock_guard_stepping_ns(&host.guard, host.boot_ns), 2 * SECOND);
		assert_false(clock_guard_is_settled(&host.guard, host.boot_ns));
		host.wall_ns -= steps[i];
		assert_int_equal(reading(&host), CLOCK_GUARD_ENDED);
		assert_int_equal(now(&host), host.wall_ns);
		assert_int_equal(clock_guard_stepping_ns(&host.guard, host.boot_ns), 0);
		run(&host, 120 * SECOND, 0);
		assert_int_equal(host.adopted, 0);
		assert_int_equal(host.began, 1);
	}
}

static void a_step_that_stands_is_adopted(void **state)
{
	const __s64 steps[] = { 2 * SECOND, -2 * SECOND, 8 * DAY, -8 * DAY };
	struct host host;

	(void)state;
	for (unsigned int i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		open_host(&host);
		host.wall_ns += steps[i];
		reading(&host);
		run(&host, 60 * SECOND - TICK, 25); /* slewed meanwhile */
		assert_int_equal(host.adopted, 0);
		assert_int_equal(now(&host), WALL + 60 * SECOND - TICK);
		run(&host, TICK, 25);
		assert_int_equal(host.adopted, 1);
		assert_int_equal(now(&host), host.wall_ns);
		assert_true(clock_guard_is_settled(&host.guard, host.boot_ns));
		run(&host, 60 * SECOND, 0);
		assert_int_equal(host.began, 1);
	}
}

/* Two steps, neither of which stands: each begins its own minute. */
static void a_step_on_a_step_begins_again(void **state)
{
	struct host host;

	(void)state;
	open_host(&host);
	host.wall_ns += 30 * SECOND;
	reading(&host);
	run(&host, 50 * SECOND, 0);
	host.wall_ns += DAY;
	assert_int_equal(reading(&host), CLOCK_GUARD_BEGAN);
	run(&host, 50 * SECOND, 0);
	assert_int_equal(now(&host), WALL + 100 * SECOND);
	assert_int_equal(host.adopted, 0);
	run(&host, 10 * SECOND, 0);
	assert_int_equal(host.adopted, 1);
	assert_int_equal(now(&host), host.wall_ns);
}

/* The kernel inserts a leap second by stepping the wall clock one second back. */
static void a_leap_second_is_no_step(void **state)
{
	struct host host;

	(void)state;
	open_host(&host);
	run(&host, SECOND, 0);
	host.boot_ns += TICK;
	host.wall_ns += TICK - SECOND - 25000; /* and is slewed a little */
	assert_int_equal(reading(&host), CLOCK_GUARD_SAME);
	assert_int_equal(now(&host), host.wall_ns);
}

/* Both clocks of the guard go on while the host sleeps. */
static void suspend_is_no_step(void **state)
{
	struct host host;

	(void)state;
	open_host(&host);
	host.boot_ns += (__u64)(9 * 3600 * SECOND);
	host.wall_ns += 9 * 3600 * SECOND + 300000000; /* the RTC is not so exact */
	assert_int_equal(reading(&host), CLOCK_GUARD_SAME);
	assert_int_equal(now(&host), host.wall_ns);
}

static void an_offset_of_this_boot_is_taken_over(void **state)
{
	struct clock_guard guard;

	(void)state;
	assert_int_equal(clock_guard_open_with(&guard, WALL, 5 * SECOND, WALL + 5 * SECOND),
			 CLOCK_GUARD_SAME);
	assert_true(clock_guard_is_settled(&guard, 5 * SECOND));
	/* The clock reads 8 days ahead just as the agent starts. */
	assert_int_equal(clock_guard_open_with(&guard, WALL, 5 * SECOND, WALL + 8 * DAY),
			 CLOCK_GUARD_BEGAN);
	assert_int_equal(clock_guard_now_ns(guard.offset_ns, 5 * SECOND), WALL + 5 * SECOND);
	assert_false(clock_guard_is_settled(&guard, 5 * SECOND));
}

/* Without one, nothing is old before the clock has stood for a minute. */
static void a_first_reading_must_stand_before_anything_is_old(void **state)
{
	struct host host;

	(void)state;
	open_host(&host);
	assert_false(clock_guard_is_settled(&host.guard, host.boot_ns));
	run(&host, 59 * SECOND, 0);
	assert_false(clock_guard_is_settled(&host.guard, host.boot_ns));
	run(&host, SECOND, 0);
	assert_true(clock_guard_is_settled(&host.guard, host.boot_ns));
}

static void times_beyond_the_calendar_saturate(void **state)
{
	struct clock_guard guard;

	(void)state;
	assert_int_equal(clock_guard_wall_ns(-1, 999999999), 0);
	assert_int_equal(clock_guard_wall_ns(INT64_MIN, 0), 0);
	assert_int_equal(clock_guard_wall_ns(INT64_MAX, 999999999), INT64_MAX);
	assert_int_equal(clock_guard_wall_ns(9223372036, 854775807), INT64_MAX);
	assert_int_equal(clock_guard_wall_ns(9223372036, 854775808), INT64_MAX);
	assert_int_equal(clock_guard_wall_ns(5, 6), 5 * SECOND + 6);
	/* 2262 and beyond: time stands at the end of what there is. */
	clock_guard_open(&guard, SECOND, INT64_MAX);
	assert_int_equal(clock_guard_now_ns(guard.offset_ns, SECOND), INT64_MAX);
	assert_int_equal(clock_guard_now_ns(guard.offset_ns, 2 * SECOND), INT64_MAX);
	assert_int_equal(clock_guard_now_ns(INT64_MAX, UINT64_MAX), INT64_MAX);
	assert_int_equal(clock_guard_read(&guard, 2 * SECOND, INT64_MAX), CLOCK_GUARD_SAME);
	/* Before 1970: the same at the other end. */
	clock_guard_open(&guard, 100 * SECOND, 0);
	assert_int_equal(clock_guard_now_ns(guard.offset_ns, 99 * SECOND), 0);
	assert_int_equal(clock_guard_now_ns(INT64_MIN, 0), 0);
	assert_int_equal(clock_guard_read(&guard, 101 * SECOND, INT64_MAX), CLOCK_GUARD_BEGAN);
	assert_int_equal(clock_guard_read(&guard, 101 * SECOND, 0), CLOCK_GUARD_ENDED);
	assert_int_equal(clock_guard_read(&guard, 102 * SECOND, INT64_MIN), CLOCK_GUARD_BEGAN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows_a_clock_that_is_slewed),
		cmocka_unit_test(a_step_that_goes_away_changes_nothing),
		cmocka_unit_test(a_step_that_stands_is_adopted),
		cmocka_unit_test(a_step_on_a_step_begins_again),
		cmocka_unit_test(a_leap_second_is_no_step),
		cmocka_unit_test(suspend_is_no_step),
		cmocka_unit_test(an_offset_of_this_boot_is_taken_over),
		cmocka_unit_test(a_first_reading_must_stand_before_anything_is_old),
		cmocka_unit_test(times_beyond_the_calendar_saturate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
