/* SPDX-License-Identifier: BSD-2-Clause */
/* The shards of a window's set, and the batch on its way through them: for dedup.c and the hot path
 * alone. */
#ifndef SLUICE_CORE_DEDUP_STATE_H
#define SLUICE_CORE_DEDUP_STATE_H

#include "core/decode/batch.h"
#include "core/dedup/dedup.h"
#include "core/dedup/dedup_ids.h"

#define DEDUP_SHARDS_MAX 64u
/* So many lines are on their way while one is asked: about as many as may be under way at once. */
#define DEDUP_FETCH_AHEAD 32u

struct dedup_shard {
	_Alignas(DEDUP_IDS_ALIGN) __u32 lock; /* of everything below */
	__u64 undecided;
	struct dedup_ids ids;
	_Alignas(DEDUP_IDS_ALIGN) char end[];
};

struct dedup_window {
	__s64 slice_ns;
	__s64 offset_ns;
	__s64 slices_per_generation; /* so many are forgotten together: 1 unless very many live */
	__s64 floor; /* generations before it have ended; written atomically */
	__u32 shard_count; /* a power of two */
	__u32 zero;
	size_t shard_bytes; /* of a shard's lines */
	void *lines;
	struct dedup_shard *shard;
};

/* One worker's. An entry is an event of the batch that has an id. */
struct dedup_work {
	__u32 count;
	__u64 hash[BATCH_ROOM];
	__s64 generation[BATCH_ROOM]; /* number of its slice's generation */
	__u16 event[BATCH_ROOM];
	__u16 by_shard[BATCH_ROOM]; /* entries, in the order of their shards */
	__u16 shard_end[DEDUP_SHARDS_MAX];
	/* Of a plain batch, in place of hash and generation. */
	__u64 entry[BATCH_ROOM];
	__u64 *line[BATCH_ROOM + DEDUP_FETCH_AHEAD];
	__u16 full[BATCH_ROOM]; /* entries whose line is full */
};

/* From bits of the hash that choose no line. */
static inline __u32 dedup_shard_of(const struct dedup_window *set, __u64 hash)
{
	return (__u32)hash & (set->shard_count - 1);
}

/* With the shard's lock held: forgets what has ended since it was held last. */
static inline void dedup_shard_catch_up(struct dedup_window *set, struct dedup_shard *shard)
{
	__s64 floor = __atomic_load_n(&set->floor, __ATOMIC_RELAXED);

	if (shard->ids.floor_pane < floor)
		dedup_ids_retire(&shard->ids, floor);
}

/* The number of the generation that a slice belongs to. */
__s64 dedup_generation_of(const struct dedup_window *set, __s64 slice);
/* The number of the slice that a time is in. */
__s64 dedup_slice_of(const struct dedup_window *set, __s64 time_ns);

#endif
