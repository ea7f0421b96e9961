/* SPDX-License-Identifier: BSD-2-Clause */
/* The late side output of one window: events that came too late wait in a ring of fixed size until
 * a record in the results log takes them. Full is an answer, which the caller counts; nothing is
 * allocated after opening. */
#ifndef SLUICE_CORE_LATE_H
#define SLUICE_CORE_LATE_H

#include <stdbool.h>

#include "core/emit/row_writer.h"
#include "sluice/disk_format.h"

struct late {
	struct sluice_late_event *event; /* NULL: the window keeps none */
	__u32 head, tail; /* only rise; modulo SLUICE_LATE_EVENTS_MAX */
};

int late_open(struct late *late); /* -ENOMEM */
void late_close(struct late *late); /* takes a zeroed object */

static inline __u32 late_waiting(const struct late *late)
{
	return late->tail - late->head;
}

/* False: no room. */
bool late_put(struct late *late, const struct sluice_late_event *event);

/* One record of up to `events_max` (not 0) of what waits (not nothing), the oldest first. Returns
 * how many, or -EAGAIN when the writer has no room. */
int late_write(struct late *late, __u32 window, const struct row_writer *writer, __u32 events_max);

#endif
