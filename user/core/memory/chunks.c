/* SPDX-License-Identifier: BSD-2-Clause */
/* Chunks are taken from the free list first, then from memory never touched before. */
#include "core/memory/chunks.h"

#include <assert.h>
#include <errno.h>

#include "base/memory.h"

int chunks_open(struct chunks *chunks, size_t row_bytes, struct memory_budget *budget)
{
	*chunks = (struct chunks){ .budget = budget };
	chunks->chunk_bytes = row_bytes * CHUNK_ROWS;
	chunks->capacity = (__u32)(budget->bytes_max / chunks->chunk_bytes + 1);
	chunks->reserved_bytes = chunks->chunk_bytes * ((size_t)chunks->capacity + 1);
	chunks->base = memory_reserve(chunks->reserved_bytes);
	chunks->free = memory_reserve(sizeof(__u32) * (size_t)chunks->capacity);
	if (!chunks->base || !chunks->free) {
		chunks_close(chunks);
		return -ENOMEM;
	}
	memory_touch_first(chunks->free, sizeof(__u32) * (size_t)chunks->capacity);
	return 0;
}

void chunks_close(struct chunks *chunks)
{
	memory_release(chunks->base, chunks->reserved_bytes);
	memory_release(chunks->free, sizeof(__u32) * (size_t)chunks->capacity);
	*chunks = (struct chunks){ 0 };
}

__u32 chunks_take(struct chunks *chunks)
{
	struct memory_budget *budget = chunks->budget;

	if (budget->bytes_used + chunks->chunk_bytes > budget->bytes_max)
		return CHUNK_NONE;
	if (chunks->free_count == 0 && chunks->touched == chunks->capacity)
		return CHUNK_NONE;
	budget->bytes_used += chunks->chunk_bytes;
	/* Both counts are read by who touches memory ahead. */
	if (chunks->free_count) {
		__atomic_store_n(&chunks->free_count, chunks->free_count - 1, __ATOMIC_RELAXED);
		return chunks->free[chunks->free_count];
	}
	__atomic_store_n(&chunks->touched, chunks->touched + 1, __ATOMIC_RELAXED);
	return chunks->touched;
}

void chunks_give(struct chunks *chunks, __u32 chunk)
{
	assert(chunk != CHUNK_NONE && chunk <= chunks->touched);
	assert(chunks->budget->bytes_used >= chunks->chunk_bytes);
	chunks->budget->bytes_used -= chunks->chunk_bytes;
	chunks->free[chunks->free_count] = chunk;
	__atomic_store_n(&chunks->free_count, chunks->free_count + 1, __ATOMIC_RELAXED);
}
