/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads the counters of the program: sums over CPUs. Never writes them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "edge/xdp/bpf_state.h"

/* Adds up `words` 64-bit counters of one per-CPU value. */
static int sum_words(int map_fd, __u32 key, __u64 *sum, size_t words)
{
	int cpus = libbpf_num_possible_cpus();
	__u64 *values;

	if (cpus < 0)
		return cpus;
	values = calloc((size_t)cpus * words, sizeof(*values));
	if (!values)
		return -ENOMEM;
	if (bpf_map_lookup_elem(map_fd, &key, values)) {
		int code = -errno;

		free(values);
		return code;
	}
	memset(sum, 0, words * sizeof(*sum));
	for (size_t i = 0; i < (size_t)cpus * words; i++)
		sum[i % words] += values[i];
	free(values);
	return 0;
}

int bpf_loader_read_ledger(const struct bpf_loader *loader, __u32 listener,
			   struct sluice_ledger *sum)
{
	if (listener >= SLUICE_LISTENERS_MAX)
		return -EINVAL;
	return sum_words(loader->map_fd[BPF_PIN_LEDGER], listener, (__u64 *)sum,
			 sizeof(*sum) / sizeof(__u64));
}

int bpf_loader_read_traffic(const struct bpf_loader *loader, struct sluice_traffic *sum)
{
	return sum_words(loader->map_fd[BPF_PIN_TRAFFIC], 0, (__u64 *)sum,
			 sizeof(*sum) / sizeof(__u64));
}

int bpf_loader_read_types(const struct bpf_loader *loader, struct sluice_types *sum)
{
	struct sluice_types *value = malloc(2 * sizeof(*value)), *total = value + 1;
	int code = 0;

	if (!value)
		return -ENOMEM;
	memset(total, 0, sizeof(*total));
	for (__u32 cpu = 0; cpu < loader->cpu_count && !code; cpu++) {
		if (bpf_map_lookup_elem(loader->map_fd[BPF_PIN_TYPES], &cpu, value))
			code = -errno;
		for (int i = 0; i < SLUICE_TYPE_COUNTERS && !code; i++) {
			total->type[i].seen += value->type[i].seen;
			total->type[i].dropped += value->type[i].dropped;
		}
	}
	if (!code)
		*sum = *total;
	free(value);
	return code;
}

__u32 bpf_loader_counters_id(const struct bpf_loader *loader)
{
	struct bpf_map_info info = { 0 };
	__u32 info_bytes = sizeof(info);

	if (bpf_obj_get_info_by_fd(loader->map_fd[BPF_PIN_LEDGER], &info, &info_bytes))
		return 0;
	return info.id;
}
