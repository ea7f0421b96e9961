/* SPDX-License-Identifier: BSD-2-Clause */
/* Sorts the entries of a bucket by (start, end, definition, group, identity, order), so that what
 * belongs together is adjacent. */
#include <stdlib.h>
#include <string.h>

#include "rows/row_set_state.h"

#define COMPARE(a, b)                              \
	do {                                       \
		if ((a) != (b))                    \
			return (a) < (b) ? -1 : 1; \
	} while (0)

static const __u64 *words_of(const struct row_sorted *row)
{
	return (const __u64 *)(row->entry + 1);
}

int row_compare_intervals(const struct row_sorted *a, const struct row_sorted *b)
{
	COMPARE(a->entry->start_ns, b->entry->start_ns);
	COMPARE(a->entry->end_ns, b->entry->end_ns);
	return 0;
}

/* Groups in the order of group_by, by value. */
int row_compare_groups(const struct row_sorted *a, const struct row_sorted *b,
		       const struct row_order *order)
{
	const struct group_key *layout;
	int interval = order->is_one_interval ? 0 : row_compare_intervals(a, b);

	if (interval)
		return interval;
	COMPARE(a->shape, b->shape);
	COMPARE(a->rank, b->rank);
	if (a->rank != ROW_RANK_GROUP)
		return 0;
	COMPARE(a->value[0], b->value[0]);
	COMPARE(a->value[1], b->value[1]);
	layout = &order->set->shapes.at[a->shape]->layout;
	for (unsigned int i = 2; i < layout->field_count; i++)
		COMPARE(group_key_value(layout, words_of(a), i),
			group_key_value(layout, words_of(b), i));
	return 0;
}

/* Within a group: older epochs first, then orders, then the order of the log. */
static int compare(const void *left, const void *right, void *context)
{
	const struct row_sorted *a = left, *b = right;
	const struct row_order *order = context;
	const struct row_source *sources = order->set->sources.at;
	int result = row_compare_groups(a, b, order);

	if (result)
		return result;
	if (a->entry->source != b->entry->source) {
		result = memcmp(sources[a->entry->source].agent_id,
				sources[b->entry->source].agent_id, 16);
		if (result)
			return result;
		COMPARE(sources[a->entry->source].epoch, sources[b->entry->source].epoch);
	}
	COMPARE(a->entry->order, b->entry->order);
	COMPARE((uintptr_t)a->entry, (uintptr_t)b->entry);
	return 0;
}

static struct row_sorted make_key(const struct row_set *set, const struct row_entry *entry)
{
	const struct group_key *layout = &set->shapes.at[entry->shape]->layout;
	struct row_sorted key = { .entry = entry, .shape = entry->shape };

	key.state = (__u8)row_set_judge(set, entry);
	key.rank = entry->is_sign				? ROW_RANK_SIGN
		   : entry->flags & SLUICE_ROWS_OVERFLOW ? ROW_RANK_OVERFLOW
							 : ROW_RANK_GROUP;
	for (unsigned int i = 0; i < 2 && i < layout->field_count && key.rank == ROW_RANK_GROUP;
	     i++)
		key.value[i] = group_key_value(layout, words_of(&key), i);
	return key;
}

struct row_sorted *row_set_sort(const struct row_set *set, const struct row_bucket *bucket,
				struct row_order *order)
{
	struct row_sorted *list = malloc((bucket->entry_count + 1) * sizeof(*list));
	size_t offset = 0;

	if (!list)
		return NULL;
	*order = (struct row_order){ .set = set, .is_one_interval = true };
	for (size_t i = 0; i < bucket->entry_count; i++) {
		const struct row_entry *entry = (const struct row_entry *)(bucket->data + offset);

		list[i] = make_key(set, entry);
		order->is_one_interval &= row_compare_intervals(&list[0], &list[i]) == 0;
		offset += entry->bytes;
	}
	qsort_r(list, bucket->entry_count, sizeof(*list), compare, order);
	return list;
}
