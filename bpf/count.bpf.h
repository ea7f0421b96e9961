/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The counters: each frame moves one of `traffic` beside `frames`, each datagram of a listener one
 * outcome of its ledger beside `seen`. Nothing else writes either map. */
#ifndef SLUICE_COUNT_BPF_H
#define SLUICE_COUNT_BPF_H

#include "maps.bpf.h"

static __always_inline void count_traffic(struct packet *packet, __u32 passed)
{
	struct sluice_traffic *traffic = bpf_map_lookup_elem(&sluice_traffic, &packet->first);
	__u64 *counter = (__u64 *)traffic;

	SLUICE_FORGET(passed, &packet->index);
	if (!traffic || passed >= SLUICE_TRAFFIC_COUNT)
		return;
	counter[SLUICE_TRAFFIC_frames]++;
	counter[passed]++;
}

/* One datagram whose surviving events share `outcome`; what rules dropped is `filtered` always. */
static __always_inline void count_outcome(struct packet *packet, __u32 outcome)
{
	struct sluice_ledger *ledger = bpf_map_lookup_elem(&sluice_ledger, &packet->listener);
	struct sluice_count *counter = (struct sluice_count *)ledger;

	SLUICE_FORGET(outcome, &packet->index);
	if (!ledger || outcome >= SLUICE_OUTCOME_COUNT)
		return;
	counter[SLUICE_OUTCOME_seen].datagrams++;
	counter[SLUICE_OUTCOME_seen].events += packet->events;
	counter[SLUICE_OUTCOME_filtered].events += packet->dropped;
	counter[outcome].datagrams++;
	counter[outcome].events += packet->events - packet->dropped;
}

#endif
