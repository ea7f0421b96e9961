/* SPDX-License-Identifier: BSD-2-Clause */
/* The operator's way on after damage: segments that are damaged move to quarantine/, and the
 * manifest notes the gaps, before anything moves. Sound segments stay. Doing it again finishes what
 * was begun. */
#ifndef SLUICE_EDGE_RESULTS_QUARANTINE_H
#define SLUICE_EDGE_RESULTS_QUARANTINE_H

#include "edge/segment.h"
#include "edge/store.h"

struct results_quarantine {
	/* Called for each segment that is damaged (file set) or missing (file NULL). */
	void (*report)(void *context, __u64 number, const char *file, const char *why);
	void *context;
};

/* The store is open for writing. Returns how many segments were moved or noted as missing, or
 * -errno with store->problem. */
int results_quarantine_run(struct store *store, const struct results_quarantine *quarantine);

#endif
