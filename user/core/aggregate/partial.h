/* SPDX-License-Identifier: BSD-2-Clause */
/* The mergeable aggregate of a group, in memory as on disk: opened, fed, merged. */
#ifndef SLUICE_CORE_PARTIAL_H
#define SLUICE_CORE_PARTIAL_H

#include <stdint.h>

#include "sluice/disk_format.h"

static inline void partial_open(struct sluice_partial *partial)
{
	*partial = (struct sluice_partial){ .min = INT64_MAX, .max = INT64_MIN };
}

/* Takes one event in. A weight of 0 means 1. */
static inline void partial_add(struct sluice_partial *partial, __s64 value, __u16 weight_sent)
{
	__s64 weight = weight_sent + (weight_sent == 0);
	unsigned __int128 sum = (unsigned __int128)partial->sum_high << 64 | partial->sum_low;

	sum += (unsigned __int128)((__int128)value * weight);
	partial->sum_low = (__u64)sum;
	partial->sum_high = (__u64)(sum >> 64);
	partial->count += (__u64)weight;
	partial->records += 1;
	partial->min = value < partial->min ? value : partial->min;
	partial->max = value > partial->max ? value : partial->max;
}

/* Merge is associative and commutative; partial_open() is its identity. */
static inline void partial_merge(struct sluice_partial *into, const struct sluice_partial *from)
{
	unsigned __int128 sum = (unsigned __int128)into->sum_high << 64 | into->sum_low;

	sum += (unsigned __int128)from->sum_high << 64 | from->sum_low;
	into->sum_low = (__u64)sum;
	into->sum_high = (__u64)(sum >> 64);
	into->count += from->count;
	into->records += from->records;
	into->min = from->min < into->min ? from->min : into->min;
	into->max = from->max > into->max ? from->max : into->max;
}

#endif
