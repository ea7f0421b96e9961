/* SPDX-License-Identifier: BSD-2-Clause */
/* Chunks are distinct, zeroed, bounded by the shared budget, and come back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "core/memory/chunks.h"

static void takes_until_the_budget_is_spent(void **state)
{
	struct memory_budget budget = { .bytes_max = 10 * 64 * CHUNK_ROWS + 1 };
	struct chunks chunks;

	(void)state;
	assert_int_equal(chunks_open(&chunks, 64, &budget), 0);
	for (__u32 n = 1; n <= 10; n++) {
		__u32 chunk = chunks_take(&chunks);

		assert_int_equal(chunk, n);
		for (size_t i = 0; i < chunks.chunk_bytes; i++)
			assert_int_equal(chunks_at(&chunks, chunk)[i], 0);
		memset(chunks_at(&chunks, chunk), (int)n, chunks.chunk_bytes);
	}
	assert_int_equal(chunks_take(&chunks), CHUNK_NONE);
	assert_int_equal(chunks_at(&chunks, 3)[chunks.chunk_bytes - 1], 3);
	memset(chunks_at(&chunks, 3), 0, chunks.chunk_bytes);
	chunks_give(&chunks, 3);
	assert_int_equal(chunks_take(&chunks), 3);
	chunks_close(&chunks);
}

static void pools_share_one_budget(void **state)
{
	struct memory_budget budget = { .bytes_max = 4 * 64 * CHUNK_ROWS };
	struct chunks a, b;

	(void)state;
	assert_int_equal(chunks_open(&a, 64, &budget), 0);
	assert_int_equal(chunks_open(&b, 96, &budget), 0);
	assert_int_not_equal(chunks_take(&a), CHUNK_NONE);
	assert_int_not_equal(chunks_take(&b), CHUNK_NONE);
	assert_int_not_equal(chunks_take(&b), CHUNK_NONE);
	assert_int_equal(chunks_take(&a), CHUNK_NONE);
	assert_int_equal(budget.bytes_used, 4 * 64 * CHUNK_ROWS);
	chunks_close(&a);
	chunks_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_until_the_budget_is_spent),
		cmocka_unit_test(pools_share_one_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
