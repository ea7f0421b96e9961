/* SPDX-License-Identifier: BSD-2-Clause */
/* Fixed-size chunks of rows from one reservation, numbered from 1. A chunk comes zeroed; whoever
 * gives it back has zeroed it. Bounded by the budget it shares with the other pools of the
 * stream. */
#ifndef SLUICE_CORE_CHUNKS_H
#define SLUICE_CORE_CHUNKS_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

#include "core/memory/area.h"

#define CHUNK_ROWS_SHIFT 8
#define CHUNK_ROWS (1u << CHUNK_ROWS_SHIFT)
#define CHUNK_NONE 0u

struct memory_budget {
	__u64 bytes_max;
	__u64 bytes_used;
};

struct chunks {
	unsigned char *base;
	size_t chunk_bytes;
	size_t reserved_bytes;
	__u32 capacity; /* chunk numbers 1 … capacity */
	__u32 touched; /* highest number ever taken */
	__u32 free_count;
	__u32 *free;
	struct memory_budget *budget;
};

/* -ENOMEM. */
int chunks_open(struct chunks *chunks, size_t row_bytes, struct memory_budget *budget);
void chunks_close(struct chunks *chunks);

/* A zeroed chunk, or CHUNK_NONE when the budget is spent. */
__u32 chunks_take(struct chunks *chunks);
/* The caller has zeroed it. */
void chunks_give(struct chunks *chunks, __u32 chunk);

/* What is in use and will be next: more, and at least room for `next_bytes` at once. Any thread. */
static inline struct area chunks_area(const struct chunks *chunks, size_t next_bytes)
{
	size_t touched = __atomic_load_n(&chunks->touched, __ATOMIC_RELAXED);
	size_t free = __atomic_load_n(&chunks->free_count, __ATOMIC_RELAXED) * chunks->chunk_bytes;
	struct area area = area_make(chunks->base, (touched + 1) * chunks->chunk_bytes,
				     chunks->reserved_bytes);

	next_bytes = next_bytes > free ? next_bytes - free : 0;
	next_bytes += (touched + 1) * chunks->chunk_bytes;
	if (area.bytes < next_bytes)
		area.bytes =
			next_bytes < chunks->reserved_bytes ? next_bytes : chunks->reserved_bytes;
	return area;
}

static inline unsigned char *chunks_at(const struct chunks *chunks, __u32 chunk)
{
	return chunks->base + (size_t)chunk * chunks->chunk_bytes;
}

#endif
