/* SPDX-License-Identifier: BSD-2-Clause */
/* What is known of a store whose MANIFEST is lost: what the headers of its segments say. For
 * readers only: gaps, epochs and what was durable are not in them. */
#ifndef SLUICE_EDGE_STORE_GUESS_H
#define SLUICE_EDGE_STORE_GUESS_H

#include "edge/store/store.h"

/* Whether anything in results/ or quarantine/ is called *.seg: then it is a store, whatever else is
 * lost. 1, 0, -errno. */
int store_guess_has_segments(const struct store *store);
/* The ids that most of the sound headers name, and the least number. -ENOENT without any. */
int store_guess_manifest(struct store *store, struct store_manifest *manifest);

#endif
