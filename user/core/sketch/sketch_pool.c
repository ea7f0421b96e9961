/* SPDX-License-Identifier: BSD-2-Clause */
/* The slabs behind the pool. A slab with a free block is in the list of its class; a full one is in
 * no list; an empty one is in the list of empty slabs, whatever its class was. */
#include "core/sketch/sketch_pool.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define POISON(memory, bytes) ASAN_POISON_MEMORY_REGION(memory, bytes)
#define UNPOISON(memory, bytes) ASAN_UNPOISON_MEMORY_REGION(memory, bytes)
#else
#define POISON(memory, bytes) ((void)(memory), (void)(bytes))
#define UNPOISON(memory, bytes) ((void)(memory), (void)(bytes))
#endif

#define SLAB_BYTES SKETCH_BLOCK_BYTES_MAX
#define SLAB_UNITS (SLAB_BYTES / SKETCH_BLOCK_BYTES_MIN)
#define HANDLES_MAX 0xffffffffu

_Static_assert(SKETCH_BLOCK_BYTES_MIN << (SKETCH_BLOCK_CLASSES - 1) == SKETCH_BLOCK_BYTES_MAX,
	       "the largest class is a whole slab");
_Static_assert(sizeof(struct sketch_slab) == 16, "four slab descriptions a cache line");
_Static_assert(SLAB_UNITS <= 0xffff, "block numbers of a slab fit 16 bits");

static unsigned int blocks_per_slab(unsigned int class)
{
	return SLAB_UNITS >> class;
}

static unsigned int class_of(size_t bytes)
{
	size_t units = (bytes + SKETCH_BLOCK_BYTES_MIN - 1) / SKETCH_BLOCK_BYTES_MIN;

	return units <= 1 ? 0 : 64 - (unsigned int)__builtin_clzll(units - 1);
}

static __u32 slab_of(const struct sketch_pool *pool, __u32 handle)
{
	return (handle - pool->first_handle) / SLAB_UNITS;
}

static __u32 handle_of(const struct sketch_pool *pool, __u32 number, unsigned int block)
{
	return pool->first_handle + number * SLAB_UNITS + (block << pool->slabs[number].class);
}

void sketch_pool_open(struct sketch_pool *pool, void *memory, size_t bytes, __u64 seed)
{
	size_t table_bytes, slabs = bytes / (SLAB_BYTES + sizeof(struct sketch_slab));

	assert((uintptr_t)memory % SKETCH_POOL_ALIGN == 0);
	memset(pool, 0, sizeof(*pool));
	if (slabs > HANDLES_MAX / SLAB_UNITS - 2)
		slabs = HANDLES_MAX / SLAB_UNITS - 2;
	table_bytes = (slabs * sizeof(struct sketch_slab) + SKETCH_POOL_ALIGN - 1) &
		      ~(size_t)(SKETCH_POOL_ALIGN - 1);
	while (slabs > 0 && table_bytes + slabs * SLAB_BYTES > bytes)
		slabs--;
	pool->memory = memory;
	pool->slabs = memory;
	pool->slab_count = (__u32)slabs;
	pool->first_handle = (__u32)(table_bytes / SKETCH_BLOCK_BYTES_MIN);
	pool->seed = seed;
	POISON(pool->memory + table_bytes, slabs * SLAB_BYTES);
}

void sketch_pool_close(struct sketch_pool *pool)
{
	if (pool->slab_count > 0)
		UNPOISON(sketch_pool_block(pool, pool->first_handle),
			 (size_t)pool->slab_count * SLAB_BYTES);
	memset(pool, 0, sizeof(*pool));
}

static void list_push(struct sketch_pool *pool, __u32 *head, __u32 number)
{
	pool->slabs[number].next = *head;
	pool->slabs[number].previous = 0;
	if (*head)
		pool->slabs[*head - 1].previous = number + 1;
	*head = number + 1;
}

static void list_remove(struct sketch_pool *pool, __u32 *head, __u32 number)
{
	struct sketch_slab *slab = &pool->slabs[number];

	if (slab->previous)
		pool->slabs[slab->previous - 1].next = slab->next;
	else
		*head = slab->next;
	if (slab->next)
		pool->slabs[slab->next - 1].previous = slab->previous;
}

/* An empty slab, made ready for blocks of `class` and listed there; false when there is none. */
static bool slab_take(struct sketch_pool *pool, unsigned int class)
{
	__u32 number;

	if (pool->slabs_empty) {
		number = pool->slabs_empty - 1;
		list_remove(pool, &pool->slabs_empty, number);
	} else if (pool->slabs_touched < pool->slab_count) {
		number = pool->slabs_touched;
		__atomic_store_n(&pool->slabs_touched, number + 1, __ATOMIC_RELAXED);
	} else {
		return false;
	}
	pool->slabs[number] = (struct sketch_slab){ .class = (__u8)class };
	list_push(pool, &pool->partial[class], number);
	return true;
}

__u32 sketch_pool_take(struct sketch_pool *pool, size_t bytes)
{
	unsigned int block, class = class_of(bytes);
	size_t block_bytes = (size_t)SKETCH_BLOCK_BYTES_MIN << class;
	struct sketch_slab *slab;
	__u32 number, handle;

	assert(bytes > 0 && bytes <= SKETCH_BLOCK_BYTES_MAX);
	if (!pool->partial[class] && !slab_take(pool, class)) {
		pool->exhausted++;
		return 0;
	}
	number = pool->partial[class] - 1;
	slab = &pool->slabs[number];
	block = slab->free ? slab->free - 1u : slab->touched;
	handle = handle_of(pool, number, block);
	UNPOISON(sketch_pool_block(pool, handle), block_bytes);
	if (slab->free)
		memcpy(&slab->free, sketch_pool_block(pool, handle), sizeof(slab->free));
	else
		slab->touched++;
	if (++slab->used == blocks_per_slab(class))
		list_remove(pool, &pool->partial[class], number);
	pool->bytes_used += block_bytes;
	return handle;
}

void sketch_pool_give(struct sketch_pool *pool, __u32 handle)
{
	struct sketch_slab *slab;
	__u32 number;
	size_t bytes;

	if (!handle)
		return;
	number = slab_of(pool, handle);
	assert(handle >= pool->first_handle && number < pool->slabs_touched);
	slab = &pool->slabs[number];
	bytes = (size_t)SKETCH_BLOCK_BYTES_MIN << slab->class;
	assert(slab->used > 0);
	memcpy(sketch_pool_block(pool, handle), &slab->free, sizeof(slab->free));
	slab->free = (__u16)(((handle - pool->first_handle) % SLAB_UNITS >> slab->class) + 1);
	POISON(sketch_pool_block(pool, handle), bytes);
	pool->bytes_used -= bytes;
	if (slab->used == blocks_per_slab(slab->class))
		list_push(pool, &pool->partial[slab->class], number);
	if (--slab->used == 0) {
		list_remove(pool, &pool->partial[slab->class], number);
		list_push(pool, &pool->slabs_empty, number);
	}
}

size_t sketch_pool_block_bytes(const struct sketch_pool *pool, __u32 handle)
{
	return (size_t)SKETCH_BLOCK_BYTES_MIN << pool->slabs[slab_of(pool, handle)].class;
}
