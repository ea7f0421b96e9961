/* SPDX-License-Identifier: BSD-2-Clause */
/* The host check, part kernel: version, BTF, bpffs, what BPF and io_uring can do here. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <sysexits.h>
#include <unistd.h>

#include "edge/host/host_parts.h"
#include "sluice/limits.h"

#define KERNEL_MAJOR_MIN 6
#define KERNEL_MINOR_MIN 1
#define BPFFS_MAGIC 0xcafe4a11
#define BTF_PATH "/sys/kernel/btf/vmlinux"

static void check_version(struct host_report *report)
{
	unsigned long major, minor;
	struct utsname name;
	char *end;

	uname(&name);
	major = strtoul(name.release, &end, 10);
	minor = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
	if (major > KERNEL_MAJOR_MIN || (major == KERNEL_MAJOR_MIN && minor >= KERNEL_MINOR_MIN))
		host_note(report, "kernel", HOST_OK, 0, "%s", name.release);
	else
		host_fix(host_note(report, "kernel", HOST_PROBLEM, EX_OSERR,
				   "%s is older than %d.%d", name.release, KERNEL_MAJOR_MIN,
				   KERNEL_MINOR_MIN),
			 "install a kernel from %d.%d on and boot it", KERNEL_MAJOR_MIN,
			 KERNEL_MINOR_MIN);
}

static void check_btf(struct host_report *report)
{
	if (access(BTF_PATH, R_OK) == 0)
		host_note(report, "btf", HOST_OK, 0, BTF_PATH);
	else
		host_fix(host_note(report, "btf", HOST_PROBLEM, EX_OSERR, BTF_PATH ": %s",
				   strerror(errno)),
			 "use a kernel built with CONFIG_DEBUG_INFO_BTF=y");
}

static void check_bpffs(struct host_report *report)
{
	struct host_finding *finding;
	bool may_mount = host_has_capability(HOST_CAP_SYS_ADMIN);
	struct statfs status;

	if (statfs(SLUICE_PIN_ROOT, &status) == 0 && (__u32)status.f_type == BPFFS_MAGIC) {
		if (access(SLUICE_PIN_ROOT, W_OK | X_OK) == 0) {
			host_note(report, "bpffs", HOST_OK, 0, "mounted at " SLUICE_PIN_ROOT);
			return;
		}
		finding = host_note(report, "bpffs", HOST_PROBLEM, EX_NOPERM,
				    SLUICE_PIN_ROOT " cannot be written: %s", strerror(errno));
		host_fix(finding, "run as root (without ProtectKernelTunables= in the unit)");
		return;
	}
	finding = host_note(report, "bpffs", may_mount ? HOST_WARNING : HOST_PROBLEM,
			    may_mount ? 0 : EX_NOPERM, "not mounted at " SLUICE_PIN_ROOT "%s",
			    may_mount ? "; `sluice run` will mount it" : "");
	host_fix(finding, "mount -t bpf bpf " SLUICE_PIN_ROOT);
}

void host_check_kernel(struct host_report *report)
{
	check_version(report);
	check_btf(report);
	check_bpffs(report);
}

enum probe_kind { PROBE_PROGRAM, PROBE_MAP, PROBE_HELPER };

static const struct {
	enum probe_kind kind;
	int number;
	const char *name;
} probes[] = {
	{ PROBE_PROGRAM, BPF_PROG_TYPE_XDP, "XDP programs" },
	{ PROBE_MAP, BPF_MAP_TYPE_ARRAY, "array maps" },
	{ PROBE_MAP, BPF_MAP_TYPE_PERCPU_ARRAY, "per-CPU array maps" },
	{ PROBE_MAP, BPF_MAP_TYPE_ARRAY_OF_MAPS, "arrays of maps" },
	{ PROBE_MAP, BPF_MAP_TYPE_RINGBUF, "ring buffers" },
	{ PROBE_HELPER, BPF_FUNC_ringbuf_reserve, "bpf_ringbuf_reserve" },
	{ PROBE_HELPER, BPF_FUNC_ringbuf_query, "bpf_ringbuf_query" },
	{ PROBE_HELPER, BPF_FUNC_xdp_get_buff_len, "bpf_xdp_get_buff_len" },
	{ PROBE_HELPER, BPF_FUNC_xdp_load_bytes, "bpf_xdp_load_bytes" },
};

static int probe(enum probe_kind kind, int number)
{
	switch (kind) {
	case PROBE_PROGRAM:
		return libbpf_probe_bpf_prog_type((enum bpf_prog_type)number, NULL);
	case PROBE_MAP:
		return libbpf_probe_bpf_map_type((enum bpf_map_type)number, NULL);
	default:
		return libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, (enum bpf_func_id)number, NULL);
	}
}

static void check_jit(struct host_report *report)
{
	char line[32];

	if (host_read_line("/proc/sys/net/core/bpf_jit_enable", line, sizeof(line)) &&
	    strcmp(line, "0") == 0)
		host_fix(
			host_note(
				report, "bpf", HOST_WARNING, 0,
				"the just-in-time compiler is off: the XDP program is interpreted"),
			"sysctl net.core.bpf_jit_enable=1");
}

void host_check_bpf(struct host_report *report)
{
	bool may_probe =
		host_has_capability(HOST_CAP_SYS_ADMIN) ||
		(host_has_capability(HOST_CAP_BPF) && host_has_capability(HOST_CAP_NET_ADMIN));
	unsigned int i, missing = 0;

	if (!may_probe) {
		host_fix(host_note(report, "bpf", HOST_WARNING, 0,
				   "not probed: that takes CAP_BPF and CAP_NET_ADMIN"),
			 "run the check as root");
		return;
	}
	for (i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		int result = probe(probes[i].kind, probes[i].number);

		if (result == 1)
			continue;
		missing++;
		host_fix(host_note(report, "bpf", HOST_PROBLEM, EX_OSERR, "no %s%s%s",
				   probes[i].name, result < 0 ? ": " : "",
				   result < 0 ? strerror(-result) : ""),
			 "use a kernel from %d.%d on with CONFIG_BPF_SYSCALL=y and CONFIG_NET=y",
			 KERNEL_MAJOR_MIN, KERNEL_MINOR_MIN);
	}
	if (!missing)
		host_note(report, "bpf", HOST_OK, 0, "programs, maps and helpers that are needed");
	check_jit(report);
}

static void note_no_io_uring(struct host_report *report, int error)
{
	struct host_finding *finding;
	char line[32];

	finding = host_note(report, "io_uring", HOST_PROBLEM,
			    error == -EPERM || error == -EACCES ? EX_NOPERM : EX_OSERR,
			    "cannot be set up: %s", strerror(-error));
	if (host_read_line("/proc/sys/kernel/io_uring_disabled", line, sizeof(line)) &&
	    strcmp(line, "0") != 0)
		host_fix(finding, "sysctl kernel.io_uring_disabled=0");
	else if (error == -EPERM)
		host_fix(finding,
			 "allow io_uring_setup, io_uring_enter and io_uring_register in the "
			 "seccomp profile");
	else
		host_fix(finding, "use a kernel with CONFIG_IO_URING=y");
}

void host_check_io_uring(struct host_report *report)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
	};
	struct io_uring ring;
	int error = io_uring_queue_init_params(8, &ring, &params);

	if (error) {
		note_no_io_uring(report, error);
		return;
	}
	host_note(report, "io_uring", HOST_OK, 0, "single issuer with deferred task run");
	io_uring_queue_exit(&ring);
}
