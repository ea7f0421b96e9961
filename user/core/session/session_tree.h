/* SPDX-License-Identifier: BSD-2-Clause */
/* The sessions of a group beside that in its slot, in the order of their first events: a treap, so
 * that one of thousands is found in a few steps. Each node knows how many are below it and when the
 * first of them has something to tell. */
#ifndef SLUICE_CORE_SESSION_TREE_H
#define SLUICE_CORE_SESSION_TREE_H

#include "core/session/session_state.h"

void session_tree_add(const struct sessions *sessions, __u32 *root, __u32 number);
void session_tree_remove(const struct sessions *sessions, __u32 *root, __u32 number);
/* What is due of a node has changed; not its place in the order. */
void session_tree_update(const struct sessions *sessions, __u32 root, __u32 number);

/* The last node that begins at this time or before, and the first that begins behind it; or 0. */
__u32 session_tree_before(const struct sessions *sessions, __u32 root, __s64 time_ns);
__u32 session_tree_behind(const struct sessions *sessions, __u32 root, __s64 time_ns);
/* Nodes that begin behind a time. */
__u32 session_tree_count_behind(const struct sessions *sessions, __u32 root, __s64 time_ns);

/* The oldest node that has something to tell at the watermark; or 0. */
__u32 session_tree_due(const struct sessions *sessions, __u32 root);
/* When the first of all has something to tell; SESSION_DUE_NEVER: there is none. */
__s64 session_tree_due_ns(const struct sessions *sessions, __u32 root);

#endif
