/* SPDX-License-Identifier: BSD-2-Clause */
/* Judges one result by another: the oracle's against the engine's, or two runs of the engine.
 * Prints the first differences to stdout; a difference is never forgiven. */
#ifndef SLUICE_PROPERTY_COMPARE_H
#define SLUICE_PROPERTY_COMPARE_H

#include "features.h"
#include "result.h"
#include "scenario.h"

enum compare_flag {
	COMPARE_EVERY_STEP = 1 << 0,	/* what holds after each tick, not only in the end */
	COMPARE_FINAL = 1 << 1,		/* which rows are final in the end */
	COMPARE_LEDGER = 1 << 2,	/* every counter of the engine */
	COMPARE_WATERMARKS = 1 << 3,
	COMPARE_REVISIONS = 1 << 4,	/* the number of the last revision */
	COMPARE_LATE = 1 << 5,		/* the late side output, event by event */
	COMPARE_EARLY = 1 << 6,		/* early rows, step by step */
	COMPARE_ORDER = 1 << 7,		/* of rows and of early rows */
	COMPARE_MISSING = 1 << 8,	/* what the last revision of each row misses, by cause */
	COMPARE_ALL = ((1 << 7) - 1) | (FEATURE_ORDER ? COMPARE_ORDER : 0) |
		      (FEATURE_COMPLETENESS ? COMPARE_MISSING : 0),
};

/* Differences of `result` from what is `expected` (the oracle's when COMPARE_REVISIONS is on). */
size_t compare_results(const struct scenario *scenario, struct result *expected,
		       struct result *result, unsigned int flags);

/* Counts without printing, while a failure is made smaller. */
void compare_set_quiet(bool is_quiet);

/* The reader's part: a row's late events are those of the panes inside of it. */
void compare_add_late(const struct scenario *scenario, struct result *result);

/* Whether the row misses what is expected; says what does not fit. */
bool compare_is_same_missing(const struct result_row *expected, const struct result_row *row,
			     char text[static 160]);

/* Rules that hold for any result of the engine by itself: revisions of an identity rise, none is
 * given twice, nothing follows a final row, no row is about nothing, and the ledgers balance.
 * Returns violations. */
size_t compare_check_alone(const struct scenario *scenario, struct result *result);

#endif
