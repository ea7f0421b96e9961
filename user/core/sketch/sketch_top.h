/* SPDX-License-Identifier: BSD-2-Clause */
/* The heaviest values: Space-Saving (Metwally, Agrawal, El Abbadi 2005) with weights, and the
 * merge of mergeable summaries (Agarwal et al. 2012). Exact, and a function of the set alone,
 * while there are no more values than capacity. Beyond, a value's true weight is between count
 * − error and count, a value not held weighs at most absent_max, and absent_max × capacity
 * ≤ the weight of everything. When the pool is exhausted it is lost: it says so from then
 * on, and whatever it is merged into is lost. */
#ifndef SLUICE_CORE_SKETCH_TOP_H
#define SLUICE_CORE_SKETCH_TOP_H

#include <stdbool.h>

#include "core/sketch/sketch_bytes.h"
#include "core/sketch/sketch_pool.h"

#define SKETCH_TOP_K_MAX 200u	/* 8 candidates each and their index fill the largest block */
#define SKETCH_TOP_CAPACITY(k) (8u * (k))
#define SKETCH_TOP_CAPACITY_MAX SKETCH_TOP_CAPACITY(SKETCH_TOP_K_MAX)
#define SKETCH_TOP_LIST_MAX 16u	/* values; beyond, a search costs more than a table does */
#define SKETCH_TOP_BYTES_MAX(capacity)                                                             \
	(sizeof(struct sketch_head) + sizeof(struct sketch_top_body) + 24u * (capacity))

enum sketch_top_form {
	SKETCH_TOP_LIST,
	SKETCH_TOP_TABLE,
	SKETCH_TOP_LOST,
};

struct sketch_top {
	__u32 block;		/* 0: empty list */
	__u32 used : 12;	/* candidates held */
	__u32 capacity : 12;
	__u32 form : 8;		/* enum sketch_top_form */
};

SLUICE_ASSERT_SIZE(struct sketch_top, 8);

struct sketch_top_item {
	__u64 value;
	__u64 count;	/* at least its weight; at most 2^64 − 1 */
	__u64 error;	/* its weight is at least count − error */
};

/* An empty one; capacity is 1 … SKETCH_TOP_CAPACITY_MAX. */
static inline struct sketch_top sketch_top_empty(unsigned int capacity)
{
	return (struct sketch_top){ .capacity = capacity & 0xfff };
}

/* Gives its block back and empties it. */
void sketch_top_clear(struct sketch_top *sketch, struct sketch_pool *pool);

/* Marks it lost and gives its block back. -ENOSPC when it was not lost before, else 0. */
int sketch_top_lose(struct sketch_top *sketch, struct sketch_pool *pool);

/* Adds a value with its weight. -ENOSPC once, when this made the sketch lost; 0 else. */
int sketch_top_add(struct sketch_top *sketch, struct sketch_pool *pool, __u64 value, __u64 weight);

/* Adds all of `from`, another sketch of any capacity; it stays as it is and may live in
 * another pool. -ENOSPC as above. */
int sketch_top_merge(struct sketch_top *sketch, struct sketch_pool *pool,
		     const struct sketch_top *from, const struct sketch_pool *from_pool);

/* No value that is not held weighs more; 0: everything is held, and exact. */
__u64 sketch_top_absent_max(const struct sketch_top *sketch, const struct sketch_pool *pool);

/* The i-th candidate, i < used, in no order that means anything. */
struct sketch_top_item sketch_top_candidate(const struct sketch_top *sketch,
					    const struct sketch_pool *pool, unsigned int i);

/* The heaviest, by falling count, equal ones by rising value: up to k. Returns how many;
 * -ENODATA when lost. */
int sketch_top_items(const struct sketch_top *sketch, const struct sketch_pool *pool,
		     struct sketch_top_item *items, unsigned int k);

/* The bytes sketch_top_write will write: at most SKETCH_TOP_BYTES_MAX(capacity). */
size_t sketch_top_bytes(const struct sketch_top *sketch, const struct sketch_pool *pool);

/* Writes the canonical bytes; returns how many, or -ENOBUFS when `room` is too small. */
long sketch_top_write(const struct sketch_top *sketch, const struct sketch_pool *pool, void *bytes,
		      size_t room);

/* Adds all of a written sketch at `bytes`, which need no alignment. -EBADMSG (and nothing is
 * added) for bytes that no sketch_top_write wrote; else as sketch_top_merge. */
int sketch_top_merge_bytes(struct sketch_top *sketch, struct sketch_pool *pool, const void *bytes,
			   size_t room);

/* Puts a candidate into a sketch that does not hold it and has room, for readers of bytes. */
int sketch_top_put(struct sketch_top *sketch, struct sketch_pool *pool,
		   const struct sketch_top_item *item, __u64 absent_max);

#endif
