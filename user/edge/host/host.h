/* SPDX-License-Identifier: BSD-2-Clause */
/* What this host has and lacks for a configuration: findings come out, each with the command that
 * mends it. Probes load nothing that stays, attach nothing and change nothing. */
#ifndef SLUICE_EDGE_HOST_H
#define SLUICE_EDGE_HOST_H

#include <stdbool.h>

#include <linux/types.h>

#define HOST_FINDINGS_MAX 128
#define HOST_INTERFACES_MAX 16
#define HOST_TEXT_BYTES 256
#define HOST_VERSION_BYTES 32

enum host_level {
	HOST_OK,
	HOST_WARNING,	/* it runs, but not as it could */
	HOST_PROBLEM,	/* it will not run */
};

struct host_finding {
	const char *check;		/* "capabilities" */
	enum host_level level;
	int code;			/* <sysexits.h>: what a problem means; 0 otherwise */
	char text[HOST_TEXT_BYTES];
	char fix[HOST_TEXT_BYTES];	/* a command, or what to write; may be empty */
};

struct host_report {
	__u32 count;
	struct host_finding finding[HOST_FINDINGS_MAX];
};

struct host_interface {
	const char *name;
	bool is_native_wanted;	/* mode native: without driver support it will not run */
	bool is_generic_wanted;	/* mode generic: driver support does not matter */
	bool is_consumed;	/* the datagrams of some listener end here */
	bool has_address;	/* the listener takes those to one address alone */
	__u16 port;
};

struct host_request {
	__u32 interface_count;
	struct host_interface interface[HOST_INTERFACES_MAX];	/* one for each listener */
	const char *state_dir;
	__u64 disk_bytes;	/* what the logs may grow to */
	__u64 memory_bytes;	/* of the groups */
	__u64 ring_bytes;	/* of each CPU's ring */
};

/* Runs every check. Never fails: what cannot be found out is a finding too. */
void host_check(const struct host_request *request, struct host_report *report);

/* The exit code of a report: 0 without problems, else EX_NOPERM, EX_OSERR, EX_UNAVAILABLE,
 * EX_CANTCREAT or EX_TEMPFAIL, by what has to be mended first. */
int host_exit_code(const struct host_report *report);

/* The MTU of an interface, by its name or an alternative one; -ENODEV, other -errno. */
int host_read_mtu(const char *name);
/* The largest UDP payload that comes in one packet of that MTU, over IPv4. */
int host_payload_max(__u32 mtu);
/* The smallest ring that holds a record of it. Rules make records longer. */
__u64 host_ring_bytes_min(__u32 mtu, bool has_rules);

/* Of the libraries in use; both buffers have HOST_VERSION_BYTES. "unknown" when it cannot be
 * told. */
void host_library_versions(char *libbpf, char *liburing);

#endif
