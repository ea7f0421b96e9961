/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows records of every version, read: the cursor checks the record against the schema once, then
 * gives row after row without copying. And what is done with partials: merged, divided. Any bytes
 * are safe. */
#ifndef SLUICE_CORE_ROWS_H
#define SLUICE_CORE_ROWS_H

#include <stdbool.h>

#include "core/aggregate/partial.h"
#include "core/record/schema.h"

struct rows_cursor {
	struct sluice_rows head; /* as of the last version */
	const struct sluice_schema_window *window;
	const struct group_key *layout;
	const __u8 *at; /* of the next row */
	const __u8 *end;
	__u32 left; /* rows */
	__u16 version;
};

/* A row where it stands in the record. */
struct row_view {
	__s64 start_ns, end_ns;
	__s32 revision;
	__u64 order;
	const __u64 *words; /* layout->word_count */
	const struct sluice_partial *partial;
	const __u8 *extra; /* points and sketches behind the partial */
	size_t extra_bytes;
};

/* Opens a rows record, or a close record of version 1. 0, or -EBADMSG when it does not fit the
 * schema. */
int rows_open(struct rows_cursor *cursor, const struct schema *schema,
	      const struct sluice_disk_record *record);
/* 1 with *row set, 0 behind the last, -EBADMSG. */
int rows_next(struct rows_cursor *cursor, struct row_view *row);

static inline __int128 rows_sum(const struct sluice_partial *partial)
{
	return (__int128)((unsigned __int128)partial->sum_high << 64 | partial->sum_low);
}

/* The sum as it is printed: at the nearest end of i64 when it does not fit (*is_saturated). */
__s64 rows_saturated_sum(const struct sluice_partial *partial, bool *is_saturated);

/* The double nearest to numerator / denominator (ties to even); denominator not 0. */
double rows_divide(__int128 numerator, __u64 denominator);

#endif
