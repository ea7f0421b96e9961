/* SPDX-License-Identifier: BSD-2-Clause */
/* What is missing, collected once a tick: the kernel's counters, gaps in sequences and what the
 * streams found go in; losses by event time and window come out. What was lost here leaves gaps in
 * sequences too, and is not charged twice. It reads no counter and no clock. */
#ifndef SLUICE_ENGINE_MISSING_H
#define SLUICE_ENGINE_MISSING_H

#include "config/config.h"
#include "core/losses.h"
#include "engine/account.h"
#include "engine/upstream.h"

/* Of one tick; more are united. */
#define MISSING_LOSSES_MAX 2048u

struct missing {
	const struct config *config;	/* filled in before the first call */
	bool has_reading;
	struct account_kernel kernel;	/* the last reading, and when it was */
	__s64 kernel_ns;
	struct upstream upstream[SLUICE_LISTENERS_MAX];
	struct sluice_missing total[SLUICE_WINDOWS_MAX]; /* since the start; without late */
	struct losses losses;		/* of this tick */
	struct loss memory[MISSING_LOSSES_MAX];
};

/* `config` must outlive it. */
void missing_open(struct missing *missing, const struct config *config);

/* The reading that the first tick is compared with, taken at `now_ns`. */
void missing_set_baseline(struct missing *missing, const struct account_kernel *kernel,
			  __s64 now_ns);

/* A tick: forgets the losses of the one before. `watermark_ns` by window, as of that one: what was
 * lost since may belong to any window in time that was not closed then. `gaps` by listener, running
 * totals of datagrams, read before `kernel`. */
void missing_begin(struct missing *missing, const struct account_kernel *kernel, __s64 now_ns,
		   const __s64 *watermark_ns, const __u64 *gaps);

/* What a stream or a source found missing. */
void missing_add(struct missing *missing, const struct loss *loss);

#endif
