/* SPDX-License-Identifier: BSD-2-Clause */
/* Collects; the order of reading is what makes the numbers comparable, see account.h. */
#include "engine/report/report.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "edge/host/udp_stack.h"
#include "engine/control/engine_state.h"
#include "engine/control/intake.h"

/* A difference that stays is real; one that goes away was a packet on its way. */
#define KERNEL_TRIES 4
#define KERNEL_PAUSE_US 500

static int read_kernel(struct report *report)
{
	const struct engine *engine = report->engine;
	const __u32 count = engine->config->listener_count;
	struct account_kernel before;

	for (int i = 0; i < KERNEL_TRIES; i++) {
		int error = intake_read(engine->loader, count, &before);

		if (!error)
			error = intake_read(engine->loader, count, &report->kernel);
		if (error)
			return error;
		report->kernel_imbalance = account_kernel_distance(&before, &report->kernel);
		if (!report->kernel_imbalance)
			break;
		usleep(KERNEL_PAUSE_US);
	}
	account_kernel_settle(&before, &report->kernel);
	return 0;
}

/* What had been handed over before this start was taken by runs before, or died with them. */
static void count_consumed(struct report *report)
{
	const struct sluice_stream_ledger *stream = &report->engine->tick.sums.stream;
	const struct sluice_count *before = &report->engine->continuity.consumed_before;
	const struct sluice_count *unread = &report->engine->tick.unread.highest;

	report->consumed = (struct sluice_count){ before->datagrams + stream->consumed_datagrams,
						  before->events + stream->consumed };
	report->unread = (struct sluice_count){
		unread->datagrams > before->datagrams ? unread->datagrams - before->datagrams : 0,
		unread->events > before->events ? unread->events - before->events : 0
	};
}

int report_collect(struct report *report, const struct engine *engine)
{
	const struct sluice_stream_ledger *stream = &engine->tick.sums.stream;
	const struct sluice_count consumed = { stream->consumed_datagrams, stream->consumed };
	struct recent_losses losses;
	int error;

	*report = (struct report){ .engine = engine };
	error = read_kernel(report);
	if (error)
		return error;
	report->now_wall_ns = engine_clock_now_ns(&engine->orders.clock);
	report->now_mono_ns = engine_clock_ns(CLOCK_MONOTONIC);
	report->clock = engine->orders.clock.guard;
	report->clock_stepping_ns =
		clock_guard_stepping_ns(&report->clock, engine_clock_ns(CLOCK_BOOTTIME));
	report->waiting =
		account_waiting(account_emitted(&report->kernel), consumed, &engine->tick.unread);
	count_consumed(report);
	sources_read_stats(engine->sources, &report->sources);
	if (engine->log)
		results_log_read_stats(engine->log, &report->results);
	for (__u32 i = 0; i < engine->worker_count; i++)
		turn_times_add(&report->turns, &engine->worker[i].times);
	losses = engine_losses(engine, &report->kernel);
	report->lost = recent_lost(&engine->recent, report->now_mono_ns, &losses);
	report->stack_unclaimed = udp_stack_unclaimed() - engine->unclaimed_at_start;
	report->engine_imbalance = tick_imbalance(&engine->tick);
	report->unaccounted = report->kernel_imbalance + report->engine_imbalance;
	return 0;
}

static __u64 per_second(__u64 from, __u64 to, __u64 ns)
{
	return ns ? (__u64)((double)(to - from) * 1e9 / (double)ns) : 0;
}

struct sluice_count report_rate(const struct report *report, __u32 listener)
{
	const struct engine_rates *rates = &report->engine->rates;
	const struct sluice_count *from = &rates->older.ledger[listener].seen;
	const struct sluice_count *to = &rates->newer.ledger[listener].seen;
	__u64 ns = rates->newer_mono_ns - rates->older_mono_ns;

	return (struct sluice_count){ per_second(from->datagrams, to->datagrams, ns),
				      per_second(from->events, to->events, ns) };
}

const char *report_promise(void)
{
	return "committed results survive a crash; windows still open at a crash are lost, and "
	       "their rows say so";
}

const char *report_window_kind(unsigned int kind)
{
	static const char *const names[] = {
		[SLUICE_WINDOW_TUMBLING] = "tumbling",
		[SLUICE_WINDOW_SLIDING] = "sliding",
		[SLUICE_WINDOW_SESSION] = "session",
	};

	return kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "unknown";
}

const char *report_interface_state(const struct report *report, __u32 listener, bool *is_heard)
{
	const struct bpf_loader_interface *state =
		&links_of(&report->engine->links, listener)->state;

	*is_heard = report->engine->config->listener[listener].is_retired;
	if (*is_heard)
		return "retired";
	if (!state->ifindex)
		return "GONE";
	if (!state->is_attached)
		return "DETACHED";
	if (!state->is_up)
		return "down";
	*is_heard = true;
	return bpf_loader_mode_name(state->mode);
}

bool report_concerns_listener(const char *traffic_name)
{
	static const char *const others[] = { "frames", "listened", "pass_short", "pass_not_ip",
					      "pass_not_udp" };

	for (unsigned int i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcmp(traffic_name, others[i]) == 0)
			return false;
	return true;
}
