/* SPDX-License-Identifier: BSD-2-Clause */
/* Ranks 1 … n with probability ∝ rank^−exponent, in constant memory: rejection-inversion after
 * Hörmann and Derflinger, "Rejection-inversion to generate variates from monotone discrete
 * distributions", 1996. */
#ifndef SLUICE_GEN_ZIPF_H
#define SLUICE_GEN_ZIPF_H

#include "random.h"

struct zipf {
	double exponent; /* above 0 */
	double count;
	double area_low; /* integral of the hat from its start … */
	double area_high; /* … to the end of the last rank */
	double squeeze;
};

/* count ≥ 1, exponent > 0. */
void zipf_init(struct zipf *zipf, __u64 count, double exponent);

__u64 zipf_draw(const struct zipf *zipf, struct random_state *random);

#endif
