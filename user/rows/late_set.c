/* SPDX-License-Identifier: BSD-2-Clause */
/* A growing list of events, sorted once. */
#include "rows/late_set.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NO_WINDOW UINT32_MAX

struct late_entry {
	struct sluice_late_event event;
	const struct late_origin *origin;
};

struct late_set {
	struct late_set_options options;
	__u32 window_count; /* of the schema in force; 0: none yet */
	__u32 window; /* index in it, or NO_WINDOW */
	bool has_any;
	struct late_origin **origins; /* the last one is in force */
	size_t origin_count;
	struct late_entry *entries;
	size_t count, room;
};

int late_set_open(struct late_set **set, const struct late_set_options *options)
{
	struct late_set *made = calloc(1, sizeof(*made));

	if (!made)
		return -ENOMEM;
	made->options = *options;
	made->window = NO_WINDOW;
	*set = made;
	return 0;
}

void late_set_close(struct late_set *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->origin_count; i++)
		free(set->origins[i]);
	free(set->origins);
	free(set->entries);
	free(set);
}

bool late_set_has_any(const struct late_set *set)
{
	return set->has_any;
}

const struct late_origin *late_set_origin(const struct late_set *set)
{
	return set->origin_count ? set->origins[set->origin_count - 1] : NULL;
}

/* Segments repeat the schema: most often it is the same again. */
static int use_origin(struct late_set *set, const struct sluice_schema *head)
{
	struct late_origin **grown, made = { .epoch = head->agent_epoch };

	memcpy(made.agent_id, head->agent_id, sizeof(made.agent_id));
	memcpy(made.dim_name, head->dim_name, sizeof(made.dim_name));
	if (set->origin_count &&
	    memcmp(set->origins[set->origin_count - 1], &made, sizeof(made)) == 0)
		return 0;
	grown = realloc(set->origins, (set->origin_count + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	set->origins = grown;
	grown[set->origin_count] = malloc(sizeof(made));
	if (!grown[set->origin_count])
		return -ENOMEM;
	*grown[set->origin_count++] = made;
	return 0;
}

int late_set_use_schema(struct late_set *set, const struct schema *schema)
{
	set->window_count = schema->head.window_count;
	set->window = NO_WINDOW;
	for (__u32 i = 0; i < schema->head.window_count; i++) {
		if (strcmp(schema->window[i].name, set->options.window) == 0)
			set->window = i;
	}
	return use_origin(set, &schema->head);
}

static int add_event(struct late_set *set, const struct sluice_late_event *event)
{
	if (set->count == set->room) {
		size_t room = set->room * 2 + 256;
		struct late_entry *grown = realloc(set->entries, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		set->entries = grown;
		set->room = room;
	}
	set->entries[set->count].event = *event;
	set->entries[set->count++].origin = set->origins[set->origin_count - 1];
	return 0;
}

int late_set_add(struct late_set *set, const struct sluice_disk_record *record)
{
	struct sluice_late_event event;
	struct late_cursor cursor;
	int error = late_record_open(&cursor, set->window_count, record);

	if (error || cursor.head->window != set->window)
		return error;
	set->has_any = true;
	while (!error && late_record_next(&cursor, &event)) {
		if (event.time_ns >= set->options.since_ns && event.time_ns < set->options.until_ns)
			error = add_event(set, &event);
	}
	return error;
}

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

static int compare(const void *left, const void *right)
{
	const struct late_entry *a = left, *b = right;
	int order = ORDER(a->event.time_ns, b->event.time_ns);

	if (!order)
		order = ORDER(a->event.source_id, b->event.source_id);
	if (!order)
		order = ORDER(a->event.epoch, b->event.epoch);
	if (!order)
		order = ORDER(a->event.sequence, b->event.sequence);
	if (!order)
		order = ORDER(a->event.index, b->event.index);
	if (!order)
		order = memcmp(a->origin->agent_id, b->origin->agent_id,
			       sizeof(a->origin->agent_id));
	if (!order)
		order = ORDER(a->origin->epoch, b->origin->epoch);
	/* What nothing tells apart but its content: sources that share the overflow source. */
	return order ? order : memcmp(&a->event, &b->event, sizeof(a->event));
}

int late_set_emit(struct late_set *set, int (*emit)(void *context, const struct late_result *late),
		  void *context)
{
	int error = 0;

	if (set->count)
		qsort(set->entries, set->count, sizeof(*set->entries), compare);
	for (size_t i = 0; i < set->count && !error; i++) {
		const struct late_result late = { set->options.window, set->entries[i].origin,
						  set->entries[i].event };

		error = emit(context, &late);
	}
	return error;
}
