/* SPDX-License-Identifier: BSD-2-Clause */
/* What a clock that is set does to the watermarks, with the readings of a host that the test moves:
 * nothing, until its time has stood. Silence is measured on the monotonic clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/source/sources.h"
#include "engine/clock.h"

#define SECOND 1000000000ll
#define TICK (50 * 1000000ll)
#define WALL (1700000000 * SECOND)

struct host {
	struct clock_reading reading;
	__u64 mono_ns;
	struct engine_clock clock;
	struct sources *sources;
	struct source_place place;
	__u64 sequence;
	__s64 watermark_ns;
};

static void open_host(struct host *host)
{
	static const struct window_spec window = { .listener_mask = 1,
						   .max_disorder_ns = 2 * SECOND };
	const struct sources_options options = { .sources_max = 4,
						 .worker_count = 1,
						 .listener_count = 1,
						 .windows = &window,
						 .window_count = 1,
						 .idle_timeout_ns = 5 * SECOND,
						 .max_lag_ns = 60 * SECOND };

	*host = (struct host){ .reading = { 100 * SECOND, WALL },
			       .mono_ns = 90 * SECOND,
			       .watermark_ns = SOURCES_WATERMARK_NONE };
	engine_clock_open(&host->clock, host->reading, NULL);
	assert_int_equal(sources_open(&host->sources, &options), 0);
}

static __s64 now(const struct host *host)
{
	return (__s64)clock_guard_now_ns(host->clock.offset_ns, host->reading.boot_ns);
}

static void send(struct host *host, __s64 time_ns)
{
	const struct source_datagram datagram = { .source_id = 1,
						  .sequence = host->sequence++,
						  .base_time_ns = (__u64)time_ns };
	__u32 refused_windows;

	sources_take(host->sources, 0, &host->place, &datagram, host->mono_ns, &refused_windows);
	sources_note(host->sources, 0, &host->place, 0, time_ns, host->mono_ns);
}

static void run(struct host *host, __s64 ns)
{
	for (__s64 passed = 0; passed < ns; passed += TICK) {
		host->reading.boot_ns += TICK;
		host->reading.wall_ns += TICK;
		host->mono_ns += TICK;
		engine_clock_note(&host->clock, host->reading);
		sources_snapshot(host->sources, host->mono_ns);
		sources_watermarks(host->sources, (__u64)now(host), &host->watermark_ns);
	}
}

/* The events that follow are not late. */
static void an_idle_agent_is_not_led_astray(void **state)
{
	struct host host;

	(void)state;
	open_host(&host);
	send(&host, WALL);
	run(&host, 20 * SECOND);
	assert_int_equal(host.watermark_ns, WALL + 13 * SECOND);
	host.reading.wall_ns += 30 * SECOND;
	run(&host, 2 * SECOND);
	host.reading.wall_ns -= 30 * SECOND;
	run(&host, SECOND);
	assert_int_equal(host.watermark_ns, WALL + 16 * SECOND);
	send(&host, WALL + 21 * SECOND);
	run(&host, TICK);
	assert_int_equal(host.watermark_ns, WALL + 19 * SECOND);
	assert_int_equal(host.clock.guard.steps_ended, 1);
	sources_close(host.sources);
}

static void a_time_that_stands_is_followed(void **state)
{
	struct host host;

	(void)state;
	open_host(&host);
	send(&host, WALL);
	run(&host, 10 * SECOND);
	host.reading.wall_ns += 3600 * SECOND;
	run(&host, 60 * SECOND);
	assert_int_equal(host.watermark_ns, WALL + 63 * SECOND);
	run(&host, SECOND);
	assert_int_equal(host.watermark_ns, WALL + 3664 * SECOND);
	/* Back: it never goes back. */
	host.reading.wall_ns -= 3600 * SECOND;
	run(&host, 70 * SECOND);
	assert_int_equal(now(&host), WALL + 141 * SECOND);
	assert_true(host.watermark_ns >= WALL + 3664 * SECOND);
	sources_close(host.sources);
}

/* The host sleeps for an hour: a source that was live is live. */
static void sleep_is_no_silence(void **state)
{
	struct host host;

	(void)state;
	open_host(&host);
	send(&host, WALL);
	run(&host, SECOND);
	host.reading.boot_ns += 3600 * SECOND;
	host.reading.wall_ns += 3600 * SECOND;
	run(&host, SECOND);
	assert_int_equal(host.watermark_ns, WALL - 2 * SECOND);
	assert_int_equal(now(&host), WALL + 3602 * SECOND);
	assert_false(host.clock.guard.is_stepping);
	sources_close(host.sources);
}

static void a_start_takes_the_offset_of_this_boot_over(void **state)
{
	const __s64 offset_ns = WALL - 100 * SECOND;
	struct engine_clock clock = { 0 };

	(void)state;
	engine_clock_open(&clock, (struct clock_reading){ 200 * SECOND, WALL + 9 * 86400 * SECOND },
			  &offset_ns);
	assert_int_equal(clock.offset_ns, offset_ns);
	assert_true(clock.guard.is_stepping);
	assert_false(engine_clock_is_settled(&clock));
	engine_clock_note(&clock, (struct clock_reading){ 202 * SECOND, WALL + 102 * SECOND });
	assert_true(engine_clock_is_settled(&clock));
	assert_int_equal(clock.offset_ns, offset_ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_idle_agent_is_not_led_astray),
		cmocka_unit_test(a_time_that_stands_is_followed),
		cmocka_unit_test(sleep_is_no_silence),
		cmocka_unit_test(a_start_takes_the_offset_of_this_boot_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
