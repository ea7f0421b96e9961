/* SPDX-License-Identifier: BSD-2-Clause */
/* What the sessions of a window are made of: shared by the session files, and by the hot path as
 * far as the slots go.
 *
 * The latest session of a group that has not been told is in the slot of the group's id; all others
 * are nodes in a tree by time. So an event that prolongs a slot touches nothing else. With
 * max_duration all are nodes, and keep their events, because an event may move every cut behind
 * it. */
#ifndef SLUICE_CORE_SESSION_STATE_H
#define SLUICE_CORE_SESSION_STATE_H

#include "core/session/session.h"
#include "core/session/session_pool.h"

struct session {
	__s64 first_ns, last_ns; /* of its events */
	struct sluice_partial partial; /* no records: no session */
};

/* A session as one cache line that is enough to prolong it: the key is that of the group, its first
 * word, and first_ns is elsewhere. */
struct session_slot {
	__u64 key; /* while there is a session */
	__s64 last_ns;
	struct sluice_partial partial;
};

_Static_assert(sizeof(struct session_slot) == 64, "one cache line");

/* A chunk of 256 ids: their slots, when to look at them, their lists, their extras. */
#define SESSION_DUE_OFFSET (CHUNK_ROWS * sizeof(struct session_slot))
#define SESSION_MORE_OFFSET (SESSION_DUE_OFFSET + CHUNK_ROWS * sizeof(__s64))
#define SESSION_EXTRA_OFFSET (SESSION_MORE_OFFSET + CHUNK_ROWS * sizeof(struct session_more))
#define SESSION_ID_BYTES (sizeof(struct session_slot) + sizeof(__s64) + sizeof(struct session_more))
#define SESSION_DUE_NEVER INT64_MAX

struct session_more {
	__s64 first_ns; /* of the slot's session */
	__u32 node; /* root of the group's nodes, or 0 */
	__u32 opened; /* advance in which the slot's session began */
	__u32 early; /* nodes: what was told of the slot's session before its end */
};

/* Chunks by id >> CHUNK_ROWS_SHIFT. */
struct session_chunk {
	__u32 number; /* CHUNK_NONE: no ids in use */
	__u32 used; /* ids with sessions */
	__s64 due_ns; /* not above the smallest of its ids */
};

#define SESSION_UNTOLD (-1)
#define SESSION_EARLY (-2) /* the node stands for an early row */

/* A session of a tree or a list; its extras follow. */
struct session_node {
	struct session session;
	__s64 due_ns; /* when it, or one below it in the tree, has something to tell */
	__u32 left, right; /* below it in the tree */
	__u32 size; /* of the tree from it on */
	__u32 next; /* of the retractions, or of early rows */
	__u32 id; /* GROUPS_NONE: the overflow group */
	__s32 revision; /* of its last row; SESSION_UNTOLD: its next is 0 */
	__u32 early_count; /* of a node that stands for early rows: how many there were */
	__u32 opened;
	__u32 early; /* nodes: what was told of it before its end */
	__u32 first_block; /* of its events, with max_duration */
	__u32 last_block;
	bool is_told;
	bool has_changed; /* since it was told */
};

#define SESSION_BLOCK_EVENTS 8u

/* Events of a node; event_bytes each. */
struct session_block {
	__u32 next;
	__u32 count;
	unsigned char event[];
};

/* A group as it is worked on. The overflow group has no slot. */
struct session_group {
	__u32 id;
	struct session_slot *slot; /* NULL: all are nodes */
	struct session_more *more;
	__s64 *due_ns;
	void *extra; /* of the slot */
};

/* What is about to be merged. */
struct session_span {
	struct session session;
	__u32 opened;
	const struct extras_event *event; /* when it is one event */
	const void *tail; /* else its written extras */
	size_t tail_bytes;
};

/* Records taken in up to an advance. */
struct session_history {
	__u32 advance;
	__u64 aggregated;
};

#define SESSION_HISTORY 1024u

/* Several workers: an event that may be late waits for the tick, when all sessions are together. */
struct session_doubt {
	__u64 stamp; /* when it arrived; number of arrival behind it */
	__u64 arrival;
	__u64 key[SLUICE_KEY_WORDS_MAX];
	struct extras_event event;
	bool is_late; /* by itself, and counted so until it is known better */
};

/* Few: they are all settled in one turn. */
#define SESSION_DOUBTS_MAX 1024u

enum session_phase {
	SESSION_IDLE = 0,
	SESSION_RETRACTING, /* exporting: doubts */
	SESSION_SWEEPING,
	SESSION_CLOSING,
};

struct sessions {
	struct window *window;
	struct grouping *grouping;
	__s64 gap_ns;
	__s64 lateness_ns;
	__s64 duration_ns; /* 0: unlimited */
	__s64 doubt_ns; /* events before it may be late */
	bool emits; /* worker 0 */
	bool is_alone; /* the only worker */
	bool is_finishing;
	/* the groups */
	struct chunks chunks;
	struct session_chunk *chunk;
	__u32 chunk_entries;
	__u32 chunk_count; /* entries that may be set */
	__u32 groups_max;
	__u32 groups; /* with sessions, overflow aside */
	struct session_more overflow;
	__s64 overflow_due_ns;
	__u64 slots_used;
	struct session_pool nodes;
	struct session_pool blocks;
	__u32 event_bytes;
	__u32 retraction_first, retraction_last; /* nodes to be told as retracted */
	/* the emission */
	enum session_phase phase;
	bool is_again; /* a new watermark came while it ran */
	bool is_early;
	bool has_closed; /* sessions have left since the last closing record */
	__s64 closing_ns; /* what ends here or before is final */
	__u32 next_chunk;
	__u32 next_row;
	__s64 longest_ns; /* of the sessions that were told or found open at a sweep */
	__u64 told_records; /* … of them all */
	__s64 next_early_ns; /* of the group in work: sessions that begin behind have told early */
	__u32 next_early_id;
	__u32 tree_seed;
	__u64 run_position; /* in the log, where it began */
	__u64 run_rows;
	__u64 final_position; /* … and where the first one did since the last record `final` */
	/* what was there when */
	__u32 advance;
	__u32 history_count;
	struct session_history *history;
	__u64 aggregated;
	/* several workers */
	struct session_doubt *doubt;
	__u32 doubt_count;
	__u32 doubt_next;
};

static inline unsigned char *session_chunk_at(const struct sessions *sessions, __u32 id)
{
	return chunks_at(&sessions->chunks, sessions->chunk[id >> CHUNK_ROWS_SHIFT].number);
}

static inline struct session_node *session_node_at(const struct sessions *sessions, __u32 number)
{
	return session_pool_at(&sessions->nodes, number);
}

static inline void *session_node_extra(struct session_node *node)
{
	return node + 1;
}

/* Key words of a group; zeros for the overflow group. */
static inline const __u64 *session_group_key(const struct sessions *sessions, __u32 id)
{
	static const __u64 none[SLUICE_KEY_WORDS_MAX];

	return id == GROUPS_NONE ? none : groups_key(&sessions->grouping->groups, id);
}

static inline bool session_slot_is_used(const struct session_group *group)
{
	return group->slot && group->slot->partial.records != 0;
}

/* The session in the slot of the group. */
static inline struct session session_slot_read(const struct session_group *group)
{
	return (struct session){ group->more->first_ns, group->slot->last_ns,
				 group->slot->partial };
}

static inline void session_slot_write(const struct sessions *sessions,
				      const struct session_group *group,
				      const struct session *session)
{
	group->slot->key = session_group_key(sessions, group->id)[0];
	group->slot->last_ns = session->last_ns;
	group->slot->partial = session->partial;
	group->more->first_ns = session->first_ns;
}

/* Where a session ends: behind its last event by the gap, or at its longest. */
static inline __s64 session_end(const struct sessions *sessions, const struct session *session)
{
	__s64 end_ns = window_add_ns(session->last_ns, sessions->gap_ns), limit_ns;

	if (sessions->duration_ns == 0)
		return end_ns;
	limit_ns = window_add_ns(session->first_ns, sessions->duration_ns);
	return end_ns < limit_ns ? end_ns : limit_ns;
}

/* Of sessions that are open when a watermark passes what they ended with before. */
static inline void session_note_length(struct sessions *sessions, __s64 first_ns, __s64 end_ns)
{
	__s64 length_ns = window_add_ns(end_ns, -first_ns);

	if (length_ns > sessions->longest_ns)
		sessions->longest_ns = length_ns;
}

/* There are slots only without a longest duration. */
static inline __s64 session_slot_end(const struct sessions *sessions,
				     const struct session_slot *slot)
{
	return window_add_ns(slot->last_ns, sessions->gap_ns);
}

/* An event at the watermark is still expected, and one gap behind the last one it would merge. */
static inline bool session_is_passed(const struct sessions *sessions, __s64 end_ns)
{
	return end_ns < sessions->window->watermark_ns;
}

static inline bool session_is_over(const struct sessions *sessions, __s64 end_ns)
{
	return session_is_passed(sessions, window_add_ns(end_ns, sessions->lateness_ns));
}

/* Whether times from first to last belong to a session, which is alive. */
static inline bool session_touches(const struct sessions *sessions, const struct session *session,
				   __s64 first_ns, __s64 last_ns)
{
	return session->partial.records != 0 &&
	       session->first_ns <= window_add_ns(last_ns, sessions->gap_ns) &&
	       window_add_ns(session->last_ns, sessions->gap_ns) >= first_ns &&
	       !session_is_over(sessions, session_end(sessions, session));
}

/* --- session.c: groups and their memory --- */

/* The group of an id without sessions yet, or with. False: no memory left for it. */
bool session_group_open(struct sessions *sessions, __u32 id, struct session_group *group);
/* The group of an id with memory; GROUPS_NONE: the overflow group. */
struct session_group session_group_at(struct sessions *sessions, __u32 id);
bool session_group_is_empty(const struct session_group *group);
/* Whether the id has memory. */
static inline bool session_has_group(const struct sessions *sessions, __u32 id)
{
	return sessions->chunk[id >> CHUNK_ROWS_SHIFT].number != CHUNK_NONE;
}
/* A group that was opened for nothing. */
void session_group_give_up(struct sessions *sessions, const struct session_group *group);
/* A group got its first session, or lost its last. */
void session_group_begin(struct sessions *sessions, const struct session_group *group);
void session_group_end(struct sessions *sessions, const struct session_group *group);
/* Frees the session in the slot. */
void session_slot_clear(struct sessions *sessions, struct session_group *group);
/* Look at the group when the watermark is beyond this. */
void session_group_expect(struct sessions *sessions, const struct session_group *group,
			  __s64 due_ns);
/* Node `told` stops counting: it waits to be told as retracted. */
void session_retract(struct sessions *sessions, __u32 number);
/* Early rows under another interval than the given one are retracted (NULL: all), the others
 * forgotten. */
void session_early_settle(struct sessions *sessions, __u32 *early, const struct session *session);
/* Frees the oldest retraction. */
void session_retraction_free(struct sessions *sessions);
/* Frees a node that is in no list, events and extras included. */
void session_node_free(struct sessions *sessions, __u32 number);

/* --- session_merge.c: what becomes of a new event --- */

enum session_taken { SESSION_TAKEN, SESSION_NO_ROOM };

/* Late when no live session touches it and its own would be over. */
bool session_is_late(const struct sessions *sessions, const struct session_group *group,
		     __s64 time_ns);
/* Merges a span into the sessions of a group. Nothing has changed when there is no room. */
enum session_taken session_merge(struct sessions *sessions, struct session_group *group,
				 const struct session_span *span);
/* Takes an event of this group: late, the group's or the overflow group's. It is counted as
 * aggregated already; what is wrong about that is put right. */
void session_take_event(struct sessions *sessions, __u32 id, const struct extras_event *event);
/* Merges what another worker saw; NULL: of the overflow group. */
void session_take_span(struct sessions *sessions, const __u64 *key,
		       const struct session_span *span);

/* --- session_cut.c: with max_duration --- */

enum session_taken session_cut(struct sessions *sessions, struct session_group *group,
			       const struct extras_event *event);
/* Of an event that would be over by itself: late when the session that would hold it is. */
bool session_cut_is_late(const struct sessions *sessions, const struct session_group *group,
			 __s64 time_ns);
void session_block_free(struct sessions *sessions, __u32 first);

/* --- session_doubt.c --- */

/* Puts an event that is counted, as late or aggregated, aside until the tick. False: no room. */
bool session_doubt_add(struct sessions *sessions, __u64 stamp, const __u64 *key,
		       const struct extras_event *event, bool is_late);
/* Takes what was put aside, in the order of arrival. */
void session_doubt_settle(struct sessions *sessions);

#endif
