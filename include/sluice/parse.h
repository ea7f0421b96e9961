/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The rules that say what a frame is, as functions that the XDP program and the agent both compile,
 * so that they never disagree. Bytes come in, a reason comes out. They read nothing outside the
 * given bytes and keep no state. */
#ifndef SLUICE_PARSE_H
#define SLUICE_PARSE_H

#include "sluice/bpf_config.h"
#include "sluice/checksum.h"
#include "sluice/ledger.h"

/* All headers of a datagram lie in this many first bytes of its frame, else it passes. Enough
 * for two tags, IPv6 and six extension headers of 70 bytes each. */
#define SLUICE_HEAD_BYTES 510
#define SLUICE_IPV4_BYTES_MAX 60

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define SLUICE_NET16(number) ((__u16)__builtin_bswap16(number))
#else
#error "only little-endian machines: records are handed over as they came"
#endif

enum {
	SLUICE_ETHERTYPE_IPV4 = 0x0800,
	SLUICE_ETHERTYPE_VLAN = 0x8100,
	SLUICE_ETHERTYPE_IPV6 = 0x86dd,
	SLUICE_ETHERTYPE_QINQ = 0x88a8,
};

enum {
	SLUICE_NEXT_HOP_BY_HOP = 0,
	SLUICE_NEXT_UDP = 17,
	SLUICE_NEXT_ROUTING = 43,
	SLUICE_NEXT_FRAGMENT = 44,
	SLUICE_NEXT_ESP = 50,
	SLUICE_NEXT_AH = 51,
	SLUICE_NEXT_DESTINATION = 60,
	SLUICE_NEXT_MOBILITY = 135,
	SLUICE_NEXT_HIP = 139,
	SLUICE_NEXT_SHIM6 = 140,
	SLUICE_NEXT_EXPERIMENT1 = 253,
	SLUICE_NEXT_EXPERIMENT2 = 254,
};

struct sluice_ethernet {
	__u8 to[6];
	__u8 from[6];
	__u16 ethertype;
} SLUICE_UNALIGNED;

struct sluice_vlan {
	__u16 tag;
	__u16 ethertype;
} SLUICE_UNALIGNED;

struct sluice_ipv4 {
	__u8 version_ihl; /* header length in words of 4 bytes in the low half */
	__u8 service;
	__u16 total_bytes;
	__u16 id;
	__u16 fragment; /* 3 flags (the last: more follow), offset */
	__u8 ttl;
	__u8 protocol;
	__u16 checksum;
	__u32 from;
	__u32 to;
} SLUICE_UNALIGNED;

struct sluice_ipv6 {
	__u8 version_class;
	__u8 flow[3];
	__u16 payload_bytes;
	__u8 next;
	__u8 hop_limit;
	__u32 from[4];
	__u32 to[4];
} SLUICE_UNALIGNED;

/* The first 8 bytes of hop-by-hop, routing, fragment and destination headers. */
struct sluice_extension {
	__u8 next;
	__u8 more; /* length − 8 in units of 8 bytes; nothing in a fragment header */
	__u16 fragment; /* offset, the last bit: more follow */
	__u32 rest;
} SLUICE_UNALIGNED;

struct sluice_udp {
	__u16 from;
	__u16 to;
	__u16 bytes;
	__u16 checksum;
} SLUICE_UNALIGNED;

SLUICE_ASSERT_SIZE(struct sluice_ethernet, 14);
SLUICE_ASSERT_SIZE(struct sluice_vlan, 4);
SLUICE_ASSERT_SIZE(struct sluice_ipv4, 20);
SLUICE_ASSERT_SIZE(struct sluice_ipv6, 40);
SLUICE_ASSERT_SIZE(struct sluice_extension, 8);
SLUICE_ASSERT_SIZE(struct sluice_udp, 8);
_Static_assert(SLUICE_HEAD_BYTES > 14 + 4 * SLUICE_VLAN_TAGS_MAX + 60 + 8,
	       "room for every IPv4 header");

/* What is known of a frame that carries UDP. */
struct sluice_frame {
	__u32 address[4]; /* destination as IPv6, IPv4 mapped; network byte order */
	__u32 payload_offset; /* from the start of the frame */
	__u32 payload_bytes; /* as UDP says; as IP says when they contradict each other */
	__u16 port; /* destination, host byte order */
	__u8 is_udp_length_wrong;
	__u8 is_ipv6;
	__u32 memory; /* for SLUICE_FORGET */
	__u64 address_sum; /* of both addresses, for the checksum */
	__u64 udp; /* the header of UDP as it came */
};

/* A place in the head of a frame and where the present layer says that it ends. */
struct sluice_cursor {
	const __u8 *head;
	__u32 at;
	__u32 end;
	__u32 *memory; /* for SLUICE_FORGET */
};

/* The next `bytes` of the layer, or NULL and the cursor stays; `at` may lie beyond the end. */
SLUICE_INLINE const void *sluice_cursor_take(struct sluice_cursor *cursor, __u32 bytes)
{
	const __u8 *place = cursor->head;
	__u32 at = cursor->at;

	if (at + bytes > cursor->end)
		return 0;
	SLUICE_FORGET(at, cursor->memory);
	if (at > SLUICE_HEAD_BYTES - bytes)
		return 0;
	cursor->at = at + bytes;
	SLUICE_MOVE(place, at);
	return place;
}

/* Why sluice_cursor_take gave nothing: the layer is too short, or its headers too long for us. */
SLUICE_INLINE __u32 sluice_cursor_reason(const struct sluice_cursor *cursor, __u32 bytes)
{
	return cursor->at + bytes > cursor->end ? SLUICE_TRAFFIC_pass_short
						: SLUICE_TRAFFIC_pass_ipv6_headers;
}

/* Each parser below returns 0, or why the frame passes (enum sluice_passed). */

SLUICE_INLINE __u32 sluice_parse_ethernet(struct sluice_cursor *cursor, __u16 *ethertype)
{
	const struct sluice_ethernet *ethernet = sluice_cursor_take(cursor, sizeof(*ethernet));
	__u16 type;

	if (!ethernet)
		return SLUICE_TRAFFIC_pass_short;
	type = SLUICE_NET16(ethernet->ethertype);
	SLUICE_UNROLL
	for (int tags = 0; type == SLUICE_ETHERTYPE_VLAN || type == SLUICE_ETHERTYPE_QINQ; tags++) {
		const struct sluice_vlan *vlan;

		if (tags == SLUICE_VLAN_TAGS_MAX)
			return SLUICE_TRAFFIC_pass_vlan_depth;
		vlan = sluice_cursor_take(cursor, sizeof(*vlan));
		if (!vlan)
			return SLUICE_TRAFFIC_pass_short;
		type = SLUICE_NET16(vlan->ethertype);
	}
	*ethertype = type;
	return 0;
}

/* Whether the checksum of an IPv4 header in the cursor's layer is right. */
SLUICE_INLINE int sluice_ipv4_is_right(const struct sluice_cursor *cursor, __u32 start,
				       __u32 header_bytes)
{
	const __u8 *header = cursor->head;

	SLUICE_FORGET(start, cursor->memory);
	SLUICE_KEEP_BOUND(header_bytes);
	if (start > SLUICE_HEAD_BYTES - SLUICE_IPV4_BYTES_MAX ||
	    header_bytes > SLUICE_IPV4_BYTES_MAX)
		return 0;
	SLUICE_MOVE(header, start);
	return sluice_sum_fold(sluice_sum(header, header_bytes)) == 0xffff;
}

SLUICE_INLINE __u32 sluice_parse_ipv4(struct sluice_cursor *cursor, struct sluice_frame *frame)
{
	__u32 start = cursor->at, header_bytes, total_bytes;
	const struct sluice_ipv4 *ip = sluice_cursor_take(cursor, sizeof(*ip));

	if (!ip)
		return SLUICE_TRAFFIC_pass_short;
	header_bytes = (ip->version_ihl & 15u) * 4;
	total_bytes = SLUICE_NET16(ip->total_bytes);
	if (ip->version_ihl >> 4 != 4 || header_bytes < sizeof(*ip) || total_bytes < header_bytes ||
	    total_bytes > cursor->end - start)
		return SLUICE_TRAFFIC_pass_ip_malformed;
	if (ip->protocol != SLUICE_NEXT_UDP)
		return SLUICE_TRAFFIC_pass_not_udp;
	if (SLUICE_NET16(ip->fragment) & 0x3fff)
		return SLUICE_TRAFFIC_pass_fragment;
	if (!sluice_ipv4_is_right(cursor, start, header_bytes))
		return SLUICE_TRAFFIC_pass_ip_malformed;
	frame->address[0] = frame->address[1] = 0;
	frame->address[2] = 0xffff0000;
	frame->address[3] = ip->to;
	frame->address_sum = (__u64)ip->from + ip->to;
	frame->is_ipv6 = 0;
	cursor->at = start + header_bytes;
	cursor->end = start + total_bytes;
	return 0;
}

/* What a value of `next` asks for: 0 to walk on, else the reason to pass. */
SLUICE_INLINE __u32 sluice_parse_next(__u8 next)
{
	switch (next) {
	case SLUICE_NEXT_HOP_BY_HOP:
	case SLUICE_NEXT_ROUTING:
	case SLUICE_NEXT_FRAGMENT:
	case SLUICE_NEXT_DESTINATION:
		return 0;
	case SLUICE_NEXT_ESP:
	case SLUICE_NEXT_AH:
	case SLUICE_NEXT_MOBILITY:
	case SLUICE_NEXT_HIP:
	case SLUICE_NEXT_SHIM6:
	case SLUICE_NEXT_EXPERIMENT1:
	case SLUICE_NEXT_EXPERIMENT2:
		return SLUICE_TRAFFIC_pass_ipv6_headers;
	default:
		return SLUICE_TRAFFIC_pass_not_udp;
	}
}

/* One extension header; a fragment header that stands for a whole packet (RFC 6946) is one too. */
SLUICE_INLINE __u32 sluice_parse_extension(struct sluice_cursor *cursor, __u8 *next)
{
	__u32 start = cursor->at, bytes;
	const struct sluice_extension *extension = sluice_cursor_take(cursor, sizeof(*extension));

	if (!extension)
		return sluice_cursor_reason(cursor, sizeof(*extension));
	bytes = 8 + 8 * (__u32)extension->more;
	if (*next == SLUICE_NEXT_FRAGMENT) {
		if (extension->fragment & SLUICE_NET16(0xfff9))
			return SLUICE_TRAFFIC_pass_fragment;
		bytes = 8;
	}
	/* Segments left: the destination address is not the last one. */
	if (*next == SLUICE_NEXT_ROUTING && extension->fragment >> 8)
		return SLUICE_TRAFFIC_pass_ipv6_headers;
	cursor->at = start + bytes;
	*next = extension->next;
	return 0;
}

SLUICE_INLINE __u32 sluice_parse_ipv6(struct sluice_cursor *cursor, struct sluice_frame *frame)
{
	const struct sluice_ipv6 *ip = sluice_cursor_take(cursor, sizeof(*ip));
	__u32 payload_bytes;
	__u8 next;

	if (!ip)
		return SLUICE_TRAFFIC_pass_short;
	payload_bytes = SLUICE_NET16(ip->payload_bytes);
	if (ip->version_class >> 4 != 6 || payload_bytes > cursor->end - cursor->at)
		return SLUICE_TRAFFIC_pass_ip_malformed;
	cursor->end = cursor->at + payload_bytes;
	frame->address_sum = 0;
	for (int i = 0; i < 4; i++) {
		frame->address[i] = ip->to[i];
		frame->address_sum += (__u64)ip->from[i] + ip->to[i];
	}
	frame->is_ipv6 = 1;
	next = ip->next;
	SLUICE_UNROLL
	for (int headers = 0; next != SLUICE_NEXT_UDP; headers++) {
		__u32 reason = sluice_parse_next(next);

		if (reason)
			return reason;
		if (headers == SLUICE_IPV6_HEADERS_MAX)
			return SLUICE_TRAFFIC_pass_ipv6_headers;
		reason = sluice_parse_extension(cursor, &next);
		if (reason)
			return reason;
	}
	return 0;
}

SLUICE_INLINE __u64 sluice_udp_word(const struct sluice_udp *udp)
{
	__u64 word;

#ifdef __bpf__
	word = *(const __u64 *)(const void *)udp;
#else
	__builtin_memcpy(&word, udp, sizeof(word));
#endif
	return word;
}

SLUICE_INLINE __u32 sluice_parse_udp(struct sluice_cursor *cursor, struct sluice_frame *frame)
{
	__u32 ip_bytes = cursor->end - cursor->at, udp_bytes;
	const struct sluice_udp *udp = sluice_cursor_take(cursor, sizeof(*udp));

	if (!udp)
		return sluice_cursor_reason(cursor, sizeof(*udp));
	udp_bytes = SLUICE_NET16(udp->bytes);
	frame->udp = sluice_udp_word(udp);
	frame->port = SLUICE_NET16(udp->to);
	frame->payload_offset = cursor->at;
	frame->payload_bytes = ip_bytes - (__u32)sizeof(*udp);
	frame->is_udp_length_wrong = udp_bytes != ip_bytes;
	return 0;
}

/* A frame of `frame_bytes`, of which `head` holds the first SLUICE_HEAD_BYTES (or all). Lengths
 * come from IP and UDP: what follows them is padding. 0 and *frame when it carries UDP. */
SLUICE_INLINE __u32 sluice_parse_frame(const __u8 *head, __u32 frame_bytes,
				       struct sluice_frame *frame)
{
	struct sluice_cursor cursor = {
		.head = head, .at = 0, .end = frame_bytes, .memory = &frame->memory
	};
	__u16 ethertype = 0;
	__u32 reason = sluice_parse_ethernet(&cursor, &ethertype);

	if (reason)
		return reason;
	if (ethertype == SLUICE_ETHERTYPE_IPV4)
		reason = sluice_parse_ipv4(&cursor, frame);
	else if (ethertype == SLUICE_ETHERTYPE_IPV6)
		reason = sluice_parse_ipv6(&cursor, frame);
	else
		reason = SLUICE_TRAFFIC_pass_not_ip;
	return reason ? reason : sluice_parse_udp(&cursor, frame);
}

#endif
