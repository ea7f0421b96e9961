/* SPDX-License-Identifier: BSD-2-Clause */
/* Distinct counts against plain sets, plain registers and the laws of merging. The hash is checked
 * against a second implementation, and that one against the published verification value. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/sketch/sketch_distinct.h"
#include "pool_bed.h"
#include "random.h"

#define BYTES_MAX SKETCH_DISTINCT_BYTES_MAX(14)

/* MurmurHash64A for any length, byte by byte. */
static __u64 murmur_reference(const __u8 *bytes, unsigned int length, __u64 seed)
{
	const __u64 m = 0xc6a4a7935bd1e995ull;
	__u64 h = seed ^ length * m;
	unsigned int at = 0;

	for (; at + 8 <= length; at += 8) {
		__u64 k = 0;

		for (unsigned int i = 0; i < 8; i++)
			k |= (__u64)bytes[at + i] << 8 * i;
		k *= m;
		k ^= k >> 47;
		k *= m;
		h = (h ^ k) * m;
	}
	if (at < length) {
		for (unsigned int i = at; i < length; i++)
			h ^= (__u64)bytes[i] << 8 * (i - at);
		h *= m;
	}
	h = (h ^ h >> 47) * m;
	return h ^ h >> 47;
}

/* The verification value of SMHasher: keys 0, 01, 012, … under falling seeds, hashed once
 * more. */
static void the_hash_is_murmur64a(void **state)
{
	__u8 key[256], hashes[256 * 8], word[8];
	__u64 random = 1, hash;

	(void)state;
	for (unsigned int i = 0; i < 256; i++) {
		key[i] = (__u8)i;
		hash = murmur_reference(key, i, 256 - i);
		memcpy(hashes + 8 * i, &hash, 8);
	}
	assert_int_equal((__u32)murmur_reference(hashes, sizeof(hashes), 0), 0x1F0D3804);
	for (int i = 0; i < 10000; i++) {
		__u64 value = random_next(&random), seed = i % 2 ? MURMUR64A_SEED_REDIS : value;

		memcpy(word, &value, 8);
		assert_true(murmur64a_u64(value, seed) == murmur_reference(word, 8, seed));
	}
}

/* The value whose hash is 0: every step of the hash run backwards. */
static __u64 value_of_hash_zero(void)
{
	const __u64 m = 0xc6a4a7935bd1e995ull;
	__u64 inverse = m, word;

	for (int i = 0; i < 6; i++)
		inverse *= 2 - m * inverse;
	word = (MURMUR64A_SEED_REDIS ^ 8 * m) * inverse;	/* hash before its last mix is 0 */
	word ^= word >> 47;
	return word * inverse;
}

static void add_all(struct sketch_distinct *sketch, const __u64 *values, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		assert_int_equal(sketch_distinct_add(sketch, &pool, values[i]), 0);
}

static __u64 estimate(const struct sketch_distinct *sketch)
{
	__u64 count = ~0ull;

	assert_int_equal(sketch_distinct_estimate(sketch, &pool, &count), 0);
	return count;
}

static size_t write(const struct sketch_distinct *sketch, __u8 *bytes)
{
	long written = sketch_distinct_write(sketch, &pool, bytes, BYTES_MAX);

	assert_int_equal(written, sketch_distinct_bytes(sketch));
	assert_int_equal(written % 8, 0);
	return (size_t)written;
}

static void assert_same(const struct sketch_distinct *a, const struct sketch_distinct *b)
{
	__u8 bytes_a[BYTES_MAX], bytes_b[BYTES_MAX];
	size_t length = write(a, bytes_a);

	assert_int_equal(length, write(b, bytes_b));
	assert_memory_equal(bytes_a, bytes_b, length);
}

static void few_values_are_counted_exactly(void **state)
{
	struct sketch_distinct sketch = sketch_distinct_empty(12);
	__u64 zero = value_of_hash_zero();

	(void)state;
	assert_true(murmur64a_u64(zero, MURMUR64A_SEED_REDIS) == 0);
	assert_int_equal(estimate(&sketch), 0);
	for (unsigned int n = 0; n < 256; n++) {
		__u64 value = n == 100 ? zero : n * 0x100000001ull;

		for (int again = 0; again < 2; again++) {
			assert_int_equal(sketch_distinct_add(&sketch, &pool, value), 0);
			assert_true(sketch_distinct_is_exact(&sketch));
			assert_int_equal(estimate(&sketch), n + 1);
		}
	}
	for (unsigned int n = 0; n < 256; n++)
		sketch_distinct_add(&sketch, &pool, n == 100 ? zero : n * 0x100000001ull);
	assert_int_equal(estimate(&sketch), 256);
	sketch_distinct_add(&sketch, &pool, 1);
	assert_false(sketch_distinct_is_exact(&sketch));
	sketch_distinct_clear(&sketch, &pool);
}

static void small_sets_stay_small(void **state)
{
	static const struct {
		unsigned int values, bytes;
	} rows[] = { { 0, 0 },	    { 1, 64 },	   { 8, 64 },	  { 9, 128 },	 { 14, 128 },
		     { 15, 256 },   { 28, 256 },   { 29, 512 },	  { 56, 512 },	 { 57, 1024 },
		     { 112, 1024 }, { 113, 2048 }, { 224, 2048 }, { 225, 4096 }, { 257, 4096 } };

	(void)state;
	for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
		struct sketch_distinct sketch = sketch_distinct_empty(12);

		for (__u64 i = 0; i < rows[row].values; i++)
			sketch_distinct_add(&sketch, &pool, i);
		assert_int_equal(pool.bytes_used, rows[row].bytes);
		sketch_distinct_clear(&sketch, &pool);
	}
}

/* Registers by the definition, of any precision. */
static void registers_reference(__u8 *registers, unsigned int precision, const __u64 *values,
				unsigned int count)
{
	memset(registers, 0, 1u << precision);
	for (unsigned int i = 0; i < count; i++) {
		__u64 hash = murmur_reference((const __u8 *)&values[i], 8, MURMUR64A_SEED_REDIS);
		unsigned int index = (unsigned int)(hash % (1u << precision)), rank = 1;

		hash >>= precision;
		while (rank < 65 - precision && !(hash & 1)) {
			hash >>= 1;
			rank++;
		}
		if (registers[index] < rank)
			registers[index] = (__u8)rank;
	}
}

static void registers_follow_the_definition(void **state)
{
	static const unsigned int counts[] = { 0, 1, 200, 256, 257, 5000, 60000 };
	__u8 expected[1 << 14], found[1 << 14];
	__u64 *values = calloc(60000, sizeof(*values)), random = 3;

	(void)state;
	for (int i = 0; i < 60000; i++)
		values[i] = i == 3 ? value_of_hash_zero() : random_next(&random);
	for (unsigned int p = 12; p <= 14; p++) {
		for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
			struct sketch_distinct sketch = sketch_distinct_empty(p);
			unsigned int to_max = counts[i] <= 256 ? 14 : p;

			add_all(&sketch, values, counts[i]);
			for (unsigned int to = 12; to <= to_max; to++) {
				assert_int_equal(sketch_distinct_registers(&sketch, &pool, to,
									   found), 0);
				registers_reference(expected, to, values, counts[i]);
				assert_memory_equal(found, expected, 1u << to);
			}
			if (to_max < 14)
				assert_int_equal(sketch_distinct_registers(&sketch, &pool, 14,
									   found), -EINVAL);
			sketch_distinct_clear(&sketch, &pool);
		}
	}
	free(values);
}

#define UNIVERSE 6000

/* Three sketches of overlapping parts, and one of everything. */
struct trial {
	__u64 values[3][UNIVERSE];
	unsigned int count[3];
	struct sketch_distinct part[3], all;
};

static void trial_make(struct trial *trial, __u64 *random)
{
	static const unsigned int counts[] = { 0,   1,	 7,   8,   9,	14,  15,  60,	100, 127,
					       128, 129, 200, 255, 256, 257, 300, 1000, 5000 };
	__u64 shift = random_below(random, 3) * 20;
	unsigned int p = 12 + (unsigned int)random_below(random, 3);

	trial->all = sketch_distinct_empty(p);
	for (int i = 0; i < 3; i++) {
		trial->part[i] = sketch_distinct_empty(p);
		trial->count[i] = counts[random_below(random, sizeof(counts) / sizeof(counts[0]))];
		for (unsigned int j = 0; j < trial->count[i]; j++) {
			__u64 value = random_below(random, trial->count[i] * 2) << shift;

			trial->values[i][j] = value == 11 ? value_of_hash_zero() : value;
		}
		add_all(&trial->part[i], trial->values[i], trial->count[i]);
		add_all(&trial->all, trial->values[i], trial->count[i]);
	}
}

static void trial_end(struct trial *trial)
{
	sketch_distinct_clear(&trial->all, &pool);
	for (int i = 0; i < 3; i++)
		sketch_distinct_clear(&trial->part[i], &pool);
}

/* The merge of parts in an order given by three digits. */
static struct sketch_distinct merged(const struct trial *trial, const char *order)
{
	struct sketch_distinct sketch = sketch_distinct_empty(trial->all.precision);

	for (; *order; order++)
		assert_int_equal(sketch_distinct_merge(&sketch, &pool,
						       &trial->part[*order - '0'], &pool), 0);
	return sketch;
}

static void merging_obeys_its_laws(void **state)
{
	static const char *const orders[] = { "012", "021", "102", "120", "201", "210",
					    "0120", "2110" };
	struct trial *trial = malloc(sizeof(*trial));
	__u64 random = 5;

	(void)state;
	for (int round = 0; round < 150; round++) {
		struct sketch_distinct pair, group;

		trial_make(trial, &random);
		for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
			group = merged(trial, orders[i]);
			assert_same(&group, &trial->all);
			sketch_distinct_clear(&group, &pool);
		}
		pair = merged(trial, "12");	/* 0 + (1 + 2) */
		group = merged(trial, "0");
		assert_same(&group, &trial->part[0]);
		sketch_distinct_merge(&group, &pool, &pair, &pool);
		assert_same(&group, &trial->all);
		sketch_distinct_merge(&group, &pool, &group, &pool);
		assert_same(&group, &trial->all);
		sketch_distinct_clear(&pair, &pool);
		sketch_distinct_clear(&group, &pool);
		trial_end(trial);
	}
	free(trial);
}

static void merging_bytes_is_merging(void **state)
{
	struct trial *trial = malloc(sizeof(*trial));
	__u8 bytes[BYTES_MAX + 1];
	__u64 random = 6;

	(void)state;
	for (int round = 0; round < 100; round++) {
		struct sketch_distinct sketch;

		trial_make(trial, &random);
		sketch = sketch_distinct_empty(trial->all.precision);
		for (int i = 0; i < 3; i++) {
			size_t length = write(&trial->part[i], bytes + 1);	/* unaligned */

			assert_int_equal(sketch_distinct_merge_bytes(&sketch, &pool, bytes + 1,
								     length), 0);
		}
		assert_same(&sketch, &trial->all);
		sketch_distinct_clear(&sketch, &pool);
		trial_end(trial);
	}
	free(trial);
}

static void order_leaves_no_trace(void **state)
{
	static const unsigned int counts[] = { 3, 8, 14, 100, 256, 257, 3000 };
	__u64 values[3000], random = 8;

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct sketch_distinct first = sketch_distinct_empty(12);

		for (unsigned int j = 0; j < counts[i]; j++)
			values[j] = random_next(&random);
		add_all(&first, values, counts[i]);
		for (int round = 0; round < 20; round++) {
			struct sketch_distinct other = sketch_distinct_empty(12);

			random_shuffle(&random, values, counts[i]);
			add_all(&other, values, counts[i]);
			add_all(&other, values, counts[i] / 2);
			assert_same(&first, &other);
			sketch_distinct_clear(&other, &pool);
		}
		sketch_distinct_clear(&first, &pool);
	}
}

static void higher_precision_folds_into_lower(void **state)
{
	static const unsigned int counts[] = { 100, 256, 257, 20000 };
	__u64 random = 9;

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct sketch_distinct fine = sketch_distinct_empty(14);
		struct sketch_distinct coarse = sketch_distinct_empty(12);
		struct sketch_distinct folded = sketch_distinct_empty(12);

		for (unsigned int j = 0; j < counts[i]; j++) {
			__u64 value = random_next(&random);

			sketch_distinct_add(&fine, &pool, value);
			sketch_distinct_add(&coarse, &pool, value);
		}
		assert_int_equal(sketch_distinct_merge(&folded, &pool, &fine, &pool), 0);
		assert_same(&folded, &coarse);
		assert_int_equal(sketch_distinct_merge(&fine, &pool, &coarse, &pool),
				 counts[i] > 256 ? -EINVAL : 0);
		sketch_distinct_clear(&fine, &pool);
		sketch_distinct_clear(&coarse, &pool);
		sketch_distinct_clear(&folded, &pool);
	}
}

/* Relative errors over many sets of n values: their mean is no bias, their size is the theory's. */
static void errors_are(unsigned int precision, unsigned int n, unsigned int rounds, bool sequential)
{
	const double theory = 1.04 / sqrt(1u << precision);
	__u64 random = n + sequential;
	double sum = 0, squares = 0;

	for (unsigned int round = 0; round < rounds; round++) {
		struct sketch_distinct sketch = sketch_distinct_empty(precision);
		__u64 base = random_next(&random);
		double error;

		for (unsigned int i = 0; i < n; i++)
			sketch_distinct_add(&sketch, &pool,
					    sequential ? base + i : random_next(&random));
		error = ((double)estimate(&sketch) - n) / n;
		assert_true(fabs(error) < 5 * theory);
		sum += error;
		squares += error * error;
		sketch_distinct_clear(&sketch, &pool);
	}
	assert_true(fabs(sum / rounds) < 3 * theory / sqrt(rounds));
	assert_true(sqrt(squares / rounds) < 1.2 * theory);
}

static void estimates_are_as_good_as_the_theory(void **state)
{
	static const unsigned int counts[] = { 257, 1000, 3000, 10000, 20000, 100000 };

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		unsigned int rounds = counts[i] > 20000 ? 60 : 200;

		errors_are(12, counts[i], rounds, false);
		errors_are(12, counts[i], rounds, true);
	}
	errors_are(14, 5000, 100, true);
	errors_are(14, 50000, 60, false);
}

static void an_exhausted_pool_loses_the_sketch(void **state)
{
	struct sketch_distinct lost = sketch_distinct_empty(12), other = sketch_distinct_empty(12);
	struct sketch_pool small;
	void *little = aligned_alloc(64, 2 * 65536);
	__u32 blocks[1025], taken = 0;
	__u8 bytes[64];
	__u64 count = 5;

	(void)state;
	sketch_pool_open(&small, little, 2 * 65536, 1);	/* one slab */
	for (__u64 i = 0; i < 8; i++)
		assert_int_equal(sketch_distinct_add(&lost, &small, i), 0);
	assert_int_equal(sketch_distinct_add(&lost, &small, 8), -ENOSPC);
	assert_int_equal(sketch_distinct_add(&lost, &small, 9), 0);
	assert_int_equal(small.exhausted, 1);
	assert_int_equal(small.bytes_used, 0);
	assert_int_equal(sketch_distinct_estimate(&lost, &small, &count), -ENODATA);
	assert_int_equal(count, 5);
	assert_int_equal(sketch_distinct_write(&lost, &small, bytes, 7), -ENOBUFS);
	assert_int_equal(sketch_distinct_write(&lost, &small, bytes, 64), 8);

	sketch_distinct_add(&other, &pool, 1);
	assert_int_equal(sketch_distinct_merge_bytes(&other, &pool, bytes, 8), -ENOSPC);
	assert_int_equal(sketch_distinct_estimate(&other, &pool, &count), -ENODATA);
	other = sketch_distinct_empty(12);
	assert_int_equal(sketch_distinct_merge(&other, &pool, &lost, &small), -ENOSPC);
	assert_int_equal(sketch_distinct_merge(&other, &pool, &lost, &small), 0);

	while ((blocks[taken] = sketch_pool_take(&small, 64)) != 0)
		taken++;
	assert_int_equal(taken, 1024);
	lost = sketch_distinct_empty(12);
	assert_int_equal(sketch_distinct_add(&lost, &small, 1), -ENOSPC);
	sketch_pool_close(&small);
	free(little);
}

/* Whatever the bytes: no crash, no change when refused, the same bytes again when accepted. */
static bool offer(const __u8 *bytes, size_t length)
{
	struct sketch_distinct sketch = sketch_distinct_empty(12), empty = sketch;
	__u8 *exact = malloc(length), again[BYTES_MAX];	/* so that reading past it is seen */
	int error;

	memcpy(exact, bytes, length);
	error = sketch_distinct_merge_bytes(&sketch, &pool, exact, length);
	if (error == -EBADMSG) {
		assert_memory_equal(&sketch, &empty, sizeof(sketch));
	} else if (error == 0) {
		size_t written = write(&sketch, again);

		if (bytes[2] == 12)
			assert_memory_equal(again, bytes, written);
	} else {
		assert_int_equal(error, -ENOSPC);
	}
	sketch_distinct_clear(&sketch, &pool);
	free(exact);
	return error == 0;
}

static void no_bytes_are_trusted(void **state)
{
	__u8 good[BYTES_MAX], bad[BYTES_MAX];
	__u64 random = 12;
	unsigned int refused = 0, accepted = 0;

	(void)state;
	for (int round = 0; round < 6000; round++) {
		struct sketch_distinct sketch = sketch_distinct_empty(round % 3 ? 12 : 14);
		__u64 values = random_below(&random, round % 10 ? 20 : 400);
		size_t length;

		for (__u64 i = 0; i < values; i++)
			sketch_distinct_add(&sketch, &pool, random_next(&random));
		length = write(&sketch, good);
		sketch_distinct_clear(&sketch, &pool);
		assert_true(offer(good, length));
		assert_false(offer(good, length - 1));
		memcpy(bad, good, length);
		for (int flips = 0; flips < 3; flips++)
			bad[random_below(&random, flips ? length : 8)] ^=
				(__u8)(1 << random_below(&random, 8));
		if (offer(bad, length))
			accepted++;
		else
			refused++;
		for (size_t i = 0; i < 64; i++)
			bad[i] = (__u8)random_next(&random);
		bad[0] = SKETCH_KIND_DISTINCT;
		offer(bad, 8 + random_below(&random, 56));
	}
	assert_true(refused > 1000);
	assert_true(accepted > 10);
}

static void repeated_or_unsorted_hashes_are_refused(void **state)
{
	struct {
		struct sketch_head head;
		__u64 hash[3];
	} bytes = { { SKETCH_KIND_DISTINCT, SKETCH_BODY_EXACT, 12, 0, sizeof(bytes) },
		    { 0, 1, 2 } };

	(void)state;
	assert_true(offer((__u8 *)&bytes, sizeof(bytes)));
	bytes.hash[2] = 1;
	assert_false(offer((__u8 *)&bytes, sizeof(bytes)));
	bytes.hash[2] = 0;
	assert_false(offer((__u8 *)&bytes, sizeof(bytes)));
}

static void redis_strings_need_fourteen_bits(void **state)
{
	static __u8 string[SKETCH_DISTINCT_REDIS_BYTES];
	struct sketch_distinct coarse = sketch_distinct_empty(12), fine = sketch_distinct_empty(14);

	(void)state;
	for (__u64 i = 0; i < 256; i++)
		sketch_distinct_add(&coarse, &pool, i);
	assert_int_equal(sketch_distinct_export_redis(&coarse, &pool, string), 0);
	sketch_distinct_add(&coarse, &pool, 256);
	assert_int_equal(sketch_distinct_export_redis(&coarse, &pool, string), -EINVAL);
	for (__u64 i = 0; i < 257; i++)
		sketch_distinct_add(&fine, &pool, i);
	assert_int_equal(sketch_distinct_export_redis(&fine, &pool, string), 0);
	assert_memory_equal(string, "HYLL\0\0\0\0\0\0\0\0\0\0\0\x80", 16);
	sketch_distinct_clear(&coarse, &pool);
	sketch_distinct_clear(&fine, &pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_hash_is_murmur64a),
		cmocka_unit_test(few_values_are_counted_exactly),
		cmocka_unit_test(small_sets_stay_small),
		cmocka_unit_test(registers_follow_the_definition),
		cmocka_unit_test(merging_obeys_its_laws),
		cmocka_unit_test(merging_bytes_is_merging),
		cmocka_unit_test(order_leaves_no_trace),
		cmocka_unit_test(higher_precision_folds_into_lower),
		cmocka_unit_test(estimates_are_as_good_as_the_theory),
		cmocka_unit_test(an_exhausted_pool_loses_the_sketch),
		cmocka_unit_test(no_bytes_are_trusted),
		cmocka_unit_test(repeated_or_unsorted_hashes_are_refused),
		cmocka_unit_test(redis_strings_need_fourteen_bits),
	};

	return cmocka_run_group_tests(tests, pool_set_up, pool_tear_down);
}
