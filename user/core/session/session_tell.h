/* SPDX-License-Identifier: BSD-2-Clause */
/* A slice of telling: the record in work, and how much may still be done. */
#ifndef SLUICE_CORE_SESSION_TELL_H
#define SLUICE_CORE_SESSION_TELL_H

#include "core/record/block.h"
#include "core/session/session_rows.h"
#include "core/session/session_state.h"

struct session_telling {
	struct sessions *sessions;
	struct session_rows rows;
	__u32 rows_max;
	__u32 work;
	bool is_stuck; /* the writer had no room */
};

/* One row about a session of this group, of this order within its identity; flags are those of
 * enum sluice_rows_flag beside overflow and variable. False: no room now, and is_stuck. */
bool session_tell(struct session_telling *telling, const struct session_group *group,
		  const struct session *session, const void *extra, __u32 opened, __u64 order,
		  __u16 flags);

/* Of the row that follows the one of this revision; below 0: there was none. */
static inline __u64 session_closed_order(__s32 revision)
{
	return SLUICE_ORDER_CLOSED + (__u64)(revision < 0 ? 0 : revision + 1);
}

/* All sessions of a group (session_tell_group.c). False: no room, or enough for this slice; then
 * the group stays due. */
bool session_tell_group(struct session_telling *telling, struct session_group *group);

#endif
