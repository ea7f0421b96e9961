/* SPDX-License-Identifier: BSD-2-Clause */
/* The yardstick of the in-process measurements: parse, hash, one table of fixed size, and nothing
 * else. No windows, watermarks, sources, filters, growth or bounds: what remains between it and the
 * engine is the price of those. */
#ifndef BENCH_BARE_LOOP_H
#define BENCH_BARE_LOOP_H

#include "dataset.h"

struct bare_loop;

/* Room for `groups` groups. NULL: no memory. */
struct bare_loop *bare_loop_open(__u64 groups);
void bare_loop_close(struct bare_loop *loop);

/* Forgets all groups. */
void bare_loop_reset(struct bare_loop *loop);

/* Aggregates every event of the data set by key: count, sum, min, max. */
void bare_loop_run(struct bare_loop *loop, const struct dataset *set);

/* Groups now, and the sums over them, to be checked against what went in. */
__u64 bare_loop_groups(const struct bare_loop *loop);
void bare_loop_totals(const struct bare_loop *loop, __u64 *count, __u64 *sum);

#endif
