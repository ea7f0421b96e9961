/* SPDX-License-Identifier: BSD-2-Clause */
/* One record is open at a time; a row that does not fit, or has other flags, begins the next. */
#include "core/session/session_rows.h"

/* Room asked for the sketches of a row; longer ones get a record of their own. */
#define TAIL_BYTES 256u
#define HEAD_BYTES (sizeof(struct sluice_disk_record) + sizeof(struct sluice_rows))

void session_rows_commit(struct session_rows *rows)
{
	size_t bytes;

	if (!rows->record)
		return;
	bytes = (size_t)(rows->at - (unsigned char *)rows->record);
	*rows->record = (struct sluice_disk_record){ (__u32)bytes, SLUICE_DISK_ROWS,
						      SLUICE_ROWS_VERSION };
	rows->writer->commit(rows->writer->context, bytes);
	rows->record = NULL;
	rows->head = NULL;
}

static bool open_record(struct session_rows *rows, size_t bytes_min, size_t bytes_max)
{
	size_t room = 0;
	unsigned char *at = rows->writer->reserve(rows->writer->context, HEAD_BYTES + bytes_min,
						  HEAD_BYTES + bytes_max, &room);

	if (!at)
		return false;
	rows->record = (struct sluice_disk_record *)at;
	rows->head = (struct sluice_rows *)(rows->record + 1);
	rows->at = (unsigned char *)(rows->head + 1);
	rows->limit = at + room;
	return true;
}

bool session_rows_reserve(struct session_rows *rows, size_t bytes, __u16 flags, __u32 rows_left)
{
	size_t each = bytes + (rows->window->extras.count ? TAIL_BYTES : 0);

	flags |= SLUICE_ROWS_VARIABLE;
	if (rows->record &&
	    (rows->head->flags != flags || bytes > (size_t)(rows->limit - rows->at)))
		session_rows_commit(rows);
	if (rows->record)
		return true;
	if (!open_record(rows, bytes, each * (rows_left ? rows_left : 1)))
		return false;
	*rows->head = (struct sluice_rows){
		.window = (__u16)rows->window->index,
		.flags = flags,
		.epoch = rows->window->epoch,
	};
	return true;
}
