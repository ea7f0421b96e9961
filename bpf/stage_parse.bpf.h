/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Stage parse: the head of the frame is copied out, wherever the driver keeps it, and read there. */
#ifndef SLUICE_STAGE_PARSE_BPF_H
#define SLUICE_STAGE_PARSE_BPF_H

#include "maps.bpf.h"

/* 0 and packet->frame for UDP, or why the frame passes (enum sluice_passed). */
static __always_inline __u32 stage_parse(struct xdp_md *ctx, struct packet *packet)
{
	__u32 frame_bytes = bpf_xdp_get_buff_len(ctx), head_bytes = frame_bytes;

	if (head_bytes > SLUICE_HEAD_BYTES)
		head_bytes = SLUICE_HEAD_BYTES;
	SLUICE_KEEP_BOUND(head_bytes);
	if (head_bytes < 1 || head_bytes > SLUICE_HEAD_BYTES ||
	    bpf_xdp_load_bytes(ctx, 0, packet->head, head_bytes))
		return SLUICE_TRAFFIC_pass_short;
	return sluice_parse_frame(packet->head, frame_bytes, &packet->frame);
}

#endif
