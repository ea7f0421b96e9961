/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The alternative to marking: the same stages, but only the records that survive are handed over,
 * moved together, with the marks beside them so that each keeps its index. For records of 32 bytes
 * only. It exists to be measured against bpf/sluice.bpf.c, by bench_compaction. */
#include "maps.bpf.h"
#include "count.bpf.h"
#include "stage_parse.bpf.h"
#include "stage_listener.bpf.h"
#include "stage_validate.bpf.h"
#include "stage_filter.bpf.h"
#include "stage_emit.bpf.h"

#define EVENT_BYTES 32

struct compact_loop {
	struct packet *packet;
	__u32 kept;
};

static __always_inline void compact_move(struct packet *packet, __u32 to, __u32 from)
{
	const __u64 *source = (const __u64 *)(packet->payload + (from & 0xfff8));
	__u64 *target = (__u64 *)(packet->payload + (to & 0xfff8));

	target[0] = source[0];
	target[1] = source[1];
	target[2] = source[2];
	target[3] = source[3];
}

static long compact_group(__u32 i, struct compact_loop *loop)
{
	struct packet *packet = loop->packet;
	const __u8 *marks = (const __u8 *)&packet->marks.record.dropped;
	__u32 from = sizeof(struct sluice_header) + i * SLUICE_FILTER_EVENTS * EVENT_BYTES, dropped;
	__u32 kept = loop->kept;

	SLUICE_FORGET(kept, &packet->index);
	SLUICE_FORGET(i, &packet->index);
	if (i >= 8 * SLUICE_MARK_WORDS)
		return 1;
	dropped = marks[i];
	/* Each is moved, and the next takes its place when it was dropped: no branch to
	 * mispredict. */
	SLUICE_UNROLL
	for (__u32 k = 0; k < SLUICE_FILTER_EVENTS; k++, from += EVENT_BYTES) {
		compact_move(packet, sizeof(struct sluice_header) + kept * EVENT_BYTES, from);
		kept += 1 - (dropped >> k & 1);
	}
	loop->kept = kept;
	return 0;
}

static __always_inline void stage_compact(struct packet *packet)
{
	struct compact_loop loop = { .packet = packet };

	if (!packet->dropped || packet->header.event_size != EVENT_BYTES)
		return;
	bpf_loop((packet->events + SLUICE_FILTER_EVENTS - 1) / SLUICE_FILTER_EVENTS, compact_group,
		 &loop, 0);
	packet->frame.payload_bytes -= packet->dropped * EVENT_BYTES;
}

static __always_inline __u32 take(struct xdp_md *ctx, struct packet *packet)
{
	__u32 refused = stage_validate(ctx, packet);

	if (refused)
		return refused;
	if (packet->is_plain && !packet_load(ctx, packet))
		return SLUICE_OUTCOME_refused_short;
	stage_filter(packet);
	if (packet->dropped == packet->events)
		return SLUICE_OUTCOME_filtered;
	stage_compact(packet);
	return stage_emit(packet);
}

SEC("xdp.frags")
int sluice_xdp(struct xdp_md *ctx)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct packet *packet = bpf_map_lookup_elem(&sluice_packet, &cpu);

	if (!packet)
		return XDP_PASS;
	packet->cpu = cpu;
	packet->events = 0;
	packet->dropped = 0;
	packet->counted = 0;
	if (stage_parse(ctx, packet) || !stage_listener(ctx, packet))
		return XDP_PASS;
	count_traffic(packet, SLUICE_TRAFFIC_listened);
	count_outcome(packet, take(ctx, packet));
	return XDP_DROP;
}

char _license[] SEC("license") = "Dual BSD/GPL";
