/* SPDX-License-Identifier: BSD-2-Clause */
/* Late events of a stream: from the batch into the ring of their window, from another worker's
 * records into this one's rings, and out to the writer. */
#include <errno.h>

#include "core/late_record.h"
#include "core/stream_state.h"

/* To copy this many takes about as long as a row. */
#define EVENTS_PER_ROW 4u

static void put(struct window *window, const struct sluice_late_event *event)
{
	window->ledger.late_not_kept += !late_put(&window->late, event);
}

void window_keep_late(struct window *window, const struct extras_event *event)
{
	struct sluice_late_event late = {
		.time_ns = event->time_ns,
		.key = event->field[SLUICE_FIELD_KEY],
		.value = event->value,
		.event_id = event->event_id,
		.source_id = event->source_id,
		.sequence = event->sequence,
		.epoch = event->epoch,
		.index = (__u16)event->index,
		.tenant = (__u16)event->field[SLUICE_FIELD_TENANT],
		.type = (__u16)event->field[SLUICE_FIELD_TYPE],
		.weight = (__u16)event->weight,
	};

	if (!window->late.event)
		return;
	for (int i = 0; i < 4; i++)
		late.dim[i] = (__u32)event->field[SLUICE_FIELD_DIM0 + i];
	put(window, &late);
}

bool stream_has_late(const struct stream *stream)
{
	for (__u32 w = 0; w < stream->window_count; w++) {
		if (late_waiting(&stream->window[w].late))
			return true;
	}
	return false;
}

int stream_write_late(struct stream *stream, const struct row_writer *writer, __u32 rows_max)
{
	__u32 done = 0;

	for (__u32 w = 0; w < stream->window_count && done < rows_max; w++) {
		struct late *late = &stream->window[w].late;

		while (late_waiting(late) && done < rows_max) {
			int count = late_write(late, w, writer, (rows_max - done) * EVENTS_PER_ROW);

			if (count < 0)
				return done ? (int)done : count;
			done += (__u32)count / EVENTS_PER_ROW + 1;
		}
	}
	return (int)done;
}

int stream_import_late(struct stream *stream, const struct sluice_disk_record *record)
{
	struct sluice_late_event event;
	struct late_cursor cursor;
	struct window *window;

	if (late_record_open(&cursor, stream->window_count, record))
		return -EINVAL;
	window = &stream->window[cursor.head->window];
	if (!window->late.event)
		return -EINVAL;
	while (late_record_next(&cursor, &event))
		put(window, &event);
	return 0;
}
