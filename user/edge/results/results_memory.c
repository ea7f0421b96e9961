/* SPDX-License-Identifier: BSD-2-Clause */
/* Records are judged as readers judge them: what makes no sense says nothing. */
#include "edge/results/results_memory.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/name/dictionary.h"

/* Ids of names came from senders: the hash is keyed. */
int results_memory_open(struct results_memory *memory)
{
	__u64 hash_seed;

	if (getrandom(&hash_seed, sizeof(hash_seed), 0) != sizeof(hash_seed))
		return -EIO;
	memory->schema = malloc(sizeof(*memory->schema));
	return memory->schema ? name_table_open(&memory->names, hash_seed) : -ENOMEM;
}

void results_memory_close(struct results_memory *memory)
{
	name_table_close(&memory->names);
	free(memory->schema);
	*memory = (struct results_memory){ 0 };
}

static bool is_same(const struct results_gap *known, const char *window,
		    const struct sluice_gap *gap)
{
	return strcmp(known->window, window) == 0 && known->gap.from_ns == gap->from_ns &&
	       known->gap.to_ns == gap->to_ns && known->gap.cause == gap->cause;
}

void results_gaps_add(struct results_gaps *gaps, const char *window, const struct sluice_gap *gap)
{
	struct results_gap *made;

	for (__u32 i = 0; i < gaps->count; i++) {
		if (is_same(&gaps->gap[i], window, gap))
			return;
	}
	if (gaps->count == RESULTS_MEMORY_GAPS)
		memmove(&gaps->gap[0], &gaps->gap[1], --gaps->count * sizeof(gaps->gap[0]));
	made = &gaps->gap[gaps->count++];
	*made = (struct results_gap){ .gap = *gap };
	strncpy(made->window, window, SLUICE_NAME_MAX);
}

static void take_names(struct results_memory *memory, const struct sluice_disk_record *record)
{
	struct dictionary_cursor cursor;
	struct name_taught name;
	__u32 count;

	if (dictionary_open(&cursor, record + 1, record->bytes - sizeof(*record), &count))
		return;
	while (dictionary_next(&cursor, &name)) {
		if (dictionary_judge(&name) == DICTIONARY_GOOD)
			name_table_add(&memory->names, &name);
	}
}

static struct results_memory_end *find_end(struct results_memory *memory, const char *window)
{
	struct results_memory_end *end;

	for (__u32 i = 0; i < memory->end_count; i++) {
		if (strcmp(memory->end[i].window, window) == 0)
			return &memory->end[i];
	}
	if (memory->end_count == SLUICE_WINDOWS_MAX)
		return NULL;
	end = &memory->end[memory->end_count++];
	*end = (struct results_memory_end){ .end_ns = INT64_MIN };
	strncpy(end->window, window, SLUICE_NAME_MAX);
	return end;
}

static void take_complete(struct results_memory *memory, const struct sluice_disk_record *record)
{
	const struct sluice_emission *complete = (const struct sluice_emission *)(record + 1);
	struct results_memory_end *end;

	if (record->bytes < sizeof(*record) + sizeof(*complete) ||
	    complete->window >= memory->schema->head.window_count ||
	    (complete->flags & SLUICE_ROWS_EARLY))
		return;
	end = find_end(memory, memory->schema->window[complete->window].name);
	if (!end || complete->epoch < end->epoch)
		return;
	if (complete->epoch > end->epoch || complete->end_ns > end->end_ns)
		end->end_ns = complete->end_ns;
	end->epoch = complete->epoch;
}

static void take_gap(struct results_memory *memory, const struct sluice_disk_record *record)
{
	const struct sluice_gap *gap = (const struct sluice_gap *)(record + 1);

	if (record->bytes < sizeof(*record) + sizeof(*gap) ||
	    gap->window >= memory->schema->head.window_count)
		return;
	results_gaps_add(&memory->gaps, memory->schema->window[gap->window].name, gap);
}

void results_memory_take(struct results_memory *memory, const struct sluice_disk_record *record)
{
	if (record->kind == SLUICE_DISK_NAMES)
		take_names(memory, record);
	else if (record->kind == SLUICE_DISK_SCHEMA)
		memory->has_schema = schema_read(memory->schema, record) == 0;
	else if (record->kind == SLUICE_DISK_COMPLETE && memory->has_schema)
		take_complete(memory, record);
	else if (record->kind == SLUICE_DISK_GAP && memory->has_schema)
		take_gap(memory, record);
}

__s64 results_memory_end_of(const struct results_memory *memory, const char *window)
{
	for (__u32 i = 0; i < memory->end_count; i++) {
		if (strcmp(memory->end[i].window, window) == 0)
			return memory->end[i].end_ns;
	}
	return INT64_MIN;
}
