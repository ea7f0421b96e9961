/* SPDX-License-Identifier: BSD-2-Clause */
/* The set and the registers, and the way from one to the other and between sketches; what they look
 * like in rows is next door, in sketch_distinct_bytes.c. */
#include "core/sketch/sketch_distinct.h"

#include <assert.h>
#include <errno.h>

/* Hashes that a block may hold: 8 fill the smallest one, more leave an eighth free. */
static unsigned int slots_room(unsigned int bits)
{
	return !bits ? 0 : bits == 3 ? 8 : 7u << bits >> 3;
}

void sketch_distinct_clear(struct sketch_distinct *sketch, struct sketch_pool *pool)
{
	sketch_pool_give(pool, sketch->block);
	*sketch = sketch_distinct_empty(sketch->precision);
}

int sketch_distinct_lose(struct sketch_distinct *sketch, struct sketch_pool *pool)
{
	if (sketch->form == SKETCH_DISTINCT_LOST)
		return 0;
	sketch_distinct_clear(sketch, pool);
	sketch->form = SKETCH_DISTINCT_LOST;
	return -ENOSPC;
}

/* Where a hash other than 0 is, or would be: NULL when the table is full without it. A line is
 * filled from its start, and when it is full the next one. */
static __u64 *slot_find(__u64 *slots, unsigned int bits, __u64 hash)
{
	const unsigned int mask = (1u << bits) - 1;
	const unsigned int at = sketch_distinct_line(hash, bits) * SKETCH_DISTINCT_LINE;

	for (unsigned int i = 0; i <= mask; i++) {
		__u64 *slot = &slots[(at + i) & mask];

		if (*slot == hash || *slot == 0)
			return slot;
	}
	return NULL;
}

/* The k-th place of an exact sketch in table order, then the hash 0 if it has it; *at goes on. */
static bool exact_next(const struct sketch_distinct *sketch, const struct sketch_pool *pool,
		       unsigned int *at, __u64 *hash)
{
	unsigned int slots = sketch->slots_bits ? 1u << sketch->slots_bits : 0;

	while (*at < slots) {
		*hash = ((const __u64 *)sketch_pool_block(pool, sketch->block))[(*at)++];
		if (*hash)
			return true;
	}
	*hash = 0;
	return (*at)++ == slots && sketch->has_zero;
}

static unsigned int exact_count(const struct sketch_distinct *sketch)
{
	return sketch->count + sketch->has_zero;
}

/* Moves the hashes to a table with twice the places. */
static int exact_grow(struct sketch_distinct *sketch, struct sketch_pool *pool)
{
	unsigned int at = 0, bits = sketch->slots_bits ? sketch->slots_bits + 1u : 3;
	__u32 block = sketch_pool_take(pool, 8u << bits);
	__u64 *slots, hash;

	if (!block)
		return sketch_distinct_lose(sketch, pool);
	slots = sketch_pool_block(pool, block);
	memset(slots, 0, 8u << bits);
	while (exact_next(sketch, pool, &at, &hash))
		if (hash)
			*slot_find(slots, bits, hash) = hash;
	sketch_pool_give(pool, sketch->block);
	sketch->block = block;
	sketch->slots_bits = bits & 15;
	return 0;
}

/* From hashes to registers. */
static int promote(struct sketch_distinct *sketch, struct sketch_pool *pool)
{
	unsigned int at = 0;
	__u32 block = sketch_pool_take(pool, 1u << sketch->precision);
	__u8 *registers;
	__u64 hash;

	if (!block)
		return sketch_distinct_lose(sketch, pool);
	registers = sketch_pool_block(pool, block);
	memset(registers, 0, 1u << sketch->precision);
	while (exact_next(sketch, pool, &at, &hash))
		sketch_distinct_register_raise(registers, sketch->precision, hash);
	sketch_distinct_clear(sketch, pool);
	sketch->block = block;
	sketch->form = SKETCH_DISTINCT_REGISTERS;
	return 0;
}

/* Where a hash other than 0 is, or would be; NULL: nowhere yet. */
static __u64 *exact_find(const struct sketch_distinct *sketch, const struct sketch_pool *pool,
			 __u64 hash)
{
	if (!sketch->slots_bits)
		return NULL;
	return slot_find(sketch_pool_block(pool, sketch->block), sketch->slots_bits, hash);
}

/* 1: the set has it now; 0: there is no room for one more; -ENOSPC. */
static int exact_add(struct sketch_distinct *sketch, struct sketch_pool *pool, __u64 hash)
{
	__u64 *slot = hash ? exact_find(sketch, pool, hash) : NULL;

	if (hash ? slot && *slot : sketch->has_zero)
		return 1;
	if (exact_count(sketch) == SKETCH_DISTINCT_EXACT_MAX)
		return 0;
	if (!hash) {
		sketch->has_zero = 1;
		return 1;
	}
	if (sketch->count == slots_room(sketch->slots_bits)) {
		int error = exact_grow(sketch, pool);

		if (error)
			return error;
		slot = exact_find(sketch, pool, hash);
	}
	assert(slot);
	*slot = hash;
	sketch->count++;
	return 1;
}

int sketch_distinct_add_slow(struct sketch_distinct *sketch, struct sketch_pool *pool, __u64 hash)
{
	int answer;

	if (sketch->form == SKETCH_DISTINCT_LOST)
		return 0;
	if (sketch->form == SKETCH_DISTINCT_EXACT) {
		answer = exact_add(sketch, pool, hash);
		if (answer)
			return answer < 0 ? answer : 0;
		answer = promote(sketch, pool);
		if (answer)
			return answer;
	}
	sketch_distinct_register_raise(sketch_pool_block(pool, sketch->block), sketch->precision,
				       hash);
	return 0;
}

/* One register of a higher precision in a lower one: the bits that leave the index join the
 * front of the rest, so they decide the rank unless all are zero. */
static void register_fold(__u8 *registers, unsigned int precision, unsigned int index, __u8 rank,
			  unsigned int index_precision)
{
	unsigned int more = index >> precision;
	__u8 *place = &registers[index & ((1u << precision) - 1)];

	if (!rank)
		return;
	if (more)
		rank = (__u8)(__builtin_ctz(more) + 1);
	else
		rank = (__u8)(rank + index_precision - precision);
	if (*place < rank)
		*place = rank;
}

static void registers_merge(__u8 *registers, unsigned int precision, const __u8 *from,
			    unsigned int from_precision)
{
	unsigned int count = 1u << from_precision;

	if (precision != from_precision) {
		for (unsigned int i = 0; i < count; i++)
			register_fold(registers, precision, i, from[i], from_precision);
		return;
	}
	for (unsigned int i = 0; i < count; i += 64)	/* a constant inner count is vectorised */
		for (unsigned int j = i; j < i + 64; j++)
			registers[j] = registers[j] < from[j] ? from[j] : registers[j];
}

int sketch_distinct_merge_registers(struct sketch_distinct *sketch, struct sketch_pool *pool,
				    const __u8 *from, unsigned int from_precision)
{
	if (from_precision < sketch->precision)
		return -EINVAL;
	if (sketch->form == SKETCH_DISTINCT_LOST)
		return 0;
	if (sketch->form == SKETCH_DISTINCT_EXACT) {
		int error = promote(sketch, pool);

		if (error)
			return error;
	}
	registers_merge(sketch_pool_block(pool, sketch->block), sketch->precision, from,
			from_precision);
	return 0;
}

int sketch_distinct_merge(struct sketch_distinct *sketch, struct sketch_pool *pool,
			  const struct sketch_distinct *from, const struct sketch_pool *from_pool)
{
	unsigned int at = 0;
	__u64 hash;

	if (from->form == SKETCH_DISTINCT_REGISTERS && from->precision < sketch->precision)
		return -EINVAL;
	if (sketch->form == SKETCH_DISTINCT_LOST || sketch == from)
		return 0;
	if (from->form == SKETCH_DISTINCT_LOST)
		return sketch_distinct_lose(sketch, pool);
	if (from->form == SKETCH_DISTINCT_REGISTERS)
		return sketch_distinct_merge_registers(sketch, pool,
						       sketch_pool_block(from_pool, from->block),
						       from->precision);
	while (exact_next(from, from_pool, &at, &hash)) {
		int error = sketch_distinct_add_hash(sketch, pool, hash);

		if (error)
			return error;
	}
	return 0;
}

int sketch_distinct_registers(const struct sketch_distinct *sketch, const struct sketch_pool *pool,
			      unsigned int precision, __u8 *registers)
{
	unsigned int at = 0;
	__u64 hash;

	if (sketch->form == SKETCH_DISTINCT_LOST)
		return -ENODATA;
	if (sketch->form == SKETCH_DISTINCT_REGISTERS && sketch->precision < precision)
		return -EINVAL;
	memset(registers, 0, 1u << precision);
	if (sketch->form == SKETCH_DISTINCT_REGISTERS)
		registers_merge(registers, precision, sketch_pool_block(pool, sketch->block),
				sketch->precision);
	else
		while (exact_next(sketch, pool, &at, &hash))
			sketch_distinct_register_raise(registers, precision, hash);
	return 0;
}

/* The table is nearly in order, so insertion is enough. */
unsigned int sketch_distinct_hashes(const struct sketch_distinct *sketch,
				    const struct sketch_pool *pool, __u64 *sorted)
{
	unsigned int at = 0, count = 0;
	__u64 hash;

	while (exact_next(sketch, pool, &at, &hash)) {
		unsigned int place = count++;

		for (; place > 0 && sorted[place - 1] > hash; place--)
			sorted[place] = sorted[place - 1];
		sorted[place] = hash;
	}
	return count;
}
