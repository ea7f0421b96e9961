/* SPDX-License-Identifier: BSD-2-Clause */
/* The interfaces of the listeners while the agent runs: what happens to them is logged once, and
 * when a removed one comes back under its name, the program is attached again. */
#ifndef SLUICE_ENGINE_LINKS_H
#define SLUICE_ENGINE_LINKS_H

#include <stdbool.h>

#include "config/config.h"
#include "edge/netlink.h"

struct bpf_loader;

struct links_interface {
	char name[CONFIG_INTERFACE_MAX];	/* as configured */
	char now[CONFIG_INTERFACE_MAX];		/* after a renaming */
	__u32 ifindex;
	__u32 mtu;
	bool is_up;
	bool is_gone;
	__u64 removals;
};

struct links {
	__u32 count;
	struct links_interface interface[SLUICE_LISTENERS_MAX];
};

/* The distinct interfaces of the configuration, as they are now. */
void links_open(struct links *links, const struct config *config);
/* Handles every event there is. */
void links_serve(struct links *links, struct netlink *netlink, struct bpf_loader *loader);
/* NULL when no listener uses it. */
const struct links_interface *links_find(const struct links *links, const char *name);

#endif
