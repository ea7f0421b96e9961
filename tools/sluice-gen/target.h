/* SPDX-License-Identifier: BSD-2-Clause */
/* Where datagrams go, as this host sees it: names become addresses, and what fits the way there
 * whole becomes a number of events. */
#ifndef SLUICE_GEN_TARGET_H
#define SLUICE_GEN_TARGET_H

#include "options.h"

/* As frame_parse_address, and "HOST:PORT" with a name that the host knows; IPv4 when it has both.
 * -EINVAL. */
int target_find(const char *text, bool *is_v6, __u8 address[16], __u16 *port);

/* The MTU of the way there: of the route to the address, or of the interface for live frames. 0:
 * none is known. */
__u32 target_mtu(const struct options *options);

/* The most events of a datagram that goes unfragmented; 0: not even one. */
__u32 target_events_max(const struct options *options, __u32 mtu);

/* IP fragments never reach a listener: unless the number of events was asked for, no more than fit
 * are sent, else a warning is printed. */
void target_fit(struct options *options);

#endif
