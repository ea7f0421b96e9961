/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Stage validate: the payload is copied to where it will be handed over from, and must be true. */
#ifndef SLUICE_STAGE_VALIDATE_BPF_H
#define SLUICE_STAGE_VALIDATE_BPF_H

#include "maps.bpf.h"

/* 0 and packet->events, or the outcome that refuses the datagram (enum sluice_outcome). */
static __always_inline __u32 stage_validate(struct xdp_md *ctx, struct packet *packet)
{
	__u32 bytes = packet->frame.payload_bytes, refused;

	if (packet->frame.is_udp_length_wrong)
		return SLUICE_OUTCOME_refused_udp_length;
	SLUICE_KEEP_BOUND(bytes);
	if (bytes >= sizeof(struct sluice_header) && bytes <= SLUICE_PAYLOAD_MAX) {
		/* IP said that the frame has these bytes, so this does not fail. */
		if (bpf_xdp_load_bytes(ctx, packet->frame.payload_offset, packet->payload, bytes))
			return SLUICE_OUTCOME_refused_short;
	}
	refused = sluice_validate(&packet->header, bytes);
	if (!refused)
		packet->events = packet->header.event_count;
	return refused;
}

#endif
