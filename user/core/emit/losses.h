/* SPDX-License-Identifier: BSD-2-Clause */
/* What is known to be missing, by cause and event time: intervals with a number of records go in,
 * the sum over what overlaps a row's interval comes out. Bounded: when it is full, neighbours
 * become one longer interval, so that more rows say they miss something, and never fewer. It reads
 * no clock. */
#ifndef SLUICE_CORE_LOSSES_H
#define SLUICE_CORE_LOSSES_H

#include "core/record/loss_cause.h"
#include "sluice/disk_format.h"

/* Records that would have had a time from from_ns to to_ns, both included. */
struct loss {
	__s64 from_ns, to_ns;
	__s64 records;		/* below 0: so many turned up after all */
	__u32 window_mask;	/* windows that miss them */
	__u8 cause;		/* enum loss_cause */
	__u8 flags;		/* enum sluice_missing_flag */
};

struct losses {
	struct loss *loss;	/* by from_ns only roughly: in the order they came */
	__u32 count;
	__u32 capacity;
};

/* Takes `capacity` (at least 2 × LOSS_CAUSES) places, zeroed or not. */
void losses_open(struct losses *losses, struct loss *memory, __u32 capacity);

/* Loss of nothing that is not UNCOUNTED is ignored. What turned up is taken from what it was
 * counted in; where that is not known any more, it stays missing. */
void losses_add(struct losses *losses, const struct loss *loss);

/* Adds to *missing what windows of this mask miss of [start, end); start < end. */
void losses_sum(const struct losses *losses, __u32 window_mask, __s64 start_ns, __s64 end_ns,
		struct sluice_missing *missing);

/* Forgets what ended before this time for all windows of the mask. */
void losses_forget(struct losses *losses, __u32 window_mask, __s64 before_ns);

#endif
