/* SPDX-License-Identifier: BSD-2-Clause */
/* Reservations are private anonymous maps without swap accounting. An allocation is rounded up to
 * whole huge pages, so that two of them never share one. */
#include "base/memory.h"

#include <stdint.h>
#include <sys/mman.h>

/* Below this a huge page would cost more to zero than it saves. */
#define HUGE_FROM ((size_t)8 << 20)

static size_t round_up(size_t bytes)
{
	return (bytes + MEMORY_HUGE_PAGE - 1) & ~(MEMORY_HUGE_PAGE - 1);
}

void *memory_reserve(size_t bytes)
{
	size_t wanted = round_up(bytes), mapped = wanted + MEMORY_HUGE_PAGE;
	char *map = mmap(NULL, mapped, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t before;

	if (map == MAP_FAILED)
		return NULL;
	before = round_up((uintptr_t)map) - (uintptr_t)map;
	if (before)
		munmap(map, before);
	if (mapped - before > wanted)
		munmap(map + before + wanted, mapped - before - wanted);
	if (bytes >= HUGE_FROM)
		madvise(map + before, wanted, MADV_HUGEPAGE);
	return map + before;
}

void memory_touch_first(void *memory, size_t bytes)
{
	/* Kernels before 5.14 refuse: then the first use pays. */
	if (bytes >= HUGE_FROM)
		madvise(memory, MEMORY_HUGE_PAGE, MADV_POPULATE_WRITE);
}

void memory_release(void *memory, size_t bytes)
{
	if (memory)
		munmap(memory, round_up(bytes));
}
