/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Stage single: one event of 32 bytes, in a plain IPv4 frame and without rules. Its record in the
 * ring is reserved first and submitted last: the line it lies in comes from far, as the reader had
 * it, and meanwhile the event is counted. What it contains is moved by words, as each function
 * called costs as much as the rest. */
#ifndef SLUICE_STAGE_SINGLE_BPF_H
#define SLUICE_STAGE_SINGLE_BPF_H

#include "stage_quick.bpf.h"

#define SINGLE_EVENT_BYTES 32
#define SINGLE_PAYLOAD_BYTES (sizeof(struct sluice_header) + SINGLE_EVENT_BYTES)
#define SINGLE_EVENT_OFFSET (QUICK_IPV4_BYTES + sizeof(struct sluice_header))

/* What lies in the ring, to the byte. */
struct single_record {
	struct sluice_record record;
	__u64 header[sizeof(struct sluice_header) / 8];
	__u64 event[SINGLE_EVENT_BYTES / 8];
};

_Static_assert(sizeof(struct single_record) == SLUICE_PREFIX_SHORT + SINGLE_PAYLOAD_BYTES,
	       "a record is one piece of memory");

/* Of a validated datagram; a dictionary of 32 bytes is none. No other count and size have this
 * length. */
static __always_inline bool single_is(const struct packet *packet)
{
	return packet->is_plain && packet->frame.payload_bytes == SINGLE_PAYLOAD_BYTES &&
	       packet->frame.payload_offset == QUICK_IPV4_BYTES &&
	       !(packet->header.flags & SLUICE_FLAG_DICTIONARY);
}

static __always_inline void single_fill(struct packet *packet, const __u64 *event,
					struct single_record *single)
{
	const __u64 *header = (const __u64 *)&packet->header;

	packet->prefix_bytes = SLUICE_PREFIX_SHORT;
	emit_fill(packet, &single->record);
	single->record.dropped = 0;
	SLUICE_UNROLL
	for (__u32 i = 0; i < sizeof(struct sluice_header) / 8; i++)
		single->header[i] = header[i];
	SLUICE_UNROLL
	for (__u32 i = 0; i < SINGLE_EVENT_BYTES / 8; i++)
		single->event[i] = event[i];
}

static __always_inline void single_count(struct packet *packet, __u32 type)
{
	struct sluice_types *types = bpf_map_lookup_elem(&sluice_types, &packet->cpu);
	__u32 last = SLUICE_TYPE_COUNTERS - 1;

	SLUICE_FORGET(last, &packet->index);
	if (types)
		sluice_filter_count(types, type, last);
}

/* What became of the datagram (enum sluice_outcome), or SLUICE_OUTCOME_COUNT: it goes the other
 * ways. What is needed later is looked up later: a pointer that the compiler puts on the stack
 * takes CAP_PERFMON. */
static __noinline __u32 stage_single(struct xdp_md *ctx, struct packet *packet)
{
	const void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const struct sluice_event *event = data + SINGLE_EVENT_OFFSET;
	const struct sluice_configs *configs = stage_listener_configs(packet);
	void *ring = bpf_map_lookup_elem(&sluice_rings, &packet->cpu);
	struct single_record *single;
	__u64 flags;

	if ((const void *)event + SINGLE_EVENT_BYTES > end || !configs || !ring ||
	    stage_listener_config(configs, packet)->has_rules)
		return SLUICE_OUTCOME_COUNT;
	flags = emit_wake(packet, ring);
	single = bpf_ringbuf_reserve(ring, sizeof(*single), 0);
	single_count(packet, event->type);
	if (!single) {
		emit_keep_asleep(packet, flags);
		return SLUICE_OUTCOME_ring_full;
	}
	single_fill(packet, (const __u64 *)event, single);
	bpf_ringbuf_submit(single, flags);
	return SLUICE_OUTCOME_emitted;
}

#endif
