/* SPDX-License-Identifier: BSD-2-Clause */
/* Differences of running totals in, one running total out. It reads nothing by itself. */
#include "engine/upstream.h"

static __u64 least(__u64 a, __u64 b)
{
	return a < b ? a : b;
}

void upstream_note(struct upstream *upstream, __u64 gaps, __u64 local)
{
	upstream->unexplained += local - upstream->local;
	upstream->local = local;
	if (gaps >= upstream->gaps) {
		__u64 opened = gaps - upstream->gaps;
		__u64 explained = least(opened, upstream->unexplained);

		upstream->unexplained -= explained;
		upstream->missing += opened - explained;
	} else {
		upstream->missing -= least(upstream->gaps - gaps, upstream->missing);
	}
	upstream->gaps = gaps;
}
