/* SPDX-License-Identifier: BSD-2-Clause */
/* Which share of the records of its listeners a window's `where` selects, by time of arrival:
 * running totals go in once a tick, their differences over about a stretch of time come out.
 * Bounded: the further back, the coarser. It reads no clock. */
#ifndef SLUICE_CORE_SHARE_H
#define SLUICE_CORE_SHARE_H

#include <linux/types.h>

#define SHARE_SAMPLES 256u

struct share {
	__u64 selected;
	__u64 offered;
};

struct share_sample {
	__s64 time_ns;
	struct share total;
};

struct share_history {
	__u32 count;
	struct share_sample sample[SHARE_SAMPLES];	/* by time */
};

/* Running totals at a time not before the one noted last. */
void share_note(struct share_history *history, __s64 time_ns, struct share total);

/* What lies between the last sample not behind `from_ns` and the first not before `to_ns`; where
 * that is nothing, all there ever was. */
struct share share_between(const struct share_history *history, __s64 from_ns, __s64 to_ns);

#endif
