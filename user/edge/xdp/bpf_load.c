/* SPDX-License-Identifier: BSD-2-Clause */
/* Loading: the skeleton with its sizes, the program with maps taken over or new, and a ring for
 * each CPU that is here. What the kernel refuses is said in words; nothing is attached here. */
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "edge/xdp/bpf_state.h"
#include "sluice.skel.h"

/* The first complaint of libbpf, for the text of a failure; start-up is single-threaded. */
static char complaint[256];

static int keep_complaint(enum libbpf_print_level level, const char *format, va_list arguments)
{
	if (level == LIBBPF_WARN && !complaint[0])
		vsnprintf(complaint, sizeof(complaint), format, arguments);
	return 0;
}

int bpf_load_open(struct bpf_loader *loader, char *error)
{
	struct sluice_bpf *skeleton;

	complaint[0] = '\0';
	libbpf_set_print(keep_complaint);
	skeleton = sluice_bpf__open();
	if (!skeleton)
		return bpf_fail(error, -errno, "cannot read the BPF program: %s", complaint);
	loader->skeleton = skeleton;
	bpf_map__set_max_entries(skeleton->maps.sluice_types, loader->cpu_count);
	bpf_map__set_max_entries(skeleton->maps.sluice_wake, loader->cpu_count);
	bpf_map__set_max_entries(skeleton->maps.sluice_rings, loader->cpu_count);
	bpf_map__set_max_entries(skeleton->maps.sluice_packet, loader->cpu_count);
	return 0;
}

static void list_maps(const struct bpf_loader *loader, struct bpf_map *maps[BPF_PIN_COUNT])
{
	maps[BPF_PIN_CONFIG] = loader->skeleton->maps.sluice_config;
	maps[BPF_PIN_TRAFFIC] = loader->skeleton->maps.sluice_traffic;
	maps[BPF_PIN_LEDGER] = loader->skeleton->maps.sluice_ledger;
	maps[BPF_PIN_TYPES] = loader->skeleton->maps.sluice_types;
	maps[BPF_PIN_WAKE] = loader->skeleton->maps.sluice_wake;
	maps[BPF_PIN_RINGS] = loader->skeleton->maps.sluice_rings;
}

static int refuse_load(int code, char *error)
{
	struct utsname host;

	complaint[strcspn(complaint, "\n")] = '\0';
	if (code == -EPERM)
		return bpf_fail(error, code,
				"the kernel refused to load the BPF program: %s; grant "
				"CAP_BPF and CAP_NET_ADMIN (in the initial user namespace)",
				complaint);
	if (code == -ENOMEM)
		return bpf_fail(error, code, "no memory for the BPF maps; make ring_size smaller");
	uname(&host);
	return bpf_fail(error, -ENOTSUP,
			"kernel %s does not take the BPF program: %s (%s); it needs "
			"Linux 6.1 or later with BTF",
			host.release, complaint, strerror(-code));
}

/* With the maps of the agent before, or with new ones. */
int bpf_load_program(struct bpf_loader *loader, char *error)
{
	struct bpf_map *maps[BPF_PIN_COUNT];
	struct bpf_prog_info info = { 0 };
	__u32 info_bytes = sizeof(info);
	int code;

	list_maps(loader, maps);
	for (int i = 0; i < BPF_PIN_COUNT && loader->is_taken_over; i++) {
		code = bpf_map__reuse_fd(maps[i], loader->map_fd[i]);
		if (code)
			return bpf_fail(error, code, "cannot take over %s", bpf_pin_name[i]);
	}
	code = sluice_bpf__load(loader->skeleton);
	if (code)
		return refuse_load(code, error);
	for (int i = 0; i < BPF_PIN_COUNT && !loader->is_taken_over; i++) {
		loader->map_fd[i] = dup(bpf_map__fd(maps[i]));
		if (loader->map_fd[i] < 0)
			return bpf_fail(error, -errno, "too many open files");
	}
	loader->program_fd = bpf_program__fd(loader->skeleton->progs.sluice_xdp);
	if (bpf_obj_get_info_by_fd(loader->program_fd, &info, &info_bytes))
		return bpf_fail(error, -errno, "cannot ask for the program's id: %s",
				strerror(errno));
	loader->program_id = info.id;
	return 0;
}

static int make_ring(struct bpf_loader *loader, __u32 cpu, char *error)
{
	char name[24];
	int code = 0;

	snprintf(name, sizeof(name), "sluice_ring%u", cpu);
	loader->ring_fd[cpu] =
		bpf_map_create(BPF_MAP_TYPE_RINGBUF, name, 0, 0, (__u32)loader->ring_bytes, NULL);
	if (loader->ring_fd[cpu] < 0)
		return bpf_fail(error, -errno,
				"cannot make a ring of %llu bytes for CPU %u: %s; make ring_size "
				"smaller",
				loader->ring_bytes, cpu, strerror(errno));
	if (bpf_map_update_elem(loader->map_fd[BPF_PIN_RINGS], &cpu, &loader->ring_fd[cpu],
				BPF_ANY))
		code = -errno;
	snprintf(name, sizeof(name), "ring_%u", cpu);
	if (!code && loader->is_taken_over)
		code = bpf_pins_set(&loader->pins, name, loader->ring_fd[cpu]);
	return code ? bpf_fail(error, code, "cannot set up %s: %s", name, strerror(-code)) : 0;
}

/* Those that were taken over stay, also of CPUs that are gone: something may wait in them. */
int bpf_load_rings(struct bpf_loader *loader, const struct cpus *cpus, char *error)
{
	for (__u32 cpu = 0; cpu < loader->cpu_count; cpu++) {
		int code = 0;

		if (loader->ring_fd[cpu] < 0 && cpus->is_present[cpu])
			code = make_ring(loader, cpu, error);
		if (code)
			return code;
	}
	return 0;
}
