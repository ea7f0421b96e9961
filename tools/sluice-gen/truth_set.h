/* SPDX-License-Identifier: BSD-2-Clause */
/* Exact sets of number triples and a map from sources to times, as large as memory. Nothing is
 * forgotten. */
#ifndef SLUICE_GEN_TRUTH_SET_H
#define SLUICE_GEN_TRUTH_SET_H

#include <stddef.h>

#include <linux/types.h>

#define TRUTH_SET_WORDS 3

struct truth_set {
	struct truth_set_item *items;
	size_t room; /* a power of two */
	size_t count;
};

/* 1 when it was not there yet, 0 when it was, -ENOMEM. Zeroed is empty. */
int truth_set_add(struct truth_set *set, const __u64 words[TRUTH_SET_WORDS]);
void truth_set_clear(struct truth_set *set);

/* source → largest event time */
struct truth_map {
	struct truth_map_item *items;
	size_t room;
	size_t count;
};

/* The time of a source, NULL when it is not known. */
__s64 *truth_map_get(const struct truth_map *map, __u64 source);

/* Makes a source known, or its time later. -ENOMEM. */
int truth_map_raise(struct truth_map *map, __u64 source, __s64 time_ns);

/* The smallest time of all sources; INT64_MIN when there are none. */
__s64 truth_map_min(const struct truth_map *map);
void truth_map_clear(struct truth_map *map);

#endif
