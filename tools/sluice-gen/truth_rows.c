/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of rows of one window, and what one event does to a row. */
#include "truth_rows.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES (1u << 20)

struct truth_chunk {
	struct truth_chunk *next;
	size_t used;
	_Alignas(16) char memory[];
};

void truth_rows_init(struct truth_rows *rows, const struct window_spec *window)
{
	*rows = (struct truth_rows){ .window = window };
}

static void row_clear(const struct truth_rows *rows, struct truth_row *row)
{
	for (unsigned int i = 0; row->bags && i < rows->window->aggregate_count; i++)
		free(row->bags[i].items);
	if (row->events)
		free(row->events->items);
}

void truth_rows_clear(struct truth_rows *rows)
{
	for (size_t i = 0; i < rows->slot_count; i++)
		if (rows->slots[i])
			row_clear(rows, rows->slots[i]);
	while (rows->chunks) {
		struct truth_chunk *next = rows->chunks->next;

		free(rows->chunks);
		rows->chunks = next;
	}
	free(rows->slots);
	truth_rows_init(rows, rows->window);
}

/* Zeroed memory that lives as long as the table. */
static void *take(struct truth_rows *rows, size_t bytes)
{
	struct truth_chunk *chunk = rows->chunks;

	bytes = (bytes + 15) & ~(size_t)15;
	if (!chunk || chunk->used + bytes > CHUNK_BYTES) {
		chunk = calloc(1, sizeof(*chunk) + CHUNK_BYTES);
		if (!chunk)
			return NULL;
		chunk->next = rows->chunks;
		rows->chunks = chunk;
	}
	chunk->used += bytes;
	return chunk->memory + chunk->used - bytes;
}

static size_t hash_of(const struct truth_rows *rows, __s64 start_ns, __s64 end_ns,
		      const __u64 *group)
{
	__u64 hash = (__u64)start_ns * 0x9E3779B97F4A7C15ull ^ (__u64)end_ns;

	for (unsigned int i = 0; i < rows->window->group_count; i++)
		hash = ((hash ^ (hash >> 29)) + group[i]) * 0xBF58476D1CE4E5B9ull;
	hash = (hash ^ (hash >> 32)) * 0x94D049BB133111EBull;
	return (size_t)(hash ^ (hash >> 31));
}

static bool is_row(const struct truth_rows *rows, const struct truth_row *row, __s64 start_ns,
		   __s64 end_ns, const __u64 *group)
{
	return row->start_ns == start_ns && row->end_ns == end_ns &&
	       !memcmp(row->group, group, rows->window->group_count * sizeof(*group));
}

static struct truth_row **slot_of(const struct truth_rows *rows, __s64 start_ns, __s64 end_ns,
				  const __u64 *group)
{
	size_t at = hash_of(rows, start_ns, end_ns, group) & (rows->slot_count - 1);

	while (rows->slots[at] && !is_row(rows, rows->slots[at], start_ns, end_ns, group))
		at = (at + 1) & (rows->slot_count - 1);
	return &rows->slots[at];
}

static int grow(struct truth_rows *rows)
{
	struct truth_rows larger = *rows;

	larger.slot_count = rows->slot_count ? rows->slot_count * 2 : 1024;
	larger.slots = calloc(larger.slot_count, sizeof(*larger.slots));
	if (!larger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < rows->slot_count; i++) {
		struct truth_row *row = rows->slots[i];

		if (row)
			*slot_of(&larger, row->start_ns, row->end_ns, row->group) = row;
	}
	free(rows->slots);
	*rows = larger;
	return 0;
}

static bool needs_edges(const struct window_spec *window)
{
	for (unsigned int i = 0; i < window->aggregate_count; i++)
		if (window->aggregate[i].kind == SLUICE_AGGREGATE_FIRST ||
		    window->aggregate[i].kind == SLUICE_AGGREGATE_LAST)
			return true;
	return false;
}

static bool needs_bag(const struct sluice_schema_aggregate *aggregate)
{
	return aggregate->kind == SLUICE_AGGREGATE_DISTINCT ||
	       aggregate->kind == SLUICE_AGGREGATE_QUANTILES ||
	       aggregate->kind == SLUICE_AGGREGATE_TOP;
}

static struct truth_row *row_make(struct truth_rows *rows)
{
	const struct window_spec *window = rows->window;
	struct truth_row *row = take(rows, sizeof(*row) + window->group_count * sizeof(__u64));
	bool with_bags = false;

	if (!row)
		return NULL;
	for (unsigned int i = 0; i < window->aggregate_count; i++)
		with_bags |= needs_bag(&window->aggregate[i]);
	if (needs_edges(window)) {
		row->edges = take(rows, sizeof(*row->edges));
		if (!row->edges)
			return NULL;
	}
	if (with_bags) {
		row->bags = take(rows, window->aggregate_count * sizeof(*row->bags));
		if (!row->bags)
			return NULL;
	}
	row->min = INT64_MAX;
	row->max = INT64_MIN;
	return row;
}

struct truth_row *truth_rows_get(struct truth_rows *rows, __s64 start_ns, __s64 end_ns,
				 const __u64 *group)
{
	struct truth_row **slot, *row;

	if (rows->count * 2 >= rows->slot_count && grow(rows))
		return NULL;
	slot = slot_of(rows, start_ns, end_ns, group);
	if (*slot)
		return *slot;
	row = row_make(rows);
	if (!row)
		return NULL;
	row->start_ns = start_ns;
	row->end_ns = end_ns;
	memcpy(row->group, group, rows->window->group_count * sizeof(*group));
	rows->count++;
	return *slot = row;
}

static int compare_unsigned(const void *left, const void *right)
{
	__u64 a = ((const struct truth_weight *)left)->value,
	      b = ((const struct truth_weight *)right)->value;

	return (a > b) - (a < b);
}

static int compare_signed(const void *left, const void *right)
{
	__s64 a = (__s64)((const struct truth_weight *)left)->value;
	__s64 b = (__s64)((const struct truth_weight *)right)->value;

	return (a > b) - (a < b);
}

void truth_bag_merge(struct truth_bag *bag, __u8 field)
{
	size_t kept = 0;

	if (!bag->count)
		return;
	qsort(bag->items, bag->count, sizeof(*bag->items),
	      field == SLUICE_FIELD_VALUE ? compare_signed : compare_unsigned);
	for (size_t i = 1; i < bag->count; i++) {
		if (bag->items[i].value == bag->items[kept].value)
			bag->items[kept].weight += bag->items[i].weight;
		else
			bag->items[++kept] = bag->items[i];
	}
	bag->count = kept + 1;
}

static int bag_add(struct truth_bag *bag, __u8 field, __u64 value, __u64 weight)
{
	if (bag->count == bag->room) {
		truth_bag_merge(bag, field);
		if (bag->count * 2 >= bag->room) {
			size_t room = bag->room ? bag->room * 2 : 8;
			struct truth_weight *items = reallocarray(bag->items, room, sizeof(*items));

			if (!items)
				return -ENOMEM;
			bag->items = items;
			bag->room = room;
		}
	}
	bag->items[bag->count++] = (struct truth_weight){ value, weight };
	return 0;
}

int truth_event_compare(const struct truth_event *left, const struct truth_event *right)
{
	if (left->time_ns != right->time_ns)
		return left->time_ns < right->time_ns ? -1 : 1;
	for (int i = 0; i < TRUTH_IDENTITY_WORDS; i++)
		if (left->identity[i] != right->identity[i])
			return left->identity[i] < right->identity[i] ? -1 : 1;
	return 0;
}

static void edges_add(struct truth_row *row, const struct truth_event *event)
{
	if (row->records == 1 || truth_event_compare(event, &row->edges->first) < 0)
		row->edges->first = *event;
	if (row->records == 1 || truth_event_compare(event, &row->edges->last) > 0)
		row->edges->last = *event;
}

int truth_row_add(const struct truth_rows *rows, struct truth_row *row,
		  const struct truth_event *event)
{
	row->records++;
	row->count += event->weight;
	row->sum += (__int128)event->value * (__int128)event->weight;
	if (event->value < row->min)
		row->min = event->value;
	if (event->value > row->max)
		row->max = event->value;
	if (row->edges)
		edges_add(row, event);
	for (unsigned int i = 0; row->bags && i < rows->window->aggregate_count; i++) {
		const struct sluice_schema_aggregate *aggregate = &rows->window->aggregate[i];
		__u64 value;

		if (!needs_bag(aggregate))
			continue;
		value = aggregate->field == SLUICE_FIELD_VALUE ? (__u64)event->value
							       : event->field[aggregate->field];
		if (bag_add(&row->bags[i], aggregate->field, value, event->weight))
			return -ENOMEM;
	}
	return 0;
}

int truth_row_keep(struct truth_rows *rows, struct truth_row *row, const struct truth_event *event)
{
	if (!row->events) {
		row->events = take(rows, sizeof(*row->events));
		if (!row->events)
			return -ENOMEM;
	}
	if (row->events->count == row->events->room) {
		size_t room = row->events->room ? row->events->room * 2 : 4;
		struct truth_event *items = reallocarray(row->events->items, room, sizeof(*items));

		if (!items)
			return -ENOMEM;
		row->events->items = items;
		row->events->room = room;
	}
	row->events->items[row->events->count++] = *event;
	return 0;
}

static _Thread_local unsigned int sort_group_count;

static int compare_rows(const void *left, const void *right)
{
	const struct truth_row *a = *(struct truth_row *const *)left,
			       *b = *(struct truth_row *const *)right;

	if (a->start_ns != b->start_ns)
		return a->start_ns < b->start_ns ? -1 : 1;
	if (a->end_ns != b->end_ns)
		return a->end_ns < b->end_ns ? -1 : 1;
	for (unsigned int i = 0; i < sort_group_count; i++)
		if (a->group[i] != b->group[i])
			return a->group[i] < b->group[i] ? -1 : 1;
	return 0;
}

struct truth_row **truth_rows_sort(const struct truth_rows *rows)
{
	struct truth_row **sorted = malloc((rows->count + 1) * sizeof(struct truth_row *));
	size_t count = 0;

	if (!sorted)
		return NULL;
	for (size_t i = 0; i < rows->slot_count; i++)
		if (rows->slots[i])
			sorted[count++] = rows->slots[i];
	sort_group_count = rows->window->group_count;
	qsort(sorted, count, sizeof(*sorted), compare_rows);
	return sorted;
}
