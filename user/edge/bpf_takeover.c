/* SPDX-License-Identifier: BSD-2-Clause */
/* Decides whether the maps that a dead agent left behind fit this one, and opens them. They fit
 * when every map has the same shape and the listeners are the same ones: the records that wait
 * in the rings and the counters name listeners by number. It changes nothing. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "edge/bpf_state.h"
#include "edge/ring_reader.h"
#include "sluice/ring_record.h"
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

static bool same_listeners(int config_fd, const struct sluice_config *config)
{
	struct sluice_configs *old = malloc(sizeof(*old));
	const struct sluice_config *slot;
	__u32 zero = 0;
	bool same = false;

	if (!old || bpf_map_lookup_elem(config_fd, &zero, old))
		goto out;
	slot = &old->slot[old->generation % 2];
	if (slot->listener_count != config->listener_count)
		goto out;
	same = true;
	for (__u32 i = 0; i < config->listener_count; i++) {
		const struct sluice_listener *was = &slot->listener[i], *is = &config->listener[i];

		same = same && was->port == is->port && was->has_address == is->has_address &&
		       (!is->has_address ||
			!memcmp(was->address, is->address, sizeof(is->address)));
	}
out:
	free(old);
	return same;
}

int bpf_takeover_open(struct bpf_loader *loader, const struct sluice_config *config)
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
	if (!same_listeners(loader->map_fd[BPF_PIN_CONFIG], config))
		return refuse(loader, "%s: other listeners", "config");
	snprintf(loader->takeover_text, sizeof(loader->takeover_text),
		 "took over the maps of the agent before, with what waits in its rings");
	return 1;
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

int bpf_takeover_discard(struct bpf_loader *loader)
{
	struct unread unread = { .pins = &loader->pins };
	size_t length = strlen(loader->takeover_text);
	int code;

	bpf_pins_each(&loader->pins, keep_ring, &unread);
	code = bpf_pins_clear(&loader->pins, NULL);
	/* Detached, but a packet may still be on its way into a ring. */
	bpf_loader_wait_for_packets();
	for (__u32 i = 0; i < unread.count; i++)
		count_unread(unread.fd[i], &loader->discarded);
	snprintf(loader->takeover_text + length, sizeof(loader->takeover_text) - length,
		 "; %llu unread datagrams with %llu events were discarded with them",
		 loader->discarded.datagrams, loader->discarded.events);
	return code < 0 ? code : 0;
}
