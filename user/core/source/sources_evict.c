/* SPDX-License-Identifier: BSD-2-Clause */
/* Places for newcomers: a source that is idle, and of which no copy could change a row any more, is
 * forgotten when the table is three quarters full. Until then it is remembered, as it may come
 * back. */
#include <string.h>

#include "core/source/sources_state.h"

/* Work of one tick: places looked at, and places freed (each some kilobytes of zeros). */
#define EVICT_LOOKS 8192u
#define EVICT_FREES 256u

struct horizons {
	/* by listener: events before it are over for all its windows */
	__s64 listener_ns[SLUICE_LISTENERS_MAX];
	__s64 known_ns;			/* least of the windows that have begun; NONE: none has */
};

static struct horizons find_horizons(const struct sources *sources, const __s64 *over_ns)
{
	struct horizons horizons = { .known_ns = INT64_MAX };

	for (__u32 l = 0; l < sources->options.listener_count; l++)
		horizons.listener_ns[l] = INT64_MAX;
	for (__u32 w = 0; w < sources->options.window_count; w++) {
		__u32 listeners = sources->set[sources->window_set[w]].listeners;

		for (__u32 l = 0; l < sources->options.listener_count; l++)
			if ((listeners >> l & 1) && over_ns[w] < horizons.listener_ns[l])
				horizons.listener_ns[l] = over_ns[w];
		if (over_ns[w] != SOURCES_WATERMARK_NONE && over_ns[w] < horizons.known_ns)
			horizons.known_ns = over_ns[w];
	}
	if (horizons.known_ns == INT64_MAX)
		horizons.known_ns = SOURCES_WATERMARK_NONE;
	return horizons;
}

static bool is_over(const struct sources *sources, __u32 slot, __u64 now_mono_ns,
		    const struct horizons *horizons)
{
	const struct source *source = &sources->source[slot];
	__u64 seen = atomic_load_explicit(&((struct source *)source)->seen_mono_ns,
					  memory_order_relaxed);
	__s64 imported_ns = source_time(sources->more[slot].imported_ns);

	if (!seen || seen - 1 + (__u64)sources->options.idle_timeout_ns > now_mono_ns)
		return false;
	if (imported_ns != SOURCES_WATERMARK_NONE && imported_ns >= horizons->known_ns)
		return false;
	for (__u32 l = 0; l < sources->options.listener_count; l++) {
		__s64 newest_ns = sources_newest_of(sources, l, slot);

		if (newest_ns != SOURCES_WATERMARK_NONE && newest_ns >= horizons->listener_ns[l])
			return false;
	}
	return true;
}

/* Under the locks of the index and of the source. */
static void clear(struct sources *sources, __u32 slot)
{
	struct source *source = &sources->source[slot];

	for (__u32 s = 0; s < sources->set_count; s++)
		dedup_sequence_forget(&sources->set[s].dedup, slot);
	for (__u32 l = 0; l < sources->options.listener_count; l++) {
		for (__u32 w = 0; w < sources->options.worker_count; w++) {
			struct source_noted *noted = source_noted_of(sources, l, w) + slot;

			atomic_store_explicit(&noted->newest_ns, 0, memory_order_relaxed);
			atomic_store_explicit(&noted->seen_mono_ns, 0, memory_order_relaxed);
			atomic_store_explicit(&noted->risen_mono_ns, 0, memory_order_relaxed);
		}
		sources->times[l].snapshot_ns[slot] = 0;
	}
	memset(&sources->more[slot], 0, sizeof(sources->more[slot]));
	atomic_store_explicit(&source->seen_mono_ns, 0, memory_order_relaxed);
	source->listeners = 0;
	source->gap_count = 0;
	source->is_changed = 1; /* it is gone: that is to be exported too */
	memset(source->base_ns, 0, sizeof(source->base_ns));
	__atomic_store_n(&source->datagrams, 0, __ATOMIC_RELAXED);
	source->records = 0;
	source->refused_count = 0;
}

static bool evict(struct sources *sources, __u32 slot, __u64 now_mono_ns,
		  const struct horizons *horizons)
{
	struct source *source = &sources->source[slot];
	bool is_evicted;

	spin_lock(&sources->index_lock);
	spin_lock(&source->lock);
	/* A worker may have heard of it meanwhile. */
	is_evicted = is_over(sources, slot, now_mono_ns, horizons);
	if (is_evicted) {
		sources_remove(sources, slot);
		clear(sources, slot);
	}
	spin_unlock(&source->lock);
	spin_unlock(&sources->index_lock);
	return is_evicted;
}

__u32 sources_evict(struct sources *sources, __u64 now_mono_ns, const __s64 *over_ns)
{
	const struct horizons horizons = find_horizons(sources, over_ns);
	__u32 used = atomic_load_explicit(&sources->used_max, memory_order_acquire);
	__u32 max = sources->options.sources_max, freed = 0;

	for (__u32 i = 0; i < used && i < EVICT_LOOKS && freed < EVICT_FREES; i++) {
		__u32 slot = sources->evict_at < used ? sources->evict_at : 0;

		if (sources_known(sources) < max - max / 4)
			break;
		sources->evict_at = slot + 1;
		if (is_over(sources, slot, now_mono_ns, &horizons))
			freed += evict(sources, slot, now_mono_ns, &horizons);
	}
	sources->evicted += freed;
	return freed;
}
