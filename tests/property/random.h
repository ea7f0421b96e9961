/* SPDX-License-Identifier: BSD-2-Clause */
/* A small seeded generator (the published splitmix64 step): the same seed gives the same test on
 * every machine. Never used for anything but tests. */
#ifndef SLUICE_PROPERTY_RANDOM_H
#define SLUICE_PROPERTY_RANDOM_H

#include <stdbool.h>

#include "sluice/types.h"

struct random {
	__u64 state;
};

static inline __u64 random_next(struct random *random)
{
	__u64 bits = random->state += 0x9e3779b97f4a7c15ull;

	bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9ull;
	bits = (bits ^ bits >> 27) * 0x94d049bb133111ebull;
	return bits ^ bits >> 31;
}

/* 0 … bound − 1; bound at least 1. */
static inline __u64 random_below(struct random *random, __u64 bound)
{
	return random_next(random) % bound;
}

/* low … high, both included. */
static inline __s64 random_range(struct random *random, __s64 low, __s64 high)
{
	return low + (__s64)random_below(random, (__u64)(high - low) + 1);
}

static inline bool random_percent(struct random *random, unsigned int percent)
{
	return random_below(random, 100) < percent;
}

#endif
