/* SPDX-License-Identifier: BSD-2-Clause */
/* Ring records in memory as the XDP program writes them, filled with seeded events: what the
 * in-process measurements feed to the engine and to the bare loop alike. */
#ifndef BENCH_DATASET_H
#define BENCH_DATASET_H

#include <stdbool.h>
#include <stddef.h>

#include "sluice/ring_record.h"

#define DATASET_EVENTS 44 /* of 32 bytes: what fits an Ethernet frame */
#define DATASET_EVENTS_WITH_ID 35 /* … of 40 */
#define DATASET_SOURCES 64
#define DATASET_TYPES 16 /* type is below this */
#define DATASET_DIM0 8 /* … and dim0 below this */
/* Of those with ids, one datagram in so many is sent twice, so many datagrams later. */
#define DATASET_REPEAT_EVERY 64
#define DATASET_REPEAT_AFTER 32
#define DATASET_SPAN_NS 900000000ull /* event times of one pass, within a window of a second */

struct dataset {
	__u8 *records; /* one after the other, record_bytes each */
	size_t mapped_bytes;
	__u32 datagrams;
	__u32 record_bytes;
	__u16 event_count; /* of a datagram */
	__u16 event_size;
	__u64 events;
	__u64 base_time_ns; /* of the first datagram now */
	__u64 value_sum; /* of all events, modulo 2^64 */
	__u64 repeats; /* events that have been there before, with the same id */
	__u64 repeats_sum; /* … and their values */
	__u64 distinct[DATASET_DIM0]; /* keys of the events with this dim0 */
	__u8 *seen; /* by the rank of a key: a bit for each dim0 it came with */
};

/* `datagrams` with keys of `groups` groups, uniform or Zipf with exponent 1. -ENOMEM. */
int dataset_open(struct dataset *set, __u32 datagrams, __u64 groups, bool is_zipf, __u64 seed);
/* … of 40 bytes an event: uniform keys, an id of its own each, and some of them twice. */
int dataset_open_with_ids(struct dataset *set, __u32 datagrams, __u64 groups, __u64 seed);
void dataset_close(struct dataset *set);

/* Moves every event by `ns`, with new sequence numbers: the next pass falls into the next
 * window. */
void dataset_shift_time(struct dataset *set, __u64 ns);

static inline struct sluice_record *dataset_record(const struct dataset *set, __u32 i)
{
	return (struct sluice_record *)(set->records + (size_t)i * set->record_bytes);
}

static inline struct sluice_header *dataset_header(const struct dataset *set, __u32 i)
{
	return (struct sluice_header *)((__u8 *)dataset_record(set, i) + SLUICE_PREFIX_SHORT);
}

/* Memory in large pages where the kernel gives them, touched; NULL when there is none. */
void *dataset_map(size_t bytes, size_t *mapped_bytes);

#endif
