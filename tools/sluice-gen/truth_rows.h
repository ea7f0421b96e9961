/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of the truth: found by window, interval and group; each keeps all that its aggregates
 * need. */
#ifndef SLUICE_GEN_TRUTH_ROWS_H
#define SLUICE_GEN_TRUTH_ROWS_H

#include <stddef.h>
#include <stdio.h>

#include "core/window_spec.h"

#define TRUTH_IDENTITY_WORDS 5 /* event_id, source, epoch, sequence, index */

struct truth_event {
	__s64 time_ns;
	__u64 field[SLUICE_FIELD_VALUE]; /* by enum sluice_field */
	__s64 value;
	__u64 weight;
	__u64 identity[TRUTH_IDENTITY_WORDS];
};

/* How often each value was there; sorted and merged now and then. */
struct truth_weight {
	__u64 value;
	__u64 weight;
};

struct truth_bag {
	struct truth_weight *items;
	size_t count;
	size_t room;
};

struct truth_edges {
	struct truth_event first;
	struct truth_event last;
};

struct truth_events {
	struct truth_event *items;
	size_t count;
	size_t room;
};

struct truth_row {
	__s64 start_ns;
	__s64 end_ns;
	__u64 count;
	__u64 records;
	__int128 sum;
	__s64 min;
	__s64 max;
	struct truth_edges *edges; /* with first or last only */
	struct truth_bag *bags; /* by aggregate, where one needs a bag */
	struct truth_events *events; /* of a group whose sessions are not known yet */
	__u64 group[]; /* in the order of group_by */
};

struct truth_rows {
	const struct window_spec *window;
	struct truth_row **slots; /* open addressing; a power of two */
	size_t slot_count;
	size_t count;
	struct truth_chunk *chunks; /* memory of the rows */
};

void truth_rows_init(struct truth_rows *rows, const struct window_spec *window);
void truth_rows_clear(struct truth_rows *rows);

/* The row, made when it is new; NULL without memory. `group` has window->group_count values. */
struct truth_row *truth_rows_get(struct truth_rows *rows, __s64 start_ns, __s64 end_ns,
				 const __u64 *group);

/* One event into a row's aggregates. -ENOMEM. */
int truth_row_add(const struct truth_rows *rows, struct truth_row *row,
		  const struct truth_event *event);

/* Keeps an event for later. -ENOMEM. */
int truth_row_keep(struct truth_rows *rows, struct truth_row *row, const struct truth_event *event);

/* Sorts by value (signed for SLUICE_FIELD_VALUE) and merges equal ones. */
void truth_bag_merge(struct truth_bag *bag, __u8 field);

/* By time, then identity. */
int truth_event_compare(const struct truth_event *left, const struct truth_event *right);

/* All rows by (start, end, group); the caller frees. NULL without memory. */
struct truth_row **truth_rows_sort(const struct truth_rows *rows);

/* One line of JSON for a row. `config` knows the names. */
struct config;
void truth_row_print(const struct truth_rows *rows, const struct truth_row *row,
		     const struct config *config, FILE *out);

#endif
