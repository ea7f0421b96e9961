/* SPDX-License-Identifier: BSD-2-Clause */
/* The properties every kind of window must have, for the test programs to apply to scenarios of
 * their own taste. A failure prints the seed and a scenario made small; SLUICE_PROPERTY_SEED=N
 * runs one seed, SLUICE_PROPERTY_ROUNDS=K runs K times as many. */
#ifndef SLUICE_PROPERTY_SUITE_H
#define SLUICE_PROPERTY_SUITE_H

#include "compare.h"
#include "drive.h"
#include "generate.h"
#include "oracle.h"

/* Once in main: names the seed when a sanitizer or an assertion ends the program. */
void suite_start(void);

/* Oracle and engine agree on one scenario. Returns differences, printed. */
size_t suite_judge(const struct scenario *scenario, const struct drive_options *drive,
		   unsigned int flags);

/* The same, failing the running cmocka test with the scenario made small. */
void suite_judge_or_fail(const struct scenario *scenario, const struct drive_options *drive,
			 unsigned int flags);

/* Each fails the running cmocka test when the property does not hold for some seed. */

/* The engine's rows, ledgers and watermarks are the oracle's, after every tick. */
void suite_random_streams(const struct generate_options *options, __u64 rounds, __u64 first_seed);
/* The rows in the end do not depend on when they are emitted. */
void suite_lazy_emission(const struct generate_options *options, __u64 rounds, __u64 first_seed);
/* Another order of arrival inside the bound gives the same rows; `options` get is_in_bound. */
void suite_permutations(const struct generate_options *options, __u64 rounds, __u64 first_seed);
/* 1, 2, 4 and 8 workers give the same rows, ledgers and watermarks. */
void suite_workers(const struct generate_options *options, __u64 rounds, __u64 first_seed);
/* The secret of the hash tables and the room of the writer are not seen in the rows. */
void suite_hidden_choices(const struct generate_options *options, __u64 rounds, __u64 first_seed);
/* A window among others gives what it gives alone. */
void suite_windows_alone(const struct generate_options *options, __u64 rounds, __u64 first_seed);
/* Nothing is held once the watermark has passed everything. */
void suite_empty_state(const struct generate_options *options, __u64 rounds, __u64 first_seed);

#endif
