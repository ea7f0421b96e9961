/* SPDX-License-Identifier: BSD-2-Clause */
#include "bare_loop.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Eight datagrams a batch keep enough cache misses under way; small tables need none of it. */
#define BATCH_DATAGRAMS 8
#define BATCH_EVENTS (BATCH_DATAGRAMS * DATASET_EVENTS)
#define GROUPS_IN_CACHE 1000

/* A row has one cache line. */
struct row {
	__u64 key;
	__u64 count;
	__u64 sum;
	__s64 min;
	__s64 max;
	__u64 unused[3];
};

struct bare_loop {
	__u64 *slots;		/* tag << 32 | row + 1; 0 is free; never more than a third in use */
	struct row *rows;	/* in the order of arrival */
	__u64 row_count;
	__u64 slot_mask;
	size_t slots_bytes, rows_bytes;
	size_t slots_used_bytes;
	bool is_small;
	const __u8 *event[BATCH_EVENTS];
	__u64 hash[BATCH_EVENTS];
	struct row *row[BATCH_EVENTS];
};

/* Two rounds of multiply and fold. */
static inline __u64 hash_key(__u64 key)
{
	unsigned __int128 wide =
		(unsigned __int128)(key ^ 0x243f6a8885a308d3ull) * 0x9fb21c651e98df25ull;
	__u64 folded = (__u64)wide ^ (__u64)(wide >> 64);

	wide = (unsigned __int128)(folded ^ 0x13198a2e03707344ull) * 0xe7037ed1a0b428dbull;
	return (__u64)wide ^ (__u64)(wide >> 64);
}

struct bare_loop *bare_loop_open(__u64 groups)
{
	struct bare_loop *loop = calloc(1, sizeof(*loop));
	__u64 slots = 64;

	if (!loop)
		return NULL;
	while (slots < groups * 3)
		slots *= 2;
	loop->slot_mask = slots - 1;
	loop->is_small = groups <= GROUPS_IN_CACHE;
	loop->slots_used_bytes = slots * sizeof(*loop->slots);
	loop->slots = dataset_map(loop->slots_used_bytes, &loop->slots_bytes);
	loop->rows = dataset_map(groups * sizeof(*loop->rows), &loop->rows_bytes);
	if (!loop->slots || !loop->rows) {
		bare_loop_close(loop);
		return NULL;
	}
	return loop;
}

void bare_loop_close(struct bare_loop *loop)
{
	if (!loop)
		return;
	if (loop->slots)
		munmap(loop->slots, loop->slots_bytes);
	if (loop->rows)
		munmap(loop->rows, loop->rows_bytes);
	free(loop);
}

void bare_loop_reset(struct bare_loop *loop)
{
	memset(loop->slots, 0, loop->slots_used_bytes);
	loop->row_count = 0;
}

static struct row *add_row(struct bare_loop *loop, __u64 *slot, __u64 tag, __u64 key)
{
	struct row *row = &loop->rows[loop->row_count++];

	*slot = tag << 32 | loop->row_count;
	*row = (struct row){ .key = key, .min = INT64_MAX, .max = INT64_MIN };
	return row;
}

/* The row whose tag fits; `is_exact` compares the key as well, which the update asks for only when
 * the first answer turned out to be somebody else's. */
static inline struct row *find_row(struct bare_loop *loop, __u64 hash, __u64 key, bool is_exact)
{
	__u64 tag = hash >> 32;

	for (__u64 i = hash & loop->slot_mask;; i = (i + 1) & loop->slot_mask) {
		__u64 slot = loop->slots[i];
		struct row *row;

		if (!slot)
			return add_row(loop, &loop->slots[i], tag, key);
		row = &loop->rows[(__u32)slot - 1];
		if (slot >> 32 == tag && (!is_exact || row->key == key))
			return row;
	}
}

static inline void update(struct bare_loop *loop, struct row *row, __u64 hash, const __u8 *at)
{
	struct sluice_event event;
	__u64 weight;

	memcpy(&event, at, 32);
	if (__builtin_expect(row->key != event.key, 0))
		row = find_row(loop, hash, event.key, true);
	weight = event.weight ? event.weight : 1;
	row->count += weight;
	row->sum += (__u64)event.value * weight;
	row->min = event.value < row->min ? event.value : row->min;
	row->max = event.value > row->max ? event.value : row->max;
}

/* Checks a record and notes its events with their hashes; returns how many. */
static inline unsigned int parse(struct bare_loop *loop, const struct dataset *set, __u32 datagram,
				 unsigned int filled)
{
	const struct sluice_header *header = dataset_header(set, datagram);
	const __u8 *at = (const __u8 *)(header + 1);

	if (header->magic != SLUICE_MAGIC || header->version != SLUICE_VERSION ||
	    header->event_size != 32 || header->event_count > DATASET_EVENTS)
		return 0;
	for (unsigned int i = 0; i < header->event_count; i++, at += 32) {
		__u64 key;

		memcpy(&key, at, sizeof(key));
		loop->event[filled + i] = at;
		loop->hash[filled + i] = hash_key(key);
	}
	return header->event_count;
}

static void run_batch(struct bare_loop *loop, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		__builtin_prefetch(&loop->slots[loop->hash[i] & loop->slot_mask], 1, 2);
	for (unsigned int i = 0; i < count; i++) {
		__u64 key;

		memcpy(&key, loop->event[i], sizeof(key));
		loop->row[i] = find_row(loop, loop->hash[i], key, false);
		__builtin_prefetch(loop->row[i], 1, 2);
	}
	for (unsigned int i = 0; i < count; i++)
		update(loop, loop->row[i], loop->hash[i], loop->event[i]);
}

static void run_small(struct bare_loop *loop, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		__u64 key;

		memcpy(&key, loop->event[i], sizeof(key));
		update(loop, find_row(loop, loop->hash[i], key, false), loop->hash[i],
		       loop->event[i]);
	}
}

void bare_loop_run(struct bare_loop *loop, const struct dataset *set)
{
	__u32 step = loop->is_small ? 1 : BATCH_DATAGRAMS;

	for (__u32 i = 0; i < set->datagrams; i += step) {
		unsigned int count = 0;

		for (__u32 k = i; k < i + step && k < set->datagrams; k++)
			count += parse(loop, set, k, count);
		if (loop->is_small)
			run_small(loop, count);
		else
			run_batch(loop, count);
	}
}

__u64 bare_loop_groups(const struct bare_loop *loop)
{
	return loop->row_count;
}

void bare_loop_totals(const struct bare_loop *loop, __u64 *count, __u64 *sum)
{
	*count = *sum = 0;
	for (__u64 i = 0; i < loop->row_count; i++) {
		*count += loop->rows[i].count;
		*sum += loop->rows[i].sum;
	}
}
