/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The XDP program: the order of the stages and the verdicts. Frames that are none of ours pass;
 * each datagram of a listener ends in one outcome, and the packet then ends here (consume) or
 * goes on to the stack as if nothing had been (tap). */
#include "maps.bpf.h"
#include "count.bpf.h"
#include "stage_parse.bpf.h"
#include "stage_listener.bpf.h"
#include "stage_validate.bpf.h"
#include "stage_filter.bpf.h"
#include "stage_quick.bpf.h"
#include "stage_single.bpf.h"

static __always_inline int pass(struct packet *packet, __u32 reason)
{
	count_traffic(packet, reason);
	return XDP_PASS;
}

/* A datagram whose header is proven. */
static __always_inline __u32 take(struct xdp_md *ctx, struct packet *packet)
{
	__u32 outcome;

	if (single_is(packet)) {
		outcome = stage_single(ctx, packet);
		if (outcome != SLUICE_OUTCOME_COUNT)
			return outcome;
	}
	if (stage_quick_count(ctx, packet))
		return stage_quick_emit(ctx, packet);
	if (packet->is_plain && !packet_load(ctx, packet))
		return SLUICE_OUTCOME_refused_short;
	stage_filter(packet);
	if (packet->dropped == packet->events)
		return SLUICE_OUTCOME_filtered;
	return stage_emit(packet);
}

SEC("xdp.frags")
int sluice_xdp(struct xdp_md *ctx)
{
	__u32 cpu = bpf_get_smp_processor_id(), reason, refused;
	struct packet *packet = bpf_map_lookup_elem(&sluice_packet, &cpu);

	if (!packet)
		return XDP_PASS;
	packet->cpu = cpu;
	packet->events = 0;
	packet->dropped = 0;
	packet->counted = 0;
	reason = stage_parse(ctx, packet);
	if (reason)
		return pass(packet, reason);
	if (!stage_listener(ctx, packet))
		return pass(packet, SLUICE_TRAFFIC_pass_other_port);
	refused = stage_validate(ctx, packet);
	if (refused == SLUICE_OUTCOME_refused_length && stage_validate_is_segmented(packet))
		return pass(packet, SLUICE_TRAFFIC_pass_segmented);
	count_traffic(packet, SLUICE_TRAFFIC_listened);
	count_outcome(packet, refused ? refused : take(ctx, packet));
	return packet->action == SLUICE_ACTION_TAP ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "Dual BSD/GPL";
