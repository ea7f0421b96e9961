/* SPDX-License-Identifier: BSD-2-Clause */
/* Losses that were found after rows had been written: loss records go in, what an interval misses
 * beyond what its heads say comes out. What turned up is taken from the record that lost it, and
 * from nothing else. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/record/emission_record.h"
#include "rows/row_set_state.h"

int row_set_add_loss(struct row_set *set, const struct sluice_disk_record *record, __u64 lsn)
{
	struct sluice_loss loss;
	int error = loss_record_read(&loss, set->schema->head.window_count, record);
	int source;

	if (error || loss.window != set->window)
		return error;
	source = row_set_find_source(set, loss.epoch);
	if (source < 0)
		return source;
	if (ROW_LIST_GROW(set->losses))
		return -ENOMEM;
	set->losses.at[set->losses.count++] = (struct row_loss){
		.from_ns = loss.from_ns,
		.to_ns = loss.to_ns,
		.records = loss.records,
		.lsn = lsn,
		.source = (__u32)source,
		.shape = set->shape,
		.cause = (__u8)loss.cause,
		.flags = (__u8)loss.flags,
	};
	return 0;
}

static int compare(const void *left, const void *right)
{
	const struct row_loss *a = left, *b = right;

	if (a->from_ns != b->from_ns)
		return a->from_ns < b->from_ns ? -1 : 1;
	if (a->to_ns != b->to_ns)
		return a->to_ns < b->to_ns ? -1 : 1;
	if (a->lsn != b->lsn)
		return a->lsn < b->lsn ? -1 : 1;
	return 0;
}

/* Takes what turned up from losses of the same interval before it, which are next to it. */
static void take_back(struct row_set *set, size_t at)
{
	struct row_loss *found = &set->losses.at[at];

	for (size_t i = at; i-- > 0 && found->records < 0;) {
		struct row_loss *loss = &set->losses.at[i];
		__s64 taken;

		if (loss->from_ns != found->from_ns || loss->to_ns != found->to_ns)
			break;
		if (loss->records <= 0 || loss->source != found->source ||
		    loss->cause != found->cause)
			continue;
		taken = loss->records < -found->records ? loss->records : -found->records;
		loss->records -= taken;
		found->records += taken;
	}
	found->records = 0;
}

void row_set_prepare_losses(struct row_set *set)
{
	__s64 reach_ns = INT64_MIN;

	if (set->losses.count)
		qsort(set->losses.at, set->losses.count, sizeof(*set->losses.at), compare);
	for (size_t i = 0; i < set->losses.count; i++) {
		if (set->losses.at[i].records < 0)
			take_back(set, i);
	}
	for (size_t i = 0; i < set->losses.count; i++) {
		struct row_loss *loss = &set->losses.at[i];

		reach_ns = loss->to_ns > reach_ns ? loss->to_ns : reach_ns;
		loss->reach_ns = reach_ns;
		loss->is_held = false;
	}
}

/* The first loss behind which some may reach `start_ns`. */
static size_t find_reaching(const struct row_set *set, __s64 start_ns)
{
	size_t low = 0, high = set->losses.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (set->losses.at[middle].reach_ns < start_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Rows of the loss's own epoch that stand behind it have it in their heads. */
static bool is_known(const struct row_set *set, const struct row_loss *loss,
		     const struct row_newest *heads, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (heads[i].source == loss->source &&
		    set->heads.at[heads[i].head].lsn > loss->lsn)
			return true;
	}
	return false;
}

void row_set_sum_losses(const struct row_set *set, __s64 start_ns, __s64 end_ns,
			const struct row_newest *heads, size_t count, struct row_lost *lost)
{
	memset(lost, 0, sizeof(*lost));
	for (size_t i = find_reaching(set, start_ns);
	     i < set->losses.count && set->losses.at[i].from_ns < end_ns; i++) {
		const struct row_loss *loss = &set->losses.at[i];

		if (loss->to_ns < start_ns || is_known(set, loss, heads, count) ||
		    (!loss->records && !(loss->flags & SLUICE_MISSING_UNCOUNTED)))
			continue;
		lost->records[loss->cause] = row_add_bounded(lost->records[loss->cause],
							     (__u64)loss->records);
		lost->flags |= loss->flags & (__u8)~SLUICE_LOSS_AHEAD;
	}
}

void row_set_hold_losses(struct row_set *set, __s64 start_ns, __s64 end_ns)
{
	for (size_t i = find_reaching(set, start_ns);
	     i < set->losses.count && set->losses.at[i].from_ns < end_ns; i++) {
		struct row_loss *loss = &set->losses.at[i];

		loss->is_held |= loss->from_ns >= start_ns && loss->to_ns < end_ns;
	}
}
