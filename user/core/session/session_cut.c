/* SPDX-License-Identifier: BSD-2-Clause */
/* Sessions with a longest duration. Events that hold together are cut from the first one on: a
 * session takes all that come less than max_duration after its first, the next event begins
 * another. Events are kept, since one that comes late may move every cut behind it; what it cannot
 * move is not touched. */
#include <assert.h>
#include <string.h>

#include "core/session/session_tree.h"

/* What one event does to the sessions of a group. */
struct cutting {
	struct sessions *sessions;
	struct session_group *group;
	__u32 gone; /* copies of the told sessions that were touched */
	__s32 revision; /* highest that any of them has used up */
	struct session_node *first; /* the sessions that were touched or made, in a row */
	__u32 count;
};

void session_block_free(struct sessions *sessions, __u32 first)
{
	while (first) {
		struct session_block *block = session_pool_at(&sessions->blocks, first);
		__u32 next = block->next;

		session_pool_give(&sessions->blocks, first);
		first = next;
	}
}

static __s64 limit_of(const struct sessions *sessions, const struct session_node *node)
{
	return window_add_ns(node->session.first_ns, sessions->duration_ns);
}

bool session_cut_is_late(const struct sessions *sessions, const struct session_group *group,
			 __s64 time_ns)
{
	__s64 last_ns = window_add_ns(time_ns, sessions->gap_ns), at_ns = time_ns;
	__u32 root = group->more->node, number = session_tree_before(sessions, root, time_ns);
	const struct session_node *node = session_node_at(sessions, number);

	/* Behind it, up to its limit, it holds the event; before it, the event begins a session
	 * that reaches as far as it may. */
	if (number && session_touches(sessions, &node->session, time_ns, time_ns) &&
	    time_ns < limit_of(sessions, node))
		return false;
	while ((number = session_tree_behind(sessions, root, at_ns))) {
		node = session_node_at(sessions, number);
		at_ns = node->session.first_ns;
		if (at_ns > last_ns)
			break;
		if (session_touches(sessions, &node->session, time_ns, time_ns))
			return session_is_over(sessions,
					       window_add_ns(time_ns, sessions->duration_ns));
	}
	return true;
}

static struct session_block *block_for_one(struct sessions *sessions, struct session_node *node)
{
	struct session_block *block = NULL;
	__u32 number;

	if (node->last_block) {
		block = session_pool_at(&sessions->blocks, node->last_block);
		if (block->count < SESSION_BLOCK_EVENTS)
			return block;
	}
	number = session_pool_take(&sessions->blocks);
	assert(number != SESSION_POOL_NONE);
	if (node->last_block)
		block->next = number;
	else
		node->first_block = number;
	node->last_block = number;
	return session_pool_at(&sessions->blocks, number);
}

static void add_event(struct sessions *sessions, struct session_node *node,
		      const struct extras_event *event)
{
	struct session_block *block = block_for_one(sessions, node);
	struct session *session = &node->session;

	memcpy(block->event + (size_t)block->count++ * sessions->event_bytes, event,
	       sessions->event_bytes);
	if (session->partial.records == 0)
		session->first_ns = session->last_ns = event->time_ns;
	if (event->time_ns < session->first_ns)
		session->first_ns = event->time_ns;
	if (event->time_ns > session->last_ns)
		session->last_ns = event->time_ns;
	partial_add(&session->partial, event->value, (__u16)event->weight);
	if (sessions->window->extras.count && node->id != GROUPS_NONE)
		extras_add(&sessions->window->extras, session_node_extra(node), event);
}

static void empty_node(struct sessions *sessions, struct session_node *node)
{
	node->first_block = node->last_block = SESSION_POOL_NONE;
	partial_open(&node->session.partial);
	if (sessions->window->extras.count) {
		extras_clear(&sessions->window->extras, session_node_extra(node));
		extras_open(&sessions->window->extras, session_node_extra(node));
	}
}

static __u32 take_node(struct sessions *sessions, const struct session_group *group)
{
	__u32 number = session_pool_take(&sessions->nodes);
	struct session_node *node;

	assert(number != SESSION_POOL_NONE);
	node = session_node_at(sessions, number);
	node->id = group->id;
	node->revision = SESSION_UNTOLD;
	node->opened = sessions->advance;
	empty_node(sessions, node);
	return number;
}

/* A session is about to be changed: a copy remembers what was told of it. */
static void touch(struct cutting *cutting, struct session_node *node)
{
	struct sessions *sessions = cutting->sessions;

	if (node->is_told) {
		__u32 number = take_node(sessions, cutting->group);
		struct session_node *copy = session_node_at(sessions, number);

		copy->session = node->session;
		copy->revision = node->revision;
		copy->opened = node->opened;
		copy->has_changed = node->has_changed;
		if (sessions->window->extras.count)
			extras_merge(&sessions->window->extras, session_node_extra(copy),
				     session_node_extra(node));
		copy->next = cutting->gone;
		cutting->gone = number;
		node->is_told = false;
		node->has_changed = false;
		node->revision++;
	}
	session_early_settle(sessions, &node->early, NULL);
	if (node->revision > cutting->revision)
		cutting->revision = node->revision;
	cutting->count++;
}

/* All events of the next session come over. */
static void absorb(struct cutting *cutting, struct session_node *into, __u32 number)
{
	struct sessions *sessions = cutting->sessions;
	struct session_node *from = session_node_at(sessions, number);
	struct session_block *last = session_pool_at(&sessions->blocks, into->last_block);

	last->next = from->first_block;
	into->last_block = from->last_block;
	into->session.last_ns = from->session.last_ns;
	partial_merge(&into->session.partial, &from->session.partial);
	if (from->opened < into->opened)
		into->opened = from->opened;
	if (sessions->window->extras.count)
		extras_merge(&sessions->window->extras, session_node_extra(into),
			     session_node_extra(from));
	from->first_block = SESSION_POOL_NONE;
	session_tree_remove(sessions, &cutting->group->more->node, number);
	session_node_free(sessions, number);
}

/* Events before the limit come over, the others stay. */
static void split(struct sessions *sessions, struct session_node *into, struct session_node *from)
{
	__s64 limit_ns = limit_of(sessions, into);
	__u32 number = from->first_block;

	from->session.partial.records = 0;
	empty_node(sessions, from);
	if (from->opened < into->opened)
		into->opened = from->opened;
	while (number) {
		struct {
			struct session_block head;
			struct extras_event event[SESSION_BLOCK_EVENTS];
		} copy;
		const struct session_block *block = session_pool_at(&sessions->blocks, number);
		const unsigned char *at = (const unsigned char *)&copy + sizeof(copy.head);

		memcpy(&copy, block,
		       sizeof(copy.head) + (size_t)block->count * sessions->event_bytes);
		session_pool_give(&sessions->blocks, number);
		for (__u32 i = 0; i < copy.head.count; i++, at += sessions->event_bytes) {
			const struct extras_event *event = (const struct extras_event *)at;

			add_event(sessions, event->time_ns < limit_ns ? into : from, event);
		}
		number = copy.head.next;
	}
}

static __u32 number_behind(const struct cutting *cutting, const struct session_node *node)
{
	return session_tree_behind(cutting->sessions, cutting->group->more->node,
				   node->session.first_ns);
}

/* From `node` on: a session takes the events that now belong to it from those behind it. */
static void cut_behind(struct cutting *cutting, struct session_node *node)
{
	struct sessions *sessions = cutting->sessions;

	for (;;) {
		__u32 number = number_behind(cutting, node);
		struct session_node *next = session_node_at(sessions, number);
		__s64 limit_ns = limit_of(sessions, node);

		if (!number ||
		    !session_touches(sessions, &next->session, node->session.first_ns,
				     node->session.last_ns) ||
		    next->session.first_ns >= limit_ns)
			return;
		touch(cutting, next);
		if (next->session.last_ns < limit_ns) {
			absorb(cutting, node, number);
			cutting->count--;
			continue;
		}
		split(sessions, node, next);
		node = next;
	}
}

static bool has_same_interval(const struct sessions *sessions, const struct session *a,
			      const struct session *b)
{
	return a->first_ns == b->first_ns && session_end(sessions, a) == session_end(sessions, b);
}

/* The copies were made from the oldest on, and the last one is first in the list. */
static void turn_over(struct cutting *cutting)
{
	__u32 turned = 0;

	while (cutting->gone) {
		struct session_node *node = session_node_at(cutting->sessions, cutting->gone);
		__u32 next = node->next;

		node->next = turned;
		turned = cutting->gone;
		cutting->gone = next;
	}
	cutting->gone = turned;
}

/* Takes the oldest copy off the list: it is retracted, or, of the same interval as `node`, goes on
 * as that. */
static void settle_copy(struct cutting *cutting, struct session_node *node)
{
	struct sessions *sessions = cutting->sessions;
	__u32 number = cutting->gone;
	struct session_node *gone = session_node_at(sessions, number);

	cutting->gone = gone->next;
	if (!node || !has_same_interval(sessions, &gone->session, &node->session)) {
		session_retract(sessions, number);
		return;
	}
	node->is_told = true;
	node->revision--;
	node->has_changed = gone->has_changed ||
			    gone->session.partial.records != node->session.partial.records;
	session_node_free(sessions, number);
}

/* Those that began no later than the node. */
static void settle_copies(struct cutting *cutting, struct session_node *node)
{
	const struct sessions *sessions = cutting->sessions;

	while (cutting->gone && session_node_at(sessions, cutting->gone)->session.first_ns <=
					node->session.first_ns)
		settle_copy(cutting, node);
}

/* What was told and is the same interval again goes on; the rest is retracted. Both are in the
 * order of time. */
static void settle(struct cutting *cutting)
{
	struct sessions *sessions = cutting->sessions;
	__u32 root = cutting->group->more->node;
	__s64 at_ns = window_add_ns(cutting->first->session.first_ns, -1);

	turn_over(cutting);
	for (__u32 i = 0; i < cutting->count; i++) {
		__u32 number = session_tree_behind(sessions, root, at_ns);
		struct session_node *node = session_node_at(sessions, number);

		if (!number)
			break;
		at_ns = node->session.first_ns;
		node->revision = cutting->revision;
		settle_copies(cutting, node);
		session_tree_update(sessions, root, number);
		session_group_expect(sessions, cutting->group,
				     node->has_changed ? INT64_MIN
						       : session_end(sessions, &node->session));
	}
	while (cutting->gone)
		settle_copy(cutting, NULL);
}

/* Room for a copy of everything that may be touched, and for the blocks that splits leave half
 * full. */
static bool has_room(const struct sessions *sessions, __u32 behind)
{
	const struct memory_budget *budget = sessions->nodes.chunks.budget;
	__u64 nodes = session_pool_cost(&sessions->nodes, behind + 2ull);
	__u64 blocks = session_pool_cost(&sessions->blocks, 2ull * behind + 3);

	return nodes != UINT64_MAX && blocks != UINT64_MAX &&
	       budget->bytes_used + nodes + blocks <= budget->bytes_max;
}

enum session_taken session_cut(struct sessions *sessions, struct session_group *group,
			       const struct extras_event *event)
{
	struct cutting cutting = { .sessions = sessions,
				   .group = group,
				   .revision = SESSION_UNTOLD };
	bool is_new = session_group_is_empty(group);
	__u32 *root = &group->more->node;
	__u32 number = session_tree_before(sessions, *root, event->time_ns);
	struct session_node *node = session_node_at(sessions, number);

	if (!has_room(sessions, session_tree_count_behind(sessions, *root, event->time_ns)))
		return SESSION_NO_ROOM;
	if (number && session_touches(sessions, &node->session, event->time_ns, event->time_ns) &&
	    event->time_ns < limit_of(sessions, node)) {
		touch(&cutting, node);
		add_event(sessions, node, event);
	} else {
		number = take_node(sessions, group);
		node = session_node_at(sessions, number);
		add_event(sessions, node, event);
		session_tree_add(sessions, root, number);
		cutting.count = 1;
	}
	cutting.first = node;
	cut_behind(&cutting, node);
	if (is_new)
		session_group_begin(sessions, group);
	settle(&cutting);
	return SESSION_TAKEN;
}
