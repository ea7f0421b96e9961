/* SPDX-License-Identifier: BSD-2-Clause */
/* A million groups by key, distinct keys by region and quantiles by type: three windows, as a user
 * would write them. Passes of the engine, rows and all, and of the bare loop are run in turns, so
 * that both see the same minutes of the machine; what either lacks is unaccounted. */
#ifndef BENCH_EVERYTHING_H
#define BENCH_EVERYTHING_H

#include "report.h"

/* Fills what the report shows beside its name: events a second. -errno. Event ids are asked for by
 * the window by key: what repeats is in the other two. */
int everything_measure(struct report *report);
/* … without, and without ids in the events. */
int everything_measure_plain(struct report *report);

#endif
