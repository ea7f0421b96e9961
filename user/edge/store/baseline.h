/* SPDX-License-Identifier: BSD-2-Clause */
/* The baseline of a store (include/sluice/baseline.h): what the agent before knew at its last tick
 * comes out, what this one knows goes in, at every tick. Without room for it on the disk everything
 * goes on, and the next start knows less. One thread. */
#ifndef SLUICE_EDGE_BASELINE_H
#define SLUICE_EDGE_BASELINE_H

#include <stdbool.h>
#include <stddef.h>

#include "edge/store/store.h"
#include "sluice/baseline.h"

struct baseline;

/* Reads what is there; changes nothing yet. -ENOMEM, or -errno of the files: store->problem says
 * it. */
int baseline_open(struct baseline **baseline, struct store *store);
/* Takes NULL. */
void baseline_close(struct baseline *baseline);

/* What the agent before knew last; NULL: nothing that is sound. Valid until baseline_close(). */
const struct sluice_baseline *baseline_found(const struct baseline *baseline);

/* The records of its sources; false behind the last. *at starts as 0. `is_exact`: records with
 * bitmaps of an orderly stop, which replace the others; false at once when there are none. */
bool baseline_next_source(const struct baseline *baseline, bool is_exact, size_t *at,
			  const void **record, size_t *bytes);

/* Makes room for `source_places`, forgets the sources found, and writes from now on. Everything
 * found has been taken over. -errno: there is no room; then the calls below do nothing. */
int baseline_begin(struct baseline *baseline, __u32 source_places);

/* A tick: `next` gets its magic, ids, generation and checksum, and replaces the older slot. */
void baseline_write(struct baseline *baseline, struct sluice_baseline *next);
/* The record of a source, at most SLUICE_BASELINE_SOURCE_RECORD bytes; 0: the place is free. */
void baseline_put_source(struct baseline *baseline, __u32 place, const void *record, size_t bytes);

/* Orderly stop: `bytes` of exact records, one after the other, each behind its length as __u32 and
 * four bytes of zeros; then `next` as in baseline_write(); durable on return. -errno: then `next`
 * is written all the same, without them. */
int baseline_finish(struct baseline *baseline, struct sluice_baseline *next, const void *exact,
		    size_t bytes);

#endif
