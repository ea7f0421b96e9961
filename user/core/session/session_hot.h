/* SPDX-License-Identifier: BSD-2-Clause */
/* The hot path of sessions, for hot_batch.c alone: finds the slot of each event and fetches it, and
 * a little later prolongs it. Anything but a slot that grows forward in time is the rest, which
 * session_take.c takes when the batch is through: nothing depends on which of two events of a batch
 * comes first, unless both may be late, and those are all of the rest. */
#ifndef SLUICE_CORE_SESSION_HOT_H
#define SLUICE_CORE_SESSION_HOT_H

#include "core/stream/hot.h"
#include "core/session/session_state.h"

/* So many events are worked on between the fetch of a slot and its use. */
#define SESSION_DISTANCE 32u

/* What finding slots reads, in registers. */
struct session_finder {
	const struct session_chunk *chunk;
	unsigned char *base;
	size_t chunk_bytes;
	const struct groups *groups;
};

inline_always struct session_finder session_make_finder(const struct window *window)
{
	const struct sessions *sessions = window->sessions;

	return (struct session_finder){
		.chunk = sessions->chunk,
		.base = sessions->chunks.base,
		.chunk_bytes = sessions->chunks.chunk_bytes,
		.groups = &window->grouping->groups,
	};
}

inline_always void session_find_slot(const struct session_finder *finder, struct batch *batch,
				     __u32 i, const __u32 words, const bool fetches)
{
	__u32 id = batch->id[i], number;

	batch->row[i] = NULL;
	if (is_rare(id == GROUPS_NONE))
		return;
	number = finder->chunk[id >> CHUNK_ROWS_SHIFT].number;
	if (is_rare(number == CHUNK_NONE))
		return;
	batch->row[i] = finder->base + number * finder->chunk_bytes +
			(id & (CHUNK_ROWS - 1)) * sizeof(struct session_slot);
	if (fetches)
		__builtin_prefetch(batch->row[i], 1, 2);
	if (fetches && words > 1)
		__builtin_prefetch(groups_key(finder->groups, id), 0, 2);
}

/* What does not prolong its slot needs more. */
inline_always void session_fetch_more(const struct session_finder *finder,
				      const struct batch *batch, __u32 i)
{
	__u32 id = batch->id[i], row = id & (CHUNK_ROWS - 1);
	const unsigned char *memory;

	if (!batch->row[i])
		return;
	memory = batch->row[i] - row * sizeof(struct session_slot);
	__builtin_prefetch(memory + SESSION_DUE_OFFSET + row * sizeof(__s64), 1, 2);
	__builtin_prefetch(memory + SESSION_MORE_OFFSET + row * sizeof(struct session_more), 1, 2);
	__builtin_prefetch(groups_key(finder->groups, id), 1, 2);
}

/* The words of a key behind the first, which stands in the slot. */
inline_always bool session_has_words(const struct session_finder *finder, const struct batch *batch,
				     __u32 i, const __u32 words)
{
	const __u64 *stored = finder->groups->entries + batch->id[i] * GROUPS_ENTRY_WORDS(words);
	__u64 difference = 0;

	for (__u32 w = 1; w < words; w++)
		difference |= stored[w] ^ batch->word[w][i];
	return difference == 0;
}

inline_always void session_take_batch(struct stream *stream, struct window *window,
				      const __u64 *first_word, const __u32 words,
				      const bool selects, const bool fetches)
{
	const struct session_finder finder = session_make_finder(window);
	struct sessions *sessions = window->sessions;
	struct batch *batch = &stream->batch;
	const __u64 gap_ns = (__u64)sessions->gap_ns;
	const __s64 doubt_ns = sessions->doubt_ns;
	const bool has_extras = window->extras.count > 0;
	const __u32 count = batch->count, distance = fetches ? SESSION_DISTANCE : 0;
	__u32 aggregated = 0, unselected = 0, left = 0;
	__u16 rest[BATCH_EVENTS];

	for (__u32 j = 0; j < count + distance; j++) {
		__u32 i = j - distance;
		struct session_slot *slot;
		__s64 time_ns;

		if (j < count)
			session_find_slot(&finder, batch, j, words, fetches);
		if (j < distance)
			continue;
		if (selects && !(batch->selected[i] >> window->index & 1)) {
			unselected++;
			continue;
		}
		slot = (struct session_slot *)batch->row[i];
		time_ns = batch->time_ns[i];
		if (__builtin_expect(!slot || slot->key != first_word[i] ||
					     (__u64)(time_ns - slot->last_ns) > gap_ns ||
					     slot->partial.records == 0 || time_ns < doubt_ns ||
					     !session_has_words(&finder, batch, i, words),
				     0)) {
			rest[left++] = (__u16)i;
			if (fetches)
				session_fetch_more(&finder, batch, i);
			continue;
		}
		slot->last_ns = time_ns;
		partial_add(&slot->partial, batch->value[i], (__u16)(batch->type_weight[i] >> 16));
		aggregated++;
		if (is_rare(has_extras))
			sessions_add_extras(window, batch, i);
	}
	window->ledger.unselected += unselected;
	window->ledger.aggregated += aggregated;
	sessions->aggregated += aggregated;
	if (left)
		sessions_take_rest(stream, window, first_word, rest, left);
}

#endif
