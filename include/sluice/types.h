/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Fixed-width kernel types for both sides: vmlinux.h brings them to the BPF program, the kernel's
 * user-space headers to everybody else. This is the only file that knows the difference. */
#ifndef SLUICE_TYPES_H
#define SLUICE_TYPES_H

#ifdef __bpf__
#include "vmlinux.h"
#else
#include <linux/types.h>
#endif

#define SLUICE_ASSERT_OFFSET(type, field, offset)                                                  \
	_Static_assert(__builtin_offsetof(type, field) == (offset), #type "." #field)
#define SLUICE_ASSERT_SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type)

#endif
