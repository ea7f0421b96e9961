/* SPDX-License-Identifier: BSD-2-Clause */
/* The sets of all windows: how long their slices are, how many shards they have, what ends when.
 * Asking is in dedup_hot.h, the set of one shard in dedup_ids.h. */
#include "core/dedup/dedup.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "core/dedup/dedup_state.h"
#include "core/memory/spin.h"

/* So many for each worker that two seldom want the same one. */
#define SHARDS_PER_WORKER 4u
/* Of the 255 generations that a set has names for, the others wait to be wiped. */
#define GENERATIONS_LIVE_MAX 240
/* Of 512 bytes, read one after the other: some ten microseconds, where they are due. */
#define TIDY_BUCKETS 128

struct dedup {
	__u32 window_count;
	__u32 zero;
	__u64 tidied[SLUICE_WORKERS_MAX][8]; /* shard that was tidied last, one line a worker */
	struct dedup_window window[SLUICE_WINDOWS_MAX]; /* without shards: not asked for */
};

static __s64 floor_divide(__s64 value, __s64 by)
{
	return value / by - (value % by < 0);
}

__s64 dedup_slice_ns(const struct window_spec *spec)
{
	if (spec->kind == SLUICE_WINDOW_SESSION)
		return spec->gap_ns + spec->allowed_lateness_ns;
	return window_spec_pane_ns(spec);
}

__s64 dedup_slice_of(const struct dedup_window *set, __s64 time_ns)
{
	return floor_divide(time_ns - set->offset_ns, set->slice_ns);
}

__s64 dedup_generation_of(const struct dedup_window *set, __s64 slice)
{
	return floor_divide(slice, set->slices_per_generation);
}

/* Slices that may have to be remembered at once, over the names there are for them. */
static __s64 slices_per_generation(const struct window_spec *spec,
				   const struct dedup_options *options)
{
	__u64 slices = window_spec_slices(spec, dedup_slice_ns(spec), options->max_ahead_ns,
					  options->max_lag_ns);

	return (__s64)(slices / GENERATIONS_LIVE_MAX + 1);
}

static __u32 shards_wanted(__u32 worker_count, __u64 bytes)
{
	__u32 shards = 1;

	while (worker_count > 1 && shards < worker_count * SHARDS_PER_WORKER &&
	       shards < DEDUP_SHARDS_MAX && bytes / (2 * shards) >= DEDUP_IDS_BYTES_MIN)
		shards *= 2;
	return shards;
}

/* The largest power of two that is not larger. */
static size_t round_down(__u64 bytes)
{
	return (size_t)1 << (63 - __builtin_clzll(bytes));
}

static int open_window(struct dedup_window *set, const struct window_spec *spec,
		       const struct dedup_options *options, __u64 bytes)
{
	*set = (struct dedup_window){
		.slice_ns = dedup_slice_ns(spec),
		.offset_ns = spec->kind == SLUICE_WINDOW_SESSION ? 0 : spec->offset_ns,
		.slices_per_generation = slices_per_generation(spec, options),
		.floor = INT64_MIN,
		.shard_count = shards_wanted(options->worker_count, bytes),
	};
	assert(options->worker_count <= 1 || set->shard_count > 1);
	set->shard_bytes = round_down(bytes / set->shard_count);
	set->lines = memory_reserve(set->shard_bytes * set->shard_count);
	set->shard = memory_reserve(set->shard_count * sizeof(*set->shard));
	if (!set->lines || !set->shard)
		return -ENOMEM;
	for (__u32 i = 0; i < set->shard_count; i++) {
		int error = dedup_ids_open(&set->shard[i].ids,
					   (char *)set->lines + i * DEDUP_IDS_BUCKET_BYTES,
					   set->shard_bytes, set->shard_count, options->hash_seed);

		if (error)
			return error;
	}
	return 0;
}

struct area dedup_area(const struct dedup_window *set)
{
	size_t used = 0;

	for (__u32 i = 0; i < set->shard_count; i++) {
		size_t bytes = dedup_ids_bytes(&set->shard[i].ids);

		used = used < bytes ? bytes : used;
	}
	return area_make(set->lines, used, set->shard_bytes * set->shard_count);
}

static __u32 count_sets(const struct dedup_options *options)
{
	__u32 count = 0;

	for (__u32 i = 0; i < options->window_count; i++)
		count += options->windows[i].dedup == WINDOW_DEDUP_EVENT_ID;
	return count;
}

int dedup_open(struct dedup **result, const struct dedup_options *options)
{
	__u32 sets = count_sets(options);
	struct dedup *dedup = NULL;
	int error = 0;

	if (sets) {
		if (options->memory_bytes / sets < DEDUP_BYTES_MIN)
			return -EINVAL;
		dedup = memory_reserve(sizeof(*dedup));
		if (!dedup)
			return -ENOMEM;
		dedup->window_count = options->window_count;
		for (__u32 i = 0; !error && i < options->window_count; i++)
			if (options->windows[i].dedup == WINDOW_DEDUP_EVENT_ID)
				error = open_window(&dedup->window[i], &options->windows[i],
						    options, options->memory_bytes / sets);
	}
	if (error)
		dedup_close(dedup);
	else
		*result = dedup;
	return error;
}

void dedup_close(struct dedup *dedup)
{
	if (!dedup)
		return;
	for (__u32 i = 0; i < dedup->window_count; i++) {
		struct dedup_window *set = &dedup->window[i];

		memory_release(set->lines, set->shard_bytes * set->shard_count);
		memory_release(set->shard, set->shard_count * sizeof(*set->shard));
	}
	memory_release(dedup, sizeof(*dedup));
}

struct dedup_window *dedup_window(const struct dedup *dedup, __u32 window)
{
	if (!dedup || window >= dedup->window_count || !dedup->window[window].shard)
		return NULL;
	return (struct dedup_window *)&dedup->window[window];
}

void dedup_retire(struct dedup_window *set, __s64 time_ns)
{
	__s64 floor = dedup_generation_of(set, dedup_slice_of(set, time_ns));

	if (floor > set->floor)
		__atomic_store_n(&set->floor, floor, __ATOMIC_RELAXED);
}

static void tidy_shard(struct dedup_window *set, struct dedup_shard *shard)
{
	__u64 due;

	spin_lock(&shard->lock);
	dedup_shard_catch_up(set, shard);
	due = dedup_ids_scrub_due(&shard->ids);
	dedup_ids_scrub(&shard->ids, due < TIDY_BUCKETS ? due : TIDY_BUCKETS);
	spin_unlock(&shard->lock);
}

void dedup_tidy(struct dedup *dedup, __u32 worker)
{
	__u64 *last = dedup ? dedup->tidied[worker] : NULL;

	if (!last)
		return;
	++*last;
	for (__u32 i = 0; i < dedup->window_count; i++) {
		struct dedup_window *set = &dedup->window[i];

		if (set->shard)
			tidy_shard(set, &set->shard[(*last + worker * SHARDS_PER_WORKER) &
						    (set->shard_count - 1)]);
	}
}

static void add_shard(struct dedup_stats *stats, struct dedup_shard *shard, __s64 *floor,
		      __s64 *newest)
{
	spin_lock(&shard->lock);
	stats->ids += shard->ids.ids;
	stats->ids_max += shard->ids.ids_max;
	stats->displaced += shard->ids.displaced;
	stats->dropped += shard->ids.dropped_ids;
	stats->undecided += shard->undecided;
	if (shard->ids.floor_pane > *floor)
		*floor = shard->ids.floor_pane;
	if (shard->ids.newest_pane > *newest)
		*newest = shard->ids.newest_pane;
	spin_unlock(&shard->lock);
}

void dedup_read_stats(struct dedup_window *set, struct dedup_stats *stats)
{
	__s64 floor = __atomic_load_n(&set->floor, __ATOMIC_RELAXED), newest = INT64_MIN;
	struct dedup_stats sum = {
		.bytes_max = set->shard_bytes * set->shard_count,
		.slice_ns = (__u64)set->slice_ns,
	};

	for (__u32 i = 0; i < set->shard_count; i++)
		add_shard(&sum, &set->shard[i], &floor, &newest);
	if (floor != INT64_MIN && newest >= floor)
		sum.horizon_ns = (__u64)(newest - floor + 1) * (__u64)set->slices_per_generation *
				 sum.slice_ns;
	*stats = sum;
}
