/* SPDX-License-Identifier: BSD-2-Clause */
/* One worker: a thread with its rings, its stream and its io_uring, that runs bounded turns
 * until told to exit. Worker 0 also owns the results log and collects what the others hold of
 * closing windows. It decides nothing about time: watermarks come with the orders of the control
 * thread. */
#ifndef SLUICE_ENGINE_WORKER_H
#define SLUICE_ENGINE_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "core/stream/stream.h"
#include "edge/results/results_log.h"
#include "edge/xdp/ring_reader.h"
#include "edge/uring.h"
#include "engine/worker/handoff.h"
#include "engine/worker/orders.h"
#include "engine/worker/turn_times.h"
#include "sluice/bpf_config.h"

struct config;

struct worker_ring {
	struct ring_reader reader;
	struct sluice_wake *wake;	/* of its CPU, shared with the program */
	__u32 cpu;
	__u64 target;			/* position that the open ORDER_DRAIN asks for */
	struct uring_request poll;
	bool is_armed;
};

/* Counters as they stood when an ORDER_DRAIN was answered: one moment, so they balance. */
struct worker_snapshot {
	struct sluice_stream_ledger stream;
	struct sluice_window_ledger window[SLUICE_WINDOWS_MAX];
	struct stream_stats stats;
	struct dedup_stats dedup[SLUICE_WINDOWS_MAX]; /* worker 0, for all */
	__u64 accepted[SLUICE_LISTENERS_MAX];
	struct window_open open[SLUICE_WINDOWS_MAX];
	__u32 loss_count;
	struct loss loss[STREAM_LOSSES_MAX]; /* found since the one before */
};

struct worker {
	/* Filled in before worker_start() */
	_Alignas(128) __u32 index;
	__u32 count;			/* of workers */
	const struct config *config;
	struct orders *orders;
	struct stream *stream;
	struct uring *uring;		/* closed by the worker's thread once that has started */
	struct results_log *log;	/* worker 0; closed by its thread too */
	const __u64 *epochs;		/* of the windows' states */
	struct handoff *outbox;		/* the others */
	struct worker *first;		/* worker 0 */
	struct worker_ring *ring;
	__u32 ring_count;
	__u32 wake_bytes;		/* what may lie in a ring while the worker sleeps */
	int event_fd;			/* wakes it */

	/* Read by the control thread */
	struct turn_times times;
	_Atomic __u64 answered;		/* number of the last order that is done */
	_Atomic int failure;		/* code of <sysexits.h>; 0: none */
	struct worker_snapshot snapshot;	/* belongs to the last ORDER_DRAIN */

	/* The thread's own */
	pthread_t thread;
	bool is_started;
	__u64 turn;
	__u64 now_wall_ns, now_mono_ns;
	__u64 order;			/* number of the order being worked on */
	enum order_kind kind;		/* ORDER_NONE when it is answered */
	bool is_emitting;		/* the stream may have rows to emit */
	bool is_log_full;		/* the last row found no room in the results log */
	__u32 gaps_written;		/* of this order */
	__u32 epochs_ended;		/* windows whose epoch is over, at the stop */
	__u32 ends_seen;		/* outboxes that are complete for this order */
	size_t import_at;		/* in the block that is being imported */
	__u64 blocked_mono_ns;		/* since when importing waits; 0: it does not */
	bool is_draining;		/* from the first ORDER_DRAIN on */
	bool is_finishing;		/* nothing is drained any more */
	bool is_finished;		/* worker 0: stream_finish() was called */
	__u64 finish_by_mono_ns;
	__u32 empty_sleeps;		/* since the last record */
	struct uring_request event_poll;
	bool is_event_armed;
	bool is_done;
};

/* What a turn takes at most: less than 100 µs of events, of rows and of partials each; up to three
 * times that while many groups are new. */
#define WORKER_TURN_BYTES (128u << 10)
#define WORKER_TURN_ROWS 512
/* Longest sleep: records that nobody wakes for wait no longer. Shorter while other threads are
 * awaited. */
#define WORKER_SLEEP_NS 10000000ull
/* … but longer after so many sleeps that brought no record: the program wakes for what fills a
 * ring, and every tick drains the rest. */
#define WORKER_SLEEP_IDLE_NS 40000000ull
#define WORKER_IDLE_SLEEPS 50
#define WORKER_SLEEP_SHORT_NS 200000ull
/* At the orderly stop the disk gets this long to take what is left. */
#define WORKER_FINISH_NS 30000000000ull

/* What waits in the shared ring, read-only. Any thread. */
static inline __u64 worker_ring_waiting_bytes(const struct worker_ring *ring)
{
	__u64 consumer = __atomic_load_n(ring->reader.consumer, __ATOMIC_ACQUIRE);
	__u64 producer = ring_reader_producer_position(&ring->reader);

	return producer > consumer ? producer - consumer : 0;
}

/* Requests its io_uring must have room for. */
unsigned int worker_requests_max(const struct worker *worker);

/* -errno of pthread_create. */
int worker_start(struct worker *worker);
/* After ORDER_EXIT was given. */
void worker_join(struct worker *worker);
/* Ends the worker's sleep. Any thread. */
void worker_wake(struct worker *worker);

/* Steps of the turn; see worker.c for their order. Each returns whether more work is at hand. */
bool worker_drain(struct worker *worker);
bool worker_obey(struct worker *worker);
bool worker_emit(struct worker *worker);
void worker_sleep(struct worker *worker);
/* Some worker has failed. */
static inline bool worker_is_halted(const struct worker *worker)
{
	return atomic_load_explicit(&worker->orders->is_halted, memory_order_relaxed);
}

/* Notes and logs the first failure; from then on no worker takes anything out of a ring, and the
 * control thread stops the agent. */
void worker_fail(struct worker *worker, int exit_code, const char *what, int error);
void worker_raise_event(int fd);

#endif
