/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows by hand, through the row_writer of a real results log. */
#include "results_maker.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/group/group_key.h"

#define WAIT_NS 10000000000ull

static void demand(bool is_true, const char *what)
{
	if (is_true)
		return;
	fprintf(stderr, "results_maker: %s\n", what);
	abort();
}

void results_maker_directory(char path[PATH_MAX])
{
	const char *base = getenv("TMPDIR");

	snprintf(path, PATH_MAX, "%s/sluice-test-XXXXXX", base ? base : "/tmp");
	demand(mkdtemp(path), "no temporary directory");
}

void results_maker_remove(const char *path)
{
	char command[PATH_MAX + 32];

	snprintf(command, sizeof(command), "rm -rf -- '%s' 2>/dev/null", path);
	/* After a failed test a log may still be making files in it. */
	for (int i = 0; i < 10; i++) {
		if (system(command) == 0)
			return;
	}
	demand(false, "the temporary directory cannot be removed");
}

void results_maker_open_with(struct results_maker *maker, const char *path,
			     const struct window_spec *windows, __u32 window_count,
			     const struct results_log_options *options)
{
	struct results_log_options made = *options;

	*maker = (struct results_maker){ .store = STORE_CLOSED,
					 .windows = windows,
					 .window_count = window_count };
	snprintf(maker->path, sizeof(maker->path), "%s", path);
	demand(store_open(&maker->store, path) == 0, maker->store.problem);
	demand(store_raise_epochs(&maker->store, NULL, 0, NULL) == 0, maker->store.problem);
	demand(uring_open(&maker->uring, 16) == 0, "io_uring");
	made.store = &maker->store;
	made.uring = maker->uring;
	made.now_wall_ns = 1767225600000000000ull;
	demand(results_log_open(&maker->log, &made, NULL) == 0, maker->store.problem);
	demand(results_log_write_schema(maker->log, windows, NULL, window_count, NULL) == 0,
	       "schema");
}

void results_maker_open(struct results_maker *maker, const char *path,
			const struct window_spec *windows, __u32 window_count, __u64 segment_bytes)
{
	results_maker_open_with(maker, path, windows, window_count,
				&(struct results_log_options){ .segment_bytes = segment_bytes,
							       .bytes_max = 1ull << 40,
							       .commit_interval_ns = 1000000 });
}

void results_maker_flush(struct results_maker *maker)
{
	demand(results_log_flush_wait(maker->log, WAIT_NS) == 0, results_log_explain(maker->log));
}

void results_maker_close(struct results_maker *maker)
{
	results_maker_flush(maker);
	demand(results_log_close(maker->log) == 0, "close");
	uring_close(maker->uring);
	store_close(&maker->store);
}

static void *reserve(struct results_maker *maker, size_t bytes)
{
	const struct row_writer *writer = results_log_writer(maker->log);
	size_t room;
	void *at = writer->reserve(writer->context, bytes, bytes, &room);

	if (!at) {
		results_maker_flush(maker);
		at = writer->reserve(writer->context, bytes, bytes, &room);
	}
	demand(at && room >= bytes, "no room for a record");
	return at;
}

void results_maker_record(struct results_maker *maker, const void *record, size_t bytes)
{
	const struct row_writer *writer = results_log_writer(maker->log);

	memcpy(reserve(maker, bytes), record, bytes);
	writer->commit(writer->context, bytes);
}

/* Of what was written from `position` on. */
static void complete(struct results_maker *maker, const struct sluice_rows *rows, __u64 position)
{
	bool is_session = maker->windows[rows->window].kind == SLUICE_WINDOW_SESSION;

	results_maker_emission(maker, SLUICE_DISK_COMPLETE,
			       &(struct sluice_emission){
				       .start_ns = is_session ? INT64_MIN : rows->start_ns,
				       .end_ns = rows->end_ns,
				       .window = rows->window,
				       .epoch = rows->epoch,
				       .order = is_session ? 0 : rows->order,
				       .first_lsn = position,
				       .last_lsn = position,
				       .rows = rows->row_count,
			       });
}

void results_maker_rows(struct results_maker *maker, const struct sluice_rows *head, __u32 count,
			const __u64 (*values)[SLUICE_GROUP_FIELDS_MAX],
			const struct sluice_partial *partials)
{
	const struct row_writer *writer = results_log_writer(maker->log);
	const struct window_spec *window = &maker->windows[head->window];
	struct sluice_disk_record *record;
	struct sluice_rows *rows;
	struct group_key layout;
	struct sluice_rows written;
	size_t row_bytes, bytes;
	__u64 *at, position;

	demand(group_key_layout(&layout, window->group_field, window->group_count) == 0,
	       "group_by");
	row_bytes = layout.word_count * 8u + sizeof(*partials);
	bytes = sizeof(*record) + sizeof(*rows) + row_bytes * count;
	record = reserve(maker, bytes);
	position = writer->position(writer->context);
	*record = (struct sluice_disk_record){ (__u32)bytes, SLUICE_DISK_ROWS,
					       SLUICE_ROWS_VERSION };
	rows = (struct sluice_rows *)(record + 1);
	*rows = *head;
	if (!rows->order)
		rows->order = head->flags & SLUICE_ROWS_EARLY
				      ? 1
				      : SLUICE_ORDER_CLOSED + (__u64)head->revision;
	if (!rows->epoch)
		rows->epoch = maker->store.manifest.agent_epoch;
	rows->row_count = count;
	rows->row_bytes = (__u32)row_bytes;
	at = (__u64 *)(rows + 1);
	for (__u32 i = 0; i < count; i++) {
		memset(at, 0, layout.word_count * 8u);
		for (unsigned int j = 0; j < layout.field_count; j++)
			at[layout.field[j].word] |= values[i][j] << layout.field[j].shift;
		at += layout.word_count;
		memcpy(at, &partials[i], sizeof(*partials));
		at += sizeof(*partials) / 8;
	}
	written = *rows;
	writer->commit(writer->context, bytes);
	if (maker->completes)
		complete(maker, &written, position);
}

void results_maker_row(struct results_maker *maker, const struct sluice_rows *head,
		       const __u64 values[SLUICE_GROUP_FIELDS_MAX], __u64 count, __s64 value)
{
	__int128 sum = (__int128)value * count;
	struct sluice_partial partial = {
		.count = count,
		.records = count,
		.sum_low = (__u64)sum,
		.sum_high = (__u64)((unsigned __int128)sum >> 64),
		.min = value,
		.max = value,
	};

	results_maker_rows(maker, head, 1, (const __u64(*)[SLUICE_GROUP_FIELDS_MAX])values,
			   &partial);
}

void results_maker_emission(struct results_maker *maker, __u16 kind,
			    const struct sluice_emission *emission)
{
	const struct row_writer *writer = results_log_writer(maker->log);
	size_t bytes = sizeof(struct sluice_disk_record) + sizeof(*emission);
	struct sluice_disk_record *record = reserve(maker, bytes);
	struct sluice_emission *body = (struct sluice_emission *)(record + 1);

	*record = (struct sluice_disk_record){ (__u32)bytes, kind, 1 };
	*body = *emission;
	if (!body->epoch)
		body->epoch = maker->store.manifest.agent_epoch;
	writer->commit(writer->context, bytes);
}
