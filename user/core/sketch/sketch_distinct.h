/* SPDX-License-Identifier: BSD-2-Clause */
/* How many different 64-bit values there were: the set of their hashes while there are at most
 * 256, then HyperLogLog registers that Redis would hold for the same values (as 8
 * little-endian bytes each). What a sketch holds depends on the set of values alone, not on
 * order, repetition or merges. When the pool is exhausted a sketch is lost: it says so from
 * then on, and whatever it is merged into is lost. */
#ifndef SLUICE_CORE_SKETCH_DISTINCT_H
#define SLUICE_CORE_SKETCH_DISTINCT_H

#include <stdbool.h>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "core/sketch/murmur64a.h"
#include "core/sketch/sketch_bytes.h"
#include "core/sketch/sketch_pool.h"

#define SKETCH_DISTINCT_EXACT_MAX 256u	/* values; beyond, registers are smaller and faster */
#define SKETCH_DISTINCT_PRECISION_MIN 12u	/* 4096 registers, standard error 1.6 % */
#define SKETCH_DISTINCT_PRECISION_MAX 14u	/* 16384 registers, 0.8 %: Redis */
#define SKETCH_DISTINCT_REDIS_BYTES (16u + 12288u)
#define SKETCH_DISTINCT_BYTES_MAX(precision) (sizeof(struct sketch_head) + (3u << (precision)) / 4u)

enum sketch_distinct_form {
	SKETCH_DISTINCT_EXACT,
	SKETCH_DISTINCT_REGISTERS,
	SKETCH_DISTINCT_LOST,
};

struct sketch_distinct {
	__u32 block;		/* lines of hashes (0: none yet), or one byte a register */
	__u16 count : 15;	/* exact: hashes in the block */
	__u16 has_zero : 1;	/* exact: the hash 0, which marks a free place in the block */
	__u8 form;		/* enum sketch_distinct_form */
	__u8 precision : 4;
	__u8 slots_bits : 4;	/* exact: the block has 2^slots_bits places; 0 without one */
};

SLUICE_ASSERT_SIZE(struct sketch_distinct, 8);

/* An empty one; precision is 12, 13 or 14. */
static inline struct sketch_distinct sketch_distinct_empty(unsigned int precision)
{
	return (struct sketch_distinct){ .precision = (__u8)(precision & 15) };
}

/* Gives its block back and empties it. */
void sketch_distinct_clear(struct sketch_distinct *sketch, struct sketch_pool *pool);

int sketch_distinct_add_slow(struct sketch_distinct *sketch, struct sketch_pool *pool, __u64 hash);

/* The register that a hash may raise, and what to. */
static inline __u8 *sketch_distinct_register(__u8 *registers, unsigned int precision, __u64 hash)
{
	return &registers[hash & ((1ull << precision) - 1)];
}

static inline __u8 sketch_distinct_rank(unsigned int precision, __u64 hash)
{
	__u64 rest = hash >> precision | 1ull << (64 - precision);

	return (__u8)(__builtin_ctzll(rest) + 1);
}

static inline void sketch_distinct_register_raise(__u8 *registers, unsigned int precision,
						  __u64 hash)
{
	__u8 *place = sketch_distinct_register(registers, precision, hash);
	__u8 rank = sketch_distinct_rank(precision, hash);

	if (*place < rank)
		*place = rank;
}

#define SKETCH_DISTINCT_LINE_BITS 3u	/* 8 hashes to a cache line */
#define SKETCH_DISTINCT_LINE (1u << SKETCH_DISTINCT_LINE_BITS)

/* Number of the first line to look for a hash in, by its highest bits. */
static inline unsigned int sketch_distinct_line(__u64 hash, unsigned int slots_bits)
{
	return (unsigned int)(hash >> 1 >> (63 + SKETCH_DISTINCT_LINE_BITS - slots_bits));
}

static inline __u64 *sketch_distinct_first(const struct sketch_distinct *sketch,
					   const struct sketch_pool *pool, __u64 hash)
{
	return (__u64 *)sketch_pool_block(pool, sketch->block) +
	       SKETCH_DISTINCT_LINE * sketch_distinct_line(hash, sketch->slots_bits);
}

/* Whether a hash other than 0 is in its first line, as most are: all eight are compared, since
 * where it is cannot be foreseen. */
static inline bool sketch_distinct_is_at_once(const struct sketch_distinct *sketch,
					      const struct sketch_pool *pool, __u64 hash)
{
	const __u64 *slots = sketch_distinct_first(sketch, pool, hash);
#if defined(__AVX2__)
	const __m256i wanted = _mm256_set1_epi64x((long long)hash);
	const __m256i low = _mm256_load_si256((const __m256i *)slots);
	const __m256i high = _mm256_load_si256((const __m256i *)(slots + 4));
	const __m256i same = _mm256_or_si256(_mm256_cmpeq_epi64(low, wanted),
					     _mm256_cmpeq_epi64(high, wanted));

	return !_mm256_testz_si256(same, same);
#else
	bool is_there = false;

	for (unsigned int i = 0; i < SKETCH_DISTINCT_LINE; i++)
		is_there |= slots[i] == hash;
	return is_there;
#endif
}

/* Adds murmur64a_u64(value, MURMUR64A_SEED_REDIS), for batches that have it already. -ENOSPC
 * once, when this made the sketch lost; 0 else. */
static inline int sketch_distinct_add_hash(struct sketch_distinct *sketch,
					   struct sketch_pool *pool, __u64 hash)
{
	if (sketch->form == SKETCH_DISTINCT_REGISTERS) {
		sketch_distinct_register_raise(sketch_pool_block(pool, sketch->block),
					       sketch->precision, hash);
		return 0;
	}
	if (sketch->slots_bits && hash && sketch_distinct_is_at_once(sketch, pool, hash))
		return 0;
	return sketch_distinct_add_slow(sketch, pool, hash);
}

/* Adds a value. As sketch_distinct_add_hash. */
static inline int sketch_distinct_add(struct sketch_distinct *sketch, struct sketch_pool *pool,
				      __u64 value)
{
	return sketch_distinct_add_hash(sketch, pool, murmur64a_u64(value, MURMUR64A_SEED_REDIS));
}

/* Fetches what adding a hash will look at first, into the second cache level; worth it for many
 * sketches. */
static inline __attribute__((always_inline)) void
sketch_distinct_prefetch(const struct sketch_distinct *sketch, const struct sketch_pool *pool,
			 __u64 hash)
{
	if (sketch->form == SKETCH_DISTINCT_REGISTERS)
		SKETCH_PREFETCH((const __u8 *)sketch_pool_block(pool, sketch->block) +
				(hash & ((1ull << sketch->precision) - 1)));
	else if (sketch->slots_bits)
		SKETCH_PREFETCH(sketch_distinct_first(sketch, pool, hash));
}

/* Adds all values of `from`, which stays as it is and may live in another pool. Registers of a
 * higher precision are folded exactly; -EINVAL for registers of a lower one. -ENOSPC as above. */
int sketch_distinct_merge(struct sketch_distinct *sketch, struct sketch_pool *pool,
			  const struct sketch_distinct *from, const struct sketch_pool *from_pool);

/* Raises the registers to those of a sketch of `precision`, one byte each: any precision that
 * is not lower (-EINVAL). -ENOSPC as above. */
int sketch_distinct_merge_registers(struct sketch_distinct *sketch, struct sketch_pool *pool,
				    const __u8 *registers, unsigned int precision);

/* Gives its block back and marks it lost. -ENOSPC when it was not lost before, else 0. */
int sketch_distinct_lose(struct sketch_distinct *sketch, struct sketch_pool *pool);

/* The count, exact when sketch_distinct_is_exact; else Ertl's improved estimate (arXiv 1702.01284,
 * algorithm 6). -ENODATA when lost. */
int sketch_distinct_estimate(const struct sketch_distinct *sketch, const struct sketch_pool *pool,
			     __u64 *count);

static inline bool sketch_distinct_is_exact(const struct sketch_distinct *sketch)
{
	return sketch->form == SKETCH_DISTINCT_EXACT;
}

/* The bytes sketch_distinct_write will write: at most SKETCH_DISTINCT_BYTES_MAX(precision). */
size_t sketch_distinct_bytes(const struct sketch_distinct *sketch);

/* Writes the canonical bytes; returns how many, or -ENOBUFS when `room` is too small. */
long sketch_distinct_write(const struct sketch_distinct *sketch, const struct sketch_pool *pool,
			   void *bytes, size_t room);

/* Adds all values of a written sketch at `bytes`, which need no alignment. -EBADMSG (and nothing is
 * added) for bytes that no sketch_distinct_write wrote; else as sketch_distinct_merge. */
int sketch_distinct_merge_bytes(struct sketch_distinct *sketch, struct sketch_pool *pool,
				const void *bytes, size_t room);

/* Exact sketches: their hashes, ascending, up to SKETCH_DISTINCT_EXACT_MAX; returns how many. */
unsigned int sketch_distinct_hashes(const struct sketch_distinct *sketch,
				    const struct sketch_pool *pool, __u64 *sorted);

/* One byte a register at `precision`, for sinks; an exact sketch has them at every precision,
 * another one at its own and below. -EINVAL above, -ENODATA when lost. */
int sketch_distinct_registers(const struct sketch_distinct *sketch, const struct sketch_pool *pool,
			      unsigned int precision, __u8 *registers);

/* The string that Redis keeps for these values (SET it; then PFCOUNT and PFMERGE): dense,
 * cached count marked stale. Redis knows precision 14 only: -EINVAL for registers of 12 or 13,
 * which lack two or one bits of each index; exact sketches of any precision have them.
 * -ENODATA when lost. */
int sketch_distinct_export_redis(const struct sketch_distinct *sketch,
				 const struct sketch_pool *pool, __u8 *bytes);

#endif
