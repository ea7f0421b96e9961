/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules of include/sluice/ applied in user space to the bytes of a frame, as socket mode
 * will: what the program must come to as well. */
#ifndef SLUICE_TESTS_BPF_JUDGE_H
#define SLUICE_TESTS_BPF_JUDGE_H

#include "sluice/validate.h"

struct verdict {
	__u32 passed; /* enum sluice_passed; 0: a listener takes it */
	int listener;
	__u32 refused; /* enum sluice_outcome; 0: it is true */
	__u32 events;
	__u32 dropped;
};

/* Reads nothing outside of `frame`; `types` counts the records. */
void judge_frame(const __u8 *frame, __u32 frame_bytes, __u32 ifindex,
		 const struct sluice_config *config, struct sluice_types *types,
		 struct verdict *verdict);

#endif
