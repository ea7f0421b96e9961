/* SPDX-License-Identifier: BSD-2-Clause */
/* The pool gives out disjoint blocks, gets all of them back, and ends where its memory ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/sketch/sketch_pool.h"
#include "random.h"

#define POOL_BYTES (40u * 65536)
#define BLOCKS 4000

static void *memory;

static int set_up(void **state)
{
	(void)state;
	memory = aligned_alloc(4096, POOL_BYTES);
	memset(memory, 0xa5, POOL_BYTES);
	return memory ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	free(memory);
	return 0;
}

static void sizes_are_rounded_up(void **state)
{
	static const struct {
		size_t asked, given;
	} rows[] = { { 1, 64 },	    { 64, 64 },	      { 65, 128 },	  { 128, 128 },
		     { 129, 256 },  { 1024, 1024 },   { 1025, 2048 },	  { 16384, 16384 },
		     { 16385, 32768 }, { 65535, 65536 }, { 65536, 65536 } };
	struct sketch_pool pool;

	(void)state;
	sketch_pool_open(&pool, memory, POOL_BYTES, 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		__u32 handle = sketch_pool_take(&pool, rows[i].asked);

		assert_int_not_equal(handle, 0);
		assert_int_equal((uintptr_t)sketch_pool_block(&pool, handle) % 64, 0);
		assert_int_equal(sketch_pool_block_bytes(&pool, handle), rows[i].given);
	}
	sketch_pool_close(&pool);
}

static void the_end_of_the_pool_is_counted(void **state)
{
	struct sketch_pool pool;
	__u32 handle[64], taken = 0;

	(void)state;
	sketch_pool_open(&pool, memory, POOL_BYTES, 1);
	while (taken < 64 && (handle[taken] = sketch_pool_take(&pool, 65536)) != 0)
		taken++;
	assert_int_equal(taken, 39);	/* the fortieth slab pays for the table */
	assert_int_equal(pool.exhausted, 1);
	assert_int_equal(sketch_pool_take(&pool, 64), 0);
	assert_int_equal(pool.exhausted, 2);
	assert_int_equal(pool.bytes_used, 39 * 65536);
	sketch_pool_give(&pool, handle[7]);
	for (int i = 0; i < 1024; i++)	/* an emptied slab serves another size */
		assert_int_not_equal(sketch_pool_take(&pool, 64), 0);
	assert_int_equal(sketch_pool_take(&pool, 64), 0);
	sketch_pool_close(&pool);
}

static void a_pool_without_room_is_exhausted(void **state)
{
	struct sketch_pool pool;

	(void)state;
	sketch_pool_open(&pool, memory, 65536, 1);
	assert_int_equal(sketch_pool_take(&pool, 1), 0);
	sketch_pool_close(&pool);
	sketch_pool_open(&pool, memory, 0, 1);
	assert_int_equal(sketch_pool_take(&pool, 1), 0);
	sketch_pool_close(&pool);
	sketch_pool_open(&pool, memory, 65536 + 64, 1);
	assert_int_not_equal(sketch_pool_take(&pool, 65536), 0);
	sketch_pool_close(&pool);
}

static void fill(const struct sketch_pool *pool, __u32 handle)
{
	memset(sketch_pool_block(pool, handle), (int)(handle * 7 & 0xff),
	       sketch_pool_block_bytes(pool, handle));
}

static void check(const struct sketch_pool *pool, __u32 handle)
{
	const __u8 *byte = sketch_pool_block(pool, handle);
	size_t bytes = sketch_pool_block_bytes(pool, handle);

	for (size_t i = 0; i < bytes; i++)
		assert_int_equal(byte[i], handle * 7 & 0xff);
}

static void blocks_never_overlap(void **state)
{
	static __u32 handle[BLOCKS];
	struct sketch_pool pool;
	__u64 random = 42, used = 0;

	(void)state;
	sketch_pool_open(&pool, memory, POOL_BYTES, 1);
	memset(handle, 0, sizeof(handle));
	for (int step = 0; step < 60000; step++) {
		__u32 *slot = &handle[random_below(&random, BLOCKS)];

		if (*slot) {
			check(&pool, *slot);
			used -= sketch_pool_block_bytes(&pool, *slot);
			sketch_pool_give(&pool, *slot);
			*slot = 0;
		} else {
			*slot = sketch_pool_take(&pool, 1 + (random_next(&random) &
							     (63u << random_below(&random, 8))));
			if (*slot) {
				fill(&pool, *slot);
				used += sketch_pool_block_bytes(&pool, *slot);
			}
		}
		assert_int_equal(pool.bytes_used, used);
	}
	assert_true(pool.exhausted > 0);
	for (int i = 0; i < BLOCKS; i++)
		sketch_pool_give(&pool, handle[i]);
	assert_int_equal(pool.bytes_used, 0);
	for (int i = 0; i < 39; i++)	/* nothing was lost to another size */
		assert_int_not_equal(sketch_pool_take(&pool, 65536), 0);
	sketch_pool_close(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_rounded_up),
		cmocka_unit_test(the_end_of_the_pool_is_counted),
		cmocka_unit_test(a_pool_without_room_is_exhausted),
		cmocka_unit_test(blocks_never_overlap),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
