/* SPDX-License-Identifier: BSD-2-Clause */
/* Orders out, answers in; see orders.h for who owns the memory between. */
#include "engine/control/tick.h"

#include <assert.h>
#include <string.h>

#include "core/source/sources.h"
#include "engine/control/intake.h"

void tick_open(struct tick *tick)
{
	if (!tick->missing.config)
		missing_open(&tick->missing, tick->config);
	for (__u32 i = 0; i < SLUICE_WINDOWS_MAX; i++)
		tick->watermark_ns[i] = SOURCES_WATERMARK_NONE;
}

void tick_give_order(struct tick *tick, enum order_kind kind)
{
	__u64 number = atomic_load_explicit(&tick->orders->number, memory_order_relaxed);

	assert(tick_is_answered(tick));
	tick->open = kind;
	tick->orders->kind = kind;
	atomic_store_explicit(&tick->orders->number, number + 1, memory_order_release);
	for (__u32 i = 0; i < tick->worker_count; i++)
		worker_wake(&tick->worker[i]);
}

bool tick_is_answered(const struct tick *tick)
{
	__u64 number = atomic_load_explicit(&tick->orders->number, memory_order_relaxed);

	for (__u32 i = 0; i < tick->worker_count; i++)
		if (atomic_load_explicit(&tick->worker[i].answered, memory_order_acquire) != number)
			return false;
	return true;
}

/* With nothing to do, workers are asked every this many ticks. */
#define REST_TICKS 5u

bool tick_may_rest(struct tick *tick)
{
	const struct tick_sums *sums = &tick->sums;
	struct account_kernel kernel;

	if (tick->open != ORDER_NONE || tick->ticks < REST_TICKS || sums->stats.panes ||
	    sums->stats.rows_waiting || !tick_is_settled(tick) || ++tick->quiet >= REST_TICKS ||
	    intake_read(tick->loader, tick->config->listener_count, &kernel) ||
	    memcmp(&kernel.ledger, &tick->kernel.ledger,
		   sizeof(kernel.ledger[0]) * kernel.listener_count) != 0) {
		tick->quiet = 0;
		return false;
	}
	return true;
}

int tick_start(struct tick *tick, __u64 now_mono_ns)
{
	int error;

	if (tick->open != ORDER_NONE) {
		tick->delayed++;
		return 0;
	}
	/* Counters before the order: whatever they count is in a ring by the time workers look
	 * there. */
	error = intake_read(tick->loader, tick->config->listener_count, &tick->kernel);
	if (error)
		return error;
	tick->started_mono_ns = now_mono_ns;
	sources_snapshot(tick->sources, now_mono_ns);
	tick_give_order(tick, ORDER_DRAIN);
	return 0;
}

static void add_stats(struct stream_stats *sum, const struct stream_stats *stats)
{
	sum->groups += stats->groups;
	sum->panes += stats->panes;
	sum->pane_groups += stats->pane_groups;
	sum->memory_bytes += stats->memory_bytes;
	sum->memory_bytes_max += stats->memory_bytes_max;
	sum->sketch_bytes += stats->sketch_bytes;
	sum->sketch_bytes_max += stats->sketch_bytes_max;
	sum->sketches_refused += stats->sketches_refused;
	sum->rows_waiting += stats->rows_waiting;
}

/* What the where of a window has selected, of its listeners' events. */
static struct share share_of(const struct tick *tick, __u32 window)
{
	const struct sluice_window_ledger *ledger = &tick->sums.window[window];
	struct share share = { .selected = tick->sums.stream.accepted - ledger->unselected };

	for (__u32 i = 0; i < tick->config->listener_count; i++)
		if (tick->config->window[window].listener_mask >> i & 1)
			share.offered += tick->sums.accepted[i];
	return share;
}

static void take_gap(void *context, const struct source_gap_note *note)
{
	missing_add_gap(context, note);
}

/* A reading of now: whatever left a gap that a worker has seen is counted in it. */
static void begin_losses(struct tick *tick, __u64 now_wall_ns)
{
	struct account_kernel kernel;

	if (!tick->loader || intake_read(tick->loader, tick->config->listener_count, &kernel))
		kernel = tick->kernel;
	missing_begin(&tick->missing, &kernel, (__s64)now_wall_ns, tick->watermark_ns);
	sources_take_gaps(tick->sources, take_gap, &tick->missing);
	missing_end(&tick->missing);
}

static void add_losses(struct tick *tick, const struct worker_snapshot *snapshot)
{
	for (__u32 i = 0; i < snapshot->loss_count; i++)
		missing_add(&tick->missing, &snapshot->loss[i]);
}

static void add_open(struct window_open *sum, const struct window_open *open, bool is_first)
{
	if (is_first) {
		*sum = *open;
		return;
	}
#define LEAST(field) sum->field = open->field < sum->field ? open->field : sum->field
#define MOST(field) sum->field = open->field > sum->field ? open->field : sum->field
	LEAST(oldest_start_ns);
	LEAST(oldest_revised_ns);
	LEAST(oldest_taken_ns);
	MOST(newest_end_ns);
	MOST(emitted_end_ns);
	MOST(overlap_ns);
	sum->records += open->records;
#undef LEAST
#undef MOST
}

static void sum_workers(struct tick *tick, __u64 now_wall_ns)
{
	struct tick_sums *sums = &tick->sums;

	*sums = (struct tick_sums){ .emitted = account_emitted(&tick->kernel) };
	begin_losses(tick, now_wall_ns);
	for (__u32 i = 0; i < tick->worker_count; i++) {
		const struct worker_snapshot *snapshot = &tick->worker[i].snapshot;

		account_stream_add(&sums->stream, &snapshot->stream);
		for (__u32 w = 0; w < tick->config->window_count; w++) {
			add_open(&sums->open[w], &snapshot->open[w], i == 0);
			account_window_add(&sums->window[w], &snapshot->window[w]);
		}
		for (__u32 l = 0; l < tick->config->listener_count; l++)
			sums->accepted[l] += snapshot->accepted[l];
		add_stats(&sums->stats, &snapshot->stats);
		add_losses(tick, snapshot);
	}
	for (__u32 w = 0; w < tick->config->window_count; w++) {
		sums->missing[w] = tick->missing.total[w];
		sums->missing[w].late = sums->window[w].late;
		sums->dedup[w] = tick->worker[0].snapshot.dedup[w];
	}
}

static struct sluice_count consumed(const struct tick *tick)
{
	return (struct sluice_count){ tick->sums.stream.consumed_datagrams,
				      tick->sums.stream.consumed };
}

static void balance(struct tick *tick, struct sluice_count consumed_before)
{
	const struct tick_sums *sums = &tick->sums;
	const struct account_handover handover = { .emitted = sums->emitted,
						   .consumed_before = consumed_before,
						   .consumed_after = consumed(tick) };
	__u64 distance = account_handover_distance(&handover, &tick->unread);

	distance += account_stream_distance(&sums->stream);
	for (__u32 w = 0; w < tick->config->window_count; w++)
		distance += account_window_distance(sums->stream.accepted, &sums->window[w]);
	tick->imbalance[1] = tick->imbalance[0];
	tick->imbalance[0] = distance;
}

static void move_time(struct tick *tick, __u64 now_wall_ns)
{
	sources_watermarks(tick->sources, now_wall_ns, tick->watermark_ns);
	for (__u32 w = 0; w < tick->config->window_count; w++) {
		tick->orders->watermark_ns[w] = tick->watermark_ns[w];
		tick->orders->share[w] = share_of(tick, w);
	}
	tick->orders->now_ns = (__s64)now_wall_ns;
	tick->orders->loss = tick->missing.losses.loss;
	tick->orders->loss_count = tick->missing.losses.count;
	tick_give_order(tick, ORDER_ADVANCE);
}

/* Once every worker has advanced, what the watermarks have passed is over. */
static void forget_sources(struct tick *tick, __u64 now_mono_ns)
{
	__s64 over_ns[SLUICE_WINDOWS_MAX];

	for (__u32 w = 0; w < tick->config->window_count; w++)
		over_ns[w] = window_spec_over_ns(&tick->config->window[w], tick->watermark_ns[w]);
	sources_evict(tick->sources, now_mono_ns, over_ns);
}

void tick_take_counters(struct tick *tick, __u64 now_wall_ns)
{
	struct sluice_count consumed_before = consumed(tick);

	sum_workers(tick, now_wall_ns);
	balance(tick, consumed_before);
}

bool tick_continue(struct tick *tick, __u64 now_wall_ns, __u64 now_mono_ns)
{
	if (!tick_is_answered(tick))
		return false;
	if (tick->open == ORDER_DRAIN) {
		tick_take_counters(tick, now_wall_ns);
		move_time(tick, now_wall_ns);
		return false;
	}
	forget_sources(tick, now_mono_ns);
	tick->open = ORDER_NONE;
	tick->ticks++;
	if (now_mono_ns - tick->started_mono_ns > tick->longest_ns)
		tick->longest_ns = now_mono_ns - tick->started_mono_ns;
	return true;
}

bool tick_is_settled(const struct tick *tick)
{
	return account_waiting(tick->sums.emitted, consumed(tick), &tick->unread).datagrams == 0 &&
	       tick->sums.emitted.datagrams ==
		       tick->sums.stream.consumed_datagrams + tick->unread.highest.datagrams;
}

__u64 tick_imbalance(const struct tick *tick)
{
	return tick->imbalance[0] < tick->imbalance[1] ? tick->imbalance[0] : tick->imbalance[1];
}
