/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The wire format, version 1: what one UDP payload holds. This file is the reference.
 *
 *   payload = header (40 bytes) + event_count records of event_size bytes [+ trailer (24 bytes)]
 *
 * All integers are little-endian. A payload of any other length is refused as a whole. */
#ifndef SLUICE_WIRE_H
#define SLUICE_WIRE_H

#include "sluice/types.h"

#define SLUICE_MAGIC 0x31434C53u	/* the bytes "SLC1" */
#define SLUICE_ACK_MAGIC 0x41434C53u	/* the bytes "SLCA" */
#define SLUICE_VERSION 1

enum sluice_flag {
	SLUICE_FLAG_ACK_RECEIPT = 1 << 0,	/* answer when the datagram was taken in */
	SLUICE_FLAG_ACK_DURABLE = 1 << 1,	/* answer when it is on disk */
	SLUICE_FLAG_TRAILER = 1 << 2,		/* an authentication trailer follows the records */
	SLUICE_FLAG_DICTIONARY = 1 << 3,	/* entries that name ids instead of events */
	SLUICE_FLAGS_KNOWN = 0x0f,		/* any other bit set: refused */
};

struct sluice_header {
	__u32 magic;		/* SLUICE_MAGIC */
	__u8 version;		/* SLUICE_VERSION */
	__u8 flags;		/* enum sluice_flag */
	__u16 event_count;	/* records (or dictionary entries), at least 1 */
	__u16 event_size;	/* bytes a record: 32 to 256, in steps of 8; dictionary: 0 */
	__u16 tenant;		/* 0 is the default tenant */
	__u32 epoch;		/* incarnation of the source: new after it lost its sequence */
	__u64 source_id;	/* the sending process or device */
	__u64 sequence;		/* per (source_id, epoch): 0, 1, 2 …; a retransmission repeats it */
	__u64 base_time_ns;	/* Unix time of the earliest event, nanoseconds */
};

SLUICE_ASSERT_OFFSET(struct sluice_header, magic, 0);
SLUICE_ASSERT_OFFSET(struct sluice_header, version, 4);
SLUICE_ASSERT_OFFSET(struct sluice_header, flags, 5);
SLUICE_ASSERT_OFFSET(struct sluice_header, event_count, 6);
SLUICE_ASSERT_OFFSET(struct sluice_header, event_size, 8);
SLUICE_ASSERT_OFFSET(struct sluice_header, tenant, 10);
SLUICE_ASSERT_OFFSET(struct sluice_header, epoch, 12);
SLUICE_ASSERT_OFFSET(struct sluice_header, source_id, 16);
SLUICE_ASSERT_OFFSET(struct sluice_header, sequence, 24);
SLUICE_ASSERT_OFFSET(struct sluice_header, base_time_ns, 32);
SLUICE_ASSERT_SIZE(struct sluice_header, 40);

/* One event as a reader of this version knows it. A record carries the first event_size bytes of
 * this; what a shorter record lacks is 0, what a longer record adds is skipped. */
struct sluice_event {
	__u64 key;		/* the entity: a number, or a 64-bit hash of a string */
	__s64 value;		/* in the stream's unit; an integer: sums are exact in any order */
	__u32 time_offset_us;	/* event time = base_time_ns + this × 1000 */
	__u16 type;
	__u16 weight;		/* real events this record stands for; 0 means 1 */
	__u32 dim0;
	__u32 dim1;
	__u64 event_id;		/* from event_size 40: unique id for deduplication; 0 is none */
	__u32 dim2;		/* from event_size 48 */
	__u32 dim3;
};

SLUICE_ASSERT_OFFSET(struct sluice_event, key, 0);
SLUICE_ASSERT_OFFSET(struct sluice_event, value, 8);
SLUICE_ASSERT_OFFSET(struct sluice_event, time_offset_us, 16);
SLUICE_ASSERT_OFFSET(struct sluice_event, type, 20);
SLUICE_ASSERT_OFFSET(struct sluice_event, weight, 22);
SLUICE_ASSERT_OFFSET(struct sluice_event, dim0, 24);
SLUICE_ASSERT_OFFSET(struct sluice_event, dim1, 28);
SLUICE_ASSERT_OFFSET(struct sluice_event, event_id, 32);
SLUICE_ASSERT_OFFSET(struct sluice_event, dim2, 40);
SLUICE_ASSERT_OFFSET(struct sluice_event, dim3, 44);
SLUICE_ASSERT_SIZE(struct sluice_event, 48);

/* An entry of a dictionary datagram; the UTF-8 name follows, padded with zeros to 8 bytes. */
struct sluice_dictionary_entry {
	__u8 space;		/* enum sluice_space */
	__u8 name_bytes;
	__u16 zero16;
	__u32 zero32;
	__u64 id;
};

SLUICE_ASSERT_OFFSET(struct sluice_dictionary_entry, space, 0);
SLUICE_ASSERT_OFFSET(struct sluice_dictionary_entry, name_bytes, 1);
SLUICE_ASSERT_OFFSET(struct sluice_dictionary_entry, id, 8);
SLUICE_ASSERT_SIZE(struct sluice_dictionary_entry, 16);

enum sluice_space {
	SLUICE_SPACE_TYPE = 0,
	SLUICE_SPACE_DIM0 = 1,
	SLUICE_SPACE_DIM1 = 2,
	SLUICE_SPACE_DIM2 = 3,
	SLUICE_SPACE_DIM3 = 4,
	SLUICE_SPACE_KEY = 5,
	SLUICE_SPACE_TENANT = 6,
	SLUICE_SPACE_COUNT
};

/* Keyed BLAKE2b-128 over everything before it, when SLUICE_FLAG_TRAILER is set. */
struct sluice_trailer {
	__u32 key_id;
	__u32 zero;
	__u8 tag[16];
};

SLUICE_ASSERT_OFFSET(struct sluice_trailer, tag, 8);
SLUICE_ASSERT_SIZE(struct sluice_trailer, 24);

enum sluice_ack_status {
	SLUICE_ACK_RECEIVED = 0,
	SLUICE_ACK_DURABLE = 1,
	SLUICE_ACK_DUPLICATE = 2,
	SLUICE_ACK_BUSY = 3,
};

/* Agent to sender: never longer than the shortest request, so that nothing is amplified. */
struct sluice_ack {
	__u32 magic;		/* SLUICE_ACK_MAGIC */
	__u8 version;
	__u8 status;		/* enum sluice_ack_status */
	__u16 retry_after_ms;	/* for busy, else 0 */
	__u16 event_count;	/* accepted, after filtering */
	__u16 zero;
	__u32 epoch;		/* these three as received */
	__u64 source_id;
	__u64 sequence;
	__u64 agent_time_ns;	/* the agent's monotonic clock */
};

SLUICE_ASSERT_OFFSET(struct sluice_ack, status, 5);
SLUICE_ASSERT_OFFSET(struct sluice_ack, retry_after_ms, 6);
SLUICE_ASSERT_OFFSET(struct sluice_ack, event_count, 8);
SLUICE_ASSERT_OFFSET(struct sluice_ack, epoch, 12);
SLUICE_ASSERT_OFFSET(struct sluice_ack, source_id, 16);
SLUICE_ASSERT_OFFSET(struct sluice_ack, sequence, 24);
SLUICE_ASSERT_OFFSET(struct sluice_ack, agent_time_ns, 32);
SLUICE_ASSERT_SIZE(struct sluice_ack, 40);

#endif
