/* SPDX-License-Identifier: BSD-2-Clause */
/* What every segment of the results log starts with: the schema in force and the names known so
 * far. Kept as finished records in one block of fixed size, so that repeating them is a copy. No
 * I/O. */
#ifndef SLUICE_EDGE_RESULTS_PREAMBLE_H
#define SLUICE_EDGE_RESULTS_PREAMBLE_H

#include "core/record/schema.h"
#include "edge/results/results_memory.h"

/* A batch without its header. */
#define RESULTS_PREAMBLE_BYTES_MAX (SLUICE_BATCH_BYTES_MAX - sizeof(struct sluice_batch))

struct results_preamble {
	__u8 *schema; /* one record */
	size_t schema_bytes; /* 0: none yet */
	struct name_table names;
	__u32 gap_count;
	struct sluice_gap gap[RESULTS_MEMORY_GAPS];	/* the oldest first */
};

/* -ENOMEM. Takes a zeroed object; close takes it in any state. */
int results_preamble_open(struct results_preamble *preamble, __u64 hash_seed);
void results_preamble_close(struct results_preamble *preamble);

void results_preamble_set_schema(struct results_preamble *preamble,
				 const struct sluice_schema *head,
				 const struct window_spec *windows, const __u64 *epochs,
				 __u32 window_count);

/* The oldest goes when there are too many. */
void results_preamble_add_gap(struct results_preamble *preamble, const struct sluice_gap *gap);

/* 1: new, and its finished record of *record_bytes stands at `record` (RESULTS_PREAMBLE_NAME_MAX);
 * 0: known already; -EEXIST: the id has another name; -EINVAL; -ENOSPC. */
#define RESULTS_PREAMBLE_NAME_MAX \
	(sizeof(struct sluice_disk_record) + sizeof(struct sluice_dictionary_entry) + 256)
int results_preamble_add_name(struct results_preamble *preamble, enum sluice_space space, __u64 id,
			      const char *text, void *record, size_t *record_bytes);

/* Copies the records; returns their bytes (at most RESULTS_PREAMBLE_BYTES_MAX) and how many. */
size_t results_preamble_copy(const struct results_preamble *preamble, void *out,
			     __u32 *record_count);

#endif
