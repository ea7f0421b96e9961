/* SPDX-License-Identifier: BSD-2-Clause */
/* Groups and aggregates of a list of events: sorted, counted and looked up the slow way, all
 * exact. */
#include <stdlib.h>
#include <string.h>

#include "oracle_internal.h"

void oracle_group(const struct oracle_window *window, const struct oracle_taken *taken,
		  __u64 *group)
{
	memset(group, 0, SLUICE_GROUP_FIELDS_MAX * sizeof(*group));
	for (int i = 0; i < window->spec->group_count && !taken->is_overflow; i++)
		group[i] = taken->event.field[window->spec->group_field[i]];
}

bool oracle_has_group(const struct oracle_window *window, const struct oracle_taken *taken,
		      const __u64 *group, bool is_overflow)
{
	__u64 own[SLUICE_GROUP_FIELDS_MAX];

	oracle_group(window, taken, own);
	return taken->is_overflow == is_overflow && !memcmp(own, group, sizeof(own));
}

static __s64 value_of(const struct oracle_taken *taken)
{
	return (__s64)taken->event.field[SLUICE_FIELD_VALUE];
}

static struct sluice_partial base_partial(const struct oracle_window *window, const size_t *member,
					  size_t member_count)
{
	struct sluice_partial partial = { .min = INT64_MAX, .max = INT64_MIN };
	__int128 sum = 0;

	for (size_t i = 0; i < member_count; i++) {
		const struct oracle_taken *taken = &window->taken[member[i]];
		__s64 value = value_of(taken);

		partial.count += taken->event.weight;
		partial.records++;
		sum += (__int128)value * (__int128)taken->event.weight;
		partial.min = value < partial.min ? value : partial.min;
		partial.max = value > partial.max ? value : partial.max;
	}
	partial.sum_low = (__u64)sum;
	partial.sum_high = (__u64)((unsigned __int128)sum >> 64);
	return partial;
}

/* Does `a` come before `b` in the order of first and last? */
static bool is_before(const struct oracle_event *a, const struct oracle_event *b)
{
	const __u64 left[] = { a->event_id != 0, a->event_id, a->field[SLUICE_FIELD_SOURCE],
			       a->epoch, a->sequence, a->index };
	const __u64 right[] = { b->event_id != 0, b->event_id, b->field[SLUICE_FIELD_SOURCE],
				b->epoch, b->sequence, b->index };

	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns;
	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++)
		if (left[i] != right[i])
			return left[i] < right[i];
	return false;
}

static __s64 edge_value(const struct oracle_window *window, const size_t *member,
			size_t member_count, bool is_last)
{
	const struct oracle_taken *found = &window->taken[member[0]];

	for (size_t i = 1; i < member_count; i++) {
		const struct oracle_taken *taken = &window->taken[member[i]];
		bool is_better = is_last ? is_before(&found->event, &taken->event) :
					   is_before(&taken->event, &found->event);

		if (is_better)
			found = taken;
	}
	return value_of(found);
}

struct weighted {
	__u64 value;
	__u64 weight;
};

static int compare_unsigned(const void *left, const void *right)
{
	const struct weighted *a = left, *b = right;

	return (a->value > b->value) - (a->value < b->value);
}

static int compare_signed(const void *left, const void *right)
{
	const struct weighted *a = left, *b = right;

	return ((__s64)a->value > (__s64)b->value) - ((__s64)a->value < (__s64)b->value);
}

/* Heaviest first, then by value. */
static int compare_heavy(const void *left, const void *right)
{
	const struct weighted *a = left, *b = right;

	if (a->weight != b->weight)
		return a->weight > b->weight ? -1 : 1;
	return compare_unsigned(left, right);
}

/* The field of all members, sorted; the caller frees. */
static struct weighted *sorted_values(const struct oracle_window *window, const size_t *member,
				      size_t member_count, enum sluice_field field)
{
	struct weighted *list = malloc(member_count * sizeof(*list));

	if (!list)
		abort();
	for (size_t i = 0; i < member_count; i++) {
		const struct oracle_event *event = &window->taken[member[i]].event;

		list[i] = (struct weighted){ event->field[field], event->weight };
	}
	qsort(list, member_count, sizeof(*list),
	      field == SLUICE_FIELD_VALUE ? compare_signed : compare_unsigned);
	return list;
}

/* Sorted values become distinct values with their weights added up; returns how many. */
static size_t fold_equal(struct weighted *list, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (kept && list[kept - 1].value == list[i].value)
			list[kept - 1].weight += list[i].weight;
		else
			list[kept++] = list[i];
	}
	return kept;
}

/* The value at rank ceil(q × weight), counted from 1; q as it is written, in billionths, so that
 * 0.9 of 10 is the ninth. */
static double exact_quantile(const struct weighted *list, size_t count, double quantile)
{
	unsigned __int128 billionths = (unsigned __int128)(quantile * 1e9 + 0.5);
	__u64 total = 0, seen = 0, rank;
	size_t i;

	for (i = 0; i < count; i++)
		total += list[i].weight;
	rank = (__u64)((total * billionths + 999999999) / 1000000000);
	for (i = 0; i + 1 < count; i++) {
		seen += list[i].weight;
		if (seen >= rank)
			break;
	}
	return (double)(__s64)list[i].value;
}

static void fill_quantiles(struct result_aggregate *result, const struct weighted *list,
			   size_t count, const struct sluice_schema_aggregate *aggregate)
{
	for (int i = 0; i < aggregate->quantile_count; i++) {
		double quantile;

		memcpy(&quantile, &aggregate->quantile[i], sizeof(quantile));
		result->quantile[i] = exact_quantile(list, count, quantile);
	}
}

static void fill_top(struct result_aggregate *result, struct weighted *list, size_t count,
		     const struct sluice_schema_aggregate *aggregate)
{
	size_t limit = sizeof(result->top) / sizeof(result->top[0]);

	qsort(list, count, sizeof(*list), compare_heavy);
	result->is_exact = count <= 8 * (size_t)aggregate->k;
	for (size_t i = 0; i < count && i < aggregate->k && i < limit; i++)
		result->top[result->top_count++] =
			(struct result_top){ list[i].value, list[i].weight, 0 };
}

static void fill_aggregate(struct result_aggregate *result, const struct oracle_window *window,
			   const size_t *member, size_t member_count,
			   const struct sluice_schema_aggregate *aggregate)
{
	struct weighted *list =
		sorted_values(window, member, member_count, (enum sluice_field)aggregate->field);
	size_t distinct;

	result->kind = aggregate->kind;
	result->is_exact = true;
	if (aggregate->kind == SLUICE_AGGREGATE_QUANTILES)
		fill_quantiles(result, list, member_count, aggregate);
	distinct = fold_equal(list, member_count);
	if (aggregate->kind == SLUICE_AGGREGATE_DISTINCT) {
		result->distinct = (double)distinct;
		result->is_exact = distinct <= 256;
	}
	if (aggregate->kind == SLUICE_AGGREGATE_TOP)
		fill_top(result, list, distinct, aggregate);
	if (aggregate->kind == SLUICE_AGGREGATE_FIRST || aggregate->kind == SLUICE_AGGREGATE_LAST)
		result->value = edge_value(window, member, member_count,
					   aggregate->kind == SLUICE_AGGREGATE_LAST);
	free(list);
}

static bool is_base(const struct sluice_schema_aggregate *aggregate)
{
	return aggregate->kind <= SLUICE_AGGREGATE_AVG || aggregate->kind == SLUICE_AGGREGATE_RATE;
}

struct result_row *oracle_add_row(struct oracle *oracle, const struct oracle_window *window,
				  const size_t *member, size_t member_count, __s64 start_ns,
				  __s64 end_ns)
{
	const struct window_spec *spec = window->spec;
	struct result_row *row = result_add_row(oracle->result);

	row->identity.window = window->index;
	row->identity.is_overflow = window->taken[member[0]].is_overflow;
	row->identity.start_ns = start_ns;
	row->identity.end_ns = end_ns;
	oracle_group(window, &window->taken[member[0]], row->identity.group);
	row->step = oracle->step;
	row->partial = base_partial(window, member, member_count);
	for (int i = 0; i < spec->aggregate_count; i++)
		row->aggregate_count += !is_base(&spec->aggregate[i]);
	if (!row->aggregate_count)
		return row;
	row->aggregate = calloc(row->aggregate_count, sizeof(*row->aggregate));
	if (!row->aggregate)
		abort();
	for (int i = 0, to = 0; i < spec->aggregate_count; i++)
		if (!is_base(&spec->aggregate[i]))
			fill_aggregate(&row->aggregate[to++], window, member, member_count,
				       &spec->aggregate[i]);
	return row;
}

static __s32 count_before(const struct oracle *oracle, const struct result_row *row, bool is_early)
{
	__s32 count = 0;

	for (size_t i = 0; i < oracle->result->row_count; i++) {
		const struct result_row *other = &oracle->result->row[i];

		/* The start tells most apart, and costs less to look at. */
		count += other->identity.start_ns == row->identity.start_ns && other != row &&
			 other->is_early == is_early &&
			 !memcmp(&other->identity, &row->identity, sizeof(row->identity));
	}
	return count;
}

/* Revisions under one identity go on, whatever became of it in between. */
__s32 oracle_revision_of(const struct oracle *oracle, const struct result_row *row)
{
	return count_before(oracle, row, false);
}

__u64 oracle_early_count(const struct oracle *oracle, const struct result_row *row)
{
	return (__u64)count_before(oracle, row, true) + 1;
}
