/* SPDX-License-Identifier: BSD-2-Clause */
/* What records say about rows: which emissions are whole, which rows are final, which epochs ended,
 * what time is unknown and what came too late. Taken in, sorted once, and asked for each row. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/record/emission_record.h"
#include "core/emit/late_count.h"
#include "rows/row_set_state.h"

#define COMPARE(a, b)                              \
	do {                                       \
		if ((a) != (b))                    \
			return (a) < (b) ? -1 : 1; \
	} while (0)

static int add_final(struct row_set *set, const struct row_mark *mark)
{
	struct row_source *source = &set->sources.at[mark->source];

	if (mark->start_ns == INT64_MIN) {
		if (mark->end_ns > source->closed_ns)
			source->closed_ns = mark->end_ns;
		return 0;
	}
	if (!row_set_is_in_range(set, mark->start_ns))
		return 0;
	if (ROW_LIST_GROW(set->finals))
		return -ENOMEM;
	set->finals.at[set->finals.count++] = *mark;
	return 0;
}

static int add_emission(struct row_set *set, const struct sluice_disk_record *record)
{
	struct sluice_emission emission;
	struct row_mark mark;
	int error = emission_record_read(&emission, set->schema->head.window_count, record);
	int source;

	if (error || emission.window != set->window)
		return error;
	source = row_set_find_source(set, emission.epoch);
	if (source < 0)
		return source;
	mark = (struct row_mark){ emission.start_ns, emission.end_ns,	emission.order,
				  emission.first_lsn, emission.last_lsn, (__u32)source };
	if (record->kind == SLUICE_DISK_FINAL)
		return add_final(set, &mark);
	if (mark.start_ns != INT64_MIN && !row_set_is_in_range(set, mark.start_ns))
		return 0;
	if (ROW_LIST_GROW(set->completes))
		return -ENOMEM;
	set->completes.at[set->completes.count++] = mark;
	return 0;
}

int row_set_add_close(struct row_set *set, const struct sluice_rows *head)
{
	int source = row_set_find_source(set, head->epoch);
	const struct row_mark mark = { .start_ns = head->start_ns,
				       .end_ns = head->end_ns,
				       .source = (__u32)source };

	return source < 0 ? source : add_final(set, &mark);
}

static int add_epoch_end(struct row_set *set, const struct sluice_disk_record *record)
{
	struct sluice_epoch_end end;
	int error = epoch_end_record_read(&end, set->schema->head.window_count, record), source;

	if (error || end.window != set->window)
		return error;
	source = row_set_find_source(set, end.epoch);
	if (source < 0)
		return source;
	set->sources.at[source].is_ended = true;
	return 0;
}

/* Segments repeat gaps. */
static int add_gap(struct row_set *set, const struct sluice_disk_record *record)
{
	struct sluice_gap gap;
	int error = gap_record_read(&gap, set->schema->head.window_count, record);

	if (error || gap.window != set->window)
		return error;
	for (size_t i = set->gaps.count; i-- > 0;) {
		if (set->gaps.at[i].from_ns == gap.from_ns && set->gaps.at[i].to_ns == gap.to_ns)
			return 0;
	}
	if (ROW_LIST_GROW(set->gaps))
		return -ENOMEM;
	set->gaps.at[set->gaps.count++] =
		(struct row_gap){ gap.from_ns, gap.to_ns, set->shape };
	return 0;
}

static int add_late(struct row_set *set, const struct sluice_disk_record *record)
{
	struct late_count_cursor cursor;
	struct sluice_late_pane pane;
	int error = late_count_read(&cursor, set->schema->head.window_count, record);

	if (error || cursor.head->window != set->window)
		return error;
	while (late_count_next(&cursor, &pane)) {
		if (pane.start_ns == INT64_MIN || pane.end_ns == INT64_MAX) {
			set->has_endless_late = true;
			continue;
		}
		if (pane.start_ns >= pane.end_ns)
			return -EBADMSG;
		if (ROW_LIST_GROW(set->late))
			return -ENOMEM;
		set->late.at[set->late.count++] = (struct row_late){
			pane.start_ns, pane.end_ns, pane.records, set->shape, false
		};
	}
	return 0;
}

int row_set_add_mark(struct row_set *set, const struct sluice_disk_record *record, __u64 lsn)
{
	switch (record->kind) {
	case SLUICE_DISK_COMPLETE:
	case SLUICE_DISK_FINAL:
		return add_emission(set, record);
	case SLUICE_DISK_LATE_COUNT:
		return add_late(set, record);
	case SLUICE_DISK_GAP:
		return add_gap(set, record);
	case SLUICE_DISK_EPOCH_END:
		return add_epoch_end(set, record);
	case SLUICE_DISK_LOSS:
		return row_set_add_loss(set, record, lsn);
	default:
		return 0;
	}
}

/* Sessions are found by their positions, others by what they are. */
static int compare_marks(const void *left, const void *right)
{
	const struct row_mark *a = left, *b = right;

	COMPARE(a->source, b->source);
	COMPARE(a->start_ns, b->start_ns);
	if (a->start_ns != INT64_MIN) {
		COMPARE(a->end_ns, b->end_ns);
		COMPARE(a->order, b->order);
	}
	COMPARE(a->first_lsn, b->first_lsn);
	return 0;
}

int row_set_prepare(struct row_set *set)
{
	int error;

	if (set->completes.count)
		qsort(set->completes.at, set->completes.count, sizeof(*set->completes.at),
		      compare_marks);
	if (set->finals.count)
		qsort(set->finals.at, set->finals.count, sizeof(*set->finals.at), compare_marks);
	error = row_set_prepare_missing(set);
	return error ? error : row_set_list_absent(set);
}

/* The first mark that is not before `wanted`. */
static size_t lower_bound(const struct row_mark *marks, size_t count, const struct row_mark *wanted)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_marks(&marks[middle], wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_same_emission(const struct row_mark *mark, const struct row_mark *wanted)
{
	return mark->source == wanted->source && mark->start_ns == wanted->start_ns &&
	       mark->end_ns == wanted->end_ns && mark->order == wanted->order;
}

static enum row_state judge_on_grid(const struct row_set *set, const struct row_entry *entry)
{
	const struct row_mark wanted = { .start_ns = entry->start_ns,
					 .end_ns = entry->end_ns,
					 .order = entry->order,
					 .source = entry->source };
	size_t i = lower_bound(set->completes.at, set->completes.count, &wanted);
	enum row_state state = ROW_PARTIAL;

	for (; i < set->completes.count; i++) {
		const struct row_mark *mark = &set->completes.at[i];

		if (!is_same_emission(mark, &wanted))
			break;
		if (entry->lsn >= mark->first_lsn && entry->lsn <= mark->last_lsn)
			return ROW_WHOLE;
		state = ROW_REPEATED;
	}
	return state;
}

/* Emissions of one epoch follow each other: the last that begins before the row is its own. */
static enum row_state judge_session(const struct row_set *set, const struct row_entry *entry)
{
	const struct row_mark wanted = { .start_ns = INT64_MIN,
					 .first_lsn = entry->lsn + 1,
					 .source = entry->source };
	size_t i = lower_bound(set->completes.at, set->completes.count, &wanted);
	const struct row_mark *mark = i ? &set->completes.at[i - 1] : NULL;

	return mark && mark->source == entry->source && mark->start_ns == INT64_MIN &&
			       entry->lsn <= mark->last_lsn
		       ? ROW_WHOLE
		       : ROW_PARTIAL;
}

enum row_state row_set_judge(const struct row_set *set, const struct row_entry *entry)
{
	bool is_session = set->shapes.at[entry->shape]->window.kind == SLUICE_WINDOW_SESSION;
	enum row_state state = entry->is_whole ? ROW_WHOLE
			       : is_session    ? judge_session(set, entry)
					       : judge_on_grid(set, entry);

	if (set->sources.at[entry->source].is_ended &&
	    (state == ROW_PARTIAL || entry->flags & SLUICE_ROWS_EARLY))
		return ROW_OVER;
	return state;
}

bool row_set_is_final(const struct row_set *set, const struct row_entry *entry)
{
	struct row_mark wanted = { .start_ns = entry->start_ns,
				   .end_ns = entry->end_ns,
				   .source = entry->source };
	size_t i = lower_bound(set->finals.at, set->finals.count, &wanted);

	if (i < set->finals.count && set->finals.at[i].source == entry->source &&
	    set->finals.at[i].start_ns == entry->start_ns &&
	    set->finals.at[i].end_ns == entry->end_ns)
		return true;
	return entry->end_ns <= set->sources.at[entry->source].closed_ns;
}
