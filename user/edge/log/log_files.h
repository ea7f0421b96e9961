/* SPDX-License-Identifier: BSD-2-Clause */
/* The files of a results log as a reader finds them: all opened together, so that what retention
 * removes later stays readable, and each judged by its header and by its neighbours. One that is
 * damaged hides no other. Changes nothing. */
#ifndef SLUICE_EDGE_LOG_FILES_H
#define SLUICE_EDGE_LOG_FILES_H

#include "edge/log/segment.h"
#include "edge/store/store.h"

struct log_file {
	char name[SEGMENT_NAME_MAX];
	__u64 first_lsn; /* by its name */
	int fd; /* -1: not sound, or more files than may be open */
	int error; /* 0: the header is sound and in its place */
	enum segment_fault fault; /* of the header, with -EBADMSG */
	/* From a sound header: */
	__u64 number;
	__u64 bytes; /* preallocated */
	__u64 created_wall_ns;
	__u32 prev_chain;
};

struct log_files {
	struct log_file *file; /* by first_lsn */
	size_t count;
	struct store_manifest manifest; /* that they were judged by */
};

/* Those that retention has given up are left out. -ENOMEM, or -errno when the directory cannot be
 * listed: store->problem says so. Takes a zeroed object; close takes it in any state. */
int log_files_open(struct log_files *files, struct store *store);
void log_files_close(struct log_files *files);

/* The next sound one from `place` on; NULL: there is none. */
struct log_file *log_files_next_sound(const struct log_files *files, size_t place);

#endif
