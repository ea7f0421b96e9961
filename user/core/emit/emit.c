/* SPDX-License-Identifier: BSD-2-Clause */
/* Emission: rows of closed panes go to the writer in slices, panes in the order in which they
 * closed. A pane that leaves is freed chunk by chunk behind the slice, while its rows are still in
 * the cache. */
#include <errno.h>
#include <string.h>

#include "core/emit/emission_rows.h"
#include "core/session/session.h"

static bool is_last(const struct instance *instance)
{
	return instance->state == INSTANCE_LEAVING || instance->state == INSTANCE_FINISHING;
}

void emission_read_losses(const struct window *window, struct instance *instance)
{
	window_read_losses(window, instance->start_ns, instance->start_ns + window->spec->size_ns,
			   &instance->run_missing, &instance->run_share);
}

/* What is there, and what is missing, of the panes of one instance. */
static void fill_totals(const struct window *window, struct instance *instance)
{
	const struct pane *pane;

	instance->run_aggregated = 0;
	instance->run_chunks = 0;
	for_each_pane (window, instance, pane) {
		instance->run_aggregated += pane->events;
		if (pane->chunk_count > instance->run_chunks)
			instance->run_chunks = pane->chunk_count;
	}
	emission_read_losses(window, instance);
}

/* What an emission gives is decided when its turn comes, not when the instance began to wait. */
static void begin(struct window *window, struct instance *instance, __u64 at_position)
{
	if (is_last(instance) && window->deferred_count)
		window_merge_deferred(window, instance->left_at);
	instance->is_running = true;
	instance->run_early = instance->state == INSTANCE_OPEN;
	instance->run_all = instance->revision < 0;
	instance->run_last = is_last(instance);
	instance->run_frees = instance->run_last && !window->slides;
	instance->run_final = instance->state == INSTANCE_LEAVING;
	instance->run_completed = false;
	instance->run_is_told = false;
	instance->run_position = at_position;
	if (instance->revision < 0 && instance->early_count == 0)
		instance->first_position = at_position;
	instance->run_rows = 0;
	instance->next_chunk = 0;
	instance->next_row = 0;
	instance->wants_early = false;
	if (!instance->run_early)
		instance->has_changed = false;
	instance->overflow_has_changed = instance->run_all;
	fill_totals(window, instance);
	revisions_begin(window, instance);
}

/* Of the rows of the running emission. */
static __u64 run_order(const struct instance *instance)
{
	return instance->run_early ? instance->early_count + 1ull
				   : SLUICE_ORDER_CLOSED + (__u64)(instance->revision + 1);
}

static void fill_head(const struct window *window, const struct instance *instance,
		      struct sluice_rows *rows)
{
	*rows = (struct sluice_rows){
		.start_ns = instance->start_ns,
		.end_ns = instance->start_ns + window->spec->size_ns,
		.window = (__u16)window->index,
		.revision = instance->run_early ? -1 : instance->revision + 1,
		.order = run_order(instance),
		.epoch = window->epoch,
		.aggregated = instance->run_aggregated,
		.selected = instance->run_share.selected,
		.offered = instance->run_share.offered,
		.missing = instance->run_missing,
	};
	if (instance->run_early)
		rows->flags |= SLUICE_ROWS_EARLY;
	if (instance->run_final && instance->run_all)
		rows->flags |= SLUICE_ROWS_FINAL;
}

static void next_chunk(struct window *window, struct instance *instance)
{
	struct pane *pane;

	if (instance->run_frees) {
		for_each_pane (window, instance, pane)
			window_free_chunk(window, pane, instance->next_chunk);
	}
	if (!instance->run_all)
		memset(revisions_due(window, instance), 0, CHUNK_ROWS / 8);
	instance->next_chunk++;
	instance->next_row = 0;
}

/* Rows of an instance's chunks. Returns the work done, in rows; -EAGAIN when the writer has no
 * room. */
static int emit_chunks(struct stream *stream, struct window *window, struct instance *instance,
		       const struct row_writer *writer, __u32 rows_max)
{
	__u32 scanned = 0;
	struct block block;

	if (!block_open(writer, window, rows_max, &block))
		return -EAGAIN;
	fill_head(window, instance, block.rows);
	while (instance->next_chunk < instance->run_chunks && !block.is_full &&
	       scanned < rows_max * ROWS_SCANNED_PER_ROW) {
		scanned += emission_put_rows(stream, window, instance, &block) + 1;
		if (instance->next_row == CHUNK_ROWS)
			next_chunk(window, instance);
	}
	if (!block.row_count)
		return block.is_full ? -EAGAIN : (int)(scanned / ROWS_SCANNED_PER_ROW) + 1;
	instance->run_rows += block.row_count;
	block_commit(&block, SLUICE_DISK_ROWS);
	return (int)(block.row_count + scanned / ROWS_SCANNED_PER_ROW);
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
		if (!block_open(writer, window, 1, &block))
			return -EAGAIN;
		fill_head(window, instance, block.rows);
		block.rows->flags |= SLUICE_ROWS_OVERFLOW;
		block_put_row(window, &block, row, NULL);
		block_commit(&block, SLUICE_DISK_ROWS);
		instance->run_rows++;
	}
	instance->overflow_has_changed = false;
	return 1;
}

static bool misses(const struct sluice_missing *missing)
{
	const __u64 *counter = (const __u64 *)missing;

	for (unsigned int i = 0; i < LOSS_CAUSES; i++) {
		if (counter[i])
			return true;
	}
	return missing->flags & SLUICE_MISSING_UNCOUNTED;
}

/* An instance of which everything was lost: a record that has a head alone. */
static int emit_nothing(struct window *window, struct instance *instance,
			const struct row_writer *writer)
{
	struct block block;

	if (!block_open(writer, window, 1, &block))
		return -EAGAIN;
	block.is_variable = false;
	fill_head(window, instance, block.rows);
	block_commit(&block, SLUICE_DISK_ROWS);
	instance->run_is_told = true;
	return 1;
}

/* All rows of the emission are written. */
static int emit_complete(struct window *window, struct instance *instance,
			 const struct row_writer *writer)
{
	struct sluice_emission complete = {
		.start_ns = instance->start_ns,
		.end_ns = instance->start_ns + window->spec->size_ns,
		.window = (__u16)window->index,
		.flags = instance->run_early ? SLUICE_ROWS_EARLY : 0,
		.epoch = window->epoch,
		.order = run_order(instance),
		.first_lsn = instance->run_position,
		.rows = instance->run_rows,
	};

	int done;

	if (instance->run_final)
		complete.flags |= SLUICE_ROWS_FINAL;
	done = emission_put_record(writer, SLUICE_DISK_COMPLETE, &complete);
	if (done > 0 && !instance->run_early && complete.end_ns > window->emitted_end_ns)
		window->emitted_end_ns = complete.end_ns;
	return done;
}

/* Nothing of the instance will change any more. */
static int emit_final(struct window *window, struct instance *instance,
		      const struct row_writer *writer)
{
	bool has_rows = instance->run_rows || instance->run_all;
	const struct sluice_emission final = {
		.start_ns = instance->start_ns,
		.end_ns = instance->start_ns + window->spec->size_ns,
		.window = (__u16)window->index,
		.flags = SLUICE_ROWS_FINAL,
		.epoch = window->epoch,
		.order = SLUICE_ORDER_CLOSED + (__u64)(instance->revision + has_rows),
		.first_lsn = instance->first_position,
	};

	return emission_put_record(writer, SLUICE_DISK_FINAL, &final);
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
	instance->early_count += instance->run_early;
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
		begin(window, instance, emission_position(writer));
	if (instance->is_finding)
		return revisions_find_rows(window, instance, rows_max);
	if (instance->next_chunk < instance->run_chunks)
		return emit_chunks(stream, window, instance, writer, rows_max);
	if (instance->overflow_has_changed)
		return emit_overflow(window, instance, writer);
	if (instance->run_all && !instance->run_rows && !instance->run_early &&
	    !instance->run_is_told && misses(&instance->run_missing))
		return emit_nothing(window, instance, writer);
	if (!instance->run_completed && (instance->run_rows || instance->run_is_told)) {
		work = emit_complete(window, instance, writer);
		instance->run_completed = work > 0;
	}
	if (work > 0 && instance->run_final)
		work = emit_final(window, instance, writer);
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
	int told = stream_write_losses(stream, writer), late;
	__u32 done;

	if (told < 0 || stream->losses.untold.count)
		return told;
	/* The side output must not hold up rows, however much is late. */
	late = stream_write_late(stream, writer, rows_max / 2 + 1);
	if (late < 0)
		return told ? told : late;
	done = (__u32)(told + late);
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
