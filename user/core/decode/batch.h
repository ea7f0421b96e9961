/* SPDX-License-Identifier: BSD-2-Clause */
/* Decoded events of a few datagrams, field by field: small enough to stay in the first-level cache,
 * long enough that memory fetched for one event arrives while the others are worked on. */
#ifndef SLUICE_CORE_BATCH_H
#define SLUICE_CORE_BATCH_H

#include "sluice/disk_format.h"

#define BATCH_EVENTS 256u
/* One line more a field, so that the fields of one event do not all meet in the same cache sets. */
#define BATCH_ROOM (BATCH_EVENTS + 8)

struct batch {
	__u32 count;
	__u32 datagram_count;
	/* of all events, once there is one */
	__s64 oldest_ns, newest_ns;
	__u32 weights;			/* the bits of their weights as sent */
	/* per event */
	__u64 key[BATCH_ROOM];
	__s64 value[BATCH_ROOM];
	__s64 time_ns[BATCH_ROOM];
	__u64 dims01[BATCH_ROOM];		/* dim0 | dim1 << 32 */
	__u32 type_weight[BATCH_ROOM];	/* type | weight << 16, weight as sent */
	__u16 datagram[BATCH_ROOM];
	/* per event, filled only when a window asks */
	__u64 dims23[BATCH_ROOM];
	__u64 event_id[BATCH_ROOM];
	__u16 index[BATCH_ROOM];		/* in its datagram */
	__u32 selected[BATCH_ROOM];		/* bit w: window w takes it */
	/* per datagram */
	__u64 source_id[BATCH_ROOM];
	__u64 sequence[BATCH_ROOM];
	__u32 epoch[BATCH_ROOM];
	__u16 tenant[BATCH_ROOM];
	__u16 listener[BATCH_ROOM];
	__u32 refused[BATCH_ROOM];		/* bit w: a repeat for window w */
	/* per event, of the group_by in work */
	__u64 word[SLUICE_KEY_WORDS_MAX][BATCH_ROOM];
	__u32 tag[BATCH_ROOM];
	__u32 id[BATCH_ROOM];
	/* per event, of the window in work */
	unsigned char *row[BATCH_ROOM];
	struct pane *pane[BATCH_ROOM];
};

/* When an event was, by the wire format. */
static inline __s64 batch_time_ns(__u64 base_time_ns, __u32 time_offset_us)
{
	return (__s64)(base_time_ns + (__u64)time_offset_us * 1000);
}

/* The weight as it counts: an event without one counts once. */
static inline __u32 batch_weight(const struct batch *batch, __u32 i)
{
	__u32 weight = batch->type_weight[i] >> 16;

	return weight + !weight;
}

#endif
