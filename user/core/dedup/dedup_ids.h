/* SPDX-License-Identifier: BSD-2-Clause */
/* Was this event here before? A set of (pane, event_id): a repeated event repeats its time, so
 * its pane. Exact as long as nothing had to be given up, and what was given up is counted: the
 * hash is a bijection of a pane's ids, and place and tag together are all of it. An id has a line
 * of 8 places in a bucket of 16 lines, where the next ones help out, so at the bound of half the
 * places none is displaced. The places of a pane that ended are free. The table doubles as ids
 * come, a bucket at a time; at the bound the oldest pane's set is dropped. One thread owns a set
 * at a time. */
#ifndef SLUICE_CORE_DEDUP_IDS_H
#define SLUICE_CORE_DEDUP_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "sluice/types.h"

#define DEDUP_IDS_LINE 8u /* ids in a cache line */
#define DEDUP_IDS_BUCKET_LINES 16u
#define DEDUP_IDS_BUCKET (DEDUP_IDS_BUCKET_LINES * DEDUP_IDS_LINE) /* places */
#define DEDUP_IDS_BUCKET_BYTES (DEDUP_IDS_BUCKET * 8u)
#define DEDUP_IDS_BUCKETS_MIN 256u /* with fewer, a tag of 56 bits is not all of the rest */
#define DEDUP_IDS_BYTES_MIN (DEDUP_IDS_BUCKETS_MIN * DEDUP_IDS_BUCKET_BYTES)
/* With so many ids in a bucket on average the table doubles, if it can: a bucket is split for every
 * few ids that are asked for. The last ones then have 84 on average, and in doubling one id of ten
 * million finds its bucket full. */
#define DEDUP_IDS_PER_BUCKET 76u
#define DEDUP_IDS_PER_SPLIT 8u
#define DEDUP_IDS_BYTES_PER_ID 16u /* of memory, at the bound */
#define DEDUP_IDS_GENERATIONS 256u /* 0 is none; a generation is a pane's name of 8 bits */
#define DEDUP_IDS_ALIGN 128u

enum dedup_ids_verdict {
	DEDUP_IDS_NEW,
	DEDUP_IDS_DUPLICATE,
	DEDUP_IDS_FORGOTTEN, /* its pane's set was dropped: cannot be told, to be taken as new */
};

enum dedup_ids_state {
	DEDUP_IDS_CLEAN, /* no id in the table has this generation */
	DEDUP_IDS_LIVE,
	DEDUP_IDS_DEAD, /* its ids are free places, to be wiped before the number serves again … */
	DEDUP_IDS_DYING, /* … and will have been at the end of this pass */
};

struct dedup_ids_generation {
	__s64 pane;
	__u32 ids;
	__u8 state; /* enum dedup_ids_state */
	__u8 zero[3];
};

struct dedup_ids_pane {
	__s64 pane;
	__u64 generation; /* 0: none */
};

struct dedup_ids {
	__u64 *lines;
	/* Buckets in use, up to buckets_max; the mask is one less than the power of two that they
	 * grow to. Both written atomically: others fetch lines. */
	__u64 buckets, bucket_mask, buckets_max;
	unsigned int bucket_shift; /* from one to the next there are 2^bucket_shift words */
	unsigned int live_panes;
	__u64 seed_in, seed_multiply;
	__u64 ids, ids_max; /* of live panes */
	/* Numbers of live generations: none is more than live_span behind live_first, modulo 256.
	 * Others in between may have ended. */
	__u64 live_first, live_span;
	__u64 scrub_at, scrub_end; /* of the pass; buckets made during it have nothing to wipe */
	unsigned int dead, clean; /* generations in these states */
	unsigned int last_number; /* of the generation that was opened last */
	unsigned int zero;
	__s64 floor_pane; /* nothing is remembered of panes before */
	__s64 newest_pane;
	__u64 displaced; /* ids of live panes that had to go because their bucket was full */
	__u64 dropped_panes; /* sets given up at the bound, before their pane ended */
	__u64 dropped_ids; /* … and what was in them */
	__u64 stalls; /* passes that could not wait for dedup_ids_scrub */
	struct dedup_ids_pane pane[DEDUP_IDS_GENERATIONS]; /* by pane mod 256 */
	struct dedup_ids_generation generation[DEDUP_IDS_GENERATIONS];
	__u8 is_live[DEDUP_IDS_GENERATIONS]; /* 1 in state DEDUP_IDS_LIVE */
};

/* Takes over `bytes` of zeroed memory at a 128-byte boundary, rounded down to a power of two, in
 * buckets: every `step`-th from the first one on, as sets that grow alike may lie in turns. step
 * is a power of two. `seed` is secret: senders choose ids. -EINVAL below DEDUP_IDS_BYTES_MIN. */
int dedup_ids_open(struct dedup_ids *set, void *memory, size_t bytes, unsigned int step,
		   __u64 seed);

/* The hash to ask with. Ids may well come again in every pane; they are spread over the table. */
static inline __u64 dedup_ids_hash(const struct dedup_ids *set, __s64 pane, __u64 event_id)
{
	__u64 hash = (event_id ^ set->seed_in ^ (__u64)pane * 0x8cb92ba72f3d8dd7ull) *
		     0x9e3779b97f4a7c15ull;

	hash = (hash ^ hash >> 32) * set->seed_multiply;
	hash = (hash ^ hash >> 29) * 0xd6e8feb86659fd93ull;
	return hash ^ hash >> 32;
}

/* What a place holds. */
static inline __u64 dedup_ids_entry(__u64 hash, unsigned int generation)
{
	return hash << 8 | generation;
}

/* The hash of an entry, but for its highest eight bits: those are in none. */
static inline __u64 dedup_ids_entry_hash(__u64 entry)
{
	return entry >> 8;
}

/* The number of a hash's bucket in a table without end: the highest eight bits of the hash, and
 * above them the others from bit 6 on. A table has the lower bits of it. */
static inline __u64 dedup_ids_bucket_number(__u64 hash)
{
	return hash >> 56 | (hash << 2 & ~0xffull);
}

static inline __u64 *dedup_ids_bucket(const struct dedup_ids *set, __u64 hash)
{
	const __u64 mask = __atomic_load_n(&set->bucket_mask, __ATOMIC_RELAXED);
	const __u64 buckets = __atomic_load_n(&set->buckets, __ATOMIC_RELAXED);
	__u64 number = dedup_ids_bucket_number(hash) & mask;

	number = number < buckets ? number : number & mask >> 1;
	return set->lines + (number << set->bucket_shift);
}

/* An id's own line in its bucket. */
static inline unsigned int dedup_ids_line_number(__u64 hash)
{
	return (hash >> 52) % DEDUP_IDS_BUCKET_LINES;
}

static inline __u64 *dedup_ids_line_in(__u64 *bucket, __u64 hash)
{
	return bucket + dedup_ids_line_number(hash) * DEDUP_IDS_LINE;
}

static inline __u64 *dedup_ids_line(const struct dedup_ids *set, __u64 hash)
{
	return dedup_ids_line_in(dedup_ids_bucket(set, hash), hash);
}

/* First phase of a batch: fetches the line, into the second cache level. */
static inline __attribute__((always_inline)) void dedup_ids_prefetch(const struct dedup_ids *set,
								     __u64 hash)
{
	__builtin_prefetch(dedup_ids_line(set, hash), 0, 2);
}

unsigned int dedup_ids_generation_open(struct dedup_ids *set, __s64 pane);

/* The generation of a pane, opened when it is new; 0 when it is before floor_pane. To be asked
 * again after any call for another pane. */
static inline unsigned int dedup_ids_generation(struct dedup_ids *set, __s64 pane)
{
	const struct dedup_ids_pane *place = &set->pane[(__u64)pane % DEDUP_IDS_GENERATIONS];

	if (__builtin_expect(place->generation && place->pane == pane, 1))
		return (unsigned int)place->generation;
	return dedup_ids_generation_open(set, pane);
}

enum dedup_ids_verdict dedup_ids_test_and_set_slow(struct dedup_ids *set, __u64 hash,
						   unsigned int generation);

/* The numbers of live generations, as a line is compared with them; until one is opened or ends. */
struct dedup_ids_live;
static inline struct dedup_ids_live dedup_ids_live(const struct dedup_ids *set);
static inline bool dedup_ids_line_has(const __u64 *line, __u64 entry);
/* A place of the line that may be taken; DEDUP_IDS_LINE: there is none. */
static inline unsigned int dedup_ids_line_free(const struct dedup_ids_live *live,
					       const __u64 *line);

#if defined(__AVX2__)
struct dedup_ids_live {
	__m256i first, span;
};

static inline struct dedup_ids_live dedup_ids_live(const struct dedup_ids *set)
{
	return (struct dedup_ids_live){ _mm256_set1_epi32((int)set->live_first),
					_mm256_set1_epi32((int)set->live_span) };
}

static inline bool dedup_ids_line_has(const __u64 *line, __u64 entry)
{
	const __m256i wanted = _mm256_set1_epi64x((long long)entry);
	const __m256i *half = (const __m256i *)line;
	__m256i same = _mm256_or_si256(_mm256_cmpeq_epi64(_mm256_load_si256(half), wanted),
				       _mm256_cmpeq_epi64(_mm256_load_si256(half + 1), wanted));

	return !_mm256_testz_si256(same, same);
}

static inline unsigned int dedup_ids_line_free(const struct dedup_ids_live *live, const __u64 *line)
{
	const __m256i number = _mm256_set1_epi32(0xff);
	const __m256i *half = (const __m256i *)line;
	/* Of each entry the lower 32 bits; those of the places 0 1 4 5 2 3 6 7. */
	const __m256i low = _mm256_castps_si256(_mm256_shuffle_ps(
		_mm256_castsi256_ps(_mm256_load_si256(half)),
		_mm256_castsi256_ps(_mm256_load_si256(half + 1)), _MM_SHUFFLE(2, 0, 2, 0)));
	const __m256i numbers = _mm256_and_si256(low, number);
	const __m256i behind = _mm256_and_si256(_mm256_sub_epi32(numbers, live->first), number);
	const __m256i is_free =
		_mm256_or_si256(_mm256_cmpgt_epi32(behind, live->span),
				_mm256_cmpeq_epi32(numbers, _mm256_setzero_si256()));
	unsigned int mask = (unsigned int)_mm256_movemask_ps(_mm256_castsi256_ps(is_free));

	return mask ? 0x76325410u >> 4 * __builtin_ctz(mask) & 7 : DEDUP_IDS_LINE;
}
#else
struct dedup_ids_live {
	__u64 first, span;
};

static inline struct dedup_ids_live dedup_ids_live(const struct dedup_ids *set)
{
	return (struct dedup_ids_live){ set->live_first, set->live_span };
}

static inline bool dedup_ids_line_has(const __u64 *line, __u64 entry)
{
	bool has = false;

	for (unsigned int i = 0; i < DEDUP_IDS_LINE; i++)
		has |= line[i] == entry;
	return has;
}

static inline unsigned int dedup_ids_line_free(const struct dedup_ids_live *live, const __u64 *line)
{
	for (unsigned int i = 0; i < DEDUP_IDS_LINE; i++)
		if (!line[i] || ((line[i] - live->first) & 0xff) > live->span)
			return i;
	return DEDUP_IDS_LINE;
}
#endif

/* Ids that a generation may take before the slow way has to be asked. */
static inline __u64 dedup_ids_room(const struct dedup_ids *set, unsigned int generation)
{
	return set->is_live[generation] && set->ids < set->ids_max ? set->ids_max - set->ids : 0;
}

/* Counts ids that dedup_ids_line_set has made new in a generation. */
static inline void dedup_ids_count(struct dedup_ids *set, unsigned int generation, __u64 ids)
{
	set->generation[generation].ids += (__u32)ids;
	set->ids += ids;
}

/* Second phase, where there is room: the verdict for an entry in its line, remembered. The caller
 * counts what is new. DEDUP_IDS_FORGOTTEN: nothing is decided, dedup_ids_test_and_set has to. */
static inline enum dedup_ids_verdict dedup_ids_line_set(const struct dedup_ids_live *live,
							__u64 *line, __u64 entry)
{
	unsigned int place;

	if (__builtin_expect(dedup_ids_line_has(line, entry), 0))
		return DEDUP_IDS_DUPLICATE;
	place = dedup_ids_line_free(live, line);
	if (__builtin_expect(place == DEDUP_IDS_LINE, 0))
		return DEDUP_IDS_FORGOTTEN;
	line[place] = entry;
	return DEDUP_IDS_NEW;
}

/* Second phase: the verdict for a hash in a generation, remembered and counted. */
static inline enum dedup_ids_verdict dedup_ids_test_and_set(struct dedup_ids *set, __u64 hash,
							    unsigned int generation)
{
	const struct dedup_ids_live live = dedup_ids_live(set);
	__u64 *line = dedup_ids_line(set, hash), entry = dedup_ids_entry(hash, generation);
	enum dedup_ids_verdict verdict;

	if (__builtin_expect(!dedup_ids_room(set, generation), 0))
		return dedup_ids_line_has(line, entry)
			       ? DEDUP_IDS_DUPLICATE
			       : dedup_ids_test_and_set_slow(set, hash, generation);
	verdict = dedup_ids_line_set(&live, line, entry);
	if (__builtin_expect(verdict == DEDUP_IDS_FORGOTTEN, 0))
		return dedup_ids_test_and_set_slow(set, hash, generation);
	dedup_ids_count(set, generation, verdict == DEDUP_IDS_NEW);
	return verdict;
}

void dedup_ids_grow_slow(struct dedup_ids *set, __u64 asked);

/* Third phase, after `asked` ids: the table grows by some buckets, where its ids want it. So the
 * last to be split have not become much fuller meanwhile than the first ones were. */
static inline void dedup_ids_grow(struct dedup_ids *set, __u64 asked)
{
	bool wants_more = set->ids > set->buckets * DEDUP_IDS_PER_BUCKET;

	if (__builtin_expect(wants_more || set->buckets <= set->bucket_mask, 0))
		dedup_ids_grow_slow(set, asked);
}

/* Bytes from the first bucket to the end of the last one in use. Any thread. */
static inline size_t dedup_ids_bytes(const struct dedup_ids *set)
{
	return (size_t)__atomic_load_n(&set->buckets, __ATOMIC_RELAXED) << set->bucket_shift << 3;
}

/* Panes before `pane` have ended, lateness included: their ids may go. Never backwards. */
void dedup_ids_retire(struct dedup_ids *set, __s64 pane);

/* Wipes ended panes out of up to `buckets_max` buckets (512 bytes each), so that their generations
 * can serve again. Returns how many; 0 when nothing is left to wipe. Never called, it
 * happens in one go when the 255 generations are used up. */
__u64 dedup_ids_scrub(struct dedup_ids *set, __u64 buckets_max);

/* Buckets that should have been wiped by now, for that not to happen. */
__u64 dedup_ids_scrub_due(const struct dedup_ids *set);

/* Panes, the newest included, that are remembered: times a pane's length, the effective
 * horizon. It is shorter than window and lateness ask for when sets were dropped. 2^64 − 1:
 * nothing has ended yet. */
static inline __u64 dedup_ids_horizon_panes(const struct dedup_ids *set)
{
	if (set->floor_pane == INT64_MIN)
		return ~0ull;
	return set->newest_pane < set->floor_pane
		       ? 0
		       : (__u64)set->newest_pane - (__u64)set->floor_pane + 1;
}

#endif
