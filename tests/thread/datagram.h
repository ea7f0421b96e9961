/* SPDX-License-Identifier: BSD-2-Clause */
/* The heads of a datagram as it lies in a ring, where whole events follow. */
#ifndef SLUICE_TESTS_THREAD_DATAGRAM_H
#define SLUICE_TESTS_THREAD_DATAGRAM_H

#include "sluice/ring_record.h"
#include "sluice/wire.h"

struct datagram_head {
	struct sluice_record record;
	struct sluice_header header;
};

static inline struct datagram_head datagram_head_make(__u16 events, __u64 source_id, __u64 sequence,
						      __u64 base_time_ns)
{
	return (struct datagram_head){
		.record = { .payload_bytes = (__u32)(sizeof(struct sluice_header) +
						     events * sizeof(struct sluice_event)),
			    .prefix_bytes = SLUICE_PREFIX_SHORT,
			    .kept = events },
		.header = { .magic = SLUICE_MAGIC,
			    .version = SLUICE_VERSION,
			    .event_count = events,
			    .event_size = sizeof(struct sluice_event),
			    .source_id = source_id,
			    .sequence = sequence,
			    .base_time_ns = base_time_ns },
	};
}

#endif
