/* SPDX-License-Identifier: BSD-2-Clause */
/* The slow ways: full lines, the bound, panes that come and go. An entry is the low 56 bits of its
 * hash and its generation. It is in its own line, or in the first one behind, around the bucket,
 * that was not full of entries of the same pane or newer ones. Panes end in their order, so nothing
 * is ever behind a line of its way that has a free place. */
#include "core/dedup/dedup_ids.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#define LINE DEDUP_IDS_LINE
#define BUCKET DEDUP_IDS_BUCKET
#define GENERATIONS DEDUP_IDS_GENERATIONS
#define SCRUB_SPARE 128u /* generations that are clean when wiping begins */

int dedup_ids_open(struct dedup_ids *set, void *memory, size_t bytes, unsigned int step, __u64 seed)
{
	if (bytes < DEDUP_IDS_BYTES_MIN)
		return -EINVAL;
	assert((uintptr_t)memory % DEDUP_IDS_ALIGN == 0);
	memset(set, 0, sizeof(*set));
	set->lines = memory;
	set->buckets = DEDUP_IDS_BUCKETS_MIN;
	set->bucket_mask = DEDUP_IDS_BUCKETS_MIN - 1;
	set->buckets_max = 1ull << (63 - __builtin_clzll(bytes / DEDUP_IDS_BUCKET_BYTES));
	set->bucket_shift = (unsigned int)__builtin_ctz(BUCKET * step);
	set->ids_max = set->buckets_max * BUCKET / 2;
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

static __s64 pane_of(const struct dedup_ids *set, __u64 entry)
{
	return set->generation[generation_of(entry)].pane;
}

static __u64 *find_free(const struct dedup_ids *set, __u64 *line)
{
	for (unsigned int i = 0; i < LINE; i++)
		if (!line[i] || !is_live(set, generation_of(line[i])))
			return &line[i];
	return NULL;
}

/* The place of the oldest pane's entry, in a line that is full. */
static __u64 *find_oldest(const struct dedup_ids *set, __u64 *line)
{
	__u64 *oldest = &line[0];

	for (unsigned int i = 1; i < LINE; i++)
		if (pane_of(set, line[i]) < pane_of(set, *oldest))
			oldest = &line[i];
	return oldest;
}

static __u64 *line_behind(__u64 *bucket, __u64 *line)
{
	line += LINE;
	return line < bucket + BUCKET ? line : bucket;
}

/* Puts an entry into its own line or one behind, where older ones give way and go on themselves.
 * Returns the entry for which no place is left, of the oldest pane; mostly 0. */
static __u64 bucket_put(const struct dedup_ids *set, __u64 *bucket, __u64 entry)
{
	__u64 *line = dedup_ids_line_in(bucket, dedup_ids_entry_hash(entry));

	for (unsigned int i = 0; i < DEDUP_IDS_BUCKET_LINES; i++) {
		__u64 *place = find_free(set, line), older;

		if (place) {
			*place = entry;
			return 0;
		}
		place = find_oldest(set, line);
		older = *place;
		if (pane_of(set, older) < pane_of(set, entry)) {
			*place = entry;
			entry = older;
		}
		line = line_behind(bucket, line);
	}
	return entry;
}

static void bucket_add(struct dedup_ids *set, __u64 *bucket, __u64 entry)
{
	__u64 gone = bucket_put(set, bucket, entry);

	set->generation[generation_of(entry)].ids++;
	set->ids++;
	if (!gone)
		return;
	set->generation[generation_of(gone)].ids--;
	set->ids--;
	set->displaced++;
}

static bool bucket_has(const struct dedup_ids *set, __u64 *bucket, __u64 entry)
{
	__u64 *line = dedup_ids_line_in(bucket, dedup_ids_entry_hash(entry));

	for (unsigned int i = 0; i < DEDUP_IDS_BUCKET_LINES; i++) {
		if (dedup_ids_line_has(line, entry))
			return true;
		if (find_free(set, line))
			return false;
		line = line_behind(bucket, line);
	}
	return false;
}

enum dedup_ids_verdict dedup_ids_test_and_set_slow(struct dedup_ids *set, __u64 hash,
						   unsigned int generation)
{
	__u64 entry = dedup_ids_entry(hash, generation), *bucket = dedup_ids_bucket(set, hash);

	if (!is_live(set, generation))
		return DEDUP_IDS_FORGOTTEN;
	if (bucket_has(set, bucket, entry))
		return DEDUP_IDS_DUPLICATE;
	while (set->ids >= set->ids_max && set->live_panes > 1)
		panes_drop(set, set->generation[oldest_generation(set)].pane);
	if (!is_live(set, generation))
		return DEDUP_IDS_FORGOTTEN;
	bucket_add(set, bucket, entry);
	return DEDUP_IDS_NEW;
}

/* One bucket more: it takes what belongs there from the one whose number lacks its highest bit.
 * Most entries go straight into their own lines; those that find these full come last. */
static void bucket_split(struct dedup_ids *set)
{
	const __u64 number = set->buckets;
	const __u64 high = 1ull << (63 - __builtin_clzll(number));
	__u64 *from = set->lines + ((number ^ high) << set->bucket_shift);
	__u64 *to = set->lines + (number << set->bucket_shift), entries[BUCKET];
	__u8 used[2][DEDUP_IDS_BUCKET_LINES] = { 0 };
	unsigned int count = 0, left = 0;

	/* Without a branch: which places are taken nobody can foretell. */
	for (unsigned int i = 0; i < BUCKET; i++) {
		entries[count] = from[i];
		count += is_live(set, generation_of(from[i]));
	}
	memset(from, 0, sizeof(entries));
	for (unsigned int i = 0; i < count; i++) {
		const __u64 entry = entries[i], hash = dedup_ids_entry_hash(entry);
		const bool moves = dedup_ids_bucket_number(hash) & high;
		__u64 *line = dedup_ids_line_in(moves ? to : from, hash);
		__u8 *in_line = &used[moves][dedup_ids_line_number(hash)];

		if (*in_line < LINE)
			line[(*in_line)++] = entry;
		else
			entries[left++] = entry;
	}
	for (unsigned int i = 0; i < left; i++) {
		__u64 hash = dedup_ids_entry_hash(entries[i]);

		bucket_put(set, dedup_ids_bucket_number(hash) & high ? to : from, entries[i]);
	}
	__atomic_store_n(&set->buckets, number + 1, __ATOMIC_RELAXED);
}

void dedup_ids_grow_slow(struct dedup_ids *set, __u64 asked)
{
	if (set->buckets == set->buckets_max)
		return;
	if (set->buckets > set->bucket_mask)
		__atomic_store_n(&set->bucket_mask, 2 * set->bucket_mask + 1, __ATOMIC_RELAXED);
	for (__u64 i = 0; i < asked && set->buckets <= set->bucket_mask; i += DEDUP_IDS_PER_SPLIT)
		bucket_split(set);
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
static void bucket_scrub(const struct dedup_ids *set, __u64 *bucket)
{
	for (unsigned int i = 0; i < BUCKET; i++)
		bucket[i] &= -(__u64)set->is_live[generation_of(bucket[i])];
}

__u64 dedup_ids_scrub(struct dedup_ids *set, __u64 buckets_max)
{
	__u64 done = 0;

	if (!buckets_max || (set->scrub_at == 0 && !set->dead))
		return 0;
	if (set->scrub_at == 0) {
		generations_move(set, DEDUP_IDS_DEAD, DEDUP_IDS_DYING);
		set->dead = 0;
		set->scrub_end = set->buckets;
	}
	while (done < buckets_max && set->scrub_at < set->scrub_end) {
		bucket_scrub(set, set->lines + (set->scrub_at++ << set->bucket_shift));
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
	const __u64 buckets = set->scrub_at ? set->scrub_end : set->buckets;
	__u64 taken, due;

	if (set->clean >= SCRUB_SPARE || (set->scrub_at == 0 && !set->dead))
		return 0;
	taken = SCRUB_SPARE - set->clean;
	due = taken < SCRUB_SPARE / 2 ? buckets * taken / (SCRUB_SPARE / 2) : buckets;
	return due > set->scrub_at ? due - set->scrub_at : 0;
}
