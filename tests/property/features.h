/* SPDX-License-Identifier: BSD-2-Clause */
/* Which parts of the engine are there to be tested. A test that needs one that is not is
 * skipped, and says so loudly. Turning a 0 into 1 is all it takes to enable its tests. */
#ifndef SLUICE_PROPERTY_FEATURES_H
#define SLUICE_PROPERTY_FEATURES_H

#include <stdio.h>

#define FEATURE_TUMBLING 1
#define FEATURE_WORKERS 1	/* stream_export, stream_import */
#define FEATURE_OVERFLOW 1	/* max_groups and the overflow group */
#define FEATURE_KEPT_CHECKED 1	/* records whose count of kept events lies are refused */
#define FEATURE_SLIDING 1
#define FEATURE_SESSION 1
#define FEATURE_LATENESS 1	/* allowed_lateness, revisions, late: keep */
#define FEATURE_EARLY 1
#define FEATURE_LATE_KEPT 1	/* the late side output */
#define FEATURE_EVENT_IDS 1	/* dedup: event_id */
#define FEATURE_SEQUENCES 1	/* datagrams that come twice */
#define FEATURE_FIRST_LAST 1
#define FEATURE_SKETCHES 1	/* distinct, quantiles, top */
/* Rules that the oracle has and the engine may lack: random streams then run by the older rule. */
#define FEATURE_TIME_RULES 1		/* set aside by max_lag, stuck clocks, never past now */
#define FEATURE_SEQUENCES_BY_SOURCE 1	/* a datagram counts once by whichever listener it came */
#define FEATURE_GROUPS_BY_WINDOW 1	/* max_groups holds for the window, not for each pane */
#define FEATURE_ORDER 1			/* what replaces what, early rows too */
#define FEATURE_COMPLETENESS 1		/* what rows miss, by cause and time */
#define FEATURE_GAPS 1			/* … gaps of sequences too */
#define FEATURE_EXCUSES 0		/* … and one refused for its time takes only its own off */
#define FEATURE_TAKE_BACK 0		/* … not more, where some were filled meanwhile */
#define FEATURE_REFUSED 1		/* … events that were refused for their time too */
#define FEATURE_REFUSED_EACH 0		/* … each by its own time, not by that of its datagram */
#define FEATURE_SESSION_RECORDS 0	/* rows of sessions have their own number of records */

/* First statement of a test (cmocka). */
#define FEATURE_REQUIRE(feature)                                                                   \
	do {                                                                                       \
		if (!(feature)) {                                                                  \
			fprintf(stderr, "### SKIPPED: %s: the engine has no " #feature             \
					" yet (tests/property/features.h)\n", __func__);           \
			skip();                                                                    \
		}                                                                                  \
	} while (0)

#endif
