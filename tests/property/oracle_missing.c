/* SPDX-License-Identifier: BSD-2-Clause */
/* What is known to be missing from the interval of a row: every loss is kept with its time, and a
 * row goes through all of them. A gap of sequences lies between the base times of the datagrams
 * beside it; how many events it held is an estimate, as is, once some of it was filled, where. */
#include <stdlib.h>
#include <string.h>

#include "oracle_internal.h"

static bool is_same_run(const struct oracle_heard *heard, __u64 source_id, __u32 epoch)
{
	return heard->source_id == source_id && heard->epoch == epoch;
}

/* The nearest datagram of the source and epoch before or behind a sequence whose time is known. */
static const struct oracle_heard *find_neighbour(const struct oracle *oracle, __u64 source_id,
						 __u32 epoch, __u64 sequence, bool is_before)
{
	const struct oracle_heard *found = NULL;
	__u64 nearest = 1ull << 63;

	for (size_t i = 0; i < oracle->heard_count; i++) {
		const struct oracle_heard *heard = &oracle->heard[i];
		__u64 distance = heard->sequence - sequence;

		if (is_before)
			distance = -distance;
		if (!is_same_run(heard, source_id, epoch) || !heard->is_neighbour || !distance ||
		    distance >= nearest)
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

static void add_absent(struct oracle *oracle, const struct oracle_heard *before,
		       const struct oracle_heard *now, __u64 sequence)
{
	struct oracle_absent absent = {
		.source_id = now->source_id,
		.sequence = sequence,
		.epoch = now->epoch,
		.from_ns = before->base_time_ns,
		.to_ns = now->base_time_ns,
	};

	if (absent.from_ns > absent.to_ns) {
		absent.from_ns = now->base_time_ns;
		absent.to_ns = before->base_time_ns;
	}
	oracle->absent = scenario_grow(oracle->absent, oracle->absent_count, sizeof(absent));
	oracle->absent[oracle->absent_count++] = absent;
}

/* A new datagram: what lies between it and the one before it is not here. */
static void note_gap(struct oracle *oracle, const struct oracle_heard *now)
{
	const struct oracle_heard *before =
		find_neighbour(oracle, now->source_id, now->epoch, now->sequence, true);

	if (!before || find_neighbour(oracle, now->source_id, now->epoch, now->sequence, false))
		return;
	for (__u64 sequence = before->sequence + 1; sequence != now->sequence; sequence++)
		if (!find_heard(oracle, now->source_id, now->epoch, sequence))
			add_absent(oracle, before, now, sequence);
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
		.is_neighbour = is_taken && datagram->base_time_ns <= INT64_MAX,
	};
	size_t source = oracle_source_find(oracle, heard.listener, heard.source_id);
	struct oracle_heard *known =
		find_heard(oracle, heard.source_id, heard.epoch, heard.sequence);

	if (oracle->source[source].is_overflow || (known && known->is_neighbour))
		return;
	if (heard.is_neighbour)
		note_gap(oracle, &heard);
	if (known) {
		known->is_neighbour = heard.is_neighbour;
		return;
	}
	oracle->heard = scenario_grow(oracle->heard, oracle->heard_count, sizeof(heard));
	oracle->heard[oracle->heard_count++] = heard;
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
	for (size_t i = 0; i < oracle->refused_count; i++) {
		const struct oracle_refused *refused = &oracle->refused[i];

		if (refused->time_ns < row->identity.start_ns ||
		    refused->time_ns >= row->identity.end_ns)
			continue;
		row->missing.low[RESULT_REFUSED] += refused->windows >> window->index & 1;
		row->missing.high[RESULT_REFUSED] += refused->readers >> window->index & 1;
	}
}

/* The fewest and the most records of a datagram of the source, and by which listeners it came. */
static __u32 look_at_source(const struct oracle *oracle, __u64 source_id, __u64 *low, __u64 *high)
{
	__u32 listeners = 0;

	*low = UINT32_MAX;
	*high = 0;
	for (size_t i = 0; i < oracle->heard_count; i++) {
		const struct oracle_heard *heard = &oracle->heard[i];

		if (heard->source_id != source_id)
			continue;
		listeners |= 1u << heard->listener;
		if (heard->records && heard->records < *low)
			*low = heard->records;
		if (heard->records > *high)
			*high = heard->records;
	}
	return listeners;
}

static void fill_gap(const struct oracle *oracle, const struct oracle_window *window,
		     const struct oracle_absent *absent, struct result_row *row)
{
	const struct oracle_heard *before = find_neighbour(oracle, absent->source_id, absent->epoch,
							   absent->sequence, true);
	const struct oracle_heard *behind = find_neighbour(oracle, absent->source_id, absent->epoch,
							   absent->sequence, false);
	__u64 low, high;
	__u32 listeners = look_at_source(oracle, absent->source_id, &low, &high);
	__s64 from_ns = before->base_time_ns, to_ns = behind->base_time_ns;
	bool is_inside = is_overlapping(row, from_ns < to_ns ? from_ns : to_ns,
					from_ns < to_ns ? to_ns : from_ns);

	if (!(window->spec->listener_mask & listeners) ||
	    !is_overlapping(row, absent->from_ns, absent->to_ns))
		return;
	row->missing.high[RESULT_UPSTREAM] += high + 1;
	if (is_inside && low <= high)
		row->missing.low[RESULT_UPSTREAM] += low;
}

void oracle_missing_fill(const struct oracle *oracle, const struct oracle_window *window,
			 struct result_row *row)
{
	if (oracle->scenario->lacks & LACK_COMPLETENESS)
		return;
	fill_refused(oracle, window, row);
	for (size_t i = 0; i < oracle->absent_count; i++)
		if (!find_heard(oracle, oracle->absent[i].source_id, oracle->absent[i].epoch,
			       oracle->absent[i].sequence))
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
