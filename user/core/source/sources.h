/* SPDX-License-Identifier: BSD-2-Clause */
/* The sources, and from them duplicates, gaps and watermarks. One table for all workers, bounded:
 * beyond it, new sources share one `overflow` source until a place is free. A source is one sender,
 * by whichever listener it comes; a datagram counts once per window. Windows that read the same
 * listeners (a `from` set) share one memory of sequences: usually there is one set. Set 0 is all
 * listeners; what none of them has brought is a gap. */
#ifndef SLUICE_CORE_SOURCES_H
#define SLUICE_CORE_SOURCES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/source/dedup_sequence.h"
#include "core/window_spec.h"

/* before the first event: nothing is late, nothing closes */
#define SOURCES_WATERMARK_NONE INT64_MIN

struct sources;

struct sources_options {
	__u32 sources_max;	/* per agent */
	__u32 worker_count;
	__u32 listener_count;
	const struct window_spec *windows;	/* looked at while opening only */
	__u32 window_count;
	__s64 idle_timeout_ns;
	__s64 max_lag_ns;
	__u64 hash_seed;
};

/* Bytes that sources_open() reserves. */
__u64 sources_bytes(const struct sources_options *options);

/* Allocates everything it will ever need. -ENOMEM. */
int sources_open(struct sources **sources, const struct sources_options *options);
void sources_close(struct sources *sources);

/* As given at open. */
__u32 sources_listener_count(const struct sources *sources);
/* Whether every window reads every listener, so that a datagram is a duplicate for all or none. */
bool sources_has_one_set(const struct sources *sources);

/* --- each datagram; any thread, `worker` is its own --- */

struct source_datagram {
	__u64 source_id;
	__u64 sequence;
	__u64 base_time_ns;
	__u32 epoch;
	__u32 records;		/* that the rules have left in it */
	__u16 listener;		/* below listener_count */
	bool is_dictionary;	/* brings names: nothing of it can be missing */
	bool is_refused;	/* for its time, as a whole: its sequence is not used up */
	const struct sluice_header *header;	/* its events follow; NULL: all are of base time */
};

/* Where a source was found last; zeroed at first. */
struct source_place {
	__u64 source_id;
	__u32 slot;
	bool is_known;
};

/* Was this datagram here before? Remembered with the answer. DEDUP_NEW: some window takes it, and
 * *refused_windows is the mask of those that do not. Else none does. Sources that share the
 * overflow slot cannot be told apart: theirs are always new. */
enum dedup_verdict sources_take(struct sources *sources, __u32 worker, struct source_place *place,
				const struct source_datagram *datagram, __u64 now_mono_ns,
				__u32 *refused_windows);

/* Events up to `time_ns` of the datagram that was taken last at this place were accepted. */
void sources_note(struct sources *sources, __u32 worker, const struct source_place *place,
		  __u16 listener, __s64 time_ns, __u64 now_mono_ns);

/* --- the tick; control thread --- */

/* A watermark must not outrun events that are still in some ring. So a tick has two halves:
 *   sources_snapshot()    remember every source's largest time
 *   … every worker drains its rings past what was there at the snapshot …
 *   sources_watermarks()  compute from the remembered times
 * An event that arrived before the one that moved a watermark has then been counted in. */

/* First half, at monotonic `now_mono_ns`. */
void sources_snapshot(struct sources *sources, __u64 now_mono_ns);

/* Second half: the new watermark of each window of the options, never below what `watermark_ns`
 * holds on entry (SOURCES_WATERMARK_NONE at first). `now_wall_ns` is the guarded clock: no
 * watermark passes it, and it moves those of windows none of whose sources is live. */
void sources_watermarks(struct sources *sources, __u64 now_wall_ns, __s64 *watermark_ns);

/* Frees places when few are left: of sources that are idle and whose events, sent again, could
 * change nothing. `over_ns`, by window: events before it are too late for good
 * (window_spec_over_ns). Bounded work. Returns how many. */
__u32 sources_evict(struct sources *sources, __u64 now_mono_ns, const __s64 *over_ns);

/* --- what is missing --- */

/* Datagrams that sequences say were sent and no listener has brought, in the order of discovery.
 * Charge it to [from_ns, to_ns]: the base time of the datagram before the gap to that of the one
 * behind it, and as much more to both sides as the events of that one are apart: so may have been
 * those that are lost. Late datagrams that fill a gap come as negative amounts of the same
 * interval. What was refused for its time is left out. */
struct source_gap_note {
	__u32 listeners;	/* by which this source has come: windows that read one of them */
	__u32 unknown;		/* losses that nobody can count (datagrams says nothing of them) */
	__s64 from_ns, to_ns;	/* both included */
	__s64 datagrams;
	__s64 records;		/* datagrams × the mean of the source, an estimate */
};

/* Bounded memory of notes: when it is full, those next to each other become one, with the union of
 * their intervals and the sum of their amounts. */
#define SOURCE_GAP_NOTES 128u

/* The worker's own thread, when it answers ORDER_DRAIN: what it has noted so far is for the control
 * thread. */
void sources_hand_over_gaps(struct sources *sources, __u32 worker);
/* Control thread, before the next order: calls `take` for each note handed over, once. */
typedef void source_gap_take(void *context, const struct source_gap_note *note);
void sources_take_gaps(struct sources *sources, source_gap_take *take, void *context);

/* Datagrams missing by now of this listener, by the notes so far. Any thread. */
__u64 sources_missing(struct sources *sources, __u16 listener);

/* --- what survives a restart; control thread --- */

/* A source in one set, 112 bytes, followed by `bitmaps` of 1024 bytes (dedup_sequence_bits). */
struct source_record {
	__u64 source_id;
	__u32 listeners;	/* the set; UINT32_MAX: all listeners (set 0) */
	__u16 seen_listeners;	/* by which the source has come */
	__u8 lane_count;	/* of lane[], the newest last; 0: the place is free */
	__u8 bitmaps;		/* that follow: 0, or one a lane */
	struct source_record_lane {
		__u64 highest;	/* sequence */
		__s64 base_time_ns;	/* of the datagram with it */
		__u32 epoch;
		__u16 span;	/* sequences that the lane tells about: 1 to 8192 */
		__u16 held;	/* of them seen: all, or as many as the bitmap has */
	} lane[DEDUP_SEQUENCE_EPOCHS];
	__u32 retired[DEDUP_SEQUENCE_RETIRED];
	__s64 newest_time_ns;	/* of all accepted events; SOURCES_WATERMARK_NONE */
	__u64 datagrams, records;	/* their mean */
	__u8 retired_count;
	__u8 retired_next;	/* place of retired[] that is used next */
	__u8 is_exact;		/* else sequences up to `highest` count as seen */
	__u8 zero[5];
};

SLUICE_ASSERT_SIZE(struct source_record, 112);

#define SOURCE_RECORD_BYTES_MAX \
	(sizeof(struct source_record) + DEDUP_SEQUENCE_EPOCHS * (DEDUP_SEQUENCE_DEPTH / 8))

/* Places of records: slot × sets + set; each place always has the same source's record until that
 * says it is free. */
__u32 sources_place_count(const struct sources *sources);
typedef void source_record_write(void *context, __u32 place, const struct source_record *record,
				 size_t bytes);

/* The sources that have changed since the last call, without bitmaps. Returns the records. */
__u32 sources_export_changed(struct sources *sources, source_record_write *write, void *context);
/* All of them, exact. No worker runs. */
__u32 sources_export_all(struct sources *sources, source_record_write *write, void *context);
/* Takes a record of either kind, before any worker runs. Its set is found by its listeners; a set
 * that is no more is left out. 0; -EINVAL for bytes that no export wrote; -ENOSPC. */
int sources_import(struct sources *sources, const void *bytes, size_t byte_count);

/* --- what is shown --- */

struct sources_stats {
	__u32 known;		/* places in use */
	__u32 live;		/* at the last tick */
	__u32 set_aside;	/* live, but more than max_lag behind, or stuck */
	__u64 restarts;		/* epochs beyond the first of each source */
	__u64 missing;		/* datagrams that sequence numbers say were sent and are not here */
	__u64 overflowed;	/* datagrams of sources that shared the overflow source */
	__u64 evicted;		/* places freed so far */
};

void sources_read_stats(struct sources *sources, struct sources_stats *stats);

struct source_entry {
	__u64 source_id;
	__u32 listeners;	/* by which it has come */
	__u32 epoch;		/* the newest */
	__u64 datagrams;	/* accepted */
	__u64 records;
	__u64 rate_datagrams;	/* accepted in the rate_ns before rate_mono_ns */
	__u64 rate_ns;
	__u64 missing;		/* datagrams: gaps that are not filled */
	__u64 duplicates;	/* datagrams refused: seen before, or too old to tell */
	__u64 seen_mono_ns;	/* last datagram */
	__s64 newest_time_ns;	/* of all events; SOURCES_WATERMARK_NONE: none was accepted */
};

/* Up to `room` entries, worst first: by gaps, then duplicates, then age of the newest event.
 * Returns how many. Control thread. */
__u32 sources_list(struct sources *sources, struct source_entry *entries, __u32 room);

#endif
