/* SPDX-License-Identifier: BSD-2-Clause */
/* What the stream's memory will be asked for next. Tables grow into reservations that nothing backs
 * yet; who touches them ahead, in another thread, saves the turn the page faults. */
#ifndef SLUICE_CORE_AREA_H
#define SLUICE_CORE_AREA_H

#include <stddef.h>

struct area {
	void *start;
	size_t bytes; /* from the start on: in use, or soon will be */
};

/* Ahead of what is in use: this share of the reservation, and not more than that. Half a million
 * new groups, as a window's first pane may bring in a moment, are 32 MiB of rows. */
#define AREA_AHEAD_SHARE 8
#define AREA_AHEAD_MAX ((size_t)32 << 20)

static inline struct area area_make(void *start, size_t used_bytes, size_t reserved_bytes)
{
	size_t ahead = reserved_bytes / AREA_AHEAD_SHARE;
	size_t left = reserved_bytes - used_bytes;

	ahead = ahead < AREA_AHEAD_MAX ? ahead : AREA_AHEAD_MAX;
	return (struct area){ start, used_bytes + (ahead < left ? ahead : left) };
}

#endif
