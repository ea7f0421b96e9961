/* SPDX-License-Identifier: BSD-2-Clause */
/* The hot path of `dedup: event_id`, for hot_batch.c alone: takes the repeats out of what a window
 * has selected, before anything else is done for it. Three stages: hash the ids of what the window
 * will take; order them by shard; ask, one shard after the other, fetching the lines of those that
 * come next. */
#ifndef SLUICE_CORE_DEDUP_HOT_H
#define SLUICE_CORE_DEDUP_HOT_H

#include "core/dedup/dedup_plain_hot.h"
#include "core/memory/spin.h"

/* The slice that the last event was in. */
struct dedup_place {
	__s64 start_ns;
	__u64 length_ns; /* 0: in none */
	__s64 slice;
	__s64 generation;
};

/* The slice of a time. False: the window takes no event of this time, and will say why. What is
 * only deferred is taken: it is asked for now, or it would be taken twice. */
static __attribute__((noinline)) bool dedup_find_place(const struct dedup_window *set,
						       struct window *window, __s64 time_ns,
						       struct dedup_place *place)
{
	__u64 *reason = NULL;

	place->length_ns = 0;
	if (!window->sessions && !window_pane(window, time_ns, &reason) && reason)
		return false;
	place->slice = dedup_slice_of(set, time_ns);
	place->generation = dedup_generation_of(set, place->slice);
	place->start_ns = place->slice * set->slice_ns + set->offset_ns;
	place->length_ns = (__u64)set->slice_ns;
	return true;
}

/* Late: the window sees it no more, but may keep it. */
static __attribute__((noinline)) void dedup_put_aside(struct window *window, struct batch *batch,
						      __u32 i)
{
	struct extras_event event;

	batch->selected[i] &= ~(1u << window->index);
	window_count_late(window, batch->time_ns[i], 1);
	if (!window->late.event)
		return;
	batch_read_event(batch, i, &event);
	window_keep_late(window, &event);
}

/* Gathers what is to be asked for. Returns how many events of sessions were late: with an id, the
 * time of an event alone decides that, because ids are not remembered for as long as a session may
 * last. */
static inline __attribute__((always_inline)) __u32 dedup_collect(struct window *window,
								 struct batch *batch,
								 struct dedup_work *work)
{
	const struct dedup_window *set = window->dedup;
	const struct dedup_ids *ids = &set->shard[0].ids;
	const __s64 oldest_ns = window->sessions ? window_oldest_taken(window) : INT64_MIN;
	const __u32 bit = 1u << window->index, count = batch->count;
	struct dedup_place place = { 0 };
	__u32 used = 0, late = 0;

	for (__u32 i = 0; i < count; i++) {
		__s64 time_ns = batch->time_ns[i];

		if (!(batch->selected[i] & bit) || !batch->event_id[i])
			continue;
		if (__builtin_expect(time_ns < oldest_ns, 0)) {
			dedup_put_aside(window, batch, i);
			late++;
			continue;
		}
		if (__builtin_expect((__u64)(time_ns - place.start_ns) >= place.length_ns, 0) &&
		    !dedup_find_place(set, window, time_ns, &place))
			continue;
		work->hash[used] = dedup_ids_hash(ids, place.slice, batch->event_id[i]);
		work->generation[used] = place.generation;
		work->event[used++] = (__u16)i;
	}
	work->count = used;
	return late;
}

/* Keeps the order of events within a shard: the first of several in a batch is the one that
 * counts. */
static inline __attribute__((always_inline)) void dedup_order(const struct dedup_window *set,
							      struct dedup_work *work)
{
	__u16 start[DEDUP_SHARDS_MAX + 1] = { 0 };

	for (__u32 e = 0; e < work->count; e++)
		start[dedup_shard_of(set, work->hash[e]) + 1]++;
	for (__u32 s = 0; s < set->shard_count; s++) {
		start[s + 1] = (__u16)(start[s + 1] + start[s]);
		work->shard_end[s] = start[s + 1];
	}
	for (__u32 e = 0; e < work->count; e++)
		work->by_shard[start[dedup_shard_of(set, work->hash[e])]++] = (__u16)e;
}

/* The line of the k-th entry to be asked for, if there is one. */
static inline __attribute__((always_inline)) void dedup_fetch(const struct dedup_window *set,
							      const struct dedup_work *work,
							      __u32 k, const bool has_shards)
{
	__u64 hash;

	if (k >= work->count)
		return;
	hash = work->hash[has_shards ? work->by_shard[k] : k];
	dedup_ids_prefetch(&set->shard[has_shards ? dedup_shard_of(set, hash) : 0].ids, hash);
}

/* Asks for the entries of one shard and unselects the repeats. Returns how many there were. */
static inline __attribute__((always_inline)) __u32 dedup_ask(
	const struct dedup_window *set, struct dedup_shard *shard, struct batch *batch,
	const struct dedup_work *work, __u32 first, __u32 end, __u32 bit, const bool has_shards)
{
	struct dedup_ids *ids = &shard->ids;
	struct dedup_ids_live live = dedup_ids_live(ids);
	unsigned int generation = 0;
	__u64 room = 0, fresh = 0;
	__s64 number = 0;
	__u32 repeats = 0;

	for (__u32 k = first; k < end; k++) {
		__u32 e = has_shards ? work->by_shard[k] : k;
		enum dedup_ids_verdict verdict = DEDUP_IDS_FORGOTTEN;
		__u64 hash = work->hash[e];

		dedup_fetch(set, work, k + DEDUP_FETCH_AHEAD, has_shards);
		if (__builtin_expect(k == first || work->generation[e] != number, 0)) {
			dedup_ids_count(ids, generation, fresh);
			number = work->generation[e];
			generation = dedup_ids_generation(ids, number);
			live = dedup_ids_live(ids);
			room = dedup_ids_room(ids, generation);
			fresh = 0;
		}
		if (__builtin_expect(fresh < room, 1))
			verdict = dedup_ids_line_set(&live, dedup_ids_line(ids, hash),
						     dedup_ids_entry(hash, generation));
		fresh += verdict == DEDUP_IDS_NEW;
		if (__builtin_expect(verdict == DEDUP_IDS_FORGOTTEN, 0)) {
			dedup_ids_count(ids, generation, fresh);
			if (generation)
				verdict = dedup_ids_test_and_set(ids, hash, generation);
			live = dedup_ids_live(ids);
			shard->undecided += verdict == DEDUP_IDS_FORGOTTEN;
			room = dedup_ids_room(ids, generation);
			fresh = 0;
		}
		if (__builtin_expect(verdict == DEDUP_IDS_DUPLICATE, 0)) {
			batch->selected[work->event[e]] &= ~bit;
			repeats++;
		}
	}
	dedup_ids_count(ids, generation, fresh);
	dedup_ids_grow(ids, end - first);
	return repeats;
}

static inline __attribute__((always_inline)) __u32 dedup_ask_shards(struct dedup_window *set,
								    struct batch *batch,
								    struct dedup_work *work,
								    __u32 bit)
{
	__u32 repeats = 0, first = 0;

	dedup_order(set, work);
	for (__u32 k = 0; k < DEDUP_FETCH_AHEAD; k++)
		dedup_fetch(set, work, k, true);
	for (__u32 s = 0; s < set->shard_count; s++) {
		struct dedup_shard *shard = &set->shard[s];
		__u32 end = work->shard_end[s];

		if (first == end)
			continue;
		spin_lock(&shard->lock);
		dedup_shard_catch_up(set, shard);
		repeats += dedup_ask(set, shard, batch, work, first, end, bit, true);
		spin_unlock(&shard->lock);
		first = end;
	}
	return repeats;
}

/* One worker alone. */
static inline __attribute__((always_inline)) __u32 dedup_ask_alone(struct dedup_window *set,
								   struct batch *batch,
								   const struct dedup_work *work,
								   __u32 bit)
{
	for (__u32 k = 0; k < DEDUP_FETCH_AHEAD; k++)
		dedup_fetch(set, work, k, false);
	dedup_shard_catch_up(set, set->shard);
	return dedup_ask(set, set->shard, batch, work, 0, work->count, bit, false);
}

/* Unselects, and counts, what the window has had before. False: there was something. */
static __attribute__((noinline)) bool dedup_run(struct stream *stream, struct window *window)
{
	struct dedup_work *work = &stream->dedup_work;
	struct dedup_window *set = window->dedup;
	const struct dedup_plain plain = dedup_find_plain(window, &stream->batch);
	const __u32 bit = 1u << window->index;
	__u32 late = 0, repeats;

	if (is_likely(plain.generation)) {
		repeats = dedup_run_plain(&set->shard[0].ids, &stream->batch, work, plain, bit);
	} else {
		late = dedup_collect(window, &stream->batch, work);
		repeats = set->shard_count > 1 ? dedup_ask_shards(set, &stream->batch, work, bit)
					       : dedup_ask_alone(set, &stream->batch, work, bit);
	}
	window->ledger.late += late;
	window->ledger.duplicate_id += repeats;
	/* The window is about to count them among those it has not selected. */
	window->ledger.unselected -= late + repeats;
	return late + repeats == 0;
}

#endif
