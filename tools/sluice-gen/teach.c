/* SPDX-License-Identifier: BSD-2-Clause */
/* Written from wire.h. Names are PREFIX-SPACE-ID, as click-type-3. */
#include "teach.h"

#include <stdio.h>
#include <string.h>

static const struct {
	enum sluice_space space;
	const char *name;
	__u64 first;
} spaces[TEACH_ROUND] = {
	{ SLUICE_SPACE_TYPE, "type", 1 },     { SLUICE_SPACE_DIM0, "dim0", 0 },
	{ SLUICE_SPACE_DIM1, "dim1", 0 },     { SLUICE_SPACE_DIM2, "dim2", 0 },
	{ SLUICE_SPACE_DIM3, "dim3", 0 },     { SLUICE_SPACE_KEY, "key", 0 },
	{ SLUICE_SPACE_TENANT, "tenant", 0 },
};

static __u64 count_of(const struct options *options, enum sluice_space space)
{
	__u64 count = options->shape.dim_count;

	if (space == SLUICE_SPACE_TYPE)
		count = options->shape.type_count;
	else if (space == SLUICE_SPACE_KEY)
		count = options->shape.key_count;
	else if (space == SLUICE_SPACE_TENANT)
		count = options->plan.tenant_count;
	return count < TEACH_NAMES_MAX ? count : TEACH_NAMES_MAX;
}

static size_t write_entry(__u8 *at, enum sluice_space space, __u64 id, const char *name)
{
	struct sluice_dictionary_entry entry = {
		.space = (__u8)space,
		.name_bytes = (__u8)strlen(name),
		.id = id,
	};
	size_t padded = (entry.name_bytes + 7u) & ~7u;

	memcpy(at, &entry, sizeof(entry));
	memset(at + sizeof(entry), 0, padded);
	memcpy(at + sizeof(entry), name, entry.name_bytes);
	return sizeof(entry) + padded;
}

size_t teach_write(const struct options *options, __u64 sequence, __u8 *payload, __u32 *name_count)
{
	unsigned int turn = (unsigned int)(sequence % TEACH_ROUND);
	struct sluice_header header = {
		.magic = SLUICE_MAGIC,
		.version = SLUICE_VERSION,
		.flags = SLUICE_FLAG_DICTIONARY,
		.event_count = (__u16)count_of(options, spaces[turn].space),
		.epoch = options->plan.epoch,
		.source_id = options->plan.source_first + options->plan.source_count,
		.sequence = sequence,
		.base_time_ns = options->plan.start_ns,
	};
	size_t bytes = sizeof(header);
	char name[TEACH_PREFIX_MAX + 32];

	memcpy(payload, &header, sizeof(header));
	for (__u64 i = 0; i < header.event_count; i++) {
		__u64 id = spaces[turn].first + i;

		snprintf(name, sizeof(name), "%.*s-%s-%llu", TEACH_PREFIX_MAX, options->names,
			 spaces[turn].name, (unsigned long long)id);
		bytes += write_entry(payload + bytes, spaces[turn].space, id, name);
	}
	*name_count = header.event_count;
	return bytes;
}
