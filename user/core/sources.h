/* SPDX-License-Identifier: BSD-2-Clause */
/* The sources of all listeners, and from them the watermarks and the duplicates. One table for all
 * workers: each worker notes the largest event time it accepted from a source in a place of its
 * own; the control thread takes the minimum over sources. The number of sources is bounded: beyond
 * it, new ones of a listener share one `overflow` source.
 *
 * A watermark must not outrun events that are still in some ring. So a tick has two halves:
 *   sources_snapshot()    remember every source's largest time
 *   … every worker drains its rings past what was there at the snapshot …
 *   sources_watermarks()  compute from the remembered times
 * An event that arrived before the one that moved a watermark has then been counted in. */
#ifndef SLUICE_CORE_SOURCES_H
#define SLUICE_CORE_SOURCES_H

#include <stdint.h>

#include "core/dedup_sequence.h"
#include "core/window_spec.h"

/* before the first event: nothing is late, nothing closes */
#define SOURCES_WATERMARK_NONE INT64_MIN

struct sources;

struct sources_options {
	__u32 sources_max;	/* per agent, over all listeners */
	__u32 worker_count;
	__u32 listener_count;
	__s64 idle_timeout_ns;
	__s64 max_lag_ns;
	__u64 hash_seed;
};

/* Allocates everything it will ever need. -ENOMEM. */
int sources_open(struct sources **sources, const struct sources_options *options);
void sources_close(struct sources *sources);

/* As given at open. */
__u32 sources_listener_count(const struct sources *sources);

/* The slot of a source, made when it is new; any thread. */
__u32 sources_slot(struct sources *sources, __u16 listener, __u64 source_id);

/* Was this datagram of the source here before? Remembered with the answer; any thread. Sources that
 * share an overflow slot cannot be told apart: theirs are always new. */
enum dedup_verdict sources_test_and_set(struct sources *sources, __u32 slot, __u32 epoch,
					__u64 sequence);

/* Datagrams that sequence numbers say were sent to this listener and are not here: gaps, of which
 * late datagrams may still fill some. Any thread. */
__u64 sources_missing(struct sources *sources, __u16 listener);

/* `worker` accepted events up to `time_ns` of this source at monotonic `now_mono_ns`. */
void sources_note(struct sources *sources, __u32 worker, __u32 slot, __s64 time_ns,
		  __u64 now_mono_ns);

/* First half of a tick, at monotonic `now_mono_ns`; control thread. */
void sources_snapshot(struct sources *sources, __u64 now_mono_ns);

/* Second half: the new watermark of each window, never below what `watermark_ns` holds on entry
 * (SOURCES_WATERMARK_NONE at first); `now_wall_ns` moves it when no source is live. Control
 * thread. */
void sources_watermarks(struct sources *sources, __u64 now_wall_ns,
			const struct window_spec *windows, __u32 window_count, __s64 *watermark_ns);

struct sources_stats {
	__u32 known;		/* slots in use */
	__u32 live;		/* at the last tick */
	__u32 set_aside;	/* live, but more than max_lag behind the newest */
	__u64 restarts;		/* epochs beyond the first of each source */
	__u64 missing;		/* datagrams that sequence numbers say were sent and are not here */
	__u64 overflowed;	/* lookups that ended at the shared overflow source */
};

void sources_read_stats(struct sources *sources, struct sources_stats *stats);

#endif
