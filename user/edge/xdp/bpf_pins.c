/* SPDX-License-Identifier: BSD-2-Clause */
/* The pin directory: made in a BPF file system, held by a lock, so that two agents refuse each
 * other; emptied on demand, links detached first. It knows names, not what the maps mean. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/magic.h>

#include "edge/xdp/bpf_state.h"

#define LINK_PREFIX "link_"

const char *const bpf_pin_name[BPF_PIN_COUNT] = {
	[BPF_PIN_CONFIG] = "config", [BPF_PIN_TRAFFIC] = "traffic", [BPF_PIN_LEDGER] = "ledger",
	[BPF_PIN_TYPES] = "types",   [BPF_PIN_WAKE] = "wake",	    [BPF_PIN_RINGS] = "rings",
};

int bpf_fail(char *error, int code, const char *format, ...)
{
	va_list arguments;

	if (error) {
		va_start(arguments, format);
		vsnprintf(error, BPF_LOADER_ERROR_BYTES, format, arguments);
		va_end(arguments);
	}
	return code;
}

static bool is_bpffs(const char *path)
{
	struct statfs info;

	return !statfs(path, &info) && (unsigned long)info.f_type == BPF_FS_MAGIC;
}

static int mount_root(char *error)
{
	int code;

	if (is_bpffs(SLUICE_PIN_ROOT) || !mount("bpf", SLUICE_PIN_ROOT, "bpf", 0, "mode=0700"))
		return 0;
	code = errno;
	if (code == ENOENT || code == ENODEV)
		return bpf_fail(error, -ENOTSUP,
				"this kernel has no BPF file system for %s; "
				"it needs CONFIG_BPF_SYSCALL",
				SLUICE_PIN_ROOT);
	return bpf_fail(error, -ENOENT,
			"no BPF file system at %s and mounting it failed (%s); "
			"mount it as root: mount -t bpf bpf %s",
			SLUICE_PIN_ROOT, strerror(code), SLUICE_PIN_ROOT);
}

/* mkdir -p */
static int make_directories(const char *path)
{
	char part[sizeof(((struct bpf_pins *)0)->path)];

	for (const char *slash = path + 1;; slash++) {
		if (*slash != '/' && *slash)
			continue;
		memcpy(part, path, (size_t)(slash - path));
		part[slash - path] = '\0';
		if (mkdir(part, 0700) && errno != EEXIST && access(part, F_OK))
			return -errno;
		if (!*slash)
			return 0;
	}
}

/* The lock must be on the directory that the path names now: its holder may have removed it. */
static int lock_directory(struct bpf_pins *pins)
{
	struct stat held, named;
	int code;

	pins->directory_fd = open(pins->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (pins->directory_fd < 0)
		return -errno;
	if (flock(pins->directory_fd, LOCK_EX | LOCK_NB))
		code = errno == EWOULDBLOCK ? -EBUSY : -errno;
	else if (fstat(pins->directory_fd, &held) || stat(pins->path, &named) ||
		 held.st_ino != named.st_ino || held.st_dev != named.st_dev)
		code = -EBUSY;
	else
		return 0;
	close(pins->directory_fd);
	pins->directory_fd = -1;
	return code;
}

static int set_path(struct bpf_pins *pins, const char *path)
{
	int length;

	pins->directory_fd = -1;
	length = snprintf(pins->path, sizeof(pins->path), "%s", path ? path : SLUICE_PIN_DIR);
	return length < 2 || (size_t)length >= sizeof(pins->path) || pins->path[0] != '/' ? -EINVAL
											  : 0;
}

int bpf_pins_open(struct bpf_pins *pins, const char *path, char *error)
{
	int code = set_path(pins, path);

	if (code)
		return bpf_fail(error, code, "the pin directory must be an absolute path");
	if (!strncmp(pins->path, SLUICE_PIN_ROOT "/", strlen(SLUICE_PIN_ROOT "/"))) {
		code = mount_root(error);
		if (code)
			return code;
	}
	code = make_directories(pins->path);
	if (code)
		return bpf_fail(error, code, "cannot make %s: %s; run as root or give access to it",
				pins->path, strerror(-code));
	if (!is_bpffs(pins->path))
		return bpf_fail(error, -ENOENT,
				"%s is not in a BPF file system; mount one: "
				"mount -t bpf bpf %s",
				pins->path, SLUICE_PIN_ROOT);
	code = lock_directory(pins);
	if (code == -EBUSY)
		return bpf_fail(error, code,
				"another agent runs: it holds %s; stop it first "
				"(sluice status shows it)",
				pins->path);
	if (code)
		return bpf_fail(error, code, "cannot lock %s: %s", pins->path, strerror(-code));
	return 0;
}

int bpf_pins_open_existing(struct bpf_pins *pins, const char *path)
{
	int code = set_path(pins, path);

	if (code)
		return code;
	if (is_bpffs(pins->path))
		return lock_directory(pins);
	return access(pins->path, F_OK) && errno != ENOENT && errno != ENOTDIR ? -errno : -ENOENT;
}

void bpf_pins_close(struct bpf_pins *pins)
{
	if (pins->directory_fd >= 0)
		close(pins->directory_fd);
	pins->directory_fd = -1;
}

void bpf_pins_path(const struct bpf_pins *pins, const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s", pins->path, name);
}

/* No dots in a BPF file system, and no colons in the name of an interface. */
void bpf_pins_link_name(const char *interface, char name[BPF_LOADER_INTERFACE_MAX + 8])
{
	snprintf(name, BPF_LOADER_INTERFACE_MAX + 8, LINK_PREFIX "%.15s", interface);
	for (char *at = name; *at; at++)
		*at = *at == '.' ? ':' : *at;
}

void bpf_pins_interface_of(const char *link_name, char interface[BPF_LOADER_INTERFACE_MAX])
{
	snprintf(interface, BPF_LOADER_INTERFACE_MAX, "%s", link_name + strlen(LINK_PREFIX));
	for (char *at = interface; *at; at++)
		*at = *at == ':' ? '.' : *at;
}

bool bpf_pins_is_link(const char *name)
{
	return !strncmp(name, LINK_PREFIX, strlen(LINK_PREFIX));
}

int bpf_pins_get(const struct bpf_pins *pins, const char *name)
{
	char path[PATH_MAX];
	int fd;

	bpf_pins_path(pins, name, path);
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

int bpf_pins_set(const struct bpf_pins *pins, const char *name, int fd)
{
	char path[PATH_MAX];

	bpf_pins_path(pins, name, path);
	if (unlink(path) && errno != ENOENT)
		return -errno;
	return bpf_obj_pin(fd, path) ? -errno : 0;
}

int bpf_pins_remove(const struct bpf_pins *pins, const char *name)
{
	char path[PATH_MAX];

	bpf_pins_path(pins, name, path);
	return unlink(path) ? -errno : 0;
}

int bpf_pins_rename(const struct bpf_pins *pins, const char *from, const char *to)
{
	char old[PATH_MAX], new[PATH_MAX];

	bpf_pins_path(pins, from, old);
	bpf_pins_path(pins, to, new);
	return rename(old, new) ? -errno : 0;
}

int bpf_pins_read_text(const struct bpf_pins *pins, const char *name, char *text, size_t room)
{
	char path[PATH_MAX];
	ssize_t bytes;

	bpf_pins_path(pins, name, path);
	bytes = readlink(path, text, room);
	if (bytes < 0 || (size_t)bytes >= room)
		return bytes < 0 ? -errno : -ENAMETOOLONG;
	text[bytes] = '\0';
	return 0;
}

int bpf_pins_write_text(const struct bpf_pins *pins, const char *name, const char *text)
{
	char path[PATH_MAX];

	bpf_pins_path(pins, name, path);
	if (unlink(path) && errno != ENOENT)
		return -errno;
	return symlink(text, path) ? -errno : 0;
}

int bpf_pins_each(const struct bpf_pins *pins, int (*visit)(const char *name, void *context),
		  void *context)
{
	DIR *directory = opendir(pins->path);
	struct dirent *entry;
	int result = 0;

	if (!directory)
		return -errno;
	while (!result && (entry = readdir(directory))) {
		if (entry->d_name[0] != '.')
			result = visit(entry->d_name, context);
	}
	closedir(directory);
	return result;
}

int bpf_pins_detach_link(const struct bpf_pins *pins, const char *name, FILE *report)
{
	char interface[BPF_LOADER_INTERFACE_MAX];
	int fd = bpf_pins_get(pins, name), code;

	if (fd < 0)
		return fd;
	/* A link whose interface is gone says so; its pin goes all the same. */
	bpf_link_detach(fd);
	close(fd);
	code = bpf_pins_remove(pins, name);
	bpf_pins_interface_of(name, interface);
	if (!code && report)
		fprintf(report, "detached from %s\n", interface);
	return code;
}

struct removal {
	const struct bpf_pins *pins;
	FILE *report;
	bool links;
	int count;
	int code;
};

static int remove_one(const char *name, void *context)
{
	struct removal *removal = context;
	int code;

	if (removal->links != bpf_pins_is_link(name))
		return 0;
	if (removal->links)
		code = bpf_pins_detach_link(removal->pins, name, removal->report);
	else
		code = bpf_pins_remove(removal->pins, name);
	if (code)
		removal->code = code;
	else
		removal->count++;
	return 0;
}

int bpf_pins_clear(const struct bpf_pins *pins, FILE *report)
{
	struct removal removal = { .pins = pins, .report = report, .links = true };
	int links;

	bpf_pins_each(pins, remove_one, &removal);
	if (removal.code) /* what stays attached keeps its maps */
		return removal.code;
	links = removal.count;
	removal.links = false;
	bpf_pins_each(pins, remove_one, &removal);
	if (removal.code)
		return removal.code;
	if (report && removal.count > links)
		fprintf(report, "removed %d maps and programs from %s\n", removal.count - links,
			pins->path);
	return removal.count;
}

int bpf_pins_remove_all(const struct bpf_pins *pins, FILE *report)
{
	int count = bpf_pins_clear(pins, report);

	if (count >= 0 && !rmdir(pins->path) && !strcmp(pins->path, SLUICE_PIN_DIR))
		rmdir(SLUICE_PIN_ROOT "/sluice");
	return count;
}

static int stop_at_first(const char *name, void *context)
{
	(void)name;
	(void)context;
	return 1;
}

bool bpf_pins_are_empty(const struct bpf_pins *pins)
{
	return !bpf_pins_each(pins, stop_at_first, NULL);
}
