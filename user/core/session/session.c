/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory of sessions: chunks of slots by group id, opened and freed as groups come and go, and
 * nodes. Nothing here knows when sessions merge. */
#include "core/session/session.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "core/session/session_state.h"

static size_t table_bytes(const struct sessions *sessions)
{
	return sessions->chunk_entries * sizeof(*sessions->chunk);
}

static size_t id_bytes(const struct window *window)
{
	return SESSION_ID_BYTES + window->extras.state_bytes;
}

static int open_memory(struct sessions *sessions, struct memory_budget *budget)
{
	const struct window *window = sessions->window;
	size_t block =
		sizeof(struct session_block) + (size_t)SESSION_BLOCK_EVENTS * sessions->event_bytes;
	int err = chunks_open(&sessions->chunks, id_bytes(window), budget);

	if (!err)
		err = session_pool_open(&sessions->nodes,
					sizeof(struct session_node) + window->extras.state_bytes,
					budget);
	if (!err)
		err = session_pool_open(&sessions->blocks, block, budget);
	if (err)
		return err;
	sessions->chunk = memory_reserve(table_bytes(sessions));
	sessions->history = memory_reserve(SESSION_HISTORY * sizeof(*sessions->history));
	sessions->doubt = memory_reserve(SESSION_DOUBTS_MAX * sizeof(*sessions->doubt));
	sessions->history_count = 1; /* all zero, before the first advance */
	return sessions->chunk && sessions->history && sessions->doubt ? 0 : -ENOMEM;
}

__u32 sessions_list_areas(const struct sessions *sessions, struct area area[static SESSIONS_AREAS])
{
	area[0] = chunks_area(&sessions->chunks, 0);
	area[1] = chunks_area(&sessions->nodes.chunks, 0);
	area[2] = chunks_area(&sessions->blocks.chunks, 0);
	return SESSIONS_AREAS;
}

int sessions_open(struct sessions **result, struct window *window,
		  const struct stream_options *options, struct memory_budget *budget)
{
	const struct window_spec *spec = window->spec;
	struct sessions *sessions = memory_reserve(sizeof(*sessions));
	int err;

	if (!sessions)
		return -ENOMEM;
	*sessions = (struct sessions){
		.window = window,
		.grouping = window->grouping,
		.gap_ns = spec->gap_ns,
		.lateness_ns = spec->allowed_lateness_ns,
		.duration_ns = spec->max_duration_ns,
		.doubt_ns = INT64_MIN,
		.emits = options->worker == 0,
		.is_alone = options->worker_count <= 1,
		.chunk_entries = window->grouping->groups.capacity / CHUNK_ROWS + 1,
		.groups_max = options->groups_max,
		.overflow_due_ns = SESSION_DUE_NEVER,
		.next_early_ns = INT64_MAX,
		.tree_seed = (__u32)(options->hash_seed >> 32),
		.event_bytes =
			window->extras.count ? sizeof(struct extras_event) : 3 * sizeof(__s64),
	};
	_Static_assert(offsetof(struct extras_event, event_id) == 3 * sizeof(__s64),
		       "time, value and weight come first");
	err = open_memory(sessions, budget);
	if (err) {
		sessions_close(sessions);
		return err;
	}
	*result = sessions;
	return 0;
}

void sessions_close(struct sessions *sessions)
{
	if (!sessions)
		return;
	chunks_close(&sessions->chunks);
	session_pool_close(&sessions->nodes);
	session_pool_close(&sessions->blocks);
	memory_release(sessions->chunk, table_bytes(sessions));
	memory_release(sessions->history, SESSION_HISTORY * sizeof(*sessions->history));
	memory_release(sessions->doubt, SESSION_DOUBTS_MAX * sizeof(*sessions->doubt));
	memory_release(sessions, sizeof(*sessions));
}

__u64 sessions_count(const struct sessions *sessions)
{
	return sessions->slots_used + sessions->nodes.used;
}

static bool open_chunk(struct sessions *sessions, __u32 place)
{
	struct session_chunk *chunk = &sessions->chunk[place];
	__s64 *due_ns;

	chunk->number = chunks_take(&sessions->chunks);
	if (chunk->number == CHUNK_NONE)
		return false;
	chunk->due_ns = SESSION_DUE_NEVER;
	chunk->used = 0;
	due_ns = (__s64 *)(chunks_at(&sessions->chunks, chunk->number) + SESSION_DUE_OFFSET);
	for (__u32 i = 0; i < CHUNK_ROWS; i++)
		due_ns[i] = SESSION_DUE_NEVER;
	if (sessions->chunk_count <= place)
		sessions->chunk_count = place + 1;
	return true;
}

struct session_group session_group_at(struct sessions *sessions, __u32 id)
{
	__u32 row = id & (CHUNK_ROWS - 1);
	unsigned char *chunk;

	if (id == GROUPS_NONE)
		return (struct session_group){
			.id = id,
			.more = &sessions->overflow,
			.due_ns = &sessions->overflow_due_ns,
		};
	chunk = session_chunk_at(sessions, id);
	return (struct session_group){
		.id = id,
		.slot = sessions->duration_ns ? NULL : (struct session_slot *)chunk + row,
		.more = (struct session_more *)(chunk + SESSION_MORE_OFFSET) + row,
		.due_ns = (__s64 *)(chunk + SESSION_DUE_OFFSET) + row,
		.extra = chunk + SESSION_EXTRA_OFFSET +
			 (size_t)row * sessions->window->extras.state_bytes,
	};
}

bool session_group_open(struct sessions *sessions, __u32 id, struct session_group *group)
{
	__u32 place = id >> CHUNK_ROWS_SHIFT;

	if (id != GROUPS_NONE && sessions->chunk[place].number == CHUNK_NONE &&
	    !open_chunk(sessions, place))
		return false;
	*group = session_group_at(sessions, id);
	return true;
}

bool session_group_is_empty(const struct session_group *group)
{
	return group->more->node == SESSION_POOL_NONE && !session_slot_is_used(group);
}

void session_group_begin(struct sessions *sessions, const struct session_group *group)
{
	if (group->id == GROUPS_NONE)
		return;
	sessions->groups++;
	sessions->chunk[group->id >> CHUNK_ROWS_SHIFT].used++;
	groups_refer(&sessions->grouping->groups, group->id);
}

static void drop_reference(struct sessions *sessions, __u32 id)
{
	if (id != GROUPS_NONE)
		groups_release(&sessions->grouping->groups, &id, 1);
}

static void close_chunk(struct sessions *sessions, struct session_chunk *chunk)
{
	memset(chunks_at(&sessions->chunks, chunk->number), 0, sessions->chunks.chunk_bytes);
	chunks_give(&sessions->chunks, chunk->number);
	chunk->number = CHUNK_NONE;
}

void session_group_give_up(struct sessions *sessions, const struct session_group *group)
{
	struct session_chunk *chunk;

	if (group->id == GROUPS_NONE)
		return;
	chunk = &sessions->chunk[group->id >> CHUNK_ROWS_SHIFT];
	if (chunk->used == 0)
		close_chunk(sessions, chunk);
}

void session_group_end(struct sessions *sessions, const struct session_group *group)
{
	struct session_chunk *chunk;

	*group->due_ns = SESSION_DUE_NEVER;
	group->more->opened = 0;
	if (group->id == GROUPS_NONE)
		return;
	chunk = &sessions->chunk[group->id >> CHUNK_ROWS_SHIFT];
	assert(sessions->groups > 0 && chunk->used > 0);
	sessions->groups--;
	drop_reference(sessions, group->id);
	if (--chunk->used == 0)
		close_chunk(sessions, chunk);
}

void session_slot_clear(struct sessions *sessions, struct session_group *group)
{
	if (sessions->window->extras.count)
		extras_clear(&sessions->window->extras, group->extra);
	memset(group->slot, 0, sizeof(*group->slot));
	sessions->slots_used--;
}

void session_group_expect(struct sessions *sessions, const struct session_group *group,
			  __s64 due_ns)
{
	struct session_chunk *chunk;

	if (due_ns < *group->due_ns)
		*group->due_ns = due_ns;
	if (group->id == GROUPS_NONE)
		return;
	chunk = &sessions->chunk[group->id >> CHUNK_ROWS_SHIFT];
	if (due_ns < chunk->due_ns)
		chunk->due_ns = due_ns;
}

void session_retract(struct sessions *sessions, __u32 number)
{
	struct session_node *node = session_node_at(sessions, number);

	node->next = SESSION_POOL_NONE;
	if (node->id != GROUPS_NONE)
		groups_refer(&sessions->grouping->groups, node->id);
	if (sessions->retraction_last)
		session_node_at(sessions, sessions->retraction_last)->next = number;
	else
		sessions->retraction_first = number;
	sessions->retraction_last = number;
}

void session_early_settle(struct sessions *sessions, __u32 *early, const struct session *session)
{
	while (*early) {
		__u32 number = *early;
		struct session_node *node = session_node_at(sessions, number);

		*early = node->next;
		if (session && session->first_ns == node->session.first_ns &&
		    session_end(sessions, session) == session_end(sessions, &node->session))
			session_node_free(sessions, number);
		else
			session_retract(sessions, number);
	}
}

void session_retraction_free(struct sessions *sessions)
{
	__u32 number = sessions->retraction_first;
	struct session_node *node = session_node_at(sessions, number);
	__u32 id = node->id;

	sessions->retraction_first = node->next;
	if (!node->next)
		sessions->retraction_last = SESSION_POOL_NONE;
	session_node_free(sessions, number);
	drop_reference(sessions, id);
}

void session_node_free(struct sessions *sessions, __u32 number)
{
	struct session_node *node = session_node_at(sessions, number);

	session_block_free(sessions, node->first_block);
	if (sessions->window->extras.count)
		extras_clear(&sessions->window->extras, session_node_extra(node));
	session_pool_give(&sessions->nodes, number);
}

__s64 sessions_longest_ns(const struct sessions *sessions)
{
	return sessions->longest_ns > sessions->duration_ns ? sessions->longest_ns
							    : sessions->duration_ns;
}

__u64 sessions_open_records(const struct sessions *sessions)
{
	return sessions->aggregated > sessions->told_records
		       ? sessions->aggregated - sessions->told_records
		       : 0;
}
