/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads segments batch by batch through one aligned buffer, and computes what binds batches to
 * their store, place and order. */
#include "edge/segment.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"

#define BUFFER_BYTES (2u * SLUICE_BATCH_BYTES_MAX)
#define HEADER_CRC_BYTES offsetof(struct sluice_segment, header_crc)
#define BATCH_CRC_BYTES offsetof(struct sluice_batch, header_crc)

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

static __u32 make_seed(const __u8 store_id[16], __u64 offset)
{
	__u64 word;

	memcpy(&word, store_id, sizeof(word));
	word ^= offset;
	return (__u32)word ^ (__u32)(word >> 32);
}

void segment_seal_header(struct sluice_segment *header)
{
	header->header_crc = crc32c(make_seed(header->store_id, 0), header, HEADER_CRC_BYTES);
}

void segment_seal_batch(struct sluice_batch *batch, const __u8 store_id[16])
{
	__u32 seed = make_seed(store_id, batch->file_offset);

	batch->payload_crc = crc32c(seed, batch + 1, batch->payload_bytes);
	batch->header_crc = crc32c(seed, batch, BATCH_CRC_BYTES);
}

__u32 segment_chain(const struct sluice_batch *batch)
{
	return crc32c(0, batch, BATCH_CRC_BYTES);
}

static bool is_zero(const void *data, size_t bytes)
{
	const __u8 *at = data;

	return bytes == 0 || (at[0] == 0 && memcmp(at, at + 1, bytes - 1) == 0);
}

static int set_fault(struct segment_cursor *cursor, enum segment_fault fault, int error)
{
	cursor->fault = fault;
	return error;
}

/* Puts [offset, offset + bytes) of the file into the buffer, more when there is more. Returns where
 * it is; NULL: cannot be read (fault READ), or the file ends before (fault SHORT). */
static const __u8 *fetch(struct segment_cursor *cursor, __u64 offset, size_t bytes, int *error)
{
	/* A segment's header is often all that is asked for. */
	size_t wanted = offset == 0 ? SLUICE_DISK_ALIGN : cursor->buffer_room;
	size_t filled = 0;

	assert(bytes <= BUFFER_BYTES && offset % SLUICE_DISK_ALIGN == 0);
	if (offset >= cursor->buffer_offset &&
	    offset + bytes <= cursor->buffer_offset + cursor->buffer_bytes)
		return cursor->buffer + (offset - cursor->buffer_offset);
	cursor->buffer_offset = offset;
	cursor->buffer_bytes = 0;
	while (filled < wanted) {
		ssize_t got = pread(cursor->fd, cursor->buffer + filled, wanted - filled,
				    (off_t)(offset + filled));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			*error = set_fault(cursor, SEGMENT_FAULT_READ, -errno);
			return NULL;
		}
		filled += (size_t)got;
		if (got == 0 || (size_t)got % SLUICE_DISK_ALIGN != 0)
			break;
	}
	cursor->buffer_bytes = filled;
	/* A buffer smaller than the batch is larger than the file. */
	if (filled < bytes) {
		*error = set_fault(cursor, SEGMENT_FAULT_SHORT, -EBADMSG);
		return NULL;
	}
	return cursor->buffer;
}

static int open_file(struct segment_cursor *cursor, int directory_fd, const char *name,
		     bool is_direct)
{
	const int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW;

	if (is_direct)
		cursor->fd = openat(directory_fd, name, flags | O_DIRECT);
	if (!is_direct || (cursor->fd < 0 && errno == EINVAL))
		cursor->fd = openat(directory_fd, name, flags);
	if (cursor->fd < 0)
		return -errno;
	/* Where O_DIRECT is refused this is the nearest: clean pages are dropped, and read
	 * again. */
	if (is_direct)
		posix_fadvise(cursor->fd, 0, 0, POSIX_FADV_DONTNEED);
	return 0;
}

static int open_buffer(struct segment_cursor *cursor)
{
	cursor->buffer_room = BUFFER_BYTES;
	if (cursor->file_bytes < BUFFER_BYTES - SLUICE_DISK_ALIGN)
		cursor->buffer_room =
			(cursor->file_bytes / SLUICE_DISK_ALIGN + 1) * SLUICE_DISK_ALIGN;
	cursor->buffer = aligned_alloc(SLUICE_DISK_ALIGN, cursor->buffer_room);
	return cursor->buffer ? 0 : -ENOMEM;
}

static int check_segment_header(struct segment_cursor *cursor, const struct sluice_segment *header,
				enum sluice_log_kind kind)
{
	if (header->magic != SLUICE_SEGMENT_MAGIC)
		return set_fault(cursor, SEGMENT_FAULT_MAGIC, -EBADMSG);
	if (header->header_crc != crc32c(make_seed(cursor->store_id, 0), header, HEADER_CRC_BYTES))
		return set_fault(cursor,
				 memcmp(header->store_id, cursor->store_id, 16) != 0
					 ? SEGMENT_FAULT_STORE
					 : SEGMENT_FAULT_HEADER_CRC,
				 -EBADMSG);
	if (memcmp(header->store_id, cursor->store_id, 16) != 0)
		return set_fault(cursor, SEGMENT_FAULT_STORE, -EBADMSG);
	if (header->major != SLUICE_DISK_MAJOR || header->incompat != 0)
		return set_fault(cursor, SEGMENT_FAULT_VERSION, -EPROTONOSUPPORT);
	if (header->log_kind != kind)
		return set_fault(cursor, SEGMENT_FAULT_KIND, -EBADMSG);
	if (header->segment_bytes % SLUICE_DISK_ALIGN != 0 || header->number == 0 ||
	    header->first_lsn == 0 || header->segment_bytes < 2 * SLUICE_DISK_ALIGN)
		return set_fault(cursor, SEGMENT_FAULT_LENGTH, -EBADMSG);
	return 0;
}

int segment_open(struct segment_cursor *cursor, int directory_fd, const char *name,
		 const __u8 store_id[16], enum sluice_log_kind kind, bool is_direct)
{
	const __u8 *page;
	struct stat status;
	int error;

	*cursor = (struct segment_cursor){ .fd = -1, .is_direct = is_direct };
	memcpy(cursor->store_id, store_id, sizeof(cursor->store_id));
	snprintf(cursor->name, sizeof(cursor->name), "%s", name);
	cursor->fault = SEGMENT_FAULT_READ;
	error = open_file(cursor, directory_fd, name, is_direct);
	if (error)
		return error;
	if (fstat(cursor->fd, &status) < 0) {
		error = -errno;
		goto fail;
	}
	cursor->file_bytes = (__u64)status.st_size;
	error = open_buffer(cursor);
	if (error)
		goto fail;
	page = fetch(cursor, 0, SLUICE_DISK_ALIGN, &error);
	if (!page)
		goto fail;
	error = check_segment_header(cursor, (const struct sluice_segment *)page, kind);
	if (error)
		goto fail;
	error = set_fault(cursor, SEGMENT_FAULT_PADDING, -EBADMSG);
	if (!is_zero(page + sizeof(cursor->header), SLUICE_DISK_ALIGN - sizeof(cursor->header)))
		goto fail;
	memcpy(&cursor->header, page, sizeof(cursor->header));
	cursor->offset = SLUICE_DISK_ALIGN;
	cursor->next_lsn = cursor->header.first_lsn;
	cursor->chain = cursor->header.prev_chain;
	cursor->fault = SEGMENT_FAULT_NONE;
	return 0;
fail:
	segment_close(cursor);
	return error;
}

void segment_close(struct segment_cursor *cursor)
{
	if (cursor->fd >= 0)
		close(cursor->fd);
	cursor->fd = -1;
	free(cursor->buffer);
	cursor->buffer = NULL;
	cursor->buffer_bytes = 0;
}

/* What a header says of itself; true for every batch that this store ever wrote at this offset. */
static enum segment_fault check_batch_header(const struct segment_cursor *cursor,
					     const struct sluice_batch *batch, __u64 offset)
{
	if (batch->magic != SLUICE_BATCH_MAGIC)
		return SEGMENT_FAULT_MAGIC;
	if (batch->header_crc !=
	    crc32c(make_seed(cursor->store_id, offset), batch, BATCH_CRC_BYTES))
		return SEGMENT_FAULT_HEADER_CRC;
	if (batch->version != 1 || batch->compression != 0)
		return SEGMENT_FAULT_VERSION;
	if (batch->log_kind != cursor->header.log_kind)
		return SEGMENT_FAULT_KIND;
	if (batch->file_offset != offset)
		return SEGMENT_FAULT_OFFSET;
	if (batch->payload_bytes == 0 || batch->payload_bytes % 8 != 0 ||
	    batch->record_count == 0 ||
	    batch->payload_bytes > SLUICE_BATCH_BYTES_MAX - sizeof(*batch) ||
	    batch->raw_bytes != batch->payload_bytes || batch->ring_ranges != 0 ||
	    !is_zero(batch->zero, sizeof(batch->zero)))
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

/* All of a batch in memory, without its place in the order of batches. */
static enum segment_fault check_payload(const struct segment_cursor *cursor,
					const struct sluice_batch *batch)
{
	const __u8 *payload = (const __u8 *)(batch + 1);
	size_t padding = segment_batch_bytes(batch) - sizeof(*batch) - batch->payload_bytes;

	if (batch->payload_crc !=
	    crc32c(make_seed(cursor->store_id, batch->file_offset), payload, batch->payload_bytes))
		return SEGMENT_FAULT_PAYLOAD_CRC;
	if (!is_zero(payload + batch->payload_bytes, padding))
		return SEGMENT_FAULT_PADDING;
	return check_records(batch);
}

/* The batch at `offset`, checked for itself. 1, 0 when there are zeros, -EBADMSG, -errno. */
static int read_batch(struct segment_cursor *cursor, __u64 offset,
		      const struct sluice_batch **batch)
{
	const struct sluice_batch *header;
	enum segment_fault fault;
	const __u8 *page;
	size_t bytes;
	int error = 0;

	page = fetch(cursor, offset, SLUICE_DISK_ALIGN, &error);
	if (!page)
		return error;
	if (is_zero(page, SLUICE_DISK_ALIGN))
		return 0;
	header = (const struct sluice_batch *)page;
	fault = check_batch_header(cursor, header, offset);
	if (fault)
		return set_fault(cursor, fault, -EBADMSG);
	bytes = segment_batch_bytes(header);
	if (offset + bytes > cursor->header.segment_bytes)
		return set_fault(cursor, SEGMENT_FAULT_LENGTH, -EBADMSG);
	page = fetch(cursor, offset, bytes, &error);
	if (!page)
		return error;
	header = (const struct sluice_batch *)page;
	fault = check_payload(cursor, header);
	if (fault)
		return set_fault(cursor, fault, -EBADMSG);
	*batch = header;
	return 1;
}

int segment_next(struct segment_cursor *cursor, const struct sluice_batch **batch)
{
	const struct sluice_batch *found;
	int got;

	cursor->fault = SEGMENT_FAULT_NONE;
	if (cursor->offset >= cursor->header.segment_bytes)
		return 0;
	got = read_batch(cursor, cursor->offset, &found);
	if (got <= 0)
		return got;
	if (found->prev_chain != cursor->chain)
		return set_fault(cursor, SEGMENT_FAULT_CHAIN, -EBADMSG);
	if (found->first_lsn != cursor->next_lsn)
		return set_fault(cursor, SEGMENT_FAULT_LSN, -EBADMSG);
	cursor->offset += segment_batch_bytes(found);
	cursor->next_lsn += found->record_count;
	cursor->chain = segment_chain(found);
	*batch = found;
	return 1;
}

int segment_count_behind(struct segment_cursor *cursor, int enough)
{
	enum segment_fault fault = cursor->fault;
	__u64 offset = cursor->offset + SLUICE_DISK_ALIGN;
	int count = 0;

	while (count < enough && offset < cursor->header.segment_bytes) {
		const struct sluice_batch *batch;
		int got = read_batch(cursor, offset, &batch);

		if (got < 0 && got != -EBADMSG)
			return got;
		if (got < 0 && cursor->fault == SEGMENT_FAULT_SHORT)
			break;
		if (got == 1 && batch->first_lsn > cursor->next_lsn) {
			count++;
			offset += segment_batch_bytes(batch);
		} else {
			offset += SLUICE_DISK_ALIGN;
		}
	}
	cursor->fault = fault;
	return count;
}

int segment_is_rest_zero(struct segment_cursor *cursor)
{
	while (cursor->offset < cursor->file_bytes) {
		int error = 0;
		const __u8 *page = fetch(cursor, cursor->offset, SLUICE_DISK_ALIGN, &error);

		if (!page)
			return error;
		if (!is_zero(page, SLUICE_DISK_ALIGN))
			return set_fault(cursor, SEGMENT_FAULT_TAIL, 0);
		cursor->offset += SLUICE_DISK_ALIGN;
	}
	return 1;
}

const struct sluice_disk_record *segment_next_record(const struct sluice_batch *batch,
						     const struct sluice_disk_record *record)
{
	const __u8 *start = (const __u8 *)(batch + 1);
	const __u8 *at = record ? (const __u8 *)record + record->bytes : start;

	return at < start + batch->payload_bytes ? (const struct sluice_disk_record *)at : NULL;
}
