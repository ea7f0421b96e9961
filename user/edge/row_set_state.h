/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of a row set, shared by row_set.c (in) and row_set_merge.c (out). Nobody else includes
 * it. */
#ifndef SLUICE_EDGE_ROW_SET_STATE_H
#define SLUICE_EDGE_ROW_SET_STATE_H

#include <stdint.h>

#include "edge/row_set.h"
#include "edge/row_tail.h"

#define ROW_SET_NO_WINDOW UINT32_MAX

/* A row (key words, partial and extra follow), or a close without anything behind it. */
struct row_entry {
	__s64 start_ns, end_ns;
	__u32 bytes; /* this included; a multiple of 8 */
	__u32 head;
	__u32 source;
	__s32 revision;
	__u64 order;
	__u16 flags; /* enum sluice_rows_flag */
	__u16 shape;
	__u32 is_close;
};

/* What rows of one record share. */
struct row_head {
	__u64 aggregated;
	struct sluice_missing missing;
};

struct row_source {
	__u8 agent_id[16];
	__u64 epoch;
	__s64 closed_ns;	/* sessions that end here or before are final */
};

/* All entries of a start (or, for sessions, of a stretch of time), in log order. */
struct row_bucket {
	__s64 start_ns;
	__u8 *data;
	size_t bytes, room;
	size_t entry_count;
};

struct row_set {
	struct row_set_options options;
	struct schema *schema; /* in force */
	__u32 window; /* index in it, or ROW_SET_NO_WINDOW */
	__u16 shape;
	__u32 source;
	struct row_set_shape **shapes;
	size_t shape_count, shape_room;
	struct row_source *sources;
	size_t source_count, source_room;
	struct row_head *heads;
	size_t head_count, head_room;
	struct row_bucket *buckets;
	size_t bucket_count, bucket_room;
	size_t last_bucket;
	__u32 *index; /* hash of the start to bucket + 1 */
	size_t index_mask;
	__u64 row_count;
	struct row_tail *tail; /* where tails of several identities add up */
};

#endif
