/* SPDX-License-Identifier: BSD-2-Clause */
/* Records of rows of any length, filled row by row: for what is told and for what is handed
 * over. */
#ifndef SLUICE_CORE_SESSION_ROWS_H
#define SLUICE_CORE_SESSION_ROWS_H

#include <string.h>

#include "core/stream/stream_state.h"

struct session_rows {
	const struct window *window;
	const struct row_writer *writer;
	struct sluice_disk_record *record; /* NULL: none is open */
	struct sluice_rows *head;
	unsigned char *at, *limit;
};

static inline struct session_rows session_rows_make(const struct window *window,
						    const struct row_writer *writer)
{
	return (struct session_rows){ .window = window, .writer = writer };
}

/* Room for one row of `bytes` in a record of these flags, which is opened when needed, for about
 * `rows_left` rows. False: no room. */
bool session_rows_reserve(struct session_rows *rows, size_t bytes, __u16 flags, __u32 rows_left);
void session_rows_commit(struct session_rows *rows);

static inline void session_rows_put(struct session_rows *rows, const void *bytes, size_t count)
{
	memcpy(rows->at, bytes, count);
	rows->at += count;
}

#endif
