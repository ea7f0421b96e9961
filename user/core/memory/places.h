/* SPDX-License-Identifier: BSD-2-Clause */
/* Where in a table the slice of time of a number is: at home (number & mask), where the slices of a
 * stream mostly find room as they follow each other, or, when another slice is there, at one of as
 * many spare places. So what is far away in time takes nobody's place. */
#ifndef SLUICE_CORE_PLACES_H
#define SLUICE_CORE_PLACES_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

#define PLACES_NONE 0xffffffffu

struct places {
	__u32 mask;
	__u32 spare_count;	/* in use */
	__u32 spare_free;	/* first of those given back; 0: none */
	__u32 spare_touched;
	__u64 *taken;		/* by place: the number, its sign bit turned over; 0: free */
	__u32 *chain;		/* by home: its first spare place; 0: none */
	__u32 *next;		/* by spare place − (mask + 1) */
};

/* For `homes` slices, a power of two, and as many spare ones. -ENOMEM. */
int places_open(struct places *places, __u32 homes);
void places_close(struct places *places);

/* Places there are. */
static inline __u32 places_count(const struct places *places)
{
	return 2 * (places->mask + 1);
}

static inline __u64 places_stored(__s64 number)
{
	return (__u64)number ^ 1ull << 63;
}

__u32 places_find_spare(const struct places *places, __s64 number);

/* The place of a number, or PLACES_NONE. */
static inline __u32 places_find(const struct places *places, __s64 number)
{
	__u32 home = (__u32)number & places->mask;

	if (__builtin_expect(places->taken[home] == places_stored(number), 1))
		return home;
	return places->spare_count ? places_find_spare(places, number) : PLACES_NONE;
}

/* A place for a number that has none. PLACES_NONE: all are taken. */
__u32 places_take(struct places *places, __s64 number);
void places_give(struct places *places, __u32 place);

/* Whether those of the numbers from first to last that have no place would all find one. */
bool places_have_room(const struct places *places, __s64 first, __s64 last);

#endif
