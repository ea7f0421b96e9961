/* SPDX-License-Identifier: BSD-2-Clause */
/* Schema records in both directions. */
#include "core/schema.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static void fill_window(struct sluice_schema_window *window, const struct window_spec *spec,
			__u32 index)
{
	struct group_key layout;
	int error = group_key_layout(&layout, spec->group_field, spec->group_count);

	assert(!error);
	memset(window, 0, sizeof(*window));
	window->window = (__u16)index;
	window->kind = (__u8)spec->kind;
	window->group_count = spec->group_count;
	memcpy(window->group_field, spec->group_field, sizeof(window->group_field));
	window->key_words = layout.word_count;
	window->aggregate_count = spec->aggregate_count;
	window->size_ns = spec->kind == SLUICE_WINDOW_SESSION ? spec->gap_ns : spec->size_ns;
	window->slide_ns = spec->kind == SLUICE_WINDOW_SESSION ? 0 : spec->slide_ns;
	window->offset_ns = spec->offset_ns;
	window->allowed_lateness_ns = spec->allowed_lateness_ns;
	memcpy(window->name, spec->name, sizeof(window->name));
	memcpy(window->aggregate, spec->aggregate,
	       spec->aggregate_count * sizeof(*spec->aggregate));
}

void schema_write(void *record, const struct sluice_schema *head, const struct window_spec *windows,
		  __u32 window_count)
{
	struct sluice_disk_record *prefix = record;
	struct sluice_schema *body = (struct sluice_schema *)(prefix + 1);
	struct sluice_schema_window *window = (struct sluice_schema_window *)(body + 1);

	assert(window_count <= SLUICE_WINDOWS_MAX);
	prefix->bytes = (__u32)schema_record_bytes(window_count);
	prefix->kind = SLUICE_DISK_SCHEMA;
	prefix->version = 1;
	*body = *head;
	body->window_count = window_count;
	for (__u32 i = 0; i < window_count; i++)
		fill_window(&window[i], &windows[i], i);
}

static int check_aggregate(const struct sluice_schema_aggregate *aggregate)
{
	return aggregate->kind < SLUICE_AGGREGATE_KINDS && aggregate->field < SLUICE_FIELD_COUNT &&
			       aggregate->quantile_count <= SLUICE_QUANTILES_MAX
		       ? 0
		       : -EBADMSG;
}

static int check_window(const struct sluice_schema_window *window, __u32 index,
			struct group_key *layout)
{
	if (window->window != index || window->kind > SLUICE_WINDOW_SESSION ||
	    window->aggregate_count > SLUICE_AGGREGATES_MAX || window->extra_bytes != 0 ||
	    window->size_ns <= 0 || window->slide_ns < 0 || window->name[0] == '\0' ||
	    window->name[SLUICE_NAME_MAX] != '\0' ||
	    group_key_layout(layout, window->group_field, window->group_count) != 0 ||
	    layout->word_count != window->key_words)
		return -EBADMSG;
	for (unsigned int i = 0; i < window->aggregate_count; i++) {
		if (check_aggregate(&window->aggregate[i]))
			return -EBADMSG;
	}
	return 0;
}

int schema_read(struct schema *schema, const struct sluice_disk_record *record)
{
	const struct sluice_schema *body = (const struct sluice_schema *)(record + 1);
	const struct sluice_schema_window *window = (const struct sluice_schema_window *)(body + 1);
	struct group_key layout[SLUICE_WINDOWS_MAX];

	if (record->kind != SLUICE_DISK_SCHEMA || record->version != 1 ||
	    record->bytes < schema_record_bytes(0) || body->window_count > SLUICE_WINDOWS_MAX ||
	    record->bytes != schema_record_bytes(body->window_count))
		return -EBADMSG;
	for (unsigned int i = 0; i < 4; i++) {
		if (body->dim_name[i][SLUICE_NAME_MAX] != '\0')
			return -EBADMSG;
	}
	for (__u32 i = 0; i < body->window_count; i++) {
		if (check_window(&window[i], i, &layout[i]))
			return -EBADMSG;
	}
	schema->head = *body;
	memcpy(schema->window, window, body->window_count * sizeof(*window));
	memcpy(schema->layout, layout, body->window_count * sizeof(*layout));
	return 0;
}
