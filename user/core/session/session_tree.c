/* SPDX-License-Identifier: BSD-2-Clause */
/* A treap (Seidel, Aragon 1996): in order by time, a heap by a hash of the node's number. Its shape
 * is that of a tree to which the nodes were added in a random order. */
#include "core/session/session_tree.h"

static __u32 priority(const struct sessions *sessions, __u32 number)
{
	__u32 hash = (number ^ sessions->tree_seed) * 0x9e3779b1u;

	hash = (hash ^ hash >> 15) * 0x85ebca77u;
	return hash ^ hash >> 13;
}

/* Two that begin together are told apart by their numbers. */
static bool is_before(const struct sessions *sessions, __u32 a, __u32 b)
{
	__s64 a_ns = session_node_at(sessions, a)->session.first_ns;
	__s64 b_ns = session_node_at(sessions, b)->session.first_ns;

	return a_ns != b_ns ? a_ns < b_ns : a < b;
}

__s64 session_tree_due_ns(const struct sessions *sessions, __u32 root)
{
	return root ? session_node_at(sessions, root)->due_ns : SESSION_DUE_NEVER;
}

static __u32 size_of(const struct sessions *sessions, __u32 root)
{
	return root ? session_node_at(sessions, root)->size : 0;
}

/* A told session is looked at again when its lateness is over, or at once. */
static __s64 own_due(const struct sessions *sessions, const struct session_node *node)
{
	__s64 end_ns = session_end(sessions, &node->session);

	if (!node->is_told)
		return end_ns;
	return node->has_changed ? INT64_MIN : window_add_ns(end_ns, sessions->lateness_ns);
}

static void refresh(const struct sessions *sessions, struct session_node *node)
{
	__s64 left_ns = session_tree_due_ns(sessions, node->left);
	__s64 right_ns = session_tree_due_ns(sessions, node->right);

	node->size = 1 + size_of(sessions, node->left) + size_of(sessions, node->right);
	node->due_ns = own_due(sessions, node);
	node->due_ns = left_ns < node->due_ns ? left_ns : node->due_ns;
	node->due_ns = right_ns < node->due_ns ? right_ns : node->due_ns;
}

/* Parts the tree into what is before a node and what is behind it. */
static void split(const struct sessions *sessions, __u32 root, __u32 number, __u32 *before,
		  __u32 *behind)
{
	struct session_node *node;

	if (!root) {
		*before = *behind = 0;
		return;
	}
	node = session_node_at(sessions, root);
	if (is_before(sessions, root, number)) {
		split(sessions, node->right, number, &node->right, behind);
		*before = root;
	} else {
		split(sessions, node->left, number, before, &node->left);
		*behind = root;
	}
	refresh(sessions, node);
}

/* All of `before` is before all of `behind`. */
static __u32 join(const struct sessions *sessions, __u32 before, __u32 behind)
{
	struct session_node *node;

	if (!before || !behind)
		return before ? before : behind;
	if (priority(sessions, before) > priority(sessions, behind)) {
		node = session_node_at(sessions, before);
		node->right = join(sessions, node->right, behind);
		refresh(sessions, node);
		return before;
	}
	node = session_node_at(sessions, behind);
	node->left = join(sessions, before, node->left);
	refresh(sessions, node);
	return behind;
}

void session_tree_add(const struct sessions *sessions, __u32 *root, __u32 number)
{
	struct session_node *node = session_node_at(sessions, number);

	if (*root && priority(sessions, *root) >= priority(sessions, number)) {
		struct session_node *above = session_node_at(sessions, *root);

		session_tree_add(sessions,
				 is_before(sessions, number, *root) ? &above->left : &above->right,
				 number);
		refresh(sessions, above);
		return;
	}
	split(sessions, *root, number, &node->left, &node->right);
	refresh(sessions, node);
	*root = number;
}

void session_tree_remove(const struct sessions *sessions, __u32 *root, __u32 number)
{
	struct session_node *node = session_node_at(sessions, *root);

	if (*root == number) {
		*root = join(sessions, node->left, node->right);
		node->left = node->right = 0;
		return;
	}
	session_tree_remove(sessions,
			    is_before(sessions, number, *root) ? &node->left : &node->right,
			    number);
	refresh(sessions, node);
}

void session_tree_update(const struct sessions *sessions, __u32 root, __u32 number)
{
	struct session_node *node = session_node_at(sessions, root);

	if (root != number)
		session_tree_update(sessions,
				    is_before(sessions, number, root) ? node->left : node->right,
				    number);
	refresh(sessions, node);
}

__u32 session_tree_before(const struct sessions *sessions, __u32 root, __s64 time_ns)
{
	__u32 found = 0;

	while (root) {
		const struct session_node *node = session_node_at(sessions, root);
		bool is_found = node->session.first_ns <= time_ns;

		found = is_found ? root : found;
		root = is_found ? node->right : node->left;
	}
	return found;
}

__u32 session_tree_behind(const struct sessions *sessions, __u32 root, __s64 time_ns)
{
	__u32 found = 0;

	while (root) {
		const struct session_node *node = session_node_at(sessions, root);
		bool is_found = node->session.first_ns > time_ns;

		found = is_found ? root : found;
		root = is_found ? node->left : node->right;
	}
	return found;
}

__u32 session_tree_count_behind(const struct sessions *sessions, __u32 root, __s64 time_ns)
{
	__u32 count = 0;

	while (root) {
		const struct session_node *node = session_node_at(sessions, root);
		bool is_counted = node->session.first_ns > time_ns;

		count += is_counted ? 1 + size_of(sessions, node->right) : 0;
		root = is_counted ? node->left : node->right;
	}
	return count;
}

__u32 session_tree_due(const struct sessions *sessions, __u32 root)
{
	while (root && session_is_passed(sessions, session_tree_due_ns(sessions, root))) {
		const struct session_node *node = session_node_at(sessions, root);

		if (session_is_passed(sessions, session_tree_due_ns(sessions, node->left)))
			root = node->left;
		else if (session_is_passed(sessions, own_due(sessions, node)))
			return root;
		else
			root = node->right;
	}
	return 0;
}
