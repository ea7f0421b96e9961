/* SPDX-License-Identifier: BSD-2-Clause */
/* The schema record of the results log: written from the windows' specifications, and read back
 * with every number checked. What a reader holds afterwards needs no further checks. */
#ifndef SLUICE_CORE_SCHEMA_H
#define SLUICE_CORE_SCHEMA_H

#include <stddef.h>

#include "core/group/group_key.h"
#include "core/window_spec.h"

/* Bytes of the record, its prefix included. */
static inline size_t schema_record_bytes(__u32 window_count)
{
	return sizeof(struct sluice_disk_record) + sizeof(struct sluice_schema) +
	       window_count * sizeof(struct sluice_schema_window);
}

/* Writes schema_record_bytes() bytes. At most SLUICE_WINDOWS_MAX windows; `head` brings the ids and
 * names of dimensions; `epochs` that of each window (NULL: the agent's). */
void schema_write(void *record, const struct sluice_schema *head, const struct window_spec *windows,
		  const __u64 *epochs, __u32 window_count);

/* A hash of what a window is, apart from its name: while it stays, its state may go on. */
__u64 schema_definition(const struct window_spec *spec);

struct schema {
	struct sluice_schema head; /* names end with a zero */
	struct sluice_schema_window window[SLUICE_WINDOWS_MAX];
	struct group_key layout[SLUICE_WINDOWS_MAX];
};

/* Reads a schema record of any bytes (record->bytes of them). 0, or -EBADMSG with *schema
 * untouched. */
int schema_read(struct schema *schema, const struct sluice_disk_record *record);

#endif
