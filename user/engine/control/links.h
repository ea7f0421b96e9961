/* SPDX-License-Identifier: BSD-2-Clause */
/* The interfaces of the listeners while the agent runs. They are looked at when the kernel tells of
 * a change, and once a second: the loader repairs what differs from what is wanted, and here it is
 * logged, and noted from when to when nobody took datagrams in. */
#ifndef SLUICE_ENGINE_LINKS_H
#define SLUICE_ENGINE_LINKS_H

#include <stdbool.h>

#include "edge/xdp/bpf_loader.h"
#include "edge/service/netlink.h"

/* Times are CLOCK_BOOTTIME. */
struct links_attendance {
	bool is_attended; /* our program is on the interface that the listener means */
	__u32 ifindex; /* of that interface; 0 while not attended */
	/* Of the bpf_link; 0 while not attended. The same id on the same ifindex, seen by two
	 * processes of one boot: it was attached all the time between. */
	__u32 link_id;
	__u64 attached_ns; /* when it was attached, or taken over from the agent before */
	__u64 known_ns; /* the last moment at which it was seen attached; 0: not yet */
};

/* A stretch in which nobody took in what came to a listener, told when it has ended. */
struct links_gap {
	__u32 listener;
	__u64 from_ns; /* last moment at which it was seen attached; 0: not in this process */
	__u64 to_ns; /* when it was attached again */
};

struct links_interface {
	struct bpf_loader_interface state; /* as it was found last */
	__u64 removals;
	__u64 detachments; /* by somebody else */
	__u64 attached_ns, known_ns;
	char problem[BPF_LOADER_ERROR_BYTES]; /* why it is not attached; "" when it is */
};

struct links {
	__u32 count;
	__u32 listener_count;
	/* One more, of listeners that are not configured any more. */
	struct links_interface interface[SLUICE_LISTENERS_MAX + 1];
	__u32 interface_of[SLUICE_LISTENERS_MAX]; /* of a listener, by number */
	struct links_gap gap[SLUICE_LISTENERS_MAX]; /* of a listener; to_ns 0: none to tell */
};

/* After bpf_loader_attach(): notes and logs how the interfaces of the listeners are. */
void links_open(struct links *links, struct bpf_loader *loader);
/* Looks at every interface and mends what is not as it should be. */
void links_reconcile(struct links *links, struct bpf_loader *loader);
/* The same if the kernel has told of any change of interfaces. */
void links_serve(struct links *links, struct netlink *netlink, struct bpf_loader *loader);
/* Of a listener, by its number, as all that follows. */
const struct links_interface *links_of(const struct links *links, __u32 listener);
/* Interfaces on which nobody takes datagrams in now. */
__u32 links_unattended(const struct links *links);

/* Whether somebody has detached our program from an interface that is there, and it could not be
 * attached again. */
bool links_are_taken(const struct links *links);

/* As of the last look: at most a second ago, or when links_reconcile() was last called. */
void links_attended(const struct links *links, __u32 listener, struct links_attendance *attendance);
/* Takes the next gap that has ended; false when there is none. Gaps of one listener that were not
 * taken in time become one. While a gap lasts, links_attended() tells of it. */
bool links_next_gap(struct links *links, struct links_gap *gap);

#endif
