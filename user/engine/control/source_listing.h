/* SPDX-License-Identifier: BSD-2-Clause */
/* The senders as they were a moment ago, kept for the next who asks: listing all of them is work of
 * the control thread. */
#ifndef SLUICE_ENGINE_SOURCE_LISTING_H
#define SLUICE_ENGINE_SOURCE_LISTING_H

#include <stdlib.h>

#include "core/source/sources.h"

/* At 300 bytes each they fit an answer of the admin socket. */
#define SOURCE_LISTING_MAX 10000u

struct source_listing {
	__u64 taken_mono_ns;
	__s64 taken_wall_ns;
	__u64 next_mono_ns;		/* not taken again before */
	__u32 count;
	struct source_entry *entry;	/* SOURCE_LISTING_MAX; NULL until it is asked for */
};

static inline void source_listing_close(struct source_listing *listing)
{
	free(listing->entry);
	listing->entry = NULL;
}

#endif
