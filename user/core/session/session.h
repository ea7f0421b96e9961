/* SPDX-License-Identifier: BSD-2-Clause */
/* Session windows: events of a group that are at most `gap` apart are one session. Lateness is
 * asked of the session that an event would be part of; what was told and then grew or was swallowed
 * is retracted.
 *
 * Worker 0 keeps the sessions and tells them; the others keep what they saw since they last handed
 * it over. Nothing is allocated after sessions_open(). */
#ifndef SLUICE_CORE_SESSION_H
#define SLUICE_CORE_SESSION_H

#include "core/stream/stream_state.h"

struct sessions;

/* -ENOMEM. The window's grouping is open. */
int sessions_open(struct sessions **sessions, struct window *window,
		  const struct stream_options *options, struct memory_budget *budget);
void sessions_close(struct sessions *sessions);

/* Takes these events of the batch in, or counts why not, in their order: each prolongs no slot, as
 * far as one look at it tells. batch->id[] may be wrong about their keys. */
void sessions_take_rest(struct stream *stream, struct window *window, const __u64 *first_word,
			const __u16 *rest, __u32 count);

/* Takes event i of the batch into the extras of the slot it was taken into. */
void sessions_add_extras(struct window *window, const struct batch *batch, __u32 i);

/* A new watermark, never lower: sessions that it passed wait to be told. */
void sessions_advance(struct stream *stream, struct window *window, __s64 watermark_ns,
		      bool is_early_due);
/* Everything is to be told, not final, or handed over. */
void sessions_finish(struct stream *stream, struct window *window);

/* A slice of what waits. Returns the work done in rows; *is_done when nothing waits any longer;
 * -EAGAIN when the writer has no room. */
int sessions_emit(struct stream *stream, struct window *window, const struct row_writer *writer,
		  __u32 rows_max, bool *is_done);
int sessions_export(struct stream *stream, struct window *window, const struct row_writer *writer,
		    __u32 rows_max, bool *is_done);

/* Merges a record that sessions_export() of another worker wrote. -EINVAL. */
int sessions_import(struct stream *stream, struct window *window, const struct sluice_rows *head,
		    size_t bytes);

/* Live sessions, and rows that wait to be retracted. */
__u64 sessions_count(const struct sessions *sessions);

/* What is open at the watermark is no longer, apart from what came behind; 0: there was none. */
__s64 sessions_longest_ns(const struct sessions *sessions);
/* Records taken into sessions that were not told at their end. */
__u64 sessions_open_records(const struct sessions *sessions);

#define SESSIONS_AREAS 3
/* What grows; as stream_list_areas(). */
__u32 sessions_list_areas(const struct sessions *sessions, struct area area[static SESSIONS_AREAS]);

#endif
