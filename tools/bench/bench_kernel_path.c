/* SPDX-License-Identifier: BSD-2-Clause */
/* bench_kernel_path PROGRAM INTERFACE: attaches an XDP program and drains its rings without looking
 * at what is in them, until SIGTERM; then prints one JSON object of counts. PROGRAM is bare
 * (hand-over alone), types (and each record's type counted), drop (nothing handed over) or sluice
 * (the real one), with sluice:PERCENT that share of 100 types dropped by rules, or unchecked (the
 * real one, but for UDP checksums). What differs between them is the price of the stages. */
#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "edge/xdp/bpf_loader.h"
#include "edge/xdp/ring_reader.h"
#include "engine/worker/worker.h"
#include "report.h"
#include "yardstick.skel.h"

#define PORT 9125
#define RING_BYTES (16u << 20)
#define RELEASE_BYTES WORKER_TURN_BYTES
#define TYPES 100
#define STAGE_DROP 2 /* of the yardstick */
#define PAUSE_NS 10000000

struct path {
	struct yardstick_bpf *yardstick;
	struct bpf_link *link;
	struct bpf_loader *loader;
	int ring_fd[SLUICE_CPUS_MAX];
	struct ring_reader reader[SLUICE_CPUS_MAX];
	__u32 ring_count;
	bool is_dropping;
	__u64 consumed;
	__u64 first_ns, last_ns; /* when the first and the last record was there */
};

static volatile sig_atomic_t is_stopping;

static void stop(int number)
{
	(void)number;
	is_stopping = 1;
}

static int open_yardstick_rings(struct path *path)
{
	int rings_fd = bpf_map__fd(path->yardstick->maps.yardstick_rings);

	for (__u32 cpu = 0; cpu < path->ring_count; cpu++) {
		int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "yardstick_ring", 0, 0, RING_BYTES,
					NULL);

		if (fd < 0)
			return fd;
		path->ring_fd[cpu] = fd;
		if (bpf_map_update_elem(rings_fd, &cpu, &fd, BPF_ANY))
			return -errno;
	}
	return 0;
}

static int open_yardstick(struct path *path, const char *interface, __u32 stage)
{
	int err;

	path->ring_count = (__u32)libbpf_num_possible_cpus();
	path->is_dropping = stage == STAGE_DROP;
	path->yardstick = yardstick_bpf__open();
	if (!path->yardstick)
		return -errno;
	path->yardstick->rodata->stage = stage;
	path->yardstick->rodata->port = PORT;
	err = yardstick_bpf__load(path->yardstick);
	if (!err)
		err = open_yardstick_rings(path);
	if (err)
		return err;
	path->link = bpf_program__attach_xdp(path->yardstick->progs.yardstick,
					     (int)if_nametoindex(interface));
	return path->link ? 0 : -errno;
}

static int open_sluice(struct path *path, const char *interface, unsigned int dropped_percent,
		       bool is_unchecked)
{
	struct sluice_config *config = calloc(1, sizeof(*config));
	struct bpf_loader_listener listener = { .mode = BPF_LOADER_NATIVE };
	struct bpf_loader_options options = {
		.listeners = &listener,
		.config = config,
		.ring_bytes = RING_BYTES,
	};
	char error[BPF_LOADER_ERROR_BYTES] = "";
	int err = config ? 0 : -ENOMEM;

	snprintf(listener.interface, sizeof(listener.interface), "%s", interface);
	if (!err) {
		config->listener_count = 1;
		config->listener[0].port = PORT;
		config->listener[0].is_unchecked = is_unchecked;
		config->has_rules = dropped_percent > 0;
		/* The generator's types are 1 … TYPES. */
		for (unsigned int type = 1; type <= dropped_percent * TYPES / 100; type++)
			config->type_rule[type] = SLUICE_RULE_DROP;
		err = bpf_loader_open(&path->loader, &options, error);
	}
	if (!err)
		err = bpf_loader_attach(path->loader, error);
	if (err)
		fprintf(stderr, "bench_kernel_path: %s\n", error);
	free(config);
	if (err)
		return err;
	path->ring_count = bpf_loader_cpu_count(path->loader);
	for (__u32 cpu = 0; cpu < path->ring_count; cpu++)
		path->ring_fd[cpu] = bpf_loader_ring_fd(path->loader, cpu);
	return 0;
}

/* Takes what waits in one ring, at most RELEASE_BYTES; returns whether there was anything. */
static bool drain(struct path *path, struct ring_reader *reader)
{
	__u64 end = ring_reader_position(reader) + RELEASE_BYTES, count = 0;
	size_t bytes;

	while (ring_reader_position(reader) < end && ring_reader_next(reader, &bytes))
		count++;
	if (!count)
		return false;
	ring_reader_release(reader);
	path->last_ns = report_wall_ns();
	if (!path->consumed)
		path->first_ns = path->last_ns;
	path->consumed += count;
	return true;
}

static int run(struct path *path)
{
	for (__u32 cpu = 0; cpu < path->ring_count; cpu++) {
		int err = path->ring_fd[cpu] < 0
				  ? 0
				  : ring_reader_open(&path->reader[cpu], path->ring_fd[cpu]);

		if (err)
			return err;
	}
	puts("ready");
	fflush(stdout);
	/* Where all is dropped nothing comes, and looking for it could slow the sender down: two
	 * CPUs may be one core. */
	while (!is_stopping && path->is_dropping)
		nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
	while (!is_stopping)
		for (__u32 cpu = 0; cpu < path->ring_count; cpu++)
			if (path->ring_fd[cpu] >= 0)
				drain(path, &path->reader[cpu]);
	return 0;
}

/* Sums of all CPUs: datagrams seen, events seen, datagrams that found the ring full. */
static void count(const struct path *path, __u64 *seen, __u64 *events, __u64 *ring_full)
{
	struct sluice_ledger ledger = { 0 };
	struct yardstick_bpf *yardstick = path->yardstick;
	size_t value_bytes;
	__u64 *values;
	__u32 zero = 0;

	*seen = *events = *ring_full = 0;
	if (path->loader) {
		bpf_loader_read_ledger(path->loader, 0, &ledger);
		*seen = ledger.seen.datagrams;
		*events = ledger.seen.events;
		*ring_full = ledger.ring_full.datagrams;
		return;
	}
	value_bytes = bpf_map__value_size(yardstick->maps.yardstick_count);
	values = calloc(path->ring_count, value_bytes);
	if (values &&
	    !bpf_map_lookup_elem(bpf_map__fd(yardstick->maps.yardstick_count), &zero, values)) {
		for (__u32 cpu = 0; cpu < path->ring_count; cpu++) {
			const __u64 *of_cpu = values + cpu * (value_bytes / sizeof(*values));

			*seen += of_cpu[0];
			*events += of_cpu[1];
			*ring_full += of_cpu[2];
		}
	}
	free(values);
}

static void print(const struct path *path, const char *program)
{
	__u64 seen, events, ring_full;

	count(path, &seen, &events, &ring_full);
	printf("{\"program\":\"%s\",\"seen\":%llu,\"events\":%llu,\"ring_full\":%llu,"
	       "\"consumed\":%llu,\"seconds\":%.6f}\n",
	       program, seen, events, ring_full, path->consumed,
	       (double)(path->last_ns - path->first_ns) / 1e9);
}

static void close_path(struct path *path)
{
	for (__u32 cpu = 0; cpu < path->ring_count; cpu++)
		ring_reader_close(&path->reader[cpu]);
	bpf_link__destroy(path->link);
	yardstick_bpf__destroy(path->yardstick);
	if (path->loader) {
		bpf_loader_stop(path->loader);
		bpf_loader_unpin(path->loader);
		bpf_loader_close(path->loader);
	}
}

static int open_path(struct path *path, const char *program, const char *interface)
{
	unsigned int percent = 0;

	if (!strcmp(program, "bare"))
		return open_yardstick(path, interface, 0);
	if (!strcmp(program, "types"))
		return open_yardstick(path, interface, 1);
	if (!strcmp(program, "drop"))
		return open_yardstick(path, interface, STAGE_DROP);
	if (!strcmp(program, "sluice") ||
	    (sscanf(program, "sluice:%3u", &percent) == 1 && percent <= 100))
		return open_sluice(path, interface, percent, false);
	if (!strcmp(program, "unchecked"))
		return open_sluice(path, interface, 0, true);
	return -EINVAL;
}

int main(int argc, char **argv)
{
	static struct path path;
	int err;

	if (argc != 3) {
		fprintf(stderr,
			"usage: bench_kernel_path "
			"bare|types|drop|unchecked|sluice[:PERCENT] INTERFACE\n");
		return 64;
	}
	sigaction(SIGTERM, &(struct sigaction){ .sa_handler = stop }, NULL);
	err = open_path(&path, argv[1], argv[2]);
	if (!err)
		err = run(&path);
	if (!err)
		print(&path, argv[1]);
	close_path(&path);
	if (err)
		fprintf(stderr, "bench_kernel_path: %s: %s\n", argv[1], strerror(-err));
	return err ? 1 : 0;
}
