/* SPDX-License-Identifier: BSD-2-Clause */
/* One worker's share of the pure engine: ring records go in, rows come out. Events are gathered
 * into batches that run through stages (decode, group, prefetch, update), so a record must stay
 * where it is until stream_flush(). No call allocates, waits, logs or reads a clock.
 *
 * With several workers, worker 0 owns the emission: the others hand over what they hold of closing
 * windows, late events and names, by stream_export() → stream_import(), and only then does worker 0
 * advance. */
#ifndef SLUICE_CORE_STREAM_H
#define SLUICE_CORE_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "core/memory/area.h"
#include "core/dedup/dedup.h"
#include "core/emit/losses.h"
#include "core/name/name_table.h"
#include "core/emit/row_writer.h"
#include "core/source/sources.h"
#include "core/window_spec.h"
#include "sluice/ledger.h"
#include "sluice/ring_record.h"

struct stream;

struct stream_options {
	const struct window_spec *windows;	/* must outlive the stream */
	__u32 window_count;
	__u32 worker;				/* 0 … worker_count − 1 */
	__u32 worker_count;
	__u32 groups_max;			/* per window, then the overflow group */
	__u64 memory_bytes;			/* for this worker's tables and panes */
	__u64 hash_seed;			/* secret: senders choose keys */
	__s64 max_ahead_ns;
	__s64 max_lag_ns;			/* of `sources`: windows reach so far back */
	struct sources *sources;
	struct dedup *dedup; /* NULL: no window has `dedup: event_id` */
	const __u64 *epochs; /* of each window's state; NULL: 1 each */
};

/* Reserves address space for the whole budget; memory is touched as it is needed. -ENOMEM,
 * -EINVAL. */
int stream_open(struct stream **stream, const struct stream_options *options);
void stream_close(struct stream *stream);

/* Start of a turn: the clocks that the following records arrive by. */
void stream_set_time(struct stream *stream, __u64 now_wall_ns, __u64 now_mono_ns);

/* Takes one ring record of `record_bytes` (as the ring says). Any bytes are safe. */
void stream_add(struct stream *stream, const struct sluice_record *record, size_t record_bytes);

/* Tells a name that is known beforehand, from the configuration or an earlier run: it is the first
 * of its id. All workers, before anything else. What makes no sense is ignored. */
void stream_know_name(struct stream *stream, enum sluice_space space, __u64 id, const char *text,
		      size_t bytes);
/* Worker 0: the next name that was learnt from a datagram, once each, for the results log. False:
 * none waits. */
bool stream_next_name(struct stream *stream, struct name_taught *name);
bool stream_has_names(const struct stream *stream);

/* Runs what is batched. After it no record added before is looked at again. */
void stream_flush(struct stream *stream);

/* A little of the housekeeping that may be done at any time, in every turn. */
void stream_tidy(struct stream *stream);

/* New watermarks by window (from sources_watermarks); never lower than before. Flushed streams
 * only. What closes is then waiting for stream_emit (worker 0) or stream_export (the others). */
void stream_advance(struct stream *stream, const __s64 *watermark_ns);

/* Worker 0: writes up to `rows_max` waiting rows. Returns the work done, about as many rows; 0 when
 * nothing is waiting, -EAGAIN when the writer has no room. */
int stream_emit(struct stream *stream, const struct row_writer *writer, __u32 rows_max);

/* Other workers: as stream_emit, but partials for stream_import at worker 0. */
int stream_export(struct stream *stream, const struct row_writer *writer, __u32 rows_max);

/* Worker 0: merges one exported record (struct sluice_disk_record). Before stream_advance of the
 * same tick. -EINVAL for bytes that no stream_export wrote; -EAGAIN while rows of a window that
 * slides wait for stream_emit: then emit first, and import again. */
int stream_import(struct stream *stream, const void *record, size_t bytes);

/* Whether events of the late side output wait for stream_emit / stream_export: they come between
 * two ticks too. */
bool stream_has_late(const struct stream *stream);

/* What the sources of this worker have noted as missing is for the control thread from now on. */
void stream_hand_over_gaps(struct stream *stream);

/* Orderly stop: every window still open waits for stream_emit / stream_export, as not final. */
void stream_finish(struct stream *stream);

/* Worker 0: of `offered` records of the window's listeners its where has selected so many, in all
 * workers, up to wall time `now_ns` (running totals). */
void stream_set_share(struct stream *stream, __u32 window, __s64 now_ns, __u64 selected,
		      __u64 offered);

/* Losses that a worker may have found between two ticks without coarsening them. */
#define STREAM_LOSSES_MAX 512u
/* What this stream found missing by itself since the last call (future, stale, no_pane …), at most
 * STREAM_LOSSES_MAX. Returns how many. */
__u32 stream_take_losses(struct stream *stream, struct loss loss[static STREAM_LOSSES_MAX]);
/* Worker 0: what is missing, of all workers and listeners. Before stream_advance of the tick. */
void stream_add_losses(struct stream *stream, const struct loss *loss, __u32 count);

/* Counters: written by the stream's thread only, 64-bit each, readable by any thread. */
const struct sluice_stream_ledger *stream_ledger(const struct stream *stream);
/* Events of a listener among those accepted. */
__u64 stream_accepted(const struct stream *stream, __u32 listener);
const struct sluice_window_ledger *stream_window_ledger(const struct stream *stream, __u32 window);

struct stream_stats {
	__u64 groups;		/* in the dictionaries now */
	__u64 panes;		/* live panes of all windows */
	__u64 pane_groups;	/* sum over live panes of their groups */
	__u64 memory_bytes;	/* of tables and panes in use */
	__u64 memory_bytes_max;	/* the budget */
	__u64 sketch_bytes;	/* in use by sketches */
	__u64 sketch_bytes_max;	/* their share of the budget */
	__u64 sketches_refused;	/* requests of sketches that found no room */
	__u64 rows_waiting;	/* windows, panes and late events waiting for emission */
};

void stream_read_stats(const struct stream *stream, struct stream_stats *stats);

/* What would be lost if the agent died now. */
struct window_open {
	__s64 oldest_start_ns;	/* of the instances that wait for emission; INT64_MAX: none */
	__s64 oldest_revised_ns; /* … that were closed before; INT64_MAX: none */
	__s64 oldest_taken_ns;	/* no event before this would be taken; INT64_MIN: any */
	__s64 newest_end_ns;	/* of open instances; INT64_MIN: none */
	__s64 emitted_end_ns;	/* in the last complete record that was made; INT64_MIN: none */
	__s64 overlap_ns;	/* an instance that ends behind another begins up to this before */
	__u64 records;		/* taken into instances that wait for emission */
};

/* At wall time `now_ns`; flushed streams only. Sessions are judged by the watermark and by the
 * longest that was seen: no session is looked at. */
void stream_read_open(const struct stream *stream, __u32 window, __s64 now_ns,
		      struct window_open *open);

/* What a window remembers of event ids, of all workers together; all 0 when it does not. */
void stream_read_dedup(const struct stream *stream, __u32 window, struct dedup_stats *stats);

#define STREAM_AREAS_MAX (1 + SLUICE_WINDOWS_MAX * 8)

/* The memory that grows, for who touches it ahead of the stream: in the same order and at the same
 * places each time. Returns how many. Any thread. */
__u32 stream_list_areas(const struct stream *stream, struct area area[static STREAM_AREAS_MAX]);

#endif
