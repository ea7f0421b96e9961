/* SPDX-License-Identifier: BSD-2-Clause */
/* Chunks with room are in a list; a full one leaves it, an empty one is given back. */
#include "core/session/session_pool.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"

static size_t table_bytes(const struct session_pool *pool)
{
	return ((size_t)pool->chunks.capacity + 1) * sizeof(*pool->chunk);
}

int session_pool_open(struct session_pool *pool, size_t item_bytes, struct memory_budget *budget)
{
	int err;

	*pool = (struct session_pool){ .item_bytes = item_bytes };
	err = chunks_open(&pool->chunks, item_bytes, budget);
	if (err)
		return err;
	pool->chunk = memory_reserve(table_bytes(pool));
	if (!pool->chunk) {
		session_pool_close(pool);
		return -ENOMEM;
	}
	return 0;
}

void session_pool_close(struct session_pool *pool)
{
	if (pool->chunk)
		memory_release(pool->chunk, table_bytes(pool));
	chunks_close(&pool->chunks);
	*pool = (struct session_pool){ 0 };
}

static void add_roomy(struct session_pool *pool, __u32 number)
{
	struct session_pool_chunk *chunk = &pool->chunk[number];

	chunk->previous = 0;
	chunk->next = pool->roomy;
	if (chunk->next)
		pool->chunk[chunk->next].previous = number;
	pool->roomy = number;
}

static void remove_roomy(struct session_pool *pool, __u32 number)
{
	struct session_pool_chunk *chunk = &pool->chunk[number];

	if (chunk->next)
		pool->chunk[chunk->next].previous = chunk->previous;
	if (chunk->previous)
		pool->chunk[chunk->previous].next = chunk->next;
	else
		pool->roomy = chunk->next;
}

static bool open_chunk(struct session_pool *pool)
{
	__u32 number = chunks_take(&pool->chunks);

	if (number == CHUNK_NONE)
		return false;
	pool->chunk[number] = (struct session_pool_chunk){ 0 };
	pool->free += CHUNK_ROWS;
	add_roomy(pool, number);
	return true;
}

__u32 session_pool_take(struct session_pool *pool)
{
	struct session_pool_chunk *chunk;
	__u32 number, index;

	if (!pool->roomy && !open_chunk(pool))
		return SESSION_POOL_NONE;
	number = pool->roomy;
	chunk = &pool->chunk[number];
	if (chunk->first_free) {
		__u32 *item;

		index = chunk->first_free - 1u;
		item = session_pool_at(pool, number << CHUNK_ROWS_SHIFT | index);
		chunk->first_free = (__u16)*item;
		*item = 0;
	} else {
		index = chunk->touched++;
	}
	chunk->used++;
	pool->free--;
	pool->used++;
	if (chunk->used == CHUNK_ROWS)
		remove_roomy(pool, number);
	return number << CHUNK_ROWS_SHIFT | index;
}

void session_pool_give(struct session_pool *pool, __u32 number)
{
	__u32 of = number >> CHUNK_ROWS_SHIFT;
	struct session_pool_chunk *chunk = &pool->chunk[of];
	__u32 *item = session_pool_at(pool, number);

	assert(chunk->used > 0);
	memset(item, 0, pool->item_bytes);
	if (chunk->used == CHUNK_ROWS)
		add_roomy(pool, of);
	*item = chunk->first_free;
	chunk->first_free = (__u16)((number & (CHUNK_ROWS - 1)) + 1);
	chunk->used--;
	pool->free++;
	pool->used--;
	if (chunk->used)
		return;
	remove_roomy(pool, of);
	pool->free -= CHUNK_ROWS;
	memset(chunks_at(&pool->chunks, of), 0, pool->chunks.chunk_bytes);
	chunks_give(&pool->chunks, of);
}

__u64 session_pool_cost(const struct session_pool *pool, __u64 count)
{
	__u64 chunks = pool->chunks.free_count + pool->chunks.capacity - pool->chunks.touched;
	__u64 wanted = count > pool->free ? (count - pool->free + CHUNK_ROWS - 1) / CHUNK_ROWS : 0;

	return wanted <= chunks ? wanted * pool->chunks.chunk_bytes : UINT64_MAX;
}
