/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Internet checksums (RFC 1071): sums of 16-bit words as they lie in memory, whatever the order of
 * their bytes. A sum here is any number that is the same modulo 65535 (and 0 only if all words
 * are), so wider words may be added as they are, and fields at even places by their value. */
#ifndef SLUICE_CHECKSUM_H
#define SLUICE_CHECKSUM_H

#include "sluice/both_sides.h"
#include "sluice/types.h"

SLUICE_INLINE __u64 sluice_sum_word(__u64 sum, __u64 word)
{
	return sum + (__u32)word + (word >> 32);
}

SLUICE_INLINE __u16 sluice_sum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)sum;
}

/* What the kernel's helper sums at a time, in Linux 6.1. */
#define SLUICE_SUM_BYTES 512

#ifdef __bpf__
/* Of at most SLUICE_SUM_BYTES, a multiple of 4. */
SLUICE_INLINE __u64 sluice_sum(const void *bytes, __u32 count)
{
	return (__u32)bpf_csum_diff(0, 0, (__be32 *)bytes, count, 0);
}
#else
/* Of any number of bytes; behind an odd one follows a 0. */
SLUICE_INLINE __u64 sluice_sum(const void *bytes, __u32 count)
{
	const __u8 *at = (const __u8 *)bytes;
	__u64 sum = 0, word;

	for (; count >= sizeof(word); count -= (__u32)sizeof(word), at += sizeof(word)) {
		__builtin_memcpy(&word, at, sizeof(word));
		sum = sluice_sum_word(sum, word);
	}
	word = 0;
	__builtin_memcpy(&word, at, count);
	return sluice_sum_word(sum, word);
}
#endif

#endif
