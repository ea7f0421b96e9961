/* SPDX-License-Identifier: BSD-2-Clause */
/* The manifest on disk: read, and replaced as a whole. Several programs may do so; each takes over
 * what the others have given up. Its text is made and read in store_manifest.c. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "core/record/schema.h"
#include "edge/store/store_manifest.h"
#include "edge/store/store_state.h"

#define MANIFEST_TEMPORARY STORE_MANIFEST ".tmp"
/* For five seconds. */
#define HOLD_ATTEMPTS 500
#define HOLD_PAUSE_NS 10000000

int store_fail(struct store *store, int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(store->problem, sizeof(store->problem), format, arguments);
	va_end(arguments);
	return error;
}

int store_read_file(int directory_fd, const char *name, char *text, size_t room)
{
	size_t bytes = 0;
	ssize_t got = 0;
	int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	while (bytes < room - 1 && (got = read(fd, text + bytes, room - 1 - bytes)) > 0)
		bytes += (size_t)got;
	got = got < 0 ? -errno : 0;
	close(fd);
	text[bytes] = '\0';
	return got < 0 ? (int)got : (int)bytes;
}

/* All of it, synced: 0 or -errno. */
static int write_file(int directory_fd, const char *name, const char *text, size_t bytes)
{
	int fd = openat(directory_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			STORE_FILE_MODE);
	size_t done = 0;
	int error = 0;

	if (fd < 0)
		return -errno;
	while (done < bytes && !error) {
		ssize_t put = write(fd, text + done, bytes - done);

		if (put >= 0)
			done += (size_t)put;
		else if (errno != EINTR)
			error = -errno;
	}
	if (!error && fdatasync(fd) < 0)
		error = -errno;
	if (close(fd) < 0 && !error)
		error = -errno;
	return error;
}

static int write_manifest(struct store *store, const struct store_manifest *manifest)
{
	char text[STORE_MANIFEST_BYTES_MAX];
	size_t bytes = store_manifest_format(manifest, text);
	int error = write_file(store->directory_fd, MANIFEST_TEMPORARY, text, bytes);

	if (!error && renameat(store->directory_fd, MANIFEST_TEMPORARY, store->directory_fd,
			       STORE_MANIFEST) < 0)
		error = -errno;
	if (!error && fsync(store->directory_fd) < 0)
		error = -errno;
	return error;
}

int store_load_manifest(struct store *store, bool is_reader)
{
	char text[STORE_MANIFEST_BYTES_MAX], what[128];
	int bytes, error;

	bytes = store_read_file(store->directory_fd, STORE_MANIFEST, text, sizeof(text));
	if (bytes == -ENOENT)
		return bytes;
	if (bytes < 0)
		return store_fail(store, bytes, "%s/%s cannot be read: %s", store->path,
				  STORE_MANIFEST, strerror(-bytes));
	error = store_manifest_parse(&store->manifest, text, (size_t)bytes, is_reader, what,
				     sizeof(what));
	if (error == -EPROTONOSUPPORT)
		return store_fail(store, error,
				  "%s was written by a newer sluice (%s); use that "
				  "version, or give this one a state_dir of its own",
				  store->path, what);
	if (error)
		return store_fail(store, error, "%s/%s is damaged (%s); " STORE_MANIFEST_ADVICE,
				  store->path, STORE_MANIFEST, what, store->path);
	return 0;
}

/* Who changes the manifest holds the directory; a moment, unless somebody stopped it there. */
static int hold_manifest(struct store *store)
{
	const struct timespec pause = { .tv_nsec = HOLD_PAUSE_NS };

	for (int i = 0; i < HOLD_ATTEMPTS; i++) {
		if (flock(store->directory_fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK)
			return -errno;
		nanosleep(&pause, NULL);
	}
	return -EBUSY;
}

static void release_manifest(struct store *store)
{
	flock(store->directory_fd, LOCK_UN);
}

/* What other programs may have changed since it was read here. */
static int merge(struct store_manifest *manifest, const struct store_manifest *found)
{
	int error = 0;

	for (__u32 i = 0; i < found->gap_count && !error; i++) {
		if (found->gap[i].last >= manifest->results_first)
			error = store_manifest_add_gap(manifest, found->gap[i].first,
						       found->gap[i].last);
	}
	if (manifest->results_durable_lsn < found->results_durable_lsn)
		manifest->results_durable_lsn = found->results_durable_lsn;
	return error;
}

int store_update(struct store *store, const struct store_manifest *manifest)
{
	struct store found = { .directory_fd = store->directory_fd };
	struct store_manifest made = *manifest;
	int error;

	pthread_mutex_lock(&store->mutex);
	error = hold_manifest(store);
	if (!error) {
		store_manifest_drop_gaps(&made);
		if (store_load_manifest(&found, false) == 0)
			error = merge(&made, &found.manifest);
		if (!error)
			error = write_manifest(store, &made);
		release_manifest(store);
	}
	if (!error)
		store->manifest = made;
	pthread_mutex_unlock(&store->mutex);
	return error;
}

int store_give_up(struct store *store, const struct store_gap *gaps, size_t count, __u64 lsn)
{
	int error = hold_manifest(store);

	if (error)
		return error;
	error = store_load_manifest(store, false);
	for (size_t i = 0; i < count && !error; i++)
		error = store_manifest_add_gap(&store->manifest, gaps[i].first, gaps[i].last);
	if (store->manifest.results_durable_lsn < lsn)
		store->manifest.results_durable_lsn = lsn;
	store->manifest.is_stopped = false;
	if (!error)
		error = write_manifest(store, &store->manifest);
	release_manifest(store);
	return error;
}

void store_read_manifest(struct store *store, struct store_manifest *manifest)
{
	pthread_mutex_lock(&store->mutex);
	*manifest = store->manifest;
	pthread_mutex_unlock(&store->mutex);
}

int store_raise_epochs(struct store *store, const struct window_spec *windows, __u32 count,
		       __u64 *epochs)
{
	struct store_manifest manifest;
	int error;

	store_read_manifest(store, &manifest);
	manifest.minor = SLUICE_DISK_MINOR;
	manifest.agent_epoch++;
	for (__u32 i = 0; i < count; i++)
		epochs[i] = store_windows_raise(&manifest.windows, windows[i].name,
						schema_definition(&windows[i]));
	manifest.is_stopped = false;
	error = store_update(store, &manifest);
	if (error)
		return store_fail(store, error,
				  "%s/%s cannot be written: %s; check space and permissions",
				  store->path, STORE_MANIFEST, strerror(-error));
	return 0;
}

void store_refresh(struct store *store)
{
	struct store read = { .directory_fd = store->directory_fd };

	if (store->lock_fd >= 0 || store->is_guessed || store_load_manifest(&read, true))
		return;
	pthread_mutex_lock(&store->mutex);
	store->manifest = read.manifest;
	pthread_mutex_unlock(&store->mutex);
}
