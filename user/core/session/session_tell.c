/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes the rows of sessions, with what is known to be missing from the interval of each: rows
 * that miss the same share a record. */
#include "core/session/session_tell.h"

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

/* Room for a row of this head in a record of these flags and this loss. */
static bool make_room(struct session_telling *telling, const struct sluice_row_head *row,
		      __u16 flags, __u32 opened)
{
	const struct sessions *sessions = telling->sessions;
	const struct session_history *before = find_history(sessions, opened);
	__u64 aggregated = since(sessions->aggregated, before->aggregated);
	__u32 left = telling->work < telling->rows_max ? telling->rows_max - telling->work : 1;
	struct session_rows *rows = &telling->rows;
	struct sluice_missing missing;
	struct share share;

	window_read_losses(sessions->window, row->start_ns, row->end_ns, &missing, &share);
	if (rows->head && ((flags & SLUICE_ROWS_OVERFLOW) ||
			   memcmp(&rows->head->missing, &missing, sizeof(missing))))
		session_rows_commit(rows);
	if (!session_rows_reserve(rows, row->bytes, flags,
				  flags & SLUICE_ROWS_OVERFLOW ? 1 : left)) {
		telling->is_stuck = true;
		return false;
	}
	rows->head->missing = missing;
	rows->head->selected = share.selected;
	rows->head->offered = share.offered;
	if (aggregated > rows->head->aggregated)
		rows->head->aggregated = aggregated;
	return true;
}

static void note_told(struct sessions *sessions, const struct session *session, __s64 end_ns)
{
	sessions->told_records += session->partial.records;
	session_note_length(sessions, session->first_ns, end_ns);
}

bool session_tell(struct session_telling *telling, const struct session_group *group,
		  const struct session *session, const void *extra, __u32 opened, __u64 order,
		  __u16 flags)
{
	const struct sessions *sessions = telling->sessions;
	const struct extras *extras = &sessions->window->extras;
	size_t key_bytes = sessions->grouping->key_words * sizeof(__u64), tail = 0;
	struct sluice_row_head head = {
		.revision = order < SLUICE_ORDER_CLOSED ? -1 : (__s32)(order - SLUICE_ORDER_CLOSED),
		.order = order,
		.start_ns = session->first_ns,
		.end_ns = session_end(sessions, session),
	};

	if (group->id == GROUPS_NONE)
		flags |= SLUICE_ROWS_OVERFLOW;
	else if (extras->count)
		tail = extras_bytes(extras, extra);
	head.bytes = (__u32)(sizeof(head) + key_bytes + sizeof(session->partial) + tail);
	if (!make_room(telling, &head, flags, opened))
		return false;
	session_rows_put(&telling->rows, &head, sizeof(head));
	session_rows_put(&telling->rows, session_group_key(sessions, group->id), key_bytes);
	session_rows_put(&telling->rows, &session->partial, sizeof(session->partial));
	if (tail)
		extras_write(extras, extra, telling->rows.at);
	telling->rows.at += tail;
	telling->rows.head->row_count++;
	telling->sessions->run_rows++;
	if (order == SLUICE_ORDER_CLOSED)
		note_told(telling->sessions, session, head.end_ns);
	telling->work++;
	return true;
}
