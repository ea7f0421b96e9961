/* SPDX-License-Identifier: BSD-2-Clause */
/* The control thread: signals, the timer, answers of the workers, interfaces and the admin
 * socket, one event after the other. It stays out of the turns: a slow client or a slow disk
 * delays only itself. */
#include "engine/control/engine_state.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "edge/service/notify.h"
#include "edge/host/udp_stack.h"

/* After the program is detached, packets on their way take at most some milliseconds. */
#define SETTLE_TICKS_MIN 2
#define SETTLE_TICKS_MAX 100
#define SETTLE_PAUSE_US 2000
#define RATE_INTERVAL_NS 1000000000ull
#define LINKS_INTERVAL_NS 1000000000ull

static void start_tick(struct engine *engine)
{
	static struct log_limit limit = { .interval_ns = 10000000000ull };
	int error;

	/* The order that is open has gaps of its own. */
	if (engine->tick.open == ORDER_NONE) {
		continuity_note_links(engine);
		engine->orders.gap = engine->continuity.gap;
		engine->orders.gap_count = engine->continuity.gap_count;
	}
	error = tick_start(&engine->tick, engine_clock_ns(CLOCK_MONOTONIC));

	if (error)
		log_line_limited(&limit, LOG_LEVEL_ERROR, "engine",
				 "cannot read the kernel's counters", log_error(error));
}

/* Over all windows, events in the overflow group included. */
static __u64 aggregated(const struct engine *engine)
{
	__u64 sum = 0;

	for (__u32 w = 0; w < engine->config->window_count; w++)
		sum += engine->tick.sums.window[w].aggregated +
		       engine->tick.sums.window[w].overflow;
	return sum;
}

static void log_final(const struct engine *engine)
{
	const struct tick_sums *sums = &engine->tick.sums;
	struct account_kernel kernel = engine->tick.kernel;
	struct results_log_stats stats = { 0 };

	if (engine->log)
		results_log_read_stats(engine->log, &stats);
	log_line(LOG_LEVEL_INFO, "engine", "final ledger",
		 log_unsigned("emitted_datagrams", sums->emitted.datagrams),
		 log_unsigned("emitted", sums->emitted.events),
		 log_unsigned("consumed", sums->stream.consumed),
		 log_unsigned("accepted", sums->stream.accepted),
		 log_unsigned("future", sums->stream.future),
		 log_unsigned("aggregated", aggregated(engine)), log_unsigned("rows", stats.rows),
		 log_unsigned("durable_lsn", stats.durable_lsn),
		 log_unsigned("unaccounted", tick_imbalance(&engine->tick) +
						     account_kernel_distance(&kernel, &kernel)));
}

static void give_exit(struct engine *engine)
{
	log_final(engine);
	engine->log = NULL;
	engine->stage = ENGINE_EXITING;
	tick_give_order(&engine->tick, ORDER_EXIT);
}

/* Intake ends first: from here on packets go to the stack. */
static void begin_stop(struct engine *engine, int exit_code)
{
	if (engine->stage != ENGINE_RUNNING)
		return;
	links_reconcile(&engine->links, engine->loader);
	engine->exit_code = exit_code ? exit_code : links_are_taken(&engine->links);
	engine->stage = ENGINE_SETTLING;
	atomic_store(&engine->orders.is_stopping, true);
	notify_send("STOPPING=1");
	engine->detached_ns = (__s64)engine_clock_now_ns(&engine->orders.clock);
	bpf_loader_stop(engine->loader);
	if (engine->tick.open == ORDER_NONE)
		start_tick(engine);
}

/* Of workers that read nothing more. Without an answer of the kernel, what was counted at the last
 * tick stand. */
static void count_last(struct engine *engine)
{
	engine->is_counting_last = true;
	start_tick(engine);
	if (engine->tick.open == ORDER_NONE)
		give_exit(engine);
}

/* What is read now would come to nothing: the rings, and the program if it is attached still, are
 * left to the next start. */
static void halt(struct engine *engine, int exit_code)
{
	engine->exit_code = exit_code;
	engine->keeps_pins = true;
	notify_send("STOPPING=1");
	log_line(LOG_LEVEL_ERROR, "engine",
		 engine->stage == ENGINE_RUNNING
			 ? "stopping: nothing is read any more; the program stays attached and "
			   "fills the rings, which the next start reads"
			 : "stopping: nothing is read any more; the next start reads what is in "
			   "the rings");
	engine->stage = ENGINE_HALTING;
	atomic_store(&engine->orders.is_stopping, true);
	if (engine->tick.open == ORDER_NONE)
		count_last(engine);
}

/* With every worker at rest: first the order that was open, then the counters once more. */
static void end_halting(struct engine *engine)
{
	if (engine->is_counting_last) {
		tick_take_counters(&engine->tick, engine_clock_now_ns(&engine->orders.clock));
		give_exit(engine);
		return;
	}
	engine->tick.open = ORDER_NONE;
	count_last(engine);
}

/* Gives up what an orderly stop would still do, but leaves no program behind. */
static void end_at_once(struct engine *engine)
{
	log_line(LOG_LEVEL_WARNING, "engine",
		 "second signal: ended at once; open windows are lost");
	if (!engine->keeps_pins) {
		bpf_loader_stop(engine->loader);
		bpf_loader_unpin(engine->loader);
	}
	admin_close(engine->admin);
	_exit(engine->keeps_pins ? engine->exit_code : 1);
}

static void check_configuration(const struct engine *engine)
{
	struct config *config = NULL;
	int error = config_load(&config, engine->config->path, stderr);

	if (error)
		log_line(LOG_LEVEL_ERROR, "engine",
			 "the new configuration is not valid; the old one goes on",
			 log_text("file", engine->config->path));
	else
		log_line(LOG_LEVEL_WARNING, "engine",
			 "the configuration is valid, but reload is not in this version; restart",
			 log_text("file", engine->config->path));
	config_free(config);
}

static void serve_signals(struct engine *engine)
{
	struct signalfd_siginfo info;

	while (read(engine->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGHUP) {
			check_configuration(engine);
			continue;
		}
		if (engine->stage != ENGINE_RUNNING)
			end_at_once(engine);
		log_line(LOG_LEVEL_INFO, "engine", "stopping: detaching, then draining",
			 log_text("signal", info.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM"));
		begin_stop(engine, 0);
	}
}

/* Not every change of an attachment is told by the kernel. */
static void look_at_links(struct engine *engine)
{
	__u64 now_ns = engine_clock_ns(CLOCK_MONOTONIC);

	if (engine->stage != ENGINE_RUNNING ||
	    now_ns - engine->links_looked_mono_ns < LINKS_INTERVAL_NS)
		return;
	engine->links_looked_mono_ns = now_ns;
	links_reconcile(&engine->links, engine->loader);
}

static void serve_timer(struct engine *engine)
{
	__u64 expirations;

	if (read(engine->timer_fd, &expirations, sizeof(expirations)) < 0)
		return;
	engine_clock_note(&engine->orders.clock, engine_clock_read());
	look_at_links(engine);
	if ((engine->stage == ENGINE_RUNNING && !tick_may_rest(&engine->tick)) ||
	    (engine->stage == ENGINE_SETTLING && engine->tick.open == ORDER_NONE))
		start_tick(engine);
}

static void keep_rates(struct engine *engine)
{
	struct engine_rates *rates = &engine->rates;

	if (engine->tick.started_mono_ns - rates->newer_mono_ns < RATE_INTERVAL_NS)
		return;
	rates->older = rates->newer_mono_ns ? rates->newer : engine->tick.kernel;
	rates->older_mono_ns =
		rates->newer_mono_ns ? rates->newer_mono_ns : engine->tick.started_mono_ns;
	rates->newer = engine->tick.kernel;
	rates->newer_mono_ns = engine->tick.started_mono_ns;
}

static void keep_losses(struct engine *engine)
{
	struct recent_losses losses;

	if (!recent_is_due(&engine->recent, engine->tick.started_mono_ns))
		return;
	losses = engine_losses(engine, &engine->tick.kernel);
	recent_note(&engine->recent, engine->tick.started_mono_ns, &losses);
}

/* What is in the rings still is the next start's. */
static void leave_waiting(struct engine *engine)
{
	__u64 bytes = 0;

	for (__u32 w = 0; w < engine->worker_count; w++)
		for (__u32 i = 0; i < engine->worker[w].ring_count; i++)
			bytes += worker_ring_waiting_bytes(&engine->worker[w].ring[i]);
	engine->keeps_pins = bytes > 0;
	log_line(LOG_LEVEL_ERROR, "engine",
		 bytes ? "packets still arrive after detaching; the next start reads what waits"
		       : "the counters do not come to rest after detaching",
		 log_unsigned("waiting_bytes", bytes));
}

static void end_tick(struct engine *engine)
{
	continuity_note_tick(engine);
	keep_rates(engine);
	keep_losses(engine);
	if (engine->stage != ENGINE_SETTLING)
		return;
	engine->settle_ticks++;
	if ((engine->settle_ticks >= SETTLE_TICKS_MIN && tick_is_settled(&engine->tick)) ||
	    engine->settle_ticks >= SETTLE_TICKS_MAX) {
		if (!tick_is_settled(&engine->tick))
			leave_waiting(engine);
		engine->stage = ENGINE_FINISHING;
		tick_give_order(&engine->tick, ORDER_FINISH);
		return;
	}
	usleep(SETTLE_PAUSE_US);
	start_tick(engine);
}

static void note_failures(struct engine *engine)
{
	for (__u32 i = 0; i < engine->worker_count; i++) {
		int failure = atomic_load(&engine->worker[i].failure);

		if (!failure)
			continue;
		if (engine->stage == ENGINE_RUNNING || engine->stage == ENGINE_SETTLING)
			halt(engine, failure);
		if (!engine->exit_code)
			engine->exit_code = failure;
	}
}

static void serve_answers(struct engine *engine)
{
	__u64 count;

	if (read(engine->orders.answer_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return;
	note_failures(engine);
	if (engine->tick.open == ORDER_NONE || !tick_is_answered(&engine->tick))
		return;
	switch (engine->stage) {
	case ENGINE_RUNNING:
	case ENGINE_SETTLING:
		if (tick_continue(&engine->tick, engine_clock_now_ns(&engine->orders.clock),
				  engine_clock_ns(CLOCK_MONOTONIC)))
			end_tick(engine);
		break;
	case ENGINE_HALTING:
		end_halting(engine);
		break;
	case ENGINE_FINISHING:
		give_exit(engine);
		break;
	default:
		engine->stage = ENGINE_ENDED;
	}
}

static void serve_links(struct engine *engine)
{
	if (engine->stage == ENGINE_RUNNING)
		links_serve(&engine->links, &engine->netlink, engine->loader);
	else
		netlink_drop(&engine->netlink);
}

static void serve_admin(struct engine *engine)
{
	admin_serve(engine->admin);
}

/* What is compared with in the first minute: the counters as the agent found them. */
static void begin_losses(struct engine *engine)
{
	struct recent_losses losses = engine_losses(engine, &engine->tick.missing.kernel);

	recent_note(&engine->recent, engine->started_mono_ns, &losses);
	engine->unclaimed_at_start = udp_stack_unclaimed();
}

void engine_control(struct engine *engine)
{
	void (*const serve[])(struct engine *engine) = { serve_signals, serve_timer, serve_answers,
							 serve_links, serve_admin };
	struct pollfd events[] = {
		{ .fd = engine->signal_fd, .events = POLLIN },
		{ .fd = engine->timer_fd, .events = POLLIN },
		{ .fd = engine->orders.answer_fd, .events = POLLIN },
		{ .fd = engine->netlink.fd, .events = POLLIN },
		{ .fd = admin_fd(engine->admin), .events = POLLIN },
	};
	const nfds_t count = sizeof(events) / sizeof(events[0]);

	begin_losses(engine);
	if (atomic_load(&engine->start_watch.is_asked))
		begin_stop(engine, 0);
	while (engine->stage != ENGINE_ENDED) {
		if (poll(events, count, -1) < 0 && errno != EINTR) {
			log_line(LOG_LEVEL_ERROR, "engine", "poll failed", log_error(errno));
			begin_stop(engine, EX_OSERR);
		}
		for (nfds_t i = 0; i < count; i++)
			if (events[i].revents)
				serve[i](engine);
	}
	note_failures(engine);
}
