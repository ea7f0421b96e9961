/* SPDX-License-Identifier: BSD-2-Clause */
/* The causes of losses by number, and their counters in what a row says to be missing. */
#ifndef SLUICE_CORE_LOSS_CAUSE_H
#define SLUICE_CORE_LOSS_CAUSE_H

#include <stddef.h>

#include "sluice/disk_format.h"

/* In the order of SLUICE_MISSING. */
enum loss_cause {
#define SLUICE_FIELD(name, text) LOSS_##name,
	SLUICE_MISSING(SLUICE_FIELD)
#undef SLUICE_FIELD
	LOSS_CAUSES
};

/* The counter of a cause. */
static inline __u64 *losses_counter(struct sluice_missing *missing, unsigned int cause)
{
	return (__u64 *)missing + cause;
}

_Static_assert(offsetof(struct sluice_missing, flags) == LOSS_CAUSES * sizeof(__u64),
	       "the counters of sluice_missing are an array with names");

#endif
