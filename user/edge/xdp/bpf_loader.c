/* SPDX-License-Identifier: BSD-2-Clause */
/* The ladder that brings the program and its maps up: options, pins, skeleton, maps taken over
 * or new, shared memory, configuration; and the same ladder down. Attaching and reading have
 * their own files. */
#include <errno.h>
#include <linux/capability.h>
#include <linux/membarrier.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "edge/xdp/bpf_state.h"
#include "sluice.skel.h"

#define WAKE_BYTES_DEFAULT (256 * 1024)

static bool has_capability(unsigned int capability)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &header, data))
		return true;
	return data[capability / 32].effective & 1u << capability % 32;
}

static int check_capabilities(char *error)
{
	if (!has_capability(CAP_BPF) && !has_capability(CAP_SYS_ADMIN))
		return bpf_fail(error, -EPERM,
				"CAP_BPF is missing; run as root or grant CAP_BPF and "
				"CAP_NET_ADMIN");
	if (!has_capability(CAP_NET_ADMIN))
		return bpf_fail(error, -EPERM,
				"CAP_NET_ADMIN is missing; run as root or grant CAP_BPF "
				"and CAP_NET_ADMIN");
	return 0;
}

static int check_options(struct bpf_loader *loader, const struct bpf_loader_options *options,
			 char *error)
{
	int cpus = libbpf_num_possible_cpus();

	if (cpus < 1 || cpus > SLUICE_CPUS_MAX)
		return bpf_fail(error, -ENOTSUP, "%d possible CPUs; from 1 to %d are supported",
				cpus, SLUICE_CPUS_MAX);
	loader->cpu_count = (__u32)cpus;
	loader->page_bytes = (__u32)sysconf(_SC_PAGESIZE);
	loader->ring_bytes = options->ring_bytes;
	if (!loader->ring_bytes || loader->ring_bytes & (loader->ring_bytes - 1) ||
	    loader->ring_bytes % loader->page_bytes || loader->ring_bytes > SLUICE_RING_BYTES_MAX)
		return bpf_fail(error, -EINVAL,
				"ring size %llu is no power of two from %u to %u bytes",
				loader->ring_bytes, loader->page_bytes, SLUICE_RING_BYTES_MAX);
	if (options->owner)
		snprintf(loader->owner, sizeof(loader->owner), "%s", options->owner);
	loader->ring_fd = malloc(loader->cpu_count * sizeof(*loader->ring_fd));
	if (!loader->ring_fd)
		return bpf_fail(error, -ENOMEM, "out of memory");
	for (__u32 cpu = 0; cpu < loader->cpu_count; cpu++)
		loader->ring_fd[cpu] = -1;
	return 0;
}

static size_t shared_bytes(const struct bpf_loader *loader, size_t bytes)
{
	return (bytes + loader->page_bytes - 1) / loader->page_bytes * loader->page_bytes;
}

static void *share(const struct bpf_loader *loader, enum bpf_pin map, size_t bytes)
{
	void *shared = mmap(NULL, shared_bytes(loader, bytes), PROT_READ | PROT_WRITE, MAP_SHARED,
			    loader->map_fd[map], 0);

	return shared == MAP_FAILED ? NULL : shared;
}

static int share_memory(struct bpf_loader *loader, __u32 wake_bytes, char *error)
{
	loader->configs = share(loader, BPF_PIN_CONFIG, sizeof(*loader->configs));
	loader->wake = share(loader, BPF_PIN_WAKE, loader->cpu_count * sizeof(*loader->wake));
	if (!loader->configs || !loader->wake)
		return bpf_fail(error, -errno, "cannot share memory with the program: %s",
				strerror(errno));
	if (!wake_bytes)
		wake_bytes = loader->ring_bytes / 8 < WAKE_BYTES_DEFAULT
				     ? (__u32)(loader->ring_bytes / 8)
				     : WAKE_BYTES_DEFAULT;
	loader->configs->wake_bytes = wake_bytes;
	for (__u32 cpu = 0; cpu < loader->cpu_count; cpu++)
		loader->wake[cpu].is_sleeping = 0;
	return 0;
}

static int take_over_or_stage(struct bpf_loader *loader, const struct bpf_listener *wanted,
			      __u32 count, char *error)
{
	int code;

	if (bpf_pins_are_empty(&loader->pins)) {
		loader->is_fresh = true;
		snprintf(loader->takeover_text, sizeof(loader->takeover_text), "made new maps");
		return bpf_listeners_assign(loader, wanted, count);
	}
	code = bpf_takeover_check_owner(loader, error);
	if (code)
		return code;
	bpf_stage_mend(&loader->pins);
	loader->is_taken_over = bpf_takeover_open(loader, wanted, count);
	if (loader->is_taken_over)
		return 0;
	loader->is_staged = true;
	return bpf_listeners_assign(loader, wanted, count);
}

/* As given, listeners by number; of retired ones nothing is taken in. */
static int keep_config(struct bpf_loader *loader, const struct sluice_config *config)
{
	loader->config = malloc(sizeof(*loader->config));
	if (!loader->config)
		return -ENOMEM;
	*loader->config = *config;
	loader->config->listener_count = loader->listener_count;
	for (__u32 i = 0; i < loader->listener_count; i++) {
		int index = loader->listener[i].config_index;

		loader->config->listener[i] = index == BPF_LISTENER_RETIRED
						      ? (struct sluice_listener){ 0 }
						      : config->listener[index];
	}
	return 0;
}

/* What is new is in force at once; what was taken over goes on as it was, until attaching. */
static int begin(struct bpf_loader *loader, char *error)
{
	int code;

	if (loader->is_taken_over)
		return 0;
	code = bpf_loader_set_config(loader, loader->config);
	return code || loader->is_staged ? code : bpf_stage_pin(loader, "", error);
}

static int open_rings(struct bpf_loader *loader, const struct cpus *wanted, char *error)
{
	struct cpus present;
	int count = wanted ? 1 : cpus_read_present(&present);

	if (count < 0)
		return bpf_fail(error, count, "cannot tell which CPUs are here: %s",
				strerror(-count));
	return bpf_load_rings(loader, wanted ? wanted : &present, error);
}

int bpf_loader_open(struct bpf_loader **opened, const struct bpf_loader_options *options,
		    char *error)
{
	struct bpf_loader *loader = calloc(1, sizeof(*loader));
	struct bpf_listener wanted[SLUICE_LISTENERS_MAX];
	int code;

	if (!loader)
		return bpf_fail(error, -ENOMEM, "out of memory");
	loader->pins.directory_fd = -1;
	loader->program_fd = -1;
	for (int i = 0; i < BPF_PIN_COUNT; i++)
		loader->map_fd[i] = -1;
	for (int i = 0; i < SLUICE_LISTENERS_MAX; i++)
		loader->link[i].link_fd = -1;

	code = check_capabilities(error);
	if (!code)
		code = check_options(loader, options, error);
	if (!code)
		code = bpf_listeners_list(loader, options, wanted, error);
	if (!code)
		code = bpf_pins_open(&loader->pins, options->pin_dir, error);
	if (!code)
		code = bpf_load_open(loader, error);
	if (!code)
		code = take_over_or_stage(loader, wanted, options->config->listener_count, error);
	if (!code)
		code = keep_config(loader, options->config);
	if (!code)
		code = bpf_load_program(loader, error);
	if (!code)
		code = open_rings(loader, options->cpus, error);
	if (!code)
		code = share_memory(loader, options->wake_bytes, error);
	if (!code)
		code = begin(loader, error);
	if (code) {
		bpf_loader_abandon(loader);
		bpf_loader_close(loader);
		return code;
	}
	*opened = loader;
	return 0;
}

void bpf_loader_abandon(struct bpf_loader *loader)
{
	if (loader->is_staged)
		bpf_stage_drop(&loader->pins);
	if (!loader->is_fresh)
		return;
	bpf_loader_stop(loader);
	bpf_pins_remove_all(&loader->pins, NULL);
}

void bpf_loader_close(struct bpf_loader *loader)
{
	if (!loader)
		return;
	for (__u32 i = 0; i < loader->link_count; i++) {
		if (loader->link[i].link_fd >= 0)
			close(loader->link[i].link_fd);
	}
	if (loader->wake)
		munmap(loader->wake,
		       shared_bytes(loader, loader->cpu_count * sizeof(*loader->wake)));
	if (loader->configs)
		munmap(loader->configs, shared_bytes(loader, sizeof(*loader->configs)));
	for (__u32 cpu = 0; loader->ring_fd && cpu < loader->cpu_count; cpu++) {
		if (loader->ring_fd[cpu] >= 0)
			close(loader->ring_fd[cpu]);
	}
	for (int i = 0; i < BPF_PIN_COUNT; i++) {
		if (loader->map_fd[i] >= 0)
			close(loader->map_fd[i]);
	}
	if (loader->skeleton)
		sluice_bpf__destroy(loader->skeleton);
	bpf_pins_close(&loader->pins);
	free(loader->ring_fd);
	free(loader->config);
	free(loader);
}

int bpf_loader_unpin(struct bpf_loader *loader)
{
	int code = bpf_pins_remove_all(&loader->pins, NULL);

	return code < 0 ? code : 0;
}

void bpf_loader_wait_for_packets(void)
{
	const struct timespec pause = { .tv_nsec = 50000000 };

	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		nanosleep(&pause, NULL);
}

static struct sluice_config *free_slot(struct bpf_loader *loader)
{
	return &loader->configs->slot[(loader->configs->generation + 1) % 2];
}

static void flip(struct bpf_loader *loader)
{
	__atomic_store_n(&loader->configs->generation, loader->configs->generation + 1,
			 __ATOMIC_SEQ_CST);
	bpf_loader_wait_for_packets();
}

void bpf_loader_put_config(struct bpf_loader *loader, const struct sluice_config *config)
{
	*free_slot(loader) = *config;
	flip(loader);
}

int bpf_loader_set_config(struct bpf_loader *loader, const struct sluice_config *config)
{
	struct sluice_config *slot = free_slot(loader);

	if (config->listener_count != loader->listener_count)
		return -EINVAL;
	*slot = *config;
	for (__u32 i = 0; i < loader->listener_count; i++) {
		const struct bpf_link_state *link = &loader->link[loader->listener[i].link];

		if (loader->listener[i].config_index == BPF_LISTENER_RETIRED)
			continue;
		slot->listener[i].ifindex = link->ifindex;
		slot->listener[i].is_generic = link->mode == BPF_LOADER_GENERIC;
	}
	flip(loader);
	return 0;
}

bool bpf_loader_is_taken_over(const struct bpf_loader *loader)
{
	return loader->is_taken_over;
}

const char *bpf_loader_takeover_text(const struct bpf_loader *loader)
{
	return loader->takeover_text;
}

struct sluice_count bpf_loader_discarded(const struct bpf_loader *loader)
{
	return loader->discarded;
}

__u32 bpf_loader_cpu_count(const struct bpf_loader *loader)
{
	return loader->cpu_count;
}

int bpf_loader_ring_fd(const struct bpf_loader *loader, __u32 cpu)
{
	return cpu < loader->cpu_count ? loader->ring_fd[cpu] : -1;
}

__u64 bpf_loader_ring_bytes(const struct bpf_loader *loader)
{
	return loader->ring_bytes;
}

struct sluice_wake *bpf_loader_wake(struct bpf_loader *loader)
{
	return loader->wake;
}

int bpf_loader_program_fd(const struct bpf_loader *loader)
{
	return loader->program_fd;
}
