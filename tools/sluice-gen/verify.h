/* SPDX-License-Identifier: BSD-2-Clause */
/* Compares the rows of an agent with the truth: as sets, by (window, start, end, group). */
#ifndef SLUICE_GEN_VERIFY_H
#define SLUICE_GEN_VERIFY_H

#include <stdbool.h>
#include <stdio.h>

#include <linux/types.h>

#define VERIFY_RESULTS_MAX 64

struct verify_options {
	const char *truth; /* path */
	const char *results[VERIFY_RESULTS_MAX]; /* paths, together one set */
	unsigned int result_count;
	const char *windows[VERIFY_RESULTS_MAX]; /* compare these only; none: all */
	unsigned int window_count;
	bool allows_open; /* rows that are not final count as well */
	__u64 limit; /* differences to print */
};

struct verify_totals {
	__u64 expected;
	__u64 found;
	__u64 missing; /* in the truth, not in the results */
	__u64 unexpected; /* the other way round */
	__u64 differing; /* in both, with another value */
	__u64 repeated; /* twice in the results */
	__u64 not_final; /* early, retracted, or open where that is not allowed */
	__u64 malformed; /* lines that are no rows */
};

/* Prints the first differences to `out`. 0 and *totals, or -errno when a file cannot be read. */
int verify_run(const struct verify_options *options, struct verify_totals *totals, FILE *out);

/* Whether everything is as it should be; of nothing that cannot be said. */
bool verify_is_equal(const struct verify_totals *totals);

#endif
