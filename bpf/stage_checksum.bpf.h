/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Stage checksum: where transmit offload left the UDP checksum to nobody, it says so; else the
 * payload is summed, where it lies if the frame is plain and in one piece, and otherwise where it
 * was copied to. Without CAP_PERFMON a packet may only be read at constant offsets: so it is summed
 * in pieces of constant sizes. */
#ifndef SLUICE_STAGE_CHECKSUM_BPF_H
#define SLUICE_STAGE_CHECKSUM_BPF_H

#include "stage_listener.bpf.h"

#define CHECKSUM_IPV4_OFFSET (14 + 20 + 8)
#define CHECKSUM_IPV6_OFFSET (14 + 40 + 8)
#define CHECKSUM_ONE_BYTES (sizeof(struct sluice_header) + 32)
#define CHECKSUM_SUMS 4
#define CHECKSUM_UNKNOWN (~0ull)

/* Whether the whole payload is at packet->payload; lengths that cannot be are left alone. */
static __always_inline bool packet_load(struct xdp_md *ctx, struct packet *packet)
{
	__u32 bytes = packet->frame.payload_bytes;

	SLUICE_KEEP_BOUND(bytes);
	if (bytes < 1 || bytes > SLUICE_FILTER_BYTES - 8)
		return true;
	/* IP said that the frame has these bytes, so this does not fail. */
	return !bpf_xdp_load_bytes(ctx, packet->frame.payload_offset, packet->payload, bytes);
}

/* Adds a constant number of bytes, in several sums that do not wait for each other. No helper: the
 * return from a function of the kernel can cost as much as summing 100 bytes. */
static __always_inline void checksum_add(__u64 sum[CHECKSUM_SUMS], const void *at,
					 const __u32 bytes)
{
	const __u32 *word = at;

	SLUICE_UNROLL
	for (__u32 i = 0; i < bytes / 4; i++) {
		sum[i % CHECKSUM_SUMS] += word[i];
		/* Or the compiler loads far ahead, more than there are registers. */
		if (i % CHECKSUM_SUMS == CHECKSUM_SUMS - 1)
			__asm__ volatile(""
					 : "+r"(sum[0]), "+r"(sum[1]), "+r"(sum[2]), "+r"(sum[3])
					 :
					 : "memory");
	}
}

/* The next piece, if so much is left. */
#define CHECKSUM_PIECE(size)                             \
	do {                                             \
		SLUICE_KEEP_BOUND(left);                 \
		SLUICE_KEEP_BOUND(at);                   \
		if (left >= (size)) {                    \
			if (at + (size) > end)           \
				return CHECKSUM_UNKNOWN; \
			checksum_add(sum, at, size);     \
			at += (size);                    \
			left -= (size);                  \
		}                                        \
	} while (0)

/* The sum of the payload of a plain frame; CHECKSUM_UNKNOWN: it is in several pieces, or of a
 * length that no records have. */
static __noinline __u64 checksum_in_place(struct xdp_md *ctx, struct packet *packet)
{
	const void *at = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 left = packet->frame.payload_bytes;
	__u64 sum[CHECKSUM_SUMS] = { 0 };

	at += CHECKSUM_IPV4_OFFSET;
	SLUICE_KEEP_BOUND(at);
	if (packet->frame.payload_offset == CHECKSUM_IPV6_OFFSET) {
		at += CHECKSUM_IPV6_OFFSET - CHECKSUM_IPV4_OFFSET;
		SLUICE_KEEP_BOUND(at);
	}
	CHECKSUM_PIECE(512);
	CHECKSUM_PIECE(512);
	CHECKSUM_PIECE(256);
	CHECKSUM_PIECE(128);
	CHECKSUM_PIECE(64);
	CHECKSUM_PIECE(32);
	CHECKSUM_PIECE(16);
	CHECKSUM_PIECE(8);
	return left ? CHECKSUM_UNKNOWN : sum[0] + sum[1] + sum[2] + sum[3];
}

/* The same for one event of 32 bytes over IPv4, without a function of its own. */
static __always_inline __u64 checksum_of_one(struct xdp_md *ctx)
{
	const void *at = (void *)(long)ctx->data + CHECKSUM_IPV4_OFFSET;
	const void *end = (void *)(long)ctx->data_end;
	__u64 sum[CHECKSUM_SUMS] = { 0 };

	if (at + CHECKSUM_ONE_BYTES > end)
		return CHECKSUM_UNKNOWN;
	checksum_add(sum, at, CHECKSUM_ONE_BYTES);
	return sum[0] + sum[1] + sum[2] + sum[3];
}

struct checksum_loop {
	const __u8 *payload;
	__u64 sum;
	__u32 bytes;
};

static long checksum_chunk(__u32 i, struct checksum_loop *loop)
{
	__u32 at = i * SLUICE_SUM_BYTES, left = loop->bytes - at;
	const __u8 *chunk = loop->payload;

	if (left > SLUICE_SUM_BYTES)
		left = SLUICE_SUM_BYTES;
	left = (left + 3) & ~3u;
	SLUICE_KEEP_BOUND(at);
	SLUICE_KEEP_BOUND(left);
	if (at > SLUICE_FILTER_BYTES - SLUICE_SUM_BYTES || left > SLUICE_SUM_BYTES)
		return 1;
	SLUICE_MOVE(chunk, at);
	loop->sum += sluice_sum(chunk, left);
	return 0;
}

/* The sum of packet->payload. */
static __always_inline __u64 checksum_of_copy(struct packet *packet)
{
	__u32 bytes = packet->frame.payload_bytes;
	struct checksum_loop loop = { .payload = packet->payload, .bytes = bytes };

	/* What follows the last bytes is 0, as far as it is summed. */
	SLUICE_KEEP_BOUND(bytes);
	if (bytes > SLUICE_FILTER_BYTES - 8)
		return 0;
	for (__u32 i = 0; i < 3; i++)
		packet->payload[bytes + i] = 0;
	bpf_loop((bytes + SLUICE_SUM_BYTES - 1) / SLUICE_SUM_BYTES, checksum_chunk, &loop, 0);
	return loop.sum;
}

/* Whether the UDP checksum is right. A plain frame that had to be copied is plain no longer. */
static __always_inline bool stage_checksum(struct xdp_md *ctx, struct packet *packet)
{
	enum sluice_checksum found = sluice_checksum_look(&packet->frame);
	__u64 sum = CHECKSUM_UNKNOWN;

	if (found != SLUICE_CHECKSUM_UNKNOWN)
		return found == SLUICE_CHECKSUM_RIGHT;
	if (packet->is_plain && packet->frame.payload_bytes == CHECKSUM_ONE_BYTES &&
	    packet->frame.payload_offset == CHECKSUM_IPV4_OFFSET)
		sum = checksum_of_one(ctx);
	else if (packet->is_plain)
		sum = checksum_in_place(ctx, packet);
	if (sum == CHECKSUM_UNKNOWN) {
		if (packet->is_plain && !packet_load(ctx, packet))
			return false;
		packet->is_plain = 0;
		sum = checksum_of_copy(packet);
	}
	return sluice_checksum_is_right(&packet->frame, sum);
}

#endif
