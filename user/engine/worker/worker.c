/* SPDX-License-Identifier: BSD-2-Clause */
/* The turn, which reads as its own description: clocks, rings, orders, rows, disk. */
#include "engine/worker/worker.h"

#include <errno.h>
#include <stdio.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

unsigned int worker_requests_max(const struct worker *worker)
{
	return worker->ring_count + 1 + 2 * RESULTS_LOG_IN_FLIGHT;
}

static __u64 clock_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (__u64)time.tv_sec * 1000000000ull + (__u64)time.tv_nsec;
}

static void read_clocks(struct worker *worker)
{
	worker->now_wall_ns = engine_clock_now_ns(&worker->orders->clock);
	worker->now_mono_ns = clock_ns(CLOCK_MONOTONIC);
	stream_set_time(worker->stream, worker->now_wall_ns, worker->now_mono_ns);
}

static void write_results(struct worker *worker)
{
	int error;

	if (!worker->log)
		return;
	results_log_hold_age(worker->log, !engine_clock_is_settled(&worker->orders->clock));
	error = results_log_turn(worker->log, worker->now_wall_ns, worker->now_mono_ns);
	if (error)
		worker_fail(worker, EX_IOERR, "the results log cannot go on", error);
}

/* Returns whether the next turn should follow at once. */
static bool run_turn(struct worker *worker)
{
	__u64 cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	bool is_busy;

	read_clocks(worker);
	is_busy = worker_drain(worker);
	is_busy |= worker_obey(worker);
	is_busy |= worker_emit(worker);
	stream_tidy(worker->stream);
	write_results(worker);
	worker->turn++;
	turn_times_note(&worker->times, clock_ns(CLOCK_MONOTONIC) - worker->now_mono_ns,
			clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_ns);
	return is_busy;
}

/* Completions are looked for without waiting between two busy turns. */
static void reap(struct worker *worker)
{
	int count = uring_wait(worker->uring, 0);

	if (count < 0)
		worker_fail(worker, EX_OSERR, "io_uring failed", count);
}

static void *run(void *context)
{
	struct worker *worker = context;
	char name[16];

	snprintf(name, sizeof(name), "sluice-work%u", worker->index % 1000);
	pthread_setname_np(pthread_self(), name);
	while (!worker->is_done) {
		if (run_turn(worker))
			reap(worker);
		else if (!worker->is_done)
			worker_sleep(worker);
	}
	return NULL;
}

int worker_start(struct worker *worker)
{
	int error = pthread_create(&worker->thread, NULL, run, worker);

	worker->is_started = error == 0;
	return -error;
}

void worker_join(struct worker *worker)
{
	if (worker->is_started)
		pthread_join(worker->thread, NULL);
	worker->is_started = false;
}

void worker_raise_event(int fd)
{
	const __u64 one = 1;
	ssize_t bytes;

	do {
		bytes = write(fd, &one, sizeof(one));
	} while (bytes < 0 && errno == EINTR);
}

void worker_wake(struct worker *worker)
{
	worker_raise_event(worker->event_fd);
}

void worker_fail(struct worker *worker, int exit_code, const char *what, int error)
{
	int none = 0;

	if (!atomic_compare_exchange_strong(&worker->failure, &none, exit_code))
		return;
	atomic_store(&worker->orders->is_halted, true);
	log_line(LOG_LEVEL_ERROR, "worker", what, log_unsigned("worker", worker->index),
		 log_error(error),
		 log_text("results_log", worker->log ? results_log_explain(worker->log) : NULL));
	worker_raise_event(worker->orders->answer_fd);
}
