/* SPDX-License-Identifier: BSD-2-Clause */
/* What the table of sources is made of: for the files sources*.c alone. A source is found through
 * the index and worked on under its own lock, which says again whose place it is: a place may be
 * given to another source at any time it is not locked. */
#ifndef SLUICE_CORE_SOURCES_STATE_H
#define SLUICE_CORE_SOURCES_STATE_H

#include <stdatomic.h>

#include "base/hash.h"
#include "core/source/sources.h"
#include "core/memory/spin.h"

#define SOURCE_SETS_MAX (SLUICE_WINDOWS_MAX + 1)
#define SOURCE_GAPS 4u
#define SOURCE_REFUSED 8u
#define SOURCES_ALL UINT32_MAX

/* One cache line, all that a usual datagram looks at beside the sequences. */
struct source {
	__u32 lock;
	__u16 listeners;	/* mask: by which it has come */
	__u8 gap_count;
	__u8 is_changed;	/* since the last export */
	_Atomic __u64 source_id;
	_Atomic __u64 seen_mono_ns;	/* + 1; 0: the place is free */
	__s64 base_ns[DEDUP_SEQUENCE_EPOCHS];	/* of the highest sequence, by lane; 0: none */
	__u64 datagrams, records;	/* accepted */
	__u32 refused_count;	/* runs of sequences refused for their time */
	__u32 zero;
};

SLUICE_ASSERT_SIZE(struct source, 64);

/* Missing sequences that may still come. */
struct source_gap {
	__u64 first, last;
	__s64 from_ns, to_ns;
	__u64 left;		/* datagrams */
	__u32 mean_256;		/* records of a datagram × 256 */
	__u32 lane;
};

/* Sequences that were refused for their time, one behind the other: not lost before this host. */
struct source_refused {
	__u64 first, last;
	__u32 epoch;
	__u32 zero;
};

struct source_more {
	__u64 duplicates;
	__u64 missing;		/* by the notes */
	__u64 older_datagrams, newer_datagrams;	/* at the last two readings of rates */
	__s64 imported_ns;	/* newest time before the restart, off by the sign bit */
	struct source_gap gap[SOURCE_GAPS];
	struct source_refused refused[SOURCE_REFUSED];
};

/* What one worker knows of one source by one listener. */
struct source_noted {
	_Atomic __s64 newest_ns;	/* off by the sign bit, so that zero is "nothing yet" */
	_Atomic __u64 seen_mono_ns;	/* + 1 */
	_Atomic __u64 risen_mono_ns;	/* when newest_ns rose */
};

struct source_set {
	__u32 listeners;
	__u32 windows;
	struct dedup_sequence dedup;
	void *dedup_memory;
};

/* Times of the sources by one listener; the overflow slot is the last. */
struct source_times {
	struct source_noted *noted;	/* [worker][slot] */
	__s64 *snapshot_ns;		/* by slot, as noted */
	__u8 *standing;			/* by slot: enum source_standing, of this tick */
};

/* Two lists a worker: one is written, the other read by the control thread. */
struct source_notes {
	_Alignas(128) __u32 writing;
	__u32 count[2];
	struct source_gap_note note[2][SOURCE_GAP_NOTES];
};

struct sources {
	struct sources_options options;
	struct hash_seed seed;
	/* index: high half of the hash << 32 | slot + 1 */
	_Atomic __u64 *index;
	__u32 index_mask;
	__u32 index_lock;	/* for changes; looking up needs none */
	__u32 *free;		/* slots given back */
	_Atomic __u32 free_count;
	_Atomic __u32 used_max;		/* slots below it have been in use */
	__u32 evict_at;
	struct source *source;
	struct source_more *more;
	__u32 set_count;
	struct source_set set[SOURCE_SETS_MAX];
	struct source_times times[SLUICE_LISTENERS_MAX];
	__u8 window_set[SLUICE_WINDOWS_MAX];
	__s64 window_disorder_ns[SLUICE_WINDOWS_MAX];
	__u64 listener_sets[SLUICE_LISTENERS_MAX];	/* mask */
	struct source_notes *notes;
	_Atomic __s64 missing[SLUICE_LISTENERS_MAX];	/* by the listener that told of it */
	_Atomic __u64 overflowed;
	__u64 evicted;
	__u64 snapshot_mono_ns;
	__u64 rate_older_mono_ns, rate_newer_mono_ns;
	struct sources_stats stats;	/* of the last tick */
};

static inline __u32 source_overflow_slot(const struct sources *sources)
{
	return sources->options.sources_max;
}

static inline struct source_noted *source_noted_of(const struct sources *sources,
						   __u32 listener, __u32 worker)
{
	return sources->times[listener].noted +
	       (size_t)worker * (sources->options.sources_max + 1);
}

/* Times are stored off by the sign bit. */
static inline __s64 source_time(__s64 stored)
{
	return (__s64)((__u64)stored ^ (__u64)SOURCES_WATERMARK_NONE);
}

static inline bool source_is_used(const struct source *source)
{
	return atomic_load_explicit(&((struct source *)source)->seen_mono_ns,
				    memory_order_relaxed) != 0;
}

static inline __u64 source_id_of(const struct source *source)
{
	return atomic_load_explicit(&((struct source *)source)->source_id, memory_order_relaxed);
}

/* sources_index.c: the slot of a source, made when it is new; the overflow slot when there is no
 * room. */
__u32 sources_find_or_add(struct sources *sources, __u64 source_id, __u64 now_mono_ns);
/* Takes a source out of the index and its place back; its lock is held and stays so. */
void sources_remove(struct sources *sources, __u32 slot);
__u32 sources_known(const struct sources *sources);

/* sources_watermark.c: largest time by this listener, or SOURCES_WATERMARK_NONE. */
__s64 sources_newest_of(const struct sources *sources, __u32 listener, __u32 slot);

/* sources_gaps.c: what a new datagram tells of missing ones; the source is locked. */
void sources_note_gap(struct sources *sources, __u32 worker, __u32 slot,
		      const struct source_datagram *datagram, const struct dedup_step *step);
/* A datagram was refused for its time: the gap it leaves is no loss before this host. */
void sources_excuse_gap(struct sources *sources, __u32 worker, __u32 slot,
			const struct source_datagram *datagram, bool is_highest);

#endif
