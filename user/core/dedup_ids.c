/* SPDX-License-Identifier: BSD-2-Clause */
/* The slow ways: full lines, the bound, panes that come and go. An entry is the low 56 bits of
 * its hash and its generation. It is in its own line, or in the other one of the pair if its own
 * has no free place: whoever frees a place takes it back. */
#include "core/dedup_ids.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#define LINE DEDUP_IDS_LINE
#define GENERATIONS DEDUP_IDS_GENERATIONS

int dedup_ids_open(struct dedup_ids *set, void *memory, size_t bytes, __u64 seed)
{
	if (bytes < DEDUP_IDS_BYTES_MIN)
		return -EINVAL;
	assert((uintptr_t)memory % DEDUP_IDS_ALIGN == 0);
	memset(set, 0, sizeof(*set));
	set->lines = memory;
	set->line_bits = 63 - (unsigned int)__builtin_clzll(bytes / (LINE * sizeof(__u64)));
	set->ids_max = (__u64)LINE << (set->line_bits - 1);
	set->seed_in = seed;
	set->seed_multiply = (seed * 0xbf58476d1ce4e5b9ull ^ seed >> 31) | 1;
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

/* A generation's pane has ended or was given up. */
static void generation_end(struct dedup_ids *set, unsigned int number)
{
	struct dedup_ids_generation *generation = &set->generation[number];

	generation->state = generation->ids ? DEDUP_IDS_DEAD : DEDUP_IDS_CLEAN;
	set->is_live[number] = false;
	set->dead += generation->state == DEDUP_IDS_DEAD;
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

/* A generation that no entry has; when there is none, the dead are wiped at once, and if all
 * are alive the oldest pane goes first. */
static unsigned int generation_take(struct dedup_ids *set)
{
	for (unsigned int tries = 0; tries < 4; tries++) {
		for (unsigned int i = 1; i < GENERATIONS; i++)
			if (set->generation[i].state == DEDUP_IDS_CLEAN)
				return i;
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
	*place = (struct dedup_ids_pane){ .pane = pane, .generation = number };
	set->live_panes++;
	if (set->newest_pane < pane)
		set->newest_pane = pane;
	return number;
}

static bool line_has_dead(const struct dedup_ids *set, const __u64 *line)
{
	for (unsigned int i = 0; i < LINE; i++)
		if (line[i] && !is_live(set, generation_of(line[i])))
			return true;
	return false;
}

static __u64 *line_find(__u64 *line, __u64 entry)
{
	for (unsigned int i = 0; i < LINE; i++)
		if (line[i] == entry)
			return &line[i];
	return NULL;
}

/* The entry of the oldest pane in a pair of full lines. */
static __u64 *pair_find_oldest(const struct dedup_ids *set, __u64 *pair)
{
	__u64 *oldest = &pair[0];

	for (unsigned int i = 1; i < 2 * LINE; i++)
		if (set->generation[generation_of(pair[i])].pane <
		    set->generation[generation_of(*oldest)].pane)
			oldest = &pair[i];
	return oldest;
}

/* Packs each entry of a pair into its own line, what does not fit there into the other. */
static void pair_sort(const struct dedup_ids *set, __u64 *pair)
{
	const unsigned int side_bit = 72 - set->line_bits; /* lowest of the line's number */
	unsigned int used[2] = { 0, 0 }, left = 0;
	__u64 kept[2 * LINE], packed[2 * LINE] = { 0 };

	for (unsigned int i = 0; i < 2 * LINE; i++) {
		unsigned int side = pair[i] >> side_bit & 1;

		if (!pair[i])
			continue;
		if (used[side] < LINE)
			packed[side * LINE + used[side]++] = pair[i];
		else
			kept[left++] = pair[i];
	}
	while (left > 0) {
		unsigned int side = used[0] < LINE ? 0 : 1;

		packed[side * LINE + used[side]++] = kept[--left];
	}
	memcpy(pair, packed, sizeof(packed));
}

/* Wipes what is dead out of a line; without a branch an entry, as nobody can foretell which are.
 * Returns how many of the living do not belong here: they are of the other line of the pair. */
static unsigned int line_scrub(const struct dedup_ids *set, __u64 *line, unsigned int side)
{
	const unsigned int side_bit = 72 - set->line_bits;
	__u64 strangers = 0;

	for (unsigned int i = 0; i < LINE; i++) {
		__u64 entry = line[i] & -(__u64)set->is_live[generation_of(line[i])];

		strangers += entry != 0 && ((entry >> side_bit ^ side) & 1);
		line[i] = entry;
	}
	return (unsigned int)strangers;
}

static void pair_scrub(const struct dedup_ids *set, __u64 *pair)
{
	if (line_scrub(set, pair, 0) + line_scrub(set, pair + LINE, 1))
		pair_sort(set, pair);
}

/* A place for an entry whose own line is full. What has ended is wiped out of the pair while it is
 * at hand: so a line is seldom full again soon. */
static __u64 *pair_make_place(struct dedup_ids *set, __u64 *own, __u64 *other, __u64 *pair)
{
	__u64 *place = NULL;

	if (line_has_dead(set, own) || line_has_dead(set, other)) {
		pair_scrub(set, pair);
		place = line_find(own, 0);
	}
	if (!place)
		place = line_find(other, 0);
	if (place)
		return place;
	place = pair_find_oldest(set, pair);
	set->generation[generation_of(*place)].ids--;
	set->ids--;
	set->displaced++;
	return place;
}

enum dedup_ids_verdict dedup_ids_test_and_set_slow(struct dedup_ids *set, __u64 hash,
						   unsigned int generation)
{
	__u64 entry = hash << 8 | generation, number = hash >> (64 - set->line_bits);
	__u64 *own = set->lines + number * LINE, *other = set->lines + (number ^ 1) * LINE;
	__u64 *pair = set->lines + (number & ~1ull) * LINE, *place;

	if (!is_live(set, generation))
		return DEDUP_IDS_FORGOTTEN;
	place = line_find(own, 0);
	if (!place && line_find(other, entry))
		return DEDUP_IDS_DUPLICATE;
	while (set->ids >= set->ids_max && set->live_panes > 1)
		panes_drop(set, set->generation[oldest_generation(set)].pane);
	if (!is_live(set, generation))
		return DEDUP_IDS_FORGOTTEN;
	if (!place)
		place = pair_make_place(set, own, other, pair);
	*place = entry;
	set->generation[generation].ids++;
	set->ids++;
	return DEDUP_IDS_NEW;
}

static void generations_move(struct dedup_ids *set, enum dedup_ids_state from,
			     enum dedup_ids_state to)
{
	for (unsigned int i = 1; i < GENERATIONS; i++)
		if (set->generation[i].state == from)
			set->generation[i].state = (__u8)to;
}

__u64 dedup_ids_scrub(struct dedup_ids *set, __u64 pairs_max)
{
	const __u64 pairs = 1ull << (set->line_bits - 1);
	__u64 done = 0;

	if (!pairs_max || (set->scrub_at == 0 && !set->dead))
		return 0;
	if (set->scrub_at == 0) {
		generations_move(set, DEDUP_IDS_DEAD, DEDUP_IDS_DYING);
		set->dead = 0;
	}
	while (done < pairs_max && set->scrub_at < pairs) {
		pair_scrub(set, set->lines + set->scrub_at++ * 2 * LINE);
		done++;
	}
	if (set->scrub_at == pairs) {
		set->scrub_at = 0;
		generations_move(set, DEDUP_IDS_DYING, DEDUP_IDS_CLEAN);
	}
	return done;
}
