/* SPDX-License-Identifier: BSD-2-Clause */
/* Differences of two readings of the kernel's counters, spread over the windows that read the
 * listener. Datagrams become records by the mean of their listener. */
#include "engine/missing.h"

#include <stdint.h>

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

void missing_begin(struct missing *missing, const struct account_kernel *kernel, __s64 now_ns,
		   const __s64 *watermark_ns, const __u64 *gaps)
{
	missing->losses.count = 0;
	if (!missing->has_reading)
		missing_set_baseline(missing, kernel, now_ns);
	for (__u32 i = 0; i < kernel->listener_count; i++) {
		const struct sluice_ledger *since = &missing->kernel.ledger[i];
		const struct sluice_ledger *now = &kernel->ledger[i];
		__u64 before = missing->upstream[i].missing;

		add_of_listener(missing, i, LOSS_ring_full,
				SINCE(ring_full, events) + SINCE(no_ring, events), now_ns,
				watermark_ns);
		add_of_listener(missing, i, LOSS_refused,
				records_of(now, refused_datagrams(since, now)), now_ns,
				watermark_ns);
		upstream_note(&missing->upstream[i], gaps[i],
			      missing->upstream[i].local + unseen_datagrams(now) -
				      unseen_datagrams(since));
		if (missing->upstream[i].missing > before)
			add_of_listener(missing, i, LOSS_upstream,
					records_of(now, missing->upstream[i].missing - before),
					now_ns, watermark_ns);
	}
	missing_set_baseline(missing, kernel, now_ns);
}
