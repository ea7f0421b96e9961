/* SPDX-License-Identifier: BSD-2-Clause */
/* The few file operations of segments, each result checked. */
#include "edge/log/segment_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "edge/log/segment.h"

#define FILE_MODE 0640

/* Where the file system offers nothing better. */
static int write_zeros(int fd, __u64 offset, __u64 end)
{
	static const __u8 zeros[64 << 10];

	while (offset < end) {
		size_t chunk =
			end - offset < sizeof(zeros) ? (size_t)(end - offset) : sizeof(zeros);
		ssize_t put = pwrite(fd, zeros, chunk, (off_t)offset);

		if (put < 0 && errno != EINTR)
			return -errno;
		if (put > 0)
			offset += (__u64)put;
	}
	return 0;
}

int segment_file_prepare(int directory_fd, __u64 bytes)
{
	int fd = openat(directory_fd, SEGMENT_FILE_NEXT, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC,
			FILE_MODE);
	int error = 0;

	if (fd < 0)
		return -errno;
	if (fallocate(fd, 0, 0, (off_t)bytes) < 0)
		error = errno == EOPNOTSUPP ? write_zeros(fd, 0, bytes) : -errno;
	if (!error && fsync(fd) < 0)
		error = -errno;
	if (!error)
		return fd;
	segment_file_drop(directory_fd, fd);
	return error;
}

void segment_file_drop(int directory_fd, int fd)
{
	close(fd);
	unlinkat(directory_fd, SEGMENT_FILE_NEXT, 0);
}

static int write_header(int fd, struct sluice_segment *header)
{
	_Alignas(SLUICE_DISK_ALIGN) __u8 page[SLUICE_DISK_ALIGN] = { 0 };
	ssize_t put;

	segment_seal_header(header);
	memcpy(page, header, sizeof(*header));
	do
		put = pwrite(fd, page, sizeof(page), 0);
	while (put < 0 && errno == EINTR);
	if (put != (ssize_t)sizeof(page))
		return put < 0 ? -errno : -ENOSPC;
	return fdatasync(fd) < 0 ? -errno : 0;
}

/* The header is durable before the file gets its name, and the name before anybody may append. */
int segment_file_start(int directory_fd, int fd, struct sluice_segment *header)
{
	char name[SEGMENT_NAME_MAX];
	int error = write_header(fd, header);

	if (error)
		return error;
	segment_format_name(name, header->first_lsn);
	if (renameat(directory_fd, SEGMENT_FILE_NEXT, directory_fd, name) < 0)
		return -errno;
	return fsync(directory_fd) < 0 ? -errno : 0;
}

/* In the cheapest way that the file system has: a hole reads as zeros, too, but has no room. */
int segment_file_zero(int fd, __u64 offset, __u64 end)
{
	off_t at = (off_t)offset, bytes = (off_t)(end - offset);
	int error = 0;

	if (bytes > 0 && fallocate(fd, FALLOC_FL_ZERO_RANGE, at, bytes) < 0 &&
	    (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, bytes) < 0 ||
	     fallocate(fd, 0, 0, (off_t)end) < 0))
		error = write_zeros(fd, offset, end);
	if (error)
		return error;
	return fdatasync(fd) < 0 ? -errno : 0;
}
