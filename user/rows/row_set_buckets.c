/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries by their start: a hash table of growing blocks, each in the order of the log. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rows/row_set_state.h"

#define BUCKET_BYTES_FIRST 4096
#define BUCKETS_FIRST 256
/* Sessions start anywhere: this much time shares a bucket. */
#define SESSION_BUCKET_NS 10000000000ll

int row_set_open_buckets(struct row_set *set)
{
	set->index = calloc(BUCKETS_FIRST * 2, sizeof(*set->index));
	set->index_mask = BUCKETS_FIRST * 2 - 1;
	return set->index ? 0 : -ENOMEM;
}

void row_set_close_buckets(struct row_set *set)
{
	for (size_t i = 0; i < set->buckets.count; i++)
		free(set->buckets.at[i].data);
	free(set->buckets.at);
	free(set->index);
}

void row_set_clear_buckets(struct row_set *set)
{
	for (size_t i = 0; i < set->buckets.count; i++)
		free(set->buckets.at[i].data);
	memset(set->index, 0, (set->index_mask + 1) * sizeof(*set->index));
	set->buckets.count = 0;
}

static __u64 mix(__u64 value)
{
	value = (value ^ (value >> 31)) * 0x9E3779B97F4A7C15ull;
	return value ^ (value >> 29);
}

static int grow_index(struct row_set *set)
{
	size_t mask = set->index_mask * 2 + 1;
	__u32 *index = calloc(mask + 1, sizeof(*index));

	if (!index)
		return -ENOMEM;
	for (size_t i = 0; i < set->buckets.count; i++) {
		size_t slot = mix((__u64)set->buckets.at[i].start_ns) & mask;

		while (index[slot])
			slot = (slot + 1) & mask;
		index[slot] = (__u32)i + 1;
	}
	free(set->index);
	set->index = index;
	set->index_mask = mask;
	return 0;
}

static struct row_bucket *find_bucket(struct row_set *set, __s64 start_ns)
{
	size_t slot = mix((__u64)start_ns) & set->index_mask;

	/* Rows of one window come one after the other. */
	if (set->last_bucket < set->buckets.count &&
	    set->buckets.at[set->last_bucket].start_ns == start_ns)
		return &set->buckets.at[set->last_bucket];
	for (; set->index[slot]; slot = (slot + 1) & set->index_mask) {
		if (set->buckets.at[set->index[slot] - 1].start_ns == start_ns) {
			set->last_bucket = set->index[slot] - 1;
			return &set->buckets.at[set->last_bucket];
		}
	}
	if (ROW_LIST_GROW(set->buckets))
		return NULL;
	set->buckets.at[set->buckets.count] = (struct row_bucket){ .start_ns = start_ns };
	set->index[slot] = (__u32)set->buckets.count + 1;
	set->last_bucket = set->buckets.count++;
	if (set->buckets.count * 2 > set->index_mask && grow_index(set))
		return NULL;
	return &set->buckets.at[set->last_bucket];
}

static void *append(struct row_bucket *bucket, size_t bytes)
{
	void *at;

	if (bucket->bytes + bytes > bucket->room) {
		size_t room = bucket->room + bucket->room / 2 + BUCKET_BYTES_FIRST + bytes;
		__u8 *data = realloc(bucket->data, room);

		if (!data)
			return NULL;
		bucket->data = data;
		bucket->room = room;
	}
	at = bucket->data + bucket->bytes;
	bucket->bytes += bytes;
	return at;
}

static __s64 session_start(__s64 start_ns)
{
	__s64 rest = start_ns % SESSION_BUCKET_NS;

	if (rest < 0)
		rest += SESSION_BUCKET_NS;
	return start_ns < INT64_MIN + rest ? INT64_MIN : start_ns - rest;
}

struct row_entry *row_set_put(struct row_set *set, __s64 start_ns, size_t bytes)
{
	bool is_session = set->shapes.at[set->shape]->window.kind == SLUICE_WINDOW_SESSION;
	struct row_bucket *bucket =
		find_bucket(set, is_session ? session_start(start_ns) : start_ns);
	struct row_entry *entry = bucket ? append(bucket, bytes) : NULL;

	if (entry)
		bucket->entry_count++;
	return entry;
}

/* The window was one of sessions once, and of another kind at another time: one size for all. */
static int join_buckets(struct row_set *set)
{
	size_t count = set->buckets.count;

	for (size_t i = 0; i < count; i++) {
		__s64 start_ns = session_start(set->buckets.at[i].start_ns);
		struct row_bucket *into, from = set->buckets.at[i];
		void *at;

		if (start_ns == from.start_ns)
			continue;
		into = find_bucket(set, start_ns);
		at = into ? append(into, from.bytes) : NULL;
		if (!at)
			return -ENOMEM;
		memcpy(at, from.data, from.bytes);
		into->entry_count += from.entry_count;
		free(from.data);
		set->buckets.at[i] = (struct row_bucket){ .start_ns = from.start_ns };
	}
	return 0;
}

static int compare_buckets(const void *left, const void *right)
{
	const struct row_bucket *a = left, *b = right;

	return a->start_ns < b->start_ns ? -1 : a->start_ns > b->start_ns;
}

int row_set_sort_buckets(struct row_set *set)
{
	int error = set->has_sessions && set->has_grids ? join_buckets(set) : 0;

	if (!error && set->buckets.count)
		qsort(set->buckets.at, set->buckets.count, sizeof(*set->buckets.at),
		      compare_buckets);
	return error;
}
