/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Stage parse: plain frames (no tag, option or extension header, true lengths) are read where they
 * lie. Of all others, and whenever anything is odd, the head is copied out, wherever the driver
 * keeps it, and the general rules read it there. */
#ifndef SLUICE_STAGE_PARSE_BPF_H
#define SLUICE_STAGE_PARSE_BPF_H

#include "maps.bpf.h"

#define PARSE_IPV4_BYTES (sizeof(struct sluice_ethernet) + sizeof(struct sluice_ipv4))
#define PARSE_IPV6_BYTES (sizeof(struct sluice_ethernet) + sizeof(struct sluice_ipv6))
#define PARSE_REST_BYTES (sizeof(struct sluice_udp) + sizeof(struct sluice_header))

/* UDP and the datagram's header at `data`; `ip_bytes` are what IP says that they have. By words: of
 * bytes, of which the compiler knows no alignment, it would copy each. */
static __always_inline bool parse_plain_udp(const void *data, __u32 ip_bytes, struct packet *packet)
{
	const struct sluice_udp *udp;
	const __u64 *from;
	__u64 *to = (__u64 *)&packet->header;

	SLUICE_KEEP_BOUND(data);
	udp = data;
	from = (const void *)(udp + 1);
	if (ip_bytes < PARSE_REST_BYTES || SLUICE_NET16(udp->bytes) != ip_bytes)
		return false;
	packet->frame.udp = sluice_udp_word(udp);
	packet->frame.port = SLUICE_NET16(udp->to);
	packet->frame.payload_bytes = ip_bytes - sizeof(*udp);
	packet->frame.is_udp_length_wrong = 0;
	SLUICE_UNROLL
	for (__u32 i = 0; i < sizeof(struct sluice_header) / 8; i++)
		to[i] = from[i];
	packet->is_plain = 1;
	return true;
}

/* The checksum of an IPv4 header without options. */
static __always_inline bool parse_is_right(const struct sluice_ipv4 *ip)
{
	const __u32 *word = (const void *)ip;

	return sluice_sum_fold((__u64)word[0] + word[1] + word[2] + word[3] + word[4]) == 0xffff;
}

static __always_inline bool parse_plain_ipv4(const void *data, const void *end, __u32 frame_bytes,
					     struct packet *packet)
{
	const struct sluice_ipv4 *ip = data + sizeof(struct sluice_ethernet);
	__u32 total_bytes;

	if (data + PARSE_IPV4_BYTES + PARSE_REST_BYTES > end)
		return false;
	total_bytes = SLUICE_NET16(ip->total_bytes);
	if (ip->version_ihl != 0x45 || ip->protocol != SLUICE_NEXT_UDP ||
	    ip->fragment & SLUICE_NET16(0x3fff) || total_bytes < sizeof(*ip) ||
	    total_bytes > frame_bytes - sizeof(struct sluice_ethernet) || !parse_is_right(ip))
		return false;
	packet->frame.address[0] = packet->frame.address[1] = 0;
	packet->frame.address[2] = 0xffff0000;
	packet->frame.address[3] = ip->to;
	packet->frame.address_sum = (__u64)ip->from + ip->to;
	packet->frame.is_ipv6 = 0;
	packet->frame.payload_offset = PARSE_IPV4_BYTES + sizeof(struct sluice_udp);
	return parse_plain_udp(data + PARSE_IPV4_BYTES, total_bytes - sizeof(*ip), packet);
}

static __always_inline bool parse_plain_ipv6(const void *data, const void *end, __u32 frame_bytes,
					     struct packet *packet)
{
	const struct sluice_ipv6 *ip = data + sizeof(struct sluice_ethernet);
	__u32 payload_bytes;

	if (data + PARSE_IPV6_BYTES + PARSE_REST_BYTES > end)
		return false;
	payload_bytes = SLUICE_NET16(ip->payload_bytes);
	if (ip->version_class >> 4 != 6 || ip->next != SLUICE_NEXT_UDP ||
	    payload_bytes > frame_bytes - PARSE_IPV6_BYTES)
		return false;
	packet->frame.address_sum = 0;
	for (int i = 0; i < 4; i++) {
		packet->frame.address[i] = ip->to[i];
		packet->frame.address_sum += (__u64)ip->from[i] + ip->to[i];
	}
	packet->frame.is_ipv6 = 1;
	packet->frame.payload_offset = PARSE_IPV6_BYTES + sizeof(struct sluice_udp);
	return parse_plain_udp(data + PARSE_IPV6_BYTES, payload_bytes, packet);
}

static __always_inline bool parse_plain(struct xdp_md *ctx, __u32 frame_bytes,
					struct packet *packet)
{
	const void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const struct sluice_ethernet *ethernet = data;

	packet->is_plain = 0;
	if (data + sizeof(*ethernet) > end)
		return false;
	if (ethernet->ethertype == SLUICE_NET16(SLUICE_ETHERTYPE_IPV4))
		return parse_plain_ipv4(data, end, frame_bytes, packet);
	if (ethernet->ethertype == SLUICE_NET16(SLUICE_ETHERTYPE_IPV6))
		return parse_plain_ipv6(data, end, frame_bytes, packet);
	return false;
}

static __always_inline bool parse_copy(struct xdp_md *ctx, struct packet *packet, __u32 frame_bytes)
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

	if (parse_plain(ctx, frame_bytes, packet))
		return 0;
	if (!parse_copy(ctx, packet, frame_bytes))
		return SLUICE_TRAFFIC_pass_short;
	return sluice_parse_frame(packet->head, frame_bytes, &packet->frame);
}

#endif
