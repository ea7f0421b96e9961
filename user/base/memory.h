/* SPDX-License-Identifier: BSD-2-Clause */
/* Address space reserved at start and backed by memory as it is touched: how every table of the
 * agent gets a fixed place and a fixed bound without paying for what it does not use. */
#ifndef SLUICE_BASE_MEMORY_H
#define SLUICE_BASE_MEMORY_H

#include <stddef.h>

#define MEMORY_HUGE_PAGE ((size_t)2 << 20)

/* `bytes` of zeros, aligned to a huge page; large ones ask for huge pages. NULL when the address
 * space is gone. */
void *memory_reserve(size_t bytes);

/* Backs the first huge page of a large reservation of `bytes` now, so that its first use costs no
 * page fault; best effort. Small reservations are left alone. For what is no area (core/area.h). */
void memory_touch_first(void *memory, size_t bytes);

/* Gives back what memory_reserve() returned for the same `bytes`; NULL is fine. */
void memory_release(void *memory, size_t bytes);

#endif
