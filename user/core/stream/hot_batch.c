/* SPDX-License-Identifier: BSD-2-Clause */
/* The hot path: decodes datagrams into the batch and runs it through the windows in stages.
 * Compiled twice, for any x86-64 and for x86-64-v3; chosen at start. Anything rare (a new pane, a
 * new row, a colliding tag) leaves to functions outside these files. */
#include "core/decode/decode_hot.h"
#include "core/dedup/dedup_hot.h"
#include "core/aggregate/extras_hot.h"
#include "core/pane/few_hot.h"
#include "core/group/groups_hot.h"
#include "core/pane/rows_hot.h"
#include "core/session/session_hot.h"

/* What looks at the rows behind the update. is_whole: every event has one, of few groups. */
static __attribute__((noinline)) void look_back(struct window *window, const struct batch *batch,
						bool is_plain, bool is_whole)
{
	if (window->extras.count)
		add_extras(window, batch, is_plain, is_whole);
	if (window->took_behind)
		note_growth(window, batch, is_plain);
}

inline_always void run_windows(struct stream *stream, struct grouping *grouping,
			       const __u64 *first_word, const __u32 words, const enum reach reach)
{
	struct batch *batch = &stream->batch;

	for (__u32 mask = grouping->window_mask; mask; mask &= mask - 1) {
		struct window *window = &stream->window[__builtin_ctz(mask)];
		bool takes_all = window->takes_all, plain, whole = false;

		if (is_rare(window->dedup != NULL))
			takes_all = dedup_run(stream, window) && window->wants_all;
		if (window->sessions) {
			session_take_batch(stream, window, first_word, words, !window->takes_all,
					   reach != REACH_L2);
			continue;
		}
		plain = takes_all && is_plain(window, batch);
		if (!takes_all)
			update_rows(window, batch, first_word, words, MANNER_SELECTED, reach);
		else if (!plain)
			update_rows(window, batch, first_word, words, MANNER_ANY, reach);
		else if (words == 1 && reach == REACH_L2 && are_few(grouping, window->last))
			whole = update_few(window, batch, first_word);
		else
			update_rows(window, batch, first_word, words, MANNER_PLAIN, reach);
		if (is_rare(window->extras.count || window->took_behind))
			look_back(window, batch, plain, whole);
	}
}

inline_always void run_grouping(struct stream *stream, struct grouping *grouping, const __u32 words,
				const enum reach reach)
{
	struct batch *batch = &stream->batch;
	const __u64 *first_word = batch->word[0];

	if (words == 1 && grouping->is_key_alone)
		first_word = batch->key;
	else
		pack_keys(batch, grouping);
	if (words == 1 && reach == REACH_L2 && groups_are_direct(&grouping->groups))
		look_up_ids(batch, grouping, first_word);
	else if (is_rare(grouping->groups.is_growing))
		find_ids(batch, grouping, first_word, words, reach, true);
	else
		find_ids(batch, grouping, first_word, words, reach, false);
	run_windows(stream, grouping, first_word, words, reach);
}

#define RUN_GROUPING(words)                                                                \
	static void run_grouping_##words(struct stream *stream, struct grouping *grouping) \
	{                                                                                  \
		if (grouping->groups.count >= REACH_MEMORY_GROUPS)                         \
			run_grouping(stream, grouping, words, REACH_MEMORY);               \
		else if (grouping->groups.count >= REACH_L3_GROUPS)                        \
			run_grouping(stream, grouping, words, REACH_L3);                   \
		else                                                                       \
			run_grouping(stream, grouping, words, REACH_L2);                   \
	}
RUN_GROUPING(1)
RUN_GROUPING(2)
RUN_GROUPING(3)
RUN_GROUPING(4)
RUN_GROUPING(5)

static void run(struct stream *stream)
{
	static void (*const by_words[])(struct stream *, struct grouping *) = {
		run_grouping_1, run_grouping_2, run_grouping_3, run_grouping_4, run_grouping_5,
	};

	for (__u32 g = 0; g < stream->grouping_count; g++) {
		struct grouping *grouping = &stream->grouping[g];

		grouping->added_count = 0;
		by_words[grouping->key_words - 1](stream, grouping);
		if (grouping->added_count)
			grouping_drop_unused(grouping);
		groups_step(&grouping->groups, 16 + grouping->added_count);
	}
	stream->batch.count = 0;
	stream->batch.datagram_count = 0;
}

#define HOT_NAME_OF(variant) hot_##variant
#define HOT_NAME(variant) HOT_NAME_OF(variant)

const struct hot_operations HOT_NAME(HOT_VARIANT) = {
	.decode = decode,
	.run = run,
};
