/* SPDX-License-Identifier: BSD-2-Clause */
/* Decides whether the maps that a dead agent left behind are this one's and fit, and opens them.
 * They fit when every map has the same shape and the listeners can have the numbers that records
 * and counters know them by. It changes nothing. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "edge/xdp/bpf_state.h"
#include "edge/xdp/ring_reader.h"
#include "sluice.skel.h"

static void close_all(struct bpf_loader *loader)
{
	for (int i = 0; i < BPF_PIN_COUNT; i++) {
		if (loader->map_fd[i] >= 0)
			close(loader->map_fd[i]);
		loader->map_fd[i] = -1;
	}
	for (__u32 cpu = 0; cpu < loader->cpu_count; cpu++) {
		if (loader->ring_fd[cpu] >= 0)
			close(loader->ring_fd[cpu]);
		loader->ring_fd[cpu] = -1;
	}
}

static int refuse(struct bpf_loader *loader, const char *format, const char *name)
{
	int length = snprintf(loader->takeover_text, sizeof(loader->takeover_text),
			      "made new maps: those left behind do not fit (");

	snprintf(loader->takeover_text + length, sizeof(loader->takeover_text) - (size_t)length,
		 format, name);
	strncat(loader->takeover_text, ")",
		sizeof(loader->takeover_text) - strlen(loader->takeover_text) - 1);
	close_all(loader);
	loader->listener_count = 0;
	return 0;
}

static bool has_shape(int fd, const struct bpf_map *map)
{
	struct bpf_map_info info = { 0 };
	__u32 info_bytes = sizeof(info);

	return !bpf_obj_get_info_by_fd(fd, &info, &info_bytes) &&
	       info.type == (__u32)bpf_map__type(map) && info.key_size == bpf_map__key_size(map) &&
	       info.value_size == bpf_map__value_size(map) &&
	       info.max_entries == bpf_map__max_entries(map) &&
	       info.map_flags == bpf_map__map_flags(map);
}

static bool is_ring(int fd, __u64 ring_bytes)
{
	struct bpf_map_info info = { 0 };
	__u32 info_bytes = sizeof(info);
	struct ring_reader reader;

	if (bpf_obj_get_info_by_fd(fd, &info, &info_bytes) || info.type != BPF_MAP_TYPE_RINGBUF ||
	    info.max_entries != ring_bytes || ring_reader_open(&reader, fd))
		return false;
	ring_reader_close(&reader);
	return true;
}

/* Without texts beside the maps, as an earlier version left them: the same places, in order. */
static bool same_places(const struct bpf_loader *loader, const struct bpf_listener *wanted,
			__u32 count)
{
	struct sluice_configs *old = malloc(sizeof(*old));
	const struct sluice_config *slot;
	__u32 zero = 0;
	bool same = false;

	if (!old || bpf_map_lookup_elem(loader->map_fd[BPF_PIN_CONFIG], &zero, old))
		goto out;
	slot = &old->slot[old->generation % 2];
	same = slot->listener_count == count;
	for (__u32 i = 0; same && i < count; i++) {
		const struct sluice_listener *was = &slot->listener[i];

		same = was->port == wanted[i].port && was->has_address == wanted[i].has_address &&
		       (!was->has_address ||
			!memcmp(was->address, wanted[i].address, sizeof(was->address)));
	}
out:
	free(old);
	return same;
}

/* Every listener gets its number; false when that is not possible. */
static bool number_listeners(struct bpf_loader *loader, const struct bpf_listener *wanted,
			     __u32 count)
{
	loader->listener_count = bpf_listeners_read(&loader->pins, loader->listener);
	if (!loader->listener_count && !same_places(loader, wanted, count))
		return false;
	return !bpf_listeners_assign(loader, wanted, count);
}

int bpf_takeover_open(struct bpf_loader *loader, const struct bpf_listener *wanted, __u32 count)
{
	const struct bpf_map *const maps[BPF_PIN_COUNT] = {
		[BPF_PIN_CONFIG] = loader->skeleton->maps.sluice_config,
		[BPF_PIN_TRAFFIC] = loader->skeleton->maps.sluice_traffic,
		[BPF_PIN_LEDGER] = loader->skeleton->maps.sluice_ledger,
		[BPF_PIN_TYPES] = loader->skeleton->maps.sluice_types,
		[BPF_PIN_WAKE] = loader->skeleton->maps.sluice_wake,
		[BPF_PIN_RINGS] = loader->skeleton->maps.sluice_rings,
	};
	char name[32];

	for (int i = 0; i < BPF_PIN_COUNT; i++) {
		loader->map_fd[i] = bpf_pins_get(&loader->pins, bpf_pin_name[i]);
		if (loader->map_fd[i] == -EACCES || loader->map_fd[i] == -EPERM)
			return refuse(loader, "may not open %s", bpf_pin_name[i]);
		if (loader->map_fd[i] < 0)
			return refuse(loader, "%s is missing", bpf_pin_name[i]);
		if (!has_shape(loader->map_fd[i], maps[i]))
			return refuse(loader, "%s has another shape", bpf_pin_name[i]);
	}
	for (__u32 cpu = 0; cpu < loader->cpu_count; cpu++) {
		snprintf(name, sizeof(name), "ring_%u", cpu);
		loader->ring_fd[cpu] = bpf_pins_get(&loader->pins, name);
		if (loader->ring_fd[cpu] == -ENOENT)
			continue; /* that CPU was not here */
		if (loader->ring_fd[cpu] < 0 || !is_ring(loader->ring_fd[cpu], loader->ring_bytes))
			return refuse(loader, "%s is of another size or damaged", name);
	}
	if (!number_listeners(loader, wanted, count))
		return refuse(loader, "%s: other listeners", "config");
	snprintf(loader->takeover_text, sizeof(loader->takeover_text),
		 "took over the maps of the agent before, with what waits in its rings");
	return 1;
}

struct stranger {
	const struct bpf_loader *loader;
	struct bpf_link_view view;
};

/* Attached, but to nothing of this namespace. */
static int is_elsewhere(const char *name, void *context)
{
	struct stranger *stranger = context;
	struct interface here;
	int fd;

	if (!bpf_pins_is_link(name))
		return 0;
	fd = bpf_pins_get(&stranger->loader->pins, name);
	if (fd < 0)
		return 0;
	stranger->view = bpf_attach_look(fd);
	close(fd);
	return stranger->view.ifindex && (interface_find_index(stranger->view.ifindex, &here) ||
					  !interface_has_program(&here, stranger->view.program_id));
}

int bpf_takeover_check_owner(const struct bpf_loader *loader, char *error)
{
	struct stranger stranger = { .loader = loader };
	char owner[BPF_LOADER_OWNER_MAX];

	if (!loader->owner[0] || bpf_pins_read_text(&loader->pins, "owner", owner, sizeof(owner)) ||
	    !strcmp(owner, loader->owner) ||
	    bpf_pins_each(&loader->pins, is_elsewhere, &stranger) != 1)
		return 0;
	return bpf_fail(error, -EADDRINUSE,
			"%s belongs to the agent %.8s…, whose program is attached in another "
			"network namespace (to ifindex %u there); start that agent again, or end "
			"it with: sluice detach, or give this one a BPF file system of its own",
			loader->pins.path, owner, stranger.view.ifindex);
}
