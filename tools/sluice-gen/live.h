/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the live-frame program and its loader share beside the plan. */
#ifndef SLUICE_GEN_LIVE_H
#define SLUICE_GEN_LIVE_H

#include "plan.h"

/* A live frame is one page: less the kernel's own head, 256 bytes before the frame, and what
 * follows it. */
#define LIVE_FRAME_BYTES_MAX 3200
#define LIVE_COMMON_BYTES 16 /* of the datagram's header, the same in all short frames */
#define LIVE_START_BYTES_MAX (62 + LIVE_COMMON_BYTES)
#define LIVE_EVENTS_MAX 98 /* of 32 bytes, in so many */
#define LIVE_POOL_BYTES (8u << 20)
#define LIVE_SLOT_BYTES_MAX 8192
#define LIVE_GAPS_MAX (1 << 18)

/* Never changes after the program is loaded. */
struct live_layout {
	struct plan plan;
	__u32 ifindex;
	__u32 header_bytes; /* Ethernet to UDP: 42 or 62 */
	__u32 slot_bytes; /* of the pool of templates, see shape.h */
	__u32 frame_offset; /* in a slot; 0 of short frames */
	__u32 frame_bytes_max;
	__u64 pseudo_sum; /* of addresses and protocol (sluice/checksum.h) */
	__u64 port_sum; /* of both ports */
	__u64 short_sum; /* of what the checksum covers outside the payload of short frames */
	__u32 event_size;
	__u32 event_count; /* when it is the same in all templates, else 0 */
	__u32 is_paced;
	__u32 is_short; /* a slot holds records alone, key and block in place of their keys */
	__u32 is_plain; /* every turn is a frame without faults, and all have event_count: the
			 * loader counts them */
	__u8 start[LIVE_START_BYTES_MAX]; /* of all frames that are short */
};

/* Frames the kernel did not take, by their number. */
struct live_gap {
	__u64 first_frame;
	__u64 frame_count;
};

enum live_phase { LIVE_NEW, LIVE_RUNS, LIVE_DONE };

/* Written by the program alone, on one CPU; read by the loader at any time. */
struct live_state {
	struct plan_state plan;
	__u64 settled; /* frames known to be sent or not */
	__u64 unqueued; /* not even given to the driver: the last one */
	__u64 unsent;
	__u64 gaps; /* beyond LIVE_GAPS_MAX they are counted, but not kept */
	__u64 task; /* the one that runs the program */
	__u64 started_ns; /* monotonic, of the first call */
	__u64 ended_ns; /* of the end of the plan; 0 before */
	__s64 error; /* the last -errno of the driver or the redirect */
	__u32 phase; /* enum live_phase */
	__u32 zero;
};

/* Frames stamped and redirected. */
static __always_inline __u64 live_frames(const struct live_state *state)
{
	return state->plan.turn - state->plan.kind[PLAN_LOST].datagrams;
}

/* Originals are due from `origin` at `origin_ns` on, per_ns × 2^−shift of them a nanosecond. The
 * loader sets the rate, the program moves the origin along, long before the product could
 * overflow. */
struct live_pace {
	__u64 origin;
	__u64 origin_ns;
	__u64 per_ns; /* below 2^LIVE_PACE_BITS */
	__u32 shift;
	__u32 zero;
};

#define LIVE_PACE_BITS 22
#define LIVE_PACE_NS (1ull << 38) /* the origin moves this often: 4.6 minutes */

#endif
