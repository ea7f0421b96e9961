/* SPDX-License-Identifier: BSD-2-Clause */
/* What rows say to be missing: each cause by itself, against what is expected. */
#include <stdio.h>

#include "compare.h"

static const char *const cause_names[RESULT_CAUSES] = {
	[RESULT_SHED] = "shed",
	[RESULT_RING_FULL] = "ring_full",
	[RESULT_SOCKET_DROPPED] = "socket_dropped",
	[RESULT_REFUSED] = "refused",
	[RESULT_LATE] = "late",
	[RESULT_NO_PANE] = "no_pane",
	[RESULT_UPSTREAM] = "upstream",
};

void compare_add_late(const struct scenario *scenario, struct result *result)
{
	for (size_t i = 0; i < result->row_count; i++) {
		struct result_row *row = &result->row[i];
		__u64 late = 0;

		for (size_t j = 0; j < result->late_pane_count; j++) {
			const struct result_late_pane *pane = &result->late_pane[j];

			if (pane->window == row->identity.window &&
			    pane->start_ns >= row->identity.start_ns &&
			    pane->end_ns <= row->identity.end_ns)
				late += pane->records;
		}
		if (!result->late_pane_count || row->identity.window >= scenario->window_count)
			continue;
		row->missing.low[RESULT_LATE] = row->missing.high[RESULT_LATE] = late;
	}
}

bool compare_is_same_missing(const struct result_row *expected, const struct result_row *row,
			     char text[static 160])
{
	for (int i = 0; i < RESULT_CAUSES; i++) {
		__u64 low = expected->missing.low[i], high = expected->missing.high[i];

		if (row->missing.low[i] >= low && row->missing.low[i] <= high)
			continue;
		snprintf(text, 160, "misses %llu (%s), expected %llu to %llu", row->missing.low[i],
			 cause_names[i], low, high);
		return false;
	}
	if (expected->aggregated != RESULT_ANY && expected->aggregated != row->aggregated) {
		snprintf(text, 160, "has %llu records in its instance, expected %llu",
			 row->aggregated, expected->aggregated);
		return false;
	}
	if (!expected->missing.may_be_uncounted &&
	    expected->missing.is_uncounted != row->missing.is_uncounted) {
		snprintf(text, 160, "says %s", row->missing.is_uncounted ?
						       "that nobody can count what it misses" :
						       "to know what it misses");
		return false;
	}
	if (row->selected > row->offered) {
		snprintf(text, 160, "has a share above 1: %llu of %llu", row->selected,
			 row->offered);
		return false;
	}
	return true;
}
