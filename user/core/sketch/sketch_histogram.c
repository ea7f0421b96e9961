/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of a small histogram, and the counts of a large one: one block from the chunk of the
 * lowest bucket on, so that a bucket is found without a look at anything else; most of them are
 * narrow. The bytes are next door, in sketch_histogram_bytes.c. */
#include "core/sketch/sketch_histogram.h"

#include <assert.h>
#include <errno.h>

#define NARROW_MAX 0xffffu
#define CODE_NONE 0xffffu /* in the free places of a list */
#define LIST_SHORT 16u /* buckets that fill a cache line */

_Static_assert(SKETCH_HISTOGRAM_CODES(SKETCH_HISTOGRAM_SCALE_MAX) < CODE_NONE, "a code fits");
_Static_assert(SKETCH_HISTOGRAM_CHUNK * sizeof(__u16) == SKETCH_BLOCK_BYTES_MIN,
	       "a narrow chunk is a block");
_Static_assert(SKETCH_HISTOGRAM_CODES(SKETCH_HISTOGRAM_SCALE_MAX) * sizeof(__u64) <=
		       SKETCH_BLOCK_BYTES_MAX,
	       "all counts fit a block");

/* Chunks of buckets, both ends included; none while low > high. */
struct chunk_range {
	unsigned int low, high;
};

static const struct chunk_range no_chunks = { .low = ~0u };

static struct chunk_range range_with(struct chunk_range range, unsigned int chunk)
{
	return (struct chunk_range){ chunk < range.low ? chunk : range.low,
				     chunk > range.high ? chunk : range.high };
}

void sketch_histogram_clear(struct sketch_histogram *sketch, struct sketch_pool *pool)
{
	sketch_pool_give(pool, sketch->block);
	*sketch = sketch_histogram_empty(sketch->scale);
}

int sketch_histogram_lose(struct sketch_histogram *sketch, struct sketch_pool *pool)
{
	if (sketch->form == SKETCH_HISTOGRAM_LOST)
		return 0;
	sketch_histogram_clear(sketch, pool);
	sketch->form = SKETCH_HISTOGRAM_LOST;
	return -ENOSPC;
}

/* A list's block: the codes, then the counts. */
static unsigned int list_room(const struct sketch_histogram *sketch)
{
	return !sketch->extent		      ? 0
	       : sketch->extent <= LIST_SHORT ? LIST_SHORT
					      : SKETCH_HISTOGRAM_LIST_MAX;
}

static __u16 *list_codes(const struct sketch_histogram *sketch, const struct sketch_pool *pool)
{
	return sketch_pool_block(pool, sketch->block);
}

/* The place of a code in a list, four at a time; the number of places when it is not there. */
static unsigned int list_find(const struct sketch_histogram *sketch, const struct sketch_pool *pool,
			      unsigned int code)
{
	const __u64 ones = 0x0001000100010001ull, wanted = ones * code;
	unsigned int at = 0, room = list_room(sketch);

	for (; at < room; at += 4) {
		__u64 four, zero;

		memcpy(&four, list_codes(sketch, pool) + at, sizeof(four));
		four ^= wanted;
		zero = (four - ones) & ~four & ones << 15; /* right up to the first zero */
		if (zero)
			return at + (unsigned int)__builtin_ctzll(zero) / 16;
	}
	return at;
}

/* Room in the list for one more. */
static int list_grow(struct sketch_histogram *sketch, struct sketch_pool *pool)
{
	unsigned int had = list_room(sketch), room = had ? SKETCH_HISTOGRAM_LIST_MAX : LIST_SHORT;
	__u32 block;
	__u16 *list;

	if (sketch->extent < had)
		return 0;
	block = sketch_pool_take(pool, room * 2 * sizeof(__u16));
	if (!block)
		return sketch_histogram_lose(sketch, pool);
	list = sketch_pool_block(pool, block);
	memset(list, 0xff, room * sizeof(*list));
	if (had) {
		memcpy(list, list_codes(sketch, pool), had * sizeof(*list));
		memcpy(list + room, list_codes(sketch, pool) + had, had * sizeof(*list));
	}
	sketch_pool_give(pool, sketch->block);
	sketch->block = block;
	return 0;
}

/* 1: the list took it; 0: it cannot; -ENOSPC. */
static int list_add(struct sketch_histogram *sketch, struct sketch_pool *pool, unsigned int code,
		    __u64 weight)
{
	unsigned int room = list_room(sketch), at = list_find(sketch, pool, code);
	__u16 *codes = list_codes(sketch, pool);
	int error;

	if (at < room) {
		if (weight > NARROW_MAX - codes[room + at])
			return 0;
		codes[room + at] = (__u16)(codes[room + at] + weight);
		return 1;
	}
	if (weight > NARROW_MAX || sketch->extent == SKETCH_HISTOGRAM_LIST_MAX)
		return 0;
	error = list_grow(sketch, pool);
	if (error)
		return error;
	at = sketch->extent++;
	codes = list_codes(sketch, pool);
	codes[at] = (__u16)code;
	codes[list_room(sketch) + at] = (__u16)weight;
	return 1;
}

static bool list_next(const struct sketch_histogram *sketch, const struct sketch_pool *pool,
		      unsigned int *code, __u64 *count)
{
	const __u16 *codes = list_codes(sketch, pool);
	unsigned int best = CODE_NONE, best_at = 0;

	for (unsigned int i = 0; i < sketch->extent; i++) {
		if (codes[i] >= *code && codes[i] < best) {
			best = codes[i];
			best_at = i;
		}
	}
	if (best == CODE_NONE)
		return false;
	*code = best;
	*count = codes[list_room(sketch) + best_at];
	return true;
}

/* The first count from a place on that is not 0: *at goes on to it. False: there is none. */
static bool counts_next(const struct sketch_histogram *sketch, const struct sketch_pool *pool,
			unsigned int *at, __u64 *count)
{
	const void *block = sketch_pool_block(pool, sketch->block);
	const unsigned int places = sketch_histogram_places(sketch);

	if (sketch->form == SKETCH_HISTOGRAM_WIDE) {
		const __u64 *counts = block;

		while (*at < places && !counts[*at])
			++*at;
		*count = *at < places ? counts[*at] : 0;
		return *count;
	}
	while (*at < places) {
		__u64 four;

		memcpy(&four, (const __u16 *)block + *at / 4 * 4, sizeof(four));
		four >>= *at % 4 * 16;
		if (four) {
			*at += (unsigned int)__builtin_ctzll(four) / 16;
			*count = ((const __u16 *)block)[*at];
			return true;
		}
		*at = *at / 4 * 4 + 4;
	}
	return false;
}

bool sketch_histogram_next(const struct sketch_histogram *sketch, const struct sketch_pool *pool,
			   unsigned int *code, __u64 *count)
{
	const unsigned int first = sketch->first * SKETCH_HISTOGRAM_CHUNK;
	unsigned int at = *code > first ? *code - first : 0;

	if (sketch->form == SKETCH_HISTOGRAM_LIST)
		return sketch->extent && list_next(sketch, pool, code, count);
	if (sketch->form == SKETCH_HISTOGRAM_LOST || !counts_next(sketch, pool, &at, count))
		return false;
	*code = first + at;
	return true;
}

/* The chunks that have a count other than 0. */
static struct chunk_range used_chunks(const struct sketch_histogram *sketch,
				      const struct sketch_pool *pool)
{
	struct chunk_range range = no_chunks;
	unsigned int code = 0;
	__u64 count;

	if (sketch->form == SKETCH_HISTOGRAM_LIST) {
		for (unsigned int i = 0; i < sketch->extent; i++)
			range = range_with(range,
					   list_codes(sketch, pool)[i] / SKETCH_HISTOGRAM_CHUNK);
		return range;
	}
	while (sketch_histogram_next(sketch, pool, &code, &count)) {
		range = range_with(range, code / SKETCH_HISTOGRAM_CHUNK);
		code = (range.high + 1) * SKETCH_HISTOGRAM_CHUNK;
	}
	return range;
}

/* Empty counts over a range and, as blocks are powers of two, some more: on the side to which a
 * sketch that began at `first` grows. False: the pool is exhausted. */
static bool counts_make(struct sketch_histogram *sketch, struct sketch_pool *pool,
			struct chunk_range range, unsigned int first)
{
	const unsigned int chunks_max =
		SKETCH_HISTOGRAM_CODES(sketch->scale) / SKETCH_HISTOGRAM_CHUNK;
	unsigned int log2 = 0, more;
	size_t bytes = SKETCH_HISTOGRAM_CHUNK *
		       (sketch->form == SKETCH_HISTOGRAM_WIDE ? sizeof(__u64) : sizeof(__u16));

	while (1u << log2 <= range.high - range.low)
		log2++;
	more = (1u << log2) - (range.high - range.low + 1);
	if (range.low < first)
		range.low -= more < range.low ? more : range.low;
	if (range.low + (1u << log2) > chunks_max)
		range.low = chunks_max - (1u << log2);
	bytes <<= log2;
	sketch->block = sketch_pool_take(pool, bytes);
	if (!sketch->block)
		return false;
	memset(sketch_pool_block(pool, sketch->block), 0, bytes);
	sketch->extent = (__u8)log2;
	sketch->first = (__u8)range.low;
	return true;
}

/* What a list holds, into counts that are all 0. */
static void counts_take_list(struct sketch_histogram *sketch, struct sketch_pool *pool,
			     const struct sketch_histogram *list)
{
	const __u16 *codes = list_codes(list, pool), *counts = codes + list_room(list);
	void *block = sketch_pool_block(pool, sketch->block);

	for (unsigned int i = 0; i < list->extent; i++) {
		unsigned int at = sketch_histogram_place(sketch, codes[i]);

		if (sketch->form == SKETCH_HISTOGRAM_WIDE)
			((__u64 *)block)[at] = counts[i];
		else
			((__u16 *)block)[at] = counts[i];
	}
}

/* The counts of these chunks, into others that are all 0 and at least as wide. */
static void counts_take(struct sketch_histogram *sketch, struct sketch_pool *pool,
			const struct sketch_histogram *from, struct chunk_range chunks)
{
	const unsigned int code = chunks.low * SKETCH_HISTOGRAM_CHUNK;
	const unsigned int places = (chunks.high - chunks.low + 1) * SKETCH_HISTOGRAM_CHUNK;
	const unsigned int at = sketch_histogram_place(sketch, code);
	const unsigned int from_at = sketch_histogram_place(from, code);
	void *block = sketch_pool_block(pool, sketch->block);
	const void *from_block = sketch_pool_block(pool, from->block);

	if (from->form == SKETCH_HISTOGRAM_WIDE)
		memcpy((__u64 *)block + at, (const __u64 *)from_block + from_at,
		       places * sizeof(__u64));
	else if (sketch->form == SKETCH_HISTOGRAM_NARROW)
		memcpy((__u16 *)block + at, (const __u16 *)from_block + from_at,
		       places * sizeof(__u16));
	else
		for (unsigned int i = 0; i < places; i++)
			((__u64 *)block)[at + i] = ((const __u16 *)from_block)[from_at + i];
}

/* Becomes counts over what is in use and a range, wide or as they are. */
static int counts_cover(struct sketch_histogram *sketch, struct sketch_pool *pool,
			struct chunk_range range, bool is_wide)
{
	struct sketch_histogram had = *sketch;
	struct chunk_range used = used_chunks(sketch, pool);

	*sketch = sketch_histogram_empty(had.scale);
	sketch->form = is_wide || had.form == SKETCH_HISTOGRAM_WIDE ? SKETCH_HISTOGRAM_WIDE
								    : SKETCH_HISTOGRAM_NARROW;
	if (!counts_make(sketch, pool, range_with(range_with(used, range.low), range.high),
			 used.low <= used.high ? used.low : range.low)) {
		*sketch = had;
		return sketch_histogram_lose(sketch, pool);
	}
	if (had.form == SKETCH_HISTOGRAM_LIST)
		counts_take_list(sketch, pool, &had);
	else
		counts_take(sketch, pool, &had, used);
	sketch_pool_give(pool, had.block);
	return 0;
}

/* Whether the count of a code has to be wide to take so much more. */
static bool is_too_much(const struct sketch_histogram *sketch, const struct sketch_pool *pool,
			unsigned int code, __u64 weight)
{
	unsigned int found = code;
	__u64 count;

	if (!sketch_histogram_next(sketch, pool, &found, &count) || found != code)
		count = 0;
	return weight > NARROW_MAX || count + weight > NARROW_MAX;
}

int sketch_histogram_add_slow(struct sketch_histogram *sketch, struct sketch_pool *pool,
			      unsigned int code, __u64 weight)
{
	const unsigned int chunk = code / SKETCH_HISTOGRAM_CHUNK;
	int answer;

	assert(code < SKETCH_HISTOGRAM_CODES(sketch->scale));
	if (sketch->form == SKETCH_HISTOGRAM_LOST || !weight)
		return 0;
	if (sketch->form == SKETCH_HISTOGRAM_LIST) {
		answer = list_add(sketch, pool, code, weight);
		if (answer)
			return answer < 0 ? answer : 0;
	}
	answer = counts_cover(sketch, pool, (struct chunk_range){ chunk, chunk },
			      is_too_much(sketch, pool, code, weight));
	return answer ? answer : sketch_histogram_add_code(sketch, pool, code, weight);
}

/* Adds narrow counts. False, and nothing is added: some would not stay narrow. */
static bool narrow_merge(__u16 *counts, const __u16 *from, unsigned int places)
{
	__u16 overflow = 0;

	for (unsigned int i = 0; i < places; i++)
		overflow |= (__u16)(counts[i] + from[i]) < from[i];
	for (unsigned int i = 0; i < places && !overflow; i++)
		counts[i] = (__u16)(counts[i] + from[i]);
	return !overflow;
}

/* From narrow counts into narrow ones or a list, of one scale. 1: merged; 0: not; -ENOSPC. */
static int merge_as_narrow(struct sketch_histogram *sketch, struct sketch_pool *pool,
			   const struct sketch_histogram *from, const struct sketch_pool *from_pool)
{
	struct chunk_range range = used_chunks(from, from_pool);
	const __u16 *more = sketch_pool_block(from_pool, from->block);
	unsigned int at = range.low * SKETCH_HISTOGRAM_CHUNK;

	if (sketch->form == SKETCH_HISTOGRAM_LIST || range.low < sketch->first ||
	    range.high >= sketch->first + (1u << sketch->extent)) {
		int error = counts_cover(sketch, pool, range, false);

		if (error)
			return error;
	}
	return narrow_merge((__u16 *)sketch_pool_block(pool, sketch->block) +
				    sketch_histogram_place(sketch, at),
			    more + sketch_histogram_place(from, at),
			    (range.high - range.low + 1) * SKETCH_HISTOGRAM_CHUNK);
}

int sketch_histogram_merge(struct sketch_histogram *sketch, struct sketch_pool *pool,
			   const struct sketch_histogram *from, const struct sketch_pool *from_pool)
{
	unsigned int code = 0;
	int error = 0;
	__u64 count;

	if (from->scale < sketch->scale)
		return -EINVAL;
	if (sketch->form == SKETCH_HISTOGRAM_LOST)
		return 0;
	if (from->form == SKETCH_HISTOGRAM_LOST)
		return sketch_histogram_lose(sketch, pool);
	if (sketch->form != SKETCH_HISTOGRAM_WIDE && from->form == SKETCH_HISTOGRAM_NARROW &&
	    sketch->scale == from->scale) {
		int answer = merge_as_narrow(sketch, pool, from, from_pool);

		if (answer)
			return answer < 0 ? answer : 0;
	}
	for (; !error && sketch_histogram_next(from, from_pool, &code, &count); code++)
		error = sketch_histogram_add_code(
			sketch, pool, sketch_histogram_fold(code, from->scale, sketch->scale),
			count);
	return error;
}
