/* SPDX-License-Identifier: BSD-2-Clause */
/* Takes what a thorough reader has found, decides what becomes of it, notes gaps, moves files. */
#include "edge/results/results_quarantine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

#define DIRECTORY_MODE 0750
#define NAMES_MAX 1000 /* of one file, when there is one of that name already */
#define TO_MAX (SEGMENT_NAME_MAX + 16)

struct task {
	struct store *store;
	const struct results_quarantine *quarantine;
	struct log_reader reader;
	bool has_agent; /* one is running: it has the lock */
	const struct log_file *last; /* sound, so the active one */
	struct store_gap gaps[LOG_DAMAGES_MAX];
	size_t gap_count;
	__u64 lsn_max; /* no record that is given up can have a larger one */
	int directory_fd;
};

static int fail_with(struct store *store, int error, const char *what)
{
	struct text text;

	text_init(&text, store->problem, sizeof(store->problem));
	text_format(&text, "%s below %s: %s", what, store->path, strerror(-error));
	return error;
}

/* Reads all there is. */
static int judge(struct task *task)
{
	const struct sluice_batch *batch;
	const struct log_file *file;
	int got;

	task->reader.is_thorough = true;
	do
		got = log_reader_next(&task->reader, &batch);
	while (got == 1);
	for (size_t i = 0; (file = log_files_next_sound(&task->reader.files, i)); i++) {
		i = (size_t)(file - task->reader.files.file);
		task->last = file;
	}
	return got;
}

static bool is_active(const struct task *task, const struct log_damage *damage)
{
	return task->has_agent && task->last && strcmp(damage->file, task->last->name) == 0;
}

/* What only cannot be read, or not by this version, is not for us to put away. */
static int check_readable(const struct task *task)
{
	struct text text;

	for (size_t i = 0; i < task->reader.damage_count; i++) {
		const struct log_damage *damage = &task->reader.damages[i];

		if (damage->error == -EBADMSG || damage->error == -EIO)
			continue;
		text_init(&text, task->store->problem, sizeof(task->store->problem));
		text_format(&text, "%s/%s/%s: %s; nothing was moved", task->store->path,
			    STORE_RESULTS, damage->file, damage->why);
		return damage->error;
	}
	return 0;
}

/* A record takes eight bytes at least. */
static void note_lsn_max(struct task *task, const struct log_damage *damage)
{
	__u64 first_lsn, lsn;
	struct stat status;

	if (!segment_parse_name(damage->file, &first_lsn) ||
	    (task->last && first_lsn < task->last->first_lsn) ||
	    fstatat(task->store->results_fd, damage->file, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	lsn = first_lsn + (__u64)status.st_size / sizeof(struct sluice_disk_record);
	task->lsn_max = lsn > task->lsn_max ? lsn : task->lsn_max;
}

/* Numbers behind those that a running agent has written are its to give. */
static bool is_agents(const struct task *task, __u64 number)
{
	return task->has_agent && (!task->last || number > task->last->number);
}

static void plan(struct task *task)
{
	for (size_t i = 0; i < task->reader.damage_count; i++) {
		const struct log_damage *damage = &task->reader.damages[i];

		if (damage->kind == LOG_DAMAGE_GIVEN_UP || damage->number == 0 ||
		    is_active(task, damage) || is_agents(task, damage->number))
			continue;
		task->gaps[task->gap_count++] =
			(struct store_gap){ damage->number, damage->last_number };
		if (damage->file[0])
			note_lsn_max(task, damage);
	}
}

static int open_directory(struct task *task)
{
	int fd = task->store->directory_fd;

	if (mkdirat(fd, STORE_QUARANTINE, DIRECTORY_MODE) < 0 && errno != EEXIST)
		return -errno;
	task->directory_fd = openat(fd, STORE_QUARANTINE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return task->directory_fd < 0 ? -errno : 0;
}

/* What is in quarantine stays there: a second one of its name gets another. */
static int move(const struct task *task, const char *name, char to[TO_MAX])
{
	snprintf(to, TO_MAX, "%s", name);
	for (int i = 1; i < NAMES_MAX; i++) {
		if (renameat2(task->store->results_fd, name, task->directory_fd, to,
			      RENAME_NOREPLACE) == 0)
			return 0;
		if (errno != EEXIST)
			return -errno;
		snprintf(to, TO_MAX, "%.*s.%d", SEGMENT_NAME_MAX, name, i);
	}
	return -EEXIST;
}

static bool is_first_of_file(const struct task *task, size_t place)
{
	const struct log_damage *damages = task->reader.damages;

	for (size_t i = 0; i < place; i++) {
		if (strcmp(damages[i].file, damages[place].file) == 0)
			return false;
	}
	return true;
}

/* 1: it counts, 0: it stays as it is, -errno. */
static int carry_out(struct task *task, size_t place)
{
	const struct results_quarantine *quarantine = task->quarantine;
	const struct log_damage *damage = &task->reader.damages[place];
	struct log_damage told;
	enum results_quarantine_fate fate = RESULTS_QUARANTINE_MISSING;
	char to[TO_MAX] = "";
	int error = 0;

	if (damage->kind == LOG_DAMAGE_GIVEN_UP ||
	    (damage->file[0] ? !is_first_of_file(task, place) : is_agents(task, damage->number)))
		return 0;
	if (is_active(task, damage)) {
		fate = RESULTS_QUARANTINE_ACTIVE;
	} else if (damage->file[0]) {
		fate = RESULTS_QUARANTINE_MOVED;
		error = move(task, damage->file, to);
	}
	/* Retention has removed it meanwhile. */
	if (error)
		return error == -ENOENT ? 0 : error;
	told = *damage;
	if (is_agents(task, damage->number))
		told.number = told.last_number = 0; /* the agent would know of it */
	quarantine->report(quarantine->context, fate, &told, to);
	return fate != RESULTS_QUARANTINE_ACTIVE;
}

static int carry_out_all(struct task *task)
{
	int count = 0, got = open_directory(task);

	for (size_t i = 0; i < task->reader.damage_count && got >= 0; i++) {
		got = carry_out(task, i);
		count += got > 0;
	}
	if (got >= 0 && (fsync(task->directory_fd) < 0 || fsync(task->store->results_fd) < 0))
		got = -errno;
	if (task->directory_fd >= 0)
		close(task->directory_fd);
	return got < 0 ? fail_with(task->store, got, "segments cannot be moved to quarantine")
		       : count;
}

static int run(struct task *task)
{
	int error = judge(task);

	if (error)
		return fail_with(task->store, error, "judging segments");
	error = check_readable(task);
	if (error || task->reader.damage_count == 0)
		return error;
	plan(task);
	if (task->gap_count)
		error = store_give_up(task->store, task->gaps, task->gap_count, task->lsn_max);
	if (error)
		return fail_with(task->store, error,
				 error == -E2BIG ? "there are too many gaps; move the whole state "
						   "directory away instead of what is"
						 : "the manifest cannot be changed");
	return carry_out_all(task);
}

int results_quarantine_run(struct store *store, const struct results_quarantine *quarantine)
{
	struct task task = { .store = store,
			     .quarantine = quarantine,
			     .has_agent = store->lock_fd < 0,
			     .directory_fd = -1 };
	int result = log_reader_open(&task.reader, store);

	if (!result)
		result = run(&task);
	log_reader_close(&task.reader);
	return result;
}
