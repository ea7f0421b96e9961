/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What functions need that both the XDP program and the agent compile: words that mean something to
 * the verifier of the one and nothing in the other. */
#ifndef SLUICE_BOTH_SIDES_H
#define SLUICE_BOTH_SIDES_H

#ifdef __bpf__
#define SLUICE_INLINE static inline __attribute__((always_inline))
/* Headers are read where they lie; the kernel checks that the CPU can. */
#define SLUICE_UNALIGNED
/* Keeps the compiler from proving a bound that the verifier then cannot see. */
#define SLUICE_KEEP_BOUND(number) __asm__ volatile("" : "+r"(number))
/* Makes the verifier forget what it knows of a number, by way of memory that it does not follow:
 * the ways to one place in a packet are then one state and not hundreds. */
#define SLUICE_FORGET(number, memory) \
	(*(volatile __u32 *)(memory) = (number), (number) = *(volatile __u32 *)(memory))
/* Moves a pointer into a map by a number, and then by nothing: without that, kernels take the
 * pointer they try for speculation, when it is copied next, for a fault of their own verifier. */
#define SLUICE_MOVE(pointer, bytes) \
	__asm__ volatile("%0 += %1\n\t%0 += 0" : "+r"(pointer) : "r"((__u64)(bytes)))
/* No loop is left: without CAP_PERFMON the verifier also follows each exit the wrong way. */
#define SLUICE_UNROLL _Pragma("clang loop unroll(full)")
#else
#define SLUICE_INLINE static inline
#define SLUICE_UNALIGNED __attribute__((packed))
#define SLUICE_KEEP_BOUND(number)
#define SLUICE_FORGET(number, memory) ((void)(memory))
#define SLUICE_MOVE(pointer, bytes) ((pointer) = (const void *)((const __u8 *)(pointer) + (bytes)))
#define SLUICE_UNROLL
#endif

#endif
