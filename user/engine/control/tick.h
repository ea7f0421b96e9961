/* SPDX-License-Identifier: BSD-2-Clause */
/* The tick: how time moves. First half: remember the sources, let every worker drain its rings
 * past that moment and copy its counters. Second half: watermarks and losses from what was
 * remembered, and the windows advance. Runs in the control thread, which comes back when all
 * workers have answered. */
#ifndef SLUICE_ENGINE_TICK_H
#define SLUICE_ENGINE_TICK_H

#include <stdbool.h>

#include "config/config.h"
#include "engine/control/account.h"
#include "engine/control/missing.h"
#include "engine/worker/worker.h"

struct bpf_loader;

/* What the last complete first half found: one consistent set. */
struct tick_sums {
	struct sluice_count emitted;	/* when the tick began */
	struct sluice_stream_ledger stream;
	struct sluice_window_ledger window[SLUICE_WINDOWS_MAX];
	__u64 accepted[SLUICE_LISTENERS_MAX];
	struct window_open open[SLUICE_WINDOWS_MAX];
	struct stream_stats stats;
	struct sluice_missing missing[SLUICE_WINDOWS_MAX]; /* since the start */
	struct dedup_stats dedup[SLUICE_WINDOWS_MAX];
};

struct tick {
	/* Filled in before the first tick */
	const struct config *config;
	const struct bpf_loader *loader;
	struct sources *sources;
	struct orders *orders;
	struct worker *worker;
	__u32 worker_count;
	struct account_unread unread;

	struct missing missing;
	enum order_kind open;			/* what workers are at; ORDER_NONE: nothing */
	struct account_kernel kernel;		/* read when the tick began */
	struct tick_sums sums;
	__s64 watermark_ns[SLUICE_WINDOWS_MAX];
	__u64 imbalance[2];			/* engine's equations at the last two ticks */
	__u32 quiet;				/* ticks left out since the last one */
	__u64 ticks;
	__u64 delayed;				/* came due while one was still running */
	__u64 started_mono_ns;
	__u64 longest_ns;
};

void tick_open(struct tick *tick);

/* Hands an order to all workers; the one before must be answered. */
void tick_give_order(struct tick *tick, enum order_kind kind);
bool tick_is_answered(const struct tick *tick);

/* True when the next tick may be left out: nothing has arrived since the last one, no window is
 * open and nothing waits. A few in a row at most, so that watermarks go on. */
bool tick_may_rest(struct tick *tick);

/* Begins a tick, or notes that the one before is still running. -errno of the loader. */
int tick_start(struct tick *tick, __u64 now_mono_ns);
/* Goes on when all workers have answered; true when the tick is over. */
bool tick_continue(struct tick *tick, __u64 now_wall_ns, __u64 now_mono_ns);

/* When all workers have answered the first half: only adds their counters up, no time moves. */
void tick_take_counters(struct tick *tick, __u64 now_wall_ns);

/* Whether the last tick found everything that was emitted in the engine. */
bool tick_is_settled(const struct tick *tick);
/* Imbalance that two ticks running have shown: one alone may be a packet on its way. */
__u64 tick_imbalance(const struct tick *tick);

#endif
