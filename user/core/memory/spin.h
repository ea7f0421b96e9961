/* SPDX-License-Identifier: BSD-2-Clause */
/* A lock for a few nanoseconds of work, between threads that hardly ever meet. It never sleeps and
 * makes no system call. */
#ifndef SLUICE_CORE_SPIN_H
#define SLUICE_CORE_SPIN_H

#include "sluice/types.h"

static inline void spin_lock(__u32 *lock)
{
	while (__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(lock, __ATOMIC_RELAXED)) {
#if defined(__x86_64__)
			__builtin_ia32_pause();
#elif defined(__aarch64__)
			__asm__ volatile("yield");
#endif
		}
}

static inline void spin_unlock(__u32 *lock)
{
	__atomic_store_n(lock, 0, __ATOMIC_RELEASE);
}

#endif
