/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory of the table, and what becomes of a datagram in it. A place is worked on under its lock;
 * times are kept per worker, each written by its worker alone, so nothing else is contended. */
#include "core/source/sources.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "core/source/sources_state.h"

static __u32 all_listeners(const struct sources_options *options)
{
	return (__u32)((1ull << options->listener_count) - 1);
}

/* The sets that these windows make; set 0 is all listeners. Returns how many. */
static __u32 make_sets(const struct sources_options *options, struct source_set *set,
		       __u8 *window_set)
{
	__u32 count = 1;

	set[0] = (struct source_set){ .listeners = all_listeners(options) };
	for (__u32 w = 0; w < options->window_count; w++) {
		__u32 listeners = options->windows[w].listener_mask & set[0].listeners, s = 0;

		while (s < count && set[s].listeners != listeners)
			s++;
		if (s == count)
			set[count++] = (struct source_set){ .listeners = listeners };
		set[s].windows |= 1u << w;
		window_set[w] = (__u8)s;
	}
	if (!options->window_count)
		set[0].windows = UINT32_MAX;
	return count;
}

static __u32 index_entries(const struct sources_options *options)
{
	__u32 entries = 64;

	while (entries < options->sources_max * 2)
		entries *= 2;
	return entries;
}

static size_t noted_bytes(const struct sources_options *options)
{
	return (size_t)options->worker_count * (options->sources_max + 1) *
	       sizeof(struct source_noted);
}

static size_t notes_bytes(const struct sources_options *options)
{
	return options->worker_count * sizeof(struct source_notes);
}

static __u64 times_bytes(const struct sources_options *options)
{
	return noted_bytes(options) +
	       (options->sources_max + 1ull) * (sizeof(__s64) + sizeof(__u8));
}

__u64 sources_bytes(const struct sources_options *options)
{
	const __u64 each = sizeof(struct source) + sizeof(struct source_more) + sizeof(__u32);
	struct source_set set[SOURCE_SETS_MAX];
	__u8 window_set[SLUICE_WINDOWS_MAX];
	__u64 sets = make_sets(options, set, window_set);

	return sets * dedup_sequence_bytes(options->sources_max) +
	       options->listener_count * times_bytes(options) + options->sources_max * each +
	       index_entries(options) * sizeof(__u64) + notes_bytes(options) +
	       sizeof(struct sources);
}

static int open_set(struct source_set *set, const struct sources_options *options)
{
	set->dedup_memory = memory_reserve(dedup_sequence_bytes(options->sources_max));
	if (!set->dedup_memory)
		return -ENOMEM;
	dedup_sequence_open(&set->dedup, set->dedup_memory, options->sources_max);
	return 0;
}

static int open_times(struct source_times *times, const struct sources_options *options)
{
	times->noted = memory_reserve(noted_bytes(options));
	times->snapshot_ns = memory_reserve((options->sources_max + 1ull) * sizeof(__s64));
	times->standing = memory_reserve(options->sources_max + 1ull);
	return times->noted && times->snapshot_ns && times->standing ? 0 : -ENOMEM;
}

static void close_times(struct source_times *times, const struct sources_options *options)
{
	memory_release(times->noted, noted_bytes(options));
	memory_release(times->snapshot_ns, (options->sources_max + 1ull) * sizeof(__s64));
	memory_release(times->standing, options->sources_max + 1ull);
}

int sources_open(struct sources **result, const struct sources_options *options)
{
	struct sources *sources = memory_reserve(sizeof(*sources));
	int error = 0;

	if (!sources)
		return -ENOMEM;
	sources->options = *options;
	sources->options.windows = NULL;
	sources->seed = hash_seed_make(options->hash_seed);
	sources->index_mask = index_entries(options) - 1;
	sources->index = memory_reserve(index_entries(options) * sizeof(__u64));
	sources->free = memory_reserve(options->sources_max * sizeof(__u32));
	sources->source = memory_reserve(options->sources_max * sizeof(struct source));
	sources->more = memory_reserve(options->sources_max * sizeof(struct source_more));
	sources->notes = memory_reserve(notes_bytes(options));
	sources->set_count = make_sets(options, sources->set, sources->window_set);
	for (__u32 l = 0; l < options->listener_count && !error; l++)
		error = open_times(&sources->times[l], options);
	for (__u32 s = 0; s < sources->set_count && !error; s++) {
		error = open_set(&sources->set[s], options);
		for (__u32 l = 0; l < options->listener_count; l++)
			if (sources->set[s].listeners >> l & 1)
				sources->listener_sets[l] |= 1ull << s;
	}
	for (__u32 w = 0; w < options->window_count; w++)
		sources->window_disorder_ns[w] = options->windows[w].max_disorder_ns;
	if (error || !sources->index || !sources->free || !sources->source || !sources->more ||
	    !sources->notes) {
		sources_close(sources);
		return -ENOMEM;
	}
	*result = sources;
	return 0;
}

void sources_close(struct sources *sources)
{
	const struct sources_options *options = &sources->options;

	if (!sources)
		return;
	memory_release(sources->index, index_entries(options) * sizeof(__u64));
	memory_release(sources->free, options->sources_max * sizeof(__u32));
	memory_release(sources->source, options->sources_max * sizeof(struct source));
	memory_release(sources->more, options->sources_max * sizeof(struct source_more));
	memory_release(sources->notes, notes_bytes(options));
	for (__u32 l = 0; l < options->listener_count; l++)
		close_times(&sources->times[l], options);
	for (__u32 s = 0; s < sources->set_count; s++)
		memory_release(sources->set[s].dedup_memory,
			       dedup_sequence_bytes(options->sources_max));
	memory_release(sources, sizeof(*sources));
}

__u32 sources_listener_count(const struct sources *sources)
{
	return sources->options.listener_count;
}

bool sources_has_one_set(const struct sources *sources)
{
	return sources->set_count == 1;
}

/* What the sets of the listener say; *first is what set 0 does, *step what has changed there. */
static enum dedup_verdict judge(struct sources *sources, __u32 slot,
				const struct source_datagram *datagram, struct dedup_step *step,
				enum dedup_verdict *first, __u32 *refused_windows)
{
	__u32 taken_windows = 0;
	bool has_duplicate = false;

	for (__u64 sets = sources->listener_sets[datagram->listener]; sets; sets &= sets - 1) {
		unsigned int s = (unsigned int)__builtin_ctzll(sets);
		struct source_set *set = &sources->set[s];
		struct dedup_step other = { 0 };
		struct dedup_step *change = s ? &other : step;
		enum dedup_verdict verdict =
			datagram->is_refused
				? dedup_sequence_look(&set->dedup, slot, datagram->epoch,
						      datagram->sequence, &change->is_highest)
				: dedup_sequence_take(&set->dedup, slot, datagram->epoch,
						      datagram->sequence, change);

		if (s == 0)
			*first = verdict;
		if (verdict == DEDUP_NEW)
			taken_windows |= set->windows;
		else
			*refused_windows |= set->windows;
		has_duplicate |= set->windows && verdict == DEDUP_DUPLICATE;
	}
	if (taken_windows || !*refused_windows)
		return DEDUP_NEW;
	return has_duplicate ? DEDUP_DUPLICATE : DEDUP_STALE;
}

/* A datagram that no listener has brought before. */
static void learn(struct sources *sources, __u32 worker, __u32 slot,
		  const struct source_datagram *datagram, const struct dedup_step *step)
{
	struct source *source = &sources->source[slot];

	if (step->is_opened)
		source->base_ns[step->lane] = source->base_ns[!step->lane];
	if (!datagram->is_dictionary) {
		__atomic_store_n(&source->datagrams, source->datagrams + 1, __ATOMIC_RELAXED);
		source->records += datagram->records;
	}
	if (step->missing || step->is_unknown || (step->is_opened && source->gap_count))
		sources_note_gap(sources, worker, slot, datagram, step);
	if (step->is_highest && !datagram->is_dictionary)
		source->base_ns[step->lane] = (__s64)datagram->base_time_ns;
}

static __attribute__((noinline)) enum dedup_verdict
take(struct sources *sources, __u32 worker, __u32 slot, const struct source_datagram *datagram,
     __u32 *refused_windows)
{
	struct dedup_step step = { 0 };
	enum dedup_verdict first = DEDUP_NEW, verdict;

	verdict = judge(sources, slot, datagram, &step, &first, refused_windows);
	if (datagram->is_refused && first == DEDUP_NEW)
		sources_excuse_gap(sources, worker, slot, datagram, step.is_highest);
	else if (first == DEDUP_NEW)
		learn(sources, worker, slot, datagram, &step);
	if (verdict != DEDUP_NEW)
		sources->more[slot].duplicates++;
	return verdict;
}

/* The slot of the datagram's source, locked; the overflow slot is not. */
static __u32 lock_source(struct sources *sources, struct source_place *place, __u64 source_id,
			 __u64 now_mono_ns)
{
	for (;;) {
		struct source *source;

		if (!place->is_known || place->source_id != source_id) {
			place->slot = sources_find_or_add(sources, source_id, now_mono_ns);
			place->source_id = source_id;
			/* A place may become free: it is looked for again each time. */
			place->is_known = place->slot != source_overflow_slot(sources);
			if (!place->is_known)
				return place->slot;
		}
		source = &sources->source[place->slot];
		spin_lock(&source->lock);
		if (source_id_of(source) == source_id && source_is_used(source))
			return place->slot;
		spin_unlock(&source->lock);
		place->is_known = false;
	}
}

/* The usual datagram: with one set, and next in order. False: it is not, and nothing was done. */
static inline bool take_next(struct sources *sources, __u32 slot,
			     const struct source_datagram *datagram)
{
	struct source *source = &sources->source[slot];
	struct dedup_sequence *dedup = &sources->set[0].dedup;

	if (sources->set_count > 1 || datagram->is_refused || datagram->is_dictionary ||
	    !dedup_sequence_take_next(dedup, slot, datagram->epoch, datagram->sequence))
		return false;
	source->base_ns[dedup->sources[slot].newest] = (__s64)datagram->base_time_ns;
	__atomic_store_n(&source->datagrams, source->datagrams + 1, __ATOMIC_RELAXED);
	source->records += datagram->records;
	return true;
}

enum dedup_verdict sources_take(struct sources *sources, __u32 worker, struct source_place *place,
				const struct source_datagram *datagram, __u64 now_mono_ns,
				__u32 *refused_windows)
{
	__u32 slot = lock_source(sources, place, datagram->source_id, now_mono_ns);
	enum dedup_verdict verdict = DEDUP_NEW;
	struct source *source;

	*refused_windows = 0;
	if (slot == source_overflow_slot(sources)) {
		atomic_fetch_add_explicit(&sources->overflowed, 1, memory_order_relaxed);
		return DEDUP_NEW;
	}
	source = &sources->source[slot];
	atomic_store_explicit(&source->seen_mono_ns, now_mono_ns + 1, memory_order_relaxed);
	source->listeners |= (__u16)(1u << datagram->listener);
	source->is_changed = 1;
	if (!take_next(sources, slot, datagram))
		verdict = take(sources, worker, slot, datagram, refused_windows);
	spin_unlock(&source->lock);
	return verdict;
}

void sources_note(struct sources *sources, __u32 worker, const struct source_place *place,
		  __u16 listener, __s64 time_ns, __u64 now_mono_ns)
{
	struct source_noted *noted;
	__s64 before;

	noted = source_noted_of(sources, listener, worker) + place->slot;
	before =
		source_time(atomic_load_explicit(&noted->newest_ns, memory_order_relaxed));

	if (time_ns > before) {
		atomic_store_explicit(&noted->risen_mono_ns, now_mono_ns, memory_order_relaxed);
		atomic_store_explicit(&noted->newest_ns, source_time(time_ns),
				      memory_order_relaxed);
	}
	atomic_store_explicit(&noted->seen_mono_ns, now_mono_ns + 1, memory_order_relaxed);
}

void sources_read_stats(struct sources *sources, struct sources_stats *stats)
{
	*stats = sources->stats;
	stats->known = sources_known(sources);
	stats->overflowed = atomic_load_explicit(&sources->overflowed, memory_order_relaxed);
	stats->evicted = sources->evicted;
	stats->restarts =
		__atomic_load_n(&sources->set[0].dedup.epochs_opened, __ATOMIC_RELAXED);
	for (__u32 l = 0; l < sources->options.listener_count; l++)
		stats->missing += sources_missing(sources, (__u16)l);
}
