/* SPDX-License-Identifier: BSD-2-Clause */
/* What is known to be missing from the interval of a row: every loss is kept with its time, and a
 * row goes through all of them. A gap of sequences lies between the base times of the datagrams
 * beside it; how many events it held is an estimate, as is, once some of it was filled, where. */
#include <stdlib.h>
#include <string.h>

#include "oracle_internal.h"

#define SEQUENCES_LOST_MAX 8192 /* beyond it nobody can say */

static bool is_same_run(const struct oracle_heard *heard, __u64 source_id, __u32 epoch)
{
	return heard->source_id == source_id && heard->epoch == epoch;
}

/* The nearest datagram of the source and epoch before or behind a sequence; whose time is known, or
 * any that was not refused. */
static const struct oracle_heard *find_neighbour(const struct oracle *oracle, __u64 source_id,
						 __u32 epoch, __u64 sequence, bool is_before,
						 bool is_timed)
{
	const struct oracle_heard *found = NULL;
	__u64 nearest = 1ull << 63;

	for (size_t i = 0; i < oracle->heard_count; i++) {
		const struct oracle_heard *heard = &oracle->heard[i];
		__u64 distance = heard->sequence - sequence;

		if (is_before)
			distance = -distance;
		if (!is_same_run(heard, source_id, epoch) || !distance || distance >= nearest ||
		    heard->is_refused || (is_timed && !heard->is_timed))
			continue;
		nearest = distance;
		found = heard;
	}
	return found;
}

static struct oracle_heard *find_heard(const struct oracle *oracle, __u64 source_id, __u32 epoch,
				       __u64 sequence)
{
	for (size_t i = 0; i < oracle->heard_count; i++)
		if (is_same_run(&oracle->heard[i], source_id, epoch) &&
		    oracle->heard[i].sequence == sequence)
			return &oracle->heard[i];
	return NULL;
}

/* It is known already, by a datagram of names, which says no time. */
static bool widen(struct oracle *oracle, const struct oracle_absent *absent)
{
	for (size_t i = 0; i < oracle->absent_count; i++) {
		struct oracle_absent *known = &oracle->absent[i];

		if (known->source_id != absent->source_id || known->epoch != absent->epoch ||
		    known->sequence != absent->sequence)
			continue;
		if (absent->from_ns < known->from_ns)
			known->from_ns = absent->from_ns;
		if (absent->to_ns > known->to_ns)
			known->to_ns = absent->to_ns;
		return true;
	}
	return false;
}

/* Sequences of the gap that are not here, each with where it may have been. */
static void add_absent(struct oracle *oracle, struct oracle_absent gap, __u64 end)
{
	for (size_t i = 0; i < oracle->heard_count; i++)
		if (oracle->heard[i].source_id == gap.source_id)
			gap.listeners |= 1u << oracle->heard[i].listener;
	if (end - gap.sequence > SEQUENCES_LOST_MAX) {
		gap.is_unknown = true;
		end = gap.sequence + 1;
	}
	for (; gap.sequence != end; gap.sequence++) {
		if (find_heard(oracle, gap.source_id, gap.epoch, gap.sequence) ||
		    widen(oracle, &gap))
			continue;
		oracle->absent = scenario_grow(oracle->absent, oracle->absent_count, sizeof(gap));
		oracle->absent[oracle->absent_count++] = gap;
	}
}

/* Nobody knows when: at the time of some datagram of the source. */
static void set_any_time(const struct oracle *oracle, struct oracle_absent *gap)
{
	bool has_any = false;

	gap->from_ns = INT64_MAX;
	gap->to_ns = INT64_MIN;
	for (size_t i = 0; i < oracle->heard_count; i++) {
		const struct oracle_heard *heard = &oracle->heard[i];

		if (heard->source_id != gap->source_id || !heard->is_timed)
			continue;
		has_any = true;
		gap->from_ns = heard->base_time_ns < gap->from_ns ? heard->base_time_ns :
								    gap->from_ns;
		gap->to_ns = heard->base_time_ns > gap->to_ns ? heard->base_time_ns : gap->to_ns;
	}
	if (!has_any) {
		gap->from_ns = INT64_MIN;
		gap->to_ns = INT64_MAX;
	}
}

static bool has_other(const struct oracle *oracle, const struct oracle_heard *now)
{
	for (size_t i = 0; i < oracle->heard_count; i++)
		if (oracle->heard[i].source_id == now->source_id && &oracle->heard[i] != now)
			return true;
	return false;
}

/* A new datagram, in the list by now: what lies between it and the one before it is not here. If it
 * is in front of all of its epoch, that is what lies behind it, or what an epoch after the first
 * one begins with: from sequence 0. */
static void note_gap(struct oracle *oracle, const struct oracle_heard *now)
{
	struct oracle_absent gap = { .source_id = now->source_id, .epoch = now->epoch };
	const struct oracle_heard *before = find_neighbour(oracle, now->source_id, now->epoch,
							   now->sequence, true, false);
	const struct oracle_heard *behind = find_neighbour(oracle, now->source_id, now->epoch,
							   now->sequence, false, false);
	__u64 end = before || !behind ? now->sequence : behind->sequence;

	if ((before && behind) || !has_other(oracle, now))
		return;
	gap.sequence = before ? before->sequence + 1 : behind ? now->sequence + 1 : 0;
	if (before && before->is_timed && now->is_timed) {
		__s64 a_ns = before->base_time_ns, b_ns = now->base_time_ns;

		gap.is_sure = a_ns && b_ns;	/* 0 says no time */
		gap.from_ns = a_ns < b_ns ? a_ns : b_ns;
		gap.to_ns = a_ns < b_ns ? b_ns : a_ns;
	} else {
		set_any_time(oracle, &gap);
	}
	add_absent(oracle, gap, end);
}

void oracle_missing_hear(struct oracle *oracle, const struct scenario_datagram *datagram,
			 __u32 records, bool is_taken)
{
	bool is_dictionary = datagram->flags & SLUICE_FLAG_DICTIONARY;
	struct oracle_heard heard = {
		.source_id = datagram->source_id,
		.sequence = datagram->sequence,
		.epoch = datagram->epoch,
		.listener = datagram->listener,
		.base_time_ns = (__s64)datagram->base_time_ns,
		.records = is_dictionary ? 0 : records,
		.is_refused = !is_taken && !is_dictionary,
		.is_timed = is_taken && !is_dictionary && datagram->base_time_ns <= INT64_MAX,
	};
	size_t source = oracle_source_find(oracle, heard.listener, heard.source_id);
	struct oracle_heard *known =
		find_heard(oracle, heard.source_id, heard.epoch, heard.sequence);

	if (oracle->source[source].is_overflow || (known && !known->is_refused))
		return;
	if (!known) {
		oracle->heard =
			scenario_grow(oracle->heard, oracle->heard_count, sizeof(heard));
		known = &oracle->heard[oracle->heard_count++];
	}
	*known = heard;
	if (!heard.is_refused)
		note_gap(oracle, known);
}

void oracle_missing_refuse(struct oracle *oracle, const struct scenario_datagram *datagram,
			   enum oracle_verdict verdict, __int128 time_ns)
{
	struct oracle_refused refused = { .time_ns = time_ns };

	for (__u32 i = 0; i < oracle->scenario->window_count; i++) {
		const struct oracle_window *window = &oracle->window[i];

		if (window->spec->listener_mask >> datagram->listener & 1)
			refused.readers |= 1u << i;
		if (window->verdict == verdict)
			refused.windows |= 1u << i;
	}
	if (!refused.windows)
		return;
	oracle->refused = scenario_grow(oracle->refused, oracle->refused_count, sizeof(refused));
	oracle->refused[oracle->refused_count++] = refused;
}

static bool is_overlapping(const struct result_row *row, __s64 from_ns, __s64 to_ns)
{
	return from_ns < row->identity.end_ns && to_ns >= row->identity.start_ns;
}

static void fill_refused(const struct oracle *oracle, const struct oracle_window *window,
			 struct result_row *row)
{
	for (size_t i = 0; i < oracle->refused_count && !(oracle->scenario->lacks & LACK_REFUSED);
	     i++) {
		const struct oracle_refused *refused = &oracle->refused[i];
		bool is_inside = refused->time_ns >= row->identity.start_ns &&
				 refused->time_ns < row->identity.end_ns;
		/* No time at all may be anywhere. */
		bool is_near = oracle->scenario->lacks & LACK_REFUSED_EACH ||
			       refused->time_ns > INT64_MAX;

		if (is_inside)
			row->missing.low[RESULT_REFUSED] += refused->windows >> window->index & 1;
		if (is_inside || is_near)
			row->missing.high[RESULT_REFUSED] += refused->readers >> window->index & 1;
	}
}

/* The fewest and the most records of a datagram of the source, and by which listeners it came. */
static __u32 look_at_source(const struct oracle *oracle, __u64 source_id, __u64 *low, __u64 *high)
{
	__u32 listeners = 0;
	bool has_refused = false;

	*low = UINT32_MAX;
	*high = 0;
	for (size_t i = 0; i < oracle->heard_count; i++) {
		const struct oracle_heard *heard = &oracle->heard[i];

		if (heard->source_id != source_id)
			continue;
		listeners |= 1u << heard->listener;
		if (heard->records && heard->records < *low)
			*low = heard->records;
		has_refused |= heard->is_refused;
		if (heard->records > *high)
			*high = heard->records;
	}
	if (has_refused && oracle->scenario->lacks & LACK_EXCUSES)
		*low = 0;
	return listeners;
}

/* Now that some of it may have been filled, the gap is where its neighbours are. */
static bool is_still_inside(const struct oracle *oracle, const struct oracle_absent *absent,
			    const struct result_row *row)
{
	const struct oracle_heard *before = find_neighbour(oracle, absent->source_id, absent->epoch,
							   absent->sequence, true, true);
	const struct oracle_heard *behind = find_neighbour(oracle, absent->source_id, absent->epoch,
							   absent->sequence, false, true);
	__s64 a_ns = before->base_time_ns, b_ns = behind->base_time_ns;

	return is_overlapping(row, a_ns < b_ns ? a_ns : b_ns, a_ns < b_ns ? b_ns : a_ns);
}

static void fill_gap(const struct oracle *oracle, const struct oracle_window *window,
		     const struct oracle_absent *absent, struct result_row *row)
{
	bool is_filled =
		find_heard(oracle, absent->source_id, absent->epoch, absent->sequence) != NULL;
	__u64 low, high;
	__u32 listeners = look_at_source(oracle, absent->source_id, &low, &high);

	bool is_old_rule = oracle->scenario->lacks & LACK_TAKE_BACK;

	if (!(window->spec->listener_mask & listeners) ||
	    (!is_old_rule &&
	     (is_filled || !is_overlapping(row, absent->from_ns, absent->to_ns))))
		return;
	row->missing.may_be_uncounted |= absent->is_unknown;
	row->missing.high[RESULT_UPSTREAM] += high + 1;
	if (!is_filled && is_overlapping(row, absent->from_ns, absent->to_ns) &&
	    absent->is_sure && absent->listeners & window->spec->listener_mask &&
	    low <= high && is_still_inside(oracle, absent, row))
		row->missing.low[RESULT_UPSTREAM] += low;
}

void oracle_missing_fill(const struct oracle *oracle, const struct oracle_window *window,
			 struct result_row *row)
{
	if (oracle->scenario->lacks & LACK_COMPLETENESS)
		return;
	fill_refused(oracle, window, row);
	for (size_t i = 0; i < oracle->absent_count && !(oracle->scenario->lacks & LACK_GAPS); i++)
		fill_gap(oracle, window, &oracle->absent[i], row);
	for (size_t i = 0; i < oracle->loss_count; i++) {
		const struct scenario_loss *loss = &oracle->loss[i];

		if (!(loss->windows >> window->index & 1) ||
		    !is_overlapping(row, loss->from_ns, loss->to_ns))
			continue;
		row->missing.low[loss->cause] += loss->records;
		row->missing.high[loss->cause] += loss->records;
		row->missing.is_uncounted |= loss->is_uncounted;
	}
	if (oracle->scenario->lacks & LACK_GAPS) {
		row->missing.high[RESULT_UPSTREAM] = UINT64_MAX;
		row->missing.may_be_uncounted = true;
	}
}

/* The place of a late event is inside of the row: of a session from its time to the gap behind it,
 * or, as max_duration may end a session within the gap, its time alone. */
static bool is_late_inside(const struct window_spec *spec, const struct result_row *row,
			   __s64 time_ns)
{
	__int128 end_ns = (__int128)time_ns + 1;

	if (spec->kind == SLUICE_WINDOW_SESSION && !spec->max_duration_ns)
		end_ns = (__int128)time_ns + spec->gap_ns;
	return time_ns >= row->identity.start_ns && end_ns <= row->identity.end_ns;
}

void oracle_missing_add_late(struct oracle *oracle)
{
	for (size_t i = 0; i < oracle->result->row_count; i++) {
		struct result_row *row = &oracle->result->row[i];
		const struct oracle_window *window = &oracle->window[row->identity.window];
		__u64 late = 0;

		if (window->spec->kind != SLUICE_WINDOW_SESSION)
			late = oracle_fixed_missed(window, row);
		for (size_t j = 0; j < window->late_count; j++)
			late += is_late_inside(window->spec, row, window->late_ns[j]);
		row->missing.low[RESULT_LATE] += late;
		row->missing.high[RESULT_LATE] += late;
	}
}
