/* SPDX-License-Identifier: BSD-2-Clause */
/* What sessions tell, in slices: first what is retracted, then a sweep over the groups that are
 * due, then a record that says up to where all is final. A group is due when the smallest of its
 * times has passed; times are put right only when a sweep finds them passed, so that an event
 * writes none. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "core/session/session_tell.h"

/* Looking also costs time: so many chunks, or ids, count as one row of the slice. */
#define CHUNKS_PER_ROW 16u
#define VISITS_PER_ROW 8u

static bool is_due(const struct sessions *sessions, __s64 due_ns)
{
	return due_ns != SESSION_DUE_NEVER && (sessions->is_finishing || sessions->is_early ||
					       session_is_passed(sessions, due_ns));
}

/* Fetches what the due ids of a chunk need, from next_row on. */
static __u32 list_due(const struct sessions *sessions, const unsigned char *chunk, __u8 *rows)
{
	const __s64 *due_ns = (const __s64 *)(chunk + SESSION_DUE_OFFSET);
	const struct session_slot *slots = (const struct session_slot *)chunk;
	const struct session_more *more =
		(const struct session_more *)(chunk + SESSION_MORE_OFFSET);
	__u32 count = 0;

	for (__u32 row = sessions->next_row; row < CHUNK_ROWS; row++) {
		if (!is_due(sessions, due_ns[row]))
			continue;
		__builtin_prefetch(&slots[row], 1, 2);
		__builtin_prefetch(&more[row], 0, 2);
		rows[count++] = (__u8)row;
	}
	return count;
}

/* Of the due ids those that have something to tell: a slot that has only grown is due later. */
static __u32 keep_passed(struct sessions *sessions, unsigned char *chunk, __u32 first_id,
			 __u8 *rows, __u32 count)
{
	const struct groups *groups = &sessions->grouping->groups;
	const struct session_slot *slots = (const struct session_slot *)chunk;
	const struct session_more *more =
		(const struct session_more *)(chunk + SESSION_MORE_OFFSET);
	__s64 *due_ns = (__s64 *)(chunk + SESSION_DUE_OFFSET);
	bool tells_all = sessions->is_early || sessions->is_finishing;
	__u32 kept = 0;

	for (__u32 i = 0; i < count; i++) {
		__u32 row = rows[i];

		if (more[row].node) {
			const struct session_node *node = session_node_at(sessions, more[row].node);

			__builtin_prefetch(node, 1, 2);
			__builtin_prefetch(&node->next, 1, 2);
		} else if (!tells_all && slots[row].partial.records) {
			__s64 end_ns = session_slot_end(sessions, &slots[row]);

			if (!session_is_passed(sessions, end_ns)) {
				session_note_length(sessions, more[row].first_ns, end_ns);
				due_ns[row] = end_ns;
				continue;
			}
		}
		__builtin_prefetch(groups_key(groups, first_id + row), 1, 2);
		rows[kept++] = (__u8)row;
	}
	return kept;
}

/* The due groups of one chunk, from next_row on. False: no room, or enough for this slice. */
static bool sweep_chunk(struct session_telling *telling, struct session_chunk *chunk)
{
	struct sessions *sessions = telling->sessions;
	unsigned char *memory = chunks_at(&sessions->chunks, chunk->number);
	const __s64 *due_ns = (const __s64 *)(memory + SESSION_DUE_OFFSET);
	__u32 first_id = sessions->next_chunk << CHUNK_ROWS_SHIFT;
	__s64 next_ns = SESSION_DUE_NEVER;
	__u8 rows[CHUNK_ROWS];
	__u32 count = list_due(sessions, memory, rows), kept;

	kept = keep_passed(sessions, memory, first_id, rows, count);
	telling->work += (count - kept) / VISITS_PER_ROW;
	for (__u32 i = 0; i < kept; i++) {
		struct session_group group = session_group_at(sessions, first_id + rows[i]);

		sessions->next_row = rows[i];
		if (telling->work >= telling->rows_max || !session_tell_group(telling, &group))
			return false;
		if (chunk->number == CHUNK_NONE)
			return true;
	}
	for (__u32 i = 0; i < CHUNK_ROWS; i++)
		next_ns = due_ns[i] < next_ns ? due_ns[i] : next_ns;
	chunk->due_ns = next_ns;
	return true;
}

/* Returns false when the slice ends before the sweep. */
static bool sweep(struct session_telling *telling)
{
	struct sessions *sessions = telling->sessions;
	struct session_group overflow = session_group_at(sessions, GROUPS_NONE);

	for (__u32 read = 0; sessions->next_chunk < sessions->chunk_count; read++) {
		struct session_chunk *chunk = &sessions->chunk[sessions->next_chunk];

		if (chunk->number != CHUNK_NONE && is_due(sessions, chunk->due_ns) &&
		    !sweep_chunk(telling, chunk))
			return false;
		sessions->next_chunk++;
		sessions->next_row = 0;
		if (read % CHUNKS_PER_ROW == 0)
			telling->work++;
		if (telling->work >= telling->rows_max)
			return false;
	}
	return !is_due(sessions, sessions->overflow_due_ns) ||
	       session_tell_group(telling, &overflow);
}

static bool tell_retractions(struct session_telling *telling)
{
	struct sessions *sessions = telling->sessions;

	while (sessions->retraction_first) {
		struct session_node *node = session_node_at(sessions, sessions->retraction_first);
		struct session_group group = { .id = node->id };
		bool is_early = node->revision == SESSION_EARLY;
		__u16 flags = SLUICE_ROWS_RETRACTED | (is_early ? SLUICE_ROWS_EARLY : 0);
		if (telling->work >= telling->rows_max ||
		    !session_tell(telling, &group, &node->session, session_node_extra(node),
				  node->opened,
				  is_early ? node->early_count + 1ull
					   : session_closed_order(node->revision),
				  flags))
			return false;
		session_retraction_free(sessions);
	}
	return true;
}

static bool give_up(struct session_telling *telling)
{
	telling->is_stuck = true;
	return false;
}

/* The step is complete; what ends at closing_ns or before is final. */
static bool tell_closing(struct session_telling *telling)
{
	struct sessions *sessions = telling->sessions;
	struct sluice_emission record = {
		.start_ns = INT64_MIN,
		.end_ns = sessions->window->watermark_ns,
		.window = (__u16)sessions->window->index,
		.epoch = sessions->window->epoch,
		.first_lsn = sessions->run_position,
		.rows = sessions->run_rows,
	};

	session_rows_commit(&telling->rows);
	if (sessions->run_rows) {
		if (emission_put_record(telling->rows.writer, SLUICE_DISK_COMPLETE, &record) < 0)
			return give_up(telling);
		sessions->run_rows = 0;
		sessions->window->emitted_end_ns = record.end_ns;
		telling->work++;
	}
	if (!sessions->has_closed || sessions->is_finishing)
		return true;
	record.end_ns = sessions->closing_ns;
	record.flags = SLUICE_ROWS_FINAL;
	record.first_lsn = sessions->final_position;
	record.rows = 0;
	if (emission_put_record(telling->rows.writer, SLUICE_DISK_FINAL, &record) < 0)
		return give_up(telling);
	telling->work++;
	sessions->has_closed = sessions->is_again;
	sessions->final_position = 0;
	return true;
}

static void begin_sweep(struct sessions *sessions)
{
	__s64 watermark_ns = sessions->window->watermark_ns;

	sessions->is_again = false;
	sessions->next_chunk = 0;
	sessions->next_row = 0;
	sessions->closing_ns = watermark_ns == SOURCES_WATERMARK_NONE
				       ? INT64_MIN
				       : window_add_ns(watermark_ns, -1 - sessions->lateness_ns);
	sessions->phase = SESSION_SWEEPING;
}

int sessions_emit(struct stream *stream, struct window *window, const struct row_writer *writer,
		  __u32 rows_max, bool *is_done)
{
	struct sessions *sessions = window->sessions;
	struct session_telling telling = {
		.sessions = sessions,
		.rows = session_rows_make(window, writer),
		.rows_max = rows_max,
	};

	(void)stream;
	*is_done = false;
	if (sessions->run_rows == 0)
		sessions->run_position = emission_position(writer);
	if (sessions->final_position == 0)
		sessions->final_position = sessions->run_position;
	if (sessions->phase == SESSION_RETRACTING && tell_retractions(&telling))
		begin_sweep(sessions);
	if (sessions->phase == SESSION_SWEEPING && sweep(&telling))
		sessions->phase = SESSION_CLOSING;
	if (sessions->phase == SESSION_CLOSING && tell_retractions(&telling) &&
	    tell_closing(&telling)) {
		sessions->is_early = false;
		sessions->phase = sessions->is_again ? SESSION_RETRACTING : SESSION_IDLE;
		*is_done = !sessions->is_again;
	}
	session_rows_commit(&telling.rows);
	return telling.is_stuck && !telling.work ? -EAGAIN : (int)telling.work + 1;
}
