/* SPDX-License-Identifier: BSD-2-Clause */
/* What the bare loops are made of: the check of a header, a hash, and one table of groups of fixed
 * size that never grows, forgets or refuses. Rows lie in the order of arrival. */
#ifndef BENCH_BARE_GROUPS_H
#define BENCH_BARE_GROUPS_H

#include <stdint.h>
#include <string.h>

#include "dataset.h"

/* A row has one cache line. */
struct bare_row {
	__u64 key;
	__u64 count;
	__u64 sum;
	__s64 min;
	__s64 max;
	__u64 unused[3];
};

struct bare_groups {
	__u64 *slots; /* tag << 32 | row + 1; 0 is free; never more than a third in use */
	struct bare_row *rows;
	__u64 row_count;
	__u64 slot_mask;
	size_t slots_bytes, rows_bytes;
	size_t slots_used_bytes;
};

/* Room for `groups_max` groups. -ENOMEM. */
int bare_groups_open(struct bare_groups *groups, __u64 groups_max);
void bare_groups_close(struct bare_groups *groups);

/* Forgets all groups. */
void bare_groups_reset(struct bare_groups *groups);

/* The sums over all groups. */
void bare_groups_total(const struct bare_groups *groups, __u64 *count, __u64 *sum);

/* Two rounds of multiply and fold. */
static inline __u64 bare_hash(__u64 key)
{
	unsigned __int128 wide =
		(unsigned __int128)(key ^ 0x243f6a8885a308d3ull) * 0x9fb21c651e98df25ull;
	__u64 folded = (__u64)wide ^ (__u64)(wide >> 64);

	wide = (unsigned __int128)(folded ^ 0x13198a2e03707344ull) * 0xe7037ed1a0b428dbull;
	return (__u64)wide ^ (__u64)(wide >> 64);
}

/* Events behind a header; 0 when they are not of this size, or more than `events_max`. */
static inline unsigned int bare_check(const struct sluice_header *header, unsigned int event_size,
				      unsigned int events_max)
{
	if (header->magic != SLUICE_MAGIC || header->version != SLUICE_VERSION ||
	    header->event_size != event_size || header->event_count > events_max)
		return 0;
	return header->event_count;
}

static inline __u64 *bare_groups_slot(const struct bare_groups *groups, __u64 hash)
{
	return &groups->slots[hash & groups->slot_mask];
}

static inline struct bare_row *bare_groups_add(struct bare_groups *groups, __u64 *slot, __u64 tag,
					       __u64 key)
{
	struct bare_row *row = &groups->rows[groups->row_count++];

	*slot = tag << 32 | groups->row_count;
	*row = (struct bare_row){ .key = key, .min = INT64_MAX, .max = INT64_MIN };
	return row;
}

/* The row whose tag fits; `is_exact` compares the key as well, which the update asks for only when
 * the first answer turned out to be somebody else's. */
static inline struct bare_row *bare_groups_find(struct bare_groups *groups, __u64 hash, __u64 key,
						bool is_exact)
{
	__u64 tag = hash >> 32;

	for (__u64 i = hash & groups->slot_mask;; i = (i + 1) & groups->slot_mask) {
		__u64 slot = groups->slots[i];
		struct bare_row *row;

		if (!slot)
			return bare_groups_add(groups, &groups->slots[i], tag, key);
		row = &groups->rows[(__u32)slot - 1];
		if (slot >> 32 == tag && (!is_exact || row->key == key))
			return row;
	}
}

/* Adds the event that lies at `at` to its row. */
static inline void bare_groups_update(struct bare_groups *groups, struct bare_row *row, __u64 hash,
				      const __u8 *at)
{
	struct sluice_event event;
	__u64 weight;

	memcpy(&event, at, 32);
	if (__builtin_expect(row->key != event.key, 0))
		row = bare_groups_find(groups, hash, event.key, true);
	weight = event.weight ? event.weight : 1;
	row->count += weight;
	row->sum += (__u64)event.value * weight;
	row->min = event.value < row->min ? event.value : row->min;
	row->max = event.value > row->max ? event.value : row->max;
}

#endif
