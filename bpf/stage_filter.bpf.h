/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Stage filter: every record is counted under its type and marked when a rule drops it. Verified on
 * its own, 64 records at a time, so that the length of a datagram costs no verification. */
#ifndef SLUICE_STAGE_FILTER_BPF_H
#define SLUICE_STAGE_FILTER_BPF_H

#include "stage_listener.bpf.h"

/* Records 64 × word … of the packet of this CPU; adds to packet->dropped. */
__noinline int sluice_filter_word(__u32 cpu, __u32 word)
{
	struct packet *packet = bpf_map_lookup_elem(&sluice_packet, &cpu);
	struct sluice_types *types = bpf_map_lookup_elem(&sluice_types, &cpu);
	const struct sluice_configs *configs = stage_listener_configs();
	const struct sluice_config *config;
	__u32 events, offset;
	__u64 dropped;

	if (!packet || !types || !configs || word >= SLUICE_MARK_WORDS)
		return 0;
	config = stage_listener_config(configs, packet);
	events = packet->events - word * SLUICE_FILTER_EVENTS;
	offset = sizeof(struct sluice_header) +
		 word * SLUICE_FILTER_EVENTS * packet->header.event_size;
	dropped = sluice_filter(packet->payload, offset, events, packet->header.event_size,
				config->has_rules ? config->type_rule : NULL, types);
	if (word)
		packet->marks.dropped_more[word - 1] = dropped;
	else
		packet->marks.record.dropped = dropped;
	if (dropped)
		packet->dropped += __builtin_popcountll(dropped);
	return 0;
}

static long filter_next_word(__u32 i, void *cpu)
{
	sluice_filter_word(*(__u32 *)cpu, i + 1);
	return 0;
}

/* packet->dropped, the marks, and how long a prefix they need. */
static __always_inline void stage_filter(struct packet *packet)
{
	__u32 cpu = packet->cpu, dropped_first;

	packet->prefix_bytes = SLUICE_PREFIX_SHORT;
	packet->marks.record.dropped = 0;
	if (packet->header.flags & SLUICE_FLAG_DICTIONARY)
		return;
	sluice_filter_word(cpu, 0);
	if (packet->events <= SLUICE_FILTER_EVENTS)
		return;
	dropped_first = packet->dropped;
	__builtin_memset(packet->marks.dropped_more, 0, sizeof(packet->marks.dropped_more));
	bpf_loop((packet->events - 1) / SLUICE_FILTER_EVENTS, filter_next_word, &cpu, 0);
	if (packet->dropped != dropped_first)
		packet->prefix_bytes = SLUICE_PREFIX_LONG;
}

#endif
