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

const volatile struct live_layout live_layout;

__u8 live_pool[LIVE_POOL_BYTES];
struct live_state live_state;
struct live_pace live_pace;
struct live_gap live_gaps[LIVE_GAPS_MAX];

#define SLOT_HEAD_BYTES 8
#define IP_OFFSET 14
#define TOO_LONG (-90) /* EMSGSIZE: never, the loader checks */

struct slot_key {
	__u32 key;
	__u32 block;
};

/* Opaque to the compiler, which may not take the initial zeros for the layout, and shall keep the
 * address; the verifier sees through it. */
static __always_inline const struct live_layout *the_layout(void)
{
	const struct live_layout *layout = (const struct live_layout *)&live_layout;

	barrier_var(layout);
	return layout;
}

/* The part of the kernel's struct that is needed, found by its name at load time. */
struct net_device___live {
	int ifindex;
} __attribute__((preserve_access_index));

static __always_inline int is_too_early(const struct live_layout *layout)
{
	__u64 elapsed_ns, due;

	if (!layout->is_paced)
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
	live_state.phase = LIVE_RUNS;
}

/* Whether the frame starts with the template's headers; 8 bytes at a time, the last ones
 * overlap. */
static __always_inline int is_carried(const struct live_layout *layout, const void *data,
				      const void *end, const __u8 *frame)
{
	__u32 at;

	if (data + layout->header_bytes > end)
		return 0;
	for (at = 0; at + 8 <= layout->header_bytes; at += 8)
		if (*(const __u64 *)(data + at) != *(const __u64 *)(frame + at))
			return 0;
	at = layout->header_bytes - 8;
	return *(const __u64 *)(data + at) == *(const __u64 *)(frame + at);
}

static __always_inline void stamp_event(const struct live_layout *layout, void *record,
					const struct slot_key *key,
					const struct plan_datagram *datagram, __u32 index)
{
	*(__u32 *)record = (key->key ^ (datagram->key_mask & key->block)) - layout->plan.key_bias;
	if (layout->event_size >= PLAN_EVENT_SIZE_WITH_ID)
		*(__u64 *)(record + __builtin_offsetof(struct sluice_event, event_id)) =
			plan_event_id(datagram, index);
}

/* Four at a time: bounds are looked at once for them. */
static __always_inline void stamp_events(const struct live_layout *layout, void *records,
					 const void *end, const __u8 *slot,
					 const struct plan_datagram *datagram, __u32 count)
{
	const struct slot_key *keys = (const void *)(slot + SLOT_HEAD_BYTES);
	const __u32 size = layout->event_size;
	__u32 i = 0;

	for (; i + 4 <= LIVE_EVENTS_MAX; i += 4) {
		if (i + 4 > count || records + 4 * size > end)
			break;
		stamp_event(layout, records, &keys[i], datagram, i);
		stamp_event(layout, records + size, &keys[i + 1], datagram, i + 1);
		stamp_event(layout, records + 2 * size, &keys[i + 2], datagram, i + 2);
		stamp_event(layout, records + 3 * size, &keys[i + 3], datagram, i + 3);
		records += 4 * size;
	}
	for (; i < LIVE_EVENTS_MAX; i++) {
		if (i >= count || records + size > end)
			break;
		stamp_event(layout, records, &keys[i], datagram, i);
		records += size;
	}
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

/* To the byte: the last words overlap. `bytes` is a constant. */
static __always_inline void write_words(void *to, const __u8 *from, __u32 bytes)
{
#pragma unroll
	for (__u32 at = 0; at + 8 <= bytes; at += 8)
		*(__u64 *)(to + at) = *(const __u64 *)(from + at);
	if (bytes % 8)
		*(__u64 *)(to + bytes - 8) = *(const __u64 *)(from + bytes - 8);
}

static __always_inline void write_event(const struct live_layout *layout, void *record,
					const __u8 *model, const struct plan_datagram *datagram,
					__u32 index)
{
	struct slot_key key = *(const struct slot_key *)model;

	*(__u64 *)record = (key.key ^ (datagram->key_mask & key.block)) - layout->plan.key_bias;
	write_words(record + 8, model + 8, 24);
	for (__u32 at = 32; at < layout->event_size; at += 8)
		*(__u64 *)(record + at) = *(const __u64 *)(model + at);
	if (layout->event_size >= PLAN_EVENT_SIZE_WITH_ID)
		*(__u64 *)(record + __builtin_offsetof(struct sluice_event, event_id)) =
			plan_event_id(datagram, index);
}

/* All of a frame that is short. The first event stands alone, as usually there is no other one. */
static __always_inline int fill_short(const struct live_layout *layout, struct xdp_md *ctx,
				      const __u8 *slot, const struct plan_datagram *datagram)
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
	write_event(layout, record, slot, datagram, 0);
	for (__u32 i = 1; i < layout->event_count; i++) {
		record += layout->event_size;
		slot += layout->event_size;
		write_event(layout, record, slot, datagram, i);
	}
	return 0;
}

/* What changes in a longer one; all of it when it carries another template. */
static __always_inline int fill_long(const struct live_layout *layout, struct xdp_md *ctx,
				     const __u8 *slot, const struct plan_datagram *datagram,
				     __u32 count)
{
	const __u8 *frame = slot + layout->frame_offset;
	__u32 frame_bytes = *(const __u32 *)(slot + 4);
	struct sluice_header *header;

	if (frame_bytes < 62 || frame_bytes > LIVE_FRAME_BYTES_MAX ||
	    resize(layout, ctx, frame_bytes))
		return -1;
	if (!is_carried(layout, (void *)(long)ctx->data, (void *)(long)ctx->data_end, frame)) {
		live_state.copies++;
		if (bpf_xdp_store_bytes(ctx, 0, (void *)frame, frame_bytes))
			return -1;
	}
	barrier_var(ctx); /* or the compiler computes addresses in it, which the verifier forbids */
	header = (void *)(long)ctx->data + layout->header_bytes;
	if ((void *)(header + 1) > (void *)(long)ctx->data_end)
		return -1;
	plan_stamp_header(&layout->plan, header, datagram, count);
	stamp_events(layout, header + 1, (void *)(long)ctx->data_end, slot, datagram, count);
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

static __always_inline const __u8 *slot_of(const struct live_layout *layout,
					   const struct plan_datagram *datagram)
{
	__u32 at = datagram->template * layout->slot_bytes;

	return at <= LIVE_POOL_BYTES - LIVE_SLOT_BYTES_MAX ? live_pool + at : NULL;
}

static __always_inline int fill_frame(const struct live_layout *layout, struct xdp_md *ctx,
				      const struct plan_datagram *datagram, __u32 count)
{
	const __u8 *slot = slot_of(layout, datagram);

	if (!slot)
		return -1;
	return layout->is_short ? fill_short(layout, ctx, slot, datagram)
				: fill_long(layout, ctx, slot, datagram, count);
}

/* The end of the plan, or of all hope. */
static __always_inline int stop(__s64 error)
{
	if (error)
		live_state.error = error;
	live_state.ended_ns = bpf_ktime_get_ns();
	live_state.phase = LIVE_DONE;
	return XDP_DROP;
}

/* Every turn is a frame: nothing is drawn, nothing counted. */
static __always_inline int send_plain(const struct live_layout *layout, struct xdp_md *ctx)
{
	struct plan_datagram datagram;

	if (!plan_next_plain(&layout->plan, &live_state.plan, &datagram))
		return stop(0);
	if (fill_frame(layout, ctx, &datagram, layout->event_count))
		return stop(TOO_LONG);
	return XDP_TX;
}

static __always_inline int send_any(const struct live_layout *layout, struct xdp_md *ctx)
{
	struct plan_datagram datagram;
	const __u8 *slot;
	__u32 count = layout->event_count;

	if (!plan_next(&layout->plan, &live_state.plan, &datagram))
		return stop(0);
	slot = slot_of(layout, &datagram);
	if (!slot)
		return stop(TOO_LONG);
	if (!count)
		count = *(const __u32 *)slot;
	plan_count(&live_state.plan, &datagram, count);
	if (datagram.kind == PLAN_LOST)
		return XDP_DROP;
	if (fill_frame(layout, ctx, &datagram, count) || damage(layout, ctx, &datagram))
		return stop(TOO_LONG);
	return XDP_TX;
}

SEC("xdp")
int gen_send(struct xdp_md *ctx)
{
	const struct live_layout *layout = the_layout();

	if (live_state.phase == LIVE_NEW)
		start();
	if (live_state.phase == LIVE_DONE || is_too_early(layout))
		return XDP_DROP;
	return layout->is_plain ? send_plain(layout, ctx) : send_any(layout, ctx);
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
	if (bpf_get_current_task() != live_state.task || to->ifindex != (int)live_layout.ifindex)
		return 0;
	if (drops > 0)
		note_gap(live_state.settled + (__u32)sent, (__u32)drops);
	if (error < 0) /* not full, but unable: so it would be for ever */
		stop(error);
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
	note_gap(live_frames(&live_state) - 1, 1);
	live_state.unqueued++;
	stop(error);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
