/* SPDX-License-Identifier: BSD-2-Clause */
/* What a run of a scenario gives, by the oracle or by the engine: rows with every revision, closing
 * records, watermarks and ledgers, in one form so that they can be compared. */
#ifndef SLUICE_PROPERTY_RESULT_H
#define SLUICE_PROPERTY_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sluice/disk_format.h"
#include "sluice/ledger.h"

/* Which window, interval and group a row is about. Compared with memcmp: no padding, unused 0. */
struct result_identity {
	__u64 window;
	__u64 is_overflow;
	__s64 start_ns;
	__s64 end_ns;
	__u64 group[SLUICE_GROUP_FIELDS_MAX];	/* in the order of group_by */
};

struct result_top {
	__u64 value;
	__u64 count;
	__u64 error;
};

/* What one aggregate beyond the base partial says. */
struct result_aggregate {
	__u8 kind;		/* enum sluice_aggregate_kind; the base ones are not listed */
	bool is_exact;
	__s64 value;		/* first, last */
	double distinct;
	double quantile[SLUICE_QUANTILES_MAX];
	__u32 top_count;
	struct result_top top[64];
};

/* Causes of what is missing, by the names of the page. */
enum result_cause {
	RESULT_SHED,
	RESULT_RING_FULL,
	RESULT_SOCKET_DROPPED,
	RESULT_REFUSED,
	RESULT_LATE,
	RESULT_NO_PANE,
	RESULT_UPSTREAM,
	RESULT_CAUSES
};

#define RESULT_ANY UINT64_MAX	/* not compared */

/* What a row misses, in records. What is an estimate may be anything from low to high. */
struct result_missing {
	__u64 low[RESULT_CAUSES], high[RESULT_CAUSES];
	bool is_uncounted;	/* something that nobody can count */
	bool may_be_uncounted;
};

struct result_row {
	struct result_identity identity;
	__s32 revision;		/* −1: early */
	__s32 revision_max;	/* the oracle's: what a window-wide count of revisions would say */
	bool is_early;
	bool is_final;		/* flag of the row; closing records say it later */
	bool is_retracted;
	__u32 step;		/* of the scenario, when it came out */
	struct sluice_partial partial;
	__u64 order;		/* early rows: n; revision r: 2^32 + r */
	__u64 order_max;	/* the oracle's, as revision_max */
	__u64 aggregated;	/* records of the whole instance, as of this row */
	__u64 selected, offered;	/* the share of its where; 0 of 0: not known */
	struct result_missing missing;
	__u32 aggregate_count;
	struct result_aggregate *aggregate;	/* in the order of the window's aggregate list */
};

struct result_close {
	__u32 window;
	__u32 step;
	__s64 start_ns;
	__s64 end_ns;
	__s32 revision;
};

/* Events that came too late for every interval that holds this one. */
struct result_late_pane {
	__u64 window;
	__s64 start_ns, end_ns;
	__u64 records;
};

/* Rows of a window that are all there: at a step, of one [start, end) (of sessions: of any). */
struct result_emission {
	__u32 window;
	__u32 step;
	__s64 start_ns, end_ns;	/* sessions: INT64_MIN and the watermark */
	__u64 order;		/* sessions: 0 */
	__u64 rows;
	bool is_early;
};

/* An event in the late side output of a window. Compared with memcmp: no padding. */
struct result_late {
	__u64 window;
	struct sluice_late_event event;
};

struct result {
	size_t row_count;
	struct result_row *row;
	size_t close_count;
	struct result_close *close;
	size_t watermark_count;		/* one a tick and window: tick × windows + window */
	__s64 *watermark_ns;
	size_t late_count;
	struct result_late *late;
	size_t late_pane_count;
	struct result_late_pane *late_pane;
	size_t emission_count;
	struct result_emission *emission;
	__u64 groups_left;		/* what the engine still held at the end */
	__u64 panes_left;
	__u64 bytes_left;		/* of sketches */
	struct sluice_stream_ledger stream;
	struct sluice_window_ledger window[SLUICE_WINDOWS_MAX];
};

void result_clear(struct result *result);
struct result_row *result_add_row(struct result *result);
struct result_close *result_add_close(struct result *result);
struct result_late *result_add_late(struct result *result);
struct result_late_pane *result_add_late_pane(struct result *result);
struct result_emission *result_add_emission(struct result *result);
void result_add_watermark(struct result *result, __s64 watermark_ns);

/* Order of rows by identity alone: negative, 0 or positive. */
int result_compare(const struct result_row *a, const struct result_row *b);

/* Rows by identity, then revision, then step, early rows first; late events in an order of their
 * content. */
void result_sort(struct result *result);

/* The rows that hold at the end of `step`: of each identity the highest revision, early and
 * retracted ones left out. Sorts `result`; `view` gets copies and belongs to the caller, who frees
 * the array alone. Returns how many. */
size_t result_view(struct result *result, __u32 step, struct result_row **view);

/* One row in one line, to stdout. */
void result_print_row(const char *label, const struct result_row *row);

#endif
