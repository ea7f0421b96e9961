/* SPDX-License-Identifier: BSD-2-Clause */
#include "bare_everything.h"

#include <math.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "bare_groups.h"
#include "report.h"

/* Each event passes four stations, so many events apart: what one asks for is there at the next. */
#define DISTANCE 32u
#define BATCH_DATAGRAMS 16u
#define BATCH_EVENTS (BATCH_DATAGRAMS * DATASET_EVENTS)

#define LINE_IDS 8u
#define REGISTER_BITS 12
#define REGISTERS (1u << REGISTER_BITS)
#define ESTIMATE_ERROR_MAX 0.05 /* three times its standard error */
#define STEP_BITS 5u /* a power of two has 2^5 steps */
#define BUCKETS ((65u - STEP_BITS) << STEP_BITS)

/* Half a line of ids. */
typedef __s64 id_lanes __attribute__((vector_size(32), may_alias));

struct bare_everything {
	struct bare_groups groups;
	__u64 *ids; /* 56 bits of hash, 8 of age; NULL: events have none */
	__u64 id_lines;
	size_t ids_bytes;
	__s64 age; /* of what this pass remembers, 1 to 255; all else is too old */
	__u64 repeats;
	__u8 distinct[DATASET_DIM0][REGISTERS];
	__u32 quantiles[DATASET_TYPES][BUCKETS];
	const __u8 *event[BATCH_EVENTS];
	__u64 hash[BATCH_EVENTS];
	__u64 id_hash[BATCH_EVENTS];
	bool is_repeat[BATCH_EVENTS];
	struct bare_row *row[BATCH_EVENTS];
};

/* The ids of one pass take two fifths of the places. */
static int open_ids(struct bare_everything *loop, __u64 ids)
{
	loop->id_lines = ids * 5 / 2 / LINE_IDS + 1;
	loop->ids = dataset_map(loop->id_lines * LINE_IDS * sizeof(*loop->ids), &loop->ids_bytes);
	return loop->ids ? 0 : -1;
}

struct bare_everything *bare_everything_open(const struct dataset *set, __u64 groups)
{
	struct bare_everything *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	if (bare_groups_open(&loop->groups, groups) ||
	    (set->event_size > 32 && open_ids(loop, set->events))) {
		bare_everything_close(loop);
		return NULL;
	}
	bare_everything_reset(loop);
	return loop;
}

void bare_everything_close(struct bare_everything *loop)
{
	if (!loop)
		return;
	if (loop->ids)
		munmap(loop->ids, loop->ids_bytes);
	bare_groups_close(&loop->groups);
	free(loop);
}

void bare_everything_reset(struct bare_everything *loop)
{
	bare_groups_reset(&loop->groups);
	memset(loop->distinct, 0, sizeof(loop->distinct));
	memset(loop->quantiles, 0, sizeof(loop->quantiles));
	loop->repeats = 0;
	loop->age = loop->age % 255 + 1;
	if (loop->age == 1 && loop->ids)
		memset(loop->ids, 0, loop->ids_bytes);
}

static inline __u64 read_word(const __u8 *at)
{
	__u64 word;

	memcpy(&word, at, sizeof(word));
	return word;
}

/* The upper bits choose the line, the lower 56 are kept: together they are all of the hash. */
static inline __u64 *id_line(const struct bare_everything *loop, __u64 hash)
{
	return loop->ids + (__u64)((unsigned __int128)hash * loop->id_lines >> 64) * LINE_IDS;
}

/* Whether this pass knows the id; it does now. The ids of this pass come first in a line; behind
 * them is one that is too old, or none: then the first has to go. */
static inline bool find_id(struct bare_everything *loop, __u64 hash)
{
	__u64 *line = id_line(loop, hash);
	const __s64 entry = (__s64)(hash << 8) | loop->age;
	const id_lanes low = *(const id_lanes *)line, high = *(const id_lanes *)(line + 4);
	const id_lanes same = (low == entry) | (high == entry);
	/* What holds is -1. */
	const id_lanes used = ((low & 0xff) == loop->age) + ((high & 0xff) == loop->age);
	const __s64 place = -(used[0] + used[1] + used[2] + used[3]);

	if (same[0] | same[1] | same[2] | same[3])
		return true;
	line[(__u64)place % LINE_IDS] = (__u64)entry;
	return false;
}

/* Notes the events of a record; returns how many. */
static inline unsigned int parse(struct bare_everything *loop, const struct dataset *set,
				 __u32 datagram, unsigned int filled)
{
	const struct sluice_header *header = dataset_header(set, datagram);
	const __u8 *at = (const __u8 *)(header + 1);
	unsigned int count = bare_check(header, set->event_size, DATASET_EVENTS);

	for (unsigned int i = filled; i < filled + count; i++, at += set->event_size)
		loop->event[i] = at;
	return count;
}

static inline void hash_event(struct bare_everything *loop, unsigned int i, bool has_ids)
{
	const __u8 *at = loop->event[i];

	loop->hash[i] = bare_hash(read_word(at));
	if (!has_ids)
		return;
	loop->id_hash[i] = bare_hash(read_word(at + offsetof(struct sluice_event, event_id)));
	__builtin_prefetch(id_line(loop, loop->id_hash[i]), 1, 2);
}

static inline void ask_id(struct bare_everything *loop, unsigned int i, bool has_ids)
{
	loop->is_repeat[i] = has_ids && find_id(loop, loop->id_hash[i]);
	loop->repeats += loop->is_repeat[i];
	__builtin_prefetch(bare_groups_slot(&loop->groups, loop->hash[i]), 1, 2);
}

static inline void find_row(struct bare_everything *loop, unsigned int i)
{
	__u64 key = read_word(loop->event[i]);

	loop->row[i] = bare_groups_find(&loop->groups, loop->hash[i], key, false);
	__builtin_prefetch(loop->row[i], 1, 2);
}

/* HyperLogLog (Flajolet et al. 2007): of the hashes whose upper bits choose a register, the longest
 * run of zeros that follows, and one. */
static inline void add_distinct(__u8 *registers, __u64 hash)
{
	__u8 *at = &registers[hash >> (64 - REGISTER_BITS)];
	__u8 rank = (__u8)(__builtin_clzll(hash << REGISTER_BITS | 1) + 1);

	if (rank > *at)
		*at = rank;
}

/* Log-linear: numbers up to two times 2^5 as they are, then 2^5 steps in each power of two. */
static inline unsigned int bucket_of(__u64 value)
{
	unsigned int shift =
		63 - STEP_BITS - (unsigned int)__builtin_clzll(value | 1ull << STEP_BITS);

	return (shift << STEP_BITS) + (unsigned int)(value >> shift);
}

static inline void add_event(struct bare_everything *loop, unsigned int i)
{
	struct sluice_event event;

	memcpy(&event, loop->event[i], 32);
	if (!loop->is_repeat[i])
		bare_groups_update(&loop->groups, loop->row[i], loop->hash[i], loop->event[i]);
	add_distinct(loop->distinct[event.dim0 % DATASET_DIM0], loop->hash[i]);
	loop->quantiles[event.type % DATASET_TYPES][bucket_of((__u64)event.value)] +=
		event.weight ? event.weight : 1;
}

/* Before a station's first event the index wraps, and is out of the batch as well. */
static inline __attribute__((always_inline)) void run_batch(struct bare_everything *loop,
							    unsigned int count, bool has_ids)
{
	for (unsigned int i = 0; i < count + 3 * DISTANCE; i++) {
		if (i < count)
			hash_event(loop, i, has_ids);
		if (i - DISTANCE < count)
			ask_id(loop, i - DISTANCE, has_ids);
		if (i - 2 * DISTANCE < count)
			find_row(loop, i - 2 * DISTANCE);
		if (i - 3 * DISTANCE < count)
			add_event(loop, i - 3 * DISTANCE);
	}
}

void bare_everything_add(struct bare_everything *loop, const struct dataset *set, __u32 begin,
			 __u32 end)
{
	for (__u32 i = begin; i < end; i += BATCH_DATAGRAMS) {
		unsigned int count = 0;

		for (__u32 k = i; k < i + BATCH_DATAGRAMS && k < end; k++)
			count += parse(loop, set, k, count);
		if (loop->ids)
			run_batch(loop, count, true);
		else
			run_batch(loop, count, false);
	}
}

static double estimate(const __u8 *registers)
{
	double sum = 0;

	for (unsigned int i = 0; i < REGISTERS; i++)
		sum += ldexp(1, -registers[i]);
	return 0.7213 / (1 + 1.079 / REGISTERS) * REGISTERS * REGISTERS / sum;
}

double bare_everything_unaccounted(const struct bare_everything *loop, const struct dataset *set)
{
	const __u32 *bucket = loop->quantiles[0];
	__u64 count, sum, in_buckets = 0;
	double unaccounted = 0;

	bare_groups_total(&loop->groups, &count, &sum);
	for (unsigned int i = 0; i < DATASET_TYPES * BUCKETS; i++)
		in_buckets += bucket[i];
	for (unsigned int i = 0; i < DATASET_DIM0; i++)
		unaccounted += fabs(estimate(loop->distinct[i]) / (double)set->distinct[i] - 1) >
			       ESTIMATE_ERROR_MAX;
	unaccounted += sum != set->value_sum - set->repeats_sum;
	unaccounted += report_distance(loop->repeats, set->repeats);
	unaccounted += report_distance(in_buckets, set->events);
	return unaccounted + report_distance(count + loop->repeats, set->events);
}
