/* SPDX-License-Identifier: BSD-2-Clause */
/* Gives rows out: of each group the highest orders are chosen and added up; between them, in their
 * place, the windows that have no rows. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rows/row_set_state.h"

struct walk {
	struct row_set *set;
	enum row_set_view view;
	int (*emit)(void *context, const struct row_result *row);
	void *context;
	struct row_order order; /* of the bucket */
	bool is_unmerged;	/* the interval */
	ROW_LIST(struct row_newest) newest;
	struct row_newest own; /* of the row that was taken last */
	size_t next_absent;
};

static const __u64 *words_of(const struct row_entry *entry)
{
	return (const __u64 *)(entry + 1);
}

static const struct row_head *head_of(const struct walk *walk, const struct row_entry *entry)
{
	const struct row_head *heads = walk->set->heads.at;

	for (size_t i = 0; i < walk->newest.count && walk->view != ROW_SET_REVISIONS; i++) {
		if (walk->newest.at[i].source == entry->source)
			return &heads[walk->newest.at[i].head];
	}
	return &heads[entry->head];
}

static bool is_ready(const struct row_sorted *row)
{
	return row->state <= ROW_PARTIAL && row->rank != ROW_RANK_SIGN;
}

/* The row of one identity on its own. */
static void take(struct walk *walk, const struct row_sorted *sorted, struct row_result *row)
{
	const struct row_entry *entry = sorted->entry;
	const struct row_set *set = walk->set;
	const struct row_set_shape *shape = set->shapes.at[entry->shape];
	const __u8 *partial = (const __u8 *)(words_of(entry) + shape->layout.word_count);
	const struct row_head *head = head_of(walk, entry);

	*row = (struct row_result){
		.shape = shape,
		.start_ns = entry->start_ns,
		.end_ns = entry->end_ns,
		.words = words_of(entry),
		.is_overflow = entry->flags & SLUICE_ROWS_OVERFLOW,
		.is_unmerged = walk->is_unmerged,
		.is_partial = sorted->state != ROW_WHOLE,
		.revision = entry->revision,
		.order = entry->order,
		.is_final = entry->flags & SLUICE_ROWS_FINAL,
		.is_early = entry->flags & SLUICE_ROWS_EARLY,
		.is_retracted = entry->flags & SLUICE_ROWS_RETRACTED,
		.extra = partial + sizeof(row->partial),
		.aggregated = head->aggregated,
		.missing = head->missing,
		.missing_here = row_head_missing_here(head),
		.agent_id = set->sources.at[entry->source].agent_id,
		.epoch = set->sources.at[entry->source].epoch,
		.merged_count = 1,
	};
	walk->own = (struct row_newest){ entry->order, entry->source, entry->head };
	memcpy(&row->partial, partial, sizeof(row->partial));
	/* A session is an instance of its own. */
	if (shape->window.kind == SLUICE_WINDOW_SESSION)
		row->aggregated = row->partial.records;
	row->extra_bytes = entry->bytes - (size_t)(row->extra - (const __u8 *)entry);
}

/* The newest row of an identity: what a final record speaks of. */
static void take_last(struct walk *walk, const struct row_sorted *sorted,
		      struct row_result *row)
{
	take(walk, sorted, row);
	row->is_final |= !row->is_early && row_set_is_final(walk->set, sorted->entry);
	row->is_final &= !row->is_partial;
}

static int give(const struct walk *walk, struct row_result *row)
{
	if (walk->newest.count && walk->view != ROW_SET_REVISIONS)
		row_set_fill_missing(walk->set, row, walk->newest.at, walk->newest.count);
	else
		row_set_fill_missing(walk->set, row, &walk->own, 1);
	return walk->emit(walk->context, row);
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

/* Adds the row of another identity, of a newer epoch or another agent. An older epoch of the same
 * agent changes no more. */
static int merge(struct row_set *set, struct row_result *into, const struct row_result *from)
{
	struct row_result made = *from;
	int error = merge_tail(set, into, from);

	if (error)
		return error;
	partial_merge(&made.partial, &into->partial);
	row_set_add_missing(&made.missing, &into->missing);
	made.missing_here = row_add_bounded(made.missing_here, into->missing_here);
	made.aggregated = row_add_bounded(made.aggregated, into->aggregated);
	if (memcmp(made.agent_id, into->agent_id, 16) != 0)
		made.is_final &= into->is_final;
	made.is_early |= into->is_early;
	made.is_partial |= into->is_partial;
	made.merged_count += into->merged_count;
	*into = made;
	return 0;
}

/* The end of the entries of one identity, which are in the order of their orders; *last is the one
 * that counts: the highest, and of equal ones the one whose emission ended. */
static size_t find_last(const struct row_sorted *list, size_t count, size_t first,
			const struct row_sorted **last)
{
	size_t i = first;

	*last = NULL;
	for (; i < count && list[i].entry->source == list[first].entry->source; i++) {
		if (is_ready(&list[i]) && (!*last || list[i].state == ROW_WHOLE ||
					   list[i].entry->order > (*last)->entry->order))
			*last = &list[i];
	}
	return i;
}

static int emit_each(struct walk *walk, const struct row_sorted *list, size_t count)
{
	const struct row_sorted *last = NULL;
	size_t end = 0;
	int error = 0;

	for (size_t i = 0; i < count && !error; i++) {
		struct row_result row;

		if (i == end)
			end = find_last(list, count, i, &last);
		if (list[i].state == ROW_REPEATED)
			continue;
		if (&list[i] == last)
			take_last(walk, &list[i], &row);
		else
			take(walk, &list[i], &row);
		error = give(walk, &row);
	}
	return error;
}

static int emit_identities(struct walk *walk, const struct row_sorted *list, size_t count)
{
	int error = 0;

	for (size_t next = 0; next < count && !error;) {
		const struct row_sorted *last;
		struct row_result row;

		next = find_last(list, count, next, &last);
		if (!last)
			continue;
		take_last(walk, last, &row);
		if (!row.is_retracted)
			error = give(walk, &row);
	}
	return error;
}

static int emit_merged(struct walk *walk, const struct row_sorted *list, size_t count)
{
	struct row_result merged = { 0 };
	int error = 0;

	for (size_t next = 0; next < count && !error;) {
		const struct row_sorted *last;
		struct row_result row;

		next = find_last(list, count, next, &last);
		if (!last)
			continue;
		take_last(walk, last, &row);
		if (row.is_retracted)
			continue;
		if (merged.merged_count)
			error = merge(walk->set, &merged, &row);
		else
			merged = row;
	}
	if (!error && merged.merged_count > 1)
		error = row_tail_write(walk->set->tail, &merged.extra, &merged.extra_bytes);
	if (error)
		return error;
	return merged.merged_count ? give(walk, &merged) : 0;
}

static int emit_group(struct walk *walk, const struct row_sorted *list, size_t count)
{
	if (list[0].rank == ROW_RANK_SIGN)
		return 0;
	if (walk->view == ROW_SET_REVISIONS)
		return emit_each(walk, list, count);
	return walk->view == ROW_SET_IDENTITIES ? emit_identities(walk, list, count)
						: emit_merged(walk, list, count);
}

/* A window without a row, of which something else tells. */
static int give_absent(const struct walk *walk, const struct row_absent *absent)
{
	const struct row_set *set = walk->set;
	struct row_result row = {
		.shape = set->shapes.at[absent->shape],
		.start_ns = absent->start_ns,
		.end_ns = absent->end_ns,
		.is_absent = true,
		.is_partial = true,
		.agent_id = set->schema->head.agent_id,
		.epoch = set->shapes.at[absent->shape]->window.epoch,
	};

	const struct row_newest own = {
		.source = absent->head ? set->heads.at[absent->head - 1].source : 0,
		.head = absent->head - 1,
	};

	partial_open(&row.partial);
	if (absent->head) {
		row.missing = set->heads.at[own.head].missing;
		row.missing_here = row_head_missing_here(&set->heads.at[own.head]);
	}
	row_set_fill_missing(walk->set, &row, &own, absent->head != 0);
	/* What was lost may all have turned up. */
	if (!row.missing_here && !row.unattended_ns && !row.missing.flags)
		return 0;
	return walk->emit(walk->context, &row);
}

/* Those that stand before the interval; one that has a row is not absent. */
static int emit_absent(struct walk *walk, const struct row_sorted *interval, bool has_rows)
{
	int error = 0;

	while (walk->next_absent < walk->set->absent.count && !error) {
		const struct row_absent *absent = &walk->set->absent.at[walk->next_absent];
		const struct row_entry entry = { .start_ns = absent->start_ns,
						 .end_ns = absent->end_ns };
		const struct row_sorted sorted = { .entry = &entry };
		int order = interval ? row_compare_intervals(&sorted, interval) : -1;

		if (order > 0)
			break;
		if (order < 0 || !has_rows)
			error = give_absent(walk, absent);
		walk->next_absent++;
	}
	return error;
}

/* Of each epoch the head with the highest order, and of these the last. */
static int note_newest(struct walk *walk, const struct row_entry *entry)
{
	struct row_newest *newest = NULL;

	for (size_t i = 0; i < walk->newest.count; i++) {
		if (walk->newest.at[i].source == entry->source)
			newest = &walk->newest.at[i];
	}
	if (!newest) {
		if (ROW_LIST_GROW(walk->newest))
			return -ENOMEM;
		newest = &walk->newest.at[walk->newest.count++];
		*newest = (struct row_newest){ entry->order, entry->source, entry->head };
	}
	if (entry->order > newest->order ||
	    (entry->order == newest->order && entry->head > newest->head))
		*newest = (struct row_newest){ entry->order, entry->source, entry->head };
	return 0;
}

/* What all rows of the interval share; *has_rows: some are results. */
static int survey(struct walk *walk, const struct row_sorted *list, size_t count, bool *has_rows)
{
	const struct row_set *set = walk->set;
	int error = 0, shape = -1;

	*has_rows = false;
	walk->is_unmerged = false;
	walk->newest.count = 0;
	for (size_t i = 0; i < count && !error; i++) {
		if (list[i].state > ROW_PARTIAL)
			continue;
		*has_rows = true;
		walk->is_unmerged |= shape >= 0 && shape != list[i].shape;
		shape = list[i].shape;
		/* Format 1.0 told losses of another time than the row's. */
		if (set->shapes.at[shape]->window.kind != SLUICE_WINDOW_SESSION &&
		    !list[i].entry->is_whole)
			error = note_newest(walk, list[i].entry);
	}
	return error;
}

static int emit_interval(struct walk *walk, const struct row_sorted *list, size_t count)
{
	bool has_rows;
	int error = survey(walk, list, count, &has_rows);

	if (!error)
		error = emit_absent(walk, list, has_rows);
	for (size_t first = 0, next; first < count && !error; first = next) {
		for (next = first + 1; next < count && row_compare_groups(&list[first], &list[next],
									  &walk->order) == 0;)
			next++;
		error = emit_group(walk, list + first, next - first);
	}
	return error;
}

static int emit_bucket(struct walk *walk, const struct row_sorted *list, size_t count)
{
	int error = 0;

	for (size_t first = 0, next; first < count && !error; first = next) {
		for (next = first + 1;
		     next < count && row_compare_intervals(&list[first], &list[next]) == 0;)
			next++;
		error = emit_interval(walk, list + first, next - first);
	}
	return error;
}

static int emit_buckets(struct walk *walk)
{
	struct row_set *set = walk->set;
	int error = 0;

	for (size_t i = 0; i < set->buckets.count && !error; i++) {
		struct row_bucket *bucket = &set->buckets.at[i];
		struct row_sorted *list = row_set_sort(set, bucket, &walk->order);

		if (!list)
			return -ENOMEM;
		error = emit_bucket(walk, list, bucket->entry_count);
		free(list);
		free(bucket->data);
		bucket->data = NULL;
	}
	return error ? error : emit_absent(walk, NULL, false);
}

static void clear(struct row_set *set)
{
	row_set_clear_buckets(set);
	set->heads.count = 0;
	set->row_count = 0;
	set->completes.count = 0;
	set->finals.count = 0;
	set->gaps.count = 0;
	set->late.count = 0;
	set->losses.count = 0;
	set->absent.count = 0;
	set->interval = (struct row_interval){ 0 };
}

int row_set_emit(struct row_set *set, enum row_set_view view,
		 int (*emit)(void *context, const struct row_result *row), void *context)
{
	struct walk walk = { .set = set, .view = view, .emit = emit, .context = context };
	int error = row_set_sort_buckets(set);

	if (!error)
		error = row_set_prepare(set);
	if (!error)
		error = emit_buckets(&walk);
	free(walk.newest.at);
	clear(set);
	return error;
}
