/* SPDX-License-Identifier: BSD-2-Clause */
/* Who sends, for people: the worst of the sources, in a bounded copy. */
#include "core/source/sources_state.h"

/* Whether a is worse than b. */
static bool is_worse(const struct source_entry *a, const struct source_entry *b)
{
	if (a->missing != b->missing)
		return a->missing > b->missing;
	if (a->duplicates != b->duplicates)
		return a->duplicates > b->duplicates;
	if (a->newest_time_ns != b->newest_time_ns)
		return a->newest_time_ns < b->newest_time_ns;
	return a->source_id < b->source_id;
}

static bool fill_entry(struct sources *sources, __u32 slot, struct source_entry *entry)
{
	struct source *source = &sources->source[slot];
	const struct source_more *more = &sources->more[slot];
	const struct dedup_source *state = &sources->set[0].dedup.sources[slot];
	bool is_used;

	spin_lock(&source->lock);
	is_used = source_is_used(source);
	*entry = (struct source_entry){
		.source_id = source_id_of(source),
		.listeners = source->listeners,
		.epoch = state->lane[state->newest].epoch,
		.datagrams = source->datagrams,
		.records = source->records,
		.rate_datagrams = more->newer_datagrams - more->older_datagrams,
		.rate_ns = sources->rate_newer_mono_ns - sources->rate_older_mono_ns,
		.missing = more->missing,
		.duplicates = more->duplicates,
		.seen_mono_ns = atomic_load_explicit(&source->seen_mono_ns, memory_order_relaxed) -
				1,
		.newest_time_ns = SOURCES_WATERMARK_NONE,
	};
	for (__u32 l = 0; l < sources->options.listener_count; l++) {
		__s64 newest_ns = sources_newest_of(sources, l, slot);

		if (newest_ns > entry->newest_time_ns)
			entry->newest_time_ns = newest_ns;
	}
	spin_unlock(&source->lock);
	return is_used;
}

static void swap(struct source_entry *a, struct source_entry *b)
{
	struct source_entry kept = *a;

	*a = *b;
	*b = kept;
}

/* A heap whose first entry is the least bad. */
static void sink(struct source_entry *heap, __u32 at, __u32 count)
{
	for (;;) {
		__u32 least = at;

		for (__u32 child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++)
			if (is_worse(&heap[least], &heap[child]))
				least = child;
		if (least == at)
			return;
		swap(&heap[at], &heap[least]);
		at = least;
	}
}

static void rise(struct source_entry *heap, __u32 at)
{
	for (; at && is_worse(&heap[(at - 1) / 2], &heap[at]); at = (at - 1) / 2)
		swap(&heap[at], &heap[(at - 1) / 2]);
}

__u32 sources_list(struct sources *sources, struct source_entry *entries, __u32 room)
{
	__u32 used = atomic_load_explicit(&sources->used_max, memory_order_acquire), count = 0;
	struct source_entry entry;

	for (__u32 slot = 0; slot < used && room; slot++) {
		if (!fill_entry(sources, slot, &entry))
			continue;
		if (count < room) {
			entries[count] = entry;
			rise(entries, count++);
		} else if (is_worse(&entry, &entries[0])) {
			entries[0] = entry;
			sink(entries, 0, count);
		}
	}
	/* The least bad goes to the end, again and again. */
	for (__u32 end = count; end > 1; end--) {
		swap(&entries[0], &entries[end - 1]);
		sink(entries, 0, end - 1);
	}
	return count;
}
