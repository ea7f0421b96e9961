/* SPDX-License-Identifier: BSD-2-Clause */
/* What one worker hands to worker 0 at a tick: blocks of exported records through a bounded
 * queue with one producer and one consumer, without a lock. A full queue is an answer (-EAGAIN,
 * NULL): the producer comes back in a later turn. It looks into no record. */
#ifndef SLUICE_ENGINE_HANDOFF_H
#define SLUICE_ENGINE_HANDOFF_H

#include <stddef.h>

#include <linux/types.h>

#include "core/emit/row_writer.h"

#define HANDOFF_BLOCKS 16u		/* a power of two */
#define HANDOFF_BLOCK_BYTES (1u << 20)	/* holds the longest record; untouched pages cost nothing */
#define HANDOFF_FILL_BYTES (32u << 10)	/* a block goes over from here on: one slice of a turn */

struct handoff;

/* -ENOMEM. */
int handoff_open(struct handoff **handoff);
void handoff_close(struct handoff *handoff);

/* Producer: room for stream_export(). */
struct row_writer handoff_writer(struct handoff *handoff);

/* Producer: everything that belongs to `order` (not 0) has been written. -EAGAIN: no room now. */
int handoff_end(struct handoff *handoff, __u64 order);

struct handoff_block {
	const unsigned char *bytes;	/* records one after the other */
	size_t byte_count;
	__u64 end_order;		/* after these records `order` is complete; 0: it is not */
};

/* Consumer: the oldest block, until handoff_release(). 1, or 0 when nothing waits. */
int handoff_take(struct handoff *handoff, struct handoff_block *block);
void handoff_release(struct handoff *handoff);

#endif
