/* SPDX-License-Identifier: BSD-2-Clause */
/* The schema record and the table of names. Ids of names come from senders: their hash is keyed. */
#include "edge/results_preamble.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define INDEX_SLOTS (1u << 16) /* twice the names that fit */

_Static_assert((RESULTS_PREAMBLE_BYTES_MAX / (sizeof(struct sluice_dictionary_entry) + 8)) * 3 / 2 <
		       INDEX_SLOTS,
	       "the index keeps free slots");

int results_preamble_open(struct results_preamble *preamble, __u64 hash_seed)
{
	size_t schema_max = schema_record_bytes(SLUICE_WINDOWS_MAX);

	preamble->names_bytes_max =
		RESULTS_PREAMBLE_BYTES_MAX - schema_max - sizeof(struct sluice_disk_record);
	preamble->schema = malloc(schema_max);
	preamble->names = malloc(preamble->names_bytes_max);
	preamble->index = calloc(INDEX_SLOTS, sizeof(*preamble->index));
	preamble->index_mask = INDEX_SLOTS - 1;
	preamble->seed = hash_seed_make(hash_seed);
	return preamble->schema && preamble->names && preamble->index ? 0 : -ENOMEM;
}

void results_preamble_close(struct results_preamble *preamble)
{
	free(preamble->schema);
	free(preamble->names);
	free(preamble->index);
	*preamble = (struct results_preamble){ 0 };
}

void results_preamble_set_schema(struct results_preamble *preamble,
				 const struct sluice_schema *head,
				 const struct window_spec *windows, __u32 window_count)
{
	schema_write(preamble->schema, head, windows, window_count);
	preamble->schema_bytes = schema_record_bytes(window_count);
}

/* The slot of (space, id): taken by it, or free. */
static __u32 find_slot(const struct results_preamble *preamble, enum sluice_space space, __u64 id)
{
	__u64 hash = hash_word(&preamble->seed, hash_word(&preamble->seed, id) ^ space);
	__u32 slot = (__u32)hash & preamble->index_mask;

	for (;; slot = (slot + 1) & preamble->index_mask) {
		const struct sluice_dictionary_entry *entry;

		if (!preamble->index[slot])
			return slot;
		entry = (const void *)(preamble->names + preamble->index[slot] - 1);
		if (entry->space == space && entry->id == id)
			return slot;
	}
}

static size_t entry_bytes(size_t name_bytes)
{
	return sizeof(struct sluice_dictionary_entry) + ((name_bytes + 7) & ~(size_t)7);
}

static void write_entry(void *at, enum sluice_space space, __u64 id, const char *name,
			size_t name_bytes)
{
	struct sluice_dictionary_entry *entry = at;

	memset(at, 0, entry_bytes(name_bytes));
	entry->space = (__u8)space;
	entry->name_bytes = (__u8)name_bytes;
	entry->id = id;
	memcpy(entry + 1, name, name_bytes);
}

int results_preamble_add_name(struct results_preamble *preamble, enum sluice_space space, __u64 id,
			      const char *name, void *record, size_t *record_bytes)
{
	struct sluice_disk_record *prefix = record;
	size_t name_bytes = strlen(name), bytes = entry_bytes(name_bytes);
	__u32 slot;

	if (space >= SLUICE_SPACE_COUNT || name_bytes == 0 || name_bytes > 255)
		return -EINVAL;
	slot = find_slot(preamble, space, id);
	if (preamble->index[slot]) {
		const struct sluice_dictionary_entry *known =
			(const void *)(preamble->names + preamble->index[slot] - 1);

		return known->name_bytes == name_bytes && memcmp(known + 1, name, name_bytes) == 0
			       ? 0
			       : -EEXIST;
	}
	if (preamble->names_bytes + bytes > preamble->names_bytes_max)
		return -ENOSPC;
	write_entry(preamble->names + preamble->names_bytes, space, id, name, name_bytes);
	preamble->index[slot] = (__u32)preamble->names_bytes + 1;
	preamble->names_bytes += bytes;
	preamble->name_count++;
	prefix->bytes = (__u32)(sizeof(*prefix) + bytes);
	prefix->kind = SLUICE_DISK_NAMES;
	prefix->version = 1;
	write_entry(prefix + 1, space, id, name, name_bytes);
	*record_bytes = prefix->bytes;
	return 1;
}

size_t results_preamble_copy(const struct results_preamble *preamble, void *out,
			     __u32 *record_count)
{
	struct sluice_disk_record *prefix;
	size_t bytes = preamble->schema_bytes;

	memcpy(out, preamble->schema, bytes);
	*record_count = bytes > 0;
	if (preamble->names_bytes == 0)
		return bytes;
	prefix = (struct sluice_disk_record *)((__u8 *)out + bytes);
	prefix->bytes = (__u32)(sizeof(*prefix) + preamble->names_bytes);
	prefix->kind = SLUICE_DISK_NAMES;
	prefix->version = 1;
	memcpy(prefix + 1, preamble->names, preamble->names_bytes);
	++*record_count;
	return bytes + prefix->bytes;
}
