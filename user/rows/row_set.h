/* SPDX-License-Identifier: BSD-2-Clause */
/* All rows of one window that a log holds, brought into order: records go in as they stand in the
 * log, one merged row per (start, end, group) comes out. Within an identity (agent, epoch, start,
 * end, group) the highest order counts; identities of other epochs and agents add up. Windows that
 * should have rows and have none come out too. Sorting works on one start at a time. */
#ifndef SLUICE_EDGE_ROW_SET_H
#define SLUICE_EDGE_ROW_SET_H

#include "core/record/rows.h"

/* Windows without rows that are given for one gap, or for all late records. */
#define ROW_SET_ABSENT_MAX 10000u

struct row_set;

struct row_set_options {
	const char *window; /* its name */
	__s64 since_ns, until_ns; /* windows that start in [since, until) */
	/* Whether a row is wanted at all, by its group; NULL: all. `is_overflow`: words say
	 * nothing. */
	bool (*is_wanted)(void *context, const struct schema *schema, __u32 window,
			  const struct row_view *row, bool is_overflow);
	void *context;
};

/* A definition of the window: rows of two of them are never added up. */
struct row_set_shape {
	struct sluice_schema_window window; /* as it stood last */
	struct group_key layout;
	char dim_name[4][SLUICE_NAME_MAX + 1];
	bool has_rows; /* that are wanted */
};

struct row_result {
	const struct row_set_shape *shape;
	__s64 start_ns, end_ns;
	const __u64 *words;
	bool is_overflow;
	bool is_absent;	  /* no row: something is missing here and nothing is known; no words */
	bool is_unmerged; /* another definition has rows of the same interval */
	bool is_partial;  /* its emission did not end, or it is absent */
	__s32 revision;	  /* these three of the newest epoch */
	__u64 order;
	bool is_final;
	bool is_early, is_retracted;
	struct sluice_partial partial;
	const __u8 *extra; /* points and sketches, see row_tail.h; while the row is given */
	size_t extra_bytes;
	__u64 aggregated; /* records in the window, all groups */
	struct sluice_missing missing; /* late records included */
	__u64 missing_here; /* of them, estimated: what the window's `where` would have selected */
	__u64 unattended_ns;
	const __u8 *agent_id; /* 16 bytes; of the newest epoch */
	__u64 epoch;
	__u32 merged_count; /* identities in this row; 0: absent */
};

/* -ENOMEM. */
int row_set_open(struct row_set **set, const struct row_set_options *options);
void row_set_close(struct row_set *set);

/* The schema of the rows that follow; copied. -ENOMEM. */
int row_set_use_schema(struct row_set *set, const struct schema *schema);
/* A record that stands at `lsn`: rows, or one that says something about them; others are ignored.
 * -EBADMSG (also before any schema), -ENOMEM. */
int row_set_add(struct row_set *set, const struct sluice_disk_record *record, __u64 lsn);

/* Rows held so far. */
__u64 row_set_count(const struct row_set *set);
/* The definitions of the window, in the order of the log; NULL behind the last. */
const struct row_set_shape *row_set_shape_at(const struct row_set *set, size_t index);

enum row_set_view {
	ROW_SET_MERGED,	    /* one row a group, of all identities; none that is retracted */
	ROW_SET_IDENTITIES, /* the newest row of each identity; none that is retracted */
	ROW_SET_REVISIONS,  /* each row as it was written, early and retracted ones too */
};

/* Gives every row in the order of start, end, group; the set is empty afterwards. `emit` returns 0
 * to go on; anything else ends the walk and is returned. -ENOMEM; -EBADMSG for points and sketches
 * that nobody wrote. */
int row_set_emit(struct row_set *set, enum row_set_view view,
		 int (*emit)(void *context, const struct row_result *row), void *context);
/* Absent windows that were left out, beyond ROW_SET_ABSENT_MAX; after row_set_emit(). */
__u64 row_set_left_out(const struct row_set *set);

/* The share of what is known to have been sent that was taken in, in units of 1/scale (at most
 * 10^18), rounded down; scale itself only when nothing is missing. False: something is missing that
 * cannot be counted. */
bool row_result_completeness(const struct row_result *row, __u64 scale, __u64 *share);

#endif
