/* SPDX-License-Identifier: BSD-2-Clause */
/* The slow ways: full lines, the bound, panes that come and go. An entry is the low 56 bits of its
 * hash and its generation. It is in its own line, or in the other one of the pair if its own is
 * full of entries of the same pane or newer ones. Panes end in their order, so nothing of a line
 * that has a free place is ever in the other one. */
#include "core/dedup_ids.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#define LINE DEDUP_IDS_LINE
#define GENERATIONS DEDUP_IDS_GENERATIONS
#define SCRUB_SPARE 128u /* generations that are clean when wiping begins */

int dedup_ids_open(struct dedup_ids *set, void *memory, size_t bytes, unsigned int step, __u64 seed)
{
	if (bytes < DEDUP_IDS_BYTES_MIN)
		return -EINVAL;
	assert((uintptr_t)memory % DEDUP_IDS_ALIGN == 0);
	memset(set, 0, sizeof(*set));
	set->lines = memory;
	set->pairs = DEDUP_IDS_PAIRS_MIN;
	set->pair_mask = DEDUP_IDS_PAIRS_MIN - 1;
	set->pairs_max = 1ull << (63 - __builtin_clzll(bytes / DEDUP_IDS_PAIR_BYTES));
	set->pair_shift = (unsigned int)__builtin_ctz(2 * LINE * step);
	set->ids_max = set->pairs_max * LINE;
	set->seed_in = seed;
	set->seed_multiply = (seed * 0xbf58476d1ce4e5b9ull ^ seed >> 31) | 1;
	set->clean = GENERATIONS - 1;
	set->floor_pane = INT64_MIN;
	set->newest_pane = INT64_MIN;
	return 0;
}

static unsigned int generation_of(__u64 entry)
{
	return entry & 0xff;
}

static bool is_live(const struct dedup_ids *set, unsigned int generation)
{
	return set->is_live[generation];
}

/* After one has been opened or some have ended. */
static void note_live_numbers(struct dedup_ids *set)
{
	unsigned int span = 0;

	for (unsigned int i = 1; i < GENERATIONS; i++) {
		unsigned int behind = (set->last_number - i) % GENERATIONS;

		if (is_live(set, i) && behind > span)
			span = behind;
	}
	set->live_first = (set->last_number - span) % GENERATIONS;
	set->live_span = span;
}

/* A generation's pane has ended or was given up. */
static void generation_end(struct dedup_ids *set, unsigned int number)
{
	struct dedup_ids_generation *generation = &set->generation[number];

	generation->state = generation->ids ? DEDUP_IDS_DEAD : DEDUP_IDS_CLEAN;
	set->is_live[number] = false;
	set->dead += generation->state == DEDUP_IDS_DEAD;
	set->clean += generation->state == DEDUP_IDS_CLEAN;
	set->ids -= generation->ids;
	set->pane[(__u64)generation->pane % GENERATIONS].generation = 0;
	set->live_panes--;
	generation->ids = 0;
}

void dedup_ids_retire(struct dedup_ids *set, __s64 pane)
{
	if (pane <= set->floor_pane)
		return;
	set->floor_pane = pane;
	for (unsigned int i = 1; i < GENERATIONS; i++)
		if (is_live(set, i) && set->generation[i].pane < pane)
			generation_end(set, i);
	note_live_numbers(set);
}

/* The live generation of the oldest pane; there must be one. */
static unsigned int oldest_generation(const struct dedup_ids *set)
{
	unsigned int oldest = 0;

	for (unsigned int i = 1; i < GENERATIONS; i++)
		if (is_live(set, i) &&
		    (!oldest || set->generation[i].pane < set->generation[oldest].pane))
			oldest = i;
	assert(oldest);
	return oldest;
}

/* Gives up the oldest panes, up to and including `pane`. */
static void panes_drop(struct dedup_ids *set, __s64 pane)
{
	for (unsigned int i = 1; i < GENERATIONS; i++) {
		const struct dedup_ids_generation *generation = &set->generation[i];

		if (!is_live(set, i) || generation->pane > pane)
			continue;
		set->dropped_panes += generation->ids > 0;
		set->dropped_ids += generation->ids;
	}
	dedup_ids_retire(set, pane + 1);
}

/* A generation that no entry has, the next by number if it can be: so the live ones lie together.
 * When there is none, the dead are wiped at once, and if all are alive the oldest pane goes
 * first. */
static unsigned int generation_take(struct dedup_ids *set)
{
	for (unsigned int tries = 0; tries < 4; tries++) {
		for (unsigned int i = 0; i < GENERATIONS - 1; i++) {
			unsigned int number = 1 + (set->last_number + i) % (GENERATIONS - 1);

			if (set->generation[number].state == DEDUP_IDS_CLEAN)
				return number;
		}
		if (set->live_panes == GENERATIONS - 1)
			panes_drop(set, set->generation[oldest_generation(set)].pane);
		set->stalls += dedup_ids_scrub(set, UINT64_MAX) > 0;
	}
	assert(false); /* two passes leave no dead generation */
	return 0;
}

/* Slow way of dedup_ids_generation: opens the pane's set unless its time is over. */
unsigned int dedup_ids_generation_open(struct dedup_ids *set, __s64 pane)
{
	struct dedup_ids_pane *place = &set->pane[(__u64)pane % GENERATIONS];
	unsigned int number;

	if (pane < set->floor_pane)
		return 0;
	if (place->generation) { /* two panes, 256 or more apart: the older has to go */
		if (pane < place->pane)
			return 0;
		panes_drop(set, place->pane);
	}
	number = generation_take(set);
	if (pane < set->floor_pane)
		return 0;
	set->generation[number] =
		(struct dedup_ids_generation){ .pane = pane, .state = DEDUP_IDS_LIVE };
	set->is_live[number] = true;
	set->clean--;
	set->last_number = number;
	note_live_numbers(set);
	*place = (struct dedup_ids_pane){ .pane = pane, .generation = number };
	set->live_panes++;
	if (set->newest_pane < pane)
		set->newest_pane = pane;
	return number;
}

static bool line_has(const __u64 *line, __u64 entry)
{
	for (unsigned int i = 0; i < LINE; i++)
		if (line[i] == entry)
			return true;
	return false;
}

static __s64 pane_of(const struct dedup_ids *set, __u64 entry)
{
	return set->generation[generation_of(entry)].pane;
}

/* Puts the living entries of a pair behind the `count` that there are already, and all in order:
 * the newest pane first. Returns how many. */
static unsigned int pair_collect(const struct dedup_ids *set, const __u64 *pair, __u64 *entries,
				 unsigned int count)
{
	for (unsigned int i = 0; i < 2 * LINE; i++) {
		unsigned int at = count;

		if (!pair[i] || !is_live(set, generation_of(pair[i])))
			continue;
		for (; at > 0 && pane_of(set, entries[at - 1]) < pane_of(set, pair[i]); at--)
			entries[at] = entries[at - 1];
		entries[at] = pair[i];
		count++;
	}
	return count;
}

/* Each into its own line, the first ones first; what does not fit there into the other one. */
static void pair_fill(__u64 *pair, const __u64 *entries, unsigned int count)
{
	unsigned int used[2] = { 0, 0 }, left = 0;
	__u64 kept[2 * LINE];

	memset(pair, 0, 2 * LINE * sizeof(*pair));
	for (unsigned int i = 0; i < count; i++) {
		unsigned int side = (unsigned int)(entries[i] >> (8 + DEDUP_IDS_SIDE_BIT)) & 1;

		if (used[side] < LINE)
			pair[side * LINE + used[side]++] = entries[i];
		else
			kept[left++] = entries[i];
	}
	for (unsigned int i = 0; i < left; i++) {
		unsigned int side = used[0] < LINE ? 0 : 1;

		pair[side * LINE + used[side]++] = kept[i];
	}
}

/* Where there is no place for one more, an id of the oldest pane has to go. */
static void pair_add(struct dedup_ids *set, __u64 *pair, __u64 entry)
{
	__u64 entries[2 * LINE + 1] = { entry };
	unsigned int count = pair_collect(set, pair, entries, 1);

	set->generation[generation_of(entry)].ids++;
	set->ids++;
	if (count > 2 * LINE) {
		set->generation[generation_of(entries[--count])].ids--;
		set->ids--;
		set->displaced++;
	}
	pair_fill(pair, entries, count);
}

enum dedup_ids_verdict dedup_ids_test_and_set_slow(struct dedup_ids *set, __u64 hash,
						   unsigned int generation)
{
	__u64 entry = hash << 8 | generation, *pair = dedup_ids_pair(set, hash);

	if (!is_live(set, generation))
		return DEDUP_IDS_FORGOTTEN;
	if (line_has(pair, entry) || line_has(pair + LINE, entry))
		return DEDUP_IDS_DUPLICATE;
	while (set->ids >= set->ids_max && set->live_panes > 1)
		panes_drop(set, set->generation[oldest_generation(set)].pane);
	if (!is_live(set, generation))
		return DEDUP_IDS_FORGOTTEN;
	pair_add(set, pair, entry);
	return DEDUP_IDS_NEW;
}

/* One pair more: it takes what belongs there from the pair whose number lacks its highest bit. */
static void pair_split(struct dedup_ids *set)
{
	const __u64 number = set->pairs;
	const unsigned int high = 63 - (unsigned int)__builtin_clzll(number);
	const unsigned int bit = high - DEDUP_IDS_PAIR_ROTATE + 8; /* of an entry */
	__u64 *from = set->lines + ((number ^ 1ull << high) << set->pair_shift);
	__u64 entries[2 * LINE], gone[2 * LINE];
	unsigned int count = pair_collect(set, from, entries, 0), stay = 0, go = 0;

	for (unsigned int i = 0; i < count; i++) {
		if (entries[i] >> bit & 1)
			gone[go++] = entries[i];
		else
			entries[stay++] = entries[i];
	}
	pair_fill(from, entries, stay);
	pair_fill(set->lines + (number << set->pair_shift), gone, go);
	__atomic_store_n(&set->pairs, number + 1, __ATOMIC_RELAXED);
}

void dedup_ids_grow_slow(struct dedup_ids *set, __u64 asked)
{
	if (set->pairs == set->pairs_max)
		return;
	if (set->pairs > set->pair_mask)
		__atomic_store_n(&set->pair_mask, 2 * set->pair_mask + 1, __ATOMIC_RELAXED);
	for (; asked > 0 && set->pairs <= set->pair_mask; asked--)
		pair_split(set);
}

/* Returns how many there were. */
static unsigned int generations_move(struct dedup_ids *set, enum dedup_ids_state from,
				     enum dedup_ids_state to)
{
	unsigned int moved = 0;

	for (unsigned int i = 1; i < GENERATIONS; i++) {
		if (set->generation[i].state != from)
			continue;
		set->generation[i].state = (__u8)to;
		moved++;
	}
	return moved;
}

/* Without a branch an entry: nobody can foretell which are dead. */
static void pair_scrub(const struct dedup_ids *set, __u64 *pair)
{
	for (unsigned int i = 0; i < 2 * LINE; i++)
		pair[i] &= -(__u64)set->is_live[generation_of(pair[i])];
}

__u64 dedup_ids_scrub(struct dedup_ids *set, __u64 pairs_max)
{
	__u64 done = 0;

	if (!pairs_max || (set->scrub_at == 0 && !set->dead))
		return 0;
	if (set->scrub_at == 0) {
		generations_move(set, DEDUP_IDS_DEAD, DEDUP_IDS_DYING);
		set->dead = 0;
		set->scrub_end = set->pairs;
	}
	while (done < pairs_max && set->scrub_at < set->scrub_end) {
		pair_scrub(set, set->lines + (set->scrub_at++ << set->pair_shift));
		done++;
	}
	if (set->scrub_at == set->scrub_end) {
		set->scrub_at = 0;
		set->clean += generations_move(set, DEDUP_IDS_DYING, DEDUP_IDS_CLEAN);
	}
	return done;
}

/* A pass begins when SCRUB_SPARE generations are left, and takes as long as half of these last. */
__u64 dedup_ids_scrub_due(const struct dedup_ids *set)
{
	const __u64 pairs = set->scrub_at ? set->scrub_end : set->pairs;
	__u64 taken, due;

	if (set->clean >= SCRUB_SPARE || (set->scrub_at == 0 && !set->dead))
		return 0;
	taken = SCRUB_SPARE - set->clean;
	due = taken < SCRUB_SPARE / 2 ? pairs * taken / (SCRUB_SPARE / 2) : pairs;
	return due > set->scrub_at ? due - set->scrub_at : 0;
}
