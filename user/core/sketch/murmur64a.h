/* SPDX-License-Identifier: BSD-2-Clause */
/* MurmurHash64A (Austin Appleby, public domain) of the 8 little-endian bytes of a value: the
 * hash that Redis's HyperLogLog uses. For 8 bytes it is a bijection, so a hash stands for its
 * value exactly. The seed is public: tables that senders can fill use it only where a long
 * probe is bounded. */
#ifndef SLUICE_CORE_MURMUR64A_H
#define SLUICE_CORE_MURMUR64A_H

#include "sluice/types.h"

#define MURMUR64A_SEED_REDIS 0xadc83b19ull

static inline __u64 murmur64a_u64(__u64 value, __u64 seed)
{
	const __u64 multiplier = 0xc6a4a7935bd1e995ull;
	__u64 word = value * multiplier;
	__u64 hash = seed ^ (sizeof(value) * multiplier);

	word ^= word >> 47;
	hash ^= word * multiplier;
	hash *= multiplier;
	hash ^= hash >> 47;
	hash *= multiplier;
	return hash ^ hash >> 47;
}

#endif
