/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads the headers of all segments, each against the store id that it names itself. */
#include "edge/log/store_guess.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "edge/results/results_recovery.h"
#include "edge/log/segment.h"

static int has_segments(int directory_fd)
{
	int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *file;
	int found = 0;

	if (!directory) {
		found = -errno;
		if (fd >= 0)
			close(fd);
		return found;
	}
	errno = 0;
	while (!found && (file = readdir(directory))) {
		size_t bytes = strlen(file->d_name), suffix = strlen(SEGMENT_SUFFIX);

		found = bytes >= suffix &&
			strcmp(file->d_name + bytes - suffix, SEGMENT_SUFFIX) == 0;
	}
	if (!found && errno)
		found = -errno;
	closedir(directory);
	return found;
}

int store_guess_has_segments(const struct store *store)
{
	int found = has_segments(store->results_fd), fd;

	if (found)
		return found;
	fd = openat(store->directory_fd, STORE_QUARANTINE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	found = has_segments(fd);
	close(fd);
	return found;
}

/* 0 when the header is sound by its own store id. */
static int read_header(int results_fd, __u64 first_lsn, struct sluice_segment *header)
{
	struct segment_cursor cursor = SEGMENT_CURSOR_CLOSED;
	char name[SEGMENT_NAME_MAX];
	ssize_t got;
	int fd, error;

	segment_format_name(name, first_lsn);
	fd = openat(results_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	got = pread(fd, header, sizeof(*header), 0);
	if (got != (ssize_t)sizeof(*header)) {
		close(fd);
		return got < 0 ? -errno : -EBADMSG;
	}
	error = segment_open_file(&cursor, fd, name, header->store_id, SLUICE_LOG_RESULTS);
	segment_close(&cursor);
	return error;
}

/* Majority vote (Boyer and Moore): the id of most, when there is such a one. */
static void vote(const struct sluice_segment *header, struct store_manifest *leader, size_t *votes)
{
	if (*votes == 0) {
		memcpy(leader->store_id, header->store_id, sizeof(leader->store_id));
		memcpy(leader->agent_id, header->agent_id, sizeof(leader->agent_id));
	}
	if (memcmp(leader->store_id, header->store_id, sizeof(leader->store_id)) == 0)
		++*votes;
	else
		--*votes;
}

static void find_first(int results_fd, const struct segment_entry *entries, size_t count,
		       struct store_manifest *manifest)
{
	for (size_t i = 0; i < count; i++) {
		struct sluice_segment header = { 0 };

		if (read_header(results_fd, entries[i].first_lsn, &header) == 0 &&
		    memcmp(header.store_id, manifest->store_id, sizeof(header.store_id)) == 0 &&
		    (manifest->results_first == 0 || header.number < manifest->results_first))
			manifest->results_first = header.number;
	}
}

int store_guess_manifest(struct store *store, struct store_manifest *manifest)
{
	struct store_manifest made = { .major = SLUICE_DISK_MAJOR, .minor = SLUICE_DISK_MINOR };
	struct segment_entry *entries = NULL;
	size_t count = 0, votes = 0;
	int error = results_recovery_list_names(store, &entries, &count);

	for (size_t i = 0; i < count && !error; i++) {
		struct sluice_segment header;

		if (read_header(store->results_fd, entries[i].first_lsn, &header) == 0)
			vote(&header, &made, &votes);
	}
	if (!error)
		find_first(store->results_fd, entries, count, &made);
	free(entries);
	if (error)
		return error;
	if (made.results_first == 0)
		return -ENOENT;
	*manifest = made;
	return 0;
}
