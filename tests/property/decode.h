/* SPDX-License-Identifier: BSD-2-Clause */
/* A row writer into memory, and a reader of its records written from disk_format.h and group_key.h
 * alone. The writer is nasty: sometimes no room, never more than it says, noise in fresh memory. */
#ifndef SLUICE_PROPERTY_DECODE_H
#define SLUICE_PROPERTY_DECODE_H

#include "core/emit/row_writer.h"
#include "random.h"
#include "result.h"
#include "scenario.h"

struct decode_record {
	size_t bytes;
	void *data;
};

struct decode_sink {
	struct row_writer writer;
	struct random random;
	unsigned int no_room_percent;
	void *reserved;
	size_t reserved_bytes;
	size_t record_count;
	struct decode_record *record;
};

void decode_sink_open(struct decode_sink *sink, __u64 seed, unsigned int no_room_percent);
void decode_sink_clear(struct decode_sink *sink);	/* forgets the records, stays open */

/* Appends what the records of the sink say to `result`, as of `step`. Returns 0, or -EINVAL with
 * a line on stdout when a record breaks the format. */
int decode_rows(const struct decode_sink *sink, const struct scenario *scenario, __u32 step,
		struct result *result);

/* Reads what stands behind the base partial of a row (first, last, sketches) into
 * row->aggregate; how many bytes it took, or -EINVAL. */
int decode_extra(const struct window_spec *spec, const void *data, size_t bytes,
		 struct result_row *row);

/* Bytes behind the base partial that every row of the window has. */

#endif
