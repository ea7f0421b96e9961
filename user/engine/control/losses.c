/* SPDX-License-Identifier: BSD-2-Clause */
/* Running totals of what is known to be lost, from all who know of some. */
#include "edge/host/udp_stack.h"
#include "engine/control/engine_state.h"

/* Refusals of datagrams that were meant for us: a foreign format or version says nothing about our
 * senders. */
static __u64 refused(const struct sluice_ledger *ledger)
{
	const struct sluice_count *counts = (const struct sluice_count *)ledger;
	__u64 datagrams = 0;

	for (int k = SLUICE_OUTCOME_seen + 1; k < SLUICE_OUTCOME_filtered; k++)
		if (k != SLUICE_OUTCOME_refused_magic && k != SLUICE_OUTCOME_refused_version)
			datagrams += counts[k].datagrams;
	return datagrams;
}

struct recent_losses engine_losses(const struct engine *engine, const struct account_kernel *kernel)
{
	const struct tick *tick = &engine->tick;
	const struct sluice_stream_ledger *stream = &tick->sums.stream;
	struct recent_losses losses = { .stale = stream->stale,
					.future = stream->future,
					.rejected_record = stream->rejected_record,
					.pass_segmented = kernel->traffic.pass_segmented,
					.passed_by = kernel->traffic.pass_fragment +
						     udp_stack_unclaimed() };

	for (__u32 i = 0; i < kernel->listener_count; i++) {
		losses.seen += kernel->ledger[i].seen.datagrams;
		losses.ring_full += kernel->ledger[i].ring_full.events;
		losses.no_ring += kernel->ledger[i].no_ring.events;
		losses.refused += refused(&kernel->ledger[i]);
	}
	losses.upstream = missing_upstream(&tick->missing);
	for (__u32 i = 0; i < engine->links.count; i++)
		losses.interruptions += engine->links.interface[i].removals +
					engine->links.interface[i].detachments;
	for (__u32 w = 0; w < engine->config->window_count; w++) {
		losses.late += tick->sums.window[w].late;
		losses.rejected_pane += tick->sums.window[w].rejected_pane;
	}
	return losses;
}
