/* SPDX-License-Identifier: BSD-2-Clause */
/* What a new writer finds in results/: the segments, and in the last one the end of what is sound.
 * A torn tail is cut and zeroed; damage to what was known durable is refused and left as it is.
 * Doing it twice, or again after being killed halfway, gives the same. */
#ifndef SLUICE_EDGE_RESULTS_RECOVERY_H
#define SLUICE_EDGE_RESULTS_RECOVERY_H

#include "edge/results/results_memory.h"
#include "edge/log/segment_keeper.h"

struct results_recovery {
	/* By number; free() it. Those below the manifest's results_first could not be removed. */
	struct segment_entry *entries;
	size_t entry_count;
	int fd; /* of the last segment, for appending; -1: there is none */
	__u64 segment_bytes; /* of the last segment */
	__u64 offset; /* where its next batch goes */
	__u64 next_lsn; /* from 1 */
	__u64 next_number; /* of the next segment, from 1 */
	__u32 chain;
	__u64 cut_offset; /* 0: nothing was cut */
	char cut_segment[64];
	struct results_memory memory; /* of the last segment, which starts with all there was */
};

/* On success everything up to next_lsn − 1 is durable and only zeros follow. -EBADMSG: corruption;
 * -EPROTONOSUPPORT: newer segments; other -errno. On error store->problem says what to do. */
int results_recovery_run(struct store *store, struct results_recovery *found);

/* The files by first_lsn, the only field that is set: nothing is opened. *entries starts as NULL,
 * *count as 0; free() the list in any case. */
int results_recovery_list_names(struct store *store, struct segment_entry **entries, size_t *count);

#endif
