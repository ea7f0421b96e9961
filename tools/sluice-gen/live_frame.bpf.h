/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* One live frame: a slot of the pool and a datagram of the plan in, the frame's bytes out. What is
 * written is summed on the way, for the checksum; all else was summed when the pool was made. Short
 * frames are written whole. Of others usually only header, keys and ids are, as a page comes back
 * with what it carried before; the frame's headers are compared first, as the far end may have
 * changed them. Functions return 0, or -1 when the frame has no room. */
#ifndef SLUICE_GEN_LIVE_FRAME_H
#define SLUICE_GEN_LIVE_FRAME_H

#include "live.h"
#include "sluice/checksum.h"
#include "sluice/limits.h"

#define SLOT_HEAD_BYTES 8
#define IP_OFFSET 14

struct slot_key {
	__u32 key;
	__u32 block;
};

/* Of two events, the first in the lower halves. */
struct slot_pair {
	__u64 keys;
	__u64 blocks;
};

struct stamp {
	__u64 masks;
	__u64 biases;
};

/* Whether the frame starts with the template's headers, up to the checksum; 8 bytes at a time, the
 * last ones overlap. */
static __always_inline int is_carried(const struct live_layout *layout, const void *data,
				      const void *end, const __u8 *frame)
{
	__u32 at;

	if (data + layout->header_bytes > end)
		return 0;
	for (at = 0; at + 8 <= layout->header_bytes - 2; at += 8)
		if (*(const __u64 *)(data + at) != *(const __u64 *)(frame + at))
			return 0;
	at = layout->header_bytes - 10;
	return *(const __u64 *)(data + at) == *(const __u64 *)(frame + at);
}

static __always_inline __u32 key_of(const struct slot_key *key,
				    const struct plan_datagram *datagram, __u32 bias)
{
	return (key->key ^ (datagram->key_mask & key->block)) - bias;
}

static __always_inline void stamp_id(void *record, __u64 event_id, __u32 event_size)
{
	if (event_size >= PLAN_EVENT_SIZE_WITH_ID)
		*(__u64 *)(record + __builtin_offsetof(struct sluice_event, event_id)) = event_id;
}

/* The sum of as many ids from this one on. */
static __always_inline __u64 sum_of_ids(__u64 event_id, __u64 count, __u32 event_size)
{
	if (event_size < PLAN_EVENT_SIZE_WITH_ID)
		return 0;
	return sluice_sum_word(0, event_id) * count + count * (count - 1) / 2;
}

/* No key borrows from its neighbour: none is less than the bias. Returns the sum of both. */
static __always_inline __u64 stamp_pair(void *record, const struct slot_pair *pair,
				       const struct stamp *stamp, __u64 event_id, __u32 event_size)
{
	__u64 keys = (pair->keys ^ (stamp->masks & pair->blocks)) - stamp->biases;

	*(__u32 *)record = (__u32)keys;
	*(__u32 *)(record + event_size) = (__u32)(keys >> 32);
	stamp_id(record, event_id, event_size);
	stamp_id(record + event_size, event_id + 1, event_size);
	return (__u32)keys + (keys >> 32);
}

/* Up to the end of the frame. Four at a time: bounds are looked at once for them. Returns the sum
 * of what was stamped. */
static __always_inline __u64 stamp_events(const struct live_layout *layout, void *records,
					 const void *end, const struct slot_pair *pairs,
					 const struct plan_datagram *datagram, __u32 event_size)
{
	__u32 mask = datagram->key_mask, bias = layout->plan.key_bias, i = 0;
	const struct stamp stamp = { (__u64)mask << 32 | mask, (__u64)bias << 32 | bias };
	__u64 event_id = plan_event_id(datagram, 0), sum = 0;

	for (; i + 4 <= LIVE_EVENTS_MAX && records + 4 * event_size <= end; i += 4) {
		sum += stamp_pair(records, &pairs[0], &stamp, event_id + i, event_size);
		sum += stamp_pair(records + 2 * event_size, &pairs[1], &stamp, event_id + i + 2,
				  event_size);
		records += 4 * event_size;
		pairs += 2;
	}
	if (i + 2 <= LIVE_EVENTS_MAX && records + 2 * event_size <= end) {
		sum += stamp_pair(records, pairs, &stamp, event_id + i, event_size);
		records += 2 * event_size;
		pairs++;
		i += 2;
	}
	if (i < LIVE_EVENTS_MAX && records + event_size <= end) {
		__u32 key = key_of((const void *)pairs, datagram, bias);

		*(__u32 *)records = key;
		stamp_id(records, event_id + i, event_size);
		sum += key;
		i++;
	}
	return sum + sum_of_ids(event_id, i, event_size);
}

static __always_inline void put16(void *at, __u32 value)
{
	*(__u16 *)at = __builtin_bswap16((__u16)value);
}

/* Lengths of a payload of 20 bytes; the rest of the frame becomes padding. */
static __always_inline void shorten(const struct live_layout *layout, void *data, const void *end)
{
	void *ip = data + IP_OFFSET;
	__u32 bytes = 8 + PLAN_SHORT_PAYLOAD_BYTES, sum;

	if (data + 62 > end)
		return;
	if (layout->header_bytes == 62) {
		put16(ip + 4, bytes);
		put16(ip + 44, bytes);
		return;
	}
	/* RFC 1624: ~(~checksum + ~old + new), in any byte order as long as it is one. */
	sum = (__u16) ~*(__u16 *)(ip + 10);
	sum += (__u16) ~*(__u16 *)(ip + 2);
	put16(ip + 2, 20 + bytes);
	sum += *(__u16 *)(ip + 2);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	*(__u16 *)(ip + 10) = (__u16)~sum;
	put16(ip + 24, bytes);
}

static __always_inline int resize(const struct live_layout *layout, struct xdp_md *ctx,
				  __u32 frame_bytes)
{
	int change;

	if (layout->event_count)
		return 0;
	change = (int)frame_bytes - (int)bpf_xdp_get_buff_len(ctx);
	return change ? (int)bpf_xdp_adjust_tail(ctx, change) : 0;
}

/* A piece of a record; returns its sum. */
static __always_inline __u64 write_summed(void *to, const __u8 *from, __u32 bytes)
{
	__u64 sum = 0;

#pragma unroll
	for (__u32 at = 0; at < bytes; at += 8) {
		__u64 word = *(const __u64 *)(from + at);

		*(__u64 *)(to + at) = word;
		sum = sluice_sum_word(sum, word);
	}
	return sum;
}

/* To the byte: the last words overlap. `bytes` is a constant. */
static __always_inline void write_words(void *to, const __u8 *from, __u32 bytes)
{
#pragma unroll
	for (__u32 at = 0; at + 8 <= bytes; at += 8)
		*(__u64 *)(to + at) = *(const __u64 *)(from + at);
	if (bytes % 8)
		*(__u64 *)(to + bytes - 8) = *(const __u64 *)(from + bytes - 8);
}

/* Returns the sum of the event, but for its id. */
static __always_inline __u64 write_event(const struct live_layout *layout, void *record,
					const __u8 *model, const struct plan_datagram *datagram,
					__u32 index)
{
	__u64 sum = key_of((const void *)model, datagram, layout->plan.key_bias);

	*(__u64 *)record = sum;
	sum += write_summed(record + 8, model + 8, 24);
	for (__u32 at = 32; at < layout->event_size; at += 8)
		sum += write_summed(record + at, model + at, 8);
	stamp_id(record, plan_event_id(datagram, index), layout->event_size);
	return sum;
}

/* All of a frame that is short. The first event stands alone, as usually there is no other one. */
static __always_inline int fill_short(const struct live_layout *layout, struct xdp_md *ctx,
				      const __u8 *slot, const struct plan_datagram *datagram,
				      __u64 *sum)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct sluice_header *header = data + layout->header_bytes;
	void *record = header + 1;

	if (data + layout->frame_bytes_max > end)
		return -1;
	if (layout->header_bytes == 42)
		write_words(data, layout->start, 42 + LIVE_COMMON_BYTES);
	else
		write_words(data, layout->start, 62 + LIVE_COMMON_BYTES);
	plan_stamp_own(header, datagram);
	*sum = layout->short_sum + write_event(layout, record, slot, datagram, 0) +
	       sum_of_ids(plan_event_id(datagram, 0), layout->event_count, layout->event_size);
	for (__u32 i = 1; i < layout->event_count; i++) {
		record += layout->event_size;
		slot += layout->event_size;
		*sum += write_event(layout, record, slot, datagram, i);
	}
	return 0;
}

/* What changes in a longer one; all of it when it carries another template. */
static __always_inline int fill_long(const struct live_layout *layout, struct xdp_md *ctx,
				     const __u8 *slot, const struct plan_datagram *datagram,
				     __u32 count, __u64 *sum)
{
	const struct slot_pair *pairs = (const void *)(slot + SLOT_HEAD_BYTES);
	const __u8 *frame = slot + layout->frame_offset;
	__u32 frame_bytes = *(const __u32 *)(slot + 4);
	struct sluice_header *header;
	const void *end;

	if (frame_bytes < 62 || frame_bytes > LIVE_FRAME_BYTES_MAX ||
	    resize(layout, ctx, frame_bytes))
		return -1;
	if (!is_carried(layout, (void *)(long)ctx->data, (void *)(long)ctx->data_end, frame) &&
	    bpf_xdp_store_bytes(ctx, 0, (void *)frame, frame_bytes))
		return -1;
	barrier_var(ctx); /* or the compiler computes addresses in it, which the verifier forbids */
	header = (void *)(long)ctx->data + layout->header_bytes;
	end = (void *)(long)ctx->data_end;
	if ((const void *)(header + 1) > end)
		return -1;
	plan_stamp_header(&layout->plan, header, datagram, count);
	if (layout->event_size == SLUICE_EVENT_SIZE_MIN) /* the compiler knows the offsets then */
		*sum = stamp_events(layout, header + 1, end, pairs, datagram,
				    SLUICE_EVENT_SIZE_MIN);
	else
		*sum = stamp_events(layout, header + 1, end, pairs, datagram, layout->event_size);
	*sum += *(const __u16 *)(frame + layout->header_bytes - 2);
	return 0;
}

static __always_inline int damage(const struct live_layout *layout, struct xdp_md *ctx,
				  const struct plan_datagram *datagram)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct sluice_header *header = data + layout->header_bytes;

	if (datagram->damage >= PLAN_DAMAGES)
		return 0;
	if ((void *)(header + 1) > end)
		return -1;
	plan_damage_header(header, datagram->damage, datagram->number);
	if (datagram->damage == PLAN_DAMAGE_SHORT)
		shorten(layout, data, end);
	return 0;
}

static __always_inline int fill_frame(const struct live_layout *layout, struct xdp_md *ctx,
				      const __u8 *slot, const struct plan_datagram *datagram,
				      __u32 count, __u64 *sum)
{
	return layout->is_short ? fill_short(layout, ctx, slot, datagram, sum)
				: fill_long(layout, ctx, slot, datagram, count, sum);
}

/* The sum of what the checksum of a payload of 20 bytes covers. */
static __always_inline __u64 sum_shortened(const struct live_layout *layout, const __u64 *header)
{
	__u64 sum = layout->pseudo_sum + layout->port_sum +
		    2 * __builtin_bswap16(8 + PLAN_SHORT_PAYLOAD_BYTES);

	sum = sluice_sum_word(sum, header[0]);
	sum = sluice_sum_word(sum, header[1]);
	return sum + (__u32)header[2];
}

/* Writes the checksum, last of all. `sum` is that of all it covers but the datagram's header. */
static __always_inline int seal(const struct live_layout *layout, struct xdp_md *ctx,
				const struct plan_datagram *datagram, __u64 sum)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const __u64 *header = data + layout->header_bytes;
	__u16 *checksum, sealed;

	if ((const void *)header + sizeof(struct sluice_header) > end)
		return -1;
	checksum = (__u16 *)header - 1;
#pragma unroll
	for (__u32 i = 0; i < sizeof(struct sluice_header) / 8; i++)
		sum = sluice_sum_word(sum, header[i]);
	if (datagram->damage == PLAN_DAMAGE_SHORT)
		sum = sum_shortened(layout, header);
	sealed = (__u16)~sluice_sum_fold(sum);
	if (!sealed)
		sealed = 0xffff;
	if (datagram->damage == PLAN_DAMAGE_CHECKSUM)
		sealed = plan_wrong_checksum(sealed,
					     sluice_sum_fold(layout->pseudo_sum + checksum[-1]));
	*checksum = sealed;
	return 0;
}

#endif
