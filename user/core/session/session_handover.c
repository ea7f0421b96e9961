/* SPDX-License-Identifier: BSD-2-Clause */
/* What other workers saw goes to worker 0 at each tick: sessions that reach behind the watermark as
 * partials, or their events where max_duration needs them, and events that may be late as they
 * came. Sessions ahead of the watermark stay and grow: nothing that is told at this tick can touch
 * them, unless it is told early. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "core/session/session_rows.h"
#include "core/session/session_tree.h"

/* Rows of an export: a sluice_row_head (revision: the advance; start and end: first and last), key
 * words, and a partial with its tail, or an event. */
#define FLAG_EVENTS SLUICE_ROWS_EARLY
#define FLAG_DOUBTS SLUICE_ROWS_RETRACTED
#define FLAGS_KNOWN (SLUICE_ROWS_VARIABLE | SLUICE_ROWS_OVERFLOW | FLAG_EVENTS | FLAG_DOUBTS)
#define SLOTS_PER_ROW 64u

struct giving {
	struct sessions *sessions;
	struct session_rows rows;
	__u32 rows_max;
	__u32 work;
	bool is_stuck;
};

static __u32 rows_left(const struct giving *giving)
{
	return giving->work < giving->rows_max ? giving->rows_max - giving->work : 1;
}

/* The head of a row, and its key, in a record that has room for all of it. */
static bool begin_row(struct giving *giving, struct sluice_row_head head, const __u64 *key,
		      size_t bytes, __u16 flags)
{
	size_t key_bytes = giving->sessions->grouping->key_words * sizeof(*key);

	head.bytes = (__u32)(sizeof(head) + key_bytes + bytes);
	if (!session_rows_reserve(&giving->rows, head.bytes, flags, rows_left(giving))) {
		giving->is_stuck = true;
		return false;
	}
	session_rows_put(&giving->rows, &head, sizeof(head));
	session_rows_put(&giving->rows, key, key_bytes);
	giving->rows.head->row_count++;
	giving->work++;
	return true;
}

static bool give_doubts(struct giving *giving)
{
	struct sessions *sessions = giving->sessions;

	while (sessions->doubt_next < sessions->doubt_count) {
		const struct session_doubt *doubt = &sessions->doubt[sessions->doubt_next];
		struct sluice_row_head head = { .start_ns = (__s64)doubt->stamp,
						.end_ns = doubt->is_late };

		if (giving->work >= giving->rows_max ||
		    !begin_row(giving, head, doubt->key, sizeof(doubt->event),
			       FLAG_EVENTS | FLAG_DOUBTS))
			return false;
		session_rows_put(&giving->rows, &doubt->event, sizeof(doubt->event));
		sessions->doubt_next++;
	}
	sessions->doubt_next = sessions->doubt_count = 0;
	return true;
}

static __u16 flags_of(__u32 id)
{
	return id == GROUPS_NONE ? SLUICE_ROWS_OVERFLOW : 0;
}

static bool give_span(struct giving *giving, __u32 id, const struct session *session,
		      const void *extra, __u32 opened)
{
	struct sessions *sessions = giving->sessions;
	const struct extras *extras = &sessions->window->extras;
	bool has_tail = extras->count && id != GROUPS_NONE;
	size_t tail = has_tail ? extras_bytes(extras, extra) : 0;
	struct sluice_row_head head = {
		.revision = (__s32)opened,
		.start_ns = session->first_ns,
		.end_ns = session->last_ns,
	};

	if (!begin_row(giving, head, session_group_key(sessions, id),
		       sizeof(session->partial) + tail, flags_of(id)))
		return false;
	session_rows_put(&giving->rows, &session->partial, sizeof(session->partial));
	if (tail)
		extras_write(extras, extra, giving->rows.at);
	giving->rows.at += tail;
	return true;
}

/* Block after block: what is given is freed, so that it can be gone on with. */
static bool give_events(struct giving *giving, struct session_node *node)
{
	struct sessions *sessions = giving->sessions;
	const __u64 *key = session_group_key(sessions, node->id);
	struct sluice_row_head head = { .revision = (__s32)node->opened };

	while (node->first_block) {
		__u32 number = node->first_block;
		struct session_block *block = session_pool_at(&sessions->blocks, number);

		while (block->count) {
			struct extras_event event = { 0 };

			memcpy(&event,
			       block->event + (size_t)(block->count - 1) * sessions->event_bytes,
			       sessions->event_bytes);
			if (!begin_row(giving, head, key, sizeof(event),
				       FLAG_EVENTS | flags_of(node->id)))
				return false;
			session_rows_put(&giving->rows, &event, sizeof(event));
			block->count--;
		}
		node->first_block = block->next;
		session_pool_give(&sessions->blocks, number);
	}
	node->last_block = SESSION_POOL_NONE;
	return true;
}

static bool is_ahead(const struct sessions *sessions, const struct session *session)
{
	return !sessions->is_finishing && !sessions->is_early &&
	       session->first_ns >= sessions->window->watermark_ns;
}

/* Sessions of a group that reach behind the watermark, the oldest first. False: no room, or enough
 * for this slice. */
static bool give_group(struct giving *giving, struct session_group *group)
{
	struct sessions *sessions = giving->sessions;
	__u32 number;

	while ((number = session_tree_behind(sessions, group->more->node, INT64_MIN))) {
		struct session_node *node = session_node_at(sessions, number);

		if (is_ahead(sessions, &node->session))
			break;
		if (giving->work >= giving->rows_max)
			return false;
		if (sessions->duration_ns ? !give_events(giving, node)
					  : !give_span(giving, group->id, &node->session,
						       session_node_extra(node), node->opened))
			return false;
		session_tree_remove(sessions, &group->more->node, number);
		session_node_free(sessions, number);
	}
	if (session_slot_is_used(group)) {
		struct session session = session_slot_read(group);

		if (!is_ahead(sessions, &session)) {
			if (!give_span(giving, group->id, &session, group->extra,
				       group->more->opened))
				return false;
			session_slot_clear(sessions, group);
		}
	}
	if (session_group_is_empty(group))
		session_group_end(sessions, group);
	return true;
}

/* The groups of one chunk, from next_row on. */
static bool give_chunk(struct giving *giving, const struct session_chunk *chunk)
{
	struct sessions *sessions = giving->sessions;
	__u32 first_id = sessions->next_chunk << CHUNK_ROWS_SHIFT;

	for (; sessions->next_row < CHUNK_ROWS; sessions->next_row++) {
		struct session_group group =
			session_group_at(sessions, first_id + sessions->next_row);

		if (sessions->next_row % SLOTS_PER_ROW == 0)
			giving->work++;
		if (session_group_is_empty(&group))
			continue;
		if (giving->work >= giving->rows_max && sessions->next_row % SLOTS_PER_ROW)
			return false;
		if (!give_group(giving, &group))
			return false;
		if (chunk->number == CHUNK_NONE)
			return true;
	}
	return true;
}

static bool give_all(struct giving *giving)
{
	struct sessions *sessions = giving->sessions;
	struct session_group overflow = session_group_at(sessions, GROUPS_NONE);

	while (sessions->next_chunk < sessions->chunk_count) {
		const struct session_chunk *chunk = &sessions->chunk[sessions->next_chunk];

		if (chunk->number != CHUNK_NONE && !give_chunk(giving, chunk))
			return false;
		sessions->next_chunk++;
		sessions->next_row = 0;
		if (giving->work >= giving->rows_max)
			return false;
	}
	return session_group_is_empty(&overflow) || give_group(giving, &overflow);
}

int sessions_export(struct stream *stream, struct window *window, const struct row_writer *writer,
		    __u32 rows_max, bool *is_done)
{
	struct sessions *sessions = window->sessions;
	struct giving giving = {
		.sessions = sessions,
		.rows = session_rows_make(window, writer),
		.rows_max = rows_max,
	};

	(void)stream;
	*is_done = false;
	if (sessions->phase == SESSION_RETRACTING && give_doubts(&giving)) {
		sessions->phase = SESSION_SWEEPING;
		sessions->is_again = false;
		sessions->next_chunk = sessions->next_row = 0;
	}
	if (sessions->phase == SESSION_SWEEPING && give_all(&giving)) {
		sessions->phase = sessions->is_again ? SESSION_RETRACTING : SESSION_IDLE;
		*is_done = !sessions->is_again;
		sessions->is_early &= sessions->is_again;
	}
	session_rows_commit(&giving.rows);
	return giving.is_stuck && !giving.work ? -EAGAIN : (int)giving.work + 1;
}

static int import_event(struct sessions *sessions, __u16 flags, const struct sluice_row_head *head,
			const __u64 *key)
{
	struct session_span span = { .opened = (__u32)head->revision };
	struct extras_event event;

	memcpy(&event, key + sessions->grouping->key_words, sizeof(event));
	if (flags & FLAG_DOUBTS) {
		if (sessions->doubt_count == SESSION_DOUBTS_MAX)
			session_doubt_settle(sessions);
		session_doubt_add(sessions, (__u64)head->start_ns, key, &event, head->end_ns != 0);
		return 0;
	}
	span.session.first_ns = span.session.last_ns = event.time_ns;
	partial_open(&span.session.partial);
	partial_add(&span.session.partial, event.value, (__u16)event.weight);
	span.event = &event;
	session_take_span(sessions, flags & SLUICE_ROWS_OVERFLOW ? NULL : key, &span);
	return 0;
}

static int import_span(struct sessions *sessions, __u16 flags, const struct sluice_row_head *head,
		       const __u64 *key)
{
	const unsigned char *partial = (const unsigned char *)(key + sessions->grouping->key_words);
	struct session_span span = {
		.session = { .first_ns = head->start_ns, .last_ns = head->end_ns },
		.opened = (__u32)head->revision,
		.tail = partial + sizeof(span.session.partial),
	};

	memcpy(&span.session.partial, partial, sizeof(span.session.partial));
	span.tail_bytes = (size_t)((const unsigned char *)head + head->bytes -
				   (const unsigned char *)span.tail);
	if (span.session.partial.records == 0 || span.session.first_ns > span.session.last_ns)
		return -EINVAL;
	session_take_span(sessions, flags & SLUICE_ROWS_OVERFLOW ? NULL : key, &span);
	return 0;
}

int sessions_import(struct stream *stream, struct window *window, const struct sluice_rows *head,
		    size_t bytes)
{
	struct sessions *sessions = window->sessions;
	const unsigned char *at = (const unsigned char *)(head + 1), *end = at + bytes;
	bool has_events = head->flags & FLAG_EVENTS;
	size_t least = sizeof(struct sluice_row_head) +
		       sessions->grouping->key_words * sizeof(__u64) +
		       (has_events ? sizeof(struct extras_event) : sizeof(struct sluice_partial));

	(void)stream;
	if (!(head->flags & SLUICE_ROWS_VARIABLE) || (head->flags & ~FLAGS_KNOWN) ||
	    (!has_events && (head->flags & FLAG_DOUBTS)) || (!has_events && sessions->duration_ns))
		return -EINVAL;
	for (__u32 i = 0; i < head->row_count; i++) {
		const struct sluice_row_head *row = (const struct sluice_row_head *)at;
		const __u64 *key = (const __u64 *)(row + 1);
		int err;

		if ((size_t)(end - at) < least || row->bytes < least ||
		    row->bytes > (size_t)(end - at) || row->bytes % 8)
			return -EINVAL;
		err = has_events ? import_event(sessions, head->flags, row, key)
				 : import_span(sessions, head->flags, row, key);
		if (err)
			return err;
		at += row->bytes;
	}
	return at == end ? 0 : -EINVAL;
}
