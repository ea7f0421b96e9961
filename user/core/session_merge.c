/* SPDX-License-Identifier: BSD-2-Clause */
/* What becomes of an event that does not simply prolong the slot of its group: late, a session of
 * its own, or one with all that it touches. A session that was told and is not the same any longer
 * is retracted. */
#include <assert.h>
#include <string.h>

#include "core/session_state.h"

/* Nodes are in the order of time, newest first, and are more than a gap apart: behind this one
 * nothing is touched. */
static bool is_behind(const struct sessions *sessions, const struct session_node *node,
		      __s64 first_ns)
{
	return window_add_ns(node->slot.last_ns, sessions->gap_ns) < first_ns;
}

bool session_is_late(const struct sessions *sessions, const struct session_group *group,
		     __s64 time_ns)
{
	if (!session_is_over(sessions, window_add_ns(time_ns, sessions->gap_ns)))
		return false;
	if (group->slot && session_touches(sessions, group->slot, time_ns, time_ns))
		return false;
	if (sessions->duration_ns)
		return session_cut_is_late(sessions, group, time_ns);
	for (__u32 number = group->more->node; number;) {
		struct session_node *node = session_node_at(sessions, number);

		if (session_touches(sessions, &node->slot, time_ns, time_ns))
			return false;
		if (is_behind(sessions, node, time_ns))
			return true;
		number = node->next;
	}
	return true;
}

/* Adds the span to a session, which it touches. */
static void add_span(const struct sessions *sessions, struct session_slot *slot, void *extra,
		     bool has_extras, const struct session_span *span)
{
	const struct extras *extras = &sessions->window->extras;

	slot->first_ns =
		span->slot.first_ns < slot->first_ns ? span->slot.first_ns : slot->first_ns;
	slot->last_ns = span->slot.last_ns > slot->last_ns ? span->slot.last_ns : slot->last_ns;
	partial_merge(&slot->partial, &span->slot.partial);
	if (!extras->count || !has_extras)
		return;
	if (span->event)
		extras_add(extras, extra, span->event);
	else
		extras_merge_bytes(extras, extra, span->tail, span->tail_bytes);
}

/* A session of the span alone. */
static void open_span(const struct sessions *sessions, struct session_slot *slot, void *extra,
		      bool has_extras, const struct session_span *span)
{
	slot->first_ns = span->slot.first_ns;
	slot->last_ns = span->slot.last_ns;
	partial_open(&slot->partial);
	if (sessions->window->extras.count)
		extras_open(&sessions->window->extras, extra);
	add_span(sessions, slot, extra, has_extras, span);
}

/* Adds one session to another. */
static void add_session(const struct sessions *sessions, struct session_node *into,
			const struct session_slot *slot, const void *extra, __u32 opened,
			__u32 *early)
{
	__u32 *last = &into->early;
	const struct extras *extras = &sessions->window->extras;

	into->slot.first_ns =
		slot->first_ns < into->slot.first_ns ? slot->first_ns : into->slot.first_ns;
	into->slot.last_ns =
		slot->last_ns > into->slot.last_ns ? slot->last_ns : into->slot.last_ns;
	partial_merge(&into->slot.partial, &slot->partial);
	into->opened = opened < into->opened ? opened : into->opened;
	while (*last)
		last = &session_node_at(sessions, *last)->next;
	*last = *early;
	*early = SESSION_POOL_NONE;
	if (extras->count)
		extras_merge(extras, session_node_extra(into), extra);
}

/* Takes what the node touches out of the group and into the node. */
static void swallow(struct sessions *sessions, struct session_group *group,
		    struct session_node *into, const struct session_span *span)
{
	__s64 first_ns = span->slot.first_ns, last_ns = span->slot.last_ns;
	__u32 *link = &group->more->node;

	if (group->slot && session_touches(sessions, group->slot, first_ns, last_ns)) {
		add_session(sessions, into, group->slot, group->extra, group->more->opened,
			    &group->more->early);
		session_slot_clear(sessions, group);
	}
	while (*link) {
		__u32 number = *link;
		struct session_node *node = session_node_at(sessions, number);

		if (is_behind(sessions, node, first_ns))
			return;
		if (!session_touches(sessions, &node->slot, first_ns, last_ns)) {
			link = &node->next;
			continue;
		}
		add_session(sessions, into, &node->slot, session_node_extra(node), node->opened,
			    &node->early);
		*link = node->next;
		if (node->is_told)
			session_retract(sessions, number);
		else
			session_node_free(sessions, number);
	}
}

static bool is_latest(const struct sessions *sessions, const struct session_group *group,
		      const struct session_slot *slot)
{
	if (group->slot->partial.records && group->slot->first_ns > slot->first_ns)
		return false;
	return group->more->node == SESSION_POOL_NONE ||
	       session_node_at(sessions, group->more->node)->slot.first_ns < slot->first_ns;
}

static void swap_bytes(unsigned char *a, unsigned char *b, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		unsigned char byte = a[i];

		a[i] = b[i];
		b[i] = byte;
	}
}

/* What is in the node goes into the slot, and the other way round. */
static void swap(struct sessions *sessions, struct session_group *group, struct session_node *node)
{
	struct session_slot slot = *group->slot;
	__u32 opened = group->more->opened, early = group->more->early;

	*group->slot = node->slot;
	node->slot = slot;
	group->more->opened = node->opened;
	node->opened = opened;
	group->more->early = node->early;
	node->early = early;
	if (sessions->window->extras.count)
		swap_bytes(group->extra, session_node_extra(node),
			   sessions->window->extras.state_bytes);
}

/* The latest session belongs in the slot. */
static void place(struct sessions *sessions, struct session_group *group, __u32 number)
{
	struct session_node *node = session_node_at(sessions, number);

	if (group->slot && is_latest(sessions, group, &node->slot)) {
		swap(sessions, group, node);
		if (node->slot.partial.records == 0) {
			sessions->slots_used++;
			session_pool_give(&sessions->nodes, number);
			return;
		}
	}
	session_node_link(sessions, group, number);
}

/* The told session that the span lies within, touching no other: it changes and stays what it
 * is. */
static struct session_node *find_home(const struct sessions *sessions,
				      const struct session_group *group,
				      const struct session_span *span)
{
	for (__u32 number = group->more->node; number;) {
		struct session_node *node = session_node_at(sessions, number);

		if (node->is_told && node->slot.first_ns <= span->slot.first_ns &&
		    node->slot.last_ns >= span->slot.last_ns &&
		    session_touches(sessions, &node->slot, span->slot.first_ns, span->slot.last_ns))
			return node;
		if (is_behind(sessions, node, span->slot.first_ns))
			return NULL;
		number = node->next;
	}
	return NULL;
}

/* The simple cases, which need no node. */
static bool merge_in_place(struct sessions *sessions, struct session_group *group,
			   const struct session_span *span)
{
	bool has_extras = group->id != GROUPS_NONE;
	struct session_node *home;

	if (group->slot && group->more->node == SESSION_POOL_NONE) {
		if (group->slot->partial.records == 0) {
			open_span(sessions, group->slot, group->extra, has_extras, span);
			group->more->opened = span->opened;
			sessions->slots_used++;
			return true;
		}
		if (session_touches(sessions, group->slot, span->slot.first_ns,
				    span->slot.last_ns)) {
			add_span(sessions, group->slot, group->extra, has_extras, span);
			return true;
		}
		return false;
	}
	home = find_home(sessions, group, span);
	if (!home)
		return false;
	add_span(sessions, &home->slot, session_node_extra(home), has_extras, span);
	home->has_changed = true;
	session_group_expect(sessions, group, INT64_MIN);
	return true;
}

enum session_taken session_merge(struct sessions *sessions, struct session_group *group,
				 const struct session_span *span)
{
	bool is_new = session_group_is_empty(group);
	struct session_node *node;
	__u32 number;

	if (!merge_in_place(sessions, group, span)) {
		number = session_pool_take(&sessions->nodes);
		if (number == SESSION_POOL_NONE)
			return SESSION_NO_ROOM;
		node = session_node_at(sessions, number);
		node->id = group->id;
		node->revision = SESSION_UNTOLD;
		node->opened = span->opened;
		open_span(sessions, &node->slot, session_node_extra(node), group->id != GROUPS_NONE,
			  span);
		swallow(sessions, group, node, span);
		place(sessions, group, number);
	}
	if (is_new)
		session_group_begin(sessions, group);
	session_group_expect(sessions, group, window_add_ns(span->slot.last_ns, sessions->gap_ns));
	return SESSION_TAKEN;
}

static bool take(struct sessions *sessions, __u32 id, const struct session_span *span)
{
	struct session_group group;
	enum session_taken taken;

	if (!session_group_open(sessions, id, &group))
		return false;
	taken = sessions->duration_ns ? session_cut(sessions, &group, span->event)
				      : session_merge(sessions, &group, span);
	if (taken == SESSION_TAKEN)
		sessions->aggregated += span->slot.partial.records;
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
	__u64 records = span->slot.partial.records;

	if (has_place(sessions, id) && take(sessions, id, span))
		return;
	if (!is_overflow)
		ledger->aggregated -= records;
	if (take(sessions, GROUPS_NONE, span))
		ledger->overflow += is_overflow ? 0 : records;
	else
		ledger->rejected_pane += records;
}

void session_take_event(struct sessions *sessions, __u32 id, const struct extras_event *event)
{
	struct session_span span = {
		.slot = { .first_ns = event->time_ns, .last_ns = event->time_ns },
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
		window_keep_late(sessions->window, event);
		return;
	}
	partial_open(&span.slot.partial);
	partial_add(&span.slot.partial, event->value, (__u16)event->weight);
	take_or_overflow(sessions, id, false, &span);
}

void session_take_span(struct sessions *sessions, const __u64 *key, const struct session_span *span)
{
	struct grouping *grouping = sessions->grouping;
	__u32 id = GROUPS_NONE;

	grouping->added_count = 0;
	if (key)
		id = grouping_find_or_add(grouping, key, groups_tag(&grouping->groups, key));
	take_or_overflow(sessions, id, !key, span);
	grouping_drop_unused(grouping);
	groups_grow_step(&grouping->groups, 16);
}

void sessions_take(struct stream *stream, struct window *window, __u32 i, const __u64 *key)
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
	if (id == GROUPS_NONE ||
	    memcmp(groups_key(&grouping->groups, id), key, grouping->key_words * sizeof(*key)))
		id = grouping_find_or_add(grouping, key, batch->tag[i]);
	batch->id[i] = id;
	session_take_event(sessions, id, &event);
}

void sessions_add_extras(struct window *window, const struct batch *batch, __u32 i)
{
	struct session_group group = session_group_at(window->sessions, batch->id[i]);
	struct extras_event event;

	batch_read_event(batch, i, &event);
	extras_add(&window->extras, group.extra, &event);
}
