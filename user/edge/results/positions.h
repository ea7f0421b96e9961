/* SPDX-License-Identifier: BSD-2-Clause */
/* From positions to LSNs: whoever writes a record knows how many came before it, but not its LSN,
 * because each segment begins with records of its own. Positions go in as batches are sealed; LSNs
 * come out for those that were. No I/O. */
#ifndef SLUICE_EDGE_POSITIONS_H
#define SLUICE_EDGE_POSITIONS_H

#include <stddef.h>

#include <linux/types.h>

#include "sluice/disk_format.h"

#define POSITIONS_MAX 1024u

struct positions {
	__u32 count;
	struct {
		__u64 from;	/* from this position on, up to the next: */
		__u64 shift;	/* LSN = position + shift */
	} stretch[POSITIONS_MAX];
};

/* A batch whose first record has this position got this LSN. In the order of both. */
void positions_note(struct positions *positions, __u64 position, __u64 lsn);

/* The LSN of a position that was noted; of an older one than is known, that of the oldest known. */
__u64 positions_lsn(const struct positions *positions, __u64 position);

/* Puts LSNs in the complete and final records of a batch's payload. */
void positions_resolve(const struct positions *positions, void *records, size_t bytes);

#endif
