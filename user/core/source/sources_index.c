/* SPDX-License-Identifier: BSD-2-Clause */
/* The index of the sources: open addressing, at most half full. It is changed under a lock and read
 * without: a reader may miss an entry that is being moved, then it looks again under the lock;
 * what it finds is true only once the place is locked. */
#include "core/source/sources_state.h"

#define SLOT_NONE UINT32_MAX

static __u64 hash_of(const struct sources *sources, __u64 source_id)
{
	return hash_word(&sources->seed, source_id);
}

static __u64 entry_at(const struct sources *sources, __u32 at)
{
	return atomic_load_explicit(&sources->index[at & sources->index_mask],
				    memory_order_acquire);
}

static __u32 slot_of(__u64 entry)
{
	return (__u32)entry - 1;
}

/* Where in the index the source is; *slot is SLOT_NONE when `at` is where it ends. */
static __u32 find(const struct sources *sources, __u64 source_id, __u64 hash, __u32 *slot)
{
	__u32 at = (__u32)hash;
	__u64 entry;

	for (; (entry = entry_at(sources, at)) != 0; at++) {
		*slot = slot_of(entry);
		if (entry >> 32 == hash >> 32 &&
		    source_id_of(&sources->source[*slot]) == source_id)
			return at & sources->index_mask;
	}
	*slot = SLOT_NONE;
	return at & sources->index_mask;
}

static bool is_full(struct sources *sources)
{
	return atomic_load_explicit(&sources->used_max, memory_order_relaxed) ==
		       sources->options.sources_max &&
	       atomic_load_explicit(&sources->free_count, memory_order_relaxed) == 0;
}

static __u32 take_place(struct sources *sources)
{
	__u32 count = atomic_load_explicit(&sources->free_count, memory_order_relaxed);
	__u32 used = atomic_load_explicit(&sources->used_max, memory_order_relaxed);

	if (count) {
		atomic_store_explicit(&sources->free_count, count - 1, memory_order_relaxed);
		return sources->free[count - 1];
	}
	atomic_store_explicit(&sources->used_max, used + 1, memory_order_release);
	return used;
}

/* Under the lock of the index. Everything but the name of a free place is zero. */
static __u32 add(struct sources *sources, __u64 source_id, __u64 hash, __u64 now_mono_ns)
{
	struct source *source;
	__u32 slot, at = find(sources, source_id, hash, &slot);

	if (slot != SLOT_NONE)
		return slot;
	if (is_full(sources))
		return source_overflow_slot(sources);
	slot = take_place(sources);
	source = &sources->source[slot];
	spin_lock(&source->lock);
	atomic_store_explicit(&source->source_id, source_id, memory_order_relaxed);
	atomic_store_explicit(&source->seen_mono_ns, now_mono_ns + 1, memory_order_relaxed);
	spin_unlock(&source->lock);
	atomic_store_explicit(&sources->index[at], (hash >> 32 << 32) | (slot + 1),
			      memory_order_release);
	return slot;
}

__u32 sources_find_or_add(struct sources *sources, __u64 source_id, __u64 now_mono_ns)
{
	__u64 hash = hash_of(sources, source_id);
	__u32 slot;

	find(sources, source_id, hash, &slot);
	if (slot != SLOT_NONE)
		return slot;
	if (is_full(sources))
		return source_overflow_slot(sources);
	spin_lock(&sources->index_lock);
	slot = add(sources, source_id, hash, now_mono_ns);
	spin_unlock(&sources->index_lock);
	return slot;
}

/* Entries behind the hole that would not be found across it move into it (Knuth, 6.4, algorithm
 * R). */
static void close_hole(struct sources *sources, __u32 hole)
{
	__u32 mask = sources->index_mask;
	__u64 entry;

	for (__u32 at = hole + 1; (entry = entry_at(sources, at)) != 0; at++) {
		__u64 source_id = source_id_of(&sources->source[slot_of(entry)]);
		__u32 home = (__u32)hash_of(sources, source_id);

		if (((at - home) & mask) < ((at - hole) & mask))
			continue;
		atomic_store_explicit(&sources->index[hole & mask], entry, memory_order_release);
		hole = at;
	}
	atomic_store_explicit(&sources->index[hole & mask], 0, memory_order_release);
}

void sources_remove(struct sources *sources, __u32 slot)
{
	__u64 source_id = source_id_of(&sources->source[slot]);
	__u32 count = atomic_load_explicit(&sources->free_count, memory_order_relaxed);
	__u32 found, at = find(sources, source_id, hash_of(sources, source_id), &found);

	if (found == slot)
		close_hole(sources, at);
	sources->free[count] = slot;
	atomic_store_explicit(&sources->free_count, count + 1, memory_order_relaxed);
}

__u32 sources_known(const struct sources *sources)
{
	struct sources *shared = (struct sources *)sources;

	return atomic_load_explicit(&shared->used_max, memory_order_relaxed) -
	       atomic_load_explicit(&shared->free_count, memory_order_relaxed);
}
