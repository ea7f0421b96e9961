/* SPDX-License-Identifier: BSD-2-Clause */
/* The sets of windows that dedup: when there is one, how long its slices are, what is shown of it,
 * and the bound. The oracle judges which events are repeats (tests/property/test_dedup.c). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/dedup/dedup_ids.h"
#include "core/stream/stream.h"

#define SECOND 1000000000ll
#define START (1700000000 * SECOND)
#define EVENTS 32u
#define MAX_LAG (3600 * SECOND)
#define IDS_MAX (DEDUP_BYTES_MIN / 16)

static struct window_spec window;
static struct sources *sources;
static struct dedup *dedup;
static struct stream *stream;
static __u64 sequence;

static int set_up(void **state)
{
	const struct sources_options sources_options = { .sources_max = 1,
							 .worker_count = 1,
							 .listener_count = 1 };
	struct dedup_options dedup_options = { .windows = &window,
					       .window_count = 1,
					       .worker_count = 1,
					       .memory_bytes = DEDUP_BYTES_MIN,
					       .hash_seed = 1,
					       .max_lag_ns = *state ? MAX_LAG : 0 };
	struct stream_options options = { .windows = &window,
					  .window_count = 1,
					  .worker_count = 1,
					  .groups_max = 16,
					  .memory_bytes = 16 << 20,
					  .max_lag_ns = *state ? MAX_LAG : 0 };
	int error;

	window = (struct window_spec){ .name = "once",
				       .listener_mask = 1,
				       .kind = SLUICE_WINDOW_TUMBLING,
				       .size_ns = SECOND,
				       .slide_ns = SECOND,
				       .allowed_lateness_ns = 10 * SECOND,
				       .dedup = WINDOW_DEDUP_EVENT_ID };
	error = sources_open(&sources, &sources_options);
	options.sources = sources;
	if (!error)
		error = dedup_open(&dedup, &dedup_options);
	options.dedup = dedup;
	if (!error)
		error = stream_open(&stream, &options);
	if (!error)
		stream_set_time(stream, START + 3600 * SECOND, 1);
	return error;
}

static int tear_down(void **state)
{
	(void)state;
	stream_close(stream);
	dedup_close(dedup);
	sources_close(sources);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Events with `count` ids from `first` on in the given second. */
static void send(__s64 second, __u64 first, __u64 count)
{
	struct {
		struct sluice_record record;
		struct sluice_header header;
		unsigned char event[EVENTS][40];
	} datagram = {
		.record = { .payload_bytes = sizeof(datagram) - sizeof(datagram.record),
			    .prefix_bytes = SLUICE_PREFIX_SHORT,
			    .kept = EVENTS },
		.header = { .magic = SLUICE_MAGIC,
			    .version = SLUICE_VERSION,
			    .event_count = EVENTS,
			    .event_size = 40,
			    .base_time_ns = (__u64)(START + second * SECOND) },
	};

	for (__u64 id = first; id < first + count; id += EVENTS) {
		for (__u64 i = 0; i < EVENTS; i++) {
			__u64 event_id = id + i;

			memcpy(&datagram.event[i][32], &event_id, sizeof(event_id));
		}
		datagram.header.sequence = sequence++;
		stream_add(stream, &datagram.record, sizeof(datagram));
		stream_flush(stream);
		stream_tidy(stream);
	}
}

static const struct sluice_window_ledger *ledger(void)
{
	return stream_window_ledger(stream, 0);
}

static void only_windows_that_ask_have_a_set(void **state)
{
	struct window_spec windows[2] = { window, window };
	struct dedup_options options = { .windows = windows,
					 .window_count = 2,
					 .worker_count = 4,
					 .memory_bytes = 2 * DEDUP_BYTES_MIN };
	struct dedup *other = NULL;

	(void)state;
	windows[0].dedup = WINDOW_DEDUP_NONE;
	assert_int_equal(dedup_open(&other, &options), 0);
	assert_null(dedup_window(other, 0));
	assert_non_null(dedup_window(other, 1));
	assert_null(dedup_window(other, 2));
	dedup_close(other);
	other = NULL;
	windows[1].dedup = WINDOW_DEDUP_NONE;
	assert_int_equal(dedup_open(&other, &options), 0);
	assert_null(other);
	windows[0].dedup = windows[1].dedup = WINDOW_DEDUP_EVENT_ID;
	options.memory_bytes--;
	assert_int_equal(dedup_open(&other, &options), -EINVAL);
	assert_null(other);
}

static void a_stream_needs_the_set_of_its_window(void **state)
{
	const struct stream_options options = { .windows = &window,
						.window_count = 1,
						.worker_count = 1,
						.groups_max = 16,
						.memory_bytes = 16 << 20,
						.sources = sources };
	struct stream *other;

	(void)state;
	assert_int_equal(stream_open(&other, &options), -EINVAL);
}

static void slices_are_panes_or_what_sessions_wait(void **state)
{
	struct window_spec spec = { .size_ns = 20 * SECOND, .slide_ns = 20 * SECOND };

	(void)state;
	assert_int_equal(dedup_slice_ns(&spec), 20 * SECOND);
	spec.kind = SLUICE_WINDOW_SLIDING;
	spec.slide_ns = 6 * SECOND;
	assert_int_equal(dedup_slice_ns(&spec), 2 * SECOND);
	spec = (struct window_spec){ .kind = SLUICE_WINDOW_SESSION,
				     .gap_ns = 3 * SECOND,
				     .max_duration_ns = 60 * SECOND,
				     .allowed_lateness_ns = 4 * SECOND };
	assert_int_equal(dedup_slice_ns(&spec), 7 * SECOND);
}

static void the_horizon_is_lateness_and_what_is_open(void **state)
{
	__s64 watermark_ns = START + 20 * SECOND;
	struct dedup_stats stats;

	(void)state;
	for (__s64 second = 0; second <= 20; second++)
		send(second, 1, 32);
	stream_read_dedup(stream, 0, &stats);
	assert_int_equal(stats.ids, 21 * 32);
	assert_int_equal(stats.ids_max, IDS_MAX);
	assert_int_equal(stats.bytes_max, DEDUP_BYTES_MIN);
	assert_int_equal(stats.slice_ns, SECOND);
	assert_int_equal(stats.horizon_ns, 0); /* nothing has ended */
	stream_advance(stream, &watermark_ns);
	send(20, 1, 32); /* all repeats */
	stream_read_dedup(stream, 0, &stats);
	assert_int_equal(stats.ids, 11 * 32);
	assert_int_equal(stats.horizon_ns, 11 * SECOND); /* from 10 s to 21 s */
	assert_int_equal(stats.dropped + stats.displaced + stats.undecided, 0);
	assert_int_equal(ledger()->aggregated, 21 * 32);
	assert_int_equal(ledger()->duplicate_id, 32);
	send(9, 1, 32);
	assert_int_equal(ledger()->late, 32);
}

/* A source that is not set aside yet holds the watermark back: what another repeats meanwhile is
 * still known. */
static void ids_are_known_as_far_back_as_a_source_may_lag(void **state)
{
	const __s64 lag = MAX_LAG / SECOND, step = 10;
	__s64 watermark_ns = START;
	struct dedup_stats stats;

	(void)state;
	send(0, 1, 32);
	stream_advance(stream, &watermark_ns);
	for (__s64 second = step; second <= lag; second += step)
		send(second, 1, 32);
	for (__s64 second = 0; second <= lag; second += step)
		send(second, 1, 32);
	stream_read_dedup(stream, 0, &stats);
	assert_int_equal(stats.dropped + stats.displaced + stats.undecided, 0);
	assert_int_equal(ledger()->duplicate_id, (lag / step + 1) * 32);
	assert_int_equal(ledger()->aggregated, (lag / step + 1) * 32);
}

/* So many that a line in ten is full, before the table doubles. */
static void repeats_are_found_behind_full_lines(void **state)
{
	const __u64 count = DEDUP_IDS_BUCKETS_MIN * DEDUP_IDS_PER_BUCKET;
	struct dedup_stats stats;

	(void)state;
	send(0, 1, count);
	send(0, 1, count);
	stream_read_dedup(stream, 0, &stats);
	assert_int_equal(stats.ids, count);
	assert_int_equal(ledger()->duplicate_id, count);
	assert_int_equal(ledger()->aggregated, count);
}

static void the_oldest_slice_goes_first_at_the_bound(void **state)
{
	const __u64 part = IDS_MAX / 4;
	__u64 repeats;
	struct dedup_stats stats;

	(void)state;
	for (__s64 second = 0; second < 4; second++)
		send(second, 1, part);
	send(4, 1, 256);
	stream_read_dedup(stream, 0, &stats);
	assert_int_equal(stats.displaced, 0);
	assert_int_equal(stats.dropped, part);
	assert_int_equal(stats.horizon_ns, 4 * SECOND);
	send(2, 1, part); /* still known */
	assert_int_equal(ledger()->duplicate_id, part);
	repeats = ledger()->duplicate_id;
	send(0, 1, 64); /* not known, and not refused */
	stream_read_dedup(stream, 0, &stats);
	assert_int_equal(stats.undecided, 64);
	assert_int_equal(ledger()->duplicate_id, repeats);
	assert_int_equal(ledger()->aggregated, 5 * part + 256 + 64 - repeats);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_windows_that_ask_have_a_set),
		TEST(a_stream_needs_the_set_of_its_window),
		TEST(slices_are_panes_or_what_sessions_wait),
		TEST(the_horizon_is_lateness_and_what_is_open),
		cmocka_unit_test_prestate_setup_teardown(
			ids_are_known_as_far_back_as_a_source_may_lag, set_up, tear_down,
			(void *)"lag"),
		TEST(repeats_are_found_behind_full_lines),
		TEST(the_oldest_slice_goes_first_at_the_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
