/* SPDX-License-Identifier: BSD-2-Clause */
/* What binds segments and batches to their store, place and order: names, checksums, chain. */
#include "edge/log/segment.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"

static const char *const fault_text[] = {
#define SEGMENT_FAULT(name, text) [SEGMENT_FAULT_##name] = text,
	SEGMENT_FAULTS(SEGMENT_FAULT)
#undef SEGMENT_FAULT
};

const char *segment_fault_text(enum segment_fault fault)
{
	return fault_text[fault];
}

void segment_format_name(char name[SEGMENT_NAME_MAX], __u64 first_lsn)
{
	snprintf(name, SEGMENT_NAME_MAX, "%020" PRIu64 SEGMENT_SUFFIX, (uint64_t)first_lsn);
}

bool segment_parse_name(const char *name, __u64 *first_lsn)
{
	char again[SEGMENT_NAME_MAX];
	__u64 lsn;

	if (strlen(name) != 20 + strlen(SEGMENT_SUFFIX))
		return false;
	lsn = strtoull(name, NULL, 10);
	segment_format_name(again, lsn);
	if (lsn == 0 || strcmp(name, again) != 0)
		return false;
	*first_lsn = lsn;
	return true;
}

__u32 segment_seed(const __u8 store_id[16], __u64 offset)
{
	__u64 word;

	memcpy(&word, store_id, sizeof(word));
	word ^= offset;
	return (__u32)word ^ (__u32)(word >> 32);
}

void segment_seal_header(struct sluice_segment *header)
{
	header->header_crc =
		crc32c(segment_seed(header->store_id, 0), header, SEGMENT_HEADER_CRC_BYTES);
}

void segment_seal_batch(struct sluice_batch *batch, const __u8 store_id[16])
{
	__u32 seed = segment_seed(store_id, batch->file_offset);

	batch->payload_crc = crc32c(seed, batch + 1, batch->payload_bytes);
	batch->header_crc = crc32c(seed, batch, SEGMENT_BATCH_CRC_BYTES);
}

__u32 segment_chain(const struct sluice_batch *batch)
{
	return crc32c(0, batch, SEGMENT_BATCH_CRC_BYTES);
}

bool segment_is_zero(const void *data, size_t bytes)
{
	const __u8 *at = data;

	return bytes == 0 || (at[0] == 0 && memcmp(at, at + 1, bytes - 1) == 0);
}

enum segment_fault segment_check_batch(const struct sluice_batch *batch, __u64 offset,
				       const __u8 store_id[16], enum sluice_log_kind kind)
{
	if (batch->magic != SLUICE_BATCH_MAGIC)
		return SEGMENT_FAULT_MAGIC;
	if (batch->header_crc !=
	    crc32c(segment_seed(store_id, offset), batch, SEGMENT_BATCH_CRC_BYTES))
		return SEGMENT_FAULT_HEADER_CRC;
	if (batch->version != 1 || batch->compression != 0)
		return SEGMENT_FAULT_VERSION;
	if (batch->log_kind != kind)
		return SEGMENT_FAULT_KIND;
	if (batch->file_offset != offset)
		return SEGMENT_FAULT_OFFSET;
	if (batch->payload_bytes == 0 || batch->payload_bytes % 8 != 0 ||
	    batch->record_count == 0 ||
	    batch->payload_bytes > SLUICE_BATCH_BYTES_MAX - sizeof(*batch) ||
	    batch->raw_bytes != batch->payload_bytes || batch->ring_ranges != 0 ||
	    !segment_is_zero(batch->zero, sizeof(batch->zero)))
		return SEGMENT_FAULT_LENGTH;
	return SEGMENT_FAULT_NONE;
}

static enum segment_fault check_records(const struct sluice_batch *batch)
{
	const __u8 *at = (const __u8 *)(batch + 1);
	size_t left = batch->payload_bytes;
	__u32 count = 0;

	for (; left > 0; count++) {
		const struct sluice_disk_record *record = (const struct sluice_disk_record *)at;

		if (record->bytes < sizeof(*record) || record->bytes % 8 != 0 ||
		    record->bytes > left)
			return SEGMENT_FAULT_RECORDS;
		at += record->bytes;
		left -= record->bytes;
	}
	return count == batch->record_count ? SEGMENT_FAULT_NONE : SEGMENT_FAULT_RECORDS;
}

enum segment_fault segment_check_payload(const struct sluice_batch *batch, const __u8 store_id[16])
{
	const __u8 *payload = (const __u8 *)(batch + 1);
	size_t padding = segment_batch_bytes(batch) - sizeof(*batch) - batch->payload_bytes;

	if (batch->payload_crc !=
	    crc32c(segment_seed(store_id, batch->file_offset), payload, batch->payload_bytes))
		return SEGMENT_FAULT_PAYLOAD_CRC;
	if (!segment_is_zero(payload + batch->payload_bytes, padding))
		return SEGMENT_FAULT_PADDING;
	return check_records(batch);
}

const struct sluice_disk_record *segment_next_record(const struct sluice_batch *batch,
						     const struct sluice_disk_record *record)
{
	const __u8 *start = (const __u8 *)(batch + 1);
	const __u8 *at = record ? (const __u8 *)record + record->bytes : start;

	return at < start + batch->payload_bytes ? (const struct sluice_disk_record *)at : NULL;
}
