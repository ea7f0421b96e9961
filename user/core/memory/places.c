/* SPDX-License-Identifier: BSD-2-Clause */
/* Spare places hang in a chain at the home where they found no room: nearly always there are
 * none. */
#include "core/memory/places.h"

#include <assert.h>
#include <errno.h>

#include "base/memory.h"

int places_open(struct places *places, __u32 homes)
{
	*places = (struct places){ .mask = homes - 1 };
	places->taken = memory_reserve(2 * (size_t)homes * sizeof(*places->taken));
	places->chain = memory_reserve(homes * sizeof(*places->chain));
	places->next = memory_reserve(homes * sizeof(*places->next));
	if (places->taken && places->chain && places->next)
		return 0;
	places_close(places);
	return -ENOMEM;
}

void places_close(struct places *places)
{
	size_t homes = (size_t)places->mask + 1;

	memory_release(places->taken, 2 * homes * sizeof(*places->taken));
	memory_release(places->chain, homes * sizeof(*places->chain));
	memory_release(places->next, homes * sizeof(*places->next));
	*places = (struct places){ 0 };
}

static __u32 *next_of(const struct places *places, __u32 spare)
{
	return &places->next[spare - (places->mask + 1)];
}

__u32 places_find_spare(const struct places *places, __s64 number)
{
	__u32 place = places->chain[(__u32)number & places->mask];

	while (place && places->taken[place] != places_stored(number))
		place = *next_of(places, place);
	return place ? place : PLACES_NONE;
}

static __u32 take_spare(struct places *places, __u32 home)
{
	__u32 place = places->spare_free;

	if (place)
		places->spare_free = *next_of(places, place);
	else if (places->spare_touched <= places->mask)
		place = places->mask + 1 + places->spare_touched++;
	else
		return PLACES_NONE;
	*next_of(places, place) = places->chain[home];
	places->chain[home] = place;
	places->spare_count++;
	return place;
}

__u32 places_take(struct places *places, __s64 number)
{
	__u32 place = (__u32)number & places->mask;

	if (places->taken[place])
		place = take_spare(places, place);
	if (place != PLACES_NONE)
		places->taken[place] = places_stored(number);
	return place;
}

void places_give(struct places *places, __u32 place)
{
	__u32 home = (__u32)places->taken[place] & places->mask;
	__u32 *link = &places->chain[home];

	assert(places->taken[place]);
	places->taken[place] = 0;
	if (place <= places->mask)
		return;
	while (*link != place)
		link = next_of(places, *link);
	*link = *next_of(places, place);
	*next_of(places, place) = places->spare_free;
	places->spare_free = place;
	places->spare_count--;
}

bool places_have_room(const struct places *places, __s64 first, __s64 last)
{
	__u32 left = places->mask + 1 - places->spare_count;

	for (__s64 number = first; number <= last; number++) {
		__u32 home = (__u32)number & places->mask;

		/* Two new ones may want the same home. */
		if (places_find(places, number) != PLACES_NONE ||
		    (!places->taken[home] && number - first <= places->mask))
			continue;
		if (left-- == 0)
			return false;
	}
	return true;
}
