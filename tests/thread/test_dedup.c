/* SPDX-License-Identifier: BSD-2-Clause */
/* Several streams ask one set at once, all with the same events: exactly one of the copies of each
 * must be aggregated, whatever happens meanwhile (new slices, slices that end, wiping, and beyond
 * the bound full lines and slices given up). Under the thread sanitizer. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/stream/stream.h"
#include "datagram.h"

#define WORKERS 4u
#define PANE_NS 1000000000ull
#define START_NS 1700000000000000000ull
#define EVENTS 40u /* of a datagram */
#define SKEW_MAX 10u /* panes that one thread may be ahead of another */
#define TICK_PANES 3u
#define BLOCK_BYTES (1u << 20)

struct datagram {
	struct datagram_head head;
	struct sluice_event event[EVENTS];
};

struct thread {
	pthread_t thread;
	__u32 worker;
	struct stream *stream;
	_Atomic __u32 panes_done;
	_Atomic __u32 answered;
	__u64 sequence;
	unsigned char *block; /* what it emits or exports, thrown away */
};

static struct thread threads[WORKERS];
static __u32 panes, datagrams; /* to send, by each; the latter in each pane */
static struct dedup *dedup;
/* As control gives orders: the watermark is written before the number. */
static _Atomic __u32 order;
static __s64 watermark_ns;

static struct window_spec window = {
	.name = "once",
	.listener_mask = 1,
	.kind = SLUICE_WINDOW_TUMBLING,
	.size_ns = PANE_NS,
	.slide_ns = PANE_NS,
	.aggregate_count = 1,
	.aggregate = { { .kind = SLUICE_AGGREGATE_RECORDS } },
	.dedup = WINDOW_DEDUP_EVENT_ID,
};

static void *reserve(void *context, size_t bytes_min, size_t bytes_max, size_t *bytes_room)
{
	(void)bytes_max;
	assert_true(bytes_min <= BLOCK_BYTES);
	*bytes_room = BLOCK_BYTES;
	return context;
}

static void commit(void *context, size_t bytes)
{
	(void)context;
	(void)bytes;
}

static struct row_writer nowhere(struct thread *thread)
{
	return (struct row_writer){ thread->block, reserve, commit };
}

static void send(struct thread *thread, __u32 pane, __u32 number)
{
	struct datagram datagram = {
		.head = datagram_head_make(EVENTS, thread->worker, thread->sequence++,
					   START_NS + pane * PANE_NS),
	};

	for (__u32 i = 0; i < EVENTS; i++)
		datagram.event[i].event_id = (__u64)number * EVENTS + i + 1;
	stream_add(thread->stream, &datagram.head.record, sizeof(datagram));
	stream_flush(thread->stream);
	stream_tidy(thread->stream);
}

static __u32 least_done(void)
{
	__u32 least = UINT32_MAX;

	for (__u32 i = 0; i < WORKERS; i++) {
		__u32 done = atomic_load(&threads[i].panes_done);

		least = done < least ? done : least;
	}
	return least;
}

static void advance(struct thread *thread)
{
	struct row_writer writer = nowhere(thread);

	stream_advance(thread->stream, &watermark_ns);
	if (thread->worker == 0)
		while (stream_emit(thread->stream, &writer, 100) > 0)
			;
	else
		while (stream_export(thread->stream, &writer, 100) > 0)
			;
}

static void obey(struct thread *thread)
{
	__u32 number = atomic_load(&order);

	if (thread->worker == 0 || number == atomic_load(&thread->answered))
		return;
	advance(thread);
	atomic_store(&thread->answered, number);
}

/* Worker 0 advances when all others have; then the next order may be given. */
static void tick(struct thread *thread, __u32 *ordered_pane)
{
	__u32 number = atomic_load(&order), done = least_done();

	for (__u32 i = 1; i < WORKERS; i++)
		if (atomic_load(&threads[i].answered) != number)
			return;
	if (number && *ordered_pane) {
		advance(thread);
		*ordered_pane = 0;
	}
	if (done < TICK_PANES)
		return;
	*ordered_pane = done;
	watermark_ns = (__s64)(START_NS + (done - TICK_PANES) * PANE_NS);
	atomic_store(&order, number + 1);
}

static void *run(void *context)
{
	struct thread *thread = context;
	__u32 ordered_pane = 0;

	for (__u32 pane = 0; pane < panes; pane++) {
		for (__u32 number = 0; number < datagrams; number++) {
			/* Half of them from the other end. */
			send(thread, pane, thread->worker % 2 ? number : datagrams - 1 - number);
			obey(thread);
			if (thread->worker == 0)
				tick(thread, &ordered_pane);
		}
		atomic_store(&thread->panes_done, pane + 1);
		while (pane + 1 > least_done() + SKEW_MAX) {
			obey(thread);
			sched_yield();
		}
	}
	return NULL;
}

static void open_all(struct sources **sources)
{
	const struct sources_options sources_options = { .sources_max = WORKERS,
							 .worker_count = WORKERS,
							 .listener_count = 1,
							 .idle_timeout_ns = 1000000000,
							 .max_lag_ns = 1000000000000 };
	const struct dedup_options dedup_options = { .windows = &window,
						     .window_count = 1,
						     .worker_count = WORKERS,
						     .memory_bytes = DEDUP_BYTES_MIN,
						     .hash_seed = 1 };
	struct stream_options options = { .windows = &window,
					  .window_count = 1,
					  .worker_count = WORKERS,
					  .groups_max = 16,
					  .memory_bytes = 16 << 20,
					  .max_ahead_ns = INT64_MAX / 4 };

	assert_int_equal(sources_open(sources, &sources_options), 0);
	assert_int_equal(dedup_open(&dedup, &dedup_options), 0);
	options.sources = *sources;
	options.dedup = dedup;
	watermark_ns = SOURCES_WATERMARK_NONE;
	atomic_store(&order, 0);
	for (__u32 i = 0; i < WORKERS; i++) {
		threads[i] = (struct thread){ .worker = i, .block = malloc(BLOCK_BYTES) };
		options.worker = i;
		assert_int_equal(stream_open(&threads[i].stream, &options), 0);
		stream_set_time(threads[i].stream, START_NS, 1);
	}
}

/* Everything is sent by everybody. Returns the ledgers' sum. */
static struct sluice_window_ledger run_all(struct dedup_stats *stats)
{
	struct sluice_window_ledger sum = { 0 };
	struct sources *sources;

	open_all(&sources);
	for (__u32 i = 0; i < WORKERS; i++)
		assert_int_equal(pthread_create(&threads[i].thread, NULL, run, &threads[i]), 0);
	for (__u32 i = 0; i < WORKERS; i++)
		pthread_join(threads[i].thread, NULL);
	stream_read_dedup(threads[0].stream, 0, stats);
	for (__u32 i = 0; i < WORKERS; i++) {
		const struct sluice_window_ledger *one = stream_window_ledger(threads[i].stream, 0);

		sum.aggregated += one->aggregated;
		sum.duplicate_id += one->duplicate_id;
		sum.late += one->late;
		sum.unselected += one->unselected;
		stream_close(threads[i].stream);
		free(threads[i].block);
	}
	dedup_close(dedup);
	sources_close(sources);
	assert_int_equal(sum.late, 0);
	assert_int_equal(sum.unselected, 0);
	return sum;
}

static void one_copy_of_each_event_counts(void **state)
{
	struct sluice_window_ledger ledger;
	struct dedup_stats stats;
	__u64 ids;

	(void)state;
	panes = 300; /* more than there are generations */
	datagrams = 10;
	ids = (__u64)panes * datagrams * EVENTS;
	ledger = run_all(&stats);
	assert_int_equal(ledger.aggregated, ids);
	assert_int_equal(ledger.duplicate_id, (WORKERS - 1) * ids);
	assert_int_equal(stats.displaced + stats.dropped + stats.undecided, 0);
	assert_true(stats.ids < ids / 4); /* slices have ended */
	assert_true(stats.horizon_ns > 0);
}

/* More than there is room for: what is taken twice was given up, and counted. */
static void beyond_the_bound_every_loss_is_counted(void **state)
{
	struct sluice_window_ledger ledger;
	struct dedup_stats stats;
	__u64 ids;

	(void)state;
	panes = 2;
	datagrams = 3000;
	ids = (__u64)panes * datagrams * EVENTS;
	ledger = run_all(&stats);
	assert_true(stats.displaced + stats.dropped > 0);
	assert_true(stats.ids <= 2 * stats.ids_max);
	assert_int_equal(ledger.aggregated + ledger.duplicate_id, WORKERS * ids);
	assert_true(ledger.aggregated >= ids);
	assert_true(ledger.aggregated <= ids + stats.displaced + stats.undecided);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_copy_of_each_event_counts),
		cmocka_unit_test(beyond_the_bound_every_loss_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
