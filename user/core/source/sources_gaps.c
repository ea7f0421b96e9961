/* SPDX-License-Identifier: BSD-2-Clause */
/* When something was lost: gaps of a source that may still fill, few of them, and notes for the
 * control thread, bounded. Where there is no room, neighbours become one: coarser, never lost. */
#include <string.h>

#include "core/source/sources_state.h"

static __s64 least(__s64 a, __s64 b)
{
	return a < b ? a : b;
}

static __s64 most(__s64 a, __s64 b)
{
	return a > b ? a : b;
}

static void merge_note(struct source_gap_note *into, const struct source_gap_note *note)
{
	into->listeners |= note->listeners;
	into->unknown += note->unknown;
	into->from_ns = least(into->from_ns, note->from_ns);
	into->to_ns = most(into->to_ns, note->to_ns);
	into->datagrams += note->datagrams;
	into->records += note->records;
}

/* What charging both as one would add to their intervals; other listeners only if need be. */
static __u64 growth(const struct source_gap_note *a, const struct source_gap_note *b)
{
	__u64 both_ns = (__u64)(most(a->to_ns, b->to_ns) - least(a->from_ns, b->from_ns));
	__u64 grown_ns =
		both_ns - (__u64)most(a->to_ns - a->from_ns, b->to_ns - b->from_ns);

	return a->listeners == b->listeners ? grown_ns : grown_ns | 1ull << 63;
}

/* A fill mostly follows its gap closely, with the same interval. */
#define NOTES_TRIED 4u

static void add_note(struct source_notes *notes, const struct source_gap_note *note)
{
	struct source_gap_note *list = notes->note[notes->writing], *best = list;
	__u32 *count = &notes->count[notes->writing];
	__u32 first = *count == SOURCE_GAP_NOTES || *count < NOTES_TRIED ? 0 : *count - NOTES_TRIED;
	__u64 best_growth = UINT64_MAX;

	for (__u32 i = first; i < *count && best_growth; i++) {
		__u64 grown = growth(&list[i], note);

		if (grown < best_growth) {
			best_growth = grown;
			best = &list[i];
		}
	}
	if (*count < SOURCE_GAP_NOTES &&
	    (best_growth || best->from_ns != note->from_ns || best->to_ns != note->to_ns)) {
		list[(*count)++] = *note;
		return;
	}
	merge_note(best, note);
}

static void tell(struct sources *sources, __u32 worker, __u16 listener,
		 const struct source_gap_note *note)
{
	add_note(&sources->notes[worker], note);
	atomic_fetch_add_explicit(&sources->missing[listener], note->datagrams,
				  memory_order_relaxed);
}

static __s64 records_of(__u64 datagrams, __u32 mean_256)
{
	return (__s64)((datagrams * mean_256 + 128) / 256);
}

static __u32 mean_of(const struct source *source)
{
	if (!source->datagrams)
		return 256;
	return (__u32)((unsigned __int128)source->records * 256 / source->datagrams);
}

static void drop_gap(struct source *source, struct source_gap *gap, struct source_gap *from)
{
	source->gap_count--;
	for (; gap < from + source->gap_count; gap++)
		*gap = gap[1];
}

/* Of lanes that are no more, and of sequences that the bitmap has forgotten: nothing fills them. */
static void drop_old(struct source *source, struct source_gap *gaps, const struct dedup_step *step,
		     __u64 sequence)
{
	for (__u32 i = source->gap_count; i-- > 0;)
		if (gaps[i].lane == step->lane &&
		    (step->is_opened || sequence - gaps[i].last >= DEDUP_SEQUENCE_DEPTH))
			drop_gap(source, &gaps[i], gaps);
}

static void merge_gap(struct source_gap *into, const struct source_gap *gap)
{
	__u64 left = into->left + gap->left;

	into->mean_256 = left ? (__u32)(((unsigned __int128)into->left * into->mean_256 +
					 (unsigned __int128)gap->left * gap->mean_256) /
					left)
			      : into->mean_256;
	into->left = left;
	into->last = gap->last;
	into->from_ns = least(into->from_ns, gap->from_ns);
	into->to_ns = most(into->to_ns, gap->to_ns);
}

/* The oldest two of a lane become one when there is no place; if they are of different lanes, the
 * older lane's is given up: it can only not be taken back any more. */
static void keep_gap(struct source *source, struct source_gap *gaps, const struct source_gap *gap)
{
	if (source->gap_count == SOURCE_GAPS) {
		if (gaps[0].lane == gaps[1].lane) {
			merge_gap(&gaps[0], &gaps[1]);
			drop_gap(source, &gaps[1], gaps);
		} else {
			drop_gap(source, &gaps[0], gaps);
		}
	}
	gaps[source->gap_count++] = *gap;
}

static struct source_gap_note interval(const struct source *source, const struct source_gap *gap)
{
	return (struct source_gap_note){ .listeners = source->listeners,
					 .from_ns = gap->from_ns,
					 .to_ns = gap->to_ns };
}

/* One of the sequences of a gap is no longer missing. */
static void fill(struct sources *sources, __u32 worker, __u32 slot,
		 const struct source_datagram *datagram, __u32 lane)
{
	struct source *source = &sources->source[slot];
	struct source_gap *gaps = sources->more[slot].gap;

	for (__u32 i = 0; i < source->gap_count; i++) {
		struct source_gap *gap = &gaps[i];
		struct source_gap_note note;

		if (gap->lane != lane || !gap->left ||
		    datagram->sequence - gap->first > gap->last - gap->first)
			continue;
		note = interval(source, gap);
		note.datagrams = -1;
		note.records = records_of(gap->left - 1, gap->mean_256) -
			       records_of(gap->left, gap->mean_256);
		sources->more[slot].missing--;
		if (--gap->left == 0)
			drop_gap(source, gap, gaps);
		tell(sources, worker, datagram->listener, &note);
		return;
	}
}

static bool was_refused(const struct sources *sources, __u32 slot, __u32 epoch, __u64 sequence)
{
	const struct source_refused *runs = sources->more[slot].refused;

	for (__u32 i = 0; i < sources->source[slot].refused_count; i++)
		if (runs[i].epoch == epoch &&
		    sequence - runs[i].first <= runs[i].last - runs[i].first)
			return true;
	return false;
}

/* Whether none of the run can come again with a right time: it would count as found once more. */
static bool is_over(const struct sources *sources, __u32 slot, const struct source_refused *run)
{
	const struct dedup_lane *lanes = sources->set[0].dedup.sources[slot].lane;

	for (__u32 lane = 0; lane < DEDUP_SEQUENCE_EPOCHS; lane++)
		if (lanes[lane].epoch == run->epoch)
			return (__s64)(lanes[lane].highest - run->last) >=
			       (__s64)DEDUP_SEQUENCE_DEPTH;
	return true;
}

/* False: there is no room. */
static bool note_refused(struct sources *sources, __u32 slot, __u32 epoch, __u64 sequence)
{
	struct source_refused *runs = sources->more[slot].refused;
	__u32 *count = &sources->source[slot].refused_count;
	__u32 place = *count;

	for (__u32 i = 0; i < *count; i++) {
		if (runs[i].epoch == epoch && runs[i].last + 1 == sequence) {
			runs[i].last = sequence;
			return true;
		}
		if (place == SOURCE_REFUSED && is_over(sources, slot, &runs[i]))
			place = i;
	}
	if (place == SOURCE_REFUSED)
		return false;
	*count += place == *count;
	runs[place] = (struct source_refused){ sequence, sequence, epoch, 0 };
	return true;
}

/* How many of a gap's sequences were refused for their time. */
static __u64 refused_within(const struct sources *sources, __u32 slot, __u32 epoch,
			    const struct source_gap *gap)
{
	const struct source_refused *runs = sources->more[slot].refused;
	const __u64 last = gap->last - gap->first;
	__u64 sum = 0;

	for (__u32 i = 0; i < sources->source[slot].refused_count; i++) {
		/* Distances from the gap's first sequence: they may wrap. */
		__s64 from = (__s64)(runs[i].first - gap->first);
		__s64 to = (__s64)(runs[i].last - gap->first);

		if (runs[i].epoch != epoch || to < 0 || from > (__s64)last)
			continue;
		from = most(from, 0);
		to = least(to, (__s64)last);
		sum += (__u64)(to - from) + 1;
	}
	return sum < last + 1 ? sum : last + 1;
}

/* How far the events of a lost datagram may be from the base times around it: twice as far as those
 * of the one behind are apart. */
static __s64 reach_ns(const struct source_datagram *datagram)
{
	const struct sluice_header *header = datagram->header;
	const unsigned char *record = (const unsigned char *)(header + 1);
	__u32 newest_us = 0;

	if (!header || datagram->is_dictionary)
		return 0;
	for (__u32 i = 0; i < header->event_count; i++, record += header->event_size) {
		const struct sluice_event *event = (const struct sluice_event *)record;

		newest_us = event->time_offset_us > newest_us ? event->time_offset_us : newest_us;
	}
	return 2 * (__s64)newest_us * 1000;
}

static void open_gap(struct sources *sources, __u32 worker, __u32 slot,
		     const struct source_datagram *datagram, const struct dedup_step *step)
{
	struct source *source = &sources->source[slot];
	__s64 here_ns = (__s64)datagram->base_time_ns, there_ns = source->base_ns[step->lane];
	__u64 missing = (__u64)step->missing;
	struct source_gap gap = { .first = step->first, .last = step->first + missing - 1,
				  .lane = step->lane, .mean_256 = mean_of(source) };
	struct source_gap_note note;

	if (datagram->is_dictionary)
		here_ns = there_ns;
	if (!there_ns)
		there_ns = here_ns;
	gap.from_ns = window_add_ns(least(here_ns, there_ns), -reach_ns(datagram));
	gap.to_ns = most(window_add_ns(here_ns, reach_ns(datagram)), there_ns);
	gap.left = missing - refused_within(sources, slot, datagram->epoch, &gap);
	note = interval(source, &gap);
	note.unknown = step->is_unknown;
	note.datagrams = (__s64)gap.left;
	note.records = records_of(gap.left, gap.mean_256);
	if (!gap.left && !note.unknown)
		return;
	sources->more[slot].missing += gap.left;
	if (gap.left)
		keep_gap(source, sources->more[slot].gap, &gap);
	tell(sources, worker, datagram->listener, &note);
}

void sources_note_gap(struct sources *sources, __u32 worker, __u32 slot,
		      const struct source_datagram *datagram, const struct dedup_step *step)
{
	struct source *source = &sources->source[slot];

	if (step->is_highest)
		drop_old(source, sources->more[slot].gap, step, datagram->sequence);
	if (step->missing < 0 && !was_refused(sources, slot, datagram->epoch, datagram->sequence))
		fill(sources, worker, slot, datagram, step->lane);
	else if (step->missing > 0 || step->is_unknown)
		open_gap(sources, worker, slot, datagram, step);
}

void sources_excuse_gap(struct sources *sources, __u32 worker, __u32 slot,
			const struct source_datagram *datagram, bool is_highest)
{
	/* What cannot be noted is missing, too: that is too much rather than too little. */
	if (was_refused(sources, slot, datagram->epoch, datagram->sequence) ||
	    !note_refused(sources, slot, datagram->epoch, datagram->sequence) || is_highest)
		return;
	for (__u32 lane = 0; lane < DEDUP_SEQUENCE_EPOCHS; lane++)
		if (sources->set[0].dedup.sources[slot].lane[lane].epoch == datagram->epoch)
			fill(sources, worker, slot, datagram, lane);
}

void sources_hand_over_gaps(struct sources *sources, __u32 worker)
{
	struct source_notes *notes = &sources->notes[worker];

	/* What nobody has taken yet stays there, and what comes stays here. */
	if (notes->count[!notes->writing] == 0)
		notes->writing = !notes->writing;
}

void sources_take_gaps(struct sources *sources, source_gap_take *take, void *context)
{
	for (__u32 w = 0; w < sources->options.worker_count; w++) {
		struct source_notes *notes = &sources->notes[w];
		__u32 list = !notes->writing;

		for (__u32 i = 0; i < notes->count[list]; i++)
			take(context, &notes->note[list][i]);
		notes->count[list] = 0;
	}
}

__u64 sources_missing(struct sources *sources, __u16 listener)
{
	__s64 missing = atomic_load_explicit(&sources->missing[listener], memory_order_relaxed);

	/* A gap of one listener may be filled by another, and by another worker sooner. */
	return missing > 0 ? (__u64)missing : 0;
}
