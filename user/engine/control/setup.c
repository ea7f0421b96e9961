/* SPDX-License-Identifier: BSD-2-Clause */
/* The rungs between the loader and running workers: rings with what they hold, sources, streams,
 * the results log, threads. Closing takes whatever was opened. */
#include "engine/control/engine_state.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "config/memory.h"
#include "core/source/sources.h"
#include "engine/control/intake.h"

int engine_open_rings(struct engine *engine)
{
	__u32 count = bpf_loader_cpu_count(engine->loader);
	struct sluice_wake *wake = bpf_loader_wake(engine->loader);
	struct account_kernel kernel;
	int error;

	engine->ring = calloc(count, sizeof(*engine->ring));
	if (!engine->ring)
		return engine_problem(engine, EX_OSERR, "no memory for %u rings", count);
	for (__u32 cpu = 0; cpu < count; cpu++) {
		struct worker_ring *ring = &engine->ring[engine->ring_count];

		if (bpf_loader_ring_fd(engine->loader, cpu) < 0)
			continue;
		ring->cpu = cpu;
		ring->wake = &wake[cpu];
		error = ring_reader_open(&ring->reader, bpf_loader_ring_fd(engine->loader, cpu));
		if (error)
			return engine_problem(engine, EX_OSERR,
					      "the ring of CPU %u cannot be read: %s", cpu,
					      strerror(-error));
		engine->ring_count++;
	}
	error = intake_read(engine->loader, engine->config->listener_count, &kernel);
	missing_open(&engine->tick.missing, engine->config);
	if (!error) {
		missing_set_baseline(&engine->tick.missing, &kernel,
				     (__s64)engine_clock_now_ns(&engine->orders.clock));
		error = intake_count_unread(engine->loader, engine->config->listener_count,
					    engine->ring, engine->ring_count, &engine->tick.unread);
	}
	if (error)
		return engine_problem(engine, EX_OSERR,
				      "the counters of the XDP program cannot be read: %s",
				      strerror(-error));
	continuity_take_counters(engine, &engine->tick.unread);
	return 0;
}

void engine_close_rings(struct engine *engine)
{
	for (__u32 i = 0; i < engine->ring_count; i++)
		ring_reader_close(&engine->ring[i].reader);
	free(engine->ring);
	engine->ring = NULL;
	engine->ring_count = 0;
}

/* Never more than rings. */
static __u32 count_workers(const struct engine *engine)
{
	__u32 count = config_workers(engine->config);

	return count < engine->ring_count ? count : engine->ring_count;
}

/* Ring i belongs to worker i mod count; the rings of a worker lie side by side. */
static int share_rings(struct engine *engine)
{
	struct worker_ring *shared = calloc(engine->ring_count, sizeof(*shared));
	__u32 place = 0;

	if (!shared)
		return engine_problem(engine, EX_OSERR, "no memory for the rings");
	for (__u32 w = 0; w < engine->worker_count; w++) {
		engine->worker[w].ring = &shared[place];
		for (__u32 i = w; i < engine->ring_count; i += engine->worker_count)
			shared[place++] = engine->ring[i];
		engine->worker[w].ring_count = (__u32)(&shared[place] - engine->worker[w].ring);
	}
	free(engine->ring);
	engine->ring = shared;
	return 0;
}

static int open_stream(struct engine *engine, struct worker *worker, __u64 hash_seed)
{
	const struct config *config = engine->config;
	const struct stream_options options = {
		.windows = config->window,
		.window_count = config->window_count,
		.worker = worker->index,
		.worker_count = worker->count,
		.groups_max = config->groups_max,
		.memory_bytes =
			(config->memory_bytes - config_memory_dedup(config) -
			 config_memory_sources(config)) /
			worker->count,
		.hash_seed = hash_seed,
		.max_ahead_ns = config->max_ahead_ns,
		.max_lag_ns = config->max_lag_ns,
		.sources = engine->sources,
		.dedup = engine->dedup,
		.epochs = engine->epochs,
	};

	return stream_open(&worker->stream, &options);
}

static int open_worker(struct engine *engine, struct worker *worker, __u64 hash_seed)
{
	int error;

	worker->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (worker->event_fd < 0)
		return engine_problem(engine, EX_OSERR, "eventfd: %s", strerror(errno));
	error = uring_open(&worker->uring, worker_requests_max(worker));
	if (error)
		return engine_problem(engine, EX_OSERR, "io_uring is not available: %s",
				      uring_explain(error));
	error = open_stream(engine, worker, hash_seed);
	if (!error && worker->index)
		error = handoff_open(&worker->outbox);
	if (error)
		return engine_problem(
			engine, EX_OSERR,
			"the windows cannot be set up: %s; limits.memory is %llu MiB, lower it "
			"or limits.max_groups",
			strerror(-error), engine->config->memory_bytes >> 20);
	return 0;
}

static int open_sources(struct engine *engine, __u64 hash_seed)
{
	const struct config *config = engine->config;
	const struct sources_options options = {
		.sources_max = config->sources_max,
		.worker_count = engine->worker_count,
		.listener_count = config->listener_count,
		.windows = config->window,
		.window_count = config->window_count,
		.idle_timeout_ns = config->idle_timeout_ns,
		.max_lag_ns = config->max_lag_ns,
		.hash_seed = hash_seed,
	};
	int error = sources_open(&engine->sources, &options);

	if (error)
		return engine_problem(engine, EX_OSERR,
				      "the table of %u sources cannot be set up: %s",
				      config->sources_max, strerror(-error));
	return 0;
}

static int open_dedup(struct engine *engine, __u64 hash_seed)
{
	const struct config *config = engine->config;
	const struct dedup_options options = {
		.windows = config->window,
		.window_count = config->window_count,
		.worker_count = engine->worker_count,
		.memory_bytes = config_memory_dedup(config),
		.hash_seed = hash_seed,
		.max_ahead_ns = config->max_ahead_ns,
		.max_lag_ns = config->max_lag_ns,
	};
	int error = dedup_open(&engine->dedup, &options);

	if (error)
		return engine_problem(engine, EX_OSERR,
				      "the sets of event ids cannot be set up: %s; "
				      "limits.dedup_memory is %llu MiB",
				      strerror(-error), config->dedup_bytes >> 20);
	return 0;
}

static void log_recovery(const struct results_log_recovery *recovery)
{
	if (recovery->cut_offset)
		log_line(LOG_LEVEL_WARNING, "results", "cut the end that was never complete",
			 log_text("segment", recovery->cut_segment),
			 log_unsigned("offset", recovery->cut_offset),
			 log_unsigned("durable_lsn", recovery->durable_lsn));
}

static int store_problem(struct engine *engine, int error)
{
	return engine_problem(engine,
			      error == -ENOSPC || error == -EACCES ? EX_CANTCREAT : EX_IOERR, "%s",
			      engine->store.problem);
}

/* Before streams are opened: their rows carry them. */
static int raise_epochs(struct engine *engine)
{
	int error = store_raise_epochs(&engine->store, engine->config->window,
				       engine->config->window_count, engine->epochs);

	return error ? store_problem(engine, error) : 0;
}

static int open_log(struct engine *engine)
{
	const struct config *config = engine->config;
	const struct results_log_options options = {
		.store = &engine->store,
		.uring = engine->worker[0].uring,
		.segment_bytes = config->results_segment_bytes,
		.bytes_max = config->results_bytes_max,
		.age_max_ns = config->results_age_max_ns,
		.commit_interval_ns = config->results_commit_interval_ns,
		.config_epoch = 1,
		.now_wall_ns = engine->started_wall_ns,
	};
	struct results_log_recovery recovery = { 0 };
	int error = results_log_open(&engine->log, &options, &recovery);

	if (error)
		return store_problem(engine, error);
	engine->worker[0].log = engine->log;
	log_recovery(&recovery);
	return 0;
}

/* Names of the configuration come first, then those of earlier runs. */
static void know_names(struct engine *engine)
{
	const struct config *config = engine->config;

	for (__u32 w = 0; w < engine->worker_count; w++) {
		struct stream *stream = engine->worker[w].stream;
		struct name_taught name;
		size_t offset = 0;

		for (__u32 i = 0; i < config->type_name_count; i++)
			stream_know_name(stream, SLUICE_SPACE_TYPE, config->type_names[i].id,
					 config->type_names[i].name,
					 strlen(config->type_names[i].name));
		while (name_table_next(results_log_recovered(engine->log), &offset, &name))
			stream_know_name(stream, name.space, name.id, name.text, name.bytes);
	}
}

static void fill_worker(struct engine *engine, __u32 index)
{
	struct worker *worker = &engine->worker[index];

	worker->index = index;
	worker->count = engine->worker_count;
	worker->config = engine->config;
	worker->orders = &engine->orders;
	worker->epochs = engine->epochs;
	worker->first = engine->worker;
	worker->wake_bytes = intake_wake_bytes(bpf_loader_ring_bytes(engine->loader));
	worker->event_fd = -1;
}

static int allocate_workers(struct engine *engine)
{
	__u32 count = count_workers(engine);

	engine->worker = aligned_alloc(_Alignof(struct worker), count * sizeof(*engine->worker));
	if (!engine->worker)
		return engine_problem(engine, EX_OSERR, "no memory for %u workers", count);
	memset(engine->worker, 0, count * sizeof(*engine->worker));
	engine->worker_count = count;
	for (__u32 i = 0; i < count; i++)
		fill_worker(engine, i);
	return 0;
}

int engine_open_workers(struct engine *engine)
{
	__u64 hash_seed;
	int code = allocate_workers(engine);

	if (code)
		return code;
	if (getrandom(&hash_seed, sizeof(hash_seed), 0) != (ssize_t)sizeof(hash_seed))
		return engine_problem(engine, EX_OSERR, "no random numbers: %s", strerror(errno));
	code = share_rings(engine);
	if (!code)
		code = open_sources(engine, hash_seed);
	if (!code)
		code = open_dedup(engine, hash_seed);
	if (!code)
		continuity_take_sources(engine);
	if (!code)
		code = raise_epochs(engine);
	for (__u32 i = 0; !code && i < engine->worker_count; i++)
		code = open_worker(engine, &engine->worker[i], hash_seed);
	if (!code)
		code = open_log(engine);
	if (!code)
		know_names(engine);
	return code;
}

static void fill_tick(struct engine *engine)
{
	struct tick *tick = &engine->tick;

	tick->config = engine->config;
	tick->loader = engine->loader;
	tick->sources = engine->sources;
	tick->orders = &engine->orders;
	tick->worker = engine->worker;
	tick->worker_count = engine->worker_count;
	tick_open(tick);
}

/* Until every worker has answered; start-up and last steps only. */
static void await_answers(struct engine *engine)
{
	struct pollfd answers = { .fd = engine->orders.answer_fd, .events = POLLIN };
	__u64 count;

	while (!tick_is_answered(&engine->tick)) {
		poll(&answers, 1, 100);
		if (read(answers.fd, &count, sizeof(count)) < 0 && errno != EAGAIN &&
		    errno != EINTR)
			return;
	}
}

int engine_start_workers(struct engine *engine)
{
	fill_tick(engine);
	for (__u32 i = 0; i < engine->worker_count; i++) {
		int error = worker_start(&engine->worker[i]);

		if (error)
			return engine_problem(engine, EX_OSERR, "cannot start a thread: %s",
					      strerror(-error));
		engine->prefault.stream[engine->prefault.stream_count++] = engine->worker[i].stream;
	}
	tick_give_order(&engine->tick, ORDER_SETUP);
	await_answers(engine);
	engine->tick.open = ORDER_NONE;
	for (__u32 i = 0; i < engine->worker_count; i++)
		if (atomic_load(&engine->worker[i].failure))
			return engine_problem(
				engine, atomic_load(&engine->worker[i].failure),
				"a worker could not start; the log line before says why");
	if (prefault_start(&engine->prefault))
		log_line(LOG_LEVEL_WARNING, "engine", "no thread for touching memory ahead");
	return 0;
}

/* Threads that still run when the start failed. */
static void end_threads(struct engine *engine)
{
	prefault_stop(&engine->prefault);
	engine->log = NULL;
	if (engine->worker_count && engine->worker[0].is_started && engine->stage != ENGINE_ENDED)
		tick_give_order(&engine->tick, ORDER_EXIT);
	for (__u32 i = 0; i < engine->worker_count; i++)
		worker_join(&engine->worker[i]);
}

/* What a worker's thread has closed itself is NULL by now. */
void engine_close_workers(struct engine *engine)
{
	end_threads(engine);
	for (__u32 i = 0; i < engine->worker_count; i++) {
		struct worker *worker = &engine->worker[i];

		results_log_close(worker->log);
		uring_close(worker->uring);
		stream_close(worker->stream);
		handoff_close(worker->outbox);
		if (worker->event_fd >= 0)
			close(worker->event_fd);
	}
	dedup_close(engine->dedup);
	sources_close(engine->sources);
	free(engine->worker);
	engine->worker = NULL;
	engine->worker_count = 0;
	engine->sources = NULL;
	engine->dedup = NULL;
}
