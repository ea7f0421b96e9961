/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of the host check share; nobody else includes this. */
#ifndef SLUICE_EDGE_HOST_PARTS_H
#define SLUICE_EDGE_HOST_PARTS_H

#include "edge/host/host.h"

enum host_capability {
	HOST_CAP_NET_ADMIN = 12,
	HOST_CAP_IPC_LOCK = 14,
	HOST_CAP_SYS_ADMIN = 21,
	HOST_CAP_BPF = 39,
};

/* Adds a finding; returns it so that host_fix can follow. Beyond the last it replaces the last. */
struct host_finding *host_note(struct host_report *report, const char *check, enum host_level level,
			       int code, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
void host_fix(struct host_finding *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Whether this process has the capability now. */
bool host_has_capability(enum host_capability capability);

/* First line of a file under /proc or /sys into `out`, without the newline; false when
 * unreadable. */
bool host_read_line(const char *path, char *out, unsigned int room);

/* host_kernel.c */
void host_check_kernel(struct host_report *report);
void host_check_bpf(struct host_report *report);
void host_check_io_uring(struct host_report *report);

/* host_resources.c */
void host_check_memory(const struct host_request *request, struct host_report *report);
void host_check_state_dir(const struct host_request *request, struct host_report *report);

/* host_interface.c */
void host_check_interfaces(const struct host_request *request, struct host_report *report);

/* host_traffic.c */
void host_check_traffic(const struct host_request *request, struct host_report *report);

/* host_agents.c */
void host_check_agents(const struct host_request *request, struct host_report *report);

/* host_features.c: what the driver can do for XDP, as the kernel tells (6.3 and later). */
enum host_xdp_feature {
	HOST_XDP_BASIC = 1 << 0,	/* pass, drop and transmit in the driver */
	HOST_XDP_FRAGMENTS = 1 << 5,	/* packets larger than a page */
};

/* 0 and the bits of enum host_xdp_feature, -ENOTSUP on kernels that do not tell, other -errno. */
int host_read_xdp_features(unsigned int ifindex, __u64 *features);

#endif
