/* SPDX-License-Identifier: BSD-2-Clause */
/* What is missing from a row beyond what its head says: late records, losses that were found later,
 * and time of which nobody knows; and the share that follows from all of it. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "rows/row_set_state.h"

#define SCALE_MAX 1000000000000000000ull

#define COMPARE(a, b)                              \
	do {                                       \
		if ((a) != (b))                    \
			return (a) < (b) ? -1 : 1; \
	} while (0)

static int compare_gaps(const void *left, const void *right)
{
	const struct row_gap *a = left, *b = right;

	COMPARE(a->from_ns, b->from_ns);
	COMPARE(a->to_ns, b->to_ns);
	return 0;
}

static int compare_late(const void *left, const void *right)
{
	const struct row_late *a = left, *b = right;

	COMPARE(a->start_ns, b->start_ns);
	COMPARE(a->end_ns, b->end_ns);
	COMPARE(a->shape, b->shape);
	return 0;
}

/* One entry an interval: ticks count again and again. */
static void join_late(struct row_set *set)
{
	size_t kept = 0;

	for (size_t i = 0; i < set->late.count; i++) {
		struct row_late *late = &set->late.at[i];

		if (kept && compare_late(&set->late.at[kept - 1], late) == 0)
			set->late.at[kept - 1].records =
				row_add_bounded(set->late.at[kept - 1].records, late->records);
		else
			set->late.at[kept++] = *late;
	}
	set->late.count = kept;
}

int row_set_prepare_missing(struct row_set *set)
{
	if (set->gaps.count)
		qsort(set->gaps.at, set->gaps.count, sizeof(*set->gaps.at), compare_gaps);
	if (set->late.count)
		qsort(set->late.at, set->late.count, sizeof(*set->late.at), compare_late);
	join_late(set);
	row_set_prepare_losses(set);
	return 0;
}

/* The first late interval that starts at `start_ns` or behind. */
static size_t find_late(const struct row_set *set, __s64 start_ns)
{
	size_t low = 0, high = set->late.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (set->late.at[middle].start_ns < start_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static __u64 sum_late(const struct row_set *set, __s64 start_ns, __s64 end_ns)
{
	__u64 sum = 0;

	for (size_t i = find_late(set, start_ns);
	     i < set->late.count && set->late.at[i].start_ns < end_ns; i++) {
		if (set->late.at[i].end_ns <= end_ns)
			sum = row_add_bounded(sum, set->late.at[i].records);
	}
	return sum;
}

void row_set_hold_late(struct row_set *set, __s64 start_ns, __s64 end_ns)
{
	for (size_t i = find_late(set, start_ns);
	     i < set->late.count && set->late.at[i].start_ns < end_ns; i++)
		set->late.at[i].is_held |= set->late.at[i].end_ns <= end_ns;
}

/* How much of [start, end) lies in gaps. They overlap each other, and come by their start. */
static __u64 sum_gaps(const struct row_set *set, __s64 start_ns, __s64 end_ns)
{
	__s64 seen_ns = start_ns;
	__u64 sum = 0;

	for (size_t i = 0; i < set->gaps.count && set->gaps.at[i].from_ns < end_ns; i++) {
		const struct row_gap *gap = &set->gaps.at[i];
		__s64 from_ns = gap->from_ns > seen_ns ? gap->from_ns : seen_ns;
		__s64 to_ns = gap->to_ns < end_ns ? gap->to_ns : end_ns;

		if (from_ns >= to_ns)
			continue;
		sum += (__u64)to_ns - (__u64)from_ns;
		seen_ns = to_ns;
	}
	return sum;
}

/* Rows of one interval come one after the other, and miss the same. */
static const struct row_interval *find_interval(struct row_set *set, const struct row_result *row,
						const struct row_newest *heads, size_t count)
{
	struct row_interval *interval = &set->interval;
	const __u32 head = count ? heads->head : UINT32_MAX;
	__s64 end_ns;

	if (interval->shape == row->shape && interval->start_ns == row->start_ns &&
	    interval->end_ns == row->end_ns && interval->head == head)
		return interval;
	if (__builtin_add_overflow(row->end_ns, row->shape->window.max_disorder_ns, &end_ns))
		end_ns = INT64_MAX;
	*interval = (struct row_interval){
		.shape = row->shape,
		.start_ns = row->start_ns,
		.end_ns = row->end_ns,
		.head = head,
		.late = sum_late(set, row->start_ns, row->end_ns),
		.unattended_ns = sum_gaps(set, row->start_ns, end_ns),
	};
	row_set_sum_losses(set, row->start_ns, row->end_ns, heads, count, &interval->lost);
	return interval;
}

/* Rounded up, and never to nothing: a share of 0 is an estimate, too. */
static __u64 scale(__u64 records, const struct row_head *head)
{
	unsigned __int128 scaled = (unsigned __int128)records * head->selected;

	if (records == 0 || head->offered == 0 || head->selected >= head->offered)
		return records;
	scaled = (scaled + head->offered - 1) / head->offered;
	return scaled ? (__u64)scaled : 1;
}

/* What was late or had no pane was counted behind the window's `where`. */
__u64 row_head_missing_here(const struct row_head *head)
{
	const struct sluice_missing *missing = &head->missing;
	__u64 before = 0, behind = row_add_bounded(missing->late, missing->no_pane);

#define SLUICE_FIELD(name, text) before = row_add_bounded(before, missing->name);
	SLUICE_MISSING(SLUICE_FIELD)
#undef SLUICE_FIELD
	return before == UINT64_MAX ? before
				    : row_add_bounded(scale(before - behind, head), behind);
}

void row_set_add_missing(struct sluice_missing *into,
			 const struct sluice_missing *from)
{
#define SLUICE_FIELD(name, text) into->name = row_add_bounded(into->name, from->name);
	SLUICE_MISSING(SLUICE_FIELD)
#undef SLUICE_FIELD
	into->flags |= from->flags;
}

static void add_lost(struct row_result *row, const struct row_lost *lost,
		     const struct row_head *head)
{
	static const struct row_head all = { 0 };

	for (unsigned int cause = 0; cause < LOSS_CAUSES; cause++) {
		__u64 *counter = losses_counter(&row->missing, cause);
		bool is_behind = cause == LOSS_late || cause == LOSS_no_pane;
		__u64 here = scale(lost->records[cause], head && !is_behind ? head : &all);

		*counter = row_add_bounded(*counter, lost->records[cause]);
		row->missing_here = row_add_bounded(row->missing_here, here);
	}
	row->missing.flags |= lost->flags;
}

void row_set_fill_missing(struct row_set *set, struct row_result *row,
			  const struct row_newest *heads, size_t count)
{
	const struct row_interval *interval = find_interval(set, row, heads, count);

	row->missing.late = row_add_bounded(row->missing.late, interval->late);
	row->missing_here = row_add_bounded(row->missing_here, interval->late);
	if (set->losses.count)
		add_lost(row, &interval->lost, count ? &set->heads.at[heads->head] : NULL);
	if (set->has_endless_late)
		row->missing.flags |= SLUICE_MISSING_UNCOUNTED;
	row->unattended_ns = interval->unattended_ns;
}

bool row_result_completeness(const struct row_result *row, __u64 scale_to, __u64 *share)
{
	unsigned __int128 all = (unsigned __int128)row->aggregated + row->missing_here;

	assert(scale_to <= SCALE_MAX);
	if (row->is_partial || row->unattended_ns || row->missing.flags & SLUICE_MISSING_UNCOUNTED)
		return false;
	*share = row->missing_here == 0
			 ? scale_to
			 : (__u64)((unsigned __int128)row->aggregated * scale_to / all);
	return true;
}
