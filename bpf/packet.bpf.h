/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the stages hand to one another about the packet at hand. It lies in a map and not on the
 * stack: the payload does not fit there, and what is in a map does not multiply the verifier's
 * states. */
#ifndef SLUICE_PACKET_BPF_H
#define SLUICE_PACKET_BPF_H

#include "sluice/filter.h"
#include "sluice/ring_record.h"
#include "sluice/validate.h"

struct packet {
	__u32 first; /* 0: the key of maps with one entry */
	__u32 cpu;
	__u32 listener; /* index in the configuration */
	__u32 action; /* of the listener, enum sluice_action */
	__u32 is_unchecked; /* the listener wants no checksums looked at */
	__u32 generation; /* of the configuration that decides */
	__u32 events; /* records, or entries of a dictionary; 0 until the header is proven */
	__u32 dropped; /* of these, by rules */
	__u32 counted; /* of the events, under their types */
	__u32 prefix_bytes;
	__u32 index; /* of a counter, for SLUICE_FORGET */
	__u32 is_plain; /* no tag, option or extension header; frame and header are known */
	struct sluice_frame frame;
	__u8 zero[2]; /* the IP header is aligned */
	__u8 head[SLUICE_HEAD_BYTES];
	/* A long prefix starts at `marks`, a short one ends where `payload` starts. */
	union {
		struct {
			struct sluice_record record;
			__u64 dropped_more[SLUICE_MARK_WORDS - 1];
		} marks;
		struct {
			__u8 unused[SLUICE_PREFIX_LONG - SLUICE_PREFIX_SHORT];
			struct sluice_record record;
		} plain;
	};
	union {
		struct sluice_header header;
		__u8 payload[SLUICE_FILTER_BYTES];
	};
};

_Static_assert(__builtin_offsetof(struct packet, payload) ==
		       __builtin_offsetof(struct packet, marks) + SLUICE_PREFIX_LONG,
	       "a record is one piece of memory");
_Static_assert(__builtin_offsetof(struct packet, payload) % 8 == 0,
	       "header and records are aligned");

#endif
