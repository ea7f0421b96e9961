/* SPDX-License-Identifier: BSD-2-Clause */
/* The engine's view of the kernel's side: the configuration compiled for the XDP program, its
 * counters read at once. It attaches nothing and drains nothing. */
#ifndef SLUICE_ENGINE_INTAKE_H
#define SLUICE_ENGINE_INTAKE_H

#include <stdbool.h>

#include "config/config.h"
#include "engine/control/account.h"
#include "sluice/disk_format.h"

struct bpf_loader;
struct worker_ring;

/* Fills `compiled`; the ifindex of listeners is left to the loader. */
void intake_compile(struct sluice_config *compiled, const struct config *config);

/* All counters, frames first. -errno of the loader. */
int intake_read(const struct bpf_loader *loader, __u32 listener_count,
		struct account_kernel *kernel);

/* What rings that nobody drains yet hold, and from it what an earlier agent was handed. Exact as
 * soon as packets pause for some microseconds on all CPUs, else within bounds. -errno of the
 * loader. */
int intake_count_unread(const struct bpf_loader *loader, __u32 listener_count,
			const struct worker_ring *rings, __u32 ring_count,
			struct account_unread *unread);

/* Bytes of the ring of each CPU: listeners share it. */
__u64 intake_ring_bytes(const struct config *config);
/* What may lie in such a ring while its reader sleeps: an eighth, so that the rest lasts until
 * it is awake, and no more than fits a cache. */
__u32 intake_wake_bytes(__u64 ring_bytes);

#endif
