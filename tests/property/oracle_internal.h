/* SPDX-License-Identifier: BSD-2-Clause */
/* The oracle's own lists. Everything that ever happened stays in them, so every question is
 * asked of the whole history. */
#ifndef SLUICE_PROPERTY_ORACLE_INTERNAL_H
#define SLUICE_PROPERTY_ORACLE_INTERNAL_H

#include "oracle.h"

#define ORDER_CLOSED (1ull << 32)

struct oracle_event {
	__u64 field[SLUICE_FIELD_COUNT];	/* value as its 64 bits */
	__s64 time_ns;
	__u64 weight;				/* 0 on the wire is 1 here */
	__u64 event_id;
	__u64 sequence;
	__u32 epoch;
	__u32 index;				/* in its datagram */
	__u16 listener;
};

/* An event that a window took in. */
struct oracle_taken {
	struct oracle_event event;
	__s64 watermark_ns;	/* of the window when it arrived */
	bool is_overflow;
};

/* Tumbling and sliding: one [start, end) that has or had events. */
struct oracle_interval {
	__s64 start_ns;
	bool is_emitted;
	bool is_freed;
	__s32 revision;
	__u64 shown_count;	/* times that early rows came */
	size_t taken_seen;	/* taken events that its last rows knew of */
};

/* A session, or a piece of one that was cut by max_duration. */
struct oracle_session {
	__u64 group[SLUICE_GROUP_FIELDS_MAX];
	bool is_overflow;
	__s64 start_ns;
	__s64 last_ns;
	__s64 end_ns;
	bool is_emitted;	/* under this very interval */
	bool is_changed;	/* since then */
	bool is_shown;		/* under this very interval, by an early row */
	size_t member_count;
	size_t *member;		/* indexes of taken events */
};

/* What the memory of a window's listeners says of a datagram. */
enum oracle_verdict {
	ORACLE_NEW,
	ORACLE_DUPLICATE,
	ORACLE_STALE,
	ORACLE_UNREAD,	/* came by none of its listeners */
	ORACLE_VERDICTS
};

struct oracle_window {
	const struct window_spec *spec;
	enum oracle_verdict verdict;	/* of the datagram that is being taken */
	__u32 index;
	__s64 watermark_ns;
	__u64 next_early_mono_ns;
	size_t taken_count;
	struct oracle_taken *taken;
	size_t interval_count;
	struct oracle_interval *interval;
	size_t session_count;
	struct oracle_session *session;		/* alive */
	size_t retraction_count;
	struct oracle_session *retraction;	/* to be told at the next tick */
	size_t late_count;
	__s64 *late_ns;				/* times of events that came too late for all */
};

struct oracle_source {
	__u16 listener;
	__u64 source_id;
	bool is_overflow;
	bool has_time;
	__s64 time_max_ns;
	__u64 risen_mono_ns;	/* when time_max_ns rose */
	__u64 heard_mono_ns;
};

struct oracle_sequence {
	__u64 source_id;
	__u64 sequence;
	__u32 epoch;
	__u32 listeners;	/* whose memory it is */
};

/* A datagram that reached the windows' door, whatever became of it. */
struct oracle_heard {
	__u64 source_id;
	__u64 sequence;
	__u32 epoch;
	__u16 listener;
	__s64 base_time_ns;
	__u32 records;		/* that rules have left */
	bool is_refused;	/* for its time, as a whole */
	bool is_timed;		/* its time can be believed: gaps lie between such ones */
};

/* A datagram that was not there when a later one came. */
struct oracle_absent {
	__u64 source_id;
	__u64 sequence;
	__u32 epoch;
	bool is_sure;		/* else it may have been before anybody listened */
	bool is_unknown;	/* so many more that nobody can say */
	__u32 listeners;	/* by which its source had come when it was found */
	__s64 from_ns, to_ns;
};

/* An event that was refused: too far ahead, or of a stale datagram. */
struct oracle_refused {
	__int128 time_ns;
	__u32 windows;		/* mask: who would have taken it */
	__u32 readers;		/* mask: who reads its listener */
};

struct oracle {
	const struct scenario *scenario;
	struct result *result;
	__u32 step;
	size_t source_count;
	struct oracle_source *source;
	size_t sequence_count;
	struct oracle_sequence *sequence;	/* every datagram that was not refused */
	size_t name_count;
	__u64 *name;				/* ids with a name */
	size_t heard_count;
	struct oracle_heard *heard;
	size_t absent_count;
	struct oracle_absent *absent;
	size_t refused_count;
	struct oracle_refused *refused;
	size_t loss_count;
	struct scenario_loss *loss;		/* told from outside */
	struct oracle_window window[SLUICE_WINDOWS_MAX];
};

/* --- oracle_watermark.c --- */

/* The place of a source, made when it is new. */
size_t oracle_source_find(struct oracle *oracle, __u16 listener, __u64 source_id);
void oracle_source_hear(struct oracle *oracle, size_t source, __s64 time_ns, __u64 mono_ns);

/* The watermark of a window at a tick: never lower than it was. */
__s64 oracle_watermark(const struct oracle *oracle, const struct oracle_window *window,
		       __u64 now_ns, __u64 mono_ns);

/* --- oracle_sequence.c --- */

/* What each window says of the datagram (its verdict). NULL: somebody takes it; else the counter to
 * move. */
__u64 *oracle_sequence_judge(struct oracle *oracle, const struct scenario_datagram *datagram);
/* Who took the datagram knows its sequence from now on. */
void oracle_sequence_remember(struct oracle *oracle, const struct scenario_datagram *datagram);

/* --- oracle_missing.c --- */

/* A datagram of so many records came; `is_taken`: not refused as a whole for its time. */
void oracle_missing_hear(struct oracle *oracle, const struct scenario_datagram *datagram,
			 __u32 records, bool is_taken);
/* An event of it was refused by these windows, or by all that have no use for it either. */
void oracle_missing_refuse(struct oracle *oracle, const struct scenario_datagram *datagram,
			   enum oracle_verdict verdict, __int128 time_ns);
/* What the row misses as far as it is known now; late comes in the end. */
void oracle_missing_fill(const struct oracle *oracle, const struct oracle_window *window,
			 struct result_row *row);
/* Adds what came too late, of all rows. */
void oracle_missing_add_late(struct oracle *oracle);

/* --- oracle_fixed.c: tumbling and sliding --- */

/* Events inside of the row that other windows took, but not its own: that had been freed. */
__u64 oracle_fixed_missed(const struct oracle_window *window, const struct result_row *row);
bool oracle_fixed_is_late(const struct oracle_window *window, __s64 time_ns);
/* In the same slice of time of gcd(size, slide)? For tumbling windows that is the window. */
bool oracle_fixed_is_same_pane(const struct oracle_window *window, const struct oracle_taken *a,
			       const struct oracle_taken *b);
void oracle_fixed_take(struct oracle_window *window, const struct oracle_taken *taken);
void oracle_fixed_advance(struct oracle *oracle, struct oracle_window *window);
/* Early rows of what is open. */
void oracle_fixed_show(struct oracle *oracle, struct oracle_window *window);
void oracle_fixed_finish(struct oracle *oracle, struct oracle_window *window);

/* --- oracle_session.c --- */

bool oracle_session_is_late(struct oracle_window *window, const struct oracle_taken *taken);
/* The same, of an event that is nobody's neighbour. */
bool oracle_session_is_late_alone(const struct oracle_window *window,
				  const struct oracle_event *event);
/* In the same slice in which an event_id counts once? */
bool oracle_session_is_same_slice(const struct oracle_window *window, const struct oracle_taken *a,
				  const struct oracle_taken *b);
bool oracle_session_is_live(const struct oracle_window *window, size_t taken);
/* The last taken event joins, makes or merges sessions. */
void oracle_session_take(struct oracle_window *window);
void oracle_session_advance(struct oracle *oracle, struct oracle_window *window);
void oracle_session_show(struct oracle *oracle, struct oracle_window *window);
void oracle_session_finish(struct oracle *oracle, struct oracle_window *window);

/* --- oracle_aggregate.c --- */

/* The group of a taken event by the window's group_by; zeros behind. All zero for overflow. */
void oracle_group(const struct oracle_window *window, const struct oracle_taken *taken,
		  __u64 *group);
bool oracle_has_group(const struct oracle_window *window, const struct oracle_taken *taken,
		      const __u64 *group, bool is_overflow);

/* A row about the given events (indexes into taken, all of one group). */
struct result_row *oracle_add_row(struct oracle *oracle, const struct oracle_window *window,
				  const size_t *member, size_t member_count, __s64 start_ns,
				  __s64 end_ns);
/* Rows of the same identity that came before and are not early: the next one is their number. */
__s32 oracle_revision_of(const struct oracle *oracle, const struct result_row *row);
/* The same of early rows, this one included. */
__u64 oracle_early_count(const struct oracle *oracle, const struct result_row *row);

#endif
