/* SPDX-License-Identifier: BSD-2-Clause */
/* A list of intervals, found by hash. */
#include "core/emit/late_count.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"

#define PLACES (2 * LATE_COUNT_PANES)
#define PANES_BYTES ((LATE_COUNT_PANES + 1) * sizeof(struct sluice_late_pane))
#define PLACES_BYTES (PLACES * sizeof(__u32))

_Static_assert((PLACES & (PLACES - 1)) == 0, "places are taken modulo");

int late_count_open(struct late_count *counts)
{
	*counts = (struct late_count){ .pane = memory_reserve(PANES_BYTES),
				       .place = memory_reserve(PLACES_BYTES) };
	if (counts->pane && counts->place)
		return 0;
	late_count_close(counts);
	return -ENOMEM;
}

void late_count_close(struct late_count *counts)
{
	memory_release(counts->pane, PANES_BYTES);
	memory_release(counts->place, PLACES_BYTES);
	*counts = (struct late_count){ 0 };
}

static __u32 first_place(__s64 start_ns, __s64 end_ns)
{
	__u64 mixed = ((__u64)start_ns ^ ((__u64)end_ns << 1)) * 0x9E3779B97F4A7C15ull;

	return (__u32)(mixed >> 32) & (PLACES - 1);
}

void late_count_add(struct late_count *counts, __s64 start_ns, __s64 end_ns, __u64 records)
{
	__u32 at = first_place(start_ns, end_ns);
	struct sluice_late_pane *pane;

	for (; counts->place[at]; at = (at + 1) & (PLACES - 1)) {
		pane = &counts->pane[counts->place[at] - 1];
		if (pane->start_ns == start_ns && pane->end_ns == end_ns) {
			pane->records += records;
			return;
		}
	}
	if (counts->count < LATE_COUNT_PANES) {
		counts->pane[counts->count] =
			(struct sluice_late_pane){ start_ns, end_ns, records };
		counts->place[at] = ++counts->count;
		return;
	}
	pane = &counts->pane[LATE_COUNT_PANES];
	if (!counts->is_full)
		*pane = (struct sluice_late_pane){ INT64_MIN, INT64_MAX, 0 };
	counts->is_full = true;
	pane->records += records;
}

static void forget(struct late_count *counts, const struct sluice_late_pane *pane)
{
	__u32 at = first_place(pane->start_ns, pane->end_ns);

	/* All of them go: a chain may be cut anywhere. */
	for (; counts->place[at]; at = (at + 1) & (PLACES - 1))
		counts->place[at] = 0;
}

static void rebuild(struct late_count *counts)
{
	memset(counts->place, 0, PLACES_BYTES);
	for (__u32 i = 0; i < counts->count; i++) {
		__u32 at = first_place(counts->pane[i].start_ns, counts->pane[i].end_ns);

		while (counts->place[at])
			at = (at + 1) & (PLACES - 1);
		counts->place[at] = i + 1;
	}
}

/* The list is emptied from its end. */
static void take(struct late_count *counts, struct sluice_late_pane *out, __u32 count)
{
	for (__u32 i = 0; i < count; i++) {
		if (counts->is_full) {
			out[i] = counts->pane[LATE_COUNT_PANES];
			counts->is_full = false;
			continue;
		}
		out[i] = counts->pane[--counts->count];
		forget(counts, &out[i]);
	}
	if (counts->count) /* hardly ever: a record had no room for all */
		rebuild(counts);
}

int late_count_write(struct late_count *counts, __u32 window, __u64 epoch,
		     const struct row_writer *writer)
{
	const size_t head_bytes =
		sizeof(struct sluice_disk_record) + sizeof(struct sluice_late_count);
	__u32 count = counts->count + counts->is_full;
	struct sluice_disk_record *record;
	struct sluice_late_count *head;
	size_t room;

	record = writer->reserve(writer->context, head_bytes + sizeof(struct sluice_late_pane),
				 head_bytes + count * sizeof(struct sluice_late_pane), &room);
	if (!record)
		return -EAGAIN;
	if ((room - head_bytes) / sizeof(struct sluice_late_pane) < count)
		count = (__u32)((room - head_bytes) / sizeof(struct sluice_late_pane));
	head = (struct sluice_late_count *)(record + 1);
	*head = (struct sluice_late_count){
		.window = (__u16)window,
		.pane_bytes = sizeof(struct sluice_late_pane),
		.pane_count = count,
		.epoch = epoch,
	};
	take(counts, (struct sluice_late_pane *)(head + 1), count);
	*record = (struct sluice_disk_record){
		(__u32)(head_bytes + count * sizeof(struct sluice_late_pane)),
		SLUICE_DISK_LATE_COUNT, 1
	};
	writer->commit(writer->context, record->bytes);
	return (int)count;
}

int late_count_read(struct late_count_cursor *cursor, __u32 window_count,
		    const struct sluice_disk_record *record)
{
	const struct sluice_late_count *head = (const struct sluice_late_count *)(record + 1);

	if (record->kind != SLUICE_DISK_LATE_COUNT || record->version != 1 ||
	    record->bytes < sizeof(*record) + sizeof(*head) || head->window >= window_count ||
	    head->pane_bytes < sizeof(struct sluice_late_pane) || head->pane_bytes % 8 != 0 ||
	    head->pane_count == 0 ||
	    record->bytes !=
		    sizeof(*record) + sizeof(*head) + (__u64)head->pane_count * head->pane_bytes)
		return -EBADMSG;
	*cursor = (struct late_count_cursor){ head, (const __u8 *)(head + 1), head->pane_count };
	return 0;
}

bool late_count_next(struct late_count_cursor *cursor, struct sluice_late_pane *pane)
{
	if (cursor->left == 0)
		return false;
	memcpy(pane, cursor->at, sizeof(*pane));
	cursor->at += cursor->head->pane_bytes;
	cursor->left--;
	return true;
}
