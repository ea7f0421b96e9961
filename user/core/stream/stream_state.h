/* SPDX-License-Identifier: BSD-2-Clause */
/* What a stream is made of: shared by the files of the stream and by nobody else. */
#ifndef SLUICE_CORE_STREAM_STATE_H
#define SLUICE_CORE_STREAM_STATE_H

#include "core/decode/batch.h"
#include "core/dedup/dedup_state.h"
#include "core/aggregate/extras.h"
#include "core/group/group_key.h"
#include "core/emit/late.h"
#include "core/emit/late_count.h"
#include "core/emit/losses.h"
#include "core/name/name_table.h"
#include "core/pane/pane.h"
#include "core/memory/places.h"
#include "core/group/presence.h"
#include "core/memory/slots.h"
#include "core/emit/stacks.h"
#include "core/stream/stream.h"

#define WINDOW_HOMES_MIN 64u

/* Where a field of group_by comes from and goes to. */
struct key_piece {
	__u8 field;	/* enum sluice_field */
	__u8 word;
	__u8 shift;
};

/* Everything windows with the same group_by share: the dictionary of their groups and the rows'
 * memory. */
struct grouping {
	struct group_key layout;
	__u32 key_words;
	__u32 row_bytes;
	__u32 window_mask;	/* its windows */
	bool is_key_alone;	/* group_by: [key]: the batch has the words already */
	__u32 piece_count;
	struct key_piece piece[SLUICE_GROUP_FIELDS_MAX];
	struct groups groups;
	struct chunks chunks;
	__u32 presence_count;	/* of its windows */
	const struct presence *presence[SLUICE_WINDOWS_MAX];
	__u32 added_count;	/* ids made in this batch, to drop those that no pane took */
	__u32 added[BATCH_EVENTS];
};

/* An event that came for a pane while windows that must not have it were being emitted. */
struct deferred {
	__u64 advance;		/* number of the last advance before it came */
	__s64 number;		/* of its pane */
	__u64 key[SLUICE_KEY_WORDS_MAX];
	struct sluice_partial partial;
	struct extras_event event;	/* for the extras */
};

#define DEFERRED_MAX 8192u
#define LOSSES_KNOWN_MAX 4096u

struct sessions;

struct stream_losses {
	struct losses found;	/* by this stream since the last tick */
	struct losses known;	/* worker 0: of all, as long as rows ask */
	struct losses untold;	/* worker 0: for rows that are written already */
	struct loss memory[2 * STREAM_LOSSES_MAX + LOSSES_KNOWN_MAX];
};

/* What is due for a revision, with allowed lateness (revisions.c). */
struct revisions {
	__u64 now;		/* number of the next emission: the stamp of what changes */
	bool has_marks;		/* some pane has, since the last tick */
	__u32 *table;		/* the panes' chunk numbers of the stamps of their rows */
	struct chunks chunks;	/* a stamp a row */
	__u64 *due;		/* a bit an id, of the emission that is running */
};

struct window {
	const struct window_spec *spec;
	struct sessions *sessions; /* of a session window, which has neither panes nor instances */
	struct grouping *grouping;
	__u32 index;
	struct dedup_window *dedup; /* shared with other workers; NULL: repeats count */
	bool takes_all; /* every event of every listener, and repeats too */
	bool wants_all; /* has no where: every event of every listener */
	bool slides;		/* a window covers several panes */
	bool emits;		/* worker 0; the others give their panes away */
	bool took_behind;	/* since the last advance, a pane that is behind took events */
	__u32 pane_count;	/* of an instance */
	__s64 pane_ns;
	__s64 watermark_ns;
	struct revisions revisions;
	struct presence presence;	/* of its groups, for the bound on them */
	/* the pane that took the last event */
	struct pane *last;
	__s64 last_start_ns;
	/* by place */
	struct pane *panes;
	struct instance *instances;
	struct places pane_places;
	struct places instance_places;
	struct slots live;	/* panes in use */
	struct slots shown;	/* instances in use */
	__u32 leaving_count;	/* instances whose last emission is not over */
	__u64 advance;		/* advances so far */
	__u64 next_early_ns;	/* monotonic */
	__u32 *chunk_table;	/* the panes' chunk numbers; the table freed last is used next */
	__u32 *table_free;
	__u32 table_free_count;
	__u32 tables_touched;
	__u32 chunk_entries;	/* of each pane */
	struct extras extras;
	struct chunks extra_chunks;	/* states of the rows in the chunk of the same place */
	__u32 *extra_table;	/* the panes' chunk numbers of these */
	struct stacks stacks;	/* what emission remembers of several panes */
	struct deferred *deferred;	/* windows that slide */
	__u32 deferred_count;
	struct late late;	/* late: keep */
	struct late_count late_count;
	__u64 epoch;		/* of its state, from 1 */
	__s64 emitted_end_ns;	/* in its last complete record; INT64_MIN: none */
	struct share_history *shares;	/* worker 0 */
	struct stream_losses *stream_losses;
	struct sluice_window_ledger ledger;
};

/* What waits for emission, first closed first emitted: an instance to be emitted, or a pane to be
 * given away (other workers) or freed (windows that slide). */
struct emission_queue {
	struct emission_entry {
		struct window *window;
		struct instance *instance;
		struct pane *pane;
	} *entry;
	__u32 capacity;		/* a power of two: all there are */
	__u32 head, tail;
};

struct datagram {
	const struct sluice_header *header;
	const unsigned char *events;
	const __u64 *dropped;	/* marks, or NULL */
	__u32 event_count;
	__u32 event_size;
	__u32 limit_us;		/* time offsets above this are too far ahead */
	__u32 taken;		/* events decoded so far */
	__u32 newest_us;	/* largest accepted time offset, when accepted > 0 */
	__u32 accepted;
	__u32 future;
};

struct hot_operations {
	/* Decodes events of the datagram from `taken` on, as many as the batch has room for. */
	void (*decode)(struct stream *stream, struct datagram *datagram);
	/* Runs the batch through every grouping and its windows, and empties it. */
	void (*run)(struct stream *stream);
};

extern const struct hot_operations hot_baseline;
extern const struct hot_operations hot_v3;

struct stream {
	struct batch batch;
	const struct hot_operations *hot;
	__u32 window_count;
	__u32 grouping_count;
	bool selects;		/* some window does not take every event */
	bool wants_dims23;
	bool wants_event_id;
	bool wants_index;
	__u64 now_wall_ns;
	__u64 now_mono_ns;
	__u64 newest_allowed_ns;	/* arrival + max_ahead */
	__s64 max_ahead_ns;
	__u32 worker;
	__u32 worker_count;
	struct sources *sources;
	__u32 listener_count;
	struct source_place place;	/* of the last datagram */
	struct memory_budget budget;
	struct dedup *dedup;
	struct dedup_work dedup_work;
	struct emission_queue emissions;
	unsigned char *scratch;	/* one chunk of rows, merged from several panes */
	unsigned char *scratch_extras;	/* … and their extras */
	size_t scratch_extras_bytes;
	void *sketch_memory;
	size_t sketch_bytes;
	struct sketch_pool sketches;
	struct name_table names;
	size_t names_given;	/* bytes of its entries that were handed on */
	struct stream_losses losses;
	struct sluice_stream_ledger ledger;
	__u64 accepted_of[SLUICE_LISTENERS_MAX];
	struct window window[SLUICE_WINDOWS_MAX];
	struct grouping grouping[SLUICE_WINDOWS_MAX];
};

/* The id of this key in the dictionary, made when it is new. GROUPS_NONE: no room. */
__u32 grouping_find_or_add(struct grouping *grouping, const __u64 *key);

/* Forgets the ids added in this batch that no pane took (late, or beyond max_groups): the
 * dictionary holds what lives. */
void grouping_drop_unused(struct grouping *grouping);

/* The pane that an event of this time belongs to, opened when it is new. NULL: late or no room;
 * then *reason is the counter to move, or NULL itself: the event is to be deferred. */
struct pane *window_pane(struct window *window, __s64 time_ns, __u64 **reason);
/* The number of the pane that holds a time. */
__s64 window_pane_number(const struct window *window, __s64 time_ns);
/* The live pane or the instance in use of this number, or NULL. */
struct pane *window_find_pane(const struct window *window, __s64 number);
struct instance *window_find_instance(const struct window *window, __s64 number);
/* The row of a group in a pane, its chunk taken when it is new. NULL: no memory left. */
unsigned char *window_row(struct window *window, struct pane *pane, __u32 id);
/* Slow path of an update: the row of exactly this key, opened when it is new. *id is what the index
 * said, right or not, and right afterwards. NULL: it belongs in the overflow group. */
unsigned char *window_open_row(struct window *window, struct pane *pane, const __u64 *key,
			       __u32 *id);
/* What the extras look at of one event of the batch. */
void batch_read_event(const struct batch *batch, __u32 i, struct extras_event *event);
/* The extras' state of a row, where the window has extras. */
static inline unsigned char *pane_extra(const struct window *window, const struct pane *pane,
					__u32 id)
{
	return chunks_at(&window->extra_chunks, pane->extra[id >> CHUNK_ROWS_SHIFT]) +
	       (size_t)(id & (CHUNK_ROWS - 1)) * window->extras.state_bytes;
}

/* Sets the window's bit of every event that it takes, and counts repeats of datagrams. */
void batch_select(struct batch *batch, struct window *window);

/* What came too late: into the side output where the window keeps it. The caller counts it as
 * late. */
void window_keep_late(struct window *window, const struct extras_event *event);
/* `records` of this time are too late for every window in time that holds them. */
void window_count_late(struct window *window, __s64 time_ns, __u64 records);
/* An event that a pane took: where some windows in time over the pane are over already, it is too
 * late for those. */
void window_count_missed(struct window *window, const struct pane *pane);
/* Events for which the window has no pane are missing from it. */
void window_note_no_pane(struct window *window, __s64 time_ns, __u64 records);
/* Events of a datagram, those that rules dropped left out, from a time offset on are refused:
 * missing at their own time. Or, of a record that contradicts itself, at the time of arrival. */
void stream_note_refused(struct stream *stream, __u16 listener, const struct datagram *datagram,
			 __u32 from_us);
void stream_note_rejected(struct stream *stream, const struct sluice_record *record,
			  size_t record_bytes);
/* What is known to be missing from [start, end), and the share of its where around it. */
void window_read_losses(const struct window *window, __s64 start_ns, __s64 end_ns,
			struct sluice_missing *missing, struct share *share);
/* Late events and their counts of all windows to the writer, `rows_max` units of work at most; as
 * stream_emit(). */
/* What was found to be missing from rows that are written, as loss records; before any other row,
 * as rows behind say it themselves. Returns how many, or -EAGAIN when the writer has no room for
 * one. */
int stream_write_losses(struct stream *stream, const struct row_writer *writer);
int stream_write_late(struct stream *stream, const struct row_writer *writer, __u32 rows_max);
/* Those of another worker. -EINVAL. */
int stream_import_late(struct stream *stream, const struct sluice_disk_record *record);
int stream_import_late_count(struct stream *stream, const struct sluice_disk_record *record);

/* The entries of a dictionary datagram, each with one outcome. */
void stream_take_dictionary(struct stream *stream, const struct sluice_header *header,
			    __u32 payload_bytes);
/* Names learnt since, as a record of about this size for worker 0. 0: none; -EAGAIN. */
#define NAMES_SLICE_BYTES (16u << 10)
int stream_export_names(struct stream *stream, const struct row_writer *writer);
/* Those of another worker. -EINVAL. */
int stream_import_names(struct stream *stream, const struct sluice_disk_record *record);

/* Puts an event aside until the emissions under way are over. False: no room. */
bool window_defer(struct window *window, const __u64 *key, const struct sluice_partial *partial,
		  const struct extras_event *event);
/* Merges a partial of this key (NULL: the overflow group) and the written extras behind it into a
 * pane. */
void window_merge(struct window *window, struct pane *pane, const __u64 *key,
		  const struct sluice_partial *partial, const void *extras, size_t extras_bytes);
/* Merges what was deferred before the given advance. */
void window_merge_deferred(struct window *window, __u64 before_advance);
/* A row (GROUPS_NONE: the overflow group) of a pane has grown by a partial: where the pane is
 * behind, the closed windows over it are due for a revision. */
void window_note_growth(struct window *window, struct pane *pane, __u32 id,
			const struct sluice_partial *partial);
int revisions_open(struct window *window, struct memory_budget *budget);
void revisions_close(struct window *window);
/* A row (GROUPS_NONE: the overflow group) of a pane that is behind has changed. */
void revisions_mark(struct window *window, struct pane *pane, __u32 id);
void revisions_free_stamps(struct window *window, struct pane *pane, __u32 place);
/* At a tick: which closed windows have changed. */
void revisions_find_changed(struct window *window);
/* An emission begins; what it is to give has to be found first, in slices: returns the work done,
 * in rows. */
void revisions_begin(struct window *window, struct instance *instance);
int revisions_find_rows(struct window *window, struct instance *instance, __u32 rows_max);
/* Bits of the rows of the next chunk that are due. */
__u64 *revisions_due(const struct window *window, const struct instance *instance);

/* Gives back one chunk of the pane's rows; the groups without rows elsewhere are forgotten. */
void window_free_chunk(struct window *window, struct pane *pane, __u32 chunk);
/* The same for rows [first, end) of a chunk, which goes back with its last row. */
void window_free_rows(struct window *window, struct pane *pane, __u32 chunk, __u32 first,
		      __u32 end);
/* Frees a pane without rows. */
void window_free_pane(struct window *window, struct pane *pane);
void window_free_instance(struct window *window, struct instance *instance);
/* End of the first window over a slice of time. */
__s64 window_first_end(const struct window *window, __s64 start_ns);
/* When a window that starts here is over (end + allowed_lateness), and the last window over a
 * slice. */
__s64 window_expiry(const struct window *window, __s64 start_ns);
__s64 window_last_expiry(const struct window *window, __s64 start_ns);
/* Worker 0: shows every window in time that is not closed yet and overlaps [from, to], as far as
 * there is room: they will be emitted, without rows if nothing comes. */
void window_show_between(struct window *window, __s64 from_ns, __s64 to_ns);
/* Start of the last window over a slice of time that is over; INT64_MIN: none is. */
__s64 window_last_over(const struct window *window, __s64 start_ns);
/* Events before this time are too late, whatever else is there; of windows that do not remember
 * event_id that is only so when they tumble or slide. INT64_MIN: none is. */
__s64 window_oldest_taken(const struct window *window);
/* The first pane that takes events still, of a window that has a watermark. */
__s64 window_oldest_pane(const struct window *window);

int window_open(struct window *window, const struct stream_options *options, __u32 index,
		struct grouping *grouping, struct stream *stream);
void window_close(struct window *window);

int emission_queue_open(struct emission_queue *queue, __u32 panes);
void emission_queue_close(struct emission_queue *queue);
/* What waits already is not added again. */
void emission_add_instance(struct stream *stream, struct window *window, struct instance *instance);
void emission_add_sessions(struct stream *stream, struct window *window);
void emission_add_pane(struct stream *stream, struct window *window, struct pane *pane);

/* A slice of what the sessions of a window have to tell, or to hand over; as stream_emit(). */
int emission_run_sessions(struct stream *stream, struct window *window,
			  const struct row_writer *writer, __u32 rows_max);

/* What the watermark has passed closes, leaves, and is queued. */
void window_advance(struct stream *stream, struct window *window, __s64 watermark_ns);
/* Everything leaves, not final. */
void window_finish(struct stream *stream, struct window *window);

#endif
