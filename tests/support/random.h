/* SPDX-License-Identifier: BSD-2-Clause */
/* Repeatable random numbers for tests (splitmix64; Steele, Lea, Flood 2014). */
#ifndef SLUICE_TESTS_RANDOM_H
#define SLUICE_TESTS_RANDOM_H

#include "sluice/types.h"

static inline __u64 random_next(__u64 *state)
{
	__u64 z = (*state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/* 0 … limit − 1; the bias of the remainder does not matter here. */
static inline __u64 random_below(__u64 *state, __u64 limit)
{
	return random_next(state) % limit;
}

/* Puts `count` words in a random order. */
static inline void random_shuffle(__u64 *state, __u64 *words, __u32 count)
{
	for (__u32 i = count; i > 1; i--) {
		__u32 j = (__u32)random_below(state, i);
		__u64 word = words[i - 1];

		words[i - 1] = words[j];
		words[j] = word;
	}
}

#endif
