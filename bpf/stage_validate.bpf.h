/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Stage validate: the datagram must have come as it was sent, and its payload be true. Of a plain
 * frame the header is known already; else the payload is copied to where it can be read and handed
 * over from. */
#ifndef SLUICE_STAGE_VALIDATE_BPF_H
#define SLUICE_STAGE_VALIDATE_BPF_H

#include "stage_checksum.bpf.h"

/* 0 and packet->events, or the outcome that refuses the datagram (enum sluice_outcome). */
static __always_inline __u32 stage_validate(struct xdp_md *ctx, struct packet *packet)
{
	__u32 refused;

	if (packet->frame.is_udp_length_wrong)
		return SLUICE_OUTCOME_refused_udp_length;
	if (!packet->is_plain && !packet_load(ctx, packet))
		return SLUICE_OUTCOME_refused_short;
	if (!packet->is_unchecked && !stage_checksum(ctx, packet))
		return SLUICE_OUTCOME_refused_checksum;
	refused = sluice_validate(&packet->header, packet->frame.payload_bytes);
	if (!refused)
		packet->events = packet->header.event_count;
	return refused;
}

/* Of a datagram that is refused for its length: whether the host's stack can make it several. */
static __always_inline bool stage_validate_is_segmented(const struct packet *packet)
{
	const struct sluice_configs *configs = stage_listener_configs(packet);
	__u32 listener = packet->listener;

	SLUICE_KEEP_BOUND(listener);
	return configs && listener < SLUICE_LISTENERS_MAX &&
	       sluice_is_segmented(&stage_listener_config(configs, packet)->listener[listener],
				   &packet->header, packet->frame.payload_bytes);
}

#endif
