/* SPDX-License-Identifier: BSD-2-Clause */
/* The bitmap is a ring: the bit of a sequence is sequence mod 8192, so nothing moves when the
 * window does. Only distances between sequences are ever compared, which is what makes
 * wrapping harmless. */
#include "core/source/dedup_sequence.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

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

__u64 *dedup_sequence_bits(const struct dedup_sequence *dedup, __u32 source, unsigned int lane)
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
 * is below the first we see is expected too, as far as anybody can tell; of a sender we never saw,
 * we may have come in the middle. */
static enum dedup_verdict epoch_open(struct dedup_sequence *dedup, __u32 source, __u32 epoch,
				     __u64 sequence, struct dedup_step *step)
{
	struct dedup_source *state = &dedup->sources[source];
	bool is_known = state->lane[state->newest].span;
	unsigned int place = is_known ? !state->newest : 0, before = 0;

	if (is_retired(state, epoch))
		return DEDUP_STALE;
	if (is_known) {
		__atomic_fetch_add(&dedup->epochs_opened, 1, __ATOMIC_RELAXED);
		before = sequence < DEPTH ? (unsigned int)sequence : 0;
		step->is_unknown = sequence >= DEPTH;
	}
	if (state->lane[place].span)
		retire(state, &state->lane[place]);
	lane_open(&state->lane[place], dedup_sequence_bits(dedup, source, place), epoch, sequence,
		  before);
	state->newest = (__u8)place;
	step->lane = (__u8)place;
	step->is_highest = true;
	step->is_opened = true;
	step->missing = before;
	return DEDUP_NEW;
}

static enum dedup_verdict ahead(struct dedup_sequence *dedup, struct dedup_source *source,
				struct dedup_lane *lane, __u64 *bits, __u64 distance,
				struct dedup_step *step)
{
	__u64 gaps = (__u64)(lane->span - lane->held), first = lane->highest + 1;
	__u64 missing = lane_advance(lane, bits, distance);

	step->is_highest = true;
	step->first = first;
	if (distance >= DEDUP_SEQUENCE_JUMP) {
		__atomic_fetch_add(&dedup->jumps, 1, __ATOMIC_RELAXED);
		missing = gaps;
		lane->span = 1;
		step->is_unknown = true;
	} else {
		step->missing = (__s64)(distance - 1);
	}
	source->missing += missing;
	bits[lane->highest % DEPTH / 64] |= 1ull << lane->highest % 64;
	lane->held++;
	return DEDUP_NEW;
}

static enum dedup_verdict behind(struct dedup_lane *lane, __u64 *bits, __u64 age,
				 struct dedup_step *step)
{
	__u64 sequence = lane->highest - age, bit = 1ull << sequence % 64;
	__u64 *word = &bits[sequence % DEPTH / 64];

	if (age >= DEPTH)
		return DEDUP_STALE;
	if (*word & bit)
		return DEDUP_DUPLICATE;
	*word |= bit;
	lane->held++;
	step->missing = -1;
	if (lane->span <= age) {
		step->first = sequence + 1;
		step->missing = (__s64)(age - lane->span);
		lane->span = (__u16)(age + 1);
	}
	return DEDUP_NEW;
}

/* The lane of an epoch, or that of the other. */
static unsigned int lane_of(const struct dedup_source *state, __u32 epoch)
{
	unsigned int place = state->newest;

	return state->lane[place].epoch == epoch ? place : !place;
}

static bool is_ahead(__u64 distance)
{
	return distance - 1 < 1ull << 63;
}

enum dedup_verdict dedup_sequence_take(struct dedup_sequence *dedup, __u32 source, __u32 epoch,
				       __u64 sequence, struct dedup_step *step)
{
	struct dedup_source *state = &dedup->sources[source];
	unsigned int place = lane_of(state, epoch);
	struct dedup_lane *lane = &state->lane[place];
	__u64 distance = sequence - lane->highest;
	__u64 *bits = dedup_sequence_bits(dedup, source, place);

	assert(source < dedup->sources_max);
	*step = (struct dedup_step){ .lane = (__u8)place };
	if (lane->epoch != epoch || !lane->span)
		return epoch_open(dedup, source, epoch, sequence, step);
	if (is_ahead(distance))
		return ahead(dedup, state, lane, bits, distance, step);
	return behind(lane, bits, 0 - distance, step);
}

enum dedup_verdict dedup_sequence_look(const struct dedup_sequence *dedup, __u32 source,
				       __u32 epoch, __u64 sequence, bool *is_highest)
{
	const struct dedup_source *state = &dedup->sources[source];
	unsigned int place = lane_of(state, epoch);
	const struct dedup_lane *lane = &state->lane[place];
	const __u64 *bits = dedup_sequence_bits(dedup, source, place);
	__u64 age = lane->highest - sequence;

	assert(source < dedup->sources_max);
	*is_highest = true;
	if (lane->epoch != epoch || !lane->span)
		return is_retired(state, epoch) ? DEDUP_STALE : DEDUP_NEW;
	if (is_ahead(0 - age))
		return DEDUP_NEW;
	*is_highest = false;
	if (age >= DEPTH)
		return DEDUP_STALE;
	return bits[sequence % DEPTH / 64] >> sequence % 64 & 1 ? DEDUP_DUPLICATE : DEDUP_NEW;
}

void dedup_sequence_forget(struct dedup_sequence *dedup, __u32 source)
{
	struct dedup_source *state = &dedup->sources[source];

	for (unsigned int i = 0; i < DEDUP_SEQUENCE_EPOCHS; i++)
		if (state->lane[i].span) /* else its memory was never touched */
			memset(dedup_sequence_bits(dedup, source, i), 0, WORDS * sizeof(__u64));
	*state = (struct dedup_source){ 0 };
}

static unsigned int count_held(const struct dedup_lane *lane, const __u64 *bits)
{
	unsigned int held = 0;

	for (unsigned int i = 0; i < lane->span; i++) {
		__u64 sequence = lane->highest - i;

		held += (unsigned int)(bits[sequence % DEPTH / 64] >> sequence % 64 & 1);
	}
	return held;
}

bool dedup_sequence_restore(struct dedup_sequence *dedup, __u32 source, unsigned int lane_index,
			    const struct dedup_lane *lane, const __u64 *bits)
{
	struct dedup_source *state = &dedup->sources[source];
	__u64 *to = dedup_sequence_bits(dedup, source, lane_index);
	unsigned int held = bits ? count_held(lane, bits) : lane->span;

	if (lane->span == 0 || lane->span > DEPTH || held == 0 ||
	    state->lane[lane_index].span)
		return false;
	state->lane[lane_index] = *lane;
	state->lane[lane_index].held = (__u16)held;
	state->newest = (__u8)lane_index;
	for (unsigned int i = 0; i < lane->span; i++) {
		__u64 sequence = lane->highest - i;

		if (!bits || bits[sequence % DEPTH / 64] >> sequence % 64 & 1)
			to[sequence % DEPTH / 64] |= 1ull << sequence % 64;
	}
	return true;
}

__u64 dedup_sequence_missing(const struct dedup_sequence *dedup, __u32 source)
{
	const struct dedup_source *state = &dedup->sources[source];
	__u64 missing = state->missing;

	assert(source < dedup->sources_max);
	for (unsigned int i = 0; i < DEDUP_SEQUENCE_EPOCHS; i++)
		missing += (__u64)(state->lane[i].span - state->lane[i].held);
	return missing;
}
