/* SPDX-License-Identifier: BSD-2-Clause */
/* The yardstick of everything at once: for each event, in tables of fixed size, the kinds of work
 * that three windows do. Parse; drop repeated ids; count, sum, min and max by key; distinct keys by
 * dim0; quantiles of the value by type. Left out: windows and panes, watermarks, sources, late
 * events, filters, growth, bounds, emission. Emptying the tables is not part of a pass. */
#ifndef BENCH_BARE_EVERYTHING_H
#define BENCH_BARE_EVERYTHING_H

#include "dataset.h"

struct bare_everything;

/* Room for what one pass over the data set brings. Without ids in the events, none are looked up.
 * NULL: no memory. */
struct bare_everything *bare_everything_open(const struct dataset *set, __u64 groups);
void bare_everything_close(struct bare_everything *loop);

/* Forgets everything: the next pass is a new second. */
void bare_everything_reset(struct bare_everything *loop);

/* Takes in every event of the datagrams from `begin` to `end`. What repeats is in the sketches, but
 * not in the groups. */
void bare_everything_add(struct bare_everything *loop, const struct dataset *set, __u32 begin,
			 __u32 end);

/* Events that the last pass lacks or has too often, in each of its tables; a wrong sum, and an
 * estimate of distinct keys that is more than 5 % off, are one more each. */
double bare_everything_unaccounted(const struct bare_everything *loop, const struct dataset *set);

#endif
