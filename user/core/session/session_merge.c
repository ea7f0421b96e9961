/* SPDX-License-Identifier: BSD-2-Clause */
/* What becomes of an event that does not simply prolong the slot of its group: late, a session of
 * its own, or one with all that it touches. A session that was told and is not the same any longer
 * is retracted. */
#include <assert.h>
#include <string.h>

#include "core/session/session_tree.h"

/* Nodes are more than a gap apart: from this one back nothing is touched. */
static bool is_behind(const struct sessions *sessions, const struct session_node *node,
		      __s64 first_ns)
{
	return window_add_ns(node->session.last_ns, sessions->gap_ns) < first_ns;
}

static bool slot_touches(const struct sessions *sessions, const struct session_group *group,
			 __s64 first_ns, __s64 last_ns)
{
	struct session session;

	if (!group->slot)
		return false;
	session = session_slot_read(group);
	return session_touches(sessions, &session, first_ns, last_ns);
}

/* The last node that begins at `time_ns` or before and touches the times from first to last; or
 * 0. */
static __u32 touched_before(const struct sessions *sessions, const struct session_group *group,
			    __s64 time_ns, __s64 first_ns, __s64 last_ns)
{
	for (;;) {
		__u32 number = session_tree_before(sessions, group->more->node, time_ns);
		const struct session_node *node = session_node_at(sessions, number);

		if (!number || is_behind(sessions, node, first_ns))
			return 0;
		if (session_touches(sessions, &node->session, first_ns, last_ns))
			return number;
		time_ns = window_add_ns(node->session.first_ns, -1);
	}
}

bool session_is_late(const struct sessions *sessions, const struct session_group *group,
		     __s64 time_ns)
{
	if (!session_is_over(sessions, window_add_ns(time_ns, sessions->gap_ns)))
		return false;
	if (slot_touches(sessions, group, time_ns, time_ns))
		return false;
	if (sessions->duration_ns)
		return session_cut_is_late(sessions, group, time_ns);
	return !touched_before(sessions, group, window_add_ns(time_ns, sessions->gap_ns), time_ns,
			       time_ns);
}

/* Adds the span to a session, which it touches. */
static void add_span(const struct sessions *sessions, struct session *session, void *extra,
		     bool has_extras, const struct session_span *span)
{
	const struct extras *extras = &sessions->window->extras;

	session->first_ns = span->session.first_ns < session->first_ns ? span->session.first_ns
								       : session->first_ns;
	session->last_ns =
		span->session.last_ns > session->last_ns ? span->session.last_ns : session->last_ns;
	partial_merge(&session->partial, &span->session.partial);
	if (!extras->count || !has_extras)
		return;
	if (span->event)
		extras_add(extras, extra, span->event);
	else
		extras_merge_bytes(extras, extra, span->tail, span->tail_bytes);
}

/* A session of the span alone. */
static void open_span(const struct sessions *sessions, struct session *session, void *extra,
		      bool has_extras, const struct session_span *span)
{
	session->first_ns = span->session.first_ns;
	session->last_ns = span->session.last_ns;
	partial_open(&session->partial);
	if (sessions->window->extras.count)
		extras_open(&sessions->window->extras, extra);
	add_span(sessions, session, extra, has_extras, span);
}

/* Adds one session to another. */
static void add_session(const struct sessions *sessions, struct session_node *into,
			const struct session *session, const void *extra, __u32 opened,
			__u32 *early)
{
	__u32 *last = &into->early;
	const struct extras *extras = &sessions->window->extras;

	into->session.first_ns = session->first_ns < into->session.first_ns
					 ? session->first_ns
					 : into->session.first_ns;
	into->session.last_ns =
		session->last_ns > into->session.last_ns ? session->last_ns : into->session.last_ns;
	partial_merge(&into->session.partial, &session->partial);
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
	__s64 first_ns = span->session.first_ns, last_ns = span->session.last_ns;
	__s64 from_ns = window_add_ns(last_ns, sessions->gap_ns);
	__u32 number;

	if (slot_touches(sessions, group, first_ns, last_ns)) {
		struct session session = session_slot_read(group);

		add_session(sessions, into, &session, group->extra, group->more->opened,
			    &group->more->early);
		session_slot_clear(sessions, group);
	}
	while ((number = touched_before(sessions, group, from_ns, first_ns, last_ns))) {
		struct session_node *node = session_node_at(sessions, number);

		add_session(sessions, into, &node->session, session_node_extra(node), node->opened,
			    &node->early);
		session_tree_remove(sessions, &group->more->node, number);
		if (node->is_told)
			session_retract(sessions, number);
		else
			session_node_free(sessions, number);
	}
}

static bool is_latest(const struct sessions *sessions, const struct session_group *group,
		      const struct session *session)
{
	if (group->slot->partial.records && group->more->first_ns > session->first_ns)
		return false;
	return !session_tree_behind(sessions, group->more->node,
				    window_add_ns(session->first_ns, -1));
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
	struct session session = session_slot_read(group);
	__u32 opened = group->more->opened, early = group->more->early;

	session_slot_write(sessions, group, &node->session);
	node->session = session;
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

	if (group->slot && is_latest(sessions, group, &node->session)) {
		swap(sessions, group, node);
		if (node->session.partial.records == 0) {
			sessions->slots_used++;
			session_pool_give(&sessions->nodes, number);
			return;
		}
	}
	session_note_length(sessions, node->session.first_ns,
			    session_end(sessions, &node->session));
	session_tree_add(sessions, &group->more->node, number);
}

/* The told session that the span lies within, touching no other: it changes and stays what it
 * is. */
static struct session_node *find_home(const struct sessions *sessions,
				      const struct session_group *group,
				      const struct session_span *span)
{
	__s64 first_ns = span->session.first_ns, last_ns = span->session.last_ns;
	__u32 number = touched_before(sessions, group, first_ns, first_ns, last_ns);
	struct session_node *node = session_node_at(sessions, number);

	return number && node->is_told && node->session.last_ns >= last_ns ? node : NULL;
}

/* The simple cases, which need no node. */
static bool merge_in_place(struct sessions *sessions, struct session_group *group,
			   const struct session_span *span)
{
	bool has_extras = group->id != GROUPS_NONE;
	struct session_node *home;

	if (group->slot && group->more->node == SESSION_POOL_NONE) {
		struct session session = session_slot_read(group);

		if (session.partial.records == 0) {
			open_span(sessions, &session, group->extra, has_extras, span);
			group->more->opened = span->opened;
			sessions->slots_used++;
		} else if (session_touches(sessions, &session, span->session.first_ns,
					   span->session.last_ns)) {
			add_span(sessions, &session, group->extra, has_extras, span);
		} else {
			return false;
		}
		session_slot_write(sessions, group, &session);
		return true;
	}
	home = find_home(sessions, group, span);
	if (!home)
		return false;
	add_span(sessions, &home->session, session_node_extra(home), has_extras, span);
	home->has_changed = true;
	session_tree_update(sessions, group->more->node,
			    session_tree_before(sessions, group->more->node,
						home->session.first_ns));
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
		open_span(sessions, &node->session, session_node_extra(node),
			  group->id != GROUPS_NONE, span);
		swallow(sessions, group, node, span);
		place(sessions, group, number);
	}
	if (is_new)
		session_group_begin(sessions, group);
	session_group_expect(sessions, group,
			     window_add_ns(span->session.last_ns, sessions->gap_ns));
	return SESSION_TAKEN;
}
