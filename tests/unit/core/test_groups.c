/* SPDX-License-Identifier: BSD-2-Clause */
/* The group dictionary: what is added is found until it is removed, through growth, collisions of
 * tags and dead words. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "core/groups.h"

#define IDS 60000u

static void key_of(__u64 *key, __u32 words, __u64 n)
{
	for (__u32 w = 0; w < words; w++)
		key[w] = n << (8 * w);
}

static __u32 add(struct groups *groups, __u64 n)
{
	__u64 key[SLUICE_KEY_WORDS_MAX];
	__u32 id;

	key_of(key, groups->key_words, n);
	id = groups_add(groups, key, groups_tag(groups, key));
	groups_grow_step(groups, 4);
	return id;
}

static __u32 find(const struct groups *groups, __u64 n)
{
	__u64 key[SLUICE_KEY_WORDS_MAX];

	__u32 id;

	key_of(key, groups->key_words, n);
	id = groups_find(groups, key, groups_tag(groups, key));
	/* The table of small keys says the same. */
	if (groups->direct && n < GROUPS_DIRECT)
		assert_int_equal(groups_find_direct(groups, n), id);
	return id;
}

/* Nobody refers to it. */
static void forget(struct groups *groups, __u64 n)
{
	__u32 id = find(groups, n);

	groups_drop_unused(groups, &id, 1);
}

static void finds_what_was_added_while_growing(void **state)
{
	(void)state;
	for (__u32 words = 1; words <= SLUICE_KEY_WORDS_MAX; words++) {
		struct groups groups;
		__u32 *ids = calloc(IDS, sizeof(*ids));

		assert_int_equal(groups_open(&groups, words, IDS, 42), 0);
		for (__u32 n = 0; n < IDS; n++) {
			ids[n] = add(&groups, n + 1);
			assert_int_not_equal(ids[n], GROUPS_NONE);
			/* A key of the past at each step: growth never hides one. */
			assert_int_equal(find(&groups, n / 2 + 1), ids[n / 2]);
		}
		assert_int_equal(groups.count, IDS);
		for (__u32 n = 0; n < IDS; n++)
			assert_int_equal(find(&groups, n + 1), ids[n]);
		assert_int_equal(find(&groups, IDS + 1), GROUPS_NONE);
		groups_close(&groups);
		free(ids);
	}
}

static void is_full_at_its_capacity(void **state)
{
	struct groups groups;

	(void)state;
	assert_int_equal(groups_open(&groups, 1, 100, 1), 0);
	for (__u32 n = 0; n < 100; n++)
		assert_int_not_equal(add(&groups, n), GROUPS_NONE);
	assert_int_equal(add(&groups, 100), GROUPS_NONE);
	forget(&groups, 7);
	assert_int_equal(find(&groups, 7), GROUPS_NONE);
	assert_int_not_equal(add(&groups, 100), GROUPS_NONE);
	assert_int_equal(groups.count, 100);
	assert_true(groups_are_direct(&groups));
	forget(&groups, 8);
	assert_int_not_equal(add(&groups, GROUPS_DIRECT), GROUPS_NONE);
	assert_false(groups_are_direct(&groups));
	assert_int_equal(groups_find_direct(&groups, GROUPS_DIRECT), GROUPS_NONE);
	groups_close(&groups);
}

/* Keys come and go for a long time: ids stay within what is alive, and dead words never fill the
 * index. */
static void survives_churn(void **state)
{
	struct groups groups;
	enum { ALIVE = 5000, ROUNDS = 400000 };

	(void)state;
	assert_int_equal(groups_open(&groups, 1, ALIVE + 1, 3), 0);
	for (__u64 n = 0; n < ROUNDS; n++) {
		assert_int_not_equal(add(&groups, n), GROUPS_NONE);
		if (n < ALIVE)
			continue;
		forget(&groups, n - ALIVE);
		assert_int_equal(find(&groups, n - ALIVE), GROUPS_NONE);
	}
	assert_int_equal(groups.count, ALIVE);
	assert_true(groups.ids_touched <= ALIVE + 1);
	for (__u64 n = ROUNDS - ALIVE; n < ROUNDS; n++)
		assert_int_not_equal(find(&groups, n), GROUPS_NONE);
	groups_close(&groups);
}

/* All keys with one and the same tag: slow, but right. */
static void tells_keys_of_one_tag_apart(void **state)
{
	struct groups groups;

	(void)state;
	assert_int_equal(groups_open(&groups, 1, 1000, 3), 0);
	for (__u64 n = 0; n < 300; n++)
		assert_int_equal(groups_add(&groups, &n, 0x80000005u), n);
	for (__u64 n = 0; n < 300; n++)
		assert_int_equal(groups_find(&groups, &n, 0x80000005u), n);
	groups_close(&groups);
}

/* Keys that meet in one line under one secret are spread like any others under another one: who
 * does not know the secret cannot choose them. */
static void chosen_collisions_are_spread(void **state)
{
	enum { LINES = 1024, KEYS = 2048, MOST = 16 }; /* 2 a line; 16 by chance: one in 10^9 */
	static __u32 known[LINES], unknown[LINES];
	struct groups attacked, target;
	__u32 count = 0;

	(void)state;
	assert_int_equal(groups_open(&attacked, 1, KEYS, 1), 0);
	assert_int_equal(groups_open(&target, 1, KEYS, 2), 0);
	for (__u64 key = 0; count < KEYS; key++) {
		__u32 tag = groups_tag(&attacked, &key);

		if (tag % LINES)
			continue;
		known[tag % LINES]++;
		unknown[groups_tag(&target, &key) % LINES]++;
		groups_add(&target, &key, groups_tag(&target, &key));
		groups_grow_step(&target, LINES);
		count++;
	}
	assert_int_equal(known[0], KEYS);
	for (__u32 line = 0; line < LINES; line++)
		assert_true(unknown[line] <= MOST);
	groups_close(&attacked);
	groups_close(&target);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_was_added_while_growing),
		cmocka_unit_test(is_full_at_its_capacity),
		cmocka_unit_test(survives_churn),
		cmocka_unit_test(tells_keys_of_one_tag_apart),
		cmocka_unit_test(chosen_collisions_are_spread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
