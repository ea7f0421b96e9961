/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes the rows of sessions, with what is known to be missing since each began: rows that miss
 * the same share a record. */
#include "core/session_tell.h"

#include <string.h>

static __u64 since(__u64 now, __u64 before)
{
	return now > before ? now - before : 0;
}

/* The last totals that were taken before the session began. */
static const struct session_history *find_history(const struct sessions *sessions, __u32 opened)
{
	__u32 low = 0, high = sessions->history_count;

	while (low + 1 < high) {
		__u32 middle = (low + high) / 2;

		if (sessions->history[middle].advance <= opened)
			low = middle;
		else
			high = middle;
	}
	return &sessions->history[low];
}

static void fill_missing(const struct sessions *sessions, const struct session_history *before,
			 struct sluice_missing *missing)
{
	const struct sluice_missing *now = &sessions->window->missing;

	*missing = (struct sluice_missing){
		.shed = since(now->shed, before->missing.shed),
		.ring_full = since(now->ring_full, before->missing.ring_full),
		.refused = since(now->refused, before->missing.refused),
		.late = since(now->late, before->missing.late),
		.upstream = since(now->upstream, before->missing.upstream),
	};
}

/* Room for a row of these bytes in a block of these flags and this loss. */
static bool make_room(struct session_telling *telling, size_t bytes, __u16 flags, __u32 opened)
{
	const struct sessions *sessions = telling->sessions;
	const struct session_history *before = find_history(sessions, opened);
	__u64 aggregated = since(sessions->aggregated, before->aggregated);
	__u32 left = telling->work < telling->rows_max ? telling->rows_max - telling->work : 1;
	struct session_rows *rows = &telling->rows;
	struct sluice_missing missing;

	fill_missing(sessions, before, &missing);
	if (rows->head && ((flags & SLUICE_ROWS_OVERFLOW) ||
			   memcmp(&rows->head->missing, &missing, sizeof(missing))))
		session_rows_commit(rows);
	if (!session_rows_reserve(rows, bytes, flags, flags & SLUICE_ROWS_OVERFLOW ? 1 : left)) {
		telling->is_stuck = true;
		return false;
	}
	rows->head->missing = missing;
	if (aggregated > rows->head->aggregated)
		rows->head->aggregated = aggregated;
	return true;
}

bool session_tell(struct session_telling *telling, const struct session_group *group,
		  const struct session *session, const void *extra, __u32 opened, __s32 revision,
		  __u16 flags)
{
	const struct sessions *sessions = telling->sessions;
	const struct extras *extras = &sessions->window->extras;
	size_t key_bytes = sessions->grouping->key_words * sizeof(__u64), tail = 0;
	struct sluice_row_head head = {
		.revision = revision,
		.start_ns = session->first_ns,
		.end_ns = session_end(sessions, session),
	};

	if (group->id == GROUPS_NONE)
		flags |= SLUICE_ROWS_OVERFLOW;
	else if (extras->count)
		tail = extras_bytes(extras, extra);
	head.bytes = (__u32)(sizeof(head) + key_bytes + sizeof(session->partial) + tail);
	if (!make_room(telling, head.bytes, flags, opened))
		return false;
	session_rows_put(&telling->rows, &head, sizeof(head));
	session_rows_put(&telling->rows, session_group_key(sessions, group->id), key_bytes);
	session_rows_put(&telling->rows, &session->partial, sizeof(session->partial));
	if (tail)
		extras_write(extras, extra, telling->rows.at);
	telling->rows.at += tail;
	telling->rows.head->row_count++;
	telling->work++;
	return true;
}
