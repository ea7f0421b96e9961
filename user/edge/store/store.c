/* SPDX-License-Identifier: BSD-2-Clause */
/* Opens, locks and closes a state directory. Its manifest is read and replaced in
 * store_change.c. */
#include "edge/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edge/log/store_guess.h"
#include "edge/store/store_manifest.h"
#include "edge/store/store_state.h"

#define DIRECTORY_MODE 0750
/* The directory and what is missing above it; each new one is synced into its parent. */
static int make_directories(struct store *store)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s", store->path);
	for (char *end = path + 1;; end++) {
		char kept = *end;

		if (kept != '/' && kept != '\0')
			continue;
		*end = '\0';
		if (mkdir(path, DIRECTORY_MODE) < 0 && errno != EEXIST)
			return store_fail(store, -errno,
					  "%s cannot be made: %s; make it and give it to "
					  "the user that runs sluice",
					  path, strerror(errno));
		*end = kept;
		if (kept == '\0')
			return 0;
	}
}

static void sync_parent(const struct store *store)
{
	int fd = openat(store->directory_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

static int open_directory(struct store *store, bool is_reader)
{
	store->directory_fd = open(store->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->directory_fd < 0 && is_reader && errno == ENOENT)
		return store_fail(store, -ENOENT,
				  "there is no store at %s; name it with --state DIR or "
				  "the configuration with -c FILE",
				  store->path);
	if (store->directory_fd < 0)
		return store_fail(store, -errno, "%s cannot be opened: %s", store->path,
				  strerror(errno));
	return 0;
}

static int open_results(struct store *store)
{
	store->results_fd =
		openat(store->directory_fd, STORE_RESULTS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->results_fd < 0)
		return store_fail(store, -errno, "%s/%s cannot be opened: %s", store->path,
				  STORE_RESULTS, strerror(errno));
	return 0;
}

/* "in use by the agent with pid 4711"; the file is what the holder wrote. */
static int explain_lock(struct store *store)
{
	char text[256];
	unsigned long pid = 0;

	if (store_read_file(store->directory_fd, STORE_LOCK, text, sizeof(text)) < 0 ||
	    sscanf(text, "pid %lu", &pid) != 1)
		return store_fail(store, -EBUSY,
				  "%s is in use by another agent; stop that one first: a "
				  "network namespace has one agent, whatever its state_dir is",
				  store->path);
	return store_fail(store, -EBUSY,
			  "%s is in use by the agent with pid %lu; stop that one first: a "
			  "network namespace has one agent, whatever its state_dir is",
			  store->path, pid);
}

static int take_lock(struct store *store)
{
	char text[128], boot[40];
	int bytes;

	store->lock_fd = openat(store->directory_fd, STORE_LOCK, O_RDWR | O_CREAT | O_CLOEXEC,
				STORE_FILE_MODE);
	if (store->lock_fd < 0)
		return store_fail(store, -errno, "%s/%s cannot be opened: %s", store->path,
				  STORE_LOCK, strerror(errno));
	if (flock(store->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			return explain_lock(store);
		return store_fail(store, -errno,
				  "%s/%s cannot be locked: %s; put state_dir on a local "
				  "file system",
				  store->path, STORE_LOCK, strerror(errno));
	}
	store_manifest_format_id(boot, store->boot_id);
	bytes = snprintf(text, sizeof(text), "pid %ld\nboot_id %s\n", (long)getpid(), boot);
	/* Only for people: the lock itself is the flock. */
	if (ftruncate(store->lock_fd, 0) < 0 || pwrite(store->lock_fd, text, (size_t)bytes, 0) < 0)
		return store_fail(store, -errno, "%s/%s cannot be written: %s", store->path,
				  STORE_LOCK, strerror(errno));
	return 0;
}

static int read_boot_id(struct store *store)
{
	char text[64];
	int error =
		store_read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", text, sizeof(text));

	if (error >= 0)
		error = store_manifest_parse_id(text, store->boot_id);
	if (error < 0)
		return store_fail(store, error,
				  "the boot id cannot be read from /proc; mount /proc");
	return 0;
}

static int make_new(struct store *store)
{
	struct store_manifest manifest = {
		.major = SLUICE_DISK_MAJOR,
		.minor = SLUICE_DISK_MINOR,
		.results_first = 1,
	};
	int error = 0;

	if (getrandom(manifest.store_id, 16, 0) != 16 || getrandom(manifest.agent_id, 16, 0) != 16)
		return store_fail(store, -EIO, "the kernel gives no random numbers");
	error = store_update(store, &manifest);
	if (error)
		return store_fail(store, error,
				  "%s/%s cannot be written: %s; check space and permissions",
				  store->path, STORE_MANIFEST, strerror(-error));
	sync_parent(store);
	return 0;
}

static int explain_missing(struct store *store)
{
	return store_fail(store, -EBADMSG,
			  "%s/%s is missing, but there are results; " STORE_MANIFEST_ADVICE,
			  store->path, STORE_MANIFEST, store->path);
}

static int open_for_writing(struct store *store)
{
	int error = take_lock(store);

	if (error)
		return error;
	if (mkdirat(store->directory_fd, STORE_RESULTS, DIRECTORY_MODE) < 0 && errno != EEXIST)
		return store_fail(store, -errno, "%s/%s cannot be made: %s", store->path,
				  STORE_RESULTS, strerror(errno));
	error = open_results(store);
	if (error)
		return error;
	error = store_load_manifest(store, false);
	if (error != -ENOENT)
		return error;
	error = store_guess_has_segments(store);
	if (error < 0)
		return store_fail(store, error, "%s cannot be listed: %s", store->path,
				  strerror(-error));
	return error ? explain_missing(store) : make_new(store);
}

/* The manifest of a store without one, as far as its segments know it. */
static int guess_manifest(struct store *store, int why)
{
	char problem[STORE_PROBLEM_MAX];

	if (why == -ENOENT && store_guess_has_segments(store) <= 0)
		return store_fail(store, why,
				  "there is no store at %s (no %s); name it with --state "
				  "DIR or the configuration with -c FILE",
				  store->path, STORE_MANIFEST);
	if (why == -ENOENT)
		why = explain_missing(store);
	memcpy(problem, store->problem, sizeof(problem));
	store->is_guessed = store_guess_manifest(store, &store->manifest) == 0;
	memcpy(store->problem, problem, sizeof(problem));
	return store->is_guessed ? 0 : why;
}

static int open_for_reading(struct store *store)
{
	int results_error = open_results(store);
	int error = store_load_manifest(store, true);

	if (error && error != -EPROTONOSUPPORT)
		return guess_manifest(store, error);
	return error ? error : results_error;
}

static int open_store(struct store *store, const char *path, bool is_reader)
{
	int error;

	*store = (struct store)STORE_CLOSED;
	pthread_mutex_init(&store->mutex, NULL);
	if (strlen(path) >= sizeof(store->path) || path[0] == '\0')
		return store_fail(store, -ENAMETOOLONG, "the path of the state directory is %s",
				  path[0] ? "too long" : "empty");
	snprintf(store->path, sizeof(store->path), "%s", path);
	error = read_boot_id(store);
	if (!error && !is_reader)
		error = make_directories(store);
	if (!error)
		error = open_directory(store, is_reader);
	if (!error)
		error = is_reader ? open_for_reading(store) : open_for_writing(store);
	if (error)
		store_close(store);
	return error;
}

int store_open(struct store *store, const char *path)
{
	return open_store(store, path, false);
}

int store_open_reader(struct store *store, const char *path)
{
	return open_store(store, path, true);
}

void store_close(struct store *store)
{
	int *const fds[] = { &store->results_fd, &store->directory_fd, &store->lock_fd };

	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}
