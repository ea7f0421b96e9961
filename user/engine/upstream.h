/* SPDX-License-Identifier: BSD-2-Clause */
/* What was lost before this host, by listener: gaps in sequence numbers come in, and what was lost
 * here or dropped by a rule, which leaves gaps too; the rest is upstream. An estimate: what is lost
 * here explains as many gaps of its listener, now or later. */
#ifndef SLUICE_ENGINE_UPSTREAM_H
#define SLUICE_ENGINE_UPSTREAM_H

#include "sluice/types.h"

/* One listener; zeroed at first. In datagrams. */
struct upstream {
	__u64 gaps, local;	/* at the last note */
	__u64 unexplained;	/* lost here, and not seen as a gap yet */
	__u64 missing;		/* the estimate */
};

/* Running totals: `gaps` was read before `local`, so that no loss here is seen as a gap first. Gaps
 * that were filled since take back what they had added. */
void upstream_note(struct upstream *upstream, __u64 gaps, __u64 local);

#endif
