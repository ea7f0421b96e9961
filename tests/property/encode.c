/* SPDX-License-Identifier: BSD-2-Clause */
/* Written from wire.h and ring_record.h. What a reader must skip is filled with noise. */
#include "encode.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOISE 0x5a

/* The same name for an id whoever teaches it. */
static int name_of(const struct scenario_datagram *datagram, __u32 index, char name[32])
{
	return snprintf(name, 32, "name %llu", datagram->event[index].wire.key);
}

static size_t entry_bytes(const struct scenario_datagram *datagram, __u32 index)
{
	char name[32];
	size_t name_bytes = (size_t)name_of(datagram, index, name);

	return sizeof(struct sluice_dictionary_entry) + (name_bytes + 7) / 8 * 8;
}

static size_t body_bytes(const struct scenario_datagram *datagram)
{
	size_t bytes = 0;

	if (!(datagram->flags & SLUICE_FLAG_DICTIONARY))
		return (size_t)datagram->event_count * datagram->event_size;
	for (__u32 i = 0; i < datagram->event_count; i++)
		bytes += entry_bytes(datagram, i);
	return bytes;
}

static void put_header(unsigned char *to, const struct scenario_datagram *datagram)
{
	struct sluice_header header = {
		.magic = SLUICE_MAGIC,
		.version = SLUICE_VERSION,
		.flags = datagram->flags,
		.event_count = (__u16)datagram->event_count,
		.event_size = datagram->flags & SLUICE_FLAG_DICTIONARY ? 0 : datagram->event_size,
		.tenant = datagram->tenant,
		.epoch = datagram->epoch,
		.source_id = datagram->source_id,
		.sequence = datagram->sequence,
		.base_time_ns = datagram->base_time_ns,
	};

	memcpy(to, &header, sizeof(header));
}

static void put_entries(unsigned char *to, const struct scenario_datagram *datagram)
{
	for (__u32 i = 0; i < datagram->event_count; i++) {
		char name[32];
		struct sluice_dictionary_entry entry = {
			.space = SLUICE_SPACE_KEY,
			.name_bytes = (__u8)name_of(datagram, i, name),
			.id = datagram->event[i].wire.key,
		};

		memset(to, 0, entry_bytes(datagram, i));
		memcpy(to, &entry, sizeof(entry));
		memcpy(to + sizeof(entry), name, entry.name_bytes);
		to += entry_bytes(datagram, i);
	}
}

static void put_events(unsigned char *to, const struct scenario_datagram *datagram)
{
	size_t known = datagram->event_size;

	if (known > sizeof(struct sluice_event))
		known = sizeof(struct sluice_event);
	for (__u32 i = 0; i < datagram->event_count; i++)
		memcpy(to + (size_t)i * datagram->event_size, &datagram->event[i].wire, known);
}

static __u16 put_marks(struct sluice_record *record, const struct scenario_datagram *datagram)
{
	__u16 kept = 0;

	for (__u32 i = 0; i < datagram->event_count; i++) {
		kept = (__u16)(kept + !datagram->event[i].is_dropped);
		if (datagram->event[i].is_dropped)
			(&record->dropped)[i / 64] |= 1ull << i % 64;
	}
	return kept;
}

struct sluice_record *encode_record(const struct scenario_datagram *datagram, size_t *bytes)
{
	bool is_long = datagram->has_long_prefix || datagram->event_count > 64;
	size_t prefix = is_long ? SLUICE_PREFIX_LONG : SLUICE_PREFIX_SHORT;
	size_t body = body_bytes(datagram);
	size_t trailer = datagram->flags & SLUICE_FLAG_TRAILER ? sizeof(struct sluice_trailer) : 0;
	size_t payload = sizeof(struct sluice_header) + body + trailer;
	unsigned char *record_bytes = malloc(prefix + payload);
	struct sluice_record *record = (struct sluice_record *)record_bytes;

	assert(record && payload <= SLUICE_PAYLOAD_MAX);
	memset(record_bytes, 0, prefix);
	memset(record_bytes + prefix, NOISE, payload);
	record->payload_bytes = (__u32)payload;
	record->prefix_bytes = (__u16)prefix;
	record->listener = datagram->listener;
	record->kept = put_marks(record, datagram);
	put_header(record_bytes + prefix, datagram);
	if (datagram->flags & SLUICE_FLAG_DICTIONARY)
		put_entries(record_bytes + prefix + sizeof(struct sluice_header), datagram);
	else
		put_events(record_bytes + prefix + sizeof(struct sluice_header), datagram);
	if (!record->kept) {
		free(record);
		return NULL;
	}
	*bytes = prefix + payload;
	return record;
}
