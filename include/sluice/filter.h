/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The rules by type, as a function that the XDP program and the agent both compile: the records of a
 * payload come in, 64 at a time; one bit for each dropped record goes out, and each record is counted
 * under its type. It changes nothing in the payload. */
#ifndef SLUICE_FILTER_H
#define SLUICE_FILTER_H

#include "sluice/parse.h"

/* Records in one word of marks. */
#define SLUICE_FILTER_EVENTS 64
/* Payload buffers are this long, so that any 16-bit offset is inside. */
#define SLUICE_FILTER_BYTES 65544

/* Where a type is counted: the last counter is shared by all types from there on. Without a branch, of
 * which the verifier would follow both ways for each record. */
SLUICE_INLINE __u32 sluice_filter_counter(__u32 type)
{
	__u32 room = SLUICE_TYPE_COUNTERS - 1 - type, beyond;

	SLUICE_KEEP_BOUND(room);
	beyond = (__u32)((__s32)room >> 31);
	return (type | beyond) & (SLUICE_TYPE_COUNTERS - 1);
}

_Static_assert((SLUICE_TYPE_COUNTERS & (SLUICE_TYPE_COUNTERS - 1)) == 0, "counters are masked");

/* The first `count` (at most 64 are looked at) records of `event_bytes` from `offset` in `payload`,
 * a buffer of SLUICE_FILTER_BYTES. `rules` has SLUICE_TYPES bytes; NULL: nothing is dropped. */
SLUICE_INLINE __u64 sluice_filter(const __u8 *payload, __u32 offset, __u32 count, __u32 event_bytes,
				  const __u8 *rules, struct sluice_types *types)
{
	__u64 dropped = 0;
	__u32 at = offset + __builtin_offsetof(struct sluice_event, type);

	SLUICE_UNROLL
	for (__u32 i = 0; i < SLUICE_FILTER_EVENTS; i++) {
		SLUICE_KEEP_BOUND(count);
		if (i >= count)
			break;
		__u32 type = *(const __u16 *)(payload + (at & 0xffff));
		__u32 counter = sluice_filter_counter(type);

		types->type[counter].seen++;
		if (rules) {
			__u64 drop = rules[type] & SLUICE_RULE_DROP;

			types->type[counter].dropped += drop;
			dropped |= drop << i;
		}
		at += event_bytes;
	}
	return dropped;
}

#endif
