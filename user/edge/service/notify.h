/* SPDX-License-Identifier: BSD-2-Clause */
/* Tells the service manager how far the agent is (the datagram protocol of sd_notify). Without a
 * manager that asked, nothing happens. */
#ifndef SLUICE_EDGE_NOTIFY_H
#define SLUICE_EDGE_NOTIFY_H

/* `state` is "READY=1", "STOPPING=1", … Never fails visibly: the agent works without a manager. */
void notify_send(const char *state);

#endif
