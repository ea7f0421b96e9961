/* SPDX-License-Identifier: BSD-2-Clause */
/* The queue of what waits for emission: instances, panes, and the sessions of a window. */
#include <assert.h>
#include <errno.h>

#include "base/memory.h"
#include "core/session/session.h"
#include "core/stream/stream_state.h"

int emission_queue_open(struct emission_queue *queue, __u32 panes)
{
	__u32 capacity = 1;

	while (capacity < panes)
		capacity *= 2;
	*queue = (struct emission_queue){ .capacity = capacity };
	queue->entry = memory_reserve(capacity * sizeof(*queue->entry));
	return queue->entry ? 0 : -ENOMEM;
}

void emission_queue_close(struct emission_queue *queue)
{
	memory_release(queue->entry, queue->capacity * sizeof(*queue->entry));
	*queue = (struct emission_queue){ 0 };
}

static void add(struct emission_queue *queue, struct emission_entry entry)
{
	assert(queue->tail - queue->head < queue->capacity);
	queue->entry[queue->tail++ & (queue->capacity - 1)] = entry;
}

void emission_add_instance(struct stream *stream, struct window *window, struct instance *instance)
{
	if (instance->is_waiting)
		return;
	add(&stream->emissions, (struct emission_entry){ window, instance, NULL });
	instance->is_waiting = true;
}

void emission_add_pane(struct stream *stream, struct window *window, struct pane *pane)
{
	if (pane->is_leaving)
		return;
	add(&stream->emissions, (struct emission_entry){ window, NULL, pane });
	pane->is_leaving = true;
	pane->next_chunk = 0;
	pane->next_row = 0;
}

void emission_add_sessions(struct stream *stream, struct window *window)
{
	add(&stream->emissions, (struct emission_entry){ window, NULL, NULL });
}

int emission_run_sessions(struct stream *stream, struct window *window,
			  const struct row_writer *writer, __u32 rows_max)
{
	bool is_done;
	int work = window->emits ? sessions_emit(stream, window, writer, rows_max, &is_done)
				 : sessions_export(stream, window, writer, rows_max, &is_done);

	stream->emissions.head += is_done;
	return work;
}
