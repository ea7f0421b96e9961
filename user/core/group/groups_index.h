/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines of the index of the group dictionary; for the files that change it. */
#ifndef SLUICE_CORE_GROUPS_INDEX_H
#define SLUICE_CORE_GROUPS_INDEX_H

#include "core/group/groups.h"

/* The index that has, or would have, this tag. */
static inline const struct groups_index *index_of(const struct groups *groups, __u32 tag)
{
	bool has_moved = groups->is_growing && (tag & groups->now.mask) < groups->migrated;

	return has_moved ? &groups->next : &groups->now;
}

/* The end of its spare lines. */
static inline __u64 *index_end(const struct groups_index *index)
{
	return index->words + ((size_t)index->mask + 1 + GROUPS_LINES_SPARE) * GROUPS_LINE_WORDS;
}

static inline bool line_has_gap(const __u64 *line)
{
	for (int i = 0; i < GROUPS_LINE_WORDS; i++) {
		if (line[i] == 0)
			return true;
	}
	return false;
}

/* Forgets idle ids that have not been used for long: looks at 16 ids a line of the step. */
void groups_sweep(struct groups *groups, __u32 lines);

#endif
