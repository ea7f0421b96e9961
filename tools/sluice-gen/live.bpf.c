// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Live frames: each run of the program turns one page into the next datagram of the plan and
 * sends it back out of the interface it seems to come from. Two tracing programs see what the
 * kernel could not send. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "live.h"
#include "live_frame.bpf.h"

const volatile struct live_layout live_layout;

__u8 live_pool[LIVE_POOL_BYTES];
struct live_state live_state;
struct live_pace live_pace;
struct live_gap live_gaps[LIVE_GAPS_MAX];

#define TOO_LONG (-90) /* EMSGSIZE: never, the loader checks */

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

static __always_inline const __u8 *slot_of(const struct live_layout *layout,
					   const struct plan_datagram *datagram)
{
	__u32 at = datagram->template * layout->slot_bytes;

	return at <= LIVE_POOL_BYTES - LIVE_SLOT_BYTES_MAX ? live_pool + at : NULL;
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
	const __u8 *slot;
	__u64 sum;

	if (!plan_next_plain(&layout->plan, &live_state.plan, &datagram))
		return stop(0);
	slot = slot_of(layout, &datagram);
	if (!slot || fill_frame(layout, ctx, slot, &datagram, layout->event_count, &sum) ||
	    seal(layout, ctx, &datagram, sum))
		return stop(TOO_LONG);
	return XDP_TX;
}

static __always_inline int send_any(const struct live_layout *layout, struct xdp_md *ctx)
{
	struct plan_datagram datagram;
	const __u8 *slot;
	__u32 count = layout->event_count;
	__u64 sum;

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
	if (fill_frame(layout, ctx, slot, &datagram, count, &sum) ||
	    damage(layout, ctx, &datagram) || seal(layout, ctx, &datagram, sum))
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
