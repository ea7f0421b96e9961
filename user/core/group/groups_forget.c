/* SPDX-License-Identifier: BSD-2-Clause */
/* Forgets groups. Most keys of one pane come again in the next, so an id that no pane refers to
 * any more stays for a while: a hand goes round over the ids, one for each that becomes idle, and
 * forgets those that nothing referred to since it came last. */
#include <assert.h>

#include "core/group/groups_index.h"

/* Index lines that are fetched together. */
#define FORGET_AT_ONCE 256u
#define SWEEP_IDS_PER_LINE 16u

/* Ids on their way out. */
struct leaving {
	__u32 count;
	__u32 id[FORGET_AT_ONCE];
	__u32 tag[FORGET_AT_ONCE];
};

/* Forgets an id whose key has this tag. */
static void forget(struct groups *groups, __u32 id, __u32 tag)
{
	__u64 wanted = (__u64)tag << 32 | (id + 1);
	const struct groups_index *index = index_of(groups, tag);
	__u64 *word = groups_home(groups, tag), *end = index_end(index);
	__u64 key = groups_key(groups, id)[0], *line;

	while (word < end && *word != wanted)
		word++;
	assert(word < end);
	line = index->words + (size_t)(word - index->words) / GROUPS_LINE_WORDS * GROUPS_LINE_WORDS;
	if (line_has_gap(line)) {
		*word = 0;
		*(index == &groups->now ? &groups->words_used : &groups->next_used) -= 1;
	} else {
		*word = GROUPS_TOMBSTONE;
	}
	if (groups->direct && key < GROUPS_DIRECT) {
		groups->direct[key] = 0;
		groups->direct_count--;
	}
	*groups_use(groups, id) = GROUPS_USE_NONE;
	groups->free[groups->free_count++] = id;
	groups->idle_count--;
	groups->count--;
}

static void forget_all(struct groups *groups, struct leaving *leaving)
{
	for (__u32 k = 0; k < leaving->count; k++)
		forget(groups, leaving->id[k], leaving->tag[k]);
	leaving->count = 0;
}

static void add_leaving(struct groups *groups, struct leaving *leaving, __u32 id)
{
	__u32 tag = groups_tag(groups, groups_key(groups, id));

	if (groups->is_needed && groups->is_needed(groups->owner, id))
		return;
	if (leaving->count == FORGET_AT_ONCE)
		forget_all(groups, leaving);
	__builtin_prefetch(groups_home(groups, tag), 1, 2);
	leaving->id[leaving->count] = id;
	leaving->tag[leaving->count++] = tag;
}

void groups_drop_unused(struct groups *groups, const __u32 *ids, __u32 count)
{
	struct leaving leaving = { .count = 0 };

	for (__u32 i = 0; i < count; i++) {
		if (groups_references(groups, ids[i]) == 0)
			add_leaving(groups, &leaving, ids[i]);
	}
	forget_all(groups, &leaving);
}

static bool keeps_idle(const struct groups *groups)
{
	return groups->count <= groups->idle_max;
}

void groups_release(struct groups *groups, const __u32 *ids, __u32 count)
{
	__u32 idle = 0;

	for (__u32 i = 0; i < count; i++) {
		__u64 *use = groups_use(groups, ids[i]);

		assert((__u32)*use > 0 && *use != GROUPS_USE_NONE);
		(*use)--;
		idle += (__u32)*use == 0;
	}
	groups->idle_count += idle;
	groups->made_idle += idle;
	if (!keeps_idle(groups))
		groups_drop_unused(groups, ids, count);
}

/* Looks at the ids in [first, end). */
static void sweep(struct groups *groups, __u32 first, __u32 end)
{
	struct leaving leaving = { .count = 0 };
	bool keeps = keeps_idle(groups);

	for (__u32 id = first; id < end; id++) {
		__u64 *use = groups_use(groups, id);

		if (*use == GROUPS_USE_NONE || (__u32)*use)
			continue;
		if ((*use & GROUPS_USE_RECENT) && keeps)
			*use &= ~GROUPS_USE_RECENT;
		else
			add_leaving(groups, &leaving, id);
	}
	forget_all(groups, &leaving);
}

void groups_sweep(struct groups *groups, __u32 lines)
{
	__u64 ids = (__u64)lines * SWEEP_IDS_PER_LINE;

	if (groups->idle_count == 0)
		groups->made_idle = ids = 0;
	if (keeps_idle(groups) && ids > groups->made_idle)
		ids = groups->made_idle;
	groups->made_idle -= ids < groups->made_idle ? ids : groups->made_idle;
	while (ids > 0) {
		__u32 first = groups->hand, left = groups->ids_touched - first;
		__u32 count = ids < left ? (__u32)ids : left;

		sweep(groups, first, first + count);
		groups->hand = count == left ? 0 : first + count;
		ids -= count;
	}
}
