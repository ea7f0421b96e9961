/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes results logs for tests, row by row, with the real writer. Failures end the test program. */
#ifndef SLUICE_TESTS_RESULTS_MAKER_H
#define SLUICE_TESTS_RESULTS_MAKER_H

#include "edge/results/results_log.h"

struct results_maker {
	char path[PATH_MAX];
	struct store store;
	struct uring *uring;
	struct results_log *log;
	const struct window_spec *windows;
	__u32 window_count;
	bool completes; /* a complete record follows each rows record; false at first */
};

/* A new empty directory below $TMPDIR or /tmp; and its end. */
void results_maker_directory(char path[PATH_MAX]);
void results_maker_remove(const char *path);

/* Opens the store at `path` with a new epoch, opens the log and writes the schema. */
void results_maker_open(struct results_maker *maker, const char *path,
			const struct window_spec *windows, __u32 window_count, __u64 segment_bytes);
/* The same with options of one's own; store, uring and time are filled in. */
void results_maker_open_with(struct results_maker *maker, const char *path,
			     const struct window_spec *windows, __u32 window_count,
			     const struct results_log_options *options);
/* Orderly: all durable, the stop noted. */
void results_maker_close(struct results_maker *maker);
void results_maker_flush(struct results_maker *maker);

/* One rows record of `count` rows: values in the order of group_by, SLUICE_GROUP_FIELDS_MAX a row.
 * Fills in row_count and row_bytes of the head, and order and epoch where they are 0. Waits for
 * room. */
void results_maker_rows(struct results_maker *maker, const struct sluice_rows *head, __u32 count,
			const __u64 (*values)[SLUICE_GROUP_FIELDS_MAX],
			const struct sluice_partial *partials);
/* One record of one row with count, records and sum; min and max are `value`. */
void results_maker_row(struct results_maker *maker, const struct sluice_rows *head,
		       const __u64 values[SLUICE_GROUP_FIELDS_MAX], __u64 count, __s64 value);
/* A complete or final record; its positions count records that were made. */
void results_maker_emission(struct results_maker *maker, __u16 kind,
			    const struct sluice_emission *emission);

/* Any record as bytes, its prefix included. */
void results_maker_record(struct results_maker *maker, const void *record, size_t bytes);

#endif
