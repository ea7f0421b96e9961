/* SPDX-License-Identifier: BSD-2-Clause */
/* A ring of late events, and records made of them. */
#include "core/emit/late.h"

#include <errno.h>

#include "base/memory.h"

#define RING_BYTES (SLUICE_LATE_EVENTS_MAX * sizeof(struct sluice_late_event))

static struct sluice_late_event *event_at(const struct late *late, __u32 position)
{
	return &late->event[position % SLUICE_LATE_EVENTS_MAX];
}

int late_open(struct late *late)
{
	late->event = memory_reserve(RING_BYTES);
	return late->event ? 0 : -ENOMEM;
}

void late_close(struct late *late)
{
	memory_release(late->event, RING_BYTES);
	*late = (struct late){ 0 };
}

bool late_put(struct late *late, const struct sluice_late_event *event)
{
	if (late_waiting(late) == SLUICE_LATE_EVENTS_MAX)
		return false;
	*event_at(late, late->tail++) = *event;
	return true;
}

int late_write(struct late *late, __u32 window, const struct row_writer *writer, __u32 events_max)
{
	const size_t head_bytes = sizeof(struct sluice_disk_record) + sizeof(struct sluice_late);
	__u32 count = late_waiting(late) < events_max ? late_waiting(late) : events_max;
	struct sluice_disk_record *record;
	struct sluice_late_event *out;
	struct sluice_late *head;
	size_t room;

	record = writer->reserve(writer->context, head_bytes + sizeof(*out),
				 head_bytes + count * sizeof(*out), &room);
	if (!record)
		return -EAGAIN;
	if ((room - head_bytes) / sizeof(*out) < count)
		count = (__u32)((room - head_bytes) / sizeof(*out));
	head = (struct sluice_late *)(record + 1);
	out = (struct sluice_late_event *)(head + 1);
	*head = (struct sluice_late){ (__u16)window, sizeof(*out), count };
	for (__u32 i = 0; i < count; i++)
		out[i] = *event_at(late, late->head + i);
	late->head += count;
	*record = (struct sluice_disk_record){ (__u32)(head_bytes + count * sizeof(*out)),
					       SLUICE_DISK_LATE, 1 };
	writer->commit(writer->context, record->bytes);
	return (int)count;
}
