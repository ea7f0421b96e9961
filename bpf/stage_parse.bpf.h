/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Stage parse: the head of the frame is copied out, wherever the driver keeps it, and read
 * there. Of plain frames (no tag, no options, no extension headers) a few words are enough. */
#ifndef SLUICE_STAGE_PARSE_BPF_H
#define SLUICE_STAGE_PARSE_BPF_H

#include "maps.bpf.h"

/* Ethernet, IPv6 and UDP, rounded up to words. */
#define PARSE_PLAIN_BYTES 64

/* Whether all headers lie in the first PARSE_PLAIN_BYTES. */
static __always_inline bool parse_is_plain(const __u8 *data)
{
	__u16 ethertype = *(const __u16 *)(data + 12);
	__u8 version_ihl = data[14], next = data[20];

	SLUICE_KEEP_BOUND(next);
	return (ethertype == SLUICE_NET16(SLUICE_ETHERTYPE_IPV4) && version_ihl == 0x45) ||
	       (ethertype == SLUICE_NET16(SLUICE_ETHERTYPE_IPV6) && next == SLUICE_NEXT_UDP);
}

/* By words: of bytes, of which the compiler knows no alignment, it would copy each. */
static __always_inline bool parse_copy_plain(struct xdp_md *ctx, struct packet *packet)
{
	const void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const __u64 *from = data;
	__u64 *to = (__u64 *)packet->head;

	if (data + PARSE_PLAIN_BYTES > end || !parse_is_plain(data))
		return false;
	SLUICE_UNROLL
	for (int i = 0; i < PARSE_PLAIN_BYTES / 8; i++)
		to[i] = from[i];
	return true;
}

static __always_inline bool parse_copy_any(struct xdp_md *ctx, struct packet *packet,
					   __u32 frame_bytes)
{
	__u32 bytes = frame_bytes;

	if (bytes > SLUICE_HEAD_BYTES)
		bytes = SLUICE_HEAD_BYTES;
	SLUICE_KEEP_BOUND(bytes);
	return bytes >= 1 && bytes <= SLUICE_HEAD_BYTES &&
	       !bpf_xdp_load_bytes(ctx, 0, packet->head, bytes);
}

/* 0 and packet->frame for UDP, or why the frame passes (enum sluice_passed). */
static __always_inline __u32 stage_parse(struct xdp_md *ctx, struct packet *packet)
{
	__u32 frame_bytes = bpf_xdp_get_buff_len(ctx);

	if (!parse_copy_plain(ctx, packet) && !parse_copy_any(ctx, packet, frame_bytes))
		return SLUICE_TRAFFIC_pass_short;
	return sluice_parse_frame(packet->head, frame_bytes, &packet->frame);
}

#endif
