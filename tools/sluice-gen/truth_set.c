/* SPDX-License-Identifier: BSD-2-Clause */
/* Open addressing, at most half full. */
#include "truth_set.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct truth_set_item {
	__u64 words[TRUTH_SET_WORDS];
	bool is_used;
};

struct truth_map_item {
	__u64 source;
	__s64 time_ns;
	bool is_used;
};

static size_t mix(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * 0xBF58476D1CE4E5B9ull;
	return (size_t)(hash ^ (hash >> 31));
}

static struct truth_set_item *find(const struct truth_set *set, const __u64 words[TRUTH_SET_WORDS])
{
	size_t at = 0x1234567;

	for (int i = 0; i < TRUTH_SET_WORDS; i++)
		at = mix(at, words[i]);
	for (at &= set->room - 1; set->items[at].is_used; at = (at + 1) & (set->room - 1))
		if (!memcmp(set->items[at].words, words, sizeof(set->items[at].words)))
			break;
	return &set->items[at];
}

static int set_grow(struct truth_set *set)
{
	struct truth_set larger = { .room = set->room ? set->room * 2 : 1024, .count = set->count };

	larger.items = calloc(larger.room, sizeof(*larger.items));
	if (!larger.items)
		return -ENOMEM;
	for (size_t i = 0; i < set->room; i++)
		if (set->items[i].is_used)
			*find(&larger, set->items[i].words) = set->items[i];
	free(set->items);
	*set = larger;
	return 0;
}

int truth_set_add(struct truth_set *set, const __u64 words[TRUTH_SET_WORDS])
{
	struct truth_set_item *item;

	if (set->count * 2 >= set->room && set_grow(set))
		return -ENOMEM;
	item = find(set, words);
	if (item->is_used)
		return 0;
	memcpy(item->words, words, sizeof(item->words));
	item->is_used = true;
	set->count++;
	return 1;
}

void truth_set_clear(struct truth_set *set)
{
	free(set->items);
	memset(set, 0, sizeof(*set));
}

static struct truth_map_item *map_find(const struct truth_map *map, __u64 source)
{
	size_t at = mix(0x7654321, source) & (map->room - 1);

	while (map->items[at].is_used && map->items[at].source != source)
		at = (at + 1) & (map->room - 1);
	return &map->items[at];
}

__s64 *truth_map_get(const struct truth_map *map, __u64 source)
{
	struct truth_map_item *item;

	if (!map->room)
		return NULL;
	item = map_find(map, source);
	return item->is_used ? &item->time_ns : NULL;
}

static int map_grow(struct truth_map *map)
{
	struct truth_map larger = { .room = map->room ? map->room * 2 : 64, .count = map->count };

	larger.items = calloc(larger.room, sizeof(*larger.items));
	if (!larger.items)
		return -ENOMEM;
	for (size_t i = 0; i < map->room; i++)
		if (map->items[i].is_used)
			*map_find(&larger, map->items[i].source) = map->items[i];
	free(map->items);
	*map = larger;
	return 0;
}

int truth_map_raise(struct truth_map *map, __u64 source, __s64 time_ns)
{
	struct truth_map_item *item;

	if (map->count * 2 >= map->room && map_grow(map))
		return -ENOMEM;
	item = map_find(map, source);
	if (!item->is_used) {
		*item = (struct truth_map_item){ source, time_ns, true };
		map->count++;
	} else if (time_ns > item->time_ns) {
		item->time_ns = time_ns;
	}
	return 0;
}

__s64 truth_map_min(const struct truth_map *map)
{
	__s64 least = INT64_MAX;

	for (size_t i = 0; i < map->room; i++)
		if (map->items[i].is_used && map->items[i].time_ns < least)
			least = map->items[i].time_ns;
	return map->count ? least : INT64_MIN;
}

void truth_map_clear(struct truth_map *map)
{
	free(map->items);
	memset(map, 0, sizeof(*map));
}
