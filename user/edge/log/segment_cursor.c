/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads segments batch by batch through one aligned buffer. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "edge/log/segment.h"

#define BUFFER_BYTES (2u * SLUICE_BATCH_BYTES_MAX)
/* Places that cannot be read before the rest of a segment is given up: each may take seconds. */
#define READ_ERRORS_MAX 16

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
		if (got < 0 && filled < bytes && wanted > bytes) {
			/* Perhaps it is only what lies behind. */
			wanted = bytes;
			continue;
		}
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
	/* A pipe of this name must not hold up whoever opens it. */
	const int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;

	if (is_direct)
		cursor->fd = openat(directory_fd, name, flags | O_DIRECT);
	if (!is_direct || (cursor->fd < 0 && errno == EINVAL))
		cursor->fd = openat(directory_fd, name, flags);
	if (cursor->fd < 0 && (errno == ELOOP || errno == ENXIO))
		return set_fault(cursor, SEGMENT_FAULT_FILE, -EBADMSG); /* a link, a socket */
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
	if (header->header_crc !=
	    crc32c(segment_seed(cursor->store_id, 0), header, SEGMENT_HEADER_CRC_BYTES))
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

static int check_file(struct segment_cursor *cursor)
{
	struct stat status;

	if (fstat(cursor->fd, &status) < 0)
		return set_fault(cursor, SEGMENT_FAULT_READ, -errno);
	if (!S_ISREG(status.st_mode))
		return set_fault(cursor, SEGMENT_FAULT_FILE, -EBADMSG);
	cursor->file_bytes = (__u64)status.st_size;
	return 0;
}

static int read_header(struct segment_cursor *cursor, enum sluice_log_kind kind)
{
	const __u8 *page;
	__u64 name_lsn;
	int error = check_file(cursor);

	if (!error)
		error = open_buffer(cursor);
	if (error)
		return error;
	page = fetch(cursor, 0, SLUICE_DISK_ALIGN, &error);
	if (!page)
		return error;
	error = check_segment_header(cursor, (const struct sluice_segment *)page, kind);
	if (error)
		return error;
	if (!segment_is_zero(page + sizeof(cursor->header),
			     SLUICE_DISK_ALIGN - sizeof(cursor->header)))
		return set_fault(cursor, SEGMENT_FAULT_PADDING, -EBADMSG);
	memcpy(&cursor->header, page, sizeof(cursor->header));
	if (!segment_parse_name(cursor->name, &name_lsn) || name_lsn != cursor->header.first_lsn)
		return set_fault(cursor, SEGMENT_FAULT_NAME, -EBADMSG);
	return 0;
}

static void begin(struct segment_cursor *cursor, const char *name, const __u8 store_id[16],
		  bool is_direct)
{
	*cursor = (struct segment_cursor){ .fd = -1,
					   .is_direct = is_direct,
					   .fault = SEGMENT_FAULT_READ };
	memcpy(cursor->store_id, store_id, sizeof(cursor->store_id));
	snprintf(cursor->name, sizeof(cursor->name), "%s", name);
}

static int open_header(struct segment_cursor *cursor, enum sluice_log_kind kind)
{
	int error = read_header(cursor, kind);

	if (error) {
		segment_close(cursor);
		return error;
	}
	cursor->offset = SLUICE_DISK_ALIGN;
	cursor->next_lsn = cursor->header.first_lsn;
	cursor->chain = cursor->header.prev_chain;
	cursor->fault = SEGMENT_FAULT_NONE;
	return 0;
}

int segment_open(struct segment_cursor *cursor, int directory_fd, const char *name,
		 const __u8 store_id[16], enum sluice_log_kind kind, bool is_direct)
{
	int error;

	begin(cursor, name, store_id, is_direct);
	error = open_file(cursor, directory_fd, name, is_direct);
	return error ? error : open_header(cursor, kind);
}

int segment_open_file(struct segment_cursor *cursor, int fd, const char *name,
		      const __u8 store_id[16], enum sluice_log_kind kind)
{
	begin(cursor, name, store_id, false);
	cursor->fd = fd;
	return open_header(cursor, kind);
}

int segment_detach(struct segment_cursor *cursor)
{
	int fd = cursor->fd;

	cursor->fd = -1;
	segment_close(cursor);
	return fd;
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
	if (segment_is_zero(page, SLUICE_DISK_ALIGN))
		return 0;
	header = (const struct sluice_batch *)page;
	fault = segment_check_batch(header, offset, cursor->store_id, cursor->header.log_kind);
	if (fault)
		return set_fault(cursor, fault, -EBADMSG);
	bytes = segment_batch_bytes(header);
	if (offset + bytes > cursor->header.segment_bytes)
		return set_fault(cursor, SEGMENT_FAULT_LENGTH, -EBADMSG);
	page = fetch(cursor, offset, bytes, &error);
	if (!page)
		return error;
	header = (const struct sluice_batch *)page;
	fault = segment_check_payload(header, cursor->store_id);
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

/* Where something may stand from `offset` on: holes, and room that was never written to, are passed
 * by. UINT64_MAX: nowhere. */
static __u64 next_data(const struct segment_cursor *cursor, __u64 offset)
{
	off_t at = lseek(cursor->fd, (off_t)offset, SEEK_DATA);

	if (at < 0)
		return errno == ENXIO ? UINT64_MAX : offset;
	return (__u64)at & ~(__u64)(SLUICE_DISK_ALIGN - 1);
}

/* The next sound batch with a later LSN, from *offset on. 1, 0 none, -errno after `errors` places
 * that cannot be read. */
static int find_behind(struct segment_cursor *cursor, __u64 *offset, int errors,
		       const struct sluice_batch **batch)
{
	for (; *offset < cursor->header.segment_bytes; *offset += SLUICE_DISK_ALIGN) {
		int got = read_batch(cursor, *offset, batch);

		if (got == 1 && (*batch)->first_lsn > cursor->next_lsn)
			return 1;
		if (got < 0 && got != -EBADMSG && --errors <= 0)
			return got;
		if (got < 0 && cursor->fault == SEGMENT_FAULT_SHORT)
			break;
		if (got != 0)
			continue;
		*offset = next_data(cursor, *offset + SLUICE_DISK_ALIGN);
		if (*offset == UINT64_MAX)
			break;
		*offset -= SLUICE_DISK_ALIGN;
	}
	return 0;
}

int segment_count_behind(struct segment_cursor *cursor, int enough)
{
	enum segment_fault fault = cursor->fault;
	__u64 offset = cursor->offset + SLUICE_DISK_ALIGN;
	const struct sluice_batch *batch;
	int count = 0, got = 1;

	while (count < enough && (got = find_behind(cursor, &offset, 1, &batch)) == 1) {
		offset += segment_batch_bytes(batch);
		count++;
	}
	cursor->fault = fault;
	return got < 0 ? got : count;
}

int segment_resume(struct segment_cursor *cursor)
{
	enum segment_fault fault = cursor->fault;
	__u64 offset = cursor->offset + SLUICE_DISK_ALIGN;
	const struct sluice_batch *batch;

	if (find_behind(cursor, &offset, READ_ERRORS_MAX, &batch) != 1) {
		cursor->fault = fault;
		return 0;
	}
	cursor->offset = offset;
	cursor->next_lsn = batch->first_lsn;
	cursor->chain = batch->prev_chain;
	cursor->fault = SEGMENT_FAULT_NONE;
	return 1;
}

void segment_reread(struct segment_cursor *cursor)
{
	cursor->buffer_bytes = 0;
}

int segment_is_rest_zero(struct segment_cursor *cursor)
{
	while (cursor->offset < cursor->file_bytes) {
		int error = 0;
		const __u8 *page = fetch(cursor, cursor->offset, SLUICE_DISK_ALIGN, &error);

		if (!page)
			return error;
		if (!segment_is_zero(page, SLUICE_DISK_ALIGN))
			return set_fault(cursor, SEGMENT_FAULT_TAIL, 0);
		cursor->offset += SLUICE_DISK_ALIGN;
	}
	return 1;
}
