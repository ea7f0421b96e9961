/* SPDX-License-Identifier: BSD-2-Clause */
/* The operator's way on after damage: what a reader finds damaged moves to quarantine/, and the
 * manifest notes the numbers that are given up, before anything moves. Sound segments stay. Doing
 * it again finishes what was begun. */
#ifndef SLUICE_EDGE_RESULTS_QUARANTINE_H
#define SLUICE_EDGE_RESULTS_QUARANTINE_H

#include "edge/log/log_reader.h"
#include "edge/store/store.h"

enum results_quarantine_fate {
	RESULTS_QUARANTINE_MOVED, /* to `to` in quarantine/ */
	RESULTS_QUARANTINE_MISSING, /* noted: there is no file of these numbers */
	RESULTS_QUARANTINE_ACTIVE, /* left: the agent that runs is writing it */
};

struct results_quarantine {
	/* `to`: its name in quarantine/, with RESULTS_QUARANTINE_MOVED. */
	void (*report)(void *context, enum results_quarantine_fate fate,
		       const struct log_damage *damage, const char *to);
	void *context;
};

/* With a store opened for writing, or, while an agent runs, for reading: then the segment that is
 * being written is left alone. Returns how many were moved or noted as missing, or -errno with
 * store->problem. */
int results_quarantine_run(struct store *store, const struct results_quarantine *quarantine);

#endif
