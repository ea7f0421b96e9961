/* SPDX-License-Identifier: BSD-2-Clause */
/* What the last segment of a results log says beside its rows, for the agent that goes on: names,
 * gaps, and how far the emissions of each window are complete. Batches go in in their order. No
 * I/O. */
#ifndef SLUICE_EDGE_RESULTS_MEMORY_H
#define SLUICE_EDGE_RESULTS_MEMORY_H

#include "core/name/name_table.h"
#include "core/record/schema.h"

#define RESULTS_MEMORY_GAPS 64u

/* Indexes of windows change from schema to schema; names stay. */
struct results_gap {
	char window[SLUICE_NAME_MAX + 1];
	struct sluice_gap gap;
};

struct results_gaps {
	__u32 count;
	struct results_gap gap[RESULTS_MEMORY_GAPS];	/* the oldest first */
};

/* Adds one; the oldest goes when there are too many. One that is there already is not added. */
void results_gaps_add(struct results_gaps *gaps, const char *window, const struct sluice_gap *gap);

struct results_memory_end {
	char window[SLUICE_NAME_MAX + 1];
	__u64 epoch;
	__s64 end_ns;
};

struct results_memory {
	struct name_table names;
	struct schema *schema;	/* in force */
	bool has_schema;
	struct results_gaps gaps;
	__u32 end_count;
	struct results_memory_end end[SLUICE_WINDOWS_MAX];
};

/* -ENOMEM, -EIO. Takes a zeroed object; close takes it in any state. */
int results_memory_open(struct results_memory *memory);
void results_memory_close(struct results_memory *memory);

void results_memory_take(struct results_memory *memory, const struct sluice_disk_record *record);

/* End of the latest closed instance with a complete record, of the window's last epoch; INT64_MIN:
 * none. */
__s64 results_memory_end_of(const struct results_memory *memory, const char *window);

#endif
