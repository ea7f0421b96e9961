/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Stage filter: every record is counted under its type and marked when a rule drops it, 8 at a
 * time in a loop that the kernel runs: so the length of a datagram costs no verification, and
 * little code. */
#ifndef SLUICE_STAGE_FILTER_BPF_H
#define SLUICE_STAGE_FILTER_BPF_H

#include "stage_listener.bpf.h"

struct filter_loop {
	struct packet *packet;
	const __u8 *rules;
	struct sluice_types *types;
	__u32 event_bytes;
	__u32 last;
};

/* Records 8 × i …; adds to packet->dropped. */
static long filter_group(__u32 i, struct filter_loop *loop)
{
	struct packet *packet = loop->packet;
	__u8 *marks = (__u8 *)&packet->marks.record.dropped;
	const struct sluice_filter filter = {
		.payload = packet->payload,
		.rules = loop->rules,
		.types = loop->types,
		.event_bytes = loop->event_bytes,
		.last = loop->last,
	};
	__u32 first = packet->counted + i * SLUICE_FILTER_EVENTS;
	__u32 offset = sizeof(struct sluice_header) + first * filter.event_bytes, dropped;

	dropped = sluice_filter(&filter, offset, packet->events - first);
	if (!dropped)
		return 0;
	packet->dropped += __builtin_popcount(dropped);
	SLUICE_FORGET(i, &packet->index);
	if (i < 8 * SLUICE_MARK_WORDS)
		marks[i] = dropped;
	return 0;
}

/* packet->dropped, the marks, and how long a prefix they need. */
static __always_inline void stage_filter(struct packet *packet)
{
	const struct sluice_configs *configs = stage_listener_configs(packet);
	const struct sluice_config *config;
	struct filter_loop loop = {
		.packet = packet,
		.types = bpf_map_lookup_elem(&sluice_types, &packet->cpu),
		.event_bytes = packet->header.event_size,
	};

	packet->prefix_bytes = SLUICE_PREFIX_SHORT;
	packet->marks.record.dropped = 0;
	if (packet->header.flags & SLUICE_FLAG_DICTIONARY || !configs || !loop.types)
		return;
	config = stage_listener_config(configs, packet);
	if (config->has_rules)
		loop.rules = config->type_rule;
	loop.last = SLUICE_TYPE_COUNTERS - 1;
	SLUICE_FORGET(loop.last, &packet->index);
	if (packet->events > 64 && config->has_rules) {
		packet->prefix_bytes = SLUICE_PREFIX_LONG;
		__builtin_memset(packet->marks.dropped_more, 0, sizeof(packet->marks.dropped_more));
	}
	bpf_loop((packet->events - packet->counted + SLUICE_FILTER_EVENTS - 1) /
			 SLUICE_FILTER_EVENTS,
		 filter_group, &loop, 0);
}

#endif
