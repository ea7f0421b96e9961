/* SPDX-License-Identifier: BSD-2-Clause */
/* Schema records in both directions. */
#include "core/record/schema.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* FNV-1a (Fowler, Noll, Vo), 64 bits. */
static __u64 mix(__u64 hash, const void *bytes, size_t count)
{
	const __u8 *at = bytes;

	for (size_t i = 0; i < count; i++)
		hash = (hash ^ at[i]) * 0x100000001B3ull;
	return hash;
}

static __u64 mix_number(__u64 hash, __u64 number)
{
	return mix(hash, &number, sizeof(number));
}

static __u64 mix_where(__u64 hash, const struct window_where *where)
{
	hash = mix_number(hash, where->has_types);
	if (where->has_types)
		hash = mix(hash, where->type_bits, SLUICE_TYPES / 8);
	for (int i = 0; i < SLUICE_FIELD_VALUE; i++) {
		hash = mix_number(hash, where->field[i].count);
		hash = mix(hash, where->field[i].value,
			   where->field[i].count * sizeof(where->field[i].value[0]));
	}
	hash = mix_number(hash, where->has_value_range);
	if (!where->has_value_range)
		return hash;
	return mix_number(mix_number(hash, (__u64)where->value_min), (__u64)where->value_max);
}

__u64 schema_definition(const struct window_spec *spec)
{
	__u64 hash = mix_number(0xCBF29CE484222325ull, spec->kind);

	hash = mix_number(hash, (__u64)spec->size_ns);
	hash = mix_number(hash, (__u64)spec->slide_ns);
	hash = mix_number(hash, (__u64)spec->offset_ns);
	hash = mix_number(hash, (__u64)spec->gap_ns);
	hash = mix_number(hash, (__u64)spec->max_duration_ns);
	hash = mix_number(hash, spec->listener_mask);
	hash = mix_number(hash, spec->dedup);
	hash = mix_where(hash, &spec->where);
	hash = mix(hash, spec->group_field, spec->group_count);
	return mix(hash, spec->aggregate, spec->aggregate_count * sizeof(*spec->aggregate));
}

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
	window->max_disorder_ns = spec->max_disorder_ns;
	window->duration_ns = spec->max_duration_ns;
	window->definition = schema_definition(spec);
}

void schema_write(void *record, const struct sluice_schema *head, const struct window_spec *windows,
		  const __u64 *epochs, __u32 window_count)
{
	struct sluice_disk_record *prefix = record;
	struct sluice_schema *body = (struct sluice_schema *)(prefix + 1);
	struct sluice_schema_window *window = (struct sluice_schema_window *)(body + 1);

	assert(window_count <= SLUICE_WINDOWS_MAX);
	prefix->bytes = (__u32)schema_record_bytes(window_count);
	prefix->kind = SLUICE_DISK_SCHEMA;
	prefix->version = SLUICE_SCHEMA_VERSION;
	*body = *head;
	body->window_count = window_count;
	for (__u32 i = 0; i < window_count; i++) {
		fill_window(&window[i], &windows[i], i);
		window[i].epoch = epochs ? epochs[i] : head->agent_epoch;
	}
}

static int check_aggregate(const struct sluice_schema_aggregate *aggregate)
{
	return aggregate->kind < SLUICE_AGGREGATE_KINDS && aggregate->field < SLUICE_FIELD_COUNT &&
			       aggregate->quantile_count <= SLUICE_QUANTILES_MAX
		       ? 0
		       : -EBADMSG;
}

/* The windows of a record, whatever its version. False: its length is not theirs. */
static bool copy_windows(struct sluice_schema_window *windows, const struct sluice_schema *body,
			 const struct sluice_disk_record *record)
{
	size_t each = record->version == 1 ? SLUICE_SCHEMA_WINDOW_BYTES_V1 : sizeof(*windows);
	const __u8 *at = (const __u8 *)(body + 1);

	if (record->bytes != sizeof(*record) + sizeof(*body) + body->window_count * each)
		return false;
	memset(windows, 0, body->window_count * sizeof(*windows));
	for (__u32 i = 0; i < body->window_count; i++, at += each) {
		memcpy(&windows[i], at, each);
		if (record->version == 1)
			windows[i].epoch = body->agent_epoch;
	}
	return true;
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
	struct sluice_schema_window window[SLUICE_WINDOWS_MAX];
	struct group_key layout[SLUICE_WINDOWS_MAX];

	if (record->kind != SLUICE_DISK_SCHEMA || record->version < 1 ||
	    record->version > SLUICE_SCHEMA_VERSION || record->bytes < schema_record_bytes(0) ||
	    body->window_count > SLUICE_WINDOWS_MAX || !copy_windows(window, body, record))
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
