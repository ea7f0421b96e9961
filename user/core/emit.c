/* SPDX-License-Identifier: BSD-2-Clause */
/* Emission: rows of closed panes go to the writer in slices, panes in the order in which they closed. A
 * pane that leaves is freed chunk by chunk behind the slice, while its rows are still in the cache. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "core/stream_state.h"

/* Rows looked at without giving any also cost time: this many count as one row of the slice. */
#define ROWS_SCANNED_PER_ROW 8u

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

void emission_add(struct stream *stream, struct window *window, struct pane *pane)
{
	struct emission_queue *queue = &stream->emissions;

	if (pane->is_waiting)
		return;
	assert(queue->tail - queue->head < queue->capacity);
	queue->entry[queue->tail++ & (queue->capacity - 1)] =
		(struct emission_entry){ window, pane };
	pane->is_waiting = true;
	stream->rows_waiting += pane->rows;
}

/* What an emission gives is decided when its turn comes, not when the pane began to wait. */
static void begin(struct pane *pane)
{
	pane->is_running = true;
	pane->run_all = pane->revision < 0;
	pane->run_frees = pane->state == PANE_LEAVING || pane->state == PANE_FINISHING;
	pane->run_final = pane->state == PANE_LEAVING;
	pane->run_rows = 0;
	pane->next_chunk = 0;
	pane->next_row = 0;
	pane->has_changed = false;
	if (pane->run_all)
		pane->overflow_has_changed = pane->overflow.records != 0;
}

static __u64 since(__u64 now, __u64 before)
{
	return now > before ? now - before : 0;
}

static void fill_head(const struct window *window, const struct pane *pane,
		      struct sluice_rows *rows, bool is_export)
{
	const struct sluice_missing *now = &window->missing, *before = &pane->missing_before;

	*rows = (struct sluice_rows){
		.start_ns = pane->start_ns,
		.end_ns = pane->start_ns + window->spec->size_ns,
		.window = (__u16)window->index,
		.revision = pane->revision + 1,
		.aggregated = pane->events,
	};
	if (is_export) {
		rows->missing = *before;
		rows->aggregated = pane->run_rows == 0 ? pane->events : 0;
		return;
	}
	if (pane->run_final && pane->run_all)
		rows->flags |= SLUICE_ROWS_FINAL;
	rows->missing = (struct sluice_missing){
		.shed = since(now->shed, before->shed),
		.ring_full = since(now->ring_full, before->ring_full),
		.refused = since(now->refused, before->refused),
		.late = since(now->late, before->late),
		.upstream = since(now->upstream, before->upstream),
	};
}

struct block {
	struct sluice_disk_record *record;
	struct sluice_rows *rows;
	unsigned char *end;
	size_t row_bytes;
	__u32 rows_max;
};

#define BLOCK_HEAD_BYTES (sizeof(struct sluice_disk_record) + sizeof(struct sluice_rows))

static bool open_block(const struct row_writer *writer, const struct window *window,
		       const struct pane *pane, __u32 rows_max, bool is_export, struct block *block)
{
	size_t row_bytes = window->grouping->key_words * 8 + sizeof(struct sluice_partial);
	size_t room = 0;
	unsigned char *at = writer->reserve(writer->context, BLOCK_HEAD_BYTES + row_bytes,
					    BLOCK_HEAD_BYTES + row_bytes * rows_max, &room);

	if (!at)
		return false;
	*block = (struct block){ .record = (void *)at, .row_bytes = row_bytes };
	block->rows = (void *)(at + sizeof(struct sluice_disk_record));
	block->end = at + BLOCK_HEAD_BYTES;
	block->rows_max = (__u32)((room - BLOCK_HEAD_BYTES) / row_bytes);
	if (block->rows_max > rows_max)
		block->rows_max = rows_max;
	fill_head(window, pane, block->rows, is_export);
	block->rows->row_bytes = (__u32)row_bytes;
	return true;
}

static void commit_block(const struct row_writer *writer, struct block *block, __u16 kind)
{
	size_t bytes = (size_t)(block->end - (unsigned char *)block->record);

	*block->record = (struct sluice_disk_record){ (__u32)bytes, kind, 1 };
	writer->commit(writer->context, bytes);
}

static void put_row(struct block *block, const unsigned char *row)
{
	memcpy(block->end, row, block->row_bytes);
	block->end += block->row_bytes;
	block->rows->row_count++;
}

static bool is_due(const struct pane *pane, const struct sluice_partial *partial, __u32 id)
{
	return partial->records != 0 &&
	       (pane->run_all || (pane->changed[id / 64] >> (id % 64) & 1));
}

/* Copies due rows of the current chunk into the block. Returns the number of rows looked at. */
static __u32 put_chunk_rows(const struct window *window, struct pane *pane, struct block *block)
{
	const struct grouping *grouping = window->grouping;
	const unsigned char *rows = chunks_at(&grouping->chunks, pane->chunk[pane->next_chunk]);
	__u32 first_id = pane->next_chunk << CHUNK_ROWS_SHIFT, from = pane->next_row, i;

	for (i = from; i < CHUNK_ROWS && block->rows->row_count < block->rows_max; i++) {
		const unsigned char *row = rows + (size_t)i * grouping->row_bytes;
		__u32 id = first_id + i;

		if (!pane->run_all && pane->changed[id / 64] == 0) {
			i |= 63;
			continue;
		}
		if (!is_due(pane, (const void *)(row + grouping->key_words * 8), id))
			continue;
		put_row(block, row);
		if (pane->changed)
			pane->changed[id / 64] &= ~(1ull << (id % 64));
	}
	pane->next_row = i;
	return i - from;
}

static void next_chunk(struct window *window, struct pane *pane)
{
	if (pane->run_frees)
		window_free_chunk(window, pane, pane->next_chunk);
	pane->next_chunk++;
	pane->next_row = 0;
}

/* Rows of the pane's chunks. Returns the work done, in rows; -EAGAIN when the writer has no room. */
static int emit_chunks(struct window *window, struct pane *pane, const struct row_writer *writer,
		       __u32 rows_max, bool is_export)
{
	struct block block;
	__u32 scanned = 0;

	if (!open_block(writer, window, pane, rows_max, is_export, &block))
		return -EAGAIN;
	while (pane->next_chunk < pane->chunk_count && block.rows->row_count < block.rows_max &&
	       scanned < rows_max * ROWS_SCANNED_PER_ROW) {
		if (pane->chunk[pane->next_chunk] != CHUNK_NONE)
			scanned += put_chunk_rows(window, pane, &block);
		else
			pane->next_row = CHUNK_ROWS;
		if (pane->next_row == CHUNK_ROWS)
			next_chunk(window, pane);
	}
	if (block.rows->row_count) {
		pane->run_rows += block.rows->row_count;
		commit_block(writer, &block, SLUICE_DISK_ROWS);
	}
	return (int)(block.rows->row_count + scanned / ROWS_SCANNED_PER_ROW) + 1;
}

static int emit_overflow(struct window *window, struct pane *pane, const struct row_writer *writer,
			 bool is_export)
{
	struct block block;
	unsigned char row[SLUICE_KEY_WORDS_MAX * 8 + sizeof(struct sluice_partial)] = { 0 };

	if (!open_block(writer, window, pane, 1, is_export, &block))
		return -EAGAIN;
	memcpy(row + window->grouping->key_words * 8, &pane->overflow, sizeof(pane->overflow));
	put_row(&block, row);
	block.rows->flags |= SLUICE_ROWS_OVERFLOW;
	commit_block(writer, &block, SLUICE_DISK_ROWS);
	pane->overflow_has_changed = false;
	pane->run_rows++;
	return 1;
}

/* A pane that gave its rows earlier says that they are final now. */
static int emit_closing(struct window *window, struct pane *pane, const struct row_writer *writer)
{
	struct block block;

	if (!open_block(writer, window, pane, 1, false, &block))
		return -EAGAIN;
	block.rows->flags |= SLUICE_ROWS_FINAL;
	block.rows->revision = pane->revision + (pane->run_rows > 0);
	commit_block(writer, &block, SLUICE_DISK_CLOSE);
	return 1;
}

static void finish(struct stream *stream, struct window *window, struct pane *pane)
{
	if (pane->run_rows || pane->run_all)
		pane->revision++;
	pane->is_running = false;
	pane->is_waiting = false;
	stream->emissions.head++;
	if (pane->run_frees)
		window_free_pane(window, pane);
	else if (pane->state == PANE_LEAVING || pane->state == PANE_FINISHING)
		emission_add(stream, window, pane);
}

/* The next slice of the first waiting pane. */
static int emit_some(struct stream *stream, const struct row_writer *writer, __u32 rows_max,
		     bool is_export)
{
	struct emission_queue *queue = &stream->emissions;
	struct emission_entry *entry = &queue->entry[queue->head & (queue->capacity - 1)];
	struct window *window = entry->window;
	struct pane *pane = entry->pane;
	int work = 1;

	if (!pane->is_running)
		begin(pane);
	if (pane->next_chunk < pane->chunk_count)
		return emit_chunks(window, pane, writer, rows_max, is_export);
	if (pane->overflow_has_changed)
		return emit_overflow(window, pane, writer, is_export);
	if (pane->run_final && !pane->run_all && !is_export)
		work = emit_closing(window, pane, writer);
	if (work > 0)
		finish(stream, window, pane);
	return work;
}

static int emit(struct stream *stream, const struct row_writer *writer, __u32 rows_max,
		bool is_export)
{
	__u32 done = 0;

	while (done < rows_max && stream->emissions.head != stream->emissions.tail) {
		int work = emit_some(stream, writer, rows_max - done, is_export);

		if (work < 0)
			return done ? (int)done : work;
		done += (__u32)work;
	}
	stream->rows_waiting = stream->emissions.head == stream->emissions.tail
				       ? 0
				       : since(stream->rows_waiting, done);
	return (int)done;
}

int stream_emit(struct stream *stream, const struct row_writer *writer, __u32 rows_max)
{
	return emit(stream, writer, rows_max, false);
}

int stream_export(struct stream *stream, const struct row_writer *writer, __u32 rows_max)
{
	return emit(stream, writer, rows_max, true);
}
