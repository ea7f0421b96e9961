/* SPDX-License-Identifier: BSD-2-Clause */
/* What the results log holds beside rows: schema, names, gaps, ends of epochs; and what others may
 * ask of it. Opening and closing are in results_open.c, the turn in results_log.c. */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "edge/results/results_state.h"

/* How far the emissions of each window are complete, and which gaps are told. */
void results_log_note_complete(struct results_log *log, const struct sluice_batch *batch)
{
	const struct sluice_disk_record *record = NULL;

	while ((record = segment_next_record(batch, record))) {
		const struct sluice_emission *complete = (const void *)(record + 1);

		if (record->kind == SLUICE_DISK_GAP)
			__atomic_store_n(&log->gaps_durable, log->gaps_durable + 1,
					 __ATOMIC_RELAXED);
		if (record->kind != SLUICE_DISK_COMPLETE ||
		    (complete->flags & SLUICE_ROWS_EARLY) ||
		    complete->end_ns <= log->complete_end_ns[complete->window])
			continue;
		__atomic_store_n(&log->complete_end_ns[complete->window], complete->end_ns,
				 __ATOMIC_RELAXED);
	}
}

/* Gaps are told of windows that are still there, under the numbers they have now. */
static void keep_gaps(struct results_log *log, const struct window_spec *windows,
		      __u32 window_count)
{
	for (__u32 i = 0; i < log->recovered.gaps.count; i++) {
		struct results_gap *known = &log->recovered.gaps.gap[i];

		for (__u32 w = 0; w < window_count; w++) {
			if (strcmp(windows[w].name, known->window) != 0)
				continue;
			known->gap.window = (__u16)w;
			results_preamble_add_gap(&log->preamble, &known->gap);
		}
	}
}

int results_log_write_schema(struct results_log *log, const struct window_spec *windows,
			     const __u64 *epochs, __u32 window_count,
			     const char dim_name[4][SLUICE_NAME_MAX + 1])
{
	struct sluice_schema head = {
		.config_epoch = log->config_epoch,
		.agent_epoch = log->agent_epoch,
	};

	if (window_count > SLUICE_WINDOWS_MAX)
		return -E2BIG;
	/* Rows that wait still mean what the schema before says. */
	if (log->flight_count > 0 || log->batches.closed_count > 0 ||
	    results_batches_opened_ns(&log->batches))
		return -EBUSY;
	memcpy(head.agent_id, log->agent_id, sizeof(head.agent_id));
	if (dim_name)
		memcpy(head.dim_name, dim_name, sizeof(head.dim_name));
	results_preamble_set_schema(&log->preamble, &head, windows, epochs,
				    window_count);
	keep_gaps(log, windows, window_count);
	log->is_preamble_due = true;
	return 0;
}

__s64 results_log_complete_end(const struct results_log *log, __u32 window)
{
	return __atomic_load_n(&log->complete_end_ns[window], __ATOMIC_RELAXED);
}

__s64 results_log_recovered_end(const struct results_log *log, const char *window)
{
	return results_memory_end_of(&log->recovered, window);
}

/* A record, if there is room now. */
static bool write_record(struct results_log *log, __u16 kind, const void *body, size_t body_bytes)
{
	const struct row_writer *writer = &log->batches.writer;
	size_t bytes = sizeof(struct sluice_disk_record) + body_bytes, room;
	struct sluice_disk_record *record;

	record = writer->reserve(writer->context, bytes, bytes, &room);
	if (!record)
		return false;
	*record = (struct sluice_disk_record){ (__u32)bytes, kind, 1 };
	memcpy(record + 1, body, body_bytes);
	writer->commit(writer->context, bytes);
	return true;
}

bool results_log_write_gap(struct results_log *log, const struct sluice_gap *gap)
{
	if (!write_record(log, SLUICE_DISK_GAP, gap, sizeof(*gap)))
		return false;
	results_preamble_add_gap(&log->preamble, gap);
	return true;
}

__u64 results_log_gaps_durable(const struct results_log *log)
{
	return __atomic_load_n(&log->gaps_durable, __ATOMIC_RELAXED);
}

bool results_log_end_epoch(struct results_log *log, __u32 window, __u64 epoch)
{
	const struct sluice_epoch_end end = { .window = (__u16)window, .epoch = epoch };

	return write_record(log, SLUICE_DISK_EPOCH_END, &end, sizeof(end));
}

int results_log_write_name(struct results_log *log, enum sluice_space space, __u64 id,
			   const char *name)
{
	_Alignas(8) __u8 record[RESULTS_PREAMBLE_NAME_MAX];
	const struct row_writer *writer = &log->batches.writer;
	size_t bytes, room;
	void *at;
	int got = results_preamble_add_name(&log->preamble, space, id, name, record, &bytes);

	if (got <= 0)
		return got;
	/* Before the schema goes out, names go with it; when there is no room, all is sent again
	 * later. */
	if (log->is_preamble_due)
		return 0;
	at = writer->reserve(writer->context, bytes, bytes, &room);
	if (!at) {
		log->is_preamble_due = true;
		return 0;
	}
	memcpy(at, record, bytes);
	writer->commit(writer->context, bytes);
	return 0;
}

const struct name_table *results_log_recovered(const struct results_log *log)
{
	return &log->recovered.names;
}

void results_log_keep_names(struct results_log *log)
{
	struct name_taught name;
	size_t offset = 0;

	while (name_table_next(&log->recovered.names, &offset, &name))
		name_table_add(&log->preamble.names, &name);
	log->is_preamble_due = true;
}

const struct row_writer *results_log_writer(struct results_log *log)
{
	return &log->batches.writer;
}

__u64 results_log_durable_lsn(const struct results_log *log)
{
	return __atomic_load_n(&log->durable_lsn, __ATOMIC_ACQUIRE);
}

bool results_log_is_busy(const struct results_log *log)
{
	return log->flight_count > 0 || log->is_starting || log->is_preamble_due ||
	       log->batches.closed_count > 0 || results_batches_opened_ns(&log->batches) != 0;
}

void results_log_hold_age(struct results_log *log, bool is_held)
{
	log->is_age_held = is_held;
}

bool results_log_is_out_of_space(const struct results_log *log)
{
	struct segment_keeper_stats stats;

	segment_keeper_read_stats(log->keeper, &stats);
	return stats.is_out_of_space;
}

const char *results_log_explain(const struct results_log *log)
{
	if (__atomic_load_n(&log->error, __ATOMIC_ACQUIRE))
		return log->explanation;
	if (__atomic_load_n(&log->is_write_out_of_space, __ATOMIC_RELAXED) ||
	    results_log_is_out_of_space(log))
		return "no space for results: rows wait in memory; free space in state_dir, or "
		       "lower "
		       "results_log.max_bytes; it goes on by itself";
	return "";
}

void results_log_read_stats(const struct results_log *log, struct results_log_stats *stats)
{
	struct segment_keeper_stats keeper;

	segment_keeper_read_stats(log->keeper, &keeper);
#define READ(field) __atomic_load_n(&log->stats.field, __ATOMIC_RELAXED)
	*stats = (struct results_log_stats){
		.durable_lsn = results_log_durable_lsn(log),
		.segments = keeper.segments,
		.segment_bytes = keeper.bytes,
		.rows = READ(rows),
		.records = READ(records),
		.batches = READ(batches),
		.bytes = READ(bytes),
		.waiting_bytes = READ(waiting_bytes),
		.buffers_free = READ(buffers_free),
		.reserve_failures = READ(reserve_failures),
		.commit_ns_max = READ(commit_ns_max),
		.segments_removed = keeper.removed,
		.retention_failures = keeper.removal_failures,
		.retention_error = keeper.removal_error,
		.no_space_retries =
			keeper.retries + __atomic_load_n(&log->write_retries, __ATOMIC_RELAXED),
		.is_out_of_space = keeper.is_out_of_space ||
				   __atomic_load_n(&log->is_write_out_of_space, __ATOMIC_RELAXED),
		.error = __atomic_load_n(&log->error, __ATOMIC_ACQUIRE),
	};
#undef READ
}
