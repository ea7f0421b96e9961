/* SPDX-License-Identifier: BSD-2-Clause */
/* Open addressing over offsets of entries. */
#include "core/name/name_table.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"

#define INDEX_SLOTS (1u << 16)
#define INDEX_BYTES (INDEX_SLOTS * sizeof(__u32))

_Static_assert(SLUICE_NAMES_BYTES_MAX / (sizeof(struct sluice_dictionary_entry) + 8) * 3 / 2 <
		       INDEX_SLOTS,
	       "the index keeps free slots");

int name_table_open(struct name_table *table, __u64 hash_seed)
{
	table->entries = memory_reserve(SLUICE_NAMES_BYTES_MAX);
	table->index = memory_reserve(INDEX_BYTES);
	table->seed = hash_seed_make(hash_seed);
	return table->entries && table->index ? 0 : -ENOMEM;
}

void name_table_close(struct name_table *table)
{
	memory_release(table->entries, SLUICE_NAMES_BYTES_MAX);
	memory_release(table->index, INDEX_BYTES);
	*table = (struct name_table){ 0 };
}

static const struct sluice_dictionary_entry *entry_at(const struct name_table *table, size_t offset)
{
	return (const void *)(table->entries + offset);
}

/* The slot of (space, id): taken by it, or free. */
static __u32 find_slot(const struct name_table *table, __u8 space, __u64 id)
{
	__u64 hash = hash_word(&table->seed, hash_word(&table->seed, id) ^ space);
	__u32 slot = (__u32)hash % INDEX_SLOTS;

	for (; table->index[slot]; slot = (slot + 1) % INDEX_SLOTS) {
		const struct sluice_dictionary_entry *entry =
			entry_at(table, table->index[slot] - 1);

		if (entry->space == space && entry->id == id)
			break;
	}
	return slot;
}

void name_entry_write(void *at, const struct name_taught *name)
{
	struct sluice_dictionary_entry *entry = at;

	memset(at, 0, name_entry_bytes(name->bytes));
	entry->space = name->space;
	entry->name_bytes = name->bytes;
	entry->id = name->id;
	memcpy(entry + 1, name->text, name->bytes);
}

int name_table_add(struct name_table *table, const struct name_taught *name)
{
	__u32 slot = find_slot(table, name->space, name->id);

	if (table->index[slot]) {
		const struct sluice_dictionary_entry *known =
			entry_at(table, table->index[slot] - 1);

		return known->name_bytes == name->bytes &&
				       memcmp(known + 1, name->text, name->bytes) == 0
			       ? 0
			       : -EEXIST;
	}
	if (table->bytes + name_entry_bytes(name->bytes) > SLUICE_NAMES_BYTES_MAX)
		return -ENOSPC;
	name_entry_write(table->entries + table->bytes, name);
	table->index[slot] = (__u32)table->bytes + 1;
	table->bytes += name_entry_bytes(name->bytes);
	table->count++;
	return 1;
}

bool name_table_next(const struct name_table *table, size_t *offset, struct name_taught *name)
{
	const struct sluice_dictionary_entry *entry = entry_at(table, *offset);

	if (*offset == table->bytes)
		return false;
	*name = (struct name_taught){ entry->space, entry->name_bytes, entry->id,
				      (const char *)(entry + 1) };
	*offset += name_entry_bytes(entry->name_bytes);
	return true;
}
