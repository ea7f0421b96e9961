/* SPDX-License-Identifier: BSD-2-Clause */
/* Segments as files below results/: preallocated under a name of their own, then started under
 * their real one, each step durable before the next. These calls wait for the disk. */
#ifndef SLUICE_EDGE_SEGMENT_FILE_H
#define SLUICE_EDGE_SEGMENT_FILE_H

#include "sluice/disk_format.h"

/* A segment that nobody appends to yet. */
#define SEGMENT_FILE_NEXT "next.tmp"

/* Makes SEGMENT_FILE_NEXT of `bytes` zeros, room taken. The descriptor, or -errno and no file. */
int segment_file_prepare(int directory_fd, __u64 bytes);
/* Gives a prepared one up. */
void segment_file_drop(int directory_fd, int fd);
/* Seals and writes the header of a prepared one and gives it its name. 0 or -errno. */
int segment_file_start(int directory_fd, int fd, struct sluice_segment *header);

/* Durable zeros from `offset` to `end`, which becomes the length of the file. 0 or -errno. */
int segment_file_zero(int fd, __u64 offset, __u64 end);

#endif
