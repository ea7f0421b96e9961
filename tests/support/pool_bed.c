/* SPDX-License-Identifier: BSD-2-Clause */
/* A pool of eight megabytes. */
#include "pool_bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define POOL_BYTES (8u << 20)

static void *memory;
struct sketch_pool pool;

int pool_set_up(void **state)
{
	(void)state;
	memory = aligned_alloc(4096, POOL_BYTES);
	sketch_pool_open(&pool, memory, POOL_BYTES, 7);
	return 0;
}

int pool_tear_down(void **state)
{
	(void)state;
	assert_int_equal(pool.bytes_used, 0);
	sketch_pool_close(&pool);
	free(memory);
	return 0;
}
