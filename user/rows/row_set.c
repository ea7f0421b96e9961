/* SPDX-License-Identifier: BSD-2-Clause */
/* Takes rows in: each is copied into the bucket of its start, as an entry of the length it needs.
 * What becomes of a bucket is decided in row_set_merge.c. */
#include "rows/row_set_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int row_set_open(struct row_set **set, const struct row_set_options *options)
{
	struct row_set *made = calloc(1, sizeof(*made));

	if (!made)
		return -ENOMEM;
	made->options = *options;
	made->window = ROW_SET_NO_WINDOW;
	if (row_set_open_buckets(made) || row_tail_open(&made->tail)) {
		row_set_close(made);
		return -ENOMEM;
	}
	*set = made;
	return 0;
}

void row_set_close(struct row_set *set)
{
	if (!set)
		return;
	row_set_close_buckets(set);
	for (size_t i = 0; i < set->shapes.count; i++)
		free(set->shapes.at[i]);
	free(set->shapes.at);
	free(set->sources.at);
	free(set->heads.at);
	free(set->losses.at);
	free(set->completes.at);
	free(set->finals.at);
	free(set->gaps.at);
	free(set->late.at);
	free(set->absent.at);
	free(set->schema);
	row_tail_close(set->tail);
	free(set);
}

__u64 row_set_count(const struct row_set *set)
{
	return set->row_count;
}

const struct row_set_shape *row_set_shape_at(const struct row_set *set, size_t index)
{
	return index < set->shapes.count ? set->shapes.at[index] : NULL;
}

__u64 row_set_left_out(const struct row_set *set)
{
	return set->left_out;
}

int row_list_grow(void **array, size_t count, size_t *room, size_t bytes)
{
	size_t wanted = *room + *room / 2 + 8;
	void *grown;

	if (count < *room)
		return 0;
	grown = realloc(*array, wanted * bytes);
	if (!grown)
		return -ENOMEM;
	*array = grown;
	*room = wanted;
	return 0;
}

/* Rows under two schemas have one shape when they mean the same, so that they can be merged and
 * printed alike. Format 1.0 does not tell all of it: there, what looks alike is taken for alike. */
static bool is_same_shape(const struct sluice_schema_window *a,
			  const struct sluice_schema_window *b)
{
	return a->kind == b->kind && a->size_ns == b->size_ns && a->slide_ns == b->slide_ns &&
	       a->offset_ns == b->offset_ns && a->group_count == b->group_count &&
	       a->aggregate_count == b->aggregate_count &&
	       memcmp(a->group_field, b->group_field, a->group_count) == 0 &&
	       memcmp(a->aggregate, b->aggregate, a->aggregate_count * sizeof(*a->aggregate)) ==
		       0 &&
	       (a->definition == b->definition || !a->definition || !b->definition);
}

/* The same definition once more. Of two disorders the longer one, which claims less. */
static void renew_shape(struct row_set_shape *shape, const struct schema *schema, __u32 window)
{
	__s64 disorder_ns = shape->window.max_disorder_ns;

	shape->window = schema->window[window];
	if (shape->window.max_disorder_ns < disorder_ns)
		shape->window.max_disorder_ns = disorder_ns;
	memcpy(shape->dim_name, schema->head.dim_name, sizeof(shape->dim_name));
}

static int find_shape(struct row_set *set, const struct schema *schema, __u32 window)
{
	struct row_set_shape *shape;

	for (size_t i = 0; i < set->shapes.count; i++) {
		if (is_same_shape(&set->shapes.at[i]->window, &schema->window[window])) {
			renew_shape(set->shapes.at[i], schema, window);
			return (int)i;
		}
	}
	if (set->shapes.count > UINT16_MAX || ROW_LIST_GROW(set->shapes))
		return -ENOMEM;
	shape = calloc(1, sizeof(*shape));
	if (!shape)
		return -ENOMEM;
	shape->layout = schema->layout[window];
	renew_shape(shape, schema, window);
	if (shape->window.kind == SLUICE_WINDOW_SESSION)
		set->has_sessions = true;
	else
		set->has_grids = true;
	set->shapes.at[set->shapes.count] = shape;
	return (int)set->shapes.count++;
}

static bool is_source(const struct row_set *set, const struct row_source *source, __u64 epoch)
{
	return source->epoch == epoch &&
	       memcmp(source->agent_id, set->schema->head.agent_id, 16) == 0;
}

int row_set_find_source(struct row_set *set, __u64 epoch)
{
	struct row_source *made;

	if (set->source < set->sources.count &&
	    is_source(set, &set->sources.at[set->source], epoch))
		return (int)set->source;
	for (set->source = 0; set->source < set->sources.count; set->source++) {
		if (is_source(set, &set->sources.at[set->source], epoch))
			return (int)set->source;
	}
	if (set->sources.count > INT32_MAX - 1 || ROW_LIST_GROW(set->sources))
		return -ENOMEM;
	made = &set->sources.at[set->sources.count++];
	*made = (struct row_source){ .epoch = epoch, .closed_ns = INT64_MIN };
	memcpy(made->agent_id, set->schema->head.agent_id, 16);
	return (int)set->source;
}

int row_set_use_schema(struct row_set *set, const struct schema *schema)
{
	if (!set->schema)
		set->schema = malloc(sizeof(*set->schema));
	if (!set->schema)
		return -ENOMEM;
	*set->schema = *schema;
	set->window = ROW_SET_NO_WINDOW;
	for (__u32 i = 0; i < schema->head.window_count; i++) {
		int shape;

		if (strcmp(schema->window[i].name, set->options.window) != 0)
			continue;
		shape = find_shape(set, schema, i);
		if (shape < 0)
			return shape;
		set->shape = (__u16)shape;
		set->window = i;
	}
	return 0;
}

static int add_head(struct row_set *set, const struct sluice_rows *head, __u64 lsn)
{
	int source = row_set_find_source(set, head->epoch);

	if (source < 0 || set->heads.count > UINT32_MAX - 1 || ROW_LIST_GROW(set->heads))
		return -ENOMEM;
	set->heads.at[set->heads.count++] = (struct row_head){
		.lsn = lsn,
		.source = (__u32)source,
		.aggregated = head->aggregated,
		.selected = head->selected,
		.offered = head->offered,
		.missing = head->missing,
	};
	return 0;
}

/* `is_sign`: the row itself is not wanted. */
static int add_entry(struct row_set *set, const struct rows_cursor *cursor,
		     const struct row_view *row, __u64 lsn, bool is_sign)
{
	size_t key_bytes = is_sign ? 0 : cursor->layout->word_count * 8u;
	size_t rest = is_sign ? 0 : sizeof(*row->partial) + row->extra_bytes;
	size_t bytes = sizeof(struct row_entry) + key_bytes + rest;
	struct row_entry *entry = row_set_put(set, row->start_ns, bytes);

	if (!entry)
		return -ENOMEM;
	*entry = (struct row_entry){
		.start_ns = row->start_ns,
		.end_ns = row->end_ns,
		.order = row->order,
		.lsn = lsn,
		.bytes = (__u32)bytes,
		.head = (__u32)(set->heads.count - 1),
		.source = set->source,
		.revision = row->revision,
		.flags = cursor->head.flags,
		.shape = set->shape,
		.is_sign = is_sign,
		.is_whole = cursor->version == 1,
	};
	if (is_sign)
		return 0;
	memcpy(entry + 1, row->words, key_bytes);
	memcpy((__u8 *)(entry + 1) + key_bytes, row->partial, rest);
	set->row_count++;
	set->shapes.at[set->shape]->has_rows = true;
	return 0;
}

/* That there was a row is worth one sign a record: all of them have one interval. */
static int add_unwanted(struct row_set *set, const struct rows_cursor *cursor,
			const struct row_view *row, __u64 lsn, bool *has_sign)
{
	if (cursor->window->kind == SLUICE_WINDOW_SESSION) {
		set->has_unwanted = true;
		return 0;
	}
	if (*has_sign)
		return 0;
	*has_sign = true;
	return add_entry(set, cursor, row, lsn, true);
}

static int add_rows(struct row_set *set, struct rows_cursor *cursor, __u64 lsn)
{
	bool is_overflow = cursor->head.flags & SLUICE_ROWS_OVERFLOW, has_sign = false;
	int error = add_head(set, &cursor->head, lsn), got;
	struct row_view row;

	if (!error && cursor->head.row_count == 0)
		return row_set_note_empty(set, &cursor->head);
	while (!error && (got = rows_next(cursor, &row)) != 0) {
		if (got < 0)
			return got;
		if (!row_set_is_in_range(set, row.start_ns))
			continue;
		if (set->options.is_wanted &&
		    !set->options.is_wanted(set->options.context, set->schema, set->window, &row,
					    is_overflow))
			error = add_unwanted(set, cursor, &row, lsn, &has_sign);
		else
			error = add_entry(set, cursor, &row, lsn, false);
	}
	return error;
}

int row_set_add(struct row_set *set, const struct sluice_disk_record *record, __u64 lsn)
{
	struct rows_cursor cursor;
	int error;

	if (!set->schema)
		return -EBADMSG;
	if (record->kind != SLUICE_DISK_ROWS && record->kind != SLUICE_DISK_CLOSE)
		return row_set_add_mark(set, record, lsn);
	error = rows_open(&cursor, set->schema, record);
	if (error || cursor.head.window != set->window)
		return error;
	return record->kind == SLUICE_DISK_CLOSE ? row_set_add_close(set, &cursor.head)
						 : add_rows(set, &cursor, lsn);
}
