/* SPDX-License-Identifier: BSD-2-Clause */
/* Which CPUs are in this machine. Possible ones may be many more: a virtual machine is often told
 * of more CPUs than it will ever be given. */
#ifndef SLUICE_EDGE_CPUS_H
#define SLUICE_EDGE_CPUS_H

#include <stdbool.h>

#include "sluice/limits.h"

struct cpus {
	bool is_present[SLUICE_CPUS_MAX];
};

/* Reads a list as the kernel writes it, "0-3,8". Returns how many CPUs it names; -EINVAL. */
int cpus_parse(const char *text, struct cpus *cpus);

/* The CPUs that are here, on or off line; all possible ones when the kernel does not tell. Returns
 * how many, or -errno. */
int cpus_read_present(struct cpus *cpus);

#endif
