/* SPDX-License-Identifier: BSD-2-Clause */
/* Stacks against panes merged one by one: windows of any number of panes that move on by one or
 * more, panes without rows, rows that grow after their pane was taken, panes that go, and memory
 * that runs out. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/emit/stacks.h"
#include "random.h"

#define ROW_BYTES 64u
#define PLACES 3u
#define ROWS_USED 5u	/* of each chunk */
#define PANES_KEPT 512u
#define ROUNDS 400

struct model {
	__u64 random;
	struct memory_budget budget;
	struct stacks stacks;
	/* by number modulo PANES_KEPT */
	unsigned char *rows[PANES_KEPT][PLACES];
};

static unsigned char **rows_of(struct model *model, __s64 number, __u32 place)
{
	return &model->rows[(__u64)number % PANES_KEPT][place];
}

static struct sluice_partial *partial_of(unsigned char *rows, __u32 row)
{
	return (struct sluice_partial *)(rows + row * ROW_BYTES + sizeof(__u64));
}

static void model_open(struct model *model, __u32 panes, __u64 budget_bytes)
{
	*model = (struct model){ .random = panes, .budget = { .bytes_max = budget_bytes } };
	assert_int_equal(
		stacks_open(&model->stacks, panes, PLACES, 1, ROW_BYTES, &model->budget), 0);
}

static void model_close(struct model *model)
{
	for (__u32 n = 0; n < PANES_KEPT; n++) {
		for (__u32 place = 0; place < PLACES; place++)
			free(model->rows[n][place]);
	}
	stacks_close(&model->stacks);
}

/* One event into a row of a pane, whatever was made of the pane already. */
static void model_add(struct model *model, __s64 number, __u32 place)
{
	unsigned char **rows = rows_of(model, number, place);
	__u32 row = (__u32)random_below(&model->random, ROWS_USED) * 50;
	struct sluice_partial event;

	partial_open(&event);
	partial_add(&event, (__s64)random_below(&model->random, 2000) - 1000, 1);
	if (!*rows)
		*rows = calloc(CHUNK_ROWS, ROW_BYTES);
	assert_non_null(*rows);
	if (!partial_of(*rows, row)->records)
		partial_open(partial_of(*rows, row));
	partial_merge(partial_of(*rows, row), &event);
	stack_add(&model->stacks, place, number, row, &event);
}

static void model_free(struct model *model, __s64 number)
{
	for (__u32 place = 0; place < PLACES; place++) {
		unsigned char **rows = rows_of(model, number, place);

		if (*rows)
			stack_forget(&model->stacks, place, number);
		free(*rows);
		*rows = NULL;
	}
}

static void assert_window(struct model *model, __u32 place, __s64 first)
{
	const struct sluice_partial *front, *back;

	stack_read(&model->stacks, place, &front, &back);
	for (__u32 row = 0; row < CHUNK_ROWS; row++) {
		struct sluice_partial expected, found;

		partial_open(&expected);
		partial_open(&found);
		for (__s64 number = first; number < first + model->stacks.panes; number++) {
			unsigned char *rows = *rows_of(model, number, place);

			if (rows && partial_of(rows, row)->records)
				partial_merge(&expected, partial_of(rows, row));
		}
		if (front)
			partial_merge(&found, &front[row]);
		if (back)
			partial_merge(&found, &back[row]);
		assert_memory_equal(&found, &expected, sizeof(found));
	}
}

/* Prepared, with events that come between the panes. False: no memory. */
static bool model_prepare(struct model *model, __u32 place, __s64 first)
{
	enum stack_state state;
	__s64 number;
	__u32 given = 0;

	while ((state = stack_prepare(&model->stacks, place, first, &number)) == STACK_WANTS) {
		assert_true(number >= first && number < first + model->stacks.panes);
		assert_true(++given <= 2 * model->stacks.panes);
		if (!stack_give(&model->stacks, place, number, *rows_of(model, number, place)))
			return false;
		if (random_below(&model->random, 8) != 0)
			continue;
		/* May be to a pane that had no rows here: what is deeper is made again. */
		model_add(model, first + (__s64)random_below(&model->random, model->stacks.panes),
			  place);
		given = 0;
	}
	assert_int_equal(state, STACK_READY);
	return true;
}

static void slide(__u32 panes, __u64 step_max, __u64 fill_percent, __u64 budget_bytes)
{
	__s64 first = -(__s64)panes - 100, freed = first;
	struct model model;

	model_open(&model, panes, budget_bytes);
	for (int round = 0; round < ROUNDS; round++) {
		__s64 end = first + panes;

		for (__u32 place = 0; place < PLACES; place++) {
			for (__s64 number = end - (__s64)step_max; number < end; number++) {
				if (number >= first &&
				    random_below(&model.random, 100) < fill_percent)
					model_add(&model, number, place);
			}
			if (random_below(&model.random, 3) == 0)
				model_add(&model,
					  first + (__s64)random_below(&model.random, panes), place);
			if (model_prepare(&model, place, first))
				assert_window(&model, place, first);
			else
				assert_true(budget_bytes < UINT32_MAX);
		}
		first += (__s64)(1 + random_below(&model.random, step_max));
		while (freed < first)
			model_free(&model, freed++);
	}
	while (freed < first + panes)
		model_free(&model, freed++);
	assert_int_equal(model.budget.bytes_used, 0);
	model_close(&model);
}

static void windows_are_what_their_panes_are(void **state)
{
	static const __u32 panes[] = { 1, 2, 5, 8, 9, 16, 60, 61, 100 };

	(void)state;
	for (size_t i = 0; i < sizeof(panes) / sizeof(panes[0]); i++) {
		slide(panes[i], 1, 100, 1 << 30);
		slide(panes[i], 1, 20, 1 << 30);
		slide(panes[i], 1, 3, 1 << 30);
		slide(panes[i], panes[i] < 7 ? panes[i] : 7, 50, 1 << 30);
	}
}

static void memory_that_runs_out_makes_no_mistakes(void **state)
{
	(void)state;
	for (__u64 chunks = 0; chunks < 16; chunks++)
		slide(20, 2, 60, chunks * CHUNK_ROWS * sizeof(struct sluice_partial));
}

static void columns_are_bounded(void **state)
{
	struct model model;

	(void)state;
	model_open(&model, 60, 1 << 30);
	for (__s64 first = 0; first < 300; first++) {
		for (__u32 place = 0; place < PLACES; place++) {
			if (first == 0) {
				for (__s64 number = 0; number < 360; number++)
					model_add(&model, number, place);
			}
			assert_true(model_prepare(&model, place, first));
		}
		assert_true(model.budget.bytes_used <= (__u64)PLACES * stacks_columns(60) *
							       CHUNK_ROWS *
							       sizeof(struct sluice_partial));
	}
	model_close(&model);
}

static void an_older_window_is_told_so(void **state)
{
	struct model model;
	__s64 number;

	(void)state;
	model_open(&model, 10, 1 << 30);
	assert_true(model_prepare(&model, 0, 7));
	assert_int_equal(stack_prepare(&model.stacks, 0, 6, &number), STACK_AHEAD);
	assert_int_equal(stack_prepare(&model.stacks, 0, 7, &number), STACK_READY);
	model_close(&model);
}

static void memory_is_given_up_place_by_place(void **state)
{
	struct model model;

	(void)state;
	model_open(&model, 10, 1 << 30);
	assert_false(stacks_yield(&model.stacks));
	for (__u32 place = 0; place < PLACES; place++) {
		model_add(&model, 3, place);
		assert_true(model_prepare(&model, place, 0));
	}
	for (__u32 place = 0; place < PLACES; place++)
		assert_true(stacks_yield(&model.stacks));
	assert_false(stacks_yield(&model.stacks));
	assert_int_equal(model.budget.bytes_used, 0);
	assert_true(model_prepare(&model, 1, 0));
	assert_window(&model, 1, 0);
	model_close(&model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_are_what_their_panes_are),
		cmocka_unit_test(memory_that_runs_out_makes_no_mistakes),
		cmocka_unit_test(columns_are_bounded),
		cmocka_unit_test(an_older_window_is_told_so),
		cmocka_unit_test(memory_is_given_up_place_by_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
