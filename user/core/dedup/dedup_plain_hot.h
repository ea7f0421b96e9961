/* SPDX-License-Identifier: BSD-2-Clause */
/* `dedup: event_id` where it is mostly: the window wants every event, all of a batch belong to the
 * pane of the one before, and no other thread has the set. Then an id's line and entry are known
 * before the first one is asked, and the loop that waits for memory is short: more lines are on
 * their way in it at once. */
#ifndef SLUICE_CORE_DEDUP_PLAIN_HOT_H
#define SLUICE_CORE_DEDUP_PLAIN_HOT_H

#include "core/stream/hot.h"

/* What all events of a plain batch have in common. */
struct dedup_plain {
	__s64 slice;
	unsigned int generation; /* of the set; 0: the batch is not plain */
};

inline_always struct dedup_plain dedup_find_plain(const struct window *window,
						  const struct batch *batch)
{
	struct dedup_window *set = window->dedup;
	struct dedup_ids *ids = &set->shard[0].ids;
	struct dedup_plain plain = { 0 };

	if (set->shard_count > 1 || !window->wants_all || window->sessions ||
	    !is_of_last_pane(window, batch))
		return plain;
	dedup_shard_catch_up(set, &set->shard[0]);
	if (ids->ids + BATCH_EVENTS > ids->ids_max)
		return plain;
	plain.slice = dedup_slice_of(set, batch->oldest_ns);
	plain.generation = dedup_ids_generation(ids, dedup_generation_of(set, plain.slice));
	return plain;
}

/* Returns how many events have an id. Behind the last line come some that are fetched in vain. */
inline_always __u32 dedup_collect_plain(const struct dedup_ids *ids, const struct batch *batch,
					struct dedup_work *work, const struct dedup_plain *plain)
{
	/* Stores of the loop could alias the set itself. */
	const struct dedup_ids set = {
		.lines = ids->lines,
		.buckets = ids->buckets,
		.bucket_mask = ids->bucket_mask,
		.bucket_shift = ids->bucket_shift,
		.seed_in = ids->seed_in,
		.seed_multiply = ids->seed_multiply,
	};
	const __u32 count = batch->count;
	__u32 used = 0;

	for (__u32 i = 0; i < count; i++) {
		__u64 hash = dedup_ids_hash(&set, plain->slice, batch->event_id[i]);

		work->entry[used] = dedup_ids_entry(hash, plain->generation);
		work->line[used] = dedup_ids_line(&set, hash);
		work->event[used] = (__u16)i;
		used += batch->event_id[i] != 0;
	}
	for (__u32 k = 0; k < DEDUP_FETCH_AHEAD; k++)
		work->line[used + k] = set.lines;
	return used;
}

/* Asks for every id in its own line. Entries whose line is full are put aside, and what is behind
 * it is fetched. Returns how many those are. */
inline_always __u32 dedup_ask_lines(struct dedup_ids *ids, struct batch *batch,
				    struct dedup_work *work, __u32 used,
				    const struct dedup_plain *plain, __u32 bit, __u32 *repeats)
{
	const struct dedup_ids_live live = dedup_ids_live(ids);
	__u32 fresh = 0, full = 0;

	for (__u32 k = 0; k < DEDUP_FETCH_AHEAD; k++)
		fetch(work->line[k]);
	for (__u32 k = 0; k < used; k++) {
		enum dedup_ids_verdict verdict =
			dedup_ids_line_set(&live, work->line[k], work->entry[k]);

		fetch(work->line[k + DEDUP_FETCH_AHEAD]);
		fresh += verdict == DEDUP_IDS_NEW;
		if (is_rare(verdict == DEDUP_IDS_FORGOTTEN)) {
			fetch(work->line[k] + DEDUP_IDS_LINE);
			work->full[full++] = (__u16)k;
		}
		if (is_rare(verdict == DEDUP_IDS_DUPLICATE)) {
			batch->selected[work->event[k]] &= ~bit;
			++*repeats;
		}
	}
	dedup_ids_count(ids, plain->generation, fresh);
	return full;
}

/* Unselects the repeats of a plain batch. Returns how many there were. */
static __attribute__((noinline)) __u32 dedup_run_plain(struct dedup_ids *ids, struct batch *batch,
						       struct dedup_work *work,
						       struct dedup_plain plain, __u32 bit)
{
	const __u32 used = dedup_collect_plain(ids, batch, work, &plain);
	__u32 repeats = 0;
	const __u32 full = dedup_ask_lines(ids, batch, work, used, &plain, bit, &repeats);

	/* Of equal ids the first is the first here, too: no place of a full line gets free. */
	for (__u32 k = 0; k < full; k++) {
		const __u32 i = work->event[work->full[k]];
		const __u64 hash = dedup_ids_hash(ids, plain.slice, batch->event_id[i]);

		if (dedup_ids_test_and_set_slow(ids, hash, plain.generation) != DEDUP_IDS_DUPLICATE)
			continue;
		batch->selected[i] &= ~bit;
		repeats++;
	}
	dedup_ids_grow(ids, used);
	return repeats;
}

#endif
