/* SPDX-License-Identifier: BSD-2-Clause */
/* The hot path of windows made of panes, for hot_batch.c alone: finds the pane and the row of each
 * event, fetches the row, and takes the event into it. */
#ifndef SLUICE_CORE_ROWS_HOT_H
#define SLUICE_CORE_ROWS_HOT_H

#include "core/group/groups_hot.h"

static __attribute__((noinline)) void add_overflow(struct window *window, struct batch *batch,
						   struct pane *pane, __u32 i)
{
	partial_add(&pane->overflow, batch->value[i], (__u16)(batch->type_weight[i] >> 16));
	window->ledger.overflow++;
	window_note_growth(window, pane, GROUPS_NONE, NULL);
	window_count_missed(window, pane);
}

/* An event without a pane to go to now: counted by its reason, or deferred. */
static __attribute__((noinline)) void put_aside(struct window *window, const struct batch *batch,
						const __u64 *first_word, const __u32 words, __u32 i,
						__u64 *reason)
{
	struct sluice_partial partial;
	struct extras_event event;
	__u64 key[SLUICE_KEY_WORDS_MAX];

	if (reason) {
		(*reason)++;
		if (reason != &window->ledger.late) {
			window_note_no_pane(window, batch->time_ns[i], 1);
			return;
		}
		window_count_late(window, batch->time_ns[i], 1);
		if (window->late.event) {
			batch_read_event(batch, i, &event);
			window_keep_late(window, &event);
		}
		return;
	}
	partial_open(&partial);
	partial_add(&partial, batch->value[i], (__u16)(batch->type_weight[i] >> 16));
	read_key(batch, first_word, i, words, key);
	batch_read_event(batch, i, &event);
	if (window_defer(window, key, &partial, &event)) {
		window->ledger.aggregated++;
		return;
	}
	window->ledger.late++;
	window_count_late(window, event.time_ns, 1);
	window_keep_late(window, &event);
}

/* Where rows are found; kept from one event to the next. */
struct row_finder {
	struct pane *pane; /* of the last event */
	__s64 start_ns;
	__u64 pane_ns;
	const __u32 *chunk;
	unsigned char *base;
	size_t chunk_bytes;
	__u64 events; /* in the pane */
	__u64 unselected;
	bool is_young;
};

inline_always struct row_finder make_row_finder(const struct window *window, const enum reach reach)
{
	const struct grouping *grouping = window->grouping;
	struct pane *pane = window->last;

	return (struct row_finder){
		.pane = pane,
		.start_ns = window->last_start_ns,
		.pane_ns = (__u64)window->pane_ns,
		.chunk = pane ? pane->chunk : NULL,
		.base = grouping->chunks.base,
		.chunk_bytes = grouping->chunks.chunk_bytes,
		/* Rows of a young pane are mostly new, and a new row is checked against the
		 * dictionary. */
		.is_young =
			reach != REACH_L2 && (!pane || pane->rows < grouping->groups.count / 4 * 3),
	};
}

inline_always void end_row_finder(struct window *window, const struct row_finder *finder)
{
	if (finder->pane)
		finder->pane->events += finder->events;
	window->last = finder->pane;
	window->last_start_ns = finder->start_ns;
	window->ledger.unselected += finder->unselected;
}

/* Goes to the pane of an event. False: there is none, and the event has been accounted for. */
static __attribute__((noinline)) bool change_pane(struct row_finder *finder, struct window *window,
						  const struct batch *batch,
						  const __u64 *first_word, const __u32 words,
						  __u32 i)
{
	__u64 *reason;
	struct pane *pane = window_pane(window, batch->time_ns[i], &reason);

	if (!pane) {
		put_aside(window, batch, first_word, words, i, reason);
		return false;
	}
	if (finder->pane)
		finder->pane->events += finder->events;
	finder->events = 0;
	finder->pane = pane;
	finder->start_ns = pane->start_ns;
	finder->chunk = pane->chunk;
	return true;
}

/* How the events of a batch come to their rows. */
enum manner {
	MANNER_SELECTED, /* not every event is for this window */
	MANNER_ANY,
	MANNER_PLAIN, /* all are, belong to the pane of the last, and count once */
};

/* The row of an event, fetched. NULL: it has been accounted for. */
inline_always unsigned char *find_row(struct row_finder *finder, struct window *window,
				      struct batch *batch, const __u64 *first_word,
				      const __u32 words, __u32 i, const enum manner manner,
				      const enum reach reach)
{
	__u32 id = batch->id[i], number;
	unsigned char *row;

	if (manner == MANNER_SELECTED && !(batch->selected[i] >> window->index & 1)) {
		finder->unselected++;
		return NULL;
	}
	if (manner != MANNER_PLAIN) {
		if (is_rare((__u64)(batch->time_ns[i] - finder->start_ns) >= finder->pane_ns ||
			    !finder->pane) &&
		    !change_pane(finder, window, batch, first_word, words, i))
			return NULL;
		finder->events++;
		batch->pane[i] = finder->pane;
	}
	if (is_rare(id == GROUPS_NONE)) {
		add_overflow(window, batch, finder->pane, i);
		return NULL;
	}
	number = finder->chunk[id >> CHUNK_ROWS_SHIFT];
	if (is_rare(number == CHUNK_NONE)) {
		if (!window_row(window, finder->pane, id)) {
			add_overflow(window, batch, finder->pane, i);
			return NULL;
		}
		number = finder->chunk[id >> CHUNK_ROWS_SHIFT];
	}
	row = finder->base + number * finder->chunk_bytes +
	      (id & (CHUNK_ROWS - 1)) * PANE_ROW_BYTES(words);
	if (reach != REACH_L2)
		fetch(row);
	if (reach == REACH_L3 && finder->is_young)
		fetch(groups_key(&window->grouping->groups, id));
	return row;
}

/* Of a row that has arrived: its entry in the dictionary, if it is a new one. */
inline_always void fetch_entry(const struct window *window, const struct batch *batch,
			       const __u32 words, __u32 i)
{
	unsigned char *row = batch->row[i];

	if (row && row_partial(row, words)->records == 0)
		fetch(groups_key(&window->grouping->groups, batch->id[i]));
}

inline_always bool has_key(const unsigned char *row, const __u64 *key, const __u32 words)
{
	const __u64 *stored = (const __u64 *)row;
	const struct sluice_partial *partial = (const struct sluice_partial *)(stored + words);

	return groups_key_difference(stored, key, words) == 0 && partial->records != 0;
}

/* Opens the row of a new key where its candidate id is right, without extras and below the bound on
 * groups: window_open_row() does the rest. */
inline_always bool open_row(struct window *window, struct pane *pane, unsigned char *row,
			    const __u64 *key, const __u32 words, __u32 id)
{
	struct groups *groups = &window->grouping->groups;
	__u64 *entry = groups->entries + id * GROUPS_ENTRY_WORDS(words);

	if (row_partial(row, words)->records || groups_key_difference(entry, key, words) ||
	    pane->extra)
		return false;
	if (window->presence.pane &&
	    !presence_admit(&window->presence, &entry[words], id, pane->stamp))
		return false;
	pane_begin_row(pane, row, key, words);
	groups_refer_use(groups, &entry[words]);
	return true;
}

/* Takes an event into its row. False: that of the overflow group. */
inline_always bool update_row(struct window *window, struct batch *batch, struct pane *pane,
			      const __u64 *first_word, const __u32 words, __u32 i,
			      const enum manner manner)
{
	unsigned char *row = batch->row[i];
	__u64 key[SLUICE_KEY_WORDS_MAX];

	read_key(batch, first_word, i, words, key);
	if (is_rare(!has_key(row, key, words)) &&
	    !open_row(window, pane, row, key, words, batch->id[i])) {
		row = window_open_row(window, pane, key, &batch->id[i]);
		batch->row[i] = row;
		if (!row) {
			add_overflow(window, batch, pane, i);
			return false;
		}
	}
	partial_add(row_partial(row, words), batch->value[i],
		    manner == MANNER_PLAIN ? 1 : (__u16)(batch->type_weight[i] >> 16));
	return true;
}

/* Whether a batch of which the window takes every event is plain. */
inline_always bool is_plain(const struct window *window, const struct batch *batch)
{
	return is_of_last_pane(window, batch) && batch->weights <= 1;
}

inline_always void update_rows(struct window *window, struct batch *batch, const __u64 *first_word,
			       const __u32 words, const enum manner manner, const enum reach reach)
{
	struct row_finder finder = make_row_finder(window, reach);
	const bool looks_twice = reach == REACH_MEMORY && finder.is_young;
	const __u32 count = batch->count;
	const __u32 ahead = reach != REACH_MEMORY ? count
						  : looks_twice ? 2 * FETCH_DISTANCE
								: FETCH_DISTANCE;
	__u32 found = 0, seen = 0;
	__u64 aggregated = 0;

	for (; found < ahead && found < count; found++)
		batch->row[found] =
			find_row(&finder, window, batch, first_word, words, found, manner, reach);
	for (; looks_twice && seen < FETCH_DISTANCE && seen < count; seen++)
		fetch_entry(window, batch, words, seen);
	for (__u32 i = 0; i < count; i++) {
		if (reach == REACH_MEMORY && found < count) {
			batch->row[found] = find_row(&finder, window, batch, first_word, words,
						     found, manner, reach);
			found++;
		}
		if (looks_twice && seen < count)
			fetch_entry(window, batch, words, seen++);
		if (is_likely(batch->row[i]))
			aggregated += update_row(window, batch,
						 manner == MANNER_PLAIN ? finder.pane
									: batch->pane[i],
						 first_word, words, i, manner);
	}
	if (manner == MANNER_PLAIN)
		finder.events += count;
	end_row_finder(window, &finder);
	window->ledger.aggregated += aggregated;
}

/* Late events may have reached rows that were emitted before: those are due for a revision; or rows
 * of which emission remembers an aggregate: those have grown. */
static __attribute__((noinline)) void note_growth(struct window *window, const struct batch *batch,
						  bool is_plain)
{
	for (__u32 i = 0; i < batch->count; i++) {
		struct pane *pane = pane_of(window, batch, i, is_plain);
		struct sluice_partial partial;

		if (!batch->row[i] || !pane->is_behind)
			continue;
		partial_open(&partial);
		partial_add(&partial, batch->value[i], (__u16)(batch->type_weight[i] >> 16));
		window_note_growth(window, pane, batch->id[i], &partial);
		window_count_missed(window, pane);
	}
}

#endif
