/* SPDX-License-Identifier: BSD-2-Clause */
/* The hot path of sessions, for hot_batch.c alone: finds the slot of each event and fetches it,
 * then prolongs it. Anything but a slot that grows forward, in time, leaves to session_merge.c. */
#ifndef SLUICE_CORE_SESSION_HOT_H
#define SLUICE_CORE_SESSION_HOT_H

#include "core/session_state.h"

static inline __attribute__((always_inline)) void session_find_slots(struct window *window,
								     struct batch *batch,
								     const bool fetches)
{
	const struct sessions *sessions = window->sessions;
	const struct groups *groups = &window->grouping->groups;
	const struct session_chunk *chunk = sessions->chunk;
	unsigned char *base = sessions->chunks.base;
	size_t chunk_bytes = sessions->chunks.chunk_bytes;
	const __u32 count = batch->count;

	for (__u32 i = 0; i < count; i++) {
		__u32 id = batch->id[i], number;

		batch->row[i] = NULL;
		if (__builtin_expect(id == GROUPS_NONE, 0))
			continue;
		number = chunk[id >> CHUNK_ROWS_SHIFT].number;
		if (fetches)
			__builtin_prefetch(groups_key(groups, id), 0, 2);
		if (__builtin_expect(number == CHUNK_NONE, 0))
			continue;
		batch->row[i] = base + number * chunk_bytes +
				(id & (CHUNK_ROWS - 1)) * sizeof(struct session_slot);
		if (fetches)
			__builtin_prefetch(batch->row[i], 0, 2);
	}
}

/* True when the event is one more of the session in the slot, and at the same time or later. */
static inline __attribute__((always_inline)) bool session_prolongs(const struct session_slot *slot,
								   __s64 time_ns, __u64 gap_ns)
{
	__u64 first_ns = (__u64)slot->first_ns;

	return slot->partial.records != 0 &&
	       (__u64)time_ns - first_ns <= (__u64)slot->last_ns - first_ns + gap_ns;
}

/* The slots are there by now: what does not prolong one will need more. */
static inline __attribute__((always_inline)) void session_fetch_more(const struct window *window,
								     const struct batch *batch)
{
	const struct sessions *sessions = window->sessions;
	const __u64 gap_ns = (__u64)sessions->gap_ns;
	const __u32 count = batch->count;

	for (__u32 i = 0; i < count; i++) {
		const struct session_slot *slot = (const struct session_slot *)batch->row[i];
		__u32 id = batch->id[i], row = id & (CHUNK_ROWS - 1);
		const unsigned char *chunk;

		if (!slot || session_prolongs(slot, batch->time_ns[i], gap_ns))
			continue;
		chunk = (const unsigned char *)(slot - row);
		__builtin_prefetch(chunk + SESSION_DUE_OFFSET + row * sizeof(__s64), 1, 2);
		__builtin_prefetch(chunk + SESSION_MORE_OFFSET + row * sizeof(struct session_more),
				   1, 2);
		__builtin_prefetch(&sessions->chunk[id >> CHUNK_ROWS_SHIFT], 1, 2);
	}
}

static inline __attribute__((always_inline)) bool session_has_key(const struct groups *groups,
								  __u32 id, const __u64 *key,
								  const __u32 words)
{
	const __u64 *stored = groups->entries + id * GROUPS_ENTRY_WORDS(words);
	__u64 difference = stored[0] ^ key[0];

	for (__u32 w = 1; w < words; w++)
		difference |= stored[w] ^ key[w];
	return difference == 0;
}

/* Takes what is one more event of the session in the slot; the rest goes the long way. */
static inline __attribute__((always_inline)) void session_take_batch(struct stream *stream,
								     struct window *window,
								     const __u64 *first_word,
								     const __u32 words,
								     const bool selects)
{
	struct sessions *sessions = window->sessions;
	struct batch *batch = &stream->batch;
	const struct groups *groups = &window->grouping->groups;
	const __u64 gap_ns = (__u64)sessions->gap_ns;
	const __s64 doubt_ns = sessions->doubt_ns;
	const bool has_extras = window->extras.count > 0;
	const __u32 count = batch->count;
	__u64 aggregated = 0, unselected = 0;

	for (__u32 i = 0; i < count; i++) {
		struct session_slot *slot = (struct session_slot *)batch->row[i];
		__s64 time_ns = batch->time_ns[i];
		__u64 key[SLUICE_KEY_WORDS_MAX];

		if (selects && !(batch->selected[i] >> window->index & 1)) {
			unselected++;
			continue;
		}
		key[0] = first_word[i];
		for (__u32 w = 1; w < words; w++)
			key[w] = batch->word[w][i];
		if (__builtin_expect(!slot || time_ns < doubt_ns ||
					     !session_prolongs(slot, time_ns, gap_ns) ||
					     !session_has_key(groups, batch->id[i], key, words),
				     0)) {
			sessions_take(stream, window, i, key);
			continue;
		}
		slot->last_ns = time_ns > slot->last_ns ? time_ns : slot->last_ns;
		partial_add(&slot->partial, batch->value[i], (__u16)(batch->type_weight[i] >> 16));
		aggregated++;
		if (__builtin_expect(has_extras, 0))
			sessions_add_extras(window, batch, i);
	}
	window->ledger.unselected += unselected;
	window->ledger.aggregated += aggregated;
	sessions->aggregated += aggregated;
}

#endif
