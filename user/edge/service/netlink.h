/* SPDX-License-Identifier: BSD-2-Clause */
/* What happens to the network interfaces of this namespace: link messages of the kernel come in,
 * one event at a time goes out. It only listens; it never changes an interface. */
#ifndef SLUICE_EDGE_NETLINK_H
#define SLUICE_EDGE_NETLINK_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

#define NETLINK_INTERFACE_MAX 16	/* IFNAMSIZ */
#define NETLINK_BUFFER_BYTES 32768

enum netlink_kind {
	NETLINK_PRESENT,	/* new or changed: is_up and mtu say how it is now */
	NETLINK_REMOVED,	/* deleted, or moved to another namespace */
	NETLINK_OVERRUN,	/* messages were lost: look at everything again */
};

struct netlink_event {
	enum netlink_kind kind;
	__u32 ifindex;
	__u32 mtu;		/* 0: not told */
	bool is_up;
	char name[NETLINK_INTERFACE_MAX];
};

struct netlink {
	int fd;			/* for poll; −1 when closed */
	size_t fill;		/* bytes of the datagram being read */
	size_t position;
	_Alignas(8) unsigned char buffer[NETLINK_BUFFER_BYTES];
};

/* Listens from now on. -errno. */
int netlink_open(struct netlink *netlink);
void netlink_close(struct netlink *netlink);

/* The next event without waiting: 1, 0 when there is none, -errno. */
int netlink_next(struct netlink *netlink, struct netlink_event *event);
/* Forgets all that have come. */
void netlink_drop(struct netlink *netlink);

#endif
