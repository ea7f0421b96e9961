/* SPDX-License-Identifier: BSD-2-Clause */
/* The table is open addressing without removal; an entry is claimed by one compare-and-swap, then
 * published. Times are kept per worker, each written by its worker alone, so nothing is
 * contended. */
#include "core/sources.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "base/memory.h"
#include "core/hash.h"

enum entry_state { ENTRY_FREE, ENTRY_CLAIMED, ENTRY_READY };

struct entry {
	_Atomic __u32 state;
	__u16 listener;
	__u32 slot;
	__u64 source_id;
};

/* What one worker knows of one source. */
struct noted {
	_Atomic __s64 newest_ns;	/* SOURCES_WATERMARK_NONE: nothing yet */
	_Atomic __u64 seen_mono_ns;
};

struct sources {
	struct sources_options options;
	struct hash_seed seed;
	struct entry *entries;
	__u32 entry_mask;
	__u32 slot_count;		/* sources_max, then one overflow slot a listener */
	_Atomic __u32 known;		/* slots given out, overflow slots not counted */
	_Atomic __u64 overflowed;
	_Atomic __u16 *slot_listener;
	struct noted *noted;		/* [worker][slot] */
	__s64 *snapshot_ns;		/* by slot */
	__u64 snapshot_mono_ns;
	void *dedup_memory;
	struct dedup_sequence dedup;
	struct sources_stats stats;	/* of the last tick */
	_Atomic __s64 missing[SLUICE_LISTENERS_MAX]; /* sums over their sources */
};

static struct noted *noted_of(const struct sources *sources, __u32 worker)
{
	return sources->noted + (size_t)worker * sources->slot_count;
}

static size_t noted_bytes(const struct sources *sources)
{
	return (size_t)sources->options.worker_count * sources->slot_count * sizeof(struct noted);
}

int sources_open(struct sources **result, const struct sources_options *options)
{
	struct sources *sources = memory_reserve(sizeof(*sources));
	__u32 entries = 64;

	if (!sources)
		return -ENOMEM;
	while (entries < options->sources_max * 2)
		entries *= 2;
	sources->options = *options;
	sources->seed = hash_seed_make(options->hash_seed);
	sources->entry_mask = entries - 1;
	sources->slot_count = options->sources_max + options->listener_count;
	sources->entries = memory_reserve(entries * sizeof(struct entry));
	sources->slot_listener = memory_reserve(sources->slot_count * sizeof(__u16));
	sources->snapshot_ns = memory_reserve(sources->slot_count * sizeof(__s64));
	sources->noted = memory_reserve(noted_bytes(sources));
	sources->dedup_memory = memory_reserve(dedup_sequence_bytes(options->sources_max));
	if (!sources->entries || !sources->slot_listener || !sources->snapshot_ns ||
	    !sources->noted || !sources->dedup_memory) {
		sources_close(sources);
		return -ENOMEM;
	}
	dedup_sequence_open(&sources->dedup, sources->dedup_memory, options->sources_max);
	for (__u32 l = 0; l < options->listener_count; l++)
		sources->slot_listener[options->sources_max + l] = (__u16)l;
	*result = sources;
	return 0;
}

void sources_close(struct sources *sources)
{
	if (!sources)
		return;
	memory_release(sources->entries, ((size_t)sources->entry_mask + 1) * sizeof(struct entry));
	memory_release(sources->slot_listener, sources->slot_count * sizeof(__u16));
	memory_release(sources->snapshot_ns, sources->slot_count * sizeof(__s64));
	memory_release(sources->noted, noted_bytes(sources));
	memory_release(sources->dedup_memory, dedup_sequence_bytes(sources->options.sources_max));
	memory_release(sources, sizeof(*sources));
}

__u32 sources_listener_count(const struct sources *sources)
{
	return sources->options.listener_count;
}

static __u32 overflow_slot(struct sources *sources, __u16 listener)
{
	atomic_fetch_add_explicit(&sources->overflowed, 1, memory_order_relaxed);
	return sources->options.sources_max + listener;
}

/* A new slot for a claimed entry; times start out as "nothing yet". */
static __u32 take_slot(struct sources *sources, __u16 listener)
{
	__u32 slot = atomic_load_explicit(&sources->known, memory_order_relaxed);

	do {
		if (slot == sources->options.sources_max)
			return slot;
	} while (!atomic_compare_exchange_weak(&sources->known, &slot, slot + 1));
	/* The reader may see the slot before this: it has no time yet, and is passed over. */
	atomic_store_explicit(&sources->slot_listener[slot], listener, memory_order_relaxed);
	return slot;
}

__u32 sources_slot(struct sources *sources, __u16 listener, __u64 source_id)
{
	__u64 words[2] = { source_id, listener };
	__u32 at = (__u32)hash_words(&sources->seed, words, 2) & sources->entry_mask;

	if (listener >= sources->options.listener_count)
		listener = (__u16)(sources->options.listener_count - 1);
	for (;; at = (at + 1) & sources->entry_mask) {
		struct entry *entry = &sources->entries[at];
		__u32 state = atomic_load_explicit(&entry->state, memory_order_acquire);

		if (state == ENTRY_FREE) {
			if (atomic_load_explicit(&sources->known, memory_order_relaxed) ==
			    sources->options.sources_max)
				return overflow_slot(sources, listener);
			if (!atomic_compare_exchange_strong(&entry->state, &state, ENTRY_CLAIMED)) {
				at = (at - 1) & sources->entry_mask;
				continue;
			}
			entry->listener = listener;
			entry->source_id = source_id;
			entry->slot = take_slot(sources, listener);
			atomic_store_explicit(&entry->state, ENTRY_READY, memory_order_release);
		}
		while (state == ENTRY_CLAIMED)
			state = atomic_load_explicit(&entry->state, memory_order_acquire);
		if (entry->source_id != source_id || entry->listener != listener)
			continue;
		return entry->slot < sources->options.sources_max
			       ? entry->slot
			       : overflow_slot(sources, listener);
	}
}

enum dedup_verdict sources_test_and_set(struct sources *sources, __u32 slot, __u32 epoch,
					__u64 sequence)
{
	enum dedup_verdict verdict;
	__s64 change;

	if (slot >= sources->options.sources_max)
		return DEDUP_NEW;
	verdict =
		dedup_sequence_test_and_set_change(&sources->dedup, slot, epoch, sequence, &change);
	if (change)
		atomic_fetch_add_explicit(
			&sources->missing[atomic_load_explicit(&sources->slot_listener[slot],
							       memory_order_relaxed)],
			change, memory_order_relaxed);
	return verdict;
}

__u64 sources_missing(struct sources *sources, __u16 listener)
{
	__s64 missing = atomic_load_explicit(&sources->missing[listener], memory_order_relaxed);

	/* A gap that is filled at once by another worker may be added after what fills it. */
	return missing > 0 ? (__u64)missing : 0;
}

/* Times are stored off by the sign bit, so that zeroed memory means "nothing yet". */
static __s64 from_stored(__s64 stored)
{
	return (__s64)((__u64)stored ^ (__u64)SOURCES_WATERMARK_NONE);
}

void sources_note(struct sources *sources, __u32 worker, __u32 slot, __s64 time_ns,
		  __u64 now_mono_ns)
{
	struct noted *noted = noted_of(sources, worker) + slot;
	__s64 before = from_stored(atomic_load_explicit(&noted->newest_ns, memory_order_relaxed));

	if (time_ns > before)
		atomic_store_explicit(&noted->newest_ns, from_stored(time_ns),
				      memory_order_relaxed);
	atomic_store_explicit(&noted->seen_mono_ns, now_mono_ns + 1, memory_order_relaxed);
}

static __s64 newest_of(const struct sources *sources, __u32 slot)
{
	__s64 newest_ns = SOURCES_WATERMARK_NONE;

	for (__u32 w = 0; w < sources->options.worker_count; w++) {
		struct noted *noted = noted_of(sources, w) + slot;
		__s64 time_ns =
			from_stored(atomic_load_explicit(&noted->newest_ns, memory_order_relaxed));

		newest_ns = time_ns > newest_ns ? time_ns : newest_ns;
	}
	return newest_ns;
}

/* Has any worker accepted something of this source within the idle timeout before the snapshot? */
static bool is_live(const struct sources *sources, __u32 slot)
{
	__u64 timeout_ns = (__u64)sources->options.idle_timeout_ns;

	for (__u32 w = 0; w < sources->options.worker_count; w++) {
		struct noted *noted = noted_of(sources, w) + slot;
		__u64 seen = atomic_load_explicit(&noted->seen_mono_ns, memory_order_relaxed);

		if (seen != 0 && seen - 1 + timeout_ns > sources->snapshot_mono_ns)
			return true;
	}
	return false;
}

/* Calls of one loop over every slot that can be in use. */
static __u32 slot_after(const struct sources *sources, __u32 slot)
{
	__u32 known =
		atomic_load_explicit(&((struct sources *)sources)->known, memory_order_acquire);

	slot++;
	return slot >= known && slot < sources->options.sources_max ? sources->options.sources_max
								    : slot;
}

#define for_each_slot(sources, slot)                                                               \
	for (__u32 slot = slot_after(sources, UINT32_MAX); slot < (sources)->slot_count;           \
	     slot = slot_after(sources, slot))

void sources_snapshot(struct sources *sources, __u64 now_mono_ns)
{
	sources->snapshot_mono_ns = now_mono_ns;
	for_each_slot (sources, slot)
		sources->snapshot_ns[slot] = from_stored(newest_of(sources, slot));
}

struct view {
	__u32 known, live, set_aside;
	bool has_unseen;	/* a live source without a time at the snapshot */
	__s64 newest_ns, oldest_ns;
};

static bool reads(const struct sources *sources, __u32 listener_mask, __u32 slot)
{
	__u16 listener = atomic_load_explicit(&sources->slot_listener[slot], memory_order_relaxed);

	return listener_mask >> listener & 1;
}

/* The newest time of the live sources of these listeners, and the oldest that is not set aside. */
static struct view look(const struct sources *sources, __u32 listener_mask)
{
	struct view view = { .newest_ns = SOURCES_WATERMARK_NONE, .oldest_ns = INT64_MAX };
	__s64 bound_ns;

	for_each_slot (sources, slot) {
		__s64 time_ns = from_stored(sources->snapshot_ns[slot]);

		if (!reads(sources, listener_mask, slot) ||
		    newest_of(sources, slot) == SOURCES_WATERMARK_NONE)
			continue;
		view.known++;
		if (!is_live(sources, slot))
			continue;
		if (time_ns == SOURCES_WATERMARK_NONE)
			view.has_unseen = true;
		else
			view.live++;
		view.newest_ns = time_ns > view.newest_ns ? time_ns : view.newest_ns;
	}
	if (view.live == 0)
		return view;
	bound_ns = view.newest_ns < INT64_MIN + sources->options.max_lag_ns
			   ? INT64_MIN
			   : view.newest_ns - sources->options.max_lag_ns;
	for_each_slot (sources, slot) {
		__s64 time_ns = from_stored(sources->snapshot_ns[slot]);

		if (!reads(sources, listener_mask, slot) || time_ns == SOURCES_WATERMARK_NONE ||
		    !is_live(sources, slot))
			continue;
		if (time_ns < bound_ns)
			view.set_aside++;
		else if (time_ns < view.oldest_ns)
			view.oldest_ns = time_ns;
	}
	return view;
}

static __s64 watermark_of(const struct sources *sources, const struct view *view, __u64 now_wall_ns,
			  __s64 max_disorder_ns, __s64 before_ns)
{
	__s64 watermark_ns = SOURCES_WATERMARK_NONE;

	if (view->live)
		watermark_ns = view->oldest_ns - max_disorder_ns;
	else if (view->known && !view->has_unseen)
		watermark_ns =
			(__s64)now_wall_ns - max_disorder_ns - sources->options.idle_timeout_ns;
	return watermark_ns > before_ns ? watermark_ns : before_ns;
}

void sources_watermarks(struct sources *sources, __u64 now_wall_ns,
			const struct window_spec *windows, __u32 window_count, __s64 *watermark_ns)
{
	struct view view = { 0 };

	sources->stats = (struct sources_stats){
		.known = atomic_load(&sources->known),
		.overflowed = atomic_load(&sources->overflowed),
	};
	for (__u32 w = 0; w < window_count; w++) {
		/* Windows mostly read the same listeners: look once. */
		if (w == 0 || windows[w].listener_mask != windows[w - 1].listener_mask)
			view = look(sources, windows[w].listener_mask);
		watermark_ns[w] = watermark_of(sources, &view, now_wall_ns,
					       windows[w].max_disorder_ns, watermark_ns[w]);
		if (view.live > sources->stats.live)
			sources->stats.live = view.live;
		if (view.set_aside > sources->stats.set_aside)
			sources->stats.set_aside = view.set_aside;
	}
}

void sources_read_stats(struct sources *sources, struct sources_stats *stats)
{
	*stats = sources->stats;
	stats->restarts = __atomic_load_n(&sources->dedup.epochs_opened, __ATOMIC_RELAXED);
	for (__u32 l = 0; l < sources->options.listener_count; l++)
		stats->missing += sources_missing(sources, (__u16)l);
}
