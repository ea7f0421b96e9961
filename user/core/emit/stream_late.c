/* SPDX-License-Identifier: BSD-2-Clause */
/* Late events of a stream, and how many there were: from the batch into the ring and the counts of
 * their window, from another worker's records into this one's, and out to the writer. */
#include <errno.h>

#include "core/record/late_record.h"
#include "core/stream/stream_state.h"

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

/* Rows say how much is missing by the slices inside their interval: so a slice is inside every
 * window in time that misses the event, and of no other. */
void window_count_late(struct window *window, __s64 time_ns, __u64 records)
{
	const struct window_spec *spec = window->spec;
	__s64 start_ns;

	if (!window->sessions) {
		start_ns = spec->offset_ns + window_pane_number(window, time_ns) * window->pane_ns;
		late_count_add(&window->late_count, start_ns,
			       window_add_ns(start_ns, window->pane_ns), records);
		return;
	}
	/* Where a longest duration cuts, a session may end within the gap. */
	late_count_add(&window->late_count, time_ns,
		       window_add_ns(time_ns, spec->max_duration_ns ? 1 : spec->gap_ns), records);
}

void window_count_missed(struct window *window, const struct pane *pane)
{
	__s64 start_ns;

	if (!pane->is_behind || !window->slides)
		return;
	start_ns = window_last_over(window, pane->start_ns);
	if (start_ns != INT64_MIN)
		late_count_add(&window->late_count, start_ns,
			       window_add_ns(pane->start_ns, window->pane_ns), 1);
}

static bool has_late(const struct window *window)
{
	return late_waiting(&window->late) || !late_count_is_empty(&window->late_count);
}

bool stream_has_late(const struct stream *stream)
{
	for (__u32 w = 0; w < stream->window_count; w++) {
		if (has_late(&stream->window[w]))
			return true;
	}
	return stream->losses.untold.count;
}

/* The counts are one record, of as many as there is room for: how many, or -EAGAIN. */
static int write_count(struct window *window, const struct row_writer *writer)
{
	if (late_count_is_empty(&window->late_count))
		return 0;
	return late_count_write(&window->late_count, window->index, window->epoch, writer);
}

int stream_write_late(struct stream *stream, const struct row_writer *writer, __u32 rows_max)
{
	__u32 done = 0;

	for (__u32 w = 0; w < stream->window_count && done < rows_max; w++) {
		struct late *late = &stream->window[w].late;
		int counted = write_count(&stream->window[w], writer);

		if (counted < 0)
			return done ? (int)done : counted;
		done += counted > 0; /* so that who emits comes again for the rest */
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

int stream_import_late_count(struct stream *stream, const struct sluice_disk_record *record)
{
	struct late_count_cursor cursor;
	struct sluice_late_pane pane;

	if (late_count_read(&cursor, stream->window_count, record))
		return -EINVAL;
	while (late_count_next(&cursor, &pane))
		late_count_add(&stream->window[cursor.head->window].late_count, pane.start_ns,
			       pane.end_ns, pane.records);
	return 0;
}
