/* SPDX-License-Identifier: BSD-2-Clause */
/* What the network stack of this namespace says of UDP: datagrams that came past every XDP program,
 * by loopback for one, and found no socket. */
#ifndef SLUICE_EDGE_UDP_STACK_H
#define SLUICE_EDGE_UDP_STACK_H

#include <linux/types.h>

/* IPv4 and IPv6 together, since the namespace was made; 0 where it cannot be read. */
__u64 udp_stack_unclaimed(void);

#endif
