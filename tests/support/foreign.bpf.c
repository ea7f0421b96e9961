/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* An XDP program of somebody else, for tests. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

SEC("xdp")
int foreign_pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
