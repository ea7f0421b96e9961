/* SPDX-License-Identifier: BSD-2-Clause */
/* The bitmap is a ring: the bit of a sequence is sequence mod 8192, so nothing moves when the
 * window does. Only distances between sequences are ever compared, which is what makes
 * wrapping harmless. */
#include "core/dedup_sequence.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/spin.h"

#define DEPTH DEDUP_SEQUENCE_DEPTH
#define WORDS (DEPTH / 64)

_Static_assert(DEPTH % 64 == 0 && (DEPTH & (DEPTH - 1)) == 0, "sequences wrap at a multiple of it");
_Static_assert(DEPTH <= UINT16_MAX, "span and held fit 16 bits");

size_t dedup_sequence_bytes(__u32 sources_max)
{
	return sources_max * (sizeof(struct dedup_source) +
			      DEDUP_SEQUENCE_EPOCHS * WORDS * sizeof(__u64));
}

void dedup_sequence_open(struct dedup_sequence *dedup, void *memory, __u32 sources_max)
{
	assert((uintptr_t)memory % DEDUP_SEQUENCE_ALIGN == 0);
	*dedup = (struct dedup_sequence){
		.sources = memory,
		.bits = (__u64 *)((struct dedup_source *)memory + sources_max),
		.sources_max = sources_max,
	};
}

static __u64 *lane_bits(const struct dedup_sequence *dedup, __u32 source, unsigned int lane)
{
	return dedup->bits + ((size_t)lane * dedup->sources_max + source) * WORDS;
}

/* Clears `count` (below DEPTH) bits from that of `sequence` on; returns how many were set. */
static unsigned int bits_clear(__u64 *bits, __u64 sequence, unsigned int count)
{
	unsigned int set = 0, at = (unsigned int)(sequence % DEPTH);

	while (count > 0) {
		unsigned int shift = at % 64, length = 64 - shift < count ? 64 - shift : count;
		__u64 mask = (~0ull >> (64 - length)) << shift;

		set += (unsigned int)__builtin_popcountll(bits[at / 64] & mask);
		bits[at / 64] &= ~mask;
		at = (at + length) % DEPTH;
		count -= length;
	}
	return set;
}

/* Moves the window up by `distance`; returns how many sequences slid out unseen. */
static __u64 lane_advance(struct dedup_lane *lane, __u64 *bits, __u64 distance)
{
	__u64 span = lane->span + distance, out = span > DEPTH ? span - DEPTH : 0;
	unsigned int seen = lane->held;

	if (distance < DEPTH)
		seen = bits_clear(bits, lane->highest + 1, (unsigned int)distance);
	else
		memset(bits, 0, WORDS * sizeof(*bits));
	lane->held = (__u16)(lane->held - seen);
	lane->span = (__u16)(span - out);
	lane->highest += distance;
	return out - seen;
}

/* Starts the lane at `sequence`, with `before` sequences below it expected as well. */
static void lane_open(struct dedup_lane *lane, __u64 *bits, __u32 epoch, __u64 sequence,
		      unsigned int before)
{
	if (lane->span)
		memset(bits, 0, WORDS * sizeof(*bits));
	*lane = (struct dedup_lane){
		.highest = sequence,
		.epoch = epoch,
		.span = (__u16)(before + 1),
		.held = 1,
	};
	bits[sequence % DEPTH / 64] |= 1ull << sequence % 64;
}

static bool is_retired(const struct dedup_source *source, __u32 epoch)
{
	for (unsigned int i = 0; i < source->retired_count; i++)
		if (source->retired[i] == epoch)
			return true;
	return false;
}

static void retire(struct dedup_source *source, const struct dedup_lane *lane)
{
	source->missing += (__u64)(lane->span - lane->held);
	source->retired[source->retired_next] = lane->epoch;
	source->retired_next = (source->retired_next + 1) % DEDUP_SEQUENCE_RETIRED;
	if (source->retired_count < DEDUP_SEQUENCE_RETIRED)
		source->retired_count++;
}

/* An epoch that is not open. A sender that was known before starts its sequence at 0, so what
 * is below the first we see is expected too; of a sender we never saw, we may have come in the
 * middle. */
static enum dedup_verdict epoch_open(struct dedup_sequence *dedup, __u32 source, __u32 epoch,
				     __u64 sequence)
{
	struct dedup_source *state = &dedup->sources[source];
	bool is_known = state->lane[state->newest].span;
	unsigned int place = is_known ? !state->newest : 0, before = 0;

	if (is_retired(state, epoch))
		return DEDUP_STALE;
	if (is_known) {
		__atomic_fetch_add(&dedup->epochs_opened, 1, __ATOMIC_RELAXED);
		before = sequence < DEPTH ? (unsigned int)sequence : 0;
	}
	if (state->lane[place].span)
		retire(state, &state->lane[place]);
	lane_open(&state->lane[place], lane_bits(dedup, source, place), epoch, sequence, before);
	state->newest = (__u8)place;
	return DEDUP_NEW;
}

static enum dedup_verdict ahead(struct dedup_sequence *dedup, struct dedup_source *source,
				struct dedup_lane *lane, __u64 *bits, __u64 distance)
{
	__u64 gaps = (__u64)(lane->span - lane->held);
	__u64 missing = lane_advance(lane, bits, distance);

	if (distance >= DEDUP_SEQUENCE_JUMP) {
		__atomic_fetch_add(&dedup->jumps, 1, __ATOMIC_RELAXED);
		missing = gaps;
		lane->span = 1;
	}
	source->missing += missing;
	bits[lane->highest % DEPTH / 64] |= 1ull << lane->highest % 64;
	lane->held++;
	return DEDUP_NEW;
}

static enum dedup_verdict behind(struct dedup_lane *lane, __u64 *bits, __u64 age)
{
	__u64 sequence = lane->highest - age, bit = 1ull << sequence % 64;
	__u64 *word = &bits[sequence % DEPTH / 64];

	if (age >= DEPTH)
		return DEDUP_STALE;
	if (*word & bit)
		return DEDUP_DUPLICATE;
	*word |= bit;
	lane->held++;
	if (lane->span <= age)
		lane->span = (__u16)(age + 1);
	return DEDUP_NEW;
}

static __u64 missing_of(const struct dedup_source *source)
{
	__u64 missing = source->missing;

	for (unsigned int i = 0; i < DEDUP_SEQUENCE_EPOCHS; i++)
		missing += (__u64)(source->lane[i].span - source->lane[i].held);
	return missing;
}

enum dedup_verdict dedup_sequence_test_and_set(struct dedup_sequence *dedup, __u32 source,
					       __u32 epoch, __u64 sequence)
{
	__s64 change;

	return dedup_sequence_test_and_set_change(dedup, source, epoch, sequence, &change);
}

enum dedup_verdict dedup_sequence_test_and_set_change(struct dedup_sequence *dedup, __u32 source,
						      __u32 epoch, __u64 sequence,
						      __s64 *missing_change)
{
	struct dedup_source *state = &dedup->sources[source];
	enum dedup_verdict verdict;
	__u64 missing;
	struct dedup_lane *lane;
	unsigned int place;
	__u64 distance;

	assert(source < dedup->sources_max);
	spin_lock(&state->lock);
	missing = missing_of(state);
	place = state->newest;
	if (state->lane[place].epoch != epoch)
		place = !place;
	lane = &state->lane[place];
	distance = sequence - lane->highest;
	if (lane->epoch != epoch || !lane->span)
		verdict = epoch_open(dedup, source, epoch, sequence);
	else if (distance - 1 < 1ull << 63)
		verdict = ahead(dedup, state, lane, lane_bits(dedup, source, place), distance);
	else
		verdict = behind(lane, lane_bits(dedup, source, place), 0 - distance);
	*missing_change = (__s64)(missing_of(state) - missing);
	spin_unlock(&state->lock);
	return verdict;
}

__u64 dedup_sequence_missing(struct dedup_sequence *dedup, __u32 source)
{
	struct dedup_source *state = &dedup->sources[source];
	__u64 missing;

	assert(source < dedup->sources_max);
	spin_lock(&state->lock);
	missing = missing_of(state);
	spin_unlock(&state->lock);
	return missing;
}
