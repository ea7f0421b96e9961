/* SPDX-License-Identifier: BSD-2-Clause */
/* Hand-over to worker 0: panes of the other workers are given away whole, row by row, and freed
 * behind. Between two slices events may come for a pane that is being given away: what they open
 * or change is new, and goes with the pane when it is given away the next time. */
#include <errno.h>

#include "core/record/block.h"
#include "core/session/session.h"

static void fill_export_head(const struct window *window, const struct pane *pane,
			     struct sluice_rows *rows)
{
	*rows = (struct sluice_rows){
		.start_ns = pane->start_ns,
		.end_ns = pane->start_ns + window->pane_ns,
		.window = (__u16)window->index,
	};
}

/* The pane's overflow group; also says how many events the pane took, groups and all. */
static int export_overflow(struct stream *stream, struct window *window, struct pane *pane,
			   const struct row_writer *writer)
{
	unsigned char row[SLUICE_KEY_WORDS_MAX * 8 + sizeof(struct sluice_partial)] = { 0 };
	struct block block;

	if (!block_open(writer, window, 1, &block))
		return -EAGAIN;
	fill_export_head(window, pane, block.rows);
	block.rows->flags |= SLUICE_ROWS_OVERFLOW;
	block.rows->aggregated = pane->events;
	*row_partial(row, window->grouping->key_words) = pane->overflow;
	block_put_row(window, &block, row, NULL);
	block_commit(&block, SLUICE_DISK_ROWS);
	partial_open(&pane->overflow);
	pane->events = 0;
	pane->is_leaving = false;
	if (pane->rows == 0)
		window_free_pane(window, pane);
	stream->emissions.head++;
	return 1;
}

static int export_pane(struct stream *stream, struct window *window, struct pane *pane,
		       const struct row_writer *writer, __u32 rows_max)
{
	struct chunk_view view;
	struct block block;

	if (pane->next_chunk == pane->chunk_count)
		return export_overflow(stream, window, pane, writer);
	if (!block_open(writer, window, rows_max, &block))
		return -EAGAIN;
	fill_export_head(window, pane, block.rows);
	while (pane->next_chunk < pane->chunk_count && !block.is_full) {
		__u32 first = pane->next_row;

		if (chunk_view_open(window, pane, pane->next_chunk, &view))
			block_put_rows(window, &view, 0, NULL, true, &pane->next_row, CHUNK_ROWS,
				       &block);
		else
			pane->next_row = CHUNK_ROWS;
		window_free_rows(window, pane, pane->next_chunk, first, pane->next_row);
		if (pane->next_row < CHUNK_ROWS)
			continue;
		pane->next_chunk++;
		pane->next_row = 0;
	}
	if (!block.row_count && block.is_full)
		return -EAGAIN;
	if (block.row_count)
		block_commit(&block, SLUICE_DISK_ROWS);
	return (int)block.row_count + 1;
}

static int export_rows(struct stream *stream, const struct row_writer *writer, __u32 rows_max)
{
	struct emission_queue *queue = &stream->emissions;
	/* The side output must not hold up rows, however much is late. */
	int late = stream_write_late(stream, writer, rows_max / 2 + 1);
	__u32 done = late > 0 ? (__u32)late : 0;

	if (late < 0)
		return late;
	while (done < rows_max && queue->head != queue->tail) {
		struct emission_entry *entry = &queue->entry[queue->head & (queue->capacity - 1)];
		struct window *window = entry->window;
		__u32 left = rows_max - done;
		int work = window->sessions
				   ? emission_run_sessions(stream, window, writer, left)
				   : export_pane(stream, window, entry->pane, writer, left);

		if (work < 0)
			return done ? (int)done : work;
		done += (__u32)work;
	}
	return (int)done;
}

int stream_export(struct stream *stream, const struct row_writer *writer, __u32 rows_max)
{
	int names = stream_export_names(stream, writer);

	return names ? names : export_rows(stream, writer, rows_max);
}
