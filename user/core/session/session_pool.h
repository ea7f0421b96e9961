/* SPDX-License-Identifier: BSD-2-Clause */
/* Items of one size for the sessions of a window: numbered from 256 on, zeroed, taken one at a
 * time. A chunk without items in use goes back to the budget it came from. */
#ifndef SLUICE_CORE_SESSION_POOL_H
#define SLUICE_CORE_SESSION_POOL_H

#include "core/memory/chunks.h"

#define SESSION_POOL_NONE 0u

struct session_pool_chunk {
	__u32 next, previous; /* chunks with room, 0: none */
	__u16 first_free; /* index + 1 in the list of given items; 0: none */
	__u16 touched;
	__u16 used;
};

struct session_pool {
	struct chunks chunks;
	struct session_pool_chunk *chunk; /* by chunk number */
	__u32 roomy; /* first chunk with room, or 0 */
	size_t item_bytes;
	__u64 free; /* items in chunks that are taken */
	__u64 used;
};

/* Items of `item_bytes`, a multiple of 8. -ENOMEM. */
int session_pool_open(struct session_pool *pool, size_t item_bytes, struct memory_budget *budget);
void session_pool_close(struct session_pool *pool);

/* A zeroed item, or SESSION_POOL_NONE when the budget is spent. */
__u32 session_pool_take(struct session_pool *pool);
void session_pool_give(struct session_pool *pool, __u32 number);

/* Bytes of the budget that `count` more items need; UINT64_MAX when there is no place for them. */
__u64 session_pool_cost(const struct session_pool *pool, __u64 count);

static inline void *session_pool_at(const struct session_pool *pool, __u32 number)
{
	return chunks_at(&pool->chunks, number >> CHUNK_ROWS_SHIFT) +
	       (number & (CHUNK_ROWS - 1)) * pool->item_bytes;
}

#endif
