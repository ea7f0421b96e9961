/* SPDX-License-Identifier: BSD-2-Clause */
/* Differences of two readings of the kernel's counters, spread over the windows that read the
 * listener. Datagrams become records by the mean of their listener. */
#include "engine/control/missing.h"

#include <stdint.h>
#include <string.h>

void missing_open(struct missing *missing, const struct config *config)
{
	missing->config = config;
	losses_open(&missing->losses, missing->memory, MISSING_LOSSES_MAX);
}

void missing_set_baseline(struct missing *missing, const struct account_kernel *kernel,
			  __s64 now_ns)
{
	missing->kernel = *kernel;
	missing->kernel_ns = now_ns;
	missing->has_reading = true;
}

static void add_total(struct missing *missing, const struct loss *loss)
{
	for (__u32 mask = loss->window_mask; mask; mask &= mask - 1) {
		struct sluice_missing *total = &missing->total[__builtin_ctz(mask)];
		__u64 *counter = losses_counter(total, loss->cause);

		if (loss->records < 0 && *counter < (__u64)-loss->records)
			*counter = 0;
		else
			*counter += (__u64)loss->records;
		total->flags |= loss->flags;
	}
}

/* What turned up after all is kept as it is: it belongs to a loss of an earlier tick. */
void missing_add(struct missing *missing, const struct loss *loss)
{
	struct losses *losses = &missing->losses;

	add_total(missing, loss);
	if (loss->records >= 0)
		losses_add(losses, loss);
	else if (losses->count < losses->capacity)
		losses->loss[losses->count++] = *loss;
}

/* Records of so many datagrams of a listener. */
static __u64 records_of(const struct sluice_ledger *ledger, __u64 datagrams)
{
	if (ledger->emitted.datagrams == 0)
		return datagrams;
	return (__u64)((unsigned __int128)datagrams * ledger->emitted.events /
		       ledger->emitted.datagrams);
}

/* A loss of a listener at some time since the reading before. Whoever waits for a slow source has
 * its events still to come. */
static void add_of_listener(struct missing *missing, __u32 listener, enum loss_cause cause,
			    __u64 records, __s64 now_ns, const __s64 *watermark_ns)
{
	const struct config *config = missing->config;

	if (!records)
		return;
	for (__u32 w = 0; w < config->window_count; w++) {
		struct loss loss = {
			.from_ns = window_add_ns(missing->kernel_ns,
						 -config->window[w].max_disorder_ns),
			.to_ns = now_ns,
			.records = (__s64)records,
			.window_mask = 1u << w,
			.cause = (__u8)cause,
			.flags = SLUICE_MISSING_ESTIMATED,
		};

		if (!(config->window[w].listener_mask >> listener & 1))
			continue;
		if (watermark_ns[w] != INT64_MIN && watermark_ns[w] < loss.from_ns)
			loss.from_ns = watermark_ns[w];
		missing_add(missing, &loss);
	}
}

#define SINCE(field, unit) (now->field.unit - since->field.unit)

/* Of datagrams with our magic and version: others say nothing about our senders. */
static __u64 refused_datagrams(const struct sluice_ledger *since, const struct sluice_ledger *now)
{
	return SINCE(refused_flags, datagrams) + SINCE(refused_event_count, datagrams) +
	       SINCE(refused_event_size, datagrams) + SINCE(refused_length, datagrams);
}

/* Datagrams that arrived, and leave a gap because no worker ever sees them. */
static __u64 unseen_datagrams(const struct sluice_ledger *ledger)
{
	return ledger->ring_full.datagrams + ledger->no_ring.datagrams + ledger->filtered.datagrams;
}

static void begin_period(struct missing *missing, __s64 now_ns)
{
	if (now_ns - missing->period_ns < MISSING_EXPLAINS_NS)
		return;
	missing->period_ns = now_ns;
	for (__u32 i = 0; i < SLUICE_LISTENERS_MAX; i++) {
		struct missing_unseen *unseen = &missing->unseen[i];

		unseen->datagrams -= unseen->before;
		unseen->before = unseen->datagrams;
	}
}

void missing_begin(struct missing *missing, const struct account_kernel *kernel, __s64 now_ns,
		   const __s64 *watermark_ns)
{
	missing->losses.count = 0;
	if (!missing->has_reading)
		missing_set_baseline(missing, kernel, now_ns);
	begin_period(missing, now_ns);
	missing->upstream_settled = missing->upstream_datagrams;
	for (__u32 i = 0; i < kernel->listener_count; i++) {
		const struct sluice_ledger *since = &missing->kernel.ledger[i];
		const struct sluice_ledger *now = &kernel->ledger[i];
		__u64 refused = refused_datagrams(since, now);

		add_of_listener(missing, i, LOSS_ring_full,
				SINCE(ring_full, events) + SINCE(no_ring, events), now_ns,
				watermark_ns);
		add_of_listener(missing, i, LOSS_refused, records_of(now, refused), now_ns,
				watermark_ns);
		missing->unseen[i].datagrams +=
			unseen_datagrams(now) - unseen_datagrams(since) + refused;
	}
	missing_set_baseline(missing, kernel, now_ns);
}

/* Of so many datagrams of a gap, those that were lost here: they are charged already. The oldest
 * losses explain first. */
static __u64 explain(struct missing *missing, __u32 listeners, __u64 datagrams)
{
	__u64 explained = 0;

	for (; listeners && explained < datagrams; listeners &= listeners - 1) {
		struct missing_unseen *unseen = &missing->unseen[__builtin_ctz(listeners)];
		__u64 here = datagrams - explained;

		here = here < unseen->datagrams ? here : unseen->datagrams;
		unseen->datagrams -= here;
		unseen->before -= here < unseen->before ? here : unseen->before;
		explained += here;
	}
	return explained;
}

static __u32 windows_of(const struct missing *missing, __u32 listeners)
{
	__u32 mask = 0;

	for (__u32 w = 0; w < missing->config->window_count; w++) {
		if (missing->config->window[w].listener_mask & listeners)
			mask |= 1u << w;
	}
	return mask;
}

void missing_end(struct missing *missing)
{
	__u32 old = missing->filled_before, kept = missing->filled_count - old;

	for (__u32 i = 0; i < old; i++)
		missing_add(missing, &missing->filled[i]);
	memmove(missing->filled, missing->filled + old, kept * sizeof(missing->filled[0]));
	missing->filled_count = kept;
	missing->filled_before = kept;
}

void missing_add_gap(struct missing *missing, const struct source_gap_note *note)
{
	struct loss loss = {
		.from_ns = note->from_ns,
		.to_ns = note->to_ns,
		.records = note->records,
		.window_mask = windows_of(missing, note->listeners),
		.cause = LOSS_upstream,
		.flags = SLUICE_MISSING_ESTIMATED,
	};

	if (note->datagrams > 0) {
		__u64 gap = (__u64)note->datagrams;
		__u64 here = explain(missing, note->listeners, gap);

		missing->upstream_datagrams += (__s64)(gap - here);
		loss.records = (__s64)((__int128)note->records * (gap - here) / gap);
	} else {
		missing->upstream_datagrams += note->datagrams;
	}
	/* Workers tell in any order, and at the next tick at the latest. */
	if (loss.records >= 0)
		missing_add(missing, &loss);
	else if (missing->filled_count < MISSING_FILLED_MAX)
		missing->filled[missing->filled_count++] = loss;
	if (!note->unknown)
		return;
	loss.records = 0;
	loss.flags |= SLUICE_MISSING_UNCOUNTED;
	missing_add(missing, &loss);
}
