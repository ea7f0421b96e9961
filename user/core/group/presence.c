/* SPDX-License-Identifier: BSD-2-Clause */
/* Panes of a window as far as its groups go: they begin with their first row, and end with the
 * watermark. */
#include "core/group/presence.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>

#include "base/memory.h"

#define USED_ONCE (1u << PRESENCE_PLACE_BITS)
/* A stamp has 31 bits. */
#define STAMP_MASK 0x7fffffffu

static size_t pane_bytes(const struct presence *presence)
{
	return ((size_t)places_count(&presence->places) + 1) * sizeof(*presence->pane);
}

static size_t stamp_bytes(const struct presence *presence)
{
	return (size_t)presence->id_count * sizeof(*presence->stamp);
}

int presence_open(struct presence *presence, __u32 groups_max, __u32 panes, __u32 ids,
		  bool has_own_stamps)
{
	/* Panes that were handed over are still known here. */
	int err = places_open(&presence->places, panes);

	presence->groups_max = groups_max;
	presence->id_count = ids;
	assert(places_count(&presence->places) < USED_ONCE);
	if (!err)
		err = slots_open(&presence->live, places_count(&presence->places));
	if (err)
		return err;
	presence->pane = memory_reserve(pane_bytes(presence));
	if (has_own_stamps)
		presence->stamp = memory_reserve(stamp_bytes(presence));
	if (!presence->pane || (has_own_stamps && !presence->stamp))
		return -ENOMEM;
	/* No pane: no id has this stamp. */
	presence->pane[0].stamp = UINT32_MAX;
	return 0;
}

void presence_close(struct presence *presence)
{
	memory_release(presence->pane, pane_bytes(presence));
	memory_release(presence->stamp, stamp_bytes(presence));
	slots_close(&presence->live);
	places_close(&presence->places);
	*presence = (struct presence){ 0 };
}

__u32 presence_stamp(struct presence *presence, __s64 number)
{
	__u32 place = places_find(&presence->places, number);
	struct presence_pane *pane;

	if (place != PLACES_NONE)
		return presence->pane[place + 1].stamp;
	place = places_take(&presence->places, number);
	if (place == PLACES_NONE)
		return 0;
	slots_add(&presence->live, number, place);
	pane = &presence->pane[place + 1];
	pane->number = number;
	pane->groups = 0;
	if (!pane->stamp)
		pane->stamp = place + 1;
	return pane->stamp;
}

void presence_advance(struct presence *presence, __s64 oldest)
{
	slots_sort(&presence->live);
	while (presence->live.count) {
		__u32 place = slots_at(&presence->live, 0);
		struct presence_pane *pane = &presence->pane[place + 1];

		if (pane->number >= oldest)
			return;
		presence->groups -= pane->groups;
		/* What ids have of it is of no pane any more. */
		pane->stamp = (pane->stamp + USED_ONCE) & STAMP_MASK;
		slots_remove(&presence->live, place);
		places_give(&presence->places, place);
	}
}
