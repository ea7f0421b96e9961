/* SPDX-License-Identifier: BSD-2-Clause */
/* Top sketches against a slow model that keeps everything in one array, against exact weights, and
 * against the laws of merging. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/sketch/sketch_top.h"
#include "pool_bed.h"
#include "random.h"

#define BYTES_MAX SKETCH_TOP_BYTES_MAX(SKETCH_TOP_CAPACITY_MAX)
#define VALUES 4000	/* values are below */

/* The model: what is held, and how heavy something that is not held may be. */
struct model {
	struct sketch_top_item item[2 * SKETCH_TOP_CAPACITY_MAX];
	unsigned int used, capacity;
	__u64 absent_max;
};

static int by_rank(const void *a, const void *b)
{
	const struct sketch_top_item *first = a, *second = b;

	if (first->count != second->count)
		return first->count > second->count ? -1 : 1;
	return first->value < second->value ? -1 : first->value > second->value;
}

static struct sketch_top_item *model_find(struct model *model, __u64 value)
{
	for (unsigned int i = 0; i < model->used; i++)
		if (model->item[i].value == value)
			return &model->item[i];
	return NULL;
}

static void model_add(struct model *model, __u64 value, __u64 weight)
{
	struct sketch_top_item *found = model_find(model, value);

	if (!weight)
		return;
	if (found) {
		found->count += weight;
		return;
	}
	if (model->used == model->capacity) {
		qsort(model->item, model->used, sizeof(model->item[0]), by_rank);
		model->absent_max = model->item[--model->used].count;
	}
	model->item[model->used++] = (struct sketch_top_item){ value, model->absent_max + weight,
							       model->absent_max };
}

static void model_merge(struct model *model, struct model *from)
{
	unsigned int own = model->used;

	for (unsigned int i = 0; i < own; i++) {
		struct sketch_top_item *found = model_find(from, model->item[i].value);

		model->item[i].count += found ? found->count : from->absent_max;
		model->item[i].error += found ? found->error : from->absent_max;
	}
	for (unsigned int i = 0; i < from->used; i++) {
		struct sketch_top_item item = from->item[i];

		if (model_find(model, item.value))
			continue;
		item.count += model->absent_max;
		item.error += model->absent_max;
		model->item[model->used++] = item;
	}
	model->absent_max += from->absent_max;
	qsort(model->item, model->used, sizeof(model->item[0]), by_rank);
	if (model->used > model->capacity) {
		if (model->absent_max < model->item[model->capacity].count)
			model->absent_max = model->item[model->capacity].count;
		model->used = model->capacity;
	}
}

static void assert_model(const struct sketch_top *sketch, struct model *model)
{
	static struct sketch_top_item found[SKETCH_TOP_CAPACITY_MAX];

	qsort(model->item, model->used, sizeof(model->item[0]), by_rank);
	assert_int_equal(sketch->used, model->used);
	assert_int_equal(sketch_top_absent_max(sketch, &pool), model->absent_max);
	assert_int_equal(sketch_top_items(sketch, &pool, found, SKETCH_TOP_CAPACITY_MAX),
			 model->used);
	assert_memory_equal(found, model->item, model->used * sizeof(found[0]));
}

static void add(struct sketch_top *sketch, __u64 value, __u64 weight)
{
	assert_int_equal(sketch_top_add(sketch, &pool, value, weight), 0);
}

static size_t write(const struct sketch_top *sketch, __u8 *bytes)
{
	long written = sketch_top_write(sketch, &pool, bytes, BYTES_MAX);

	assert_int_equal(written, sketch_top_bytes(sketch, &pool));
	assert_int_equal(written % 8, 0);
	return (size_t)written;
}

static void assert_same(const struct sketch_top *a, const struct sketch_top *b)
{
	static __u8 bytes_a[BYTES_MAX], bytes_b[BYTES_MAX];
	size_t length = write(a, bytes_a);

	assert_int_equal(length, write(b, bytes_b));
	assert_memory_equal(bytes_a, bytes_b, length);
}

/* Small values often, large ones rarely: about 1 / value. */
static __u64 draw(__u64 *random, unsigned int values)
{
	return random_below(random, 1 + random_below(random, 1 + random_below(random, values)));
}

static void every_step_is_the_models(void **state)
{
	static const unsigned int capacities[] = { 1, 2, 3, 8, 15, 16, 17, 40, 80, 160 };
	static struct model model;
	__u64 random = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(capacities) / sizeof(capacities[0]); i++) {
		unsigned int capacity = capacities[i];
		struct sketch_top sketch = sketch_top_empty(capacity);

		model = (struct model){ .capacity = capacity };
		for (unsigned int step = 0; step < 1500; step++) {
			__u64 value = draw(&random, capacity * 4);
			__u64 weight = random_below(&random, 5);

			add(&sketch, value, weight);
			model_add(&model, value, weight);
			if (step % 7 == 0)
				assert_model(&sketch, &model);
		}
		sketch_top_clear(&sketch, &pool);
	}
}

static void every_merge_is_the_models(void **state)
{
	static struct model model[2];
	__u64 random = 2;

	(void)state;
	for (unsigned int round = 0; round < 400; round++) {
		struct sketch_top sketch[2];

		for (int i = 0; i < 2; i++) {
			unsigned int capacity = 1 + (unsigned int)random_below(&random, 60);
			unsigned int values = 1 + (unsigned int)random_below(&random, 120);
			unsigned int steps = (unsigned int)random_below(&random, 300);

			sketch[i] = sketch_top_empty(capacity);
			model[i] = (struct model){ .capacity = capacity };
			while (steps--) {
				__u64 value = draw(&random, values);

				add(&sketch[i], value, 1 + value % 3);
				model_add(&model[i], value, 1 + value % 3);
			}
		}
		for (int again = 0; again < 3; again++) {
			assert_int_equal(sketch_top_merge(&sketch[0], &pool, &sketch[1], &pool), 0);
			model_merge(&model[0], &model[1]);
			assert_model(&sketch[0], &model[0]);
			for (int step = 0; step < 50; step++) {
				__u64 value = draw(&random, 150);

				add(&sketch[0], value, 2);
				model_add(&model[0], value, 2);
			}
			assert_model(&sketch[0], &model[0]);
		}
		sketch_top_clear(&sketch[0], &pool);
		sketch_top_clear(&sketch[1], &pool);
	}
}

struct truth {
	__u64 weight[VALUES], total;
};

static void assert_bounds(const struct sketch_top *sketch, const struct truth *truth)
{
	static bool is_held[VALUES];
	__u64 absent_max = sketch_top_absent_max(sketch, &pool);

	memset(is_held, 0, sizeof(is_held));
	for (unsigned int i = 0; i < sketch->used; i++) {
		struct sketch_top_item item = sketch_top_candidate(sketch, &pool, i);

		is_held[item.value] = true;
		assert_true(item.count >= truth->weight[item.value]);
		assert_true(item.count - item.error <= truth->weight[item.value]);
		assert_true(item.error <= absent_max);
	}
	for (unsigned int value = 0; value < VALUES; value++)
		if (!is_held[value])
			assert_true(truth->weight[value] <= absent_max);
	assert_true(absent_max * sketch->capacity <= truth->total);
}

/* Whatever the order of adding and merging, the promised bounds hold. */
static void errors_stay_within_their_bounds(void **state)
{
	static struct truth truth[4];
	__u64 random = 3;

	(void)state;
	for (unsigned int round = 0; round < 40; round++) {
		struct sketch_top part[4];

		memset(truth, 0, sizeof(truth));
		for (int i = 0; i < 4; i++)
			part[i] = sketch_top_empty(SKETCH_TOP_CAPACITY(1 + round % 10));
		for (unsigned int step = 0; step < 8000; step++) {
			unsigned int i = (unsigned int)random_below(&random, 4);
			__u64 value = round % 3 ? draw(&random, VALUES) :
						  random_below(&random, VALUES);
			__u64 weight = random_below(&random, round % 2 ? 2 : 100);

			add(&part[i], value, weight);
			truth[i].weight[value] += weight;
			truth[i].total += weight;
			if (step % 2000 == 1999) {
				unsigned int from = (i + 1) % 4;

				assert_int_equal(sketch_top_merge(&part[i], &pool, &part[from],
								  &pool), 0);
				for (unsigned int v = 0; v < VALUES; v++)
					truth[i].weight[v] += truth[from].weight[v];
				truth[i].total += truth[from].total;
				assert_bounds(&part[i], &truth[i]);
			}
		}
		for (int i = 0; i < 4; i++) {
			assert_bounds(&part[i], &truth[i]);
			sketch_top_clear(&part[i], &pool);
		}
	}
}

/* What is heavier than total / capacity is always found. */
static void a_heavy_value_cannot_hide(void **state)
{
	struct sketch_top sketch = sketch_top_empty(80);
	struct sketch_top_item item;
	__u64 random = 4;

	(void)state;
	for (unsigned int step = 0; step < 20000; step++)
		add(&sketch, step % 70 ? random_next(&random) | 1 : 42, 1);
	assert_int_equal(sketch_top_items(&sketch, &pool, &item, 1), 1);
	assert_int_equal(item.value, 42);
	sketch_top_clear(&sketch, &pool);
}

static void exact_sketches_obey_the_laws(void **state)
{
	static const char *const orders[] = { "012", "021", "102", "120", "201", "210" };
	static __u8 bytes[BYTES_MAX + 1];
	__u64 random = 5;

	(void)state;
	for (unsigned int round = 0; round < 200; round++) {
		unsigned int capacity = 1 + (unsigned int)random_below(&random, 100);
		struct sketch_top part[3], all = sketch_top_empty(capacity), group, pair = all;

		for (int i = 0; i < 3; i++) {
			__u64 steps = random_below(&random, 300);

			part[i] = sketch_top_empty(capacity);
			while (steps--) {
				__u64 value = random_below(&random, capacity);

				value = value * value * 0x9e3779b97f4a7c15ull;
				add(&part[i], value, steps % 7);
				add(&all, value, steps % 7);
			}
		}
		for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
			group = sketch_top_empty(capacity);
			for (const char *at = orders[i]; *at; at++)
				assert_int_equal(sketch_top_merge(&group, &pool, &part[*at - '0'],
								  &pool), 0);
			assert_same(&group, &all);
			assert_int_equal(sketch_top_absent_max(&group, &pool), 0);
			sketch_top_clear(&group, &pool);
		}
		sketch_top_merge(&pair, &pool, &part[1], &pool);	/* 0 + (1 + 2) */
		sketch_top_merge(&pair, &pool, &part[2], &pool);
		sketch_top_merge(&group, &pool, &part[0], &pool);
		assert_same(&group, &part[0]);
		assert_int_equal(sketch_top_merge_bytes(&group, &pool, bytes + 1,
							write(&pair, bytes + 1)), 0);
		assert_same(&group, &all);
		for (int i = 0; i < 3; i++)
			sketch_top_clear(&part[i], &pool);
		sketch_top_clear(&all, &pool);
		sketch_top_clear(&pair, &pool);
		sketch_top_clear(&group, &pool);
	}
}

/* Beyond capacity too, a merge of two does not depend on which comes first, and bytes keep it
 * all. */
static void merging_two_commutes(void **state)
{
	static __u8 bytes[BYTES_MAX];
	__u64 random = 6;

	(void)state;
	for (unsigned int round = 0; round < 150; round++) {
		unsigned int capacity = 1 + (unsigned int)random_below(&random, 100);
		struct sketch_top part[2], one = sketch_top_empty(capacity), two = one, read = one;

		for (int i = 0; i < 2; i++) {
			__u64 steps = random_below(&random, 1000);

			part[i] = sketch_top_empty(capacity);
			while (steps--)
				add(&part[i], draw(&random, 300), 1);
		}
		for (int i = 0; i < 2; i++) {
			sketch_top_merge(&one, &pool, &part[i], &pool);
			sketch_top_merge(&two, &pool, &part[1 - i], &pool);
		}
		assert_same(&one, &two);
		assert_int_equal(sketch_top_merge_bytes(&read, &pool, bytes, write(&one, bytes)),
				 0);
		assert_same(&read, &one);
		sketch_top_clear(&part[0], &pool);
		sketch_top_clear(&part[1], &pool);
		sketch_top_clear(&one, &pool);
		sketch_top_clear(&two, &pool);
		sketch_top_clear(&read, &pool);
	}
}

static void order_leaves_no_trace_while_exact(void **state)
{
	__u64 values[80], random = 7;

	(void)state;
	for (unsigned int round = 0; round < 100; round++) {
		struct sketch_top first = sketch_top_empty(80), second = first;
		unsigned int count = 1 + round % 80;

		for (unsigned int i = 0; i < count; i++) {
			values[i] = random_next(&random) >> random_below(&random, 64);
			add(&first, values[i], values[i] % 3 + 1);
		}
		random_shuffle(&random, values, count);
		for (unsigned int i = 0; i < count; i++)
			add(&second, values[i], values[i] % 3 + 1);
		assert_same(&first, &second);
		sketch_top_clear(&first, &pool);
		sketch_top_clear(&second, &pool);
	}
}

static void the_heaviest_come_first(void **state)
{
	struct sketch_top sketch = sketch_top_empty(80);
	struct sketch_top_item items[30];

	(void)state;
	assert_int_equal(sketch_top_items(&sketch, &pool, items, 5), 0);
	for (__u64 value = 20; value > 0; value--)
		add(&sketch, value, value / 2);
	assert_int_equal(sketch_top_items(&sketch, &pool, items, 0), 0);
	assert_int_equal(sketch_top_items(&sketch, &pool, items, 3), 3);
	assert_int_equal(items[0].value, 20);
	assert_int_equal(items[1].value, 18);	/* 9 like 19, and smaller */
	assert_int_equal(items[2].value, 19);
	assert_int_equal(items[2].count, 9);
	assert_int_equal(sketch_top_items(&sketch, &pool, items, 30), 19);
	sketch_top_clear(&sketch, &pool);
}

static void counts_stop_at_the_end(void **state)
{
	struct sketch_top sketch = sketch_top_empty(2), other = sketch;
	struct sketch_top_item item;

	(void)state;
	add(&sketch, 1, ~0ull - 1);
	add(&sketch, 1, 5);
	add(&sketch, 2, ~0ull);
	add(&sketch, 3, 7);	/* in place of 2, which weighs as much as 1 */
	assert_int_equal(sketch_top_items(&sketch, &pool, &item, 1), 1);
	assert_int_equal(item.value, 1);
	assert_true(item.count == ~0ull);
	add(&other, 9, 9);
	assert_int_equal(sketch_top_merge(&other, &pool, &sketch, &pool), 0);
	assert_true(sketch_top_absent_max(&other, &pool) == ~0ull);
	sketch_top_clear(&sketch, &pool);
	sketch_top_clear(&other, &pool);
}

static void few_values_take_little(void **state)
{
	static const struct {
		unsigned int capacity, values, bytes;
	} rows[] = { { 80, 0, 0 },   { 80, 1, 64 },    { 80, 4, 64 },	   { 80, 5, 128 },
		     { 80, 8, 128 }, { 80, 9, 256 },   { 80, 16, 256 },	   { 80, 17, 4096 },
		     { 80, 999, 4096 }, { 8, 9, 512 }, { 1600, 17, 65536 }, { 1600, 3000, 65536 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sketch_top sketch = sketch_top_empty(rows[i].capacity);

		for (__u64 value = 0; value < rows[i].values; value++)
			add(&sketch, value, 1);
		assert_int_equal(pool.bytes_used, rows[i].bytes);
		sketch_top_clear(&sketch, &pool);
	}
}

static void an_exhausted_pool_loses_the_sketch(void **state)
{
	struct sketch_top lost = sketch_top_empty(80), other = lost;
	void *little = aligned_alloc(64, 2 * 65536);
	struct sketch_top_item item;
	struct sketch_pool small;
	__u8 bytes[16];

	(void)state;
	sketch_pool_open(&small, little, 2 * 65536, 1);	/* one slab */
	for (__u64 value = 0; value < 4; value++)
		assert_int_equal(sketch_top_add(&lost, &small, value, 1), 0);
	assert_int_equal(sketch_top_add(&lost, &small, 4, 1), -ENOSPC);
	assert_int_equal(sketch_top_add(&lost, &small, 5, 1), 0);
	assert_int_equal(small.bytes_used, 0);
	assert_int_equal(sketch_top_items(&lost, &small, &item, 1), -ENODATA);
	assert_int_equal(sketch_top_write(&lost, &small, bytes, 7), -ENOBUFS);
	assert_int_equal(sketch_top_write(&lost, &small, bytes, 16), 8);
	add(&other, 1, 1);
	assert_int_equal(sketch_top_merge_bytes(&other, &pool, bytes, 8), -ENOSPC);
	other = sketch_top_empty(80);
	assert_int_equal(sketch_top_merge(&other, &pool, &lost, &small), -ENOSPC);
	assert_int_equal(sketch_top_merge(&other, &pool, &lost, &small), 0);
	sketch_pool_close(&small);
	free(little);
}

static bool offer(const __u8 *bytes, size_t length)
{
	struct sketch_top sketch = sketch_top_empty(SKETCH_TOP_CAPACITY_MAX), empty = sketch;
	static __u8 again[BYTES_MAX];
	__u8 *exact = malloc(length);
	int error;

	memcpy(exact, bytes, length);
	error = sketch_top_merge_bytes(&sketch, &pool, exact, length);
	if (error == -EBADMSG) {
		assert_memory_equal(&sketch, &empty, sizeof(sketch));
	} else if (!error) {
		size_t written = write(&sketch, again);

		memcpy(again + 20, bytes + 20, 4);	/* its capacity is the reader's */
		assert_int_equal(written, length);
		assert_memory_equal(again, bytes, written);
	}
	sketch_top_clear(&sketch, &pool);
	free(exact);
	return !error;
}

static void no_bytes_are_trusted(void **state)
{
	static __u8 good[BYTES_MAX];
	unsigned int refused = 0, accepted = 0;
	__u64 random = 8;

	(void)state;
	for (unsigned int round = 0; round < 6000; round++) {
		unsigned int capacity = 1 + (unsigned int)random_below(&random, 40);
		struct sketch_top sketch = sketch_top_empty(capacity);
		__u64 steps = random_below(&random, 100);
		size_t length;

		while (steps--)
			add(&sketch, draw(&random, 60), 1);
		length = write(&sketch, good);
		sketch_top_clear(&sketch, &pool);
		assert_true(offer(good, length));
		assert_false(offer(good, length - 1));
		good[random_below(&random, length)] ^= (__u8)(1 << random_below(&random, 8));
		if (offer(good, length))
			accepted++;
		else
			refused++;
		for (size_t i = 8; i < 80; i++)
			good[i] = (__u8)(random_next(&random) >> random_below(&random, 64));
		length = 8 + 8 * random_below(&random, 9);
		memcpy(good, &(struct sketch_head){ SKETCH_KIND_TOP, round % 2, 0, 0,
						    (__u32)length }, 8);
		offer(good, length);
	}
	assert_true(refused > 1000);
	assert_true(accepted > 1000);
}

static void contradictions_are_refused(void **state)
{
	struct {
		struct sketch_head head;
		struct sketch_top_body body;
		struct sketch_top_item item[2];
	} good = { { SKETCH_KIND_TOP, SKETCH_BODY_SKETCH, 0, 0, sizeof(good) }, { 5, 2, 8 },
		   { { 1, 6, 5 }, { 2, 9, 0 } } }, bad;

	(void)state;
	assert_true(offer((__u8 *)&good, sizeof(good)));
#define REFUSED(change) (bad = good, change, assert_false(offer((__u8 *)&bad, sizeof(bad))))
	REFUSED(bad.body.capacity = 1);
	REFUSED(bad.body.capacity = SKETCH_TOP_CAPACITY_MAX + 1);
	REFUSED(bad.body.candidate_count = 1);
	REFUSED(bad.body.candidate_count = 3);
	REFUSED(bad.body.absent_max = 0);	/* then errors would not be written */
	REFUSED(bad.body.absent_max = 7);	/* heavier than what is held */
	REFUSED(bad.item[0].error = 6);		/* larger than absent_max */
	REFUSED(bad.item[0].value = 2);		/* twice */
	REFUSED(bad.item[0].value = 3);		/* out of order */
	REFUSED(bad.head.body = SKETCH_BODY_EXACT);
	REFUSED(bad.head.precision = 12);
#undef REFUSED
	good.head.bytes = 24;	/* nothing held, but something absent */
	good.body.candidate_count = 0;
	assert_false(offer((__u8 *)&good, 24));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_step_is_the_models),
		cmocka_unit_test(every_merge_is_the_models),
		cmocka_unit_test(errors_stay_within_their_bounds),
		cmocka_unit_test(a_heavy_value_cannot_hide),
		cmocka_unit_test(exact_sketches_obey_the_laws),
		cmocka_unit_test(merging_two_commutes),
		cmocka_unit_test(order_leaves_no_trace_while_exact),
		cmocka_unit_test(the_heaviest_come_first),
		cmocka_unit_test(counts_stop_at_the_end),
		cmocka_unit_test(few_values_take_little),
		cmocka_unit_test(an_exhausted_pool_loses_the_sketch),
		cmocka_unit_test(no_bytes_are_trusted),
		cmocka_unit_test(contradictions_are_refused),
	};

	return cmocka_run_group_tests(tests, pool_set_up, pool_tear_down);
}
