/* SPDX-License-Identifier: BSD-2-Clause */
/* Index of the group dictionary. An entry sits in the first line with room from its home line on.
 * Growth moves runs of full lines as a whole, so an entry whose home has moved is found in `next`
 * and any other in `now`: a probe reads one index only. */
#include "core/group/groups.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "core/group/groups_index.h"

#define LINES_FIRST 1024u
/* Lines of more than the third-level caches hold. */
#define LINES_LARGE (1u << 19)

/* Grow above 9 of 16 words: full lines stay rare, probes stay one line long. A large index pays for
 * its size with every probe, so it bears a few more full lines. */
static __u32 words_max(__u32 lines)
{
	return lines / 16 * ((lines < LINES_LARGE ? 9u : 10u) * GROUPS_LINE_WORDS);
}

static size_t index_bytes(__u32 lines)
{
	return ((size_t)lines + GROUPS_LINES_SPARE) * GROUPS_LINE_WORDS * sizeof(__u64);
}

static __u32 lines_for(__u32 capacity)
{
	__u32 lines = LINES_FIRST;

	while (words_max(lines) < capacity)
		lines *= 2;
	return lines;
}

static size_t entry_bytes(const struct groups *groups)
{
	return GROUPS_ENTRY_WORDS(groups->key_words) * sizeof(__u64);
}

/* From here to the capacity are as many ids again, and two steps' more: adding them all takes steps
 * that look at every id. So none is idle when the last one is given out. */
static __u32 idle_max_for(__u32 capacity)
{
	return capacity / 2 > 2 * GROUPS_STEP_ADDS ? capacity / 2 - 2 * GROUPS_STEP_ADDS : 0;
}

/* The other index is where the entries go next, twice as many lines of it. */
static void want_index(struct groups *groups)
{
	__u32 lines = groups->now.mask + 1;
	unsigned int number = groups->now.words == groups->index_memory[1];
	__u32 more = lines < groups->lines_max ? lines * 2 : lines;

	__atomic_store_n(&groups->index_wanted[number], index_bytes(lines), __ATOMIC_RELAXED);
	__atomic_store_n(&groups->index_wanted[!number], index_bytes(more), __ATOMIC_RELAXED);
}

int groups_open(struct groups *groups, __u32 key_words, __u32 capacity, __u64 hash_seed)
{
	size_t ids = capacity;

	*groups = (struct groups){ .key_words = key_words, .capacity = capacity };
	groups->seed = hash_seed_make(hash_seed);
	groups->lines_max = lines_for(capacity) * 2;
	groups->index_memory[0] = memory_reserve(index_bytes(groups->lines_max));
	groups->index_memory[1] = memory_reserve(index_bytes(groups->lines_max));
	groups->entries = memory_reserve(entry_bytes(groups) * ids);
	groups->free = memory_reserve(ids * sizeof(__u32));
	if (key_words == 1)
		groups->direct = memory_reserve(GROUPS_DIRECT * sizeof(__u32));
	if (!groups->index_memory[0] || !groups->index_memory[1] || !groups->entries ||
	    !groups->free || (key_words == 1 && !groups->direct)) {
		groups_close(groups);
		return -ENOMEM;
	}
	memory_touch_first(groups->free, ids * sizeof(__u32));
	groups->idle_max = idle_max_for(capacity);
	groups->now = (struct groups_index){ groups->index_memory[0], LINES_FIRST - 1 };
	want_index(groups);
	return 0;
}

void groups_close(struct groups *groups)
{
	size_t ids = groups->capacity;

	memory_release(groups->index_memory[0], index_bytes(groups->lines_max));
	memory_release(groups->index_memory[1], index_bytes(groups->lines_max));
	memory_release(groups->entries, entry_bytes(groups) * ids);
	memory_release(groups->free, ids * sizeof(__u32));
	memory_release(groups->direct, GROUPS_DIRECT * sizeof(__u32));
	*groups = (struct groups){ 0 };
}

static bool is_key(const struct groups *groups, __u64 word, const __u64 *key)
{
	return word != 0 && word != GROUPS_TOMBSTONE &&
	       groups_has_key(groups, (__u32)word - 1, key);
}

__u32 groups_find(const struct groups *groups, const __u64 *key, __u32 tag)
{
	const __u64 *end = index_end(index_of(groups, tag));

	for (const __u64 *line = groups_home(groups, tag); line < end; line += GROUPS_LINE_WORDS) {
		for (int i = 0; i < GROUPS_LINE_WORDS; i++) {
			if (line[i] >> 32 == tag && is_key(groups, line[i], key))
				return (__u32)line[i] - 1;
		}
		if (line_has_gap(line))
			return GROUPS_NONE;
	}
	return GROUPS_NONE;
}

/* The first free or dead word from the home line on; NULL when even the spare lines are full. */
static __u64 *find_room(const struct groups_index *index, __u32 tag)
{
	__u64 *word = index->words + (size_t)(tag & index->mask) * GROUPS_LINE_WORDS;
	__u64 *end = index_end(index);

	while (word < end && *word != 0 && *word != GROUPS_TOMBSTONE)
		word++;
	return word < end ? word : NULL;
}

__u32 groups_add(struct groups *groups, const __u64 *key, __u32 tag)
{
	const struct groups_index *index = index_of(groups, tag);
	__u64 *room = find_room(index, tag), *entry;
	__u32 id;

	if (!room || groups->count == groups->capacity)
		return GROUPS_NONE;
	if (groups->words_used >= groups->now.mask * GROUPS_LINE_WORDS / 8 * 7 &&
	    !groups->is_growing)
		return GROUPS_NONE;
	if (*room == 0)
		*(index == &groups->now ? &groups->words_used : &groups->next_used) += 1;
	id = groups->free_count ? groups->free[--groups->free_count] : groups->ids_touched;
	if (id == groups->ids_touched)
		__atomic_store_n(&groups->ids_touched, id + 1, __ATOMIC_RELAXED);
	*room = (__u64)tag << 32 | (id + 1);
	entry = groups->entries + id * GROUPS_ENTRY_WORDS(groups->key_words);
	memcpy(entry, key, groups->key_words * sizeof(*key));
	entry[groups->key_words] = 0;
	groups->idle_count++;
	if (groups->direct && key[0] < GROUPS_DIRECT) {
		groups->direct[key[0]] = id + 1;
		groups->direct_count++;
	}
	groups->count++;
	return id;
}

static void start_growing(struct groups *groups)
{
	__u32 lines = groups->now.mask + 1;
	bool is_crowded = groups->count > words_max(lines) / 4 * 3;
	__u64 *other = groups->now.words == groups->index_memory[0] ? groups->index_memory[1]
								    : groups->index_memory[0];

	if (is_crowded && lines < groups->lines_max)
		lines *= 2;
	groups->next = (struct groups_index){ other, lines - 1 };
	groups->next_used = 0;
	groups->migrated = 0;
	groups->is_growing = true;
}

/* Moves one line of `now` and leaves it zeroed for its next use. True when it had a gap. */
static bool move_line(struct groups *groups, __u32 line_number)
{
	__u64 *line = groups->now.words + (size_t)line_number * GROUPS_LINE_WORDS;
	bool had_gap = line_has_gap(line);

	for (int i = 0; i < GROUPS_LINE_WORDS; i++) {
		__u64 *room;

		if (line[i] == 0 || line[i] == GROUPS_TOMBSTONE)
			continue;
		room = find_room(&groups->next, (__u32)(line[i] >> 32));
		assert(room);
		*room = line[i];
		groups->next_used++;
	}
	memset(line, 0, GROUPS_LINE_WORDS * sizeof(*line));
	return had_gap;
}

static void finish_growing(struct groups *groups)
{
	groups->now = groups->next;
	groups->words_used = groups->next_used;
	groups->is_growing = false;
	want_index(groups);
}

static void grow_step(struct groups *groups, __u32 lines)
{
	__u32 line_count = groups->now.mask + 1;
	__u32 line = groups->migrated, end;

	if (!groups->is_growing) {
		if (groups->words_used <= words_max(line_count))
			return;
		start_growing(groups);
		line = 0;
	}
	/* Stop only behind a gap: then nothing whose home has moved is left behind. */
	end = line + lines;
	while (line < line_count + GROUPS_LINES_SPARE) {
		bool had_gap = move_line(groups, line++);

		if (had_gap && line >= end && line < line_count)
			break;
	}
	groups->migrated = line < line_count ? line : line_count;
	if (line >= line_count)
		finish_growing(groups);
}

void groups_step(struct groups *groups, __u32 lines)
{
	grow_step(groups, lines);
	groups_sweep(groups, lines);
}

struct area groups_area(const struct groups *groups, unsigned int number)
{
	size_t ids = __atomic_load_n(&groups->ids_touched, __ATOMIC_RELAXED);

	if (number < 2)
		return (struct area){ groups->index_memory[number],
				      __atomic_load_n(&groups->index_wanted[number],
						      __ATOMIC_RELAXED) };
	return area_make(groups->entries, entry_bytes(groups) * ids,
			 entry_bytes(groups) * groups->capacity);
}

__u64 groups_bytes(const struct groups *groups)
{
	__u64 bytes = index_bytes(groups->now.mask + 1);

	if (groups->is_growing)
		bytes += index_bytes(groups->next.mask + 1);
	return bytes + (__u64)groups->ids_touched * (entry_bytes(groups) + sizeof(*groups->free));
}
