/* SPDX-License-Identifier: BSD-2-Clause */
/* Which groups of a window are there, for the bound on them: those with a row in any pane that the
 * watermark has not passed for good, whether or not its rows have been emitted, freed or handed
 * over since. A group counts with the newest of its panes, so a pane that ends takes its groups
 * along without a look at them. An id remembers its newest pane as a stamp. */
#ifndef SLUICE_CORE_PRESENCE_H
#define SLUICE_CORE_PRESENCE_H

#include "core/group/groups.h"
#include "core/memory/places.h"
#include "core/memory/slots.h"

#define PRESENCE_PLACE_BITS 20

struct presence_pane {
	__s64 number;
	__u32 stamp;	/* its place + 1, and how often that was used, in the bits above */
	__u32 groups;	/* that are there, and in no newer pane */
};

struct presence {
	struct presence_pane *pane;	/* by place + 1; NULL: the groups need no bound */
	__u32 *stamp;			/* by id; NULL: it is in the use of the id (groups.h) */
	__u32 id_count;
	__u32 groups;
	__u32 groups_max;
	struct places places;
	struct slots live;		/* panes that have not ended */
};

/* For `ids` ids and panes as many as `panes` places; has_own_stamps: another window of the grouping
 * has those in the use. -ENOMEM. */
int presence_open(struct presence *presence, __u32 groups_max, __u32 panes, __u32 ids,
		  bool has_own_stamps);
void presence_close(struct presence *presence);

/* The stamp of a pane, which need not be new. 0: no room. */
__u32 presence_stamp(struct presence *presence, __s64 number);
/* Panes before this one have ended. */
void presence_advance(struct presence *presence, __s64 oldest);

static inline struct presence_pane *presence_pane_of(const struct presence *presence, __u32 stamp)
{
	return &presence->pane[stamp & ((1u << PRESENCE_PLACE_BITS) - 1)];
}

static inline __u32 presence_read(const struct presence *presence, const __u64 *use, __u32 id)
{
	return presence->stamp ? presence->stamp[id] : groups_stamp(use);
}

/* Whether a group is there. */
static inline bool presence_has(const struct presence *presence, const __u64 *use, __u32 id)
{
	__u32 stamp = presence_read(presence, use, id);

	return presence_pane_of(presence, stamp)->stamp == stamp;
}

/* A group gets a row in the pane of a stamp. False: it is new, and there is no place for it. */
static inline bool presence_admit(struct presence *presence, __u64 *use, __u32 id, __u32 stamp)
{
	__u32 before = presence_read(presence, use, id);
	struct presence_pane *pane = presence_pane_of(presence, stamp);
	struct presence_pane *newest = presence_pane_of(presence, before);

	if (newest->stamp == before) {
		if (newest->number >= pane->number)
			return true;
		newest->groups--;
	} else {
		if (presence->groups >= presence->groups_max)
			return false;
		presence->groups++;
	}
	pane->groups++;
	if (presence->stamp)
		presence->stamp[id] = stamp;
	else
		groups_set_stamp(use, stamp);
	return true;
}

#endif
