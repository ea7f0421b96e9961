/* SPDX-License-Identifier: BSD-2-Clause */
/* Tumbling windows against the oracle: any size, offset, grouping and filter, over streams with
 * disorder, late, lying and idle sources. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/group/groups.h"
#include "features.h"
#include "suite.h"

static const struct generate_options few = {
	.has_tumbling = true,
	.windows_max = 3,
	.datagrams = 60,
};

static const struct generate_options many = {
	.has_tumbling = true,
	.windows_max = SLUICE_WINDOWS_MAX,
	.datagrams = 30,
};

static void tumbling_random_streams(void **state)
{
	(void)state;
	suite_random_streams(&few, 500, 1);
}

static void tumbling_many_windows(void **state)
{
	(void)state;
	suite_random_streams(&many, 40, 100000);
}

static void tumbling_lazy_emission(void **state)
{
	(void)state;
	suite_lazy_emission(&few, 100, 200000);
}

static void tumbling_permutations(void **state)
{
	(void)state;
	suite_permutations(&few, 40, 300000);
}

static void tumbling_workers(void **state)
{
	(void)state;
	FEATURE_REQUIRE(FEATURE_WORKERS);
	suite_workers(&few, 40, 400000);
}

static void tumbling_hidden_choices(void **state)
{
	(void)state;
	suite_hidden_choices(&few, 40, 500000);
}

static void tumbling_windows_alone(void **state)
{
	(void)state;
	suite_windows_alone(&few, 60, 600000);
}

static void tumbling_empty_state(void **state)
{
	(void)state;
	suite_empty_state(&few, 60, 700000);
}

#define HASH_SEED 99
#define PAIRS 4
#define CANDIDATES (1u << 18) /* of so many, about 16 pairs have the same of 2^31 tags */

struct tagged {
	__u32 tag;
	__u32 key;
};

static int compare_tags(const void *a, const void *b)
{
	const struct tagged *x = a, *y = b;

	return (x->tag > y->tag) - (x->tag < y->tag);
}

/* Keys of which the dictionary cannot tell the two of a pair apart without looking at them. */
static void find_pairs(__u64 key[static 2 * PAIRS])
{
	const struct hash_seed seed = hash_seed_make(HASH_SEED);
	struct tagged *all = calloc(CANDIDATES, sizeof(*all));
	__u32 found = 0;

	assert_non_null(all);
	for (__u32 i = 0; i < CANDIDATES; i++)
		all[i] = (struct tagged){ groups_tag_of(hash_word(&seed, i)), i };
	qsort(all, CANDIDATES, sizeof(*all), compare_tags);
	for (__u32 i = 1; i < CANDIDATES && found < 2 * PAIRS; i++) {
		if (all[i].tag != all[i - 1].tag)
			continue;
		key[found++] = all[i - 1].key;
		key[found++] = all[i].key;
	}
	free(all);
	assert_int_equal(found, 2 * PAIRS);
}

static void take_keys(struct scenario *scenario, const __u64 key[static 2 * PAIRS])
{
	for (__u32 w = 0; w < scenario->window_count; w++) {
		scenario->window[w].group_count = 1;
		scenario->window[w].group_field[0] = SLUICE_FIELD_KEY;
		scenario->window[w].where.field[SLUICE_FIELD_KEY].count = 0;
	}
	for (size_t i = 0; i < scenario->step_count; i++) {
		struct scenario_datagram *datagram = &scenario->step[i].datagram;

		for (__u32 e = 0; e < datagram->event_count; e++)
			datagram->event[e].wire.key =
				key[datagram->event[e].wire.key % (2 * PAIRS)];
	}
}

static void tumbling_keys_that_look_alike(void **state)
{
	__u64 seed = generate_first_seed(800000), end = seed + generate_rounds(100);
	__u64 key[2 * PAIRS];

	(void)state;
	find_pairs(key);
	for (; seed < end; seed++) {
		struct drive_options drive = { .hash_seed = HASH_SEED, .noise_seed = seed };
		struct scenario scenario;

		generate_scenario(&scenario, seed, &few);
		take_keys(&scenario, key);
		suite_judge_or_fail(&scenario, &drive, COMPARE_ALL);
		scenario_clear(&scenario);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tumbling_random_streams),
		cmocka_unit_test(tumbling_many_windows),
		cmocka_unit_test(tumbling_lazy_emission),
		cmocka_unit_test(tumbling_permutations),
		cmocka_unit_test(tumbling_workers),
		cmocka_unit_test(tumbling_hidden_choices),
		cmocka_unit_test(tumbling_windows_alone),
		cmocka_unit_test(tumbling_empty_state),
		cmocka_unit_test(tumbling_keys_that_look_alike),
	};

	suite_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
