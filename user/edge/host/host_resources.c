/* SPDX-License-Identifier: BSD-2-Clause */
/* The host check, part resources: memory against the budget, locked memory, the state directory. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/units.h"
#include "edge/host/cpus.h"
#include "edge/host/host_parts.h"

#define TMPFS_MAGIC 0x01021994
#define NFS_MAGIC 0x6969
#define LOCKED_BYTES_MIN (64ull << 20) /* registered io_uring buffers, with room to spare */

static __u64 read_available_memory(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	unsigned long long kib = 0;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, "MemAvailable:", 13) == 0)
			kib = strtoull(line + 13, NULL, 10);
	if (file)
		fclose(file);
	return kib << 10;
}

static void check_locked_memory(struct host_report *report)
{
	char limit_text[UNITS_BYTES_MAX];
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur >= LOCKED_BYTES_MIN ||
	    host_has_capability(HOST_CAP_IPC_LOCK)) {
		host_note(report, "memlock", HOST_OK, 0, "enough");
		return;
	}
	host_fix(host_note(report, "memlock", HOST_WARNING, 0,
			   "locked memory is limited to %s: buffers may not be registered",
			   units_format_size_about(limit_text, limit.rlim_cur)),
		 "ulimit -l unlimited, or LimitMEMLOCK=infinity in the unit");
}

void host_check_memory(const struct host_request *request, struct host_report *report)
{
	char want[UNITS_BYTES_MAX], have[UNITS_BYTES_MAX], rings[UNITS_BYTES_MAX];
	struct cpus present;
	int cpus = cpus_read_present(&present);
	__u64 ring_bytes = request->ring_bytes * (__u64)(cpus > 0 ? cpus : 1);
	__u64 needed = request->memory_bytes + ring_bytes;
	__u64 available = read_available_memory();

	units_format_size_about(want, needed);
	units_format_size_about(have, available);
	units_format_size_about(rings, ring_bytes);
	if (available >= needed)
		host_note(report, "memory", HOST_OK, 0,
			  "%s available, at most %s used (rings of %d CPUs %s)", have, want, cpus,
			  rings);
	else
		host_fix(host_note(report, "memory", HOST_WARNING, 0,
				   "at most %s used (rings of %d CPUs %s), but only %s available",
				   want, cpus, rings, have),
			 "lower limits.memory or ring_size in the configuration");
	check_locked_memory(report);
}

/* The nearest directory above that exists: what is missing below it will be made. */
static bool find_parent(const char *path, char parent[PATH_MAX])
{
	struct stat status;

	snprintf(parent, PATH_MAX, "%s", path);
	while (stat(parent, &status) != 0) {
		char *slash = strrchr(parent, '/');

		if (errno != ENOENT || !slash)
			return false;
		if (slash == parent)
			slash++;
		*slash = '\0';
	}
	return true;
}

static void check_space(const struct host_request *request, const char *directory,
			struct host_report *report)
{
	char want[UNITS_BYTES_MAX], have[UNITS_BYTES_MAX];
	struct statfs status;
	__u64 bytes;

	if (statfs(directory, &status) != 0)
		return;
	bytes = (__u64)status.f_bavail * (__u64)status.f_bsize;
	if (status.f_type == TMPFS_MAGIC)
		host_fix(host_note(report, "state_dir", HOST_WARNING, 0,
				   "%s is in memory: nothing there survives a reboot", directory),
			 "put state_dir on a disk");
	if (status.f_type == NFS_MAGIC)
		host_fix(host_note(report, "state_dir", HOST_WARNING, 0,
				   "%s is on a network: commits will be slow", directory),
			 "put state_dir on a local disk");
	units_format_size_about(want, request->disk_bytes);
	units_format_size_about(have, bytes);
	if (bytes >= request->disk_bytes)
		host_note(report, "state_dir", HOST_OK, 0, "%s, %s free, at most %s used",
			  request->state_dir, have, want);
	else
		host_fix(host_note(report, "state_dir", HOST_WARNING, 0,
				   "%s has %s free, but the logs may grow to %s",
				   request->state_dir, have, want),
			 "lower results_log.max_bytes in the configuration, or make room");
}

void host_check_state_dir(const struct host_request *request, struct host_report *report)
{
	char parent[PATH_MAX];
	struct stat status;

	if (!find_parent(request->state_dir, parent)) {
		host_note(report, "state_dir", HOST_PROBLEM, EX_CANTCREAT, "%s: %s",
			  request->state_dir, strerror(errno));
		return;
	}
	if (stat(parent, &status) == 0 && !S_ISDIR(status.st_mode)) {
		host_fix(host_note(report, "state_dir", HOST_PROBLEM, EX_CANTCREAT,
				   "%s is not a directory", parent),
			 "write another state_dir");
		return;
	}
	if (access(parent, W_OK | X_OK) != 0) {
		host_fix(host_note(report, "state_dir", HOST_PROBLEM, EX_NOPERM,
				   "%s cannot be written: %s", parent, strerror(errno)),
			 "mkdir -p %s && chown \"$(id -un)\" %s, as root", request->state_dir,
			 request->state_dir);
		return;
	}
	if (strcmp(parent, request->state_dir) == 0 && (status.st_mode & S_IWOTH))
		host_fix(host_note(report, "state_dir", HOST_WARNING, 0,
				   "%s can be written by everybody", parent),
			 "chmod o-w %s", parent);
	check_space(request, parent, report);
}
