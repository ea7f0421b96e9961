/* SPDX-License-Identifier: BSD-2-Clause */
/* How many records of a window came too late, by the slice of time they are missing from, until a
 * late_count record in the results log takes them. Bounded: when it is full, the rest is said to be
 * missing somewhere. Nothing is allocated after opening. */
#ifndef SLUICE_CORE_LATE_COUNT_H
#define SLUICE_CORE_LATE_COUNT_H

#include <stdbool.h>

#include "core/emit/row_writer.h"
#include "sluice/disk_format.h"

/* More than the events of a turn: each may be in a pane of its own. */
#define LATE_COUNT_PANES 8192u

struct late_count {
	struct sluice_late_pane *pane;	/* LATE_COUNT_PANES and one for the rest */
	__u32 *place;			/* by hash of the interval: pane + 1, or 0 */
	__u32 count;
	bool is_full;			/* the last pane is in use: that of the rest */
};

int late_count_open(struct late_count *counts); /* -ENOMEM */
void late_count_close(struct late_count *counts); /* takes a zeroed object */

/* `records` (not 0) of [start, end) came too late. */
void late_count_add(struct late_count *counts, __s64 start_ns, __s64 end_ns, __u64 records);

static inline bool late_count_is_empty(const struct late_count *counts)
{
	return counts->count == 0 && !counts->is_full;
}

/* One record of what is there (not nothing), as much as the writer has room for. Returns how many
 * panes, or -EAGAIN when it has none. */
int late_count_write(struct late_count *counts, __u32 window, __u64 epoch,
		     const struct row_writer *writer);

/* A late_count record, read: checked once, then its panes one by one. Any bytes are safe. */
struct late_count_cursor {
	const struct sluice_late_count *head;
	const __u8 *at;		/* of the next pane */
	__u32 left;
};

/* Opens a late_count record of a schema (or stream) of `window_count` windows. 0, or -EBADMSG. */
int late_count_read(struct late_count_cursor *cursor, __u32 window_count,
		    const struct sluice_disk_record *record);
/* False behind the last pane. */
bool late_count_next(struct late_count_cursor *cursor, struct sluice_late_pane *pane);

#endif
