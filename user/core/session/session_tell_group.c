/* SPDX-License-Identifier: BSD-2-Clause */
/* What the sessions of one group have to tell at a watermark: rows of those that ended or changed,
 * early rows of the others, and which of them leave. A told session is a node; one in the slot that
 * stays becomes one. */
#include <string.h>

#include "core/session/session_tell.h"
#include "core/session/session_tree.h"

/* What a session of the given end has to do now. */
struct step {
	bool is_due; /* its row is wanted */
	bool is_early;
	bool is_over;
	bool leaves;
	__u16 flags;
};

static struct step next_step(const struct sessions *sessions, __s64 end_ns)
{
	struct step step = { .is_due = session_is_passed(sessions, end_ns) };

	step.is_early = sessions->is_early && !step.is_due && !sessions->is_finishing;
	step.is_over = session_is_over(sessions, end_ns);
	step.leaves = sessions->is_finishing || step.is_over;
	if (step.is_early)
		step.flags = SLUICE_ROWS_EARLY;
	else if (sessions->lateness_ns == 0 && step.is_due)
		step.flags = SLUICE_ROWS_FINAL;
	step.is_due |= sessions->is_finishing;
	return step;
}

/* A told session is a node; without memory for it the telling waits, to its end if need be. */
static __u32 keep_slot(struct sessions *sessions, struct session_group *group)
{
	__u32 number = session_pool_take(&sessions->nodes);
	struct session_node *node;

	if (number == SESSION_POOL_NONE)
		return number;
	node = session_node_at(sessions, number);
	node->session = session_slot_read(group);
	node->id = group->id;
	node->opened = group->more->opened;
	node->is_told = true;
	if (sessions->window->extras.count)
		memcpy(session_node_extra(node), group->extra,
		       sessions->window->extras.state_bytes);
	return number;
}

static void move_to_node(struct sessions *sessions, struct session_group *group, __u32 number)
{
	session_tree_add(sessions, &group->more->node, number);
	if (sessions->window->extras.count)
		memset(group->extra, 0, sessions->window->extras.state_bytes);
	memset(group->slot, 0, sizeof(*group->slot));
	sessions->slots_used--;
}

/* The node is a copy of a slot that goes on. */
static void drop_copy(struct sessions *sessions, __u32 number)
{
	struct session_node *node = session_node_at(sessions, number);

	if (sessions->window->extras.count)
		memset(session_node_extra(node), 0, sessions->window->extras.state_bytes);
	session_pool_give(&sessions->nodes, number);
}

/* Early rows that were given of exactly this interval. */
static __u32 count_early(const struct sessions *sessions, __u32 early,
			 const struct session *session)
{
	for (; early; early = session_node_at(sessions, early)->next) {
		const struct session_node *node = session_node_at(sessions, early);

		if (node->session.first_ns == session->first_ns &&
		    session_end(sessions, &node->session) == session_end(sessions, session))
			return node->early_count;
	}
	return 0;
}

/* A row about a session, by what the step says; what was told early is settled with it. An early
 * row that nothing can remember is not told: nobody could take it back. */
static bool tell_step(struct session_telling *telling, const struct session_group *group,
		      const struct session_node *node, struct step step, __u32 *early)
{
	struct sessions *sessions = telling->sessions;
	const struct session session = node ? node->session : session_slot_read(group);
	const void *extra = node ? session_node_extra((struct session_node *)node) : group->extra;
	__u32 opened = node ? node->opened : group->more->opened, number = SESSION_POOL_NONE;
	__u32 early_count = step.is_early ? count_early(sessions, *early, &session) + 1 : 0;
	struct session_node *told;

	if (!step.is_due && !step.is_early)
		return true;
	if (step.is_early) {
		number = session_pool_take(&sessions->nodes);
		if (number == SESSION_POOL_NONE)
			return true;
	}
	if (!session_tell(telling, group, &session, extra, opened,
			  step.is_early ? early_count
					: session_closed_order(node ? node->revision : -1),
			  step.flags)) {
		if (number)
			session_pool_give(&sessions->nodes, number);
		return false;
	}
	session_early_settle(sessions, early, &session);
	if (!number)
		return true;
	told = session_node_at(sessions, number);
	told->session = session;
	told->id = group->id;
	told->revision = SESSION_EARLY;
	told->early_count = early_count;
	told->opened = opened;
	if (sessions->window->extras.count)
		extras_open(&sessions->window->extras, session_node_extra(told));
	told->next = *early;
	*early = number;
	return true;
}

/* The session in the slot. Its next time to be looked at goes to *due_ns. False: no room. */
static bool tell_slot(struct session_telling *telling, struct session_group *group, __s64 *due_ns)
{
	struct sessions *sessions = telling->sessions;
	__s64 end_ns = session_slot_end(sessions, group->slot);
	struct step step = next_step(sessions, end_ns);
	__u32 number = SESSION_POOL_NONE;

	if (step.is_due && !step.leaves) {
		number = keep_slot(sessions, group);
		step.is_due = number != SESSION_POOL_NONE;
	}
	if (!tell_step(telling, group, NULL, step, &group->more->early)) {
		if (number)
			drop_copy(sessions, number);
		return false;
	}
	if (step.leaves) {
		session_slot_clear(sessions, group);
		sessions->has_closed |= step.is_over;
		return true;
	}
	if (number)
		move_to_node(sessions, group, number);
	if (session_is_passed(sessions, end_ns))
		end_ns = window_add_ns(end_ns, sessions->lateness_ns);
	else
		session_note_length(sessions, group->more->first_ns, end_ns);
	*due_ns = end_ns < *due_ns ? end_ns : *due_ns;
	return true;
}

/* The session in a node. False: no room. */
static bool tell_node(struct session_telling *telling, struct session_group *group, __u32 number)
{
	struct sessions *sessions = telling->sessions;
	struct session_node *node = session_node_at(sessions, number);
	struct step step = next_step(sessions, session_end(sessions, &node->session));

	step.is_due = step.is_due && (!node->is_told || node->has_changed);
	if (!tell_step(telling, group, node, step, &node->early))
		return false;
	if (step.is_due) {
		node->revision++;
		node->is_told = true;
		node->has_changed = false;
	}
	sessions->has_closed |= step.is_over;
	if (step.leaves) {
		session_tree_remove(sessions, &group->more->node, number);
		session_node_free(sessions, number);
	} else {
		session_tree_update(sessions, group->more->node, number);
	}
	return true;
}

/* The nodes that have something to tell, from the oldest on; all when the agent stops. False: no
 * room, or enough for this slice. */
static bool tell_due_nodes(struct session_telling *telling, struct session_group *group)
{
	struct sessions *sessions = telling->sessions;
	__u32 number;

	for (;;) {
		number = sessions->is_finishing
				 ? session_tree_behind(sessions, group->more->node, INT64_MIN)
				 : session_tree_due(sessions, group->more->node);
		if (!number)
			return true;
		if (telling->work >= telling->rows_max || !tell_node(telling, group, number))
			return false;
	}
}

/* Early rows of the nodes whose end has not passed, from the newest back to where the slice before
 * stopped. */
static bool tell_early_nodes(struct session_telling *telling, struct session_group *group)
{
	struct sessions *sessions = telling->sessions;
	__u32 number;

	if (sessions->next_early_id != group->id)
		sessions->next_early_ns = INT64_MAX;
	sessions->next_early_id = group->id;
	while ((number = session_tree_before(sessions, group->more->node,
					     sessions->next_early_ns))) {
		const struct session_node *node = session_node_at(sessions, number);
		__s64 first_ns = node->session.first_ns;

		if (session_is_passed(sessions, session_end(sessions, &node->session)))
			break;
		if (telling->work >= telling->rows_max || !tell_node(telling, group, number))
			return false;
		sessions->next_early_ns = window_add_ns(first_ns, -1);
	}
	return true;
}

bool session_tell_group(struct session_telling *telling, struct session_group *group)
{
	struct sessions *sessions = telling->sessions;
	__s64 due_ns;

	if (!tell_due_nodes(telling, group) ||
	    (sessions->is_early && !tell_early_nodes(telling, group)))
		return false;
	due_ns = session_tree_due_ns(sessions, group->more->node);
	if (session_slot_is_used(group) && !tell_slot(telling, group, &due_ns))
		return false;
	sessions->next_early_ns = INT64_MAX;
	*group->due_ns = due_ns;
	telling->work++;
	if (session_group_is_empty(group))
		session_group_end(sessions, group);
	return true;
}
