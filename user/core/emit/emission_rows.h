/* SPDX-License-Identifier: BSD-2-Clause */
/* The rows of an instance: of its only pane, merged from its panes, or from what is remembered of
 * them. */
#ifndef SLUICE_CORE_EMISSION_ROWS_H
#define SLUICE_CORE_EMISSION_ROWS_H

#include "core/record/block.h"

/* Rows looked at without giving any also cost time: this many count as one row of the slice. */
#define ROWS_SCANNED_PER_ROW 8u

/* The panes of an instance that are live, oldest first. */
#define for_each_pane(window, instance, pane)                                                      \
	for (__s64 number_ = window_pane_number(window, (instance)->start_ns),                     \
		   end_ = number_ + (window)->pane_count;                                          \
	     number_ < end_; number_++)                                                            \
		if ((pane = window_find_pane(window, number_)))

/* What the rows of the emission that is running are to say to be missing. */
void emission_read_losses(const struct window *window, struct instance *instance);

/* Puts due rows of the instance's next chunk into the block, from its next row on, as long as that
 * takes no longer than a slice may; at CHUNK_ROWS the chunk is done. Returns the rows looked at. */
__u32 emission_put_rows(struct stream *stream, struct window *window, struct instance *instance,
			struct block *block);

#endif
