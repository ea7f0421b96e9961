/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The rules by type, as a function that the XDP program and the agent both compile: the records
 * of a payload come in, 8 at a time; one bit for each dropped record goes out, and each record
 * is counted under its type. It changes nothing in the payload. */
#ifndef SLUICE_FILTER_H
#define SLUICE_FILTER_H

#include "sluice/validate.h"

/* Records that one call looks at: a byte of marks. */
#define SLUICE_FILTER_EVENTS 8
/* Payload buffers are this long, so that any 16-bit offset is inside. */
#define SLUICE_FILTER_BYTES 65544

struct sluice_filter {
	const __u8 *payload; /* SLUICE_FILTER_BYTES, or as many as the header says in user space */
	const __u8 *rules; /* SLUICE_TYPES, enum sluice_rule; NULL: nothing is dropped */
	struct sluice_types *types;
	__u32 event_bytes;
	__u32 last; /* SLUICE_TYPE_COUNTERS − 1, by a way that the verifier does not follow */
};

/* One event of `type`, not dropped. The last counter is shared by all types from there on. */
SLUICE_INLINE struct sluice_type_count *sluice_filter_count(struct sluice_types *types, __u32 type,
							    __u32 last)
{
	struct sluice_type_count *counted;

	if (type > SLUICE_TYPE_COUNTERS - 1)
		type = last;
	counted = &types->type[type & (SLUICE_TYPE_COUNTERS - 1)];
	counted->seen++;
	return counted;
}

/* The first `count` (at most 8 are looked at) records from `offset` in the payload. Bit i of the
 * return is set when record i is dropped. */
SLUICE_INLINE __u32 sluice_filter(const struct sluice_filter *filter, __u32 offset, __u32 count)
{
	const __u8 *payload = filter->payload, *rules = filter->rules;
	struct sluice_types *types = filter->types;
	__u32 event_bytes = filter->event_bytes, last = filter->last, dropped = 0;
	__u32 at = offset + __builtin_offsetof(struct sluice_event, type);

	SLUICE_UNROLL
	for (__u32 i = 0; i < SLUICE_FILTER_EVENTS; i++) {
		struct sluice_type_count *counted;
		__u32 type, drop = 0;

		SLUICE_KEEP_BOUND(count);
		if (i >= count)
			break;
		type = *(const __u16 *)(payload + (at & 0xffff));
		/* Before the type is narrowed, and without a branch: the verifier follows each. */
		if (rules)
			drop = rules[type] & SLUICE_RULE_DROP;
		SLUICE_KEEP_BOUND(drop);
		counted = sluice_filter_count(types, type, last);
		if (rules) {
			counted->dropped += drop;
			dropped |= drop << i;
		}
		at += event_bytes;
	}
	return dropped;
}

_Static_assert((SLUICE_TYPE_COUNTERS & (SLUICE_TYPE_COUNTERS - 1)) == 0, "counters are masked");

#endif
