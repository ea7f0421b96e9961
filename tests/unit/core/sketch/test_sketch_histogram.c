/* SPDX-License-Identifier: BSD-2-Clause */
/* Histograms against big integers (which bucket a value is in), sorted arrays (quantiles) and
 * the laws of merging. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/sketch/sketch_histogram.h"
#include "pool_bed.h"
#include "random.h"

#define BYTES_MAX SKETCH_HISTOGRAM_BYTES_MAX(6)
#define LIMBS 65

/* limbs = number^64, lowest limb first. */
static void power64(__u64 *limbs, __u64 number)
{
	unsigned int used = 1;

	memset(limbs, 0, LIMBS * sizeof(*limbs));
	limbs[0] = number;
	for (int squaring = 0; squaring < 6; squaring++, used *= 2) {
		__u64 square[2 * LIMBS] = { 0 };

		for (unsigned int i = 0; i < used; i++) {
			unsigned __int128 carry = 0;

			for (unsigned int j = 0; j < used; j++) {
				carry += (unsigned __int128)limbs[i] * limbs[j] + square[i + j];
				square[i + j] = (__u64)carry;
				carry >>= 64;
			}
			square[i + used] = (__u64)carry;
		}
		memcpy(limbs, square, 2 * used * sizeof(*limbs));
	}
}

/* Bits of limbs − 1, for limbs > 0: the least i with limbs ≤ 2^i. */
static unsigned int power_ceil(const __u64 *limbs)
{
	unsigned int top = LIMBS - 1;
	bool is_power = true;

	while (!limbs[top])
		top--;
	for (unsigned int i = 0; i < top; i++)
		is_power = is_power && !limbs[i];
	is_power = is_power && !(limbs[top] & (limbs[top] - 1));
	return 64 * top + 64 - (unsigned int)__builtin_clzll(limbs[top]) - is_power;
}

/* ceil(log2(magnitude) · 64) = the least i with magnitude^64 ≤ 2^i. */
static unsigned int index_reference(__u64 magnitude)
{
	__u64 limbs[LIMBS];

	power64(limbs, magnitude);
	return power_ceil(limbs);
}

static void assert_index(__u64 magnitude)
{
	unsigned int fine = index_reference(magnitude);

	for (unsigned int scale = 1; scale <= 6; scale++) {
		unsigned int step = 1u << (6 - scale);

		assert_int_equal(sketch_histogram_index(magnitude, scale),
				 (fine + step - 1) / step);
	}
}

static void every_bound_is_where_it_belongs(void **state)
{
	unsigned int seen = 0;

	(void)state;
	for (unsigned int index = 1; index <= 63 * 64; index++) {
		struct sketch_bucket bucket = sketch_histogram_bucket(4096 + 1 + index, 6);

		assert_int_equal(bucket.sign, 1);
		assert_int_equal(bucket.index, index);
		for (int d = -1; d <= 1; d++) {
			__u64 magnitude = bucket.largest + (__u64)(__s64)d;

			if (magnitude > 0 && magnitude <= 1ull << 63)
				assert_index(magnitude);
		}
		if (bucket.least > bucket.largest)
			continue;	/* no integer lies between these two bounds */
		seen++;
		assert_int_equal(index_reference(bucket.least), index);
		assert_int_equal(index_reference(bucket.largest), index);
		if (bucket.least > 1)
			assert_true(index_reference(bucket.least - 1) < index);
		if (bucket.largest < 1ull << 63)
			assert_true(index_reference(bucket.largest + 1) > index);
	}
	assert_true(seen > 3500);
}

static void any_value_is_in_its_bucket(void **state)
{
	__u64 random = 1;

	(void)state;
	for (__u64 magnitude = 1; magnitude < 3000; magnitude++)
		assert_index(magnitude);
	for (unsigned int i = 0; i < 10000; i++)
		assert_index((random_next(&random) >> 1 >> random_below(&random, 63)) + 1);
	assert_index(1ull << 63);
	assert_index((1ull << 63) - 1);
}

static void codes_ascend_with_values(void **state)
{
	(void)state;
	for (unsigned int scale = 1; scale <= 6; scale++) {
		unsigned int middle = SKETCH_HISTOGRAM_CODES(scale) / 2;
		__u64 random = 2;

		assert_int_equal(sketch_histogram_code(0, scale), middle);
		assert_int_equal(sketch_histogram_code(1, scale), middle + 1);
		assert_int_equal(sketch_histogram_code(-1, scale), middle - 1);
		assert_true(sketch_histogram_code(INT64_MAX, scale) <
			    SKETCH_HISTOGRAM_CODES(scale));
		assert_int_equal(sketch_histogram_code(INT64_MIN, scale),
				 middle - 1 - (63u << scale));
		for (int i = 0; i < 5000; i++) {
			__s64 a = (__s64)random_next(&random) >> random_below(&random, 64);
			__s64 b = (__s64)random_next(&random) >> random_below(&random, 64);

			if (a > b)
				assert_true(sketch_histogram_code(a, scale) >=
					    sketch_histogram_code(b, scale));
		}
	}
}

static size_t write(const struct sketch_histogram *sketch, __u8 *bytes)
{
	long written = sketch_histogram_write(sketch, &pool, bytes, BYTES_MAX);

	assert_int_equal(written, sketch_histogram_bytes(sketch, &pool));
	assert_int_equal(written % 8, 0);
	return (size_t)written;
}

static void assert_same(const struct sketch_histogram *a, const struct sketch_histogram *b)
{
	static __u8 bytes_a[BYTES_MAX], bytes_b[BYTES_MAX];
	size_t length = write(a, bytes_a);

	assert_int_equal(length, write(b, bytes_b));
	assert_memory_equal(bytes_a, bytes_b, length);
}

static void add(struct sketch_histogram *sketch, __s64 value, __u64 weight)
{
	assert_int_equal(sketch_histogram_add(sketch, &pool, value, weight), 0);
}

/* The families of values that quantiles are tested on. */
static __s64 draw(unsigned int family, __u64 *random)
{
	double unit = ((double)(random_next(random) >> 11) + 0.5) * 0x1p-53;

	switch (family) {
	case 0:
		return (__s64)random_below(random, 1000);
	case 1:
		return (__s64)(-log(unit) * 20000);
	case 2:		/* sum of uniforms as an exponent: log-normal, nearly */
		return (__s64)exp(5 + 6 * (unit + (double)random_below(random, 1000) / 1000));
	case 3:		/* Pareto */
		return (__s64)(100 / pow(unit, 0.9));
	case 4:
		return (__s64)random_next(random);
	case 5:
		return 123456789;
	case 6:
		return (__s64)random_below(random, 5) - 2;
	case 7:		/* two far modes */
		return random_next(random) % 2 ? 1000 + (__s64)random_below(random, 10) :
						 -(__s64)random_below(random, 1ull << 40);
	default:
		return (__s64)(random_next(random) >> random_below(random, 64)) *
		       (random_next(random) % 2 ? 1 : -1);
	}
}

#define FAMILIES 9

static int compare(const void *a, const void *b)
{
	__s64 first = *(const __s64 *)a, second = *(const __s64 *)b;

	return (first > second) - (first < second);
}

static void assert_quantiles(const struct sketch_histogram *sketch, const __s64 *sorted,
			     unsigned int count, double error_max)
{
	for (unsigned int step = 0; step <= 1000; step++) {
		unsigned int rank = (step * count + 999) / 1000;
		double exact = (double)sorted[rank ? rank - 1 : 0], found;

		assert_int_equal(sketch_histogram_quantile(sketch, &pool, step / 1000.0, &found),
				 0);
		if (fabs(found - exact) > error_max * fabs(exact))
			fail_msg("rank %u of %u: %g for %g", rank, count, found, exact);
		if (fabs(exact) <= 45)
			assert_true(found == exact);
	}
}

static void quantiles_are_within_their_error(void **state)
{
	static const unsigned int counts[] = { 1, 2, 9, 33, 100, 3000 };
	static __s64 values[3000];

	(void)state;
	for (unsigned int family = 0; family < FAMILIES; family++) {
		__u64 random = family;

		for (unsigned int i = 0; i < 12; i++) {
			unsigned int count = counts[i % 6], scale = i < 6 ? 5 : 6;
			struct sketch_histogram sketch = sketch_histogram_empty(scale);

			for (unsigned int j = 0; j < count; j++) {
				values[j] = draw(family, &random);
				add(&sketch, values[j], 1);
			}
			qsort(values, count, sizeof(values[0]), compare);
			assert_int_equal(sketch_histogram_count(&sketch, &pool), count);
			assert_quantiles(&sketch, values, count, scale == 5 ? 0.01084 : 0.00542);
			sketch_histogram_clear(&sketch, &pool);
		}
	}
}

static void ranks_follow_the_rule(void **state)
{
	static const struct {
		double q;
		int of, rank;
	} rows[] = { { 0, 10, 1 },     { 1, 10, 10 },	  { 0.5, 10, 5 },     { 0.5, 11, 6 },
		     { 0.9, 10, 9 },   { 0.07, 100, 7 },  { 0.99, 100, 99 },  { 0.999, 100, 100 },
		     { 0.1, 30, 3 },   { 1e-9, 40, 1 },	  { 0.29, 100, 29 }, { 0.501, 2, 2 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sketch_histogram sketch = sketch_histogram_empty(5);
		double found = 0, far = 0;

		for (int j = 1; j <= rows[i].of; j++)	/* exactly told apart: powers of 1.5 */
			add(&sketch, rows[i].of <= 45 ? j : (__s64)ceil(pow(1.5, j)), 1);
		assert_int_equal(sketch_histogram_quantile(&sketch, &pool, rows[i].q, &found), 0);
		far = rows[i].of <= 45 ? rows[i].rank : pow(1.5, rows[i].rank);
		assert_true(fabs(found - far) < 0.02 * far + (rows[i].of > 45));
		sketch_histogram_clear(&sketch, &pool);
	}
}

static void weights_count_as_repetitions(void **state)
{
	struct sketch_histogram once = sketch_histogram_empty(5), often = once;
	__u64 random = 4;

	(void)state;
	for (int i = 0; i < 200; i++) {
		__s64 value = draw(8, &random);
		unsigned int weight = (unsigned int)random_below(&random, 20);

		add(&once, value, weight);
		for (unsigned int j = 0; j < weight; j++)
			add(&often, value, 1);
	}
	assert_same(&once, &often);
	sketch_histogram_clear(&once, &pool);
	sketch_histogram_clear(&often, &pool);
}

static void counts_stop_at_the_end(void **state)
{
	struct sketch_histogram sketch = sketch_histogram_empty(5), other = sketch;
	unsigned int code = 0;
	__u64 count;

	(void)state;
	add(&sketch, 5, (1ull << 16) - 1);
	assert_int_equal(sketch.form, SKETCH_HISTOGRAM_LIST);
	assert_int_equal(sketch_histogram_count(&sketch, &pool), (1ull << 16) - 1);
	add(&sketch, 5, 1);
	assert_int_equal(sketch.form, SKETCH_HISTOGRAM_WIDE);
	assert_int_equal(sketch_histogram_count(&sketch, &pool), 1ull << 16);
	add(&sketch, 5, ~0ull);
	assert_true(sketch_histogram_next(&sketch, &pool, &code, &count));
	assert_true(count == ~0ull);
	add(&sketch, 5, 3);
	add(&sketch, 7, 3);
	assert_true(sketch_histogram_count(&sketch, &pool) == ~0ull);
	add(&other, 5, ~0ull - 1);
	assert_int_equal(sketch_histogram_merge(&other, &pool, &sketch, &pool), 0);
	assert_same(&sketch, &other);
	sketch_histogram_clear(&sketch, &pool);
	sketch_histogram_clear(&other, &pool);
	add(&sketch, 5, 7);
	add(&sketch, 5, ~0ull);	/* too much for the list, and then for the count */
	assert_true(sketch_histogram_count(&sketch, &pool) == ~0ull);
	sketch_histogram_clear(&sketch, &pool);
}

static void few_buckets_take_little(void **state)
{
	static const struct {
		unsigned int buckets, bytes;
	} rows[] = { { 0, 0 },	  { 1, 64 },   { 16, 64 },  { 17, 128 },
		     { 32, 128 }, { 33, 128 }, { 44, 128 }, { 45, 256 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sketch_histogram sketch = sketch_histogram_empty(5);

		for (unsigned int j = 0; j < rows[i].buckets * 3; j++)
			sketch_histogram_add_code(&sketch, &pool, 2100 + j % rows[i].buckets, 1);
		assert_int_equal(pool.bytes_used, rows[i].bytes);
		sketch_histogram_clear(&sketch, &pool);
	}
}

/* A sketch beside plain counts by code. */
struct model {
	struct sketch_histogram sketch;
	__u64 count[SKETCH_HISTOGRAM_CODES(6)];
};

static void model_add(struct model *model, unsigned int code, __u64 weight)
{
	assert_int_equal(sketch_histogram_add_code(&model->sketch, &pool, code, weight), 0);
	if (__builtin_add_overflow(model->count[code], weight, &model->count[code]))
		model->count[code] = ~0ull;
}

static void model_merge(struct model *model, const struct model *from)
{
	assert_int_equal(sketch_histogram_merge(&model->sketch, &pool, &from->sketch, &pool), 0);
	for (unsigned int i = 0; i < SKETCH_HISTOGRAM_CODES(6); i++) {
		if (__builtin_add_overflow(model->count[i], from->count[i], &model->count[i]))
			model->count[i] = ~0ull;
	}
}

static void model_check(const struct model *model)
{
	unsigned int code = 0;
	__u64 count;

	for (unsigned int i = 0; i < SKETCH_HISTOGRAM_CODES(6); i++) {
		if (!model->count[i])
			continue;
		assert_true(sketch_histogram_next(&model->sketch, &pool, &code, &count));
		assert_int_equal(code++, i);
		assert_true(count == model->count[i]);
	}
	assert_false(sketch_histogram_next(&model->sketch, &pool, &code, &count));
}

/* Codes around a place, now and then anywhere, and now and then with a large weight. */
static void model_fill(struct model *model, unsigned int scale, __u64 *random)
{
	const unsigned int codes = SKETCH_HISTOGRAM_CODES(scale);
	unsigned int adds = (unsigned int)random_below(random, 600);
	unsigned int around = (unsigned int)random_below(random, codes);
	unsigned int spread = 1u << random_below(random, 9);
	unsigned int bits = (unsigned int)random_below(random, 17);

	*model = (struct model){ .sketch = sketch_histogram_empty(scale) };
	for (unsigned int i = 0; i < adds; i++) {
		unsigned int code = (around + (unsigned int)random_below(random, spread)) % codes;
		__u64 weight = random_below(random, 1ull << bits);

		if (!random_below(random, 200))
			code = (unsigned int)random_below(random, codes);
		if (!random_below(random, 1000))
			weight = random_next(random);
		model_add(model, code, weight);
	}
}

static void any_codes_are_counted(void **state)
{
	static struct model first, second;
	unsigned int seen[SKETCH_HISTOGRAM_LOST] = { 0 };
	__u64 random = 9;

	(void)state;
	for (unsigned int round = 0; round < 1500; round++) {
		unsigned int scale = 1 + round % 6;

		model_fill(&first, scale, &random);
		model_fill(&second, scale, &random);
		model_check(&first);
		seen[first.sketch.form]++;
		model_merge(&first, &second);
		model_check(&first);
		model_merge(&second, &first);
		model_check(&second);
		sketch_histogram_clear(&first.sketch, &pool);
		sketch_histogram_clear(&second.sketch, &pool);
	}
	for (unsigned int form = 0; form < SKETCH_HISTOGRAM_LOST; form++)
		assert_true(seen[form] > 50);
	assert_int_equal(pool.bytes_used, 0);
}

/* The ends of the line of codes, towards which a block cannot grow. */
static void counts_reach_both_ends(void **state)
{
	(void)state;
	for (unsigned int scale = 1; scale <= 6; scale++) {
		const unsigned int codes = SKETCH_HISTOGRAM_CODES(scale);
		static struct model model;

		for (unsigned int way = 0; way < 2; way++) {
			model = (struct model){ .sketch = sketch_histogram_empty(scale) };
			for (unsigned int i = 0; i < codes; i++)
				model_add(&model, way ? codes - 1 - i : i, 1 + i % 3);
			model_check(&model);
			assert_int_equal(model.sketch.form, SKETCH_HISTOGRAM_NARROW);
			for (unsigned int i = 0; i < codes; i += 7)
				model_add(&model, way ? codes - 1 - i : i, 0xffff);
			model_check(&model);
			assert_int_equal(model.sketch.form, SKETCH_HISTOGRAM_WIDE);
			sketch_histogram_clear(&model.sketch, &pool);
		}
	}
}

struct trial {
	struct sketch_histogram part[3], all;
};

static void trial_make(struct trial *trial, unsigned int scale, __u64 *random)
{
	static const unsigned int counts[] = { 0, 1, 8, 9, 30, 33, 50, 200, 2000 };

	trial->all = sketch_histogram_empty(scale);
	for (int i = 0; i < 3; i++) {
		unsigned int count = counts[random_below(random, 9)];
		unsigned int family = (unsigned int)random_below(random, FAMILIES);

		trial->part[i] = sketch_histogram_empty(scale);
		for (unsigned int j = 0; j < count; j++) {
			__s64 value = draw(family, random);
			__u64 weight = random_below(random, 50) ? 1 : random_next(random) >> 20;

			add(&trial->part[i], value, weight);
			add(&trial->all, value, weight);
		}
	}
}

static void trial_end(struct trial *trial)
{
	sketch_histogram_clear(&trial->all, &pool);
	for (int i = 0; i < 3; i++)
		sketch_histogram_clear(&trial->part[i], &pool);
}

static struct sketch_histogram merged(const struct trial *trial, const char *order)
{
	struct sketch_histogram sketch = sketch_histogram_empty(trial->all.scale);

	for (; *order; order++)
		assert_int_equal(sketch_histogram_merge(&sketch, &pool,
							&trial->part[*order - '0'], &pool), 0);
	return sketch;
}

static void merging_obeys_its_laws(void **state)
{
	static const char *const orders[] = { "012", "021", "102", "120", "201", "210" };
	static __u8 bytes[BYTES_MAX + 1];
	__u64 random = 5;

	(void)state;
	for (unsigned int round = 0; round < 120; round++) {
		struct sketch_histogram pair, group;
		struct trial trial;

		trial_make(&trial, 4 + round % 3, &random);
		for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
			group = merged(&trial, orders[i]);
			assert_same(&group, &trial.all);
			sketch_histogram_clear(&group, &pool);
		}
		pair = merged(&trial, "12");	/* 0 + (1 + 2) */
		group = merged(&trial, "0");
		assert_same(&group, &trial.part[0]);
		assert_int_equal(sketch_histogram_merge(&group, &pool, &pair, &pool), 0);
		assert_same(&group, &trial.all);
		sketch_histogram_clear(&pair, &pool);
		sketch_histogram_clear(&group, &pool);
		for (int i = 0; i < 3; i++) {	/* cleared, it is empty and of the same scale */
			size_t length = write(&trial.part[i], bytes + 1);

			assert_int_equal(sketch_histogram_merge_bytes(&group, &pool, bytes + 1,
								      length), 0);
		}
		assert_same(&group, &trial.all);
		sketch_histogram_clear(&group, &pool);
		trial_end(&trial);
	}
}

static void bytes_merge_and_scales_fold(void **state)
{
	static __u8 bytes[BYTES_MAX + 1];
	__u64 random = 6;

	(void)state;
	for (unsigned int round = 0; round < 60; round++) {
		struct sketch_histogram fine = sketch_histogram_empty(6);
		struct sketch_histogram coarse = sketch_histogram_empty(1 + round % 6);
		struct sketch_histogram merge = coarse, read = coarse;
		unsigned int family = round % FAMILIES, count = round * round;

		for (unsigned int i = 0; i < count; i++) {
			__s64 value = draw(family, &random);

			add(&fine, value, i);
			add(&coarse, value, i);
		}
		assert_int_equal(sketch_histogram_merge(&merge, &pool, &fine, &pool), 0);
		assert_same(&merge, &coarse);
		assert_int_equal(sketch_histogram_merge_bytes(&read, &pool, bytes + 1,
							      write(&fine, bytes + 1)), 0);
		assert_same(&read, &coarse);
		if (coarse.scale < 6)
			assert_int_equal(sketch_histogram_merge(&fine, &pool, &coarse, &pool),
					 -EINVAL);
		sketch_histogram_clear(&fine, &pool);
		sketch_histogram_clear(&coarse, &pool);
		sketch_histogram_clear(&merge, &pool);
		sketch_histogram_clear(&read, &pool);
	}
}

static void order_leaves_no_trace(void **state)
{
	static __u64 values[500];
	__u64 random = 7;

	(void)state;
	for (unsigned int round = 0; round < 100; round++) {
		struct sketch_histogram first = sketch_histogram_empty(5), second = first;
		unsigned int count = 1 + (unsigned int)random_below(&random, 500);

		for (unsigned int i = 0; i < count; i++) {
			values[i] = (__u64)draw(round % FAMILIES, &random);
			add(&first, (__s64)values[i], values[i] % 7 + 1);
		}
		random_shuffle(&random, values, count);
		for (unsigned int i = 0; i < count; i++)
			add(&second, (__s64)values[i], values[i] % 7 + 1);
		assert_same(&first, &second);
		sketch_histogram_clear(&first, &pool);
		sketch_histogram_clear(&second, &pool);
	}
}

static void an_exhausted_pool_loses_the_sketch(void **state)
{
	struct sketch_histogram lost, other = sketch_histogram_empty(5);
	void *little = aligned_alloc(64, 3 * 65536);
	struct sketch_pool small;
	unsigned int taken = 0;
	__u8 bytes[16];
	double value = 7;

	(void)state;
	for (unsigned int slabs = 0;; slabs++) {
		int error = 0;

		sketch_pool_open(&small, little, slabs * (65536 + 64), 1);
		lost = sketch_histogram_empty(5);
		for (__s64 i = 1; i < 40 && !error; i++)
			error = sketch_histogram_add(&lost, &small, i, 1);
		if (slabs == 2)	/* one for the list, one for what it grows into */
			break;
		assert_int_equal(error, -ENOSPC);
		assert_int_equal(small.bytes_used, 0);
		assert_int_equal(sketch_histogram_add(&lost, &small, 1, 1), 0);
		sketch_pool_close(&small);
	}
	while (sketch_pool_take(&small, 256))
		taken++;
	assert_true(taken > 200);
	assert_int_equal(sketch_histogram_add(&lost, &small, 1000000, 1), -ENOSPC);
	assert_int_equal(small.bytes_used, 256 * taken);
	assert_int_equal(sketch_histogram_quantile(&lost, &small, 0.5, &value), -ENODATA);
	assert_true(value == 7);
	assert_int_equal(sketch_histogram_write(&lost, &small, bytes, 7), -ENOBUFS);
	assert_int_equal(sketch_histogram_write(&lost, &small, bytes, 16), 8);
	add(&other, 1, 1);
	assert_int_equal(sketch_histogram_merge_bytes(&other, &pool, bytes, 8), -ENOSPC);
	assert_int_equal(sketch_histogram_merge_bytes(&other, &pool, bytes, 8), 0);
	sketch_histogram_clear(&other, &pool);
	assert_int_equal(sketch_histogram_merge(&other, &pool, &lost, &small), -ENOSPC);
	sketch_pool_close(&small);
	free(little);
}

static bool offer(const __u8 *bytes, size_t length)
{
	struct sketch_histogram sketch = sketch_histogram_empty(5), empty = sketch;
	static __u8 again[BYTES_MAX];
	__u8 *exact = malloc(length);
	int error;

	memcpy(exact, bytes, length);
	error = sketch_histogram_merge_bytes(&sketch, &pool, exact, length);
	if (error == -EBADMSG || error == -EINVAL) {
		assert_memory_equal(&sketch, &empty, sizeof(sketch));
	} else if (!error && bytes[2] == 5) {
		size_t written = write(&sketch, again);

		assert_memory_equal(again, bytes, written);
	}
	sketch_histogram_clear(&sketch, &pool);
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
		struct sketch_histogram sketch = sketch_histogram_empty(5);
		__u64 values = random_below(&random, round % 50 ? 12 : 300);
		size_t length;

		for (__u64 i = 0; i < values; i++)
			add(&sketch, draw(round % FAMILIES, &random), random_below(&random, 300));
		length = write(&sketch, good);
		sketch_histogram_clear(&sketch, &pool);
		assert_true(offer(good, length));
		assert_false(offer(good, length - 1));
		good[random_below(&random, length)] ^= (__u8)(1 << random_below(&random, 8));
		if (offer(good, length))
			accepted++;
		else
			refused++;
		for (size_t i = 8; i < 64; i++)
			good[i] = (__u8)(random_next(&random) >> random_below(&random, 64));
		length = 8 + 8 * random_below(&random, 8);
		memcpy(good, &(struct sketch_head){ SKETCH_KIND_HISTOGRAM, SKETCH_BODY_SKETCH, 5, 0,
						    (__u32)length }, 8);
		offer(good, length);
	}
	assert_true(refused > 500);
	assert_true(accepted > 500);
}

#define FF4 0xff, 0xff, 0xff, 0xff

static void only_one_spelling_is_accepted(void **state)
{
	static const struct {
		__u8 body[16];
		unsigned int bytes;
		bool is_good;
	} rows[] = {
		{ { 0x80, 0x10, 1 }, 8, true },		/* zero, once */
		{ { 0x80, 0x10, 1 }, 16, false },	/* padding too long */
		{ { 0x80, 0x10, 0 }, 8, false },	/* count 0 */
		{ { 0x80, 0x10, 1, 0, 1 }, 8, false },	/* something in the padding */
		{ { 0x80, 0x90, 0, 1 }, 8, false },	/* longer than it must be */
		{ { 0x80, 0x10, 1, 2, 1 }, 8, false },	/* a bucket without integers: (1, 1.02] */
		{ { 0x80, 0x10, 1, 0x21, 1 }, 8, true },	/* 2 */
		{ { 0x80, 0x20, 1 }, 8, false },	/* code out of range */
		{ { 0x1e, 1 }, 8, false },		/* below −2^63 */
		{ { 0x1f, 1 }, 8, true },		/* −2^63 */
		{ { 0x80, 0x10, FF4, FF4, 0xff, 1 }, 16, true },	/* zero, 2^64 − 1 times */
		{ { 0x80, 0x10, FF4, FF4, 0xff, 2 }, 16, false },	/* too large a count */
		{ { 0x80, 0x10, FF4, 0xff, 0xff }, 8, false },		/* cut off */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		__u8 bytes[24] = { SKETCH_KIND_HISTOGRAM, SKETCH_BODY_SKETCH, 5, 0,
				   (__u8)(8 + rows[i].bytes) };

		memcpy(bytes + 8, rows[i].body, 16);
		if (offer(bytes, 8 + rows[i].bytes) != rows[i].is_good)
			fail_msg("row %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_bound_is_where_it_belongs),
		cmocka_unit_test(any_value_is_in_its_bucket),
		cmocka_unit_test(codes_ascend_with_values),
		cmocka_unit_test(quantiles_are_within_their_error),
		cmocka_unit_test(ranks_follow_the_rule),
		cmocka_unit_test(weights_count_as_repetitions),
		cmocka_unit_test(counts_stop_at_the_end),
		cmocka_unit_test(few_buckets_take_little),
		cmocka_unit_test(any_codes_are_counted),
		cmocka_unit_test(counts_reach_both_ends),
		cmocka_unit_test(merging_obeys_its_laws),
		cmocka_unit_test(bytes_merge_and_scales_fold),
		cmocka_unit_test(order_leaves_no_trace),
		cmocka_unit_test(an_exhausted_pool_loses_the_sketch),
		cmocka_unit_test(no_bytes_are_trusted),
		cmocka_unit_test(only_one_spelling_is_accepted),
	};

	return cmocka_run_group_tests(tests, pool_set_up, pool_tear_down);
}
