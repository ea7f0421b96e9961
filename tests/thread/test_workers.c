/* SPDX-License-Identifier: BSD-2-Clause */
/* The whole engine without a kernel: feeders fill rings in memory as the program would, workers
 * drain them, ticks move time, rows go to a log on disk. Under the thread sanitizer; every event
 * that was fed must be in a row, once, and the hand-over must balance at every tick. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"
#include "core/record/rows.h"
#include "core/source/sources.h"
#include "datagram.h"
#include "edge/log/log_reader.h"
#include "engine/control/tick.h"

#define WORKERS 3u
#define RINGS 4u
#define RING_BYTES 65536u
#define DATAGRAMS 4000u /* a ring */
#define EVENTS 5u
#define KINDS 7u
#define STEP_NS 1000000ull /* event time between datagrams: 4 s of it in all */
#define START_NS 1700000000000000000ull

struct datagram {
	struct datagram_head head;
	struct sluice_event event[EVENTS];
};

/* A ring as the kernel makes one: positions on pages of their own, data mapped twice in a row. */
struct fake_ring {
	unsigned long *consumer, *producer;
	unsigned char *data;
	_Atomic __u64 emitted;
	__u32 number;
	pthread_t feeder;
};

static struct fake_ring fake[RINGS];
static struct worker_ring rings[RINGS];
static struct sluice_wake wake[RINGS];
static struct worker *workers;
static const __u64 epochs[SLUICE_WINDOWS_MAX] = { 1, 1, 1, 1 };
static struct orders orders;
static struct tick tick;
static struct config *config;
static struct store store = STORE_CLOSED;
static char directory[] = "/tmp/sluice-workers-XXXXXX";

static void *map(size_t bytes)
{
	void *memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(memory, MAP_FAILED);
	return memory;
}

static void open_ring(__u32 i)
{
	int fd = memfd_create("ring", MFD_CLOEXEC);
	unsigned char *data = map(2 * RING_BYTES);

	assert_int_equal(ftruncate(fd, RING_BYTES), 0);
	for (size_t at = 0; at < 2 * RING_BYTES; at += RING_BYTES)
		assert_ptr_equal(mmap(data + at, RING_BYTES, PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_FIXED, fd, 0),
				 data + at);
	close(fd);
	fake[i] = (struct fake_ring){
		.consumer = map(4096), .producer = map(4096), .data = data, .number = i
	};
	rings[i] = (struct worker_ring){ .wake = &wake[i], .cpu = i };
	rings[i].reader = (struct ring_reader){ .map_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
						.ring_bytes = RING_BYTES,
						.consumer = fake[i].consumer,
						.producer = fake[i].producer,
						.data = data };
}

static void fill(struct datagram *datagram, __u32 ring, __u64 number)
{
	*datagram = (struct datagram){
		.head = datagram_head_make(EVENTS, ring, number, START_NS + number * STEP_NS),
	};
	for (__u32 e = 0; e < EVENTS; e++) {
		datagram->event[e].key = number;
		datagram->event[e].value = (__s64)number;
		datagram->event[e].type = (__u16)((number + e) % KINDS);
	}
}

/* As the program does: room, data, header, position. */
static void *feed(void *context)
{
	struct fake_ring *ring = context;
	const size_t bytes = (8 + sizeof(struct datagram) + 7) & ~7ul;

	for (__u64 number = 0; number < DATAGRAMS; number++) {
		unsigned long position = *ring->producer;
		__u32 *header = (void *)(ring->data + position % RING_BYTES);

		while (position + bytes - __atomic_load_n(ring->consumer, __ATOMIC_ACQUIRE) >
		       RING_BYTES)
			usleep(50);
		fill((void *)(header + 2), ring->number, number);
		__atomic_store_n(header, (__u32)sizeof(struct datagram), __ATOMIC_RELEASE);
		__atomic_store_n(ring->producer, position + bytes, __ATOMIC_RELEASE);
		atomic_fetch_add(&ring->emitted, 1);
		if (number % 64 == 0)
			usleep(200);
	}
	return NULL;
}

static __u64 now_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (__u64)time.tv_sec * 1000000000ull + (__u64)time.tv_nsec;
}

static void open_worker(__u32 i)
{
	const struct stream_options stream = {
		.windows = config->window,
		.window_count = 1,
		.worker = i,
		.worker_count = WORKERS,
		.groups_max = 1000,
		.memory_bytes = 64 << 20,
		.hash_seed = 42,
		.max_ahead_ns = INT64_MAX / 4,
		.sources = tick.sources,
	};
	struct worker *worker = &workers[i];

	*worker = (struct worker){ .index = i,
				   .count = WORKERS,
				   .config = config,
				   .orders = &orders,
				   .epochs = epochs,
				   .first = workers,
				   .wake_bytes = 8192 };
	/* Ring 3 belongs to worker 0, as ring 0 does: it comes first in the order by worker. */
	worker->ring = &rings[i == 0 ? 0 : i + 1];
	worker->ring_count = i == 0 ? 2 : 1;
	worker->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_int_equal(uring_open(&worker->uring, worker_requests_max(worker)), 0);
	assert_int_equal(stream_open(&worker->stream, &stream), 0);
	if (i)
		assert_int_equal(handoff_open(&worker->outbox), 0);
}

static void open_log(void)
{
	const struct results_log_options options = {
		.store = &store,
		.uring = workers[0].uring,
		.segment_bytes = 8 << 20,
		.bytes_max = 1 << 30,
		.commit_interval_ns = 5000000,
		.config_epoch = 1,
		.now_wall_ns = now_ns(CLOCK_REALTIME),
	};

	assert_int_equal(store_open(&store, directory), 0);
	assert_int_equal(store_raise_epochs(&store, NULL, 0, NULL), 0);
	assert_int_equal(results_log_open(&workers[0].log, &options, NULL), 0);
}

static void make_config(void)
{
	config = calloc(1, sizeof(*config));
	config->window_count = 1;
	config->listener_count = 1;
	config->window[0] = (struct window_spec){
		.name = "kinds",
		.listener_mask = 1,
		.kind = SLUICE_WINDOW_TUMBLING,
		.size_ns = 100000000,
		.slide_ns = 100000000,
		.group_count = 1,
		.group_field = { SLUICE_FIELD_TYPE },
		.aggregate_count = 1,
		.aggregate = { { .kind = SLUICE_AGGREGATE_RECORDS } },
		.max_disorder_ns = (__s64)(DATAGRAMS * STEP_NS), /* rings run apart */
	};
}

static void open_all(void)
{
	struct sources_options sources = { .sources_max = 16,
					   .worker_count = WORKERS,
					   .listener_count = 1,
					   .window_count = 1,
					   .idle_timeout_ns = 60000000000,
					   .max_lag_ns = 3600000000000,
					   .hash_seed = 42 };

	assert_non_null(mkdtemp(directory));
	make_config();
	engine_clock_open(&orders.clock, engine_clock_read(), NULL);
	orders.answer_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	workers = aligned_alloc(_Alignof(struct worker), WORKERS * sizeof(*workers));
	assert_non_null(workers);
	tick = (struct tick){
		.config = config, .orders = &orders, .worker = workers, .worker_count = WORKERS
	};
	sources.windows = config->window;
	assert_int_equal(sources_open(&tick.sources, &sources), 0);
	tick_open(&tick);
	for (__u32 i = 0; i < RINGS; i++)
		open_ring(i);
	for (__u32 i = 0; i < WORKERS; i++)
		open_worker(i);
	open_log();
}

static void await(void)
{
	while (!tick_is_answered(&tick))
		usleep(200);
}

static void give(enum order_kind kind)
{
	tick_give_order(&tick, kind);
	await();
	tick.open = ORDER_NONE;
}

/* As tick_start() does with the counters of the kernel. */
static void run_tick(void)
{
	tick.kernel.listener_count = 1;
	tick.kernel.ledger[0].emitted = (struct sluice_count){ 0 };
	for (__u32 i = 0; i < RINGS; i++)
		tick.kernel.ledger[0].emitted.datagrams += atomic_load(&fake[i].emitted);
	tick.kernel.ledger[0].emitted.events = EVENTS * tick.kernel.ledger[0].emitted.datagrams;
	sources_snapshot(tick.sources, now_ns(CLOCK_MONOTONIC));
	tick_give_order(&tick, ORDER_DRAIN);
	do {
		await();
	} while (!tick_continue(&tick, now_ns(CLOCK_REALTIME), now_ns(CLOCK_MONOTONIC)));
	assert_int_equal(tick_imbalance(&tick), 0);
}

static __u64 records_on_disk(void)
{
	const struct sluice_batch *batch;
	struct log_reader reader;
	struct store copy = STORE_CLOSED;
	__u64 records = 0;

	assert_int_equal(store_open_reader(&copy, directory), 0);
	assert_int_equal(log_reader_open(&reader, &copy), 0);
	while (log_reader_next(&reader, &batch) == 1) {
		const unsigned char *at = (const void *)(batch + 1);
		const unsigned char *end = at + batch->payload_bytes;

		for (; at < end; at += ((const struct sluice_disk_record *)at)->bytes) {
			const struct sluice_disk_record *record = (const void *)at;
			const struct sluice_rows *rows = (const void *)(record + 1);

			for (__u32 i = 0; record->kind == SLUICE_DISK_ROWS && i < rows->row_count;
			     i++)
				records += ((const struct sluice_partial
						     *)((const unsigned char *)(rows + 1) +
							(size_t)i * rows->row_bytes + 8))
						   ->records;
		}
	}
	log_reader_close(&reader);
	store_close(&copy);
	return records;
}

static void every_event_is_in_one_row(void **state)
{
	const __u64 datagrams = (__u64)RINGS * DATAGRAMS;

	(void)state;
	open_all();
	for (__u32 i = 0; i < WORKERS; i++)
		assert_int_equal(worker_start(&workers[i]), 0);
	give(ORDER_SETUP);
	for (__u32 i = 0; i < RINGS; i++)
		assert_int_equal(pthread_create(&fake[i].feeder, NULL, feed, &fake[i]), 0);
	while (tick.sums.emitted.datagrams < datagrams) {
		run_tick();
		usleep(2000);
	}
	for (__u32 i = 0; i < RINGS; i++)
		pthread_join(fake[i].feeder, NULL);
	run_tick();
	assert_true(tick_is_settled(&tick));
	assert_int_equal(tick.sums.stream.consumed_datagrams, datagrams);
	assert_int_equal(tick.sums.window[0].aggregated, datagrams * EVENTS);
	give(ORDER_FINISH);
	give(ORDER_EXIT);
	for (__u32 i = 0; i < WORKERS; i++) {
		worker_join(&workers[i]);
		assert_int_equal(atomic_load(&workers[i].failure), 0);
		stream_close(workers[i].stream);
		handoff_close(workers[i].outbox);
	}
	sources_close(tick.sources);
	store_close(&store);
	assert_int_equal(records_on_disk(), datagrams * EVENTS);
}

static int remove_files(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(every_event_is_in_one_row, remove_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
