/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of sources under several workers: of the copies of a datagram exactly one is new, while
 * sources come, and places go to others, all the time. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/source/sources.h"

#define SECOND 1000000000ull
#define WORKERS 3
#define PLACES 64
#define ROUNDS 400
#define SOURCES 8	/* new ones a round */
#define SEQUENCES 40

static struct sources *sources;
static pthread_barrier_t barrier;
static _Atomic __u32 news[ROUNDS][SOURCES];
static _Atomic __u32 working;
static __s64 noted_records;

static void take(__u32 worker, struct source_place *place, __u64 round, __u64 source,
		 __u64 sequence)
{
	const struct source_datagram datagram = { .source_id = round * SOURCES + source,
						  .sequence = 3 * sequence,
						  .base_time_ns = round * SECOND,
						  .records = 1 };
	__u32 refused_windows;

	if (sources_take(sources, worker, place, &datagram, round * SECOND, &refused_windows) !=
	    DEDUP_NEW)
		return;
	sources_note(sources, worker, place, 0, (__s64)(round * SECOND), round * SECOND);
	atomic_fetch_add(&news[round][source], 1);
}

static void *work(void *argument)
{
	__u32 worker = (__u32)(uintptr_t)argument;
	struct source_place place = { 0 };

	for (__u64 round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(&barrier);
		for (__u64 i = 0; i < SEQUENCES; i++)
			for (__u64 s = 0; s < SOURCES; s++)
				take(worker, &place, round, (s + worker) % SOURCES, i);
		sources_hand_over_gaps(sources, worker);
		atomic_fetch_sub(&working, 1);
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

static void count_note(void *context, const struct source_gap_note *note)
{
	(void)context;
	noted_records += note->records;
}

/* The control thread frees places while the workers look for theirs, and once more when they have
 * stopped, so that there is always room for the next round. */
static void run_rounds(void)
{
	const __s64 over_ns = INT64_MAX;
	struct sources_stats stats;
	struct source_entry entry[4];
	__s64 watermark_ns = SOURCES_WATERMARK_NONE;

	for (__u64 round = 0; round < ROUNDS; round++) {
		atomic_store(&working, WORKERS);
		pthread_barrier_wait(&barrier);
		while (atomic_load(&working)) {
			sources_evict(sources, round * SECOND, &over_ns);
			sources_list(sources, entry, 4);
		}
		pthread_barrier_wait(&barrier);
		sources_take_gaps(sources, count_note, NULL);
		sources_snapshot(sources, round * SECOND);
		sources_watermarks(sources, round * SECOND, &watermark_ns);
		sources_evict(sources, round * SECOND, &over_ns);
		sources_read_stats(sources, &stats);
		assert_true(stats.known <= PLACES - SOURCES);
	}
	assert_int_equal(stats.overflowed, 0);
	assert_true(stats.evicted >= ROUNDS * SOURCES - PLACES);
}

static void of_the_copies_one_is_new(void **state)
{
	static const struct window_spec window = { .listener_mask = 1 };
	const struct sources_options options = { .sources_max = PLACES,
						 .worker_count = WORKERS,
						 .listener_count = 1,
						 .windows = &window,
						 .window_count = 1,
						 .idle_timeout_ns = 2 * (__s64)SECOND,
						 .max_lag_ns = 60 * (__s64)SECOND,
						 .hash_seed = 5 };
	pthread_t threads[WORKERS];

	(void)state;
	assert_int_equal(sources_open(&sources, &options), 0);
	pthread_barrier_init(&barrier, NULL, WORKERS + 1);
	for (uintptr_t i = 0; i < WORKERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, (void *)i), 0);
	run_rounds();
	for (int i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&barrier);
	for (int round = 0; round < ROUNDS; round++)
		for (int source = 0; source < SOURCES; source++)
			assert_int_equal(atomic_load(&news[round][source]), SEQUENCES);
	/* Two of three are missing between the first and the last. */
	assert_int_equal(noted_records, (__s64)ROUNDS * SOURCES * (SEQUENCES - 1) * 2);
	sources_close(sources);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_the_copies_one_is_new),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
