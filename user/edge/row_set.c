/* SPDX-License-Identifier: BSD-2-Clause */
/* Takes rows in: each is copied into the bucket of its start, as an entry of the length it needs.
 * What becomes of a bucket is decided in row_set_merge.c. */
#include "edge/row_set_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUCKET_BYTES_FIRST 4096
#define BUCKETS_FIRST 256
/* Sessions start anywhere: this much time shares a bucket. */
#define SESSION_BUCKET_NS 10000000000ll

int row_set_open(struct row_set **set, const struct row_set_options *options)
{
	struct row_set *made = calloc(1, sizeof(*made));

	if (!made)
		return -ENOMEM;
	made->options = *options;
	made->index = calloc(BUCKETS_FIRST * 2, sizeof(*made->index));
	made->index_mask = BUCKETS_FIRST * 2 - 1;
	if (!made->index || row_tail_open(&made->tail)) {
		free(made->index);
		free(made);
		return -ENOMEM;
	}
	*set = made;
	return 0;
}

void row_set_close(struct row_set *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->bucket_count; i++)
		free(set->buckets[i].data);
	for (size_t i = 0; i < set->shape_count; i++)
		free(set->shapes[i]);
	free(set->buckets);
	free(set->index);
	free(set->shapes);
	free(set->sources);
	free(set->heads);
	free(set->schema);
	row_tail_close(set->tail);
	free(set);
}

__u64 row_set_count(const struct row_set *set)
{
	return set->row_count;
}

bool row_set_has_window(const struct row_set *set)
{
	return set->shape_count > 0;
}

/* Room for one more of `bytes` each; grows by half. */
static int make_room(void **array, size_t count, size_t *room, size_t bytes)
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

/* Rows under two schemas have one shape when they can be merged and printed alike. */
static bool is_same_shape(const struct sluice_schema_window *a,
			  const struct sluice_schema_window *b)
{
	return a->kind == b->kind && a->group_count == b->group_count &&
	       a->aggregate_count == b->aggregate_count &&
	       memcmp(a->group_field, b->group_field, a->group_count) == 0 &&
	       memcmp(a->aggregate, b->aggregate, a->aggregate_count * sizeof(*a->aggregate)) == 0;
}

static int find_shape(struct row_set *set, const struct schema *schema, __u32 window)
{
	struct row_set_shape *shape;

	for (size_t i = 0; i < set->shape_count; i++) {
		if (is_same_shape(&set->shapes[i]->window, &schema->window[window])) {
			set->shapes[i]->window = schema->window[window];
			memcpy(set->shapes[i]->dim_name, schema->head.dim_name,
			       sizeof(schema->head.dim_name));
			return (int)i;
		}
	}
	if (set->shape_count > UINT16_MAX || make_room((void **)&set->shapes, set->shape_count,
						       &set->shape_room, sizeof(*set->shapes)))
		return -ENOMEM;
	shape = malloc(sizeof(*shape));
	if (!shape)
		return -ENOMEM;
	shape->window = schema->window[window];
	shape->layout = schema->layout[window];
	memcpy(shape->dim_name, schema->head.dim_name, sizeof(shape->dim_name));
	set->shapes[set->shape_count] = shape;
	return (int)set->shape_count++;
}

static int find_source(struct row_set *set, const struct sluice_schema *head)
{
	for (size_t i = 0; i < set->source_count; i++) {
		if (set->sources[i].epoch == head->agent_epoch &&
		    memcmp(set->sources[i].agent_id, head->agent_id, 16) == 0)
			return (int)i;
	}
	if (make_room((void **)&set->sources, set->source_count, &set->source_room,
		      sizeof(*set->sources)))
		return -ENOMEM;
	memcpy(set->sources[set->source_count].agent_id, head->agent_id, 16);
	set->sources[set->source_count].epoch = head->agent_epoch;
	set->sources[set->source_count].closed_ns = INT64_MIN;
	return (int)set->source_count++;
}

int row_set_use_schema(struct row_set *set, const struct schema *schema)
{
	int source;

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
	source = find_source(set, &schema->head);
	if (source < 0)
		return source;
	set->source = (__u32)source;
	return 0;
}

static __u64 mix(__u64 value)
{
	value = (value ^ (value >> 31)) * 0x9E3779B97F4A7C15ull;
	return value ^ (value >> 29);
}

static int grow_index(struct row_set *set)
{
	size_t mask = set->index_mask * 2 + 1;
	__u32 *index = calloc(mask + 1, sizeof(*index));

	if (!index)
		return -ENOMEM;
	for (size_t i = 0; i < set->bucket_count; i++) {
		size_t slot = mix((__u64)set->buckets[i].start_ns) & mask;

		while (index[slot])
			slot = (slot + 1) & mask;
		index[slot] = (__u32)i + 1;
	}
	free(set->index);
	set->index = index;
	set->index_mask = mask;
	return 0;
}

static struct row_bucket *find_bucket(struct row_set *set, __s64 start_ns)
{
	size_t slot = mix((__u64)start_ns) & set->index_mask;

	/* Rows of one window come one after the other. */
	if (set->last_bucket < set->bucket_count &&
	    set->buckets[set->last_bucket].start_ns == start_ns)
		return &set->buckets[set->last_bucket];
	for (; set->index[slot]; slot = (slot + 1) & set->index_mask) {
		if (set->buckets[set->index[slot] - 1].start_ns == start_ns) {
			set->last_bucket = set->index[slot] - 1;
			return &set->buckets[set->last_bucket];
		}
	}
	if (make_room((void **)&set->buckets, set->bucket_count, &set->bucket_room,
		      sizeof(*set->buckets)))
		return NULL;
	set->buckets[set->bucket_count] = (struct row_bucket){ .start_ns = start_ns };
	set->index[slot] = (__u32)set->bucket_count + 1;
	set->last_bucket = set->bucket_count++;
	if (set->bucket_count * 2 > set->index_mask && grow_index(set))
		return NULL;
	return &set->buckets[set->last_bucket];
}

static void *append(struct row_bucket *bucket, size_t bytes)
{
	void *at;

	if (bucket->bytes + bytes > bucket->room) {
		size_t room = bucket->room + bucket->room / 2 + BUCKET_BYTES_FIRST + bytes;
		__u8 *data = realloc(bucket->data, room);

		if (!data)
			return NULL;
		bucket->data = data;
		bucket->room = room;
	}
	at = bucket->data + bucket->bytes;
	bucket->bytes += bytes;
	bucket->entry_count++;
	return at;
}

/* Buckets never split rows of one start, and their order is the order of starts. */
static __s64 bucket_start(const struct row_set *set, __s64 start_ns)
{
	__s64 rest;

	if (set->shapes[set->shape]->window.kind != SLUICE_WINDOW_SESSION)
		return start_ns;
	rest = start_ns % SESSION_BUCKET_NS;
	return start_ns - (rest < 0 ? rest + SESSION_BUCKET_NS : rest);
}

static int add_head(struct row_set *set, const struct sluice_rows *head)
{
	if (set->head_count > UINT32_MAX - 1 ||
	    make_room((void **)&set->heads, set->head_count, &set->head_room, sizeof(*set->heads)))
		return -ENOMEM;
	set->heads[set->head_count++] = (struct row_head){ head->aggregated, head->missing };
	return 0;
}

static int add_entry(struct row_set *set, const struct row_view *row, __u16 flags, bool is_close)
{
	size_t key_bytes = set->shapes[set->shape]->layout.word_count * 8u;
	size_t bytes = sizeof(struct row_entry);
	struct row_bucket *bucket;
	struct row_entry *entry;

	if (!is_close)
		bytes += key_bytes + sizeof(*row->partial) + row->extra_bytes;
	bucket = find_bucket(set, bucket_start(set, row->start_ns));
	entry = bucket ? append(bucket, bytes) : NULL;
	if (!entry)
		return -ENOMEM;
	*entry = (struct row_entry){
		.start_ns = row->start_ns,
		.end_ns = row->end_ns,
		.bytes = (__u32)bytes,
		.head = (__u32)(set->head_count - 1),
		.source = set->source,
		.revision = row->revision,
		.order = row->order,
		.flags = flags,
		.shape = set->shape,
		.is_close = is_close,
	};
	if (!is_close) {
		__u8 *at = (__u8 *)(entry + 1);

		memcpy(at, row->words, key_bytes);
		memcpy(at + key_bytes, row->partial, sizeof(*row->partial) + row->extra_bytes);
		set->row_count++;
	}
	return 0;
}

static bool is_in_range(const struct row_set *set, __s64 start_ns)
{
	return start_ns >= set->options.since_ns && start_ns < set->options.until_ns;
}

/* Of a final record, or a close record of version 1. */
static int add_close(struct row_set *set, const struct row_view *view, __u16 flags)
{
	struct row_source *source = &set->sources[set->source];

	if (view->start_ns == INT64_MIN) {
		source->closed_ns =
			view->end_ns > source->closed_ns ? view->end_ns : source->closed_ns;
		return 0;
	}
	return is_in_range(set, view->start_ns) ? add_entry(set, view, flags, true) : 0;
}

static int add_final(struct row_set *set, const struct sluice_disk_record *record)
{
	const struct sluice_emission *final = (const struct sluice_emission *)(record + 1);
	struct row_view view;

	if (record->version != 1 || record->bytes < sizeof(*record) + sizeof(*final) ||
	    final->window >= set->schema->head.window_count)
		return -EBADMSG;
	if (final->window != set->window)
		return 0;
	view = (struct row_view){ .start_ns = final->start_ns,
				  .end_ns = final->end_ns,
				  .order = final->order };
	return add_close(set, &view, final->flags);
}

int row_set_add(struct row_set *set, const struct sluice_disk_record *record)
{
	struct rows_cursor cursor;
	struct row_view row;
	bool is_overflow;
	int got, error;

	if (!set->schema)
		return -EBADMSG;
	if (record->kind == SLUICE_DISK_FINAL)
		return add_final(set, record);
	error = rows_open(&cursor, set->schema, record);
	if (error || cursor.head.window != set->window)
		return error;
	error = add_head(set, &cursor.head);
	if (error)
		return error;
	if (record->kind == SLUICE_DISK_CLOSE) {
		row = (struct row_view){ .start_ns = cursor.head.start_ns,
					 .end_ns = cursor.head.end_ns };
		return add_close(set, &row, cursor.head.flags);
	}
	is_overflow = cursor.head.flags & SLUICE_ROWS_OVERFLOW;
	while ((got = rows_next(&cursor, &row)) == 1) {
		if (!is_in_range(set, row.start_ns) ||
		    (set->options.is_wanted &&
		     !set->options.is_wanted(set->options.context, set->schema, set->window, &row,
					     is_overflow)))
			continue;
		error = add_entry(set, &row, cursor.head.flags, false);
		if (error)
			return error;
	}
	return got;
}
