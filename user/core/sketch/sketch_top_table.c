/* SPDX-License-Identifier: BSD-2-Clause */
/* Index and heap of the table. The block is: absent_max and a spare word, the entries, the
 * heap, the index at most half full. */
#include "core/sketch/sketch_top_table.h"

#include "core/sketch/murmur64a.h"

#define TABLE_HEAD_BYTES 16u

static unsigned int index_bits(unsigned int capacity)
{
	return 32 - (unsigned int)__builtin_clz(2 * capacity - 1);
}

size_t top_table_bytes(unsigned int capacity)
{
	return TABLE_HEAD_BYTES + capacity * (sizeof(struct top_entry) + sizeof(__u16)) +
	       (sizeof(__u16) << index_bits(capacity));
}

struct top_table top_table_view(void *block, unsigned int capacity, unsigned int used, __u64 seed)
{
	struct top_entry *entries = (struct top_entry *)((__u8 *)block + TABLE_HEAD_BYTES);
	__u16 *heap = (__u16 *)(entries + capacity);

	return (struct top_table){
		.absent_max = *(const __u64 *)block,
		.seed = seed,
		.entries = entries,
		.heap = heap,
		.index = heap + capacity,
		.index_bits = index_bits(capacity),
		.capacity = capacity,
		.used = used,
	};
}

void top_table_init(void *block, unsigned int capacity)
{
	memset(block, 0, top_table_bytes(capacity));
}

static unsigned int index_home(const struct top_table *table, __u64 value)
{
	return (unsigned int)(murmur64a_u64(value, table->seed) >> (64 - table->index_bits));
}

/* The place of a value in the index, or the free place where it would be. */
static unsigned int index_place(const struct top_table *table, __u64 value)
{
	unsigned int mask = (1u << table->index_bits) - 1, at = index_home(table, value);

	while (table->index[at] && table->entries[table->index[at] - 1].item.value != value)
		at = (at + 1) & mask;
	return at;
}

/* Frees a place and moves back what had to step over it. */
static void index_remove(struct top_table *table, unsigned int hole)
{
	unsigned int mask = (1u << table->index_bits) - 1, at = hole;

	for (;;) {
		unsigned int home;

		at = (at + 1) & mask;
		if (!table->index[at])
			break;
		home = index_home(table, table->entries[table->index[at] - 1].item.value);
		if (((at - home) & mask) < ((at - hole) & mask))
			continue;
		table->index[hole] = table->index[at];
		hole = at;
	}
	table->index[hole] = 0;
}

struct top_entry *top_table_find(const struct top_table *table, __u64 value)
{
	unsigned int entry = table->index[index_place(table, value)];

	return entry ? &table->entries[entry - 1] : NULL;
}

/* As the heap knows them. */
static bool is_lighter(const struct top_table *table, unsigned int a, unsigned int b)
{
	const struct top_entry *first = &table->entries[table->heap[a]];
	const struct top_entry *second = &table->entries[table->heap[b]];

	return first->key != second->key ? first->key < second->key :
					   first->item.value > second->item.value;
}

static void heap_swap(struct top_table *table, unsigned int a, unsigned int b)
{
	__u16 entry = table->heap[a];

	table->heap[a] = table->heap[b];
	table->heap[b] = entry;
}

static void heap_rise(struct top_table *table, unsigned int at)
{
	for (; at > 0 && is_lighter(table, at, (at - 1) / 2); at = (at - 1) / 2)
		heap_swap(table, at, (at - 1) / 2);
}

static void heap_sink_root(struct top_table *table)
{
	unsigned int at = 0, child;

	while ((child = 2 * at + 1) < table->used) {
		if (child + 1 < table->used && is_lighter(table, child + 1, child))
			child++;
		if (!is_lighter(table, child, at))
			break;
		heap_swap(table, at, child);
		at = child;
	}
}

void top_table_put(struct top_table *table, const struct sketch_top_item *item)
{
	unsigned int entry = table->used++;

	table->index[index_place(table, item->value)] = (__u16)(entry + 1);
	table->entries[entry] = (struct top_entry){ .item = *item, .key = item->count };
	table->heap[entry] = (__u16)entry;
	heap_rise(table, entry);
}

struct top_entry *top_table_lightest(struct top_table *table)
{
	struct top_entry *root;

	for (;;) {
		root = &table->entries[table->heap[0]];
		if (root->key == root->item.count)
			return root;
		root->key = root->item.count;
		heap_sink_root(table);
	}
}

void top_table_replace(struct top_table *table, const struct sketch_top_item *item)
{
	struct top_entry *root = top_table_lightest(table);

	index_remove(table, index_place(table, root->item.value));
	table->index[index_place(table, item->value)] = (__u16)(table->heap[0] + 1);
	*root = (struct top_entry){ .item = *item, .key = item->count };
	heap_sink_root(table);
}
