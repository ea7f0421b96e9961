/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the windows put what they emit: room in a buffer of the results log, in the layout of
 * disk_format.h. The core never waits: no room is an answer, and it comes back in a later turn. */
#ifndef SLUICE_CORE_ROW_WRITER_H
#define SLUICE_CORE_ROW_WRITER_H

#include <stddef.h>

#include <linux/types.h>

struct row_writer {
	void *context;
	/* Room for one record of at least `bytes_min` bytes (its sluice_disk_record included) and
	 * at most `bytes_max`; *bytes_room says how much. 8-byte aligned. NULL: no room now.
	 * Whoever finds that it needs more reserves again, with that as `bytes_min`; what was
	 * written into the first room is lost. */
	void *(*reserve)(void *context, size_t bytes_min, size_t bytes_max, size_t *bytes_room);
	/* The record of `bytes` (its prefix says the same) is complete. Without it, the room is
	 * given back at the next reserve. */
	void (*commit)(void *context, size_t bytes);
	/* Number of the record that is committed next: what the positions in sluice_emission are
	 * made from. NULL where nobody asks. */
	__u64 (*position)(void *context);
};

#endif
