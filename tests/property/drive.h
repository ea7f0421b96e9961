/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs a scenario through the real engine: streams, sources and emission, with one worker or
 * several, everything a caller may choose chosen at random from a seed. */
#ifndef SLUICE_PROPERTY_DRIVE_H
#define SLUICE_PROPERTY_DRIVE_H

#include "result.h"
#include "scenario.h"

struct drive_options {
	__u32 worker_count;		/* 0 is 1 */
	__u64 hash_seed;
	__u64 noise_seed;		/* for what may not matter: slices, room, when to flush */
	unsigned int no_room_percent;	/* of reservations that the writer refuses */
	bool is_lazy;			/* ticks emit only some rows; what waits comes later */
	bool is_interleaved;		/* datagrams go on while other workers export */
};

/* Fills a zeroed result. 0, -EINVAL when a record breaks the format (said on stdout), or what
 * stream_open or sources_open answered. */
int drive_run(const struct scenario *scenario, const struct drive_options *options,
	      struct result *result);

#endif
