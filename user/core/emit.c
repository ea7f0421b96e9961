/* SPDX-License-Identifier: BSD-2-Clause */
/* Emission: rows of closed panes go to the writer in slices, panes in the order in which they
 * closed. A pane that leaves is freed chunk by chunk behind the slice, while its rows are still in
 * the cache. */
#include <errno.h>
#include <string.h>

#include "core/session.h"
#include "core/block.h"

/* Rows looked at without giving any also cost time: this many count as one row of the slice. */
#define ROWS_SCANNED_PER_ROW 8u

static bool is_last(const struct instance *instance)
{
	return instance->state == INSTANCE_LEAVING || instance->state == INSTANCE_FINISHING;
}

/* What an emission gives is decided when its turn comes, not when the instance began to wait. */
static void begin(struct window *window, struct instance *instance)
{
	if (is_last(instance) && window->deferred_count)
		window_merge_deferred(window, instance->left_at);
	instance->is_running = true;
	instance->run_early = instance->state == INSTANCE_OPEN;
	instance->run_all = instance->revision < 0;
	instance->run_last = is_last(instance);
	instance->run_frees = instance->run_last && !window->slides;
	instance->run_final = instance->state == INSTANCE_LEAVING;
	instance->run_rows = 0;
	instance->next_chunk = 0;
	instance->next_row = 0;
	instance->wants_early = false;
	if (!instance->run_early)
		instance->has_changed = false;
	if (instance->run_all)
		instance->overflow_has_changed = true;
}

static __u64 since(__u64 now, __u64 before)
{
	return now > before ? now - before : 0;
}

/* Panes of an instance: the number of the first, and how many. */
static __s64 first_pane(const struct window *window, const struct instance *instance,
			__u32 *pane_count)
{
	*pane_count = (__u32)(window->spec->size_ns / window->pane_ns);
	return window_pane_number(window, instance->start_ns);
}

#define for_each_pane(window, instance, pane)                                     \
	for (__u32 left_ = 0, once_ = 1; once_; once_ = 0)                        \
		for (__s64 number_ = first_pane(window, instance, &left_); left_; \
		     left_--, number_++)                                          \
			if ((pane = window_find_pane(window, number_)))

/* What is missing, and what is there, of the panes of one instance. */
static void fill_head(const struct window *window, const struct instance *instance,
		      struct sluice_rows *rows)
{
	const struct sluice_missing *now = &window->missing, *before = NULL;
	const struct pane *pane;

	*rows = (struct sluice_rows){
		.start_ns = instance->start_ns,
		.end_ns = instance->start_ns + window->spec->size_ns,
		.window = (__u16)window->index,
		.revision = instance->run_early ? -1 : instance->revision + 1,
	};
	if (instance->run_early)
		rows->flags |= SLUICE_ROWS_EARLY;
	if (instance->run_final && instance->run_all)
		rows->flags |= SLUICE_ROWS_FINAL;
	for_each_pane (window, instance, pane) {
		rows->aggregated += pane->events;
		before = before ? before : &pane->missing_before;
	}
	if (!before)
		return;
	rows->missing = (struct sluice_missing){
		.shed = since(now->shed, before->shed),
		.ring_full = since(now->ring_full, before->ring_full),
		.refused = since(now->refused, before->refused),
		.late = since(now->late, before->late),
		.upstream = since(now->upstream, before->upstream),
	};
}

/* Merges the rows of a pane's chunk into the scratch chunk, extras and all. */
static void merge_chunk(struct stream *stream, const struct window *window,
			const struct chunk_view *from)
{
	__u32 words = window->grouping->key_words, row_bytes = window->grouping->row_bytes;
	__u32 state_bytes = window->extras.state_bytes;

	for (__u32 i = 0; i < CHUNK_ROWS; i++) {
		unsigned char *into = stream->scratch + (size_t)i * row_bytes;
		const unsigned char *row = from->rows + (size_t)i * row_bytes;
		unsigned char *state = stream->scratch_extras + (size_t)i * state_bytes;
		bool is_new = row_partial(into, words)->records == 0;

		if (row_partial((unsigned char *)row, words)->records == 0)
			continue;
		if (is_new)
			memcpy(into, row, row_bytes);
		else
			partial_merge(row_partial(into, words),
				      row_partial((unsigned char *)row, words));
		if (!state_bytes)
			continue;
		if (is_new)
			extras_open(&window->extras, state);
		extras_merge(&window->extras, state, from->states + (size_t)i * state_bytes);
	}
}

/* The rows of one chunk of an instance; those of several panes are merged in the scratch chunk,
 * which is to be cleared afterwards. False: none. */
static bool chunk_rows(struct stream *stream, const struct window *window,
		       const struct instance *instance, struct chunk_view *view)
{
	struct chunk_view own;
	const struct pane *pane;
	__u32 found = 0;

	for_each_pane (window, instance, pane) {
		if (!chunk_view_open(window, pane, instance->next_chunk, &own))
			continue;
		if (++found == 1) {
			*view = own;
			continue;
		}
		if (found == 2) {
			memset(stream->scratch, 0,
			       (size_t)CHUNK_ROWS * window->grouping->row_bytes);
			merge_chunk(stream, window, view);
			view->rows = stream->scratch;
			view->states = own.states ? stream->scratch_extras : NULL;
		}
		merge_chunk(stream, window, &own);
	}
	return found;
}

/* Sketches of the scratch chunk go back to the pool. */
static void clear_scratch(struct stream *stream, const struct window *window,
			  const struct chunk_view *view)
{
	if (view->states != stream->scratch_extras || !view->states)
		return;
	for (__u32 i = 0; i < CHUNK_ROWS; i++) {
		const unsigned char *row =
			stream->scratch + (size_t)i * window->grouping->row_bytes;

		if (row_partial((unsigned char *)row, window->grouping->key_words)->records)
			extras_clear(&window->extras,
				     stream->scratch_extras +
					     (size_t)i * window->extras.state_bytes);
	}
}

static __u32 chunk_count(const struct window *window, const struct instance *instance)
{
	const struct pane *pane;
	__u32 count = 0;

	for_each_pane (window, instance, pane)
		count = pane->chunk_count > count ? pane->chunk_count : count;
	return count;
}

static void next_chunk(struct window *window, struct instance *instance)
{
	struct pane *pane;

	if (instance->run_frees) {
		for_each_pane (window, instance, pane)
			window_free_chunk(window, pane, instance->next_chunk);
	}
	instance->next_chunk++;
	instance->next_row = 0;
}

/* Rows of the chunk that is next. Returns how many rows were looked at. */
static __u32 emit_chunk(struct stream *stream, struct window *window, struct instance *instance,
			struct block *block, size_t *bytes_wanted)
{
	struct chunk_view view;
	__u32 scanned = 1;

	*bytes_wanted = 0;
	if (chunk_rows(stream, window, instance, &view)) {
		scanned += block_put_rows(window, &view, instance->next_chunk << CHUNK_ROWS_SHIFT,
				    instance->run_early ? NULL : instance->changed,
				    instance->run_all, &instance->next_row, block, bytes_wanted);
		clear_scratch(stream, window, &view);
	} else {
		instance->next_row = CHUNK_ROWS;
	}
	if (instance->next_row == CHUNK_ROWS)
		next_chunk(window, instance);
	return scanned;
}

/* Rows of an instance's chunks. Returns the work done, in rows; -EAGAIN when the writer has no
 * room. */
static int emit_chunks(struct stream *stream, struct window *window, struct instance *instance,
		       const struct row_writer *writer, __u32 rows_max)
{
	__u32 chunks = chunk_count(window, instance), scanned = 0;
	size_t bytes_wanted = 0;
	struct block block;

	if (!block_open(writer, window, rows_max, window->row_bytes_wanted, &block))
		return -EAGAIN;
	fill_head(window, instance, block.rows);
	while (instance->next_chunk < chunks && !bytes_wanted &&
	       scanned < rows_max * ROWS_SCANNED_PER_ROW)
		scanned += emit_chunk(stream, window, instance, &block, &bytes_wanted);
	window->row_bytes_wanted = block.rows->row_count ? 0 : bytes_wanted;
	if (block.rows->row_count) {
		instance->run_rows += block.rows->row_count;
		block_commit(writer, &block, SLUICE_DISK_ROWS);
		return (int)(block.rows->row_count + scanned / ROWS_SCANNED_PER_ROW);
	}
	return (int)(scanned / ROWS_SCANNED_PER_ROW) + 1;
}

static int emit_overflow(struct window *window, struct instance *instance,
			 const struct row_writer *writer)
{
	unsigned char row[SLUICE_KEY_WORDS_MAX * 8 + sizeof(struct sluice_partial)] = { 0 };
	struct sluice_partial *sum = row_partial(row, window->grouping->key_words);
	const struct pane *pane;
	struct block block;

	partial_open(sum);
	for_each_pane (window, instance, pane)
		partial_merge(sum, &pane->overflow);
	if (sum->records) {
		if (!block_open(writer, window, 1, 0, &block))
			return -EAGAIN;
		fill_head(window, instance, block.rows);
		block.rows->flags |= SLUICE_ROWS_OVERFLOW;
		block_put_row(window, &block, row, NULL);
		block_commit(writer, &block, SLUICE_DISK_ROWS);
		instance->run_rows++;
	}
	instance->overflow_has_changed = false;
	return 1;
}

/* An instance that gave its rows earlier says that they are final now. */
static int emit_closing(struct window *window, struct instance *instance,
			const struct row_writer *writer)
{
	struct block block;

	if (!block_open(writer, window, 1, 0, &block))
		return -EAGAIN;
	block.is_variable = false;
	fill_head(window, instance, block.rows);
	block.rows->flags |= SLUICE_ROWS_FINAL;
	block.rows->revision = instance->revision + (instance->run_rows > 0);
	block_commit(writer, &block, SLUICE_DISK_CLOSE);
	return 1;
}

static void free_instance(struct window *window, struct instance *instance)
{
	struct pane *pane;

	if (instance->run_frees) {
		for_each_pane (window, instance, pane)
			window_free_pane(window, pane);
	}
	if (--window->leaving_count == 0)
		window_merge_deferred(window, UINT64_MAX);
	window_free_instance(window, instance);
}

static void finish(struct stream *stream, struct window *window, struct instance *instance)
{
	instance->is_running = false;
	if (!instance->run_last && !instance->run_early &&
	    (instance->run_rows || instance->run_all))
		instance->revision++;
	/* The watermark has moved on while it ran. Its last emission comes at once: its panes may
	 * wait behind it to be freed. */
	if (!instance->run_last && is_last(instance))
		return;
	stream->emissions.head++;
	instance->is_waiting = false;
	if (instance->run_last)
		free_instance(window, instance);
	else if (instance->wants_early ||
		 (instance->state == INSTANCE_CLOSED && instance->revision < 0))
		emission_add_instance(stream, window, instance);
}

static int emit_instance(struct stream *stream, struct window *window, struct instance *instance,
			 const struct row_writer *writer, __u32 rows_max)
{
	int work = 1;

	if (!instance->is_running)
		begin(window, instance);
	if (instance->next_chunk < chunk_count(window, instance))
		return emit_chunks(stream, window, instance, writer, rows_max);
	if (instance->overflow_has_changed)
		return emit_overflow(window, instance, writer);
	if (instance->run_final && !instance->run_all)
		work = emit_closing(window, instance, writer);
	if (work > 0)
		finish(stream, window, instance);
	return work;
}

/* Frees a pane that no window needs any longer, some chunks at a time. */
static int free_pane(struct stream *stream, struct window *window, struct pane *pane,
		     __u32 rows_max)
{
	__u32 done = 0;

	while (pane->next_chunk < pane->chunk_count && done < rows_max) {
		window_free_chunk(window, pane, pane->next_chunk++);
		done += CHUNK_ROWS / ROWS_SCANNED_PER_ROW;
	}
	if (pane->next_chunk == pane->chunk_count) {
		window_free_pane(window, pane);
		stream->emissions.head++;
	}
	return (int)done + 1;
}

int stream_emit(struct stream *stream, const struct row_writer *writer, __u32 rows_max)
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
		int work = window->sessions ? emission_run_sessions(stream, window, writer, left)
			   : entry->instance
				   ? emit_instance(stream, window, entry->instance, writer, left)
				   : free_pane(stream, window, entry->pane, left);

		if (work < 0)
			return done ? (int)done : work;
		done += (__u32)work;
	}
	return (int)done;
}
