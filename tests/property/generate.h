/* SPDX-License-Identifier: BSD-2-Clause */
/* Random scenarios from a seed: the same seed and options give the same scenario everywhere.
 * Streams have what real ones have: disorder, late and lying clocks, idle sources, restarts,
 * edge values. */
#ifndef SLUICE_PROPERTY_GENERATE_H
#define SLUICE_PROPERTY_GENERATE_H

#include "random.h"
#include "scenario.h"

struct generate_options {
	bool has_tumbling, has_sliding, has_session;	/* at least one */
	__u32 windows_max;		/* 1 … SLUICE_WINDOWS_MAX */
	__u32 datagrams;		/* about how many */
	bool has_lateness;		/* allowed_lateness, late: keep */
	bool has_early;
	bool has_event_ids;		/* events with ids, some twice, and windows that ask */
	bool has_sequence_repeats;	/* datagrams that come twice */
	bool has_exact_extras;		/* first, last */
	bool has_sketches;		/* distinct, quantiles, top */
	bool is_in_bound;		/* nothing is ever late: may be permuted */
	/* As streams mostly are: long datagrams, hardly any disorder, events that weigh one; a few
	 * groups with many different keys and values each, and windows that want all of it. */
	bool is_steady;
};

/* Fills an uninitialised scenario; its last tick is past everything, or it ends by an orderly
 * stop. */
void generate_scenario(struct scenario *scenario, __u64 seed,
		       const struct generate_options *options);

/* The same datagrams in another order of arrival, with ticks at other places and other workers.
 * Only for scenarios made with is_in_bound. */
void generate_permute(struct scenario *to, const struct scenario *from, __u64 seed);

/* Adds a random window to the scenario (generate_window.c). */
void generate_window(struct scenario *scenario, struct random *random,
		     const struct generate_options *options);

/* Rounds to run: `rounds` times SLUICE_PROPERTY_ROUNDS when that is set (a factor of at least
 * 1). */
__u64 generate_rounds(__u64 rounds);

/* The first seed: SLUICE_PROPERTY_SEED when set (then generate_rounds() is 1), else `seed`. */
__u64 generate_first_seed(__u64 seed);

#endif
