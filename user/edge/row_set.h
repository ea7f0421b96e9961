/* SPDX-License-Identifier: BSD-2-Clause */
/* All rows of one window that a log holds, brought into order: records go in as they stand in the
 * log, one merged row per (start, end, group) comes out. Within an identity (agent, epoch, start,
 * end, group) the highest revision counts; identities of other epochs and agents add up. Memory is
 * proportional to the rows kept, and sorting works on one start of a window at a time. */
#ifndef SLUICE_EDGE_ROW_SET_H
#define SLUICE_EDGE_ROW_SET_H

#include "core/rows.h"

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

/* Dimension names and windows of the schema that a row was written under. */
struct row_set_shape {
	struct sluice_schema_window window;
	struct group_key layout;
	char dim_name[4][SLUICE_NAME_MAX + 1];
};

struct row_result {
	const struct row_set_shape *shape;
	__s64 start_ns, end_ns;
	const __u64 *words;
	bool is_overflow;
	__s32 revision; /* of the newest epoch */
	bool is_final, is_early, is_retracted;
	struct sluice_partial partial;
	const __u8 *extra; /* points and sketches, see row_tail.h; while the row is given */
	size_t extra_bytes;
	__u64 aggregated; /* weight in the window, all groups */
	struct sluice_missing missing;
	const __u8 *agent_id; /* 16 bytes; of the newest epoch */
	__u64 epoch;
	__u32 merged_count; /* identities in this row, at least 1 */
};

/* -ENOMEM. */
int row_set_open(struct row_set **set, const struct row_set_options *options);
void row_set_close(struct row_set *set);

/* The schema of the rows that follow; copied. -ENOMEM. */
int row_set_use_schema(struct row_set *set, const struct schema *schema);
/* A rows, close or final record of a batch with this agent epoch. -EBADMSG (also before any
 * schema), -ENOMEM. */
int row_set_add(struct row_set *set, const struct sluice_disk_record *record);

/* Rows held so far. */
__u64 row_set_count(const struct row_set *set);
/* Whether any schema had the window. */
bool row_set_has_window(const struct row_set *set);

/* Gives every row in the order of start, end, group; the set is empty afterwards. `all_revisions`:
 * each row as it was written, early and retracted ones too. `emit` returns 0 to go on; anything
 * else ends the walk and is returned. -ENOMEM; -EBADMSG for points and sketches that nobody
 * wrote. */
int row_set_emit(struct row_set *set, bool all_revisions,
		 int (*emit)(void *context, const struct row_result *row), void *context);

#endif
