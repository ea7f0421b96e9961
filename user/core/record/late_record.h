/* SPDX-License-Identifier: BSD-2-Clause */
/* Late records, read: the record is checked once, then gives event after event. Any bytes are
 * safe. */
#ifndef SLUICE_CORE_LATE_RECORD_H
#define SLUICE_CORE_LATE_RECORD_H

#include <stdbool.h>

#include "sluice/disk_format.h"

struct late_cursor {
	const struct sluice_late *head;
	const __u8 *at; /* of the next event */
	__u32 left; /* events */
};

/* Opens a late record of a schema (or stream) of `window_count` windows. 0, or -EBADMSG. */
int late_record_open(struct late_cursor *cursor, __u32 window_count,
		     const struct sluice_disk_record *record);
/* False behind the last event. */
bool late_record_next(struct late_cursor *cursor, struct sluice_late_event *event);

/* A field that rows can be grouped by. */
static inline __u64 late_event_field(const struct sluice_late_event *event, enum sluice_field field)
{
	switch (field) {
	case SLUICE_FIELD_TENANT:
		return event->tenant;
	case SLUICE_FIELD_SOURCE:
		return event->source_id;
	case SLUICE_FIELD_TYPE:
		return event->type;
	case SLUICE_FIELD_KEY:
		return event->key;
	default:
		return event->dim[field - SLUICE_FIELD_DIM0];
	}
}

#endif
