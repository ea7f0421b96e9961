/* SPDX-License-Identifier: BSD-2-Clause */
/* Blocks for sketches out of one fixed piece of memory: 64 B to 64 KiB in powers of two, taken and
 * given back in constant time. The memory is cut into slabs of 64 KiB; a slab serves one size at a
 * time and changes its size when it is empty, so no size can starve another for good. It never asks
 * for more memory: the end of the pool is an answer, and it is counted. One thread owns a pool. */
#ifndef SLUICE_CORE_SKETCH_POOL_H
#define SLUICE_CORE_SKETCH_POOL_H

#include <stddef.h>

#include "core/memory/area.h"
#include "sluice/types.h"

#define SKETCH_BLOCK_BYTES_MIN 64u /* one cache line */
#define SKETCH_BLOCK_BYTES_MAX 65536u /* a slab; holds `top` of 200 with its index */
#define SKETCH_BLOCK_CLASSES 11 /* 64 << 0 … 64 << 10 */
#define SKETCH_POOL_ALIGN 64u

struct sketch_slab {
	__u32 next; /* in the list of its class, or of empty slabs; number + 1, 0 is none */
	__u32 previous;
	__u16 used; /* blocks given out */
	__u16 touched; /* blocks ever given out: those behind have never been written */
	__u16 free; /* first free block + 1; each free block names the next one */
	__u8 class;
	__u8 zero;
};

struct sketch_pool {
	__u8 *memory; /* the slab table, then the slabs */
	struct sketch_slab *slabs;
	__u32 slab_count;
	__u32 slabs_touched; /* slabs behind have never been used */
	__u32 slabs_empty; /* list of used and emptied slabs; number + 1 */
	__u32 first_handle; /* of slab 0 */
	__u32 partial[SKETCH_BLOCK_CLASSES]; /* slabs with a free block; number + 1 */
	__u32 zero;
	__u64 seed; /* secret, for tables of values that senders choose */
	__u64 bytes_used; /* in blocks given out */
	__u64 exhausted; /* requests that found no room */
};

/* Takes over `bytes` of memory at a 64-byte boundary, for as long as the pool is open; what is not
 * used yet is not written to, so it may be untouched pages. Handles reach 256 GiB; more is ignored.
 * Too little for one slab is a pool that is always exhausted. */
void sketch_pool_open(struct sketch_pool *pool, void *memory, size_t bytes, __u64 seed);
void sketch_pool_close(struct sketch_pool *pool);

/* A block of at least `bytes` (1 … SKETCH_BLOCK_BYTES_MAX), 64-byte aligned, its content
 * undefined. 0: the pool is exhausted (counted). */
__u32 sketch_pool_take(struct sketch_pool *pool, size_t bytes);

/* Gives a block back; 0 is ignored. */
void sketch_pool_give(struct sketch_pool *pool, __u32 handle);

/* Size of the block behind a handle, in bytes. */
size_t sketch_pool_block_bytes(const struct sketch_pool *pool, __u32 handle);

/* What grows. Any thread. */
static inline struct area sketch_pool_area(const struct sketch_pool *pool)
{
	__u32 slabs = __atomic_load_n(&pool->slabs_touched, __ATOMIC_RELAXED);
	size_t table_bytes = (size_t)pool->first_handle * SKETCH_BLOCK_BYTES_MIN;

	return area_make(pool->memory, table_bytes + (size_t)slabs * SKETCH_BLOCK_BYTES_MAX,
			 table_bytes + (size_t)pool->slab_count * SKETCH_BLOCK_BYTES_MAX);
}

/* Fetches a line that will be written, into the second cache level: for many large sketches
 * nearer ones only push each other out. Callers are inlined always: gcc takes a function that
 * does nothing but fetch for one without effect, and leaves out calls of it. */
#define SKETCH_PREFETCH(line) __builtin_prefetch(line, 0, 2)

/* Where a block is; it stays there until it is given back. The handle must not be 0. */
static inline void *sketch_pool_block(const struct sketch_pool *pool, __u32 handle)
{
	return pool->memory + (size_t)handle * SKETCH_BLOCK_BYTES_MIN;
}

#endif
