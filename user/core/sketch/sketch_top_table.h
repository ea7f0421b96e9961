/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of a large top sketch: candidates, an index over their values, and a heap over
 * their counts that is allowed to be behind. Counts only grow, so a candidate whose key is
 * behind its count can only stand too near the root; it is put right when it gets there. A hit
 * therefore touches no heap. */
#ifndef SLUICE_CORE_SKETCH_TOP_TABLE_H
#define SLUICE_CORE_SKETCH_TOP_TABLE_H

#include "core/sketch/sketch_top.h"

struct top_entry {
	struct sketch_top_item item;
	__u64 key;	/* what the heap knows of item.count */
};

struct top_table {
	__u64 absent_max;
	__u64 seed;
	struct top_entry *entries;	/* capacity of them */
	__u16 *heap;			/* numbers of entries, the lightest first */
	__u16 *index;			/* entry + 1 by value; 0 is free */
	unsigned int index_bits;
	unsigned int capacity, used;
};

/* Bytes of the block behind a table. */
size_t top_table_bytes(unsigned int capacity);

/* A view of the block; `used` candidates are in it. */
struct top_table top_table_view(void *block, unsigned int capacity, unsigned int used, __u64 seed);

/* Makes an empty table out of a fresh block. */
void top_table_init(void *block, unsigned int capacity);

/* The entry of a value, or NULL. */
struct top_entry *top_table_find(const struct top_table *table, __u64 value);

/* Puts in a value that is not there; there must be room. */
void top_table_put(struct top_table *table, const struct sketch_top_item *item);

/* The lightest candidate; of equal ones the largest value. There must be one. */
struct top_entry *top_table_lightest(struct top_table *table);

/* Replaces the lightest by a value that is not there and not lighter. */
void top_table_replace(struct top_table *table, const struct sketch_top_item *item);

/* Ranks: heavier first, equal ones by value. */
static inline bool top_item_is_before(const struct sketch_top_item *a,
				      const struct sketch_top_item *b)
{
	return a->count != b->count ? a->count > b->count : a->value < b->value;
}

#endif
