/* SPDX-License-Identifier: BSD-2-Clause */
/* The keyed hash of all tables: rounds of 64 × 64 → 128-bit multiply and fold. One round is not
 * enough for structured keys (sequential ids bias it badly), so every word gets one and the end
 * another. The seed is secret, because senders choose the keys. */
#ifndef SLUICE_CORE_HASH_H
#define SLUICE_CORE_HASH_H

#include <linux/types.h>

struct hash_seed {
	__u64 in;	/* mixed into each word */
	__u64 multiply;	/* odd */
	__u64 out;
};

static inline __u64 hash_fold(__u64 a, __u64 b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (__u64)product ^ (__u64)(product >> 64);
}

/* Expands 64 secret bits into a seed (splitmix64 steps; Steele, Lea, Flood 2014). */
static inline struct hash_seed hash_seed_make(__u64 secret)
{
	__u64 part[3];

	for (int i = 0; i < 3; i++) {
		secret += 0x9E3779B97F4A7C15ull;
		part[i] = (secret ^ (secret >> 30)) * 0xBF58476D1CE4E5B9ull;
		part[i] = (part[i] ^ (part[i] >> 27)) * 0x94D049BB133111EBull;
		part[i] ^= part[i] >> 31;
	}
	return (struct hash_seed){ part[0], part[1] | 1, part[2] };
}

static inline __u64 hash_word(const struct hash_seed *seed, __u64 word)
{
	return hash_fold(hash_fold(word ^ seed->in, seed->multiply) ^ seed->out,
			 0xE7037ED1A0B428DBull);
}

static inline __u64 hash_words(const struct hash_seed *seed, const __u64 *words, unsigned int count)
{
	__u64 hash = seed->in;

	for (unsigned int i = 0; i < count; i++)
		hash = hash_fold(words[i] ^ hash, seed->multiply) + i;
	return hash_fold(hash ^ seed->out, 0xE7037ED1A0B428DBull);
}

#endif
