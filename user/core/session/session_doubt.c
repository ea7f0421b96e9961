/* SPDX-License-Identifier: BSD-2-Clause */
/* Events that may be late, while the sessions they may save them are with several workers. Whether
 * an event is late depends only on sessions known at the last tick and on such events that came
 * before it: so they wait, and are taken in the order of their arrival when all have been handed
 * over. */
#include <stdlib.h>
#include <string.h>

#include "core/session/session_state.h"

bool session_doubt_add(struct sessions *sessions, __u64 stamp, const __u64 *key,
		       const struct extras_event *event, bool is_late)
{
	struct session_doubt *doubt = &sessions->doubt[sessions->doubt_count];

	if (sessions->doubt_count == SESSION_DOUBTS_MAX)
		return false;
	*doubt = (struct session_doubt){
		.stamp = stamp,
		.arrival = sessions->doubt_count++,
		.event = *event,
		.is_late = is_late,
	};
	memcpy(doubt->key, key, sessions->grouping->key_words * sizeof(*key));
	return true;
}

static bool is_before(const struct session_doubt *a, const struct session_doubt *b)
{
	return a->stamp != b->stamp ? a->stamp < b->stamp : a->arrival < b->arrival;
}

static void sink(struct session_doubt *heap, __u32 at, __u32 count)
{
	for (__u32 child = 2 * at + 1; child < count; child = 2 * at + 1) {
		struct session_doubt swap;

		if (child + 1 < count && is_before(&heap[child], &heap[child + 1]))
			child++;
		if (!is_before(&heap[at], &heap[child]))
			return;
		swap = heap[at];
		heap[at] = heap[child];
		heap[child] = swap;
		at = child;
	}
}

/* In place and without memory of its own. */
static void sort(struct session_doubt *doubt, __u32 count)
{
	for (__u32 i = count / 2; i > 0; i--)
		sink(doubt, i - 1, count);
	for (__u32 i = count; i > 1; i--) {
		struct session_doubt swap = doubt[0];

		doubt[0] = doubt[i - 1];
		doubt[i - 1] = swap;
		sink(doubt, 0, i - 1);
	}
}

void session_doubt_settle(struct sessions *sessions)
{
	struct grouping *grouping = sessions->grouping;

	sort(sessions->doubt, sessions->doubt_count);
	for (__u32 i = 0; i < sessions->doubt_count; i++) {
		const struct session_doubt *doubt = &sessions->doubt[i];
		__u32 id;

		if (doubt->is_late) {
			sessions->window->ledger.late--;
			sessions->window->ledger.aggregated++;
		}
		grouping->added_count = 0;
		id = grouping_find_or_add(grouping, doubt->key);
		session_take_event(sessions, id, &doubt->event);
		grouping_drop_unused(grouping);
		groups_step(&grouping->groups, 16);
	}
	sessions->doubt_count = 0;
}
