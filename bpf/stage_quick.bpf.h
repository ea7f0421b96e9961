/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Stage quick: what most datagrams are (a plain frame in one piece, records of a usual size, no
 * rules) is counted by type where it lies and written straight into its ring record, without the
 * copy in between. Without CAP_PERFMON a packet may only be read at constant offsets: so sizes,
 * offsets and the lengths of records are constants here, and everything else goes the long way. */
#ifndef SLUICE_STAGE_QUICK_BPF_H
#define SLUICE_STAGE_QUICK_BPF_H

#include "stage_emit.bpf.h"

#define QUICK_EVENTS_MAX 44
/* What fits a frame of 1500 bytes. */
#define QUICK_PAYLOAD_MAX (1536 - SLUICE_PREFIX_SHORT)
#define QUICK_IPV4_BYTES (14 + 20 + 8)
#define QUICK_IPV6_BYTES (14 + 40 + 8)

/* One record, and on to the next. */
#define QUICK_COUNT(record, size)                                                                \
	do {                                                                                     \
		sluice_filter_count(types, ((const struct sluice_event *)(record))->type, last); \
		(record) += (size);                                                              \
	} while (0)

/* Counts the records of `size` bytes at `record`, as far as they lie before `end`: 4 at a time,
 * then the rest. */
static __always_inline void quick_count(struct packet *packet, struct sluice_types *types,
					const void *record, const void *end, const __u32 size)
{
	__u32 last = SLUICE_TYPE_COUNTERS - 1, left = packet->events, i;

	SLUICE_FORGET(last, &packet->index);
	SLUICE_UNROLL
	for (i = 0; i < QUICK_EVENTS_MAX * 32 / size / 4; i++) {
		SLUICE_KEEP_BOUND(left);
		SLUICE_KEEP_BOUND(record);
		if (left < 4 || record + 4 * size > end)
			break;
		QUICK_COUNT(record, size);
		QUICK_COUNT(record, size);
		QUICK_COUNT(record, size);
		QUICK_COUNT(record, size);
		left -= 4;
	}
	SLUICE_UNROLL
	for (i = 0; i < 3; i++) {
		SLUICE_KEEP_BOUND(left);
		SLUICE_KEEP_BOUND(record);
		if (left < 1 || record + size > end)
			break;
		QUICK_COUNT(record, size);
		left--;
	}
	packet->counted = packet->events - left;
}

static __always_inline void quick_count_from(struct packet *packet, struct sluice_types *types,
					     const void *record, const void *end)
{
	if (packet->header.event_size == 32)
		quick_count(packet, types, record, end, 32);
	else if (packet->header.event_size == 40)
		quick_count(packet, types, record, end, 40);
	else if (packet->header.event_size == 48)
		quick_count(packet, types, record, end, 48);
}

/* Whether every event was counted; if not, packet->counted were. */
static __noinline bool stage_quick_count(struct xdp_md *ctx, struct packet *packet)
{
	const void *record = (void *)(long)ctx->data + sizeof(struct sluice_header),
		   *end = (void *)(long)ctx->data_end;
	const struct sluice_configs *configs = stage_listener_configs(packet);
	struct sluice_types *types = bpf_map_lookup_elem(&sluice_types, &packet->cpu);

	if (!packet->is_plain || packet->header.flags & SLUICE_FLAG_DICTIONARY || !configs ||
	    !types || stage_listener_config(configs, packet)->has_rules ||
	    packet->frame.payload_bytes > QUICK_PAYLOAD_MAX)
		return false;
	record += QUICK_IPV4_BYTES;
	SLUICE_KEEP_BOUND(record);
	if (packet->frame.payload_offset == QUICK_IPV6_BYTES) {
		record += QUICK_IPV6_BYTES - QUICK_IPV4_BYTES;
		SLUICE_KEEP_BOUND(record);
	}
	quick_count_from(packet, types, record, end);
	return packet->counted == packet->events;
}

/* A record of a constant size is reserved, the next larger of some, and filled from the packet. */
static __always_inline __u32 quick_into(struct xdp_md *ctx, struct packet *packet, void *ring,
					__u32 bytes, const __u32 size, __u64 flags)
{
	struct sluice_record *record = bpf_ringbuf_reserve(ring, size, 0);

	if (!record)
		return SLUICE_OUTCOME_ring_full;
	emit_fill(packet, record);
	record->dropped = 0;
	if (bpf_xdp_load_bytes(ctx, packet->frame.payload_offset, record + 1, bytes)) {
		bpf_ringbuf_discard(record, flags);
		return SLUICE_OUTCOME_refused_short;
	}
	bpf_ringbuf_submit(record, flags);
	return SLUICE_OUTCOME_emitted;
}

#define QUICK_INTO(size)                         \
	if (bytes <= (size)-SLUICE_PREFIX_SHORT) \
		return quick_into(ctx, packet, ring, bytes, size, flags);
#define QUICK_INTO_4(size)                                 \
	if (bytes <= (size) + 192 - SLUICE_PREFIX_SHORT) { \
		QUICK_INTO(size)                           \
		QUICK_INTO((size) + 64)                    \
		QUICK_INTO((size) + 128)                   \
		QUICK_INTO((size) + 192)                   \
	}

/* One event exactly, then steps of 64 bytes, a multiple of which 44 events are. */
static __always_inline __u32 quick_emit(struct xdp_md *ctx, struct packet *packet, void *ring,
					__u64 flags)
{
	__u64 bytes = packet->frame.payload_bytes;

	SLUICE_KEEP_BOUND(bytes);
	if (bytes < sizeof(struct sluice_header))
		return SLUICE_OUTCOME_refused_short;
	QUICK_INTO(96)
	QUICK_INTO_4(128)
	QUICK_INTO_4(384)
	QUICK_INTO_4(640)
	QUICK_INTO_4(896)
	QUICK_INTO_4(1152)
	QUICK_INTO_4(1408)
	return SLUICE_OUTCOME_refused_length;
}

/* What became of the datagram (enum sluice_outcome). A function of its own, for its stack: what the
 * compiler keeps there otherwise shares places with pointers, which takes CAP_PERFMON. */
static __noinline __u32 stage_quick_emit(struct xdp_md *ctx, struct packet *packet)
{
	void *ring = bpf_map_lookup_elem(&sluice_rings, &packet->cpu);
	__u32 outcome;
	__u64 flags;

	if (!ring)
		return SLUICE_OUTCOME_no_ring;
	packet->prefix_bytes = SLUICE_PREFIX_SHORT;
	flags = emit_wake(packet, ring);
	outcome = quick_emit(ctx, packet, ring, flags);
	if (outcome != SLUICE_OUTCOME_emitted)
		emit_keep_asleep(packet, flags);
	return outcome;
}

#endif
