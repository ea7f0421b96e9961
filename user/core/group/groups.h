/* SPDX-License-Identifier: BSD-2-Clause */
/* The dictionary of groups: key words → id. Ids are small and dense, so that the panes of all
 * windows with this group_by are plain columns indexed by id. An id lives while some pane refers to
 * it, and idle for about as long again, as most keys come again.
 *
 * The index is lines of eight words (tag | id + 1), one cache line each. The home line is the low
 * bits of the tag, so the index can be split without looking at keys; it grows a few lines at a
 * time. */
#ifndef SLUICE_CORE_GROUPS_H
#define SLUICE_CORE_GROUPS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/memory/chunks.h"
#include "base/hash.h"
#include "sluice/disk_format.h"

#define GROUPS_LINE_WORDS 8
#define GROUPS_NONE 0xffffffffu
_Static_assert(GROUPS_LINE_WORDS * sizeof(__u64) == 64, "a line is a cache line");
/* A word of this value was in use when its line was full: probes go on behind it. */
#define GROUPS_TOMBSTONE 0xffffffffull
/* Lines behind the last home line, so that a probe need not wrap around. */
#define GROUPS_LINES_SPARE 64u

/* Keys of one word below this have their ids in a table too, as types and codes mostly are. */
#define GROUPS_DIRECT 4096u

/* Distance of entries: the key words, and the use of the id. */
#define GROUPS_ENTRY_WORDS(key_words) ((size_t)(key_words) + 1)
/* A use: the panes that refer to the id, 32 bits; whether one began to since the last sweep; and a
 * stamp that is the owner's (presence.h), 31 bits. */
#define GROUPS_USE_RECENT (1ull << 32)
#define GROUPS_USE_STAMP_SHIFT 33
#define GROUPS_USE_NONE (~0ull) /* the id has been forgotten */
/* Keys added between two steps, at most. */
#define GROUPS_STEP_ADDS 256u

struct groups_index {
	__u64 *words; /* GROUPS_LINE_WORDS a line */
	__u32 mask; /* home lines − 1 */
};

struct groups {
	struct groups_index now;
	struct groups_index next; /* being filled while the index grows */
	__u32 migrated; /* home lines of `now` below this have moved to `next` */
	bool is_growing;
	__u32 words_used; /* of `now`, tombstones included */
	__u32 next_used;
	__u32 key_words;
	__u32 capacity; /* ids */
	__u32 count; /* ids in use, idle ones included */
	__u32 idle_count; /* … that no pane refers to */
	__u32 idle_max; /* with more ids in use than these, none stays idle */
	__u32 hand; /* next id of the sweep */
	__u64 made_idle; /* ids that the hand still has to look at for them */
	__u32 ids_touched;
	__u32 free_count;
	__u32 *free;
	__u64 *entries; /* an id: key_words, then its use */
	__u32 *direct; /* id + 1 by key; NULL when keys have more words */
	__u32 direct_count;
	struct hash_seed seed;
	/* Whether an id that nothing refers to is needed still; NULL: none is. */
	bool (*is_needed)(const void *owner, __u32 id);
	const void *owner;
	__u64 *index_memory[2]; /* `now` and `next` change places */
	size_t index_wanted[2]; /* bytes of them that are in use, or will be next */
	__u32 lines_max;
};

/* -ENOMEM. Room for `capacity` ids of `key_words` words. */
int groups_open(struct groups *groups, __u32 key_words, __u32 capacity, __u64 hash_seed);
void groups_close(struct groups *groups);

/* The top bit is always set: no tag is that of a free or dead word. */
static inline __u32 groups_tag_of(__u64 hash)
{
	return (__u32)hash | 0x80000000u;
}

static inline __u32 groups_tag(const struct groups *groups, const __u64 *key)
{
	return groups_tag_of(groups->key_words == 1
				     ? hash_word(&groups->seed, key[0])
				     : hash_words(&groups->seed, key, groups->key_words));
}

static inline const __u64 *groups_key(const struct groups *groups, __u32 id)
{
	return groups->entries + id * GROUPS_ENTRY_WORDS(groups->key_words);
}

/* 0 when they are the same; without a branch a word. */
static inline __u64 groups_key_difference(const __u64 *a, const __u64 *b, __u32 key_words)
{
	__u64 difference = a[0] ^ b[0];

	for (__u32 w = 1; w < key_words; w++)
		difference |= a[w] ^ b[w];
	return difference;
}

static inline bool groups_has_key(const struct groups *groups, __u32 id, const __u64 *key)
{
	return groups_key_difference(groups_key(groups, id), key, groups->key_words) == 0;
}

/* Whether the table has every key there is. */
static inline bool groups_are_direct(const struct groups *groups)
{
	return groups->direct && groups->direct_count == groups->count;
}

/* The id of a key of one word by the table; GROUPS_NONE: not there, or not so small. */
static inline __u32 groups_find_direct(const struct groups *groups, __u64 key)
{
	return key < GROUPS_DIRECT ? groups->direct[key] - 1 : GROUPS_NONE;
}

/* First word of the home line of a tag, in whichever index holds it now. */
static inline __u64 *groups_home(const struct groups *groups, __u32 tag)
{
	const struct groups_index *index = &groups->now;

	if (__builtin_expect(groups->is_growing, 0) && (tag & index->mask) < groups->migrated)
		index = &groups->next;
	return index->words + (size_t)(tag & index->mask) * GROUPS_LINE_WORDS;
}

static inline __u64 *groups_use(const struct groups *groups, __u32 id)
{
	return groups->entries + id * GROUPS_ENTRY_WORDS(groups->key_words) + groups->key_words;
}

/* One more pane refers to the id of this use. It lies beside the key, which is looked at then,
 * too. */
static inline void groups_refer_use(struct groups *groups, __u64 *use)
{
	groups->idle_count -= (__u32)*use == 0;
	*use = (*use + 1) | GROUPS_USE_RECENT;
}

static inline void groups_refer(struct groups *groups, __u32 id)
{
	groups_refer_use(groups, groups_use(groups, id));
}

static inline __u32 groups_stamp(const __u64 *use)
{
	return (__u32)(*use >> GROUPS_USE_STAMP_SHIFT);
}

static inline void groups_set_stamp(__u64 *use, __u32 stamp)
{
	*use = (*use & ((1ull << GROUPS_USE_STAMP_SHIFT) - 1)) |
	       (__u64)stamp << GROUPS_USE_STAMP_SHIFT;
}

static inline __u32 groups_references(const struct groups *groups, __u32 id)
{
	return (__u32)*groups_use(groups, id);
}

/* The id of exactly this key, or GROUPS_NONE. */
__u32 groups_find(const struct groups *groups, const __u64 *key, __u32 tag);
/* Adds a key that is not there; its id has no references yet. GROUPS_NONE: no room. */
__u32 groups_add(struct groups *groups, const __u64 *key, __u32 tag);
/* One pane less refers to each of these ids: those without references are idle from now on, or
 * forgotten if there are many ids. */
void groups_release(struct groups *groups, const __u32 *ids, __u32 count);
/* Forgets those of these ids that no pane refers to: they were added, and then not needed. The
 * index lines of a call's ids are fetched together: many at a time cost little more than one. */
void groups_drop_unused(struct groups *groups, const __u32 *ids, __u32 count);

/* A bounded step of what is due: growth, `lines` of the index at most, to the next gap, and the
 * search for ids that have been idle for long. Called after GROUPS_STEP_ADDS keys at most, while
 * nobody holds an id that no pane refers to. `lines` is 16 and the keys added. */
void groups_step(struct groups *groups, __u32 lines);

/* What grows: index, entries. Any thread. */
#define GROUPS_AREAS 3
struct area groups_area(const struct groups *groups, unsigned int number);

/* Bytes in use, index and keys. */
__u64 groups_bytes(const struct groups *groups);

#endif
