/* SPDX-License-Identifier: BSD-2-Clause */
/* Adding and merging, on the list of a small sketch and the table of a large one. The list
 * never has errors: it becomes a table before the first candidate has to leave. */
#include "core/sketch/sketch_top.h"

#include <assert.h>
#include <errno.h>

#include "core/sketch/sketch_top_table.h"

struct list_entry {
	__u64 value, count;
};

static __u64 add_saturated(__u64 a, __u64 b)
{
	__u64 sum;

	return __builtin_add_overflow(a, b, &sum) ? ~0ull : sum;
}

static struct top_table table_of(const struct sketch_top *sketch, const struct sketch_pool *pool)
{
	return top_table_view(sketch_pool_block(pool, sketch->block), sketch->capacity,
			      sketch->used, pool->seed);
}

/* Takes over what a changed view knows besides the block. */
static void table_keep(struct sketch_top *sketch, struct sketch_pool *pool,
		       const struct top_table *table)
{
	*(__u64 *)sketch_pool_block(pool, sketch->block) = table->absent_max;
	sketch->used = table->used & 0xfff;
}

void sketch_top_clear(struct sketch_top *sketch, struct sketch_pool *pool)
{
	sketch_pool_give(pool, sketch->block);
	*sketch = sketch_top_empty(sketch->capacity);
}

int sketch_top_lose(struct sketch_top *sketch, struct sketch_pool *pool)
{
	if (sketch->form == SKETCH_TOP_LOST)
		return 0;
	sketch_top_clear(sketch, pool);
	sketch->form = SKETCH_TOP_LOST;
	return -ENOSPC;
}

__u64 sketch_top_absent_max(const struct sketch_top *sketch, const struct sketch_pool *pool)
{
	return sketch->form == SKETCH_TOP_TABLE ?
		       *(const __u64 *)sketch_pool_block(pool, sketch->block) : 0;
}

struct sketch_top_item sketch_top_candidate(const struct sketch_top *sketch,
					    const struct sketch_pool *pool, unsigned int i)
{
	const struct list_entry *list;

	assert(i < sketch->used);
	if (sketch->form == SKETCH_TOP_TABLE)
		return table_of(sketch, pool).entries[i].item;
	list = sketch_pool_block(pool, sketch->block);
	return (struct sketch_top_item){ .value = list[i].value, .count = list[i].count };
}

static struct list_entry *list_find(const struct sketch_top *sketch,
				    const struct sketch_pool *pool, __u64 value)
{
	struct list_entry *list = sketch->used ? sketch_pool_block(pool, sketch->block) : NULL;

	for (unsigned int i = 0; i < sketch->used; i++)
		if (list[i].value == value)
			return &list[i];
	return NULL;
}

/* A held candidate's place for its count, and for its error when it can have one; NULL: not
 * held. */
static __u64 *find(const struct sketch_top *sketch, const struct sketch_pool *pool, __u64 value,
		   __u64 **error)
{
	*error = NULL;
	if (sketch->form == SKETCH_TOP_TABLE) {
		struct top_table table = table_of(sketch, pool);
		struct top_entry *entry = top_table_find(&table, value);

		*error = entry ? &entry->item.error : NULL;
		return entry ? &entry->item.count : NULL;
	} else {
		struct list_entry *entry = list_find(sketch, pool, value);

		return entry ? &entry->count : NULL;
	}
}

/* From a list to a table. */
static int promote(struct sketch_top *sketch, struct sketch_pool *pool)
{
	__u32 block = sketch_pool_take(pool, top_table_bytes(sketch->capacity));
	struct top_table table;

	if (!block)
		return sketch_top_lose(sketch, pool);
	top_table_init(sketch_pool_block(pool, block), sketch->capacity);
	table = top_table_view(sketch_pool_block(pool, block), sketch->capacity, 0, pool->seed);
	for (unsigned int i = 0; i < sketch->used; i++) {
		struct sketch_top_item item = sketch_top_candidate(sketch, pool, i);

		top_table_put(&table, &item);
	}
	sketch_top_clear(sketch, pool);
	sketch->block = block;
	sketch->form = SKETCH_TOP_TABLE;
	sketch->used = table.used & 0xfff;
	return 0;
}

static bool list_is_full(const struct sketch_top *sketch)
{
	return sketch->used == SKETCH_TOP_LIST_MAX || sketch->used == sketch->capacity;
}

/* Puts a value that is not there into a list that is not full; blocks of 4, 8 and 16. */
static int list_put(struct sketch_top *sketch, struct sketch_pool *pool,
		    const struct sketch_top_item *item)
{
	unsigned int used = sketch->used;
	struct list_entry *list;

	if (!used || (used >= 4 && !(used & (used - 1)))) {
		__u32 block = sketch_pool_take(pool, sizeof(*list) * (used ? 2 * used : 4));

		if (!block)
			return sketch_top_lose(sketch, pool);
		if (used)
			memcpy(sketch_pool_block(pool, block),
			       sketch_pool_block(pool, sketch->block), sizeof(*list) * used);
		sketch_pool_give(pool, sketch->block);
		sketch->block = block;
	}
	list = sketch_pool_block(pool, sketch->block);
	list[used] = (struct list_entry){ item->value, item->count };
	sketch->used = (used + 1) & 0xfff;
	return 0;
}

/* A value that is not held comes in: into room, or in place of the lightest. */
static void table_admit(struct top_table *table, __u64 value, __u64 weight)
{
	struct sketch_top_item item = { .value = value };
	bool is_full = table->used == table->capacity;

	if (is_full)
		table->absent_max = top_table_lightest(table)->item.count;
	item.error = table->absent_max;
	item.count = add_saturated(table->absent_max, weight);
	if (is_full)
		top_table_replace(table, &item);
	else
		top_table_put(table, &item);
}

int sketch_top_add(struct sketch_top *sketch, struct sketch_pool *pool, __u64 value, __u64 weight)
{
	struct sketch_top_item item = { .value = value, .count = weight };
	struct top_table table;
	__u64 *count, *error;

	if (sketch->form == SKETCH_TOP_LOST || !weight)
		return 0;
	count = find(sketch, pool, value, &error);
	if (count) {
		*count = add_saturated(*count, weight);
		return 0;
	}
	if (sketch->form == SKETCH_TOP_LIST) {
		int lost;

		if (!list_is_full(sketch))
			return list_put(sketch, pool, &item);
		lost = promote(sketch, pool);
		if (lost)
			return lost;
	}
	table = table_of(sketch, pool);
	table_admit(&table, value, weight);
	table_keep(sketch, pool, &table);
	return 0;
}

int sketch_top_put(struct sketch_top *sketch, struct sketch_pool *pool,
		   const struct sketch_top_item *item, __u64 absent_max)
{
	struct top_table table;
	int error;

	if (sketch->form == SKETCH_TOP_LIST && !absent_max && !list_is_full(sketch))
		return list_put(sketch, pool, item);
	if (sketch->form == SKETCH_TOP_LIST) {
		error = promote(sketch, pool);
		if (error)
			return error;
	}
	table = table_of(sketch, pool);
	assert(table.used < table.capacity);
	table.absent_max = absent_max;
	top_table_put(&table, item);
	table_keep(sketch, pool, &table);
	return 0;
}

/* Every candidate of ours takes what the other sketch holds of it, or may have had of it. */
static void raise_held(struct sketch_top *sketch, struct sketch_pool *pool,
		       const struct sketch_top *from, const struct sketch_pool *from_pool)
{
	__u64 absent_max = sketch_top_absent_max(from, from_pool);

	for (unsigned int i = 0; i < sketch->used; i++) {
		__u64 value = sketch_top_candidate(sketch, pool, i).value;
		__u64 *error, *count = find(sketch, pool, value, &error);
		__u64 *more_error, *more = find(from, from_pool, value, &more_error);

		*count = add_saturated(*count, more ? *more : absent_max);
		if (error)
			*error = add_saturated(*error, !more	  ? absent_max :
						       more_error ? *more_error : 0);
	}
}

/* A candidate of the other sketch that is not one of ours: the heavier ones stay. */
static int admit_candidate(struct sketch_top *sketch, struct sketch_pool *pool,
			   const struct sketch_top_item *item)
{
	struct sketch_top_item leaves = *item;
	struct top_table table;
	int error;

	if (sketch->form == SKETCH_TOP_LIST) {
		if (!list_is_full(sketch))
			return list_put(sketch, pool, item);
		error = promote(sketch, pool);
		if (error)
			return error;
	}
	table = table_of(sketch, pool);
	if (table.used < table.capacity) {
		top_table_put(&table, item);
	} else {
		if (top_item_is_before(item, &top_table_lightest(&table)->item)) {
			leaves = top_table_lightest(&table)->item;
			top_table_replace(&table, item);
		}
		if (table.absent_max < leaves.count)
			table.absent_max = leaves.count;
	}
	table_keep(sketch, pool, &table);
	return 0;
}

/* Ours first take their share, then the others come in by weight. One of ours that had to
 * leave on the way is met again among the others with less than it left with, so it cannot
 * come back. */
int sketch_top_merge(struct sketch_top *sketch, struct sketch_pool *pool,
		     const struct sketch_top *from, const struct sketch_pool *from_pool)
{
	__u64 absent_max = sketch_top_absent_max(sketch, pool), *place, *error;
	__u64 from_max = sketch_top_absent_max(from, from_pool);
	int lost = 0;

	assert(sketch != from);
	if (sketch->form == SKETCH_TOP_LOST)
		return 0;
	if (from->form == SKETCH_TOP_LOST)
		return sketch_top_lose(sketch, pool);
	if (from_max && sketch->form == SKETCH_TOP_LIST)
		lost = promote(sketch, pool);
	if (lost)
		return lost;
	raise_held(sketch, pool, from, from_pool);
	if (from_max)
		*(__u64 *)sketch_pool_block(pool, sketch->block) =
			add_saturated(absent_max, from_max);
	for (unsigned int i = 0; i < from->used && !lost; i++) {
		struct sketch_top_item item = sketch_top_candidate(from, from_pool, i);

		place = find(sketch, pool, item.value, &error);
		if (place)
			continue;
		item.count = add_saturated(item.count, absent_max);
		item.error = add_saturated(item.error, absent_max);
		lost = admit_candidate(sketch, pool, &item);
	}
	return lost;
}

int sketch_top_items(const struct sketch_top *sketch, const struct sketch_pool *pool,
		     struct sketch_top_item *items, unsigned int k)
{
	unsigned int found = 0;

	if (sketch->form == SKETCH_TOP_LOST)
		return -ENODATA;
	for (unsigned int i = 0; i < sketch->used; i++) {
		struct sketch_top_item item = sketch_top_candidate(sketch, pool, i);
		unsigned int at = found;

		if (found == k && (!k || !top_item_is_before(&item, &items[k - 1])))
			continue;
		if (found == k)
			at--;
		else
			found++;
		for (; at > 0 && top_item_is_before(&item, &items[at - 1]); at--)
			items[at] = items[at - 1];
		items[at] = item;
	}
	return (int)found;
}
