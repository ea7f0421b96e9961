/* SPDX-License-Identifier: BSD-2-Clause */
/* Walks late records; events may be longer than this version knows. */
#include "core/record/late_record.h"

#include <errno.h>
#include <string.h>

int late_record_open(struct late_cursor *cursor, __u32 window_count,
		     const struct sluice_disk_record *record)
{
	const struct sluice_late *head = (const struct sluice_late *)(record + 1);

	if (record->kind != SLUICE_DISK_LATE || record->version != 1 ||
	    record->bytes < sizeof(*record) + sizeof(*head) || head->window >= window_count ||
	    head->event_bytes < sizeof(struct sluice_late_event) || head->event_bytes % 8 != 0 ||
	    head->event_count == 0 ||
	    record->bytes !=
		    sizeof(*record) + sizeof(*head) + (__u64)head->event_count * head->event_bytes)
		return -EBADMSG;
	*cursor = (struct late_cursor){ head, (const __u8 *)(head + 1), head->event_count };
	return 0;
}

bool late_record_next(struct late_cursor *cursor, struct sluice_late_event *event)
{
	if (cursor->left == 0)
		return false;
	memcpy(event, cursor->at, sizeof(*event));
	cursor->at += cursor->head->event_bytes;
	cursor->left--;
	return true;
}
