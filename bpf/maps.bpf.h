/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The maps of the program. All but the scratch are pinned and outlive the agent; their layout is
 * SLUICE_LAYOUT. Where one entry a CPU is meant, the loader sets max_entries to the possible
 * CPUs. */
#ifndef SLUICE_MAPS_BPF_H
#define SLUICE_MAPS_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#include "packet.bpf.h"
#include "sluice/bpf_config.h"
#include "sluice/ledger.h"

/* What to do: written by the agent only. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sluice_configs);
} sluice_config SEC(".maps");

/* What became of all frames. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sluice_traffic);
} sluice_traffic SEC(".maps");

/* What became of the datagrams of each listener. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SLUICE_LISTENERS_MAX);
	__type(key, __u32);
	__type(value, struct sluice_ledger);
} sluice_ledger SEC(".maps");

/* Events by type, one entry a CPU: a per-CPU array holds no values of this size. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLUICE_CPUS_MAX);
	__type(key, __u32);
	__type(value, struct sluice_types);
} sluice_types SEC(".maps");

/* Which readers sleep, one entry a CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SLUICE_CPUS_MAX);
	__type(key, __u32);
	__type(value, struct sluice_wake);
} sluice_wake SEC(".maps");

/* Only the kind counts; the size, one page of the largest kind, is that of no real ring. */
struct sluice_ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
};

/* One ring for each CPU that is here, filled in by the loader: this CPU alone produces into it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, SLUICE_CPUS_MAX);
	__type(key, __u32);
	__array(values, struct sluice_ring);
} sluice_rings SEC(".maps");

/* The packet at hand, one entry a CPU; of no use to anybody else. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLUICE_CPUS_MAX);
	__type(key, __u32);
	__type(value, struct packet);
} sluice_packet SEC(".maps");

#endif
