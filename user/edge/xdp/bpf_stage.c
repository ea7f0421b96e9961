/* SPDX-License-Identifier: BSD-2-Clause */
/* Pins that take the place of others: they stand beside them first, under names of their own; the
 * program is attached; then each is renamed, the program last. So at every moment it can be told
 * which of the two are in force, and an agent that dies in the middle loses neither. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "edge/xdp/bpf_state.h"
#include "edge/xdp/ring_reader.h"
#include "sluice/ring_record.h"

#define STAGED_PROGRAM BPF_STAGE_PREFIX "program"

static int pin(const struct bpf_loader *loader, const char *prefix, const char *name, int fd,
	       char *error)
{
	char full[64];
	int code;

	snprintf(full, sizeof(full), "%s%s", prefix, name);
	code = bpf_pins_set(&loader->pins, full, fd);
	return code ? bpf_fail(error, code, "cannot pin %s/%s: %s", loader->pins.path, full,
			       strerror(-code))
		    : 0;
}

static int pin_texts(const struct bpf_loader *loader, const char *prefix, char *error)
{
	char name[32];
	int code = bpf_listeners_pin(loader, prefix);

	snprintf(name, sizeof(name), "%sowner", prefix);
	if (!code && loader->owner[0])
		code = bpf_pins_write_text(&loader->pins, name, loader->owner);
	return code ? bpf_fail(error, code, "cannot write in %s: %s", loader->pins.path,
			       strerror(-code))
		    : 0;
}

int bpf_stage_pin(const struct bpf_loader *loader, const char *prefix, char *error)
{
	char name[24];
	int code = pin_texts(loader, prefix, error);

	for (int i = 0; !code && i < BPF_PIN_COUNT; i++)
		code = pin(loader, prefix, bpf_pin_name[i], loader->map_fd[i], error);
	for (__u32 cpu = 0; !code && cpu < loader->cpu_count; cpu++) {
		snprintf(name, sizeof(name), "ring_%u", cpu);
		if (loader->ring_fd[cpu] >= 0)
			code = pin(loader, prefix, name, loader->ring_fd[cpu], error);
	}
	return code ? code : pin(loader, prefix, "program", loader->program_fd, error);
}

static bool is_staged(const char *name)
{
	return !strncmp(name, BPF_STAGE_PREFIX, strlen(BPF_STAGE_PREFIX));
}

static int drop_one(const char *name, void *context)
{
	if (is_staged(name))
		bpf_pins_remove(context, name);
	return 0;
}

void bpf_stage_drop(const struct bpf_pins *pins)
{
	bpf_pins_each(pins, drop_one, (void *)(unsigned long)pins);
}

static bool is_there(const struct bpf_pins *pins, const char *name)
{
	char path[PATH_MAX];
	struct stat status;

	bpf_pins_path(pins, name, path);
	return !lstat(path, &status);
}

/* A ring of a CPU that has none now, a listener that is no more. */
static int remove_replaced(const char *name, void *context)
{
	char staged[64];

	if (is_staged(name) || bpf_pins_is_link(name))
		return 0;
	snprintf(staged, sizeof(staged), BPF_STAGE_PREFIX "%.40s", name);
	if (!is_there(context, staged))
		bpf_pins_remove(context, name);
	return 0;
}

static int rename_one(const char *name, void *context)
{
	if (is_staged(name) && strcmp(name, STAGED_PROGRAM) != 0)
		bpf_pins_rename(context, name, name + strlen(BPF_STAGE_PREFIX));
	return 0;
}

static void rename_all(const struct bpf_pins *pins)
{
	bpf_pins_each(pins, rename_one, (void *)(unsigned long)pins);
	bpf_pins_rename(pins, STAGED_PROGRAM, STAGED_PROGRAM + strlen(BPF_STAGE_PREFIX));
}

struct unread {
	const struct bpf_pins *pins;
	int fd[SLUICE_CPUS_MAX];
	__u32 count;
};

static int keep_ring(const char *name, void *context)
{
	struct unread *unread = context;
	int fd = -1;

	if (!strncmp(name, "ring_", 5) && unread->count < SLUICE_CPUS_MAX)
		fd = bpf_pins_get(unread->pins, name);
	if (fd >= 0)
		unread->fd[unread->count++] = fd;
	return 0;
}

static void count_unread(int fd, struct sluice_count *sum)
{
	const struct sluice_record *record;
	struct ring_reader reader;
	size_t bytes;

	if (!ring_reader_open(&reader, fd)) {
		while ((record = ring_reader_next(&reader, &bytes))) {
			sum->datagrams++;
			sum->events += bytes >= sizeof(*record) ? record->kept : 0;
		}
		ring_reader_close(&reader);
	}
	close(fd);
}

int bpf_stage_commit(struct bpf_loader *loader)
{
	struct unread unread = { .pins = &loader->pins };
	size_t length = strlen(loader->takeover_text);

	bpf_pins_each(&loader->pins, keep_ring, &unread);
	bpf_pins_each(&loader->pins, remove_replaced, &loader->pins);
	rename_all(&loader->pins);
	/* Nobody puts anything into the old rings any more, but a packet may be on its way. */
	bpf_loader_wait_for_packets();
	for (__u32 i = 0; i < unread.count; i++)
		count_unread(unread.fd[i], &loader->discarded);
	snprintf(loader->takeover_text + length, sizeof(loader->takeover_text) - length,
		 "; %llu unread datagrams with %llu events were discarded with them",
		 loader->discarded.datagrams, loader->discarded.events);
	loader->is_staged = false;
	return 0;
}

static __u32 program_id_of(int program_fd)
{
	struct bpf_prog_info info = { 0 };
	__u32 info_bytes = sizeof(info);

	return bpf_obj_get_info_by_fd(program_fd, &info, &info_bytes) ? 0 : info.id;
}

struct search {
	const struct bpf_pins *pins;
	__u32 program_id;
};

static int runs_program(const char *name, void *context)
{
	const struct search *search = context;
	bool is_same = false;
	int fd;

	if (!bpf_pins_is_link(name))
		return 0;
	fd = bpf_pins_get(search->pins, name);
	if (fd >= 0) {
		is_same = bpf_attach_look(fd).program_id == search->program_id;
		close(fd);
	}
	return is_same;
}

void bpf_stage_mend(const struct bpf_pins *pins)
{
	struct search search = { .pins = pins };
	int fd = bpf_pins_get(pins, STAGED_PROGRAM);

	if (fd >= 0) {
		search.program_id = program_id_of(fd);
		close(fd);
	}
	if (search.program_id && bpf_pins_each(pins, runs_program, &search) == 1)
		rename_all(pins);
	else
		bpf_stage_drop(pins);
}
