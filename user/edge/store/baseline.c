/* SPDX-License-Identifier: BSD-2-Clause */
/* Two mapped files whose room is taken beforehand: a write into a mapping must not find a full
 * disk. What was found is kept as a copy. */
#include "edge/store/baseline.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"

#define SLOTS 2
#define FILE_MODE 0640
#define BYTES_MAX (1ull << 32)
#define EXACT_HEAD 8u

static const char *const names[SLOTS] = { "baseline.a", "baseline.b" };

struct baseline {
	int directory_fd;
	__u8 store_id[16];
	__u8 boot_id[16];
	__u64 generation;	/* of the last one written or found */
	struct sluice_baseline *found;
	/* What follows the header in baseline.a */
	__u8 *rest;
	size_t rest_bytes;
	/* For writing */
	int fd[SLOTS];
	__u8 *map[SLOTS];
	size_t map_bytes[SLOTS];
	__u32 source_places;
};

static __u32 seed_of(const struct baseline *baseline)
{
	__u32 seed;

	memcpy(&seed, baseline->store_id, sizeof(seed));
	return seed;
}

static __u32 checksum(const struct baseline *baseline, const struct sluice_baseline *slot)
{
	const __u32 none = 0;
	__u32 crc = crc32c(seed_of(baseline), slot, offsetof(struct sluice_baseline, crc));

	crc = crc32c(crc, &none, sizeof(none));
	return crc32c(crc, slot->store_id,
		      slot->bytes - offsetof(struct sluice_baseline, store_id));
}

static bool is_sound(const struct baseline *baseline, const struct sluice_baseline *slot,
		     size_t bytes)
{
	return bytes >= sizeof(*slot) && slot->magic == SLUICE_BASELINE_MAGIC &&
	       slot->version == SLUICE_BASELINE_VERSION &&
	       slot->bytes >= offsetof(struct sluice_baseline, ring) &&
	       slot->bytes <= sizeof(*slot) &&
	       memcmp(slot->store_id, baseline->store_id, sizeof(slot->store_id)) == 0 &&
	       slot->listener_count <= SLUICE_LISTENERS_MAX &&
	       slot->window_count <= SLUICE_WINDOWS_MAX && slot->ring_count <= SLUICE_CPUS_MAX &&
	       checksum(baseline, slot) == slot->crc;
}

static int read_whole(int fd, __u8 **data, size_t *bytes)
{
	struct stat stat;
	size_t done = 0;

	if (fstat(fd, &stat) < 0)
		return -errno;
	if (!S_ISREG(stat.st_mode) || stat.st_size > (off_t)BYTES_MAX)
		return -EBADMSG;
	*data = malloc((size_t)stat.st_size + 1);
	if (!*data)
		return -ENOMEM;
	while (done < (size_t)stat.st_size) {
		ssize_t got = pread(fd, *data + done, (size_t)stat.st_size - done, (off_t)done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		done += (size_t)got;
	}
	*bytes = done;
	return 0;
}

static int keep_found(struct baseline *baseline, const struct sluice_baseline *slot)
{
	if (baseline->found && baseline->found->generation >= slot->generation)
		return 0;
	if (!baseline->found)
		baseline->found = malloc(sizeof(*baseline->found));
	if (!baseline->found)
		return -ENOMEM;
	memset(baseline->found, 0, sizeof(*baseline->found));
	memcpy(baseline->found, slot, slot->bytes);
	baseline->generation = slot->generation;
	return 0;
}

/* One file as it was left. One that cannot be made sense of is as good as none. */
static int look_at(struct baseline *baseline, int place)
{
	int fd = openat(baseline->directory_fd, names[place], O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	size_t bytes = 0;
	__u8 *data = NULL;
	int error;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	error = read_whole(fd, &data, &bytes);
	close(fd);
	if (error) {
		free(data);
		return error == -EBADMSG ? 0 : error;
	}
	if (is_sound(baseline, (const struct sluice_baseline *)data, bytes))
		error = keep_found(baseline, (const struct sluice_baseline *)data);
	if (place == 0 && bytes > SLUICE_BASELINE_BYTES) {
		baseline->rest_bytes = bytes - SLUICE_BASELINE_BYTES;
		memmove(data, data + SLUICE_BASELINE_BYTES, baseline->rest_bytes);
		baseline->rest = data;
	} else {
		free(data);
	}
	return error;
}

int baseline_open(struct baseline **result, struct store *store)
{
	struct baseline *baseline = calloc(1, sizeof(*baseline));
	int error = 0;

	if (!baseline)
		return -ENOMEM;
	for (int i = 0; i < SLOTS; i++)
		baseline->fd[i] = -1;
	baseline->directory_fd = store->directory_fd;
	memcpy(baseline->store_id, store->manifest.store_id, sizeof(baseline->store_id));
	memcpy(baseline->boot_id, store->boot_id, sizeof(baseline->boot_id));
	for (int i = 0; i < SLOTS && !error; i++)
		error = look_at(baseline, i);
	if (error) {
		snprintf(store->problem, sizeof(store->problem), "%.600s/%s cannot be read: %s",
			 store->path, names[0], strerror(-error));
		baseline_close(baseline);
		return error;
	}
	*result = baseline;
	return 0;
}

static void unmap(struct baseline *baseline)
{
	for (int i = 0; i < SLOTS; i++) {
		if (baseline->map[i])
			munmap(baseline->map[i], baseline->map_bytes[i]);
		if (baseline->fd[i] >= 0)
			close(baseline->fd[i]);
		baseline->map[i] = NULL;
		baseline->fd[i] = -1;
	}
}

void baseline_close(struct baseline *baseline)
{
	if (!baseline)
		return;
	unmap(baseline);
	free(baseline->found);
	free(baseline->rest);
	free(baseline);
}

const struct sluice_baseline *baseline_found(const struct baseline *baseline)
{
	return baseline->found;
}

/* Exact records stand where the header says, each behind its length. */
static bool next_exact(const struct baseline *baseline, size_t *at, const void **record,
		       size_t *bytes)
{
	const struct sluice_baseline *found = baseline->found;
	__u64 start, end;
	__u32 length;

	if (!(found->flags & SLUICE_BASELINE_STOPPED) || !found->exact_bytes ||
	    found->exact_offset < SLUICE_BASELINE_BYTES)
		return false;
	start = found->exact_offset - SLUICE_BASELINE_BYTES;
	if (__builtin_add_overflow(start, found->exact_bytes, &end) || end > baseline->rest_bytes)
		return false;
	if (*at == 0 && crc32c(seed_of(baseline), baseline->rest + start, found->exact_bytes) !=
				found->exact_crc)
		return false;
	if (found->exact_bytes - *at < EXACT_HEAD)
		return false;
	memcpy(&length, baseline->rest + start + *at, sizeof(length));
	if (!length || length > found->exact_bytes - *at - EXACT_HEAD)
		return false;
	*record = baseline->rest + start + *at + EXACT_HEAD;
	*bytes = length;
	*at += EXACT_HEAD + length;
	return true;
}

static bool next_by_place(const struct baseline *baseline, size_t *at, const void **record,
			  size_t *bytes)
{
	size_t room = baseline->rest_bytes / sizeof(struct sluice_baseline_source);
	size_t count = baseline->found->source_places;

	count = count < room ? count : room;
	while (*at < count) {
		const struct sluice_baseline_source *source =
			(const struct sluice_baseline_source *)baseline->rest + (*at)++;

		if (source->bytes == 0 || source->bytes > sizeof(source->record) ||
		    crc32c(seed_of(baseline), source->record, source->bytes) != source->crc)
			continue;
		*record = source->record;
		*bytes = source->bytes;
		return true;
	}
	return false;
}

bool baseline_next_source(const struct baseline *baseline, bool is_exact, size_t *at,
			  const void **record, size_t *bytes)
{
	if (!baseline->found || !baseline->rest)
		return false;
	return is_exact ? next_exact(baseline, at, record, bytes)
			: next_by_place(baseline, at, record, bytes);
}

static int prepare(struct baseline *baseline, int place, size_t bytes)
{
	int fd = openat(baseline->directory_fd, names[place],
			O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	int error;
	void *map;

	if (fd < 0)
		return -errno;
	baseline->fd[place] = fd;
	error = -posix_fallocate(fd, 0, (off_t)bytes);
	if (error)
		return error;
	if (ftruncate(fd, (off_t)bytes) < 0)
		return -errno;
	map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	baseline->map[place] = map;
	baseline->map_bytes[place] = bytes;
	return 0;
}

int baseline_begin(struct baseline *baseline, __u32 source_places)
{
	size_t table = (size_t)source_places * sizeof(struct sluice_baseline_source);
	int error = prepare(baseline, 0, SLUICE_BASELINE_BYTES + table);

	if (!error)
		error = prepare(baseline, 1, SLUICE_BASELINE_BYTES);
	if (error) {
		unmap(baseline);
		return error;
	}
	memset(baseline->map[0] + SLUICE_BASELINE_BYTES, 0, table);
	baseline->source_places = source_places;
	return 0;
}

void baseline_write(struct baseline *baseline, struct sluice_baseline *next)
{
	if (!baseline->map[0])
		return;
	next->magic = SLUICE_BASELINE_MAGIC;
	next->version = SLUICE_BASELINE_VERSION;
	next->generation = ++baseline->generation;
	next->bytes = (__u32)(offsetof(struct sluice_baseline, ring) +
			      next->ring_count * sizeof(next->ring[0]));
	next->source_places = baseline->source_places;
	memcpy(next->store_id, baseline->store_id, sizeof(next->store_id));
	memcpy(next->boot_id, baseline->boot_id, sizeof(next->boot_id));
	next->crc = checksum(baseline, next);
	memcpy(baseline->map[baseline->generation % SLOTS], next, next->bytes);
}

void baseline_put_source(struct baseline *baseline, __u32 place, const void *record, size_t bytes)
{
	struct sluice_baseline_source *source;

	if (!baseline->map[0] || place >= baseline->source_places ||
	    bytes > SLUICE_BASELINE_SOURCE_RECORD)
		return;
	source = (struct sluice_baseline_source *)(baseline->map[0] + SLUICE_BASELINE_BYTES) +
		 place;
	source->bytes = 0; /* nobody takes a half one, whenever the agent dies */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (bytes == 0)
		return;
	memcpy(source->record, record, bytes);
	source->crc = crc32c(seed_of(baseline), record, bytes);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	source->bytes = (__u32)bytes;
}

static int write_exact(struct baseline *baseline, const __u8 *exact, size_t bytes)
{
	size_t done = 0;

	while (done < bytes) {
		ssize_t put = pwrite(baseline->fd[0], exact + done, bytes - done,
				     (off_t)(baseline->map_bytes[0] + done));

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return put < 0 ? -errno : -EIO;
		done += (size_t)put;
	}
	return fsync(baseline->fd[0]) < 0 ? -errno : 0;
}

int baseline_finish(struct baseline *baseline, struct sluice_baseline *next, const void *exact,
		    size_t bytes)
{
	int error;

	if (!baseline->map[0])
		return 0;
	error = write_exact(baseline, exact, bytes);
	if (!error) {
		next->exact_offset = baseline->map_bytes[0];
		next->exact_bytes = bytes;
		next->exact_crc = crc32c(seed_of(baseline), exact, bytes);
	}
	baseline_write(baseline, next);
	for (int i = 0; i < SLOTS; i++) {
		if ((msync(baseline->map[i], baseline->map_bytes[i], MS_SYNC) < 0 ||
		     fsync(baseline->fd[i]) < 0) &&
		    !error)
			error = -errno;
	}
	return error;
}
