/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of ids, the first one of each: a table of fixed size. Entries stand one behind the other as
 * on the wire and on disk, so that writing them is a copy. Ids come from senders, so the hash is
 * keyed. */
#ifndef SLUICE_CORE_NAME_TABLE_H
#define SLUICE_CORE_NAME_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/hash.h"
#include "sluice/limits.h"

struct name_table {
	__u8 *entries; /* of SLUICE_NAMES_BYTES_MAX */
	size_t bytes; /* used; only rises */
	__u32 *index; /* hash to offset of an entry + 1; 0 is free */
	__u32 count;
	struct hash_seed seed;
};

/* A name as it was taught; not zero-terminated. */
struct name_taught {
	__u8 space; /* enum sluice_space */
	__u8 bytes; /* of the name, not 0 */
	__u64 id;
	const char *text;
};

int name_table_open(struct name_table *table, __u64 hash_seed); /* -ENOMEM */
void name_table_close(struct name_table *table); /* takes a zeroed object */

/* 1: new; 0: known with this name; -EEXIST: known with another one, which stays; -ENOSPC. */
int name_table_add(struct name_table *table, const struct name_taught *name);

/* The entry at *offset (0 at first), which moves behind it. False: that was all. */
bool name_table_next(const struct name_table *table, size_t *offset, struct name_taught *name);

/* Bytes of an entry: its head, the name, zeros up to a multiple of 8. */
static inline size_t name_entry_bytes(size_t name_bytes)
{
	return sizeof(struct sluice_dictionary_entry) + ((name_bytes + 7) & ~(size_t)7);
}

/* Writes name_entry_bytes() bytes. */
void name_entry_write(void *at, const struct name_taught *name);

#endif
