/* SPDX-License-Identifier: BSD-2-Clause */
/* Worker 0's side of the hand-over: exported rows come in, are checked, and merged into the panes
 * of their time. Any bytes are safe. */
#include <errno.h>
#include <string.h>

#include "core/session/session.h"
#include "core/stream/stream_state.h"

/* One exported row: its length, or 0 when it does not fit what is left. */
static size_t import_length(const struct window *window, const struct sluice_rows *head,
			    const unsigned char *row, size_t left)
{
	size_t fixed = window->grouping->key_words * 8 + sizeof(struct sluice_partial);
	struct sluice_row_head own;

	if (!(head->flags & SLUICE_ROWS_VARIABLE))
		return head->row_bytes == fixed && left >= fixed ? fixed : 0;
	if (left < sizeof(own))
		return 0;
	memcpy(&own, row, sizeof(own));
	return own.bytes >= sizeof(own) + fixed && own.bytes <= left && own.bytes % 8 == 0
		       ? own.bytes
		       : 0;
}

static void import_row(struct window *window, struct pane *pane, const struct sluice_rows *head,
		       const unsigned char *row, size_t length)
{
	bool is_variable = head->flags & SLUICE_ROWS_VARIABLE;
	const unsigned char *at = row + (is_variable ? sizeof(struct sluice_row_head) : 0);
	__u32 words = window->grouping->key_words;
	const unsigned char *tail = at + words * 8 + sizeof(struct sluice_partial);
	__u64 key[SLUICE_KEY_WORDS_MAX];
	struct sluice_partial partial;

	memcpy(key, at, words * 8);
	memcpy(&partial, at + words * 8, sizeof(partial));
	if (partial.records)
		window_merge(window, pane, head->flags & SLUICE_ROWS_OVERFLOW ? NULL : key,
			     &partial, tail, (size_t)(row + length - tail));
}

/* Exports come before the watermark moves and after all emissions: there is a pane for them, if at
 * all. */
static void import_rows(struct window *window, const struct sluice_rows *head, size_t bytes)
{
	const unsigned char *row = (const unsigned char *)(head + 1);
	__u64 *reason;
	struct pane *pane = window_pane(window, head->start_ns, &reason);

	if (!pane) {
		window->ledger.aggregated -= head->aggregated;
		window->ledger.late += head->aggregated;
		window_count_late(window, head->start_ns, head->aggregated);
		if (window->late.event)
			window->ledger.late_not_kept += head->aggregated;
		return;
	}
	pane->events += head->aggregated;
	for (__u32 i = 0; i < head->row_count; i++) {
		size_t length = import_length(window, head, row, bytes);

		import_row(window, pane, head, row, length);
		row += length;
		bytes -= length;
	}
}

int stream_import(struct stream *stream, const void *bytes, size_t length)
{
	const struct sluice_disk_record *record = bytes;
	const struct sluice_rows *head = (const void *)(record + 1);
	const unsigned char *row = (const unsigned char *)(head + 1);
	struct window *window;
	size_t left;

	if (length >= sizeof(*record) && record->bytes == length) {
		if (record->kind == SLUICE_DISK_LATE)
			return stream_import_late(stream, record);
		if (record->kind == SLUICE_DISK_LATE_COUNT)
			return stream_import_late_count(stream, record);
		if (record->kind == SLUICE_DISK_NAMES)
			return stream_import_names(stream, record);
	}
	if (length < sizeof(*record) + sizeof(*head) || record->bytes != length ||
	    record->kind != SLUICE_DISK_ROWS || head->window >= stream->window_count)
		return -EINVAL;
	window = &stream->window[head->window];
	if (window->slides && window->leaving_count > 0)
		return -EAGAIN;
	left = length - sizeof(*record) - sizeof(*head);
	if (window->sessions)
		return sessions_import(stream, window, head, left);
	for (__u32 i = 0; i < head->row_count; i++) {
		size_t own = import_length(window, head, row, left);

		if (!own)
			return -EINVAL;
		row += own;
		left -= own;
	}
	if (left)
		return -EINVAL;
	import_rows(window, head, length - sizeof(*record) - sizeof(*head));
	return 0;
}
