/* SPDX-License-Identifier: BSD-2-Clause */
/* The shape of the data: seeded templates of whole frames, made once, stamped by the plan for each
 * datagram. A slot of the pool holds one template:
 *
 *   u32 event_count, u32 frame_bytes, then for each event {u32 key, u32 block}, then the frame
 *
 * An event's key is (key ^ (key_mask of the datagram & block)) − key_bias. The block is a power
 * of two minus 1 that never leads out of the keys; Zipf ranks stay in their octave. */
#ifndef SLUICE_GEN_SHAPE_H
#define SLUICE_GEN_SHAPE_H

#include "frame.h"
#include "plan.h"

#define SHAPE_POOL_BYTES ((8u << 20) - 8192) /* what the live program holds, less one slot */
#define SHAPE_TEMPLATES_MAX 4096
#define SHAPE_SLOT_HEAD_BYTES 8
#define SHAPE_SLOT_KEY_BYTES 8 /* for each event */
#define SHAPE_SHORT_BYTES 256
#define SHAPE_KEYS_MAX (1ull << 31)

struct shape_options {
	__u64 seed;
	__u32 events_min; /* per datagram */
	__u32 events_max;
	__u16 event_size; /* 32 to 256, a multiple of 8 */
	__u64 key_count; /* keys 0 … key_count − 1; at most SHAPE_KEYS_MAX */
	double zipf; /* exponent; 0: uniform */
	__u32 type_count; /* types 1 … type_count */
	__u32 dim_count; /* each dimension 0 … dim_count − 1 */
	__u32 weight_max; /* weights 1 … weight_max; 0: always 0, which means 1 */
	__s64 value_min;
	__s64 value_max;
	__u64 spread_ns; /* events of a datagram lie within this */
	bool is_ordered; /* their times rise within the datagram */
	struct frame_address address;
};

struct shape {
	struct shape_options options;
	__u32 template_count; /* a power of two, at least PLAN_RUN_TEMPLATES */
	__u32 slot_bytes;
	__u32 frame_offset; /* of the frame in a slot */
	__u32 header_bytes; /* Ethernet to UDP */
	__u32 frame_bytes_max;
	__u32 key_bias;
	bool is_short; /* one length, at most SHAPE_SHORT_BYTES, and the same headers */
	__u8 *pool; /* template_count slots */
};

/* Makes all templates. -ENOMEM; -EFBIG when a datagram of events_max does not fit in UDP. */
int shape_open(struct shape **shape, const struct shape_options *options);
void shape_close(struct shape *shape);

/* The number of events of the datagram, whatever its header claims. */
__u32 shape_event_count(const struct shape *shape, const struct plan_datagram *datagram);

/* Writes a whole frame; `frame` has room for frame_bytes_max. Returns its length. *payload_bytes
 * is the length of the payload that its headers claim, at frame + header_bytes. */
size_t shape_write_frame(const struct shape *shape, const struct plan *plan,
			 const struct plan_datagram *datagram, __u8 *frame, size_t *payload_bytes);

/* The same without the headers. Returns the length; `payload` has room for frame_bytes_max. */
size_t shape_write_payload(const struct shape *shape, const struct plan *plan,
			   const struct plan_datagram *datagram, __u8 *payload);

#endif
