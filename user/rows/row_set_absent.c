/* SPDX-License-Identifier: BSD-2-Clause */
/* Windows that may be absent: those of which a gap, a late or a loss record tells, with rows or
 * without. Bounded; what is left out is counted. */
#include <errno.h>
#include <stdlib.h>

#include "rows/row_set_state.h"

static int add(struct row_set *set, __s64 start_ns, __s64 end_ns, __u16 shape)
{
	if (ROW_LIST_GROW(set->absent))
		return -ENOMEM;
	set->absent.at[set->absent.count++] = (struct row_absent){ start_ns, end_ns, shape, 0 };
	return 0;
}

static __int128 floor_divide(__int128 value, __s64 by)
{
	return value / by - (value % by < 0);
}

static __int128 most(__int128 a, __int128 b)
{
	return a > b ? a : b;
}

static __int128 least(__int128 a, __int128 b)
{
	return a < b ? a : b;
}

/* Windows of the grid with low < start and start < high, of those that are asked for. */
static int add_grid(struct row_set *set, __u16 shape, __int128 low_ns, __int128 high_ns,
		    __u32 *room)
{
	const struct sluice_schema_window *window = &set->shapes.at[shape]->window;
	__s64 step_ns = window->slide_ns > 0 ? window->slide_ns : window->size_ns;
	__int128 first, last;

	low_ns = most(most(low_ns, (__int128)set->options.since_ns - 1), (__int128)INT64_MIN - 1);
	high_ns = least(least(high_ns, set->options.until_ns),
			(__int128)INT64_MAX - window->size_ns);
	first = floor_divide(low_ns - window->offset_ns, step_ns) + 1;
	last = floor_divide(high_ns - 1 - window->offset_ns, step_ns);
	if (first > last)
		return 0;
	for (; first <= last && *room; first++, --*room) {
		__s64 start_ns = (__s64)(first * step_ns + window->offset_ns);
		int error = add(set, start_ns, start_ns + window->size_ns, shape);

		if (error)
			return error;
	}
	set->left_out += (__u64)(last + 1 - first);
	return 0;
}

static bool is_session(const struct row_set *set, __u16 shape)
{
	return set->shapes.at[shape]->window.kind == SLUICE_WINDOW_SESSION;
}

/* Nobody knows which sessions there would have been: the time itself. What overlaps is one. */
static int add_stretch(struct row_set *set, const struct row_absent *stretch)
{
	struct row_absent *before = set->absent.count ? &set->absent.at[set->absent.count - 1]
						      : NULL;

	if (stretch->end_ns <= set->options.since_ns || stretch->start_ns >= set->options.until_ns)
		return 0;
	if (before && is_session(set, before->shape) && stretch->start_ns >= before->start_ns &&
	    stretch->start_ns <= before->end_ns) {
		if (stretch->end_ns > before->end_ns)
			before->end_ns = stretch->end_ns;
		return 0;
	}
	return add(set, stretch->start_ns, stretch->end_ns, stretch->shape);
}

/* Each window that loses something in the gap. */
static int add_gap(struct row_set *set, const struct row_gap *gap)
{
	const struct sluice_schema_window *window = &set->shapes.at[gap->shape]->window;
	__u32 room = ROW_SET_ABSENT_MAX;

	if (is_session(set, gap->shape))
		return add_stretch(set, &(struct row_absent){ gap->from_ns, gap->to_ns,
							      gap->shape, 0 });
	return add_grid(set, gap->shape,
			(__int128)gap->from_ns - window->size_ns - window->max_disorder_ns,
			gap->to_ns, &room);
}

/* Sessions of the log have room for what is missing from them. */
static void hold(struct row_set *set)
{
	for (size_t i = 0; i < set->buckets.count; i++) {
		const struct row_bucket *bucket = &set->buckets.at[i];

		for (size_t offset = 0; offset < bucket->bytes;) {
			const struct row_entry *entry =
				(const struct row_entry *)(bucket->data + offset);

			offset += entry->bytes;
			if (row_set_judge(set, entry) > ROW_PARTIAL)
				continue;
			row_set_hold_late(set, entry->start_ns, entry->end_ns);
			row_set_hold_losses(set, entry->start_ns, entry->end_ns);
		}
	}
}

/* Each window that holds the whole of it. */
static int add_late(struct row_set *set, const struct row_late *late, __u32 *room)
{
	const struct sluice_schema_window *window = &set->shapes.at[late->shape]->window;

	if (is_session(set, late->shape)) {
		if (late->is_held || set->has_unwanted || !row_set_is_in_range(set, late->start_ns))
			return 0;
		if (!*room) {
			set->left_out++;
			return 0;
		}
		--*room;
		return add_stretch(set, &(struct row_absent){ late->start_ns, late->end_ns,
							      late->shape, 0 });
	}
	return add_grid(set, late->shape, (__int128)late->end_ns - window->size_ns - 1,
			(__int128)late->start_ns + 1, room);
}

/* Each window that overlaps it. */
static int add_loss(struct row_set *set, const struct row_loss *loss, __u32 *room)
{
	const struct sluice_schema_window *window = &set->shapes.at[loss->shape]->window;
	const __s64 end_ns = loss->to_ns < INT64_MAX ? loss->to_ns + 1 : INT64_MAX;

	if ((!loss->records && !(loss->flags & SLUICE_MISSING_UNCOUNTED)) ||
	    loss->flags & SLUICE_LOSS_AHEAD)
		return 0;
	if (is_session(set, loss->shape)) {
		if (loss->is_held || set->has_unwanted)
			return 0;
		if (!*room) {
			set->left_out++;
			return 0;
		}
		--*room;
		return add_stretch(set,
				   &(struct row_absent){ loss->from_ns, end_ns, loss->shape, 0 });
	}
	return add_grid(set, loss->shape, (__int128)loss->from_ns - window->size_ns, end_ns, room);
}

static int compare(const void *left, const void *right)
{
	const struct row_absent *a = left, *b = right;

	if (a->start_ns != b->start_ns)
		return a->start_ns < b->start_ns ? -1 : 1;
	if (a->end_ns != b->end_ns)
		return a->end_ns < b->end_ns ? -1 : 1;
	return 0;
}

static void sort(struct row_set *set)
{
	size_t kept = 0;

	if (set->absent.count)
		qsort(set->absent.at, set->absent.count, sizeof(*set->absent.at), compare);
	for (size_t i = 0; i < set->absent.count; i++) {
		const struct row_absent *absent = &set->absent.at[i];
		struct row_absent *before = kept ? &set->absent.at[kept - 1] : NULL;

		if (!before || compare(before, absent) != 0)
			set->absent.at[kept++] = *absent;
		else if (absent->head > before->head)
			before->head = absent->head;
	}
	set->absent.count = kept;
}

int row_set_note_empty(struct row_set *set, const struct sluice_rows *head)
{
	int error = 0;

	if (!row_set_is_in_range(set, head->start_ns))
		return 0;
	error = add(set, head->start_ns, head->end_ns, set->shape);
	if (!error)
		set->absent.at[set->absent.count - 1].head = (__u32)set->heads.count;
	return error;
}

int row_set_list_absent(struct row_set *set)
{
	__u32 room = ROW_SET_ABSENT_MAX;
	int error = 0;

	set->left_out = 0;
	if (set->has_sessions && (set->late.count || set->losses.count))
		hold(set);
	for (size_t i = 0; i < set->gaps.count && !error; i++)
		error = add_gap(set, &set->gaps.at[i]);
	for (size_t i = 0; i < set->late.count && !error; i++)
		error = add_late(set, &set->late.at[i], &room);
	for (size_t i = 0; i < set->losses.count && !error; i++)
		error = add_loss(set, &set->losses.at[i], &room);
	sort(set);
	return error;
}
