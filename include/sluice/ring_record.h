/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the XDP program puts in a ring: one record a datagram, this prefix, then the UDP payload as
 * it came, then up to SLUICE_RECORD_REST_MAX bytes that mean nothing. Events that rules dropped
 * stay in place and are marked, so that an event keeps its index (its identity); a datagram of
 * which nothing survives is not handed over at all. */
#ifndef SLUICE_RING_RECORD_H
#define SLUICE_RING_RECORD_H

#include "sluice/limits.h"

#define SLUICE_MARK_WORDS ((SLUICE_EVENTS_MAX + 63) / 64)

struct sluice_record {
	__u32 payload_bytes;	/* of the datagram: 40 to SLUICE_PAYLOAD_MAX */
	__u16 prefix_bytes; /* from here to the payload: 24, or 24 + 8 × (SLUICE_MARK_WORDS − 1) */
	__u16 listener;		/* index in the configuration */
	__u16 kept;		/* events not marked; entries of a dictionary datagram */
	__u16 generation;	/* low bits of the configuration generation that decided */
	__u32 zero;
	__u64 dropped;		/* bit i: event i was dropped by a rule, for i < 64 */
	/* __u64 dropped_more[SLUICE_MARK_WORDS − 1]: events 64 …, only in the long prefix */
};

/* Records come in steps of 64 bytes: the ring gives room of constant sizes cheaply, others not. */
#define SLUICE_RECORD_REST_MAX 63
#define SLUICE_PREFIX_SHORT 24
#define SLUICE_PREFIX_LONG (SLUICE_PREFIX_SHORT + 8 * (SLUICE_MARK_WORDS - 1))

SLUICE_ASSERT_OFFSET(struct sluice_record, prefix_bytes, 4);
SLUICE_ASSERT_OFFSET(struct sluice_record, listener, 6);
SLUICE_ASSERT_OFFSET(struct sluice_record, kept, 8);
SLUICE_ASSERT_OFFSET(struct sluice_record, dropped, 16);
SLUICE_ASSERT_SIZE(struct sluice_record, SLUICE_PREFIX_SHORT);
_Static_assert(SLUICE_PREFIX_LONG % 8 == 0, "the payload stays 8-byte aligned");

#endif
