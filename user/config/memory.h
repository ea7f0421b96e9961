/* SPDX-License-Identifier: BSD-2-Clause */
/* How much memory the windows of a configuration can need: groups × panes × bytes, for the refusal
 * before the start and for `sluice check` to show. An estimate from above; nothing is allocated by
 * it. */
#ifndef SLUICE_CONFIG_MEMORY_H
#define SLUICE_CONFIG_MEMORY_H

#include "config/config.h"

struct config_memory {
	__u64 panes;		/* of a window alive at once */
	__u64 group_bytes;	/* once a group: its key and index, and what emission remembers */
	__u64 pane_bytes;	/* a group and pane: its row */
	__u64 groups_max;	/* that group_by and where leave possible */
};

/* For window `i`. */
void config_memory_window(const struct config *config, __u32 i, struct config_memory *memory);

/* Groups of this window that there is memory for when the bound is `groups`: as many as are
 * possible, in whole chunks of rows. */
__u64 config_memory_rows(const struct config_memory *memory, __u64 groups);

/* Bytes for `groups` groups in this window, as far as there can be so many; UINT64_MAX when it does
 * not fit 64 bits. */
__u64 config_memory_bytes(const struct config_memory *memory, __u64 groups);

/* All windows with `groups` groups each. */
__u64 config_memory_total(const struct config *config, __u64 groups);

/* The part of limits.memory that is set aside for sketches; 0 when no window has any. */
__u64 config_memory_sketches(const struct config *config);

#define DEDUP_SHARE 4 /* of the memory, one in so many at most for ids, unless it is written */

/* Windows with `dedup: event_id`. */
__u32 config_memory_dedup_windows(const struct config *config);
/* The part of limits.memory that is set aside for their ids; 0 when there is none. */
__u64 config_memory_dedup(const struct config *config);

/* Workers that there will be: as written, or one for every two CPUs. */
__u32 config_workers(const struct config *config);

#define SOURCES_SHARE 4 /* of the memory, one in so many at most for sources, unless written */

/* The part of limits.memory that is set aside for `sources` sources. */
__u64 config_memory_of_sources(const struct config *config, __u32 sources);
/* … for those there may be. */
__u64 config_memory_sources(const struct config *config);

/* What limits.memory must be for `groups` groups a window, sketches, ids and sources included. */
__u64 config_memory_needed(const struct config *config, __u64 groups);

/* The largest number of groups that fits limits.memory beside sketches, ids and sources; may be 0.
 * UINT64_MAX: any. */
__u64 config_memory_groups(const struct config *config);

#endif
