/* SPDX-License-Identifier: BSD-2-Clause */
#include "bare_loop.h"

#include <stdlib.h>

#include "bare_groups.h"

/* Eight datagrams a batch keep enough cache misses under way; small tables need none of it. */
#define BATCH_DATAGRAMS 8
#define BATCH_EVENTS (BATCH_DATAGRAMS * DATASET_EVENTS)
#define GROUPS_IN_CACHE 1000

struct bare_loop {
	struct bare_groups groups;
	bool is_small;
	const __u8 *event[BATCH_EVENTS];
	__u64 hash[BATCH_EVENTS];
	struct bare_row *row[BATCH_EVENTS];
};

struct bare_loop *bare_loop_open(__u64 groups)
{
	struct bare_loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	loop->is_small = groups <= GROUPS_IN_CACHE;
	if (bare_groups_open(&loop->groups, groups)) {
		bare_loop_close(loop);
		return NULL;
	}
	return loop;
}

void bare_loop_close(struct bare_loop *loop)
{
	if (!loop)
		return;
	bare_groups_close(&loop->groups);
	free(loop);
}

void bare_loop_reset(struct bare_loop *loop)
{
	bare_groups_reset(&loop->groups);
}

/* Checks a record and notes its events with their hashes; returns how many. */
static inline unsigned int parse(struct bare_loop *loop, const struct dataset *set, __u32 datagram,
				 unsigned int filled)
{
	const struct sluice_header *header = dataset_header(set, datagram);
	const __u8 *at = (const __u8 *)(header + 1);
	unsigned int count = bare_check(header, 32, DATASET_EVENTS);

	for (unsigned int i = 0; i < count; i++, at += 32) {
		__u64 key;

		memcpy(&key, at, sizeof(key));
		loop->event[filled + i] = at;
		loop->hash[filled + i] = bare_hash(key);
	}
	return count;
}

static inline struct bare_row *find(struct bare_loop *loop, unsigned int i)
{
	__u64 key;

	memcpy(&key, loop->event[i], sizeof(key));
	return bare_groups_find(&loop->groups, loop->hash[i], key, false);
}

static void run_batch(struct bare_loop *loop, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		__builtin_prefetch(bare_groups_slot(&loop->groups, loop->hash[i]), 1, 2);
	for (unsigned int i = 0; i < count; i++) {
		loop->row[i] = find(loop, i);
		__builtin_prefetch(loop->row[i], 1, 2);
	}
	for (unsigned int i = 0; i < count; i++)
		bare_groups_update(&loop->groups, loop->row[i], loop->hash[i], loop->event[i]);
}

static void run_small(struct bare_loop *loop, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		bare_groups_update(&loop->groups, find(loop, i), loop->hash[i], loop->event[i]);
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
	return loop->groups.row_count;
}

void bare_loop_totals(const struct bare_loop *loop, __u64 *count, __u64 *sum)
{
	bare_groups_total(&loop->groups, count, sum);
}
