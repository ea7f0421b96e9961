/* SPDX-License-Identifier: BSD-2-Clause */
/* Takes in what does not simply prolong the slot of its group. The frequent cases are done here, on
 * the spot: a group's first session, one behind that of the slot, an event that came a little out
 * of order. The others are judged late or merged. */
#include <string.h>

#include "core/session/session_tree.h"

static bool take(struct sessions *sessions, __u32 id, const struct session_span *span)
{
	struct session_group group;
	enum session_taken taken;

	if (!session_group_open(sessions, id, &group))
		return false;
	taken = sessions->duration_ns ? session_cut(sessions, &group, span->event)
				      : session_merge(sessions, &group, span);
	if (taken == SESSION_TAKEN)
		sessions->aggregated += span->session.partial.records;
	else
		session_group_give_up(sessions, &group);
	return taken == SESSION_TAKEN;
}

static bool is_known(struct sessions *sessions, __u32 id)
{
	struct session_group group;

	if (!session_has_group(sessions, id))
		return false;
	group = session_group_at(sessions, id);
	return !session_group_is_empty(&group);
}

/* A group with no place belongs to the overflow group. */
static bool has_place(struct sessions *sessions, __u32 id)
{
	return id != GROUPS_NONE &&
	       (sessions->groups < sessions->groups_max || is_known(sessions, id));
}

/* The group, or the overflow group, or nowhere: what was counted as aggregated is put right. */
static void take_or_overflow(struct sessions *sessions, __u32 id, bool is_overflow,
			     const struct session_span *span)
{
	struct sluice_window_ledger *ledger = &sessions->window->ledger;
	__u64 records = span->session.partial.records;

	if (has_place(sessions, id) && take(sessions, id, span))
		return;
	if (!is_overflow)
		ledger->aggregated -= records;
	if (take(sessions, GROUPS_NONE, span)) {
		ledger->overflow += is_overflow ? 0 : records;
		return;
	}
	ledger->rejected_pane += records;
	window_note_no_pane(sessions->window, span->session.first_ns, records);
}

void session_take_event(struct sessions *sessions, __u32 id, const struct extras_event *event)
{
	struct session_span span = {
		.session = { .first_ns = event->time_ns, .last_ns = event->time_ns },
		.opened = sessions->advance,
		.event = event,
	};
	struct session_more none = { 0 };
	struct session_group group = { .more = &none };

	if (!has_place(sessions, id))
		group = session_group_at(sessions, GROUPS_NONE);
	else if (session_has_group(sessions, id))
		group = session_group_at(sessions, id);
	if (session_is_late(sessions, &group, event->time_ns)) {
		sessions->window->ledger.aggregated--;
		sessions->window->ledger.late++;
		window_count_late(sessions->window, event->time_ns, 1);
		window_keep_late(sessions->window, event);
		return;
	}
	partial_open(&span.session.partial);
	partial_add(&span.session.partial, event->value, (__u16)event->weight);
	take_or_overflow(sessions, id, false, &span);
}

void session_take_span(struct sessions *sessions, const __u64 *key, const struct session_span *span)
{
	struct grouping *grouping = sessions->grouping;
	__u32 id = GROUPS_NONE;

	grouping->added_count = 0;
	if (key)
		id = grouping_find_or_add(grouping, key);
	take_or_overflow(sessions, id, !key, span);
	grouping_drop_unused(grouping);
	groups_step(&grouping->groups, 16);
}

static void take_thoroughly(struct stream *stream, struct window *window, __u32 i, const __u64 *key)
{
	struct sessions *sessions = window->sessions;
	struct grouping *grouping = window->grouping;
	struct batch *batch = &stream->batch;
	struct extras_event event;
	__u32 id = batch->id[i];

	batch_read_event(batch, i, &event);
	if (!sessions->is_alone && event.time_ns < sessions->doubt_ns) {
		bool is_late =
			session_is_over(sessions, window_add_ns(event.time_ns, sessions->gap_ns));

		if (session_doubt_add(sessions, stream->now_mono_ns, key, &event, is_late)) {
			*(is_late ? &window->ledger.late : &window->ledger.aggregated) += 1;
			return;
		}
	}
	window->ledger.aggregated++;
	if (id == GROUPS_NONE || !groups_has_key(&grouping->groups, id, key))
		id = grouping_find_or_add(grouping, key);
	batch->id[i] = id;
	session_take_event(sessions, id, &event);
}

/* The slot's session becomes a node, the group's newest, to make room for what comes behind it. */
static bool put_by(struct sessions *sessions, const struct session_group *group)
{
	__u32 number = session_pool_take(&sessions->nodes);
	struct session_more *more = group->more;
	struct session_node *node;

	if (number == SESSION_POOL_NONE)
		return false;
	node = session_node_at(sessions, number);
	node->session = session_slot_read(group);
	session_note_length(sessions, node->session.first_ns,
			    session_end(sessions, &node->session));
	node->id = group->id;
	node->revision = SESSION_UNTOLD;
	node->opened = more->opened;
	node->early = more->early;
	session_tree_add(sessions, &more->node, number);
	more->early = SESSION_POOL_NONE;
	return true;
}

/* A session of the event alone, in the slot. */
static void open_slot(struct sessions *sessions, const struct session_group *group, __u64 key,
		      __s64 time_ns)
{
	*group->slot = (struct session_slot){ .key = key, .last_ns = time_ns };
	partial_open(&group->slot->partial);
	group->more->first_ns = time_ns;
	group->more->opened = sessions->advance;
	sessions->slots_used++;
}

/* Makes the slot's session one that the event is part of, if that takes no more than this. */
static bool prepare_slot(struct sessions *sessions, const struct session_group *group, __u64 key,
			 __s64 time_ns)
{
	struct session_slot *slot = group->slot;

	if (slot->partial.records == 0) {
		if (group->more->node || sessions->groups >= sessions->groups_max)
			return false;
		open_slot(sessions, group, key, time_ns);
		session_group_begin(sessions, group);
		session_group_expect(sessions, group, session_slot_end(sessions, slot));
		return true;
	}
	if (time_ns <= slot->last_ns)
		return time_ns >= group->more->first_ns;
	if (time_ns > session_slot_end(sessions, slot)) {
		if (!put_by(sessions, group))
			return false;
		sessions->slots_used--;
		open_slot(sessions, group, key, time_ns);
	}
	slot->last_ns = time_ns;
	return true;
}

/* The frequent cases. False: nothing has changed. */
static bool take_simply(struct sessions *sessions, const struct batch *batch, __u32 i,
			const __u64 *key)
{
	struct grouping *grouping = sessions->grouping;
	__u32 id = batch->id[i];
	struct session_group group;

	if (id == GROUPS_NONE || batch->time_ns[i] < sessions->doubt_ns || sessions->duration_ns ||
	    sessions->window->extras.count || !session_has_group(sessions, id) ||
	    !groups_has_key(&grouping->groups, id, key))
		return false;
	group = session_group_at(sessions, id);
	if (!prepare_slot(sessions, &group, key[0], batch->time_ns[i]))
		return false;
	partial_add(&group.slot->partial, batch->value[i], (__u16)(batch->type_weight[i] >> 16));
	return true;
}

void sessions_take_rest(struct stream *stream, struct window *window, const __u64 *first_word,
			const __u16 *rest, __u32 count)
{
	struct sessions *sessions = window->sessions;
	struct batch *batch = &stream->batch;
	const __u32 words = window->grouping->key_words;
	__u32 taken = 0;

	for (__u32 r = 0; r < count; r++) {
		__u32 i = rest[r];
		__u64 key[SLUICE_KEY_WORDS_MAX] = { first_word[i] };

		for (__u32 w = 1; w < words; w++)
			key[w] = batch->word[w][i];
		if (take_simply(sessions, batch, i, key))
			taken++;
		else
			take_thoroughly(stream, window, i, key);
	}
	window->ledger.aggregated += taken;
	sessions->aggregated += taken;
}

void sessions_add_extras(struct window *window, const struct batch *batch, __u32 i)
{
	struct session_group group = session_group_at(window->sessions, batch->id[i]);
	struct extras_event event;

	batch_read_event(batch, i, &event);
	extras_add(&window->extras, group.extra, &event);
}
