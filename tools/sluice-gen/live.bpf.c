// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Live frames: each run of the program turns one page into the next datagram of the plan and
 * sends it back out of the interface it seems to come from. Short frames are written whole. Of
 * others usually only header, keys and ids are, as a page comes back with what it carried before;
 * the frame's headers are compared first, as the far end may have changed them. Two tracing
 * programs see what the kernel could not send. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "live.h"

const volatile struct plan plan;
const volatile struct live_layout layout;

__u8 live_pool[LIVE_POOL_BYTES];
__u8 live_header[LIVE_HEADER_BYTES_MAX];
struct live_state live_state;
struct live_pace live_pace;
struct live_gap live_gaps[LIVE_GAPS_MAX];

#define SLOT_HEAD_BYTES 8
#define IP_OFFSET 14

struct slot_key {
	__u32 key;
	__u32 block;
};

/* Opaque to the compiler, which may not take the initial zeros for the plan; the verifier sees
 * through it. */
static __always_inline const struct plan *the_plan(void)
{
	const struct plan *pointer = (const struct plan *)&plan;

	asm volatile("" : "+r"(pointer));
	return pointer;
}

/* The part of the kernel's struct that is needed, found by its name at load time. */
struct net_device___live {
	int ifindex;
} __attribute__((preserve_access_index));

static __always_inline int is_too_early(void)
{
	__u64 elapsed_ns, due;

	if (!layout.is_paced)
		return 0;
	elapsed_ns = bpf_ktime_get_ns() - live_pace.origin_ns;
	due = elapsed_ns * live_pace.per_ns >> live_pace.shift;
	if (elapsed_ns > LIVE_PACE_NS) {
		live_pace.origin += due;
		live_pace.origin_ns += elapsed_ns;
		due = 0;
	}
	return live_state.plan.original >= live_pace.origin + due;
}

static __always_inline void start(void)
{
	live_state.task = bpf_get_current_task();
	live_state.started_ns = bpf_ktime_get_ns();
	live_pace.origin_ns = live_state.started_ns;
}

static __always_inline void finish(void)
{
	live_state.ended_ns = bpf_ktime_get_ns();
	live_state.is_done = 1;
}

/* Whether the frame starts with the template's headers; 8 bytes at a time, the last ones
 * overlap. */
static __always_inline int is_carried(const void *data, const void *end, const __u8 *frame)
{
	__u32 at;

	if (data + layout.header_bytes > end)
		return 0;
	for (at = 0; at + 8 <= layout.header_bytes; at += 8)
		if (*(const __u64 *)(data + at) != *(const __u64 *)(frame + at))
			return 0;
	at = layout.header_bytes - 8;
	return *(const __u64 *)(data + at) == *(const __u64 *)(frame + at);
}

static __always_inline void stamp_event(void *record, const struct slot_key *key,
					const struct plan_datagram *datagram, __u32 index)
{
	*(__u32 *)record = (key->key ^ (datagram->key_mask & key->block)) - plan.key_bias;
	if (layout.event_size >= PLAN_EVENT_SIZE_WITH_ID)
		*(__u64 *)(record + __builtin_offsetof(struct sluice_event, event_id)) =
			plan_event_id(datagram, index);
}

/* Of a frame that was written whole; `count` is known to the verifier, and so is that they fit. */
static __always_inline void stamp_short(void *records, const __u8 *slot,
					const struct plan_datagram *datagram, __u32 count)
{
	const struct slot_key *keys = (const void *)(slot + SLOT_HEAD_BYTES);

	for (__u32 i = 0; i < count; i++)
		stamp_event(records + i * layout.event_size, &keys[i], datagram, i);
}

/* Four at a time: bounds are looked at once for them. */
static __always_inline void stamp_events(void *records, const void *end, const __u8 *slot,
					 const struct plan_datagram *datagram, __u32 count)
{
	const struct slot_key *keys = (const void *)(slot + SLOT_HEAD_BYTES);
	const __u32 size = layout.event_size;
	__u32 i = 0;

	for (; i + 4 <= LIVE_EVENTS_MAX; i += 4) {
		if (i + 4 > count || records + 4 * size > end)
			break;
		stamp_event(records, &keys[i], datagram, i);
		stamp_event(records + size, &keys[i + 1], datagram, i + 1);
		stamp_event(records + 2 * size, &keys[i + 2], datagram, i + 2);
		stamp_event(records + 3 * size, &keys[i + 3], datagram, i + 3);
		records += 4 * size;
	}
	for (; i < LIVE_EVENTS_MAX; i++) {
		if (i >= count || records + size > end)
			break;
		stamp_event(records, &keys[i], datagram, i);
		records += size;
	}
}

static __always_inline void put16(void *at, __u32 value)
{
	*(__u16 *)at = __builtin_bswap16((__u16)value);
}

/* Lengths of a payload of 20 bytes; the rest of the frame becomes padding. */
static __always_inline void shorten(void *data, const void *end)
{
	void *ip = data + IP_OFFSET;
	__u32 bytes = 8 + PLAN_SHORT_PAYLOAD_BYTES, sum;

	if (data + 62 > end)
		return;
	if (layout.header_bytes == 62) {
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

static __always_inline int resize(struct xdp_md *ctx, __u32 frame_bytes)
{
	int change;

	if (layout.event_count)
		return 0;
	change = (int)frame_bytes - (int)bpf_xdp_get_buff_len(ctx);
	return change ? (int)bpf_xdp_adjust_tail(ctx, change) : 0;
}

/* To the byte: the last words overlap. The length is known to the verifier, but not to the
 * compiler. */
static __always_inline void write_words(void *to, const __u8 *from, __u32 bytes)
{
	__u32 at = 0;

	for (; at + 32 <= bytes; at += 32) {
		*(__u64 *)(to + at) = *(const __u64 *)(from + at);
		*(__u64 *)(to + at + 8) = *(const __u64 *)(from + at + 8);
		*(__u64 *)(to + at + 16) = *(const __u64 *)(from + at + 16);
		*(__u64 *)(to + at + 24) = *(const __u64 *)(from + at + 24);
	}
	for (; at + 8 <= bytes; at += 8)
		*(__u64 *)(to + at) = *(const __u64 *)(from + at);
	at = bytes - 8;
	*(__u64 *)(to + at) = *(const __u64 *)(from + at);
}

/* All of a frame that is short: all headers are the same. */
static __always_inline int fill_short(struct xdp_md *ctx, const __u8 *slot,
				      const struct plan_datagram *datagram)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct sluice_header *header = data + layout.header_bytes;

	if (data + layout.frame_bytes_max > end)
		return -1;
	write_words(data, live_header, layout.header_bytes);
	plan_stamp_header(the_plan(), header, datagram, layout.event_count);
	write_words(header + 1, slot + layout.frame_offset,
		    layout.frame_bytes_max - layout.header_bytes - sizeof(*header));
	stamp_short(header + 1, slot, datagram, layout.event_count);
	return 0;
}

/* What changes in a longer one; all of it when it carries another template. */
static __always_inline int fill_long(struct xdp_md *ctx, const __u8 *slot,
				     const struct plan_datagram *datagram, __u32 count)
{
	const __u8 *frame = slot + layout.frame_offset;
	__u32 frame_bytes = *(const __u32 *)(slot + 4);
	struct sluice_header *header;

	if (frame_bytes < 62 || frame_bytes > LIVE_FRAME_BYTES_MAX || resize(ctx, frame_bytes))
		return -1;
	if (!is_carried((void *)(long)ctx->data, (void *)(long)ctx->data_end, frame)) {
		live_state.copies++;
		if (bpf_xdp_store_bytes(ctx, 0, (void *)frame, frame_bytes))
			return -1;
	}
	barrier_var(ctx); /* or the compiler computes addresses in it, which the verifier forbids */
	header = (void *)(long)ctx->data + layout.header_bytes;
	if ((void *)(header + 1) > (void *)(long)ctx->data_end)
		return -1;
	plan_stamp_header(the_plan(), header, datagram, count);
	stamp_events(header + 1, (void *)(long)ctx->data_end, slot, datagram, count);
	return 0;
}

static __always_inline int damage(struct xdp_md *ctx, const struct plan_datagram *datagram)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct sluice_header *header = data + layout.header_bytes;

	if ((void *)(header + 1) > end)
		return -1;
	plan_damage_header(header, datagram->damage, datagram->number);
	if (datagram->damage == PLAN_DAMAGE_SHORT)
		shorten(data, end);
	return 0;
}

static __always_inline int fill_frame(struct xdp_md *ctx, const struct plan_datagram *datagram)
{
	__u32 at = datagram->template * layout.slot_bytes, count = layout.event_count;
	const __u8 *slot;
	int error;

	if (at > LIVE_POOL_BYTES - LIVE_SLOT_BYTES_MAX)
		return -1;
	slot = live_pool + at;
	if (!count)
		count = *(const __u32 *)slot;
	error = layout.is_short ? fill_short(ctx, slot, datagram)
				: fill_long(ctx, slot, datagram, count);
	if (!error && datagram->damage < PLAN_DAMAGES)
		error = damage(ctx, datagram);
	if (!error)
		plan_count(&live_state.plan, datagram, count);
	return error;
}

SEC("xdp")
int gen_send(struct xdp_md *ctx)
{
	struct plan_datagram datagram;

	if (!live_state.task)
		start();
	if (live_state.is_done || is_too_early())
		return XDP_DROP;
	if (!plan_next(the_plan(), &live_state.plan, &datagram)) {
		finish();
		return XDP_DROP;
	}
	if (datagram.kind == PLAN_LOST) {
		__u32 at = datagram.template * layout.slot_bytes;

		if (at <= LIVE_POOL_BYTES - LIVE_SLOT_BYTES_MAX)
			plan_count(&live_state.plan, &datagram, *(__u32 *)(live_pool + at));
		return XDP_DROP;
	}
	if (fill_frame(ctx, &datagram)) {
		live_state.error = -90; /* EMSGSIZE: never, the loader checks */
		finish();
		return XDP_DROP;
	}
	live_state.frames++;
	return XDP_TX;
}

static __always_inline void note_gap(__u64 first_frame, __u64 frame_count)
{
	__u64 at = live_state.gaps++;

	live_state.unsent += frame_count;
	if (at < LIVE_GAPS_MAX) {
		live_gaps[at & (LIVE_GAPS_MAX - 1)].first_frame = first_frame;
		live_gaps[at & (LIVE_GAPS_MAX - 1)].frame_count = frame_count;
	}
}

/* The driver got `sent + drops` frames in order and took the first `sent`. */
SEC("tp_btf/xdp_devmap_xmit")
int BPF_PROG(gen_sent, const struct net_device___live *from, const struct net_device___live *to,
	     int sent, int drops, int error)
{
	if (bpf_get_current_task() != live_state.task || to->ifindex != (int)layout.ifindex)
		return 0;
	if (drops > 0)
		note_gap(live_state.settled + (__u32)sent, (__u32)drops);
	if (error < 0) { /* not full, but unable: so it would be for ever */
		live_state.error = error;
		finish();
	}
	live_state.settled += (__u32)sent + (__u32)drops;
	return 0;
}

/* The frame that was stamped last could not even be queued: it stays the last one. */
SEC("tp_btf/xdp_redirect_err")
int BPF_PROG(gen_not_queued, const struct net_device___live *from, const void *program,
	     const void *target, int error)
{
	if (bpf_get_current_task() != live_state.task)
		return 0;
	note_gap(live_state.frames - 1, 1);
	live_state.unqueued++;
	live_state.error = error;
	finish();
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
