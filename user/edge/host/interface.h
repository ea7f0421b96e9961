/* SPDX-License-Identifier: BSD-2-Clause */
/* What a network interface of this namespace is now: one question to the kernel, one consistent
 * answer. It only looks; it never changes an interface. */
#ifndef SLUICE_EDGE_INTERFACE_H
#define SLUICE_EDGE_INTERFACE_H

#include <stdbool.h>

#include <linux/types.h>

#define INTERFACE_NAME_MAX 16 /* IFNAMSIZ */

enum interface_xdp {
	INTERFACE_XDP_NATIVE,
	INTERFACE_XDP_GENERIC,
	INTERFACE_XDP_HARDWARE,
	INTERFACE_XDP_COUNT
};

struct interface {
	__u32 ifindex;
	__u32 mtu;
	__u16 type; /* ARPHRD_… */
	bool is_up;
	char name[INTERFACE_NAME_MAX]; /* the first one: it may have been found by another */
	__u32 program_id[INTERFACE_XDP_COUNT]; /* XDP programs attached; 0: none */
};

/* By its name, or one of its alternative names. -ENODEV, or the -errno of the question. */
int interface_find_name(const char *name, struct interface *interface);
int interface_find_index(__u32 ifindex, struct interface *interface);

/* Whether its frames start with an Ethernet header, as the XDP program takes for granted. */
bool interface_is_ethernet(const struct interface *interface);
/* The id of any XDP program there; 0: none. */
__u32 interface_program(const struct interface *interface);
bool interface_has_program(const struct interface *interface, __u32 program_id);

#endif
