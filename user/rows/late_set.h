/* SPDX-License-Identifier: BSD-2-Clause */
/* The late side output of one window in a results log: records go in as they stand in the log,
 * events come out in the order of their time and identity. */
#ifndef SLUICE_EDGE_LATE_SET_H
#define SLUICE_EDGE_LATE_SET_H

#include "core/record/late_record.h"
#include "core/record/schema.h"

struct late_set;

struct late_set_options {
	const char *window; /* its name */
	__s64 since_ns, until_ns; /* events of [since, until) */
};

/* Whose event it is, and how its dimensions were called. */
struct late_origin {
	__u8 agent_id[16];
	__u64 epoch;
	char dim_name[4][SLUICE_NAME_MAX + 1];
};

struct late_result {
	const char *window;
	const struct late_origin *origin;
	struct sluice_late_event event;
};

int late_set_open(struct late_set **set, const struct late_set_options *options); /* -ENOMEM */
void late_set_close(struct late_set *set); /* takes NULL */

/* The schema of the records that follow. -ENOMEM. */
int late_set_use_schema(struct late_set *set, const struct schema *schema);
/* A late record. -EBADMSG (also before any schema), -ENOMEM. */
int late_set_add(struct late_set *set, const struct sluice_disk_record *record);

/* Whether the log held any late event of the window, at whatever time. */
bool late_set_has_any(const struct late_set *set);
/* What is in force; NULL before the first schema. */
const struct late_origin *late_set_origin(const struct late_set *set);

/* Gives every event in order: time, source, its epoch, sequence, index. `emit` returns 0 to go on;
 * anything else ends the walk and is returned. */
int late_set_emit(struct late_set *set, int (*emit)(void *context, const struct late_result *late),
		  void *context);

#endif
