/* SPDX-License-Identifier: BSD-2-Clause */
/* Seeded random numbers for what is made before sending: one state, one sequence, any machine. */
#ifndef SLUICE_GEN_RANDOM_H
#define SLUICE_GEN_RANDOM_H

#include "plan.h"

struct random_state {
	__u64 seed;
	__u64 drawn;
};

static inline __u64 random_next(struct random_state *state)
{
	return plan_hash(state->seed ^ 0x53484150ull, state->drawn++);
}

/* Uniform in [0, below); below ≥ 1. */
static inline __u64 random_below(struct random_state *state, __u64 below)
{
	return (__u64)((unsigned __int128)random_next(state) * below >> 64);
}

/* Uniform in (0, 1). */
static inline double random_unit(struct random_state *state)
{
	return ((double)(random_next(state) >> 11) + 0.5) / 9007199254740992.0;
}

#endif
