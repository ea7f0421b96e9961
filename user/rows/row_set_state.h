/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of a row set, shared by row_set*.c: what comes in (row_set.c, row_set_marks.c) is kept
 * (row_set_buckets.c), brought into order (row_set_order.c), and given out (row_set_merge.c) with
 * what is missing (row_set_missing.c, row_set_absent.c). Nobody else includes it. */
#ifndef SLUICE_EDGE_ROW_SET_STATE_H
#define SLUICE_EDGE_ROW_SET_STATE_H

#include <stdint.h>

#include "core/record/loss_cause.h"
#include "rows/row_set.h"
#include "rows/row_tail.h"

#define ROW_SET_NO_WINDOW UINT32_MAX

/* A row (key words, partial and extra follow), or without anything behind it the sign that there
 * were rows which nobody wants. */
struct row_entry {
	__s64 start_ns, end_ns;
	__u64 order;
	__u64 lsn;
	__u32 bytes; /* this included; a multiple of 8 */
	__u32 head;
	__u32 source;
	__s32 revision;
	__u16 flags; /* enum sluice_rows_flag */
	__u16 shape;
	bool is_sign;
	bool is_whole; /* format 1.0, which did not tell */
	__u16 zero;
};

/* What rows of one record share. */
struct row_head {
	__u64 lsn;
	__u32 source;
	__u64 aggregated;
	__u64 selected, offered;
	struct sluice_missing missing;
};

/* An epoch of the window. */
struct row_source {
	__u8 agent_id[16];
	__u64 epoch;
	__s64 closed_ns; /* sessions that end here or before are final */
	bool is_ended;
};

/* A complete or final record. Complete of sessions: start_ns is INT64_MIN. */
struct row_mark {
	__s64 start_ns, end_ns;
	__u64 order;
	__u64 first_lsn, last_lsn;
	__u32 source;
};

/* A stretch of time, and the definition that it was told of. */
struct row_gap {
	__s64 from_ns, to_ns;
	__u16 shape;
};

struct row_late {
	__s64 start_ns, end_ns;
	__u64 records;
	__u16 shape;
	bool is_held; /* a row has this time */
};

/* A loss record. */
struct row_loss {
	__s64 from_ns, to_ns; /* both included */
	__s64 reach_ns; /* the largest to_ns of those up to here */
	__s64 records; /* from row_set_prepare_losses() on: not below 0 */
	__u64 lsn;
	__u32 source;
	__u16 shape;
	__u8 cause, flags;
	bool is_held; /* a row has all of this time */
};

/* What loss records say of an interval. */
struct row_lost {
	__u64 records[LOSS_CAUSES];
	__u16 flags;
};

/* What an epoch knows last of the interval in work: losses are told with the rows that changed, and
 * concern all of them. */
struct row_newest {
	__u64 order;
	__u32 source;
	__u32 head;
};

/* A window that may have no row. */
struct row_absent {
	__s64 start_ns, end_ns;
	__u16 shape;
	__u32 head; /* of the record that says what it misses, + 1; 0: there is none */
};

/* What rows of one interval miss beyond what their heads say. */
struct row_interval {
	const struct row_set_shape *shape; /* NULL: none yet */
	__s64 start_ns, end_ns;
	__u32 head; /* the first of those that were asked for */
	__u64 late;
	__u64 unattended_ns;
	struct row_lost lost;
};

/* All entries of a start (or, for sessions, of a stretch of time), in log order. */
struct row_bucket {
	__s64 start_ns;
	__u8 *data;
	size_t bytes, room;
	size_t entry_count;
};

#define ROW_LIST(type)           \
	struct {                 \
		type *at;        \
		size_t count;    \
		size_t room;     \
	}

struct row_set {
	struct row_set_options options;
	struct schema *schema; /* in force */
	__u32 window; /* index in it, or ROW_SET_NO_WINDOW */
	__u16 shape;
	__u32 source; /* the last one used */
	bool has_sessions, has_grids; /* shapes of these kinds */
	bool has_unwanted; /* rows of sessions that nobody wants */
	bool has_endless_late; /* late records of no known time */
	ROW_LIST(struct row_set_shape *) shapes;
	ROW_LIST(struct row_source) sources;
	ROW_LIST(struct row_head) heads;
	ROW_LIST(struct row_mark) completes;
	ROW_LIST(struct row_mark) finals;
	ROW_LIST(struct row_gap) gaps;
	ROW_LIST(struct row_late) late;
	ROW_LIST(struct row_loss) losses;
	ROW_LIST(struct row_absent) absent;
	ROW_LIST(struct row_bucket) buckets;
	size_t last_bucket;
	__u32 *index; /* hash of the start to bucket + 1 */
	size_t index_mask;
	struct row_interval interval; /* the last one */
	__u64 row_count;
	__u64 left_out;
	struct row_tail *tail; /* where tails of several identities add up */
};

/* Room for one more of `bytes` each; grows by half. -ENOMEM. */
int row_list_grow(void **array, size_t count, size_t *room, size_t bytes);
#define ROW_LIST_GROW(list) \
	row_list_grow((void **)&(list).at, (list).count, &(list).room, sizeof(*(list).at))

/* The place of an epoch of the schema's agent among the sources, or -ENOMEM. */
int row_set_find_source(struct row_set *set, __u64 epoch);
static inline bool row_set_is_in_range(const struct row_set *set, __s64 start_ns)
{
	return start_ns >= set->options.since_ns && start_ns < set->options.until_ns;
}
/* Records other than rows. 0, -EBADMSG, -ENOMEM. */
int row_set_add_mark(struct row_set *set, const struct sluice_disk_record *record, __u64 lsn);
int row_set_add_loss(struct row_set *set, const struct sluice_disk_record *record, __u64 lsn);
/* A close record of format 1.0: final. */
int row_set_add_close(struct row_set *set, const struct sluice_rows *head);

int row_set_open_buckets(struct row_set *set);
void row_set_close_buckets(struct row_set *set);
void row_set_clear_buckets(struct row_set *set);
/* Room for an entry of so many bytes that starts then, or NULL. */
struct row_entry *row_set_put(struct row_set *set, __s64 start_ns, size_t bytes);
/* In the order of their starts; none holds a start that lies behind one of the next. -ENOMEM. */
int row_set_sort_buckets(struct row_set *set);

/* What decides most comparisons, with the entry behind it: entries are spread over memory. */
struct row_sorted {
	const struct row_entry *entry;
	__u64 value[2]; /* of the first group fields */
	__u16 shape;
	__u8 rank;  /* signs come first, the overflow group last */
	__u8 state; /* enum row_state */
};

enum row_state {
	ROW_WHOLE,
	ROW_PARTIAL,  /* its emission has not ended */
	ROW_REPEATED, /* its emission did not end and was done again */
	ROW_OVER,     /* of an epoch that ended before it was a result */
};

enum row_rank { ROW_RANK_SIGN, ROW_RANK_GROUP, ROW_RANK_OVERFLOW };

/* What comparisons need to know: the set, and whether all entries have one start and one end. */
struct row_order {
	const struct row_set *set;
	bool is_one_interval;
};

/* The entries of a bucket by start, end, definition, group, epoch, order; to be freed. NULL: no
 * memory. */
struct row_sorted *row_set_sort(const struct row_set *set, const struct row_bucket *bucket,
				struct row_order *order);
int row_compare_intervals(const struct row_sorted *a, const struct row_sorted *b);
int row_compare_groups(const struct row_sorted *a, const struct row_sorted *b,
		       const struct row_order *order);

/* Brings marks, gaps and late records into order, and lists the windows that may be absent. Before
 * what follows. -ENOMEM. */
int row_set_prepare(struct row_set *set);
enum row_state row_set_judge(const struct row_set *set, const struct row_entry *entry);
bool row_set_is_final(const struct row_set *set, const struct row_entry *entry);

int row_set_prepare_missing(struct row_set *set);
void row_set_prepare_losses(struct row_set *set);
/* What [start, end) misses beyond what the heads say that its rows have. */
void row_set_sum_losses(const struct row_set *set, __s64 start_ns, __s64 end_ns,
			const struct row_newest *heads, size_t count, struct row_lost *lost);
/* Adds the late records of the row's interval, losses that its heads do not know, and what was not
 * attended. */
void row_set_fill_missing(struct row_set *set, struct row_result *row,
			  const struct row_newest *heads, size_t count);
void row_set_add_missing(struct sluice_missing *into, const struct sluice_missing *from);
/* Of the head's losses, what the window would have selected. */
__u64 row_head_missing_here(const struct row_head *head);
/* Marks the late records and losses that a row of this interval has room for. */
void row_set_hold_losses(struct row_set *set, __s64 start_ns, __s64 end_ns);
void row_set_hold_late(struct row_set *set, __s64 start_ns, __s64 end_ns);
int row_set_list_absent(struct row_set *set);
/* A record without rows: all of its window was lost. Its head was added last. -ENOMEM. */
int row_set_note_empty(struct row_set *set, const struct sluice_rows *head);

/* Sums stay at the largest number. */
static inline __u64 row_add_bounded(__u64 a, __u64 b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

#endif
