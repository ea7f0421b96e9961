/* SPDX-License-Identifier: BSD-2-Clause */
/* The slots of a table that are in use, by the number of the slice of time in each. They are added
 * nearly in order and removed oldest first, and both are meant to be cheap then. */
#ifndef SLUICE_CORE_SLOTS_H
#define SLUICE_CORE_SLOTS_H

#include <stddef.h>

#include <linux/types.h>

struct slot {
	__s64 number;
	__u32 index;		/* in the table */
};

struct slots {
	struct slot *memory;	/* twice the capacity, then as much again as scratch */
	__u32 capacity;
	__u32 first;
	__u32 count;
};

/* -ENOMEM. Room for `capacity` slots, each in use once. */
int slots_open(struct slots *slots, __u32 capacity);
void slots_close(struct slots *slots);

void slots_add(struct slots *slots, __s64 number, __u32 index);
/* One that is there. */
void slots_remove(struct slots *slots, __u32 index);
/* Oldest first. A pass over all, and one more for every doubling of the number of runs that they
 * are in. */
void slots_sort(struct slots *slots);

static inline __u32 slots_at(const struct slots *slots, __u32 i)
{
	return slots->memory[slots->first + i].index;
}

#endif
