/* SPDX-License-Identifier: BSD-2-Clause */
/* What is missing, collected once a tick: the kernel's counters, gaps in sequences and what the
 * streams found go in; losses by event time and window come out. What was lost here leaves gaps in
 * sequences too, and is not charged twice. It reads no counter and no clock. */
#ifndef SLUICE_ENGINE_MISSING_H
#define SLUICE_ENGINE_MISSING_H

#include "config/config.h"
#include "core/emit/losses.h"
#include "core/source/sources.h"
#include "engine/control/account.h"

/* Of one tick; more are united. */
#define MISSING_LOSSES_MAX 2048u
/* … and of gaps that filled; more stay missing. */
#define MISSING_FILLED_MAX 512u
/* What was lost here explains gaps that show within one to two of these: a source that sends again
 * shows its gap at once. */
#define MISSING_EXPLAINS_NS 10000000000ll

/* Datagrams of a listener that were lost here, or dropped by a rule, and are not seen as a gap
 * yet. */
struct missing_unseen {
	__u64 datagrams;
	__u64 before;		/* of the period before: forgotten with this one */
};

struct missing {
	const struct config *config;	/* filled in before the first call */
	bool has_reading;
	struct account_kernel kernel;	/* the last reading, and when it was */
	__s64 kernel_ns;
	__s64 period_ns;		/* when the period of `unseen` began */
	struct missing_unseen unseen[SLUICE_LISTENERS_MAX];
	__s64 upstream_datagrams;	/* lost before this host, since the start, … */
	__s64 upstream_settled;		/* … and not turned up in the tick after */
	__u32 filled_before;		/* of these, told by the tick before */
	__u32 filled_count;		/* gaps that fill: told a tick behind what opened them */
	struct loss filled[MISSING_FILLED_MAX];
	struct sluice_missing total[SLUICE_WINDOWS_MAX]; /* since the start; without late */
	struct losses losses;		/* of this tick */
	struct loss memory[MISSING_LOSSES_MAX];
};

/* `config` must outlive it. */
void missing_open(struct missing *missing, const struct config *config);

/* The reading that the first tick is compared with, as of `now_ns`. */
void missing_set_baseline(struct missing *missing, const struct account_kernel *kernel,
			  __s64 now_ns);

/* A tick: forgets the losses of the one before. `watermark_ns` by window, as of that one: what was
 * lost since may belong to any window in time that was not closed then. */
void missing_begin(struct missing *missing, const struct account_kernel *kernel, __s64 now_ns,
		   const __s64 *watermark_ns);

/* Datagrams that no worker ever saw, by their sequences; after missing_begin() with a reading that
 * is younger than what the workers saw. */
void missing_add_gap(struct missing *missing, const struct source_gap_note *note);

/* All gaps of the tick are told: those that filled by the tick before are taken back. */
void missing_end(struct missing *missing);

/* What a stream found missing. */
void missing_add(struct missing *missing, const struct loss *loss);

/* Datagrams lost before this host, since the start. Workers overtake one another: what only the
 * last tick misses may turn up. */
static inline __u64 missing_upstream(const struct missing *missing)
{
	__s64 datagrams = missing->upstream_settled < missing->upstream_datagrams
				  ? missing->upstream_settled
				  : missing->upstream_datagrams;

	return datagrams > 0 ? (__u64)datagrams : 0;
}

#endif
