/* SPDX-License-Identifier: BSD-2-Clause */
/* Gives rows out: bucket by bucket, sorted by (start, end, group, identity, revision), so that what
 * belongs together is adjacent; then the highest revisions are chosen and added up. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "edge/row_set_state.h"

enum rank { RANK_CLOSE, RANK_GROUP, RANK_OVERFLOW };

/* What decides most comparisons, with the entry behind it: entries are spread over memory. */
struct sorted {
	const struct row_entry *entry;
	__u64 value[2]; /* of the first group fields */
	__u32 shape;
	__u32 rank; /* enum rank: closes of an interval come first, the overflow group last */
};

/* What comparisons need to know: the set, and whether all entries have one start and one end. */
struct order {
	const struct row_set *set;
	bool is_one_interval;
};

static bool is_overflow(const struct row_entry *entry)
{
	return entry->flags & SLUICE_ROWS_OVERFLOW;
}

static const __u64 *words_of(const struct row_entry *entry)
{
	return (const __u64 *)(entry + 1);
}

#define COMPARE(a, b)                              \
	do {                                       \
		if ((a) != (b))                    \
			return (a) < (b) ? -1 : 1; \
	} while (0)

static int compare_intervals(const struct sorted *a, const struct sorted *b)
{
	COMPARE(a->entry->start_ns, b->entry->start_ns);
	COMPARE(a->entry->end_ns, b->entry->end_ns);
	return 0;
}

/* Groups in the order of group_by, by value. */
static int compare_groups(const struct sorted *a, const struct sorted *b, const struct order *order)
{
	const struct group_key *layout;
	int interval = order->is_one_interval ? 0 : compare_intervals(a, b);

	if (interval)
		return interval;
	COMPARE(a->rank, b->rank);
	if (a->rank == RANK_CLOSE)
		return 0;
	COMPARE(a->value[0], b->value[0]);
	COMPARE(a->shape, b->shape);
	COMPARE(a->value[1], b->value[1]);
	layout = &order->set->shapes[a->shape]->layout;
	for (unsigned int i = 2; i < layout->field_count && a->rank == RANK_GROUP; i++)
		COMPARE(group_key_value(layout, words_of(a->entry), i),
			group_key_value(layout, words_of(b->entry), i));
	return 0;
}

/* Within a group: older epochs first, then revisions, then the order of the log. */
static int compare(const void *left, const void *right, void *context)
{
	const struct sorted *a = left, *b = right;
	const struct order *order = context;
	const struct row_source *sources = order->set->sources;
	int result = compare_groups(a, b, order);

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

static struct sorted make_key(const struct row_set *set, const struct row_entry *entry)
{
	const struct group_key *layout = &set->shapes[entry->shape]->layout;
	struct sorted key = { .entry = entry, .shape = entry->shape };

	key.rank = entry->is_close ? RANK_CLOSE : is_overflow(entry) ? RANK_OVERFLOW : RANK_GROUP;
	for (unsigned int i = 0; i < 2 && i < layout->field_count && key.rank == RANK_GROUP; i++)
		key.value[i] = group_key_value(layout, words_of(entry), i);
	return key;
}

static struct sorted *sort_bucket(const struct row_set *set, const struct row_bucket *bucket,
				  struct order *order)
{
	struct sorted *list = malloc((bucket->entry_count + 1) * sizeof(*list));
	size_t offset = 0;

	if (!list)
		return NULL;
	*order = (struct order){ .set = set, .is_one_interval = true };
	for (size_t i = 0; i < bucket->entry_count; i++) {
		const struct row_entry *entry = (const struct row_entry *)(bucket->data + offset);

		list[i] = make_key(set, entry);
		order->is_one_interval &= compare_intervals(&list[0], &list[i]) == 0;
		offset += entry->bytes;
	}
	qsort_r(list, bucket->entry_count, sizeof(*list), compare, order);
	return list;
}

static void add_missing(struct sluice_missing *into, const struct sluice_missing *from)
{
#define SLUICE_FIELD(name, text) into->name += from->name;
	SLUICE_MISSING(SLUICE_FIELD)
#undef SLUICE_FIELD
	into->flags |= from->flags;
}

/* The row of one identity on its own. */
static void take(const struct row_set *set, const struct row_entry *entry, struct row_result *row)
{
	const struct row_set_shape *shape = set->shapes[entry->shape];
	const __u8 *partial = (const __u8 *)(words_of(entry) + shape->layout.word_count);

	*row = (struct row_result){
		.shape = shape,
		.start_ns = entry->start_ns,
		.end_ns = entry->end_ns,
		.words = words_of(entry),
		.is_overflow = is_overflow(entry),
		.revision = entry->revision,
		.is_final = entry->flags & SLUICE_ROWS_FINAL,
		.is_early = entry->flags & SLUICE_ROWS_EARLY,
		.is_retracted = entry->flags & SLUICE_ROWS_RETRACTED,
		.extra = partial + sizeof(row->partial),
		.aggregated = set->heads[entry->head].aggregated,
		.missing = set->heads[entry->head].missing,
		.agent_id = set->sources[entry->source].agent_id,
		.epoch = set->sources[entry->source].epoch,
		.merged_count = 1,
	};
	memcpy(&row->partial, partial, sizeof(row->partial));
	row->extra_bytes = entry->bytes - (size_t)(row->extra - (const __u8 *)entry);
}

/* Adds points and sketches of a row to those of the rows before it. */
static int merge_tail(struct row_set *set, const struct row_result *into,
		      const struct row_result *from)
{
	int error = 0;

	if (into->merged_count == 1) {
		error = row_tail_begin(set->tail, &into->shape->window);
		if (!error)
			error = row_tail_add(set->tail, into->extra, into->extra_bytes);
	}
	return error ? error : row_tail_add(set->tail, from->extra, from->extra_bytes);
}

/* Adds the row of another identity, of a newer epoch or another agent. */
static int merge(struct row_set *set, struct row_result *into, const struct row_result *from)
{
	struct row_result made = *from;
	int error = merge_tail(set, into, from);

	if (error)
		return error;
	partial_merge(&made.partial, &into->partial);
	add_missing(&made.missing, &into->missing);
	made.aggregated += into->aggregated;
	made.is_early |= into->is_early;
	made.merged_count += into->merged_count;
	*into = made;
	return 0;
}

struct walk {
	struct row_set *set;
	int (*emit)(void *context, const struct row_result *row);
	void *context;
	struct order order; /* of the bucket */
	const struct sorted *closes; /* of the interval */
	size_t close_count;
};

/* Whether a close record of the same identity's interval, or of all that end by then, was there. */
static bool is_closed(const struct walk *walk, const struct row_entry *entry)
{
	if (entry->end_ns <= walk->set->sources[entry->source].closed_ns)
		return true;
	for (size_t i = 0; i < walk->close_count; i++) {
		if (walk->closes[i].entry->source == entry->source &&
		    walk->closes[i].entry->shape == entry->shape)
			return true;
	}
	return false;
}

static int emit_each(const struct walk *walk, const struct sorted *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bool is_highest =
			i + 1 == count || list[i + 1].entry->source != list[i].entry->source;
		struct row_result row;
		int error;

		take(walk->set, list[i].entry, &row);
		if (is_highest && !row.is_early)
			row.is_final |= is_closed(walk, list[i].entry);
		error = walk->emit(walk->context, &row);
		if (error)
			return error;
	}
	return 0;
}

/* The highest revision of each identity, added up. */
static int emit_merged(const struct walk *walk, const struct sorted *list, size_t count)
{
	struct row_result merged = { 0 };
	int error = 0;

	for (size_t i = 0; i < count && !error; i++) {
		struct row_result row;

		if (i + 1 < count && list[i + 1].entry->source == list[i].entry->source)
			continue;
		take(walk->set, list[i].entry, &row);
		if (row.is_retracted)
			continue;
		if (!row.is_early)
			row.is_final |= is_closed(walk, list[i].entry);
		if (merged.merged_count)
			error = merge(walk->set, &merged, &row);
		else
			merged = row;
	}
	if (!error && merged.merged_count > 1)
		error = row_tail_write(walk->set->tail, &merged.extra, &merged.extra_bytes);
	if (error)
		return error;
	return merged.merged_count ? walk->emit(walk->context, &merged) : 0;
}

static int emit_bucket(struct walk *walk, const struct sorted *list, size_t count,
		       bool all_revisions)
{
	size_t first = 0;

	walk->close_count = 0;
	while (first < count) {
		size_t next = first + 1;
		int error = 0;

		while (next < count && compare_groups(&list[first], &list[next], &walk->order) == 0)
			next++;
		if (walk->close_count && compare_intervals(walk->closes, &list[first]) != 0)
			walk->close_count = 0;
		if (list[first].rank == RANK_CLOSE) {
			walk->closes = &list[first];
			walk->close_count = next - first;
		} else if (all_revisions) {
			error = emit_each(walk, list + first, next - first);
		} else {
			error = emit_merged(walk, list + first, next - first);
		}
		if (error)
			return error;
		first = next;
	}
	return 0;
}

static int compare_buckets(const void *left, const void *right)
{
	const struct row_bucket *a = left, *b = right;

	return a->start_ns < b->start_ns ? -1 : a->start_ns > b->start_ns;
}

static void clear(struct row_set *set)
{
	for (size_t i = 0; i < set->bucket_count; i++)
		free(set->buckets[i].data);
	memset(set->index, 0, (set->index_mask + 1) * sizeof(*set->index));
	set->bucket_count = 0;
	set->head_count = 0;
	set->row_count = 0;
}

int row_set_emit(struct row_set *set, bool all_revisions,
		 int (*emit)(void *context, const struct row_result *row), void *context)
{
	struct walk walk = { .set = set, .emit = emit, .context = context };
	int error = 0;

	if (set->bucket_count)
		qsort(set->buckets, set->bucket_count, sizeof(*set->buckets), compare_buckets);
	for (size_t i = 0; i < set->bucket_count && !error; i++) {
		struct row_bucket *bucket = &set->buckets[i];
		struct sorted *list = sort_bucket(set, bucket, &walk.order);

		if (!list) {
			error = -ENOMEM;
			break;
		}
		error = emit_bucket(&walk, list, bucket->entry_count, all_revisions);
		free(list);
		free(bucket->data);
		bucket->data = NULL;
	}
	clear(set);
	return error;
}
