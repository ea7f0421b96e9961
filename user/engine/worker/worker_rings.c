/* SPDX-License-Identifier: BSD-2-Clause */
/* The worker and its rings: draining them within a bound, and sleeping until one fills. A ring's
 * room is given back only after the stream has flushed, because events are read in place. */
#include "engine/worker/worker.h"

#include <sysexits.h>

/* Takes records of one ring into the stream, up to `budget` bytes. Returns the bytes taken. */
static size_t take_records(struct worker *worker, struct worker_ring *ring, size_t budget)
{
	__u64 start = ring_reader_position(&ring->reader);
	const struct sluice_record *record;
	size_t bytes;

	while (ring_reader_position(&ring->reader) - start < budget) {
		record = ring_reader_next(&ring->reader, &bytes);
		if (!record)
			break;
		stream_add(worker->stream, record, bytes);
	}
	return ring_reader_position(&ring->reader) - start;
}

bool worker_drain(struct worker *worker)
{
	size_t budget = WORKER_TURN_BYTES;
	__u32 visited;

	if (!worker->is_draining || worker->is_finishing || worker_is_halted(worker))
		return false; /* not begun yet, or what is taken now would come to nothing */
	for (visited = 0; visited < worker->ring_count && budget; visited++) {
		__u64 place = (worker->turn + visited) % worker->ring_count;
		size_t taken = take_records(worker, &worker->ring[place], budget);

		budget -= taken < budget ? taken : budget;
	}
	if (budget == WORKER_TURN_BYTES)
		return false;
	worker->empty_sleeps = 0;
	stream_flush(worker->stream);
	for (__u32 i = 0; i < visited; i++)
		ring_reader_release(&worker->ring[(worker->turn + i) % worker->ring_count].reader);
	return budget == 0;
}

static void ring_polled(struct uring_request *request, int result, bool has_more)
{
	struct worker_ring *ring = (void *)((char *)request - offsetof(struct worker_ring, poll));

	(void)result;
	ring->is_armed = has_more;
}

static void event_polled(struct uring_request *request, int result, bool has_more)
{
	struct worker *worker = (void *)((char *)request - offsetof(struct worker, event_poll));

	(void)result;
	worker->is_event_armed = has_more;
}

/* A poll that ended (the kernel may do that when completions pile up) is armed again. */
static void arm(struct worker *worker)
{
	if (!worker->is_event_armed) {
		worker->event_poll.complete = event_polled;
		worker->is_event_armed =
			uring_poll(worker->uring, &worker->event_poll, worker->event_fd) == 0;
	}
	for (__u32 i = 0; i < worker->ring_count; i++) {
		struct worker_ring *ring = &worker->ring[i];

		if (ring->is_armed)
			continue;
		ring->poll.complete = ring_polled;
		ring->is_armed = uring_poll(worker->uring, &ring->poll, ring->reader.map_fd) == 0;
	}
}

static void set_sleeping(struct worker *worker, __u32 is_sleeping)
{
	for (__u32 i = 0; i < worker->ring_count; i++)
		__atomic_store_n(&worker->ring[i].wake->is_sleeping, is_sleeping, __ATOMIC_RELAXED);
}

/* The program wakes for a ring that fills beyond wake_bytes; what is below may lie until the sleep
 * ends, which makes turns few and large at moderate rates. */
static bool is_quiet(const struct worker *worker)
{
	for (__u32 i = 0; i < worker->ring_count; i++)
		if (ring_reader_waiting_bytes(&worker->ring[i].reader) >= worker->wake_bytes)
			return false;
	return true;
}

static __u64 sleep_ns(const struct worker *worker)
{
	__u64 longest =
		worker->empty_sleeps < WORKER_IDLE_SLEEPS ? WORKER_SLEEP_NS : WORKER_SLEEP_IDLE_NS;
	__u64 deadline_ns;

	if (worker->kind != ORDER_NONE)
		longest = WORKER_SLEEP_SHORT_NS;
	if (!worker->log)
		return longest;
	deadline_ns = results_log_deadline_ns(worker->log);
	if (deadline_ns <= worker->now_mono_ns)
		return 0;
	deadline_ns -= worker->now_mono_ns;
	return deadline_ns < longest ? deadline_ns : longest;
}

void worker_sleep(struct worker *worker)
{
	int count;

	worker->empty_sleeps++;
	arm(worker);
	set_sleeping(worker, 1);
	/* Either the program sees the flag, or this thread sees what the program put in the
	 * ring. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	count = uring_wait(worker->uring, is_quiet(worker) ? sleep_ns(worker) : 0);
	set_sleeping(worker, 0);
	if (count < 0)
		worker_fail(worker, EX_OSERR, "io_uring failed", count);
}
