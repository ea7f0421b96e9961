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

#include "core/group/groups.h"

#define IDS 60000u

static void key_of(__u64 *key, __u32 words, __u64 n)
{
	for (__u32 w = 0; w < words; w++)
		key[w] = n << (8 * w);
}

static __u32 add_idle(struct groups *groups, __u64 n)
{
	__u64 key[SLUICE_KEY_WORDS_MAX];

	key_of(key, groups->key_words, n);
	return groups_add(groups, key, groups_tag(groups, key));
}

/* A pane refers to it. */
static __u32 add(struct groups *groups, __u64 n)
{
	__u32 id = add_idle(groups, n);

	if (id != GROUPS_NONE)
		groups_refer(groups, id);
	groups_step(groups, 4);
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

/* No pane refers to it any more. */
static void release(struct groups *groups, __u64 n)
{
	__u32 id = find(groups, n);

	groups_release(groups, &id, 1);
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
	release(&groups, 7);
	assert_int_equal(find(&groups, 7), GROUPS_NONE);
	assert_int_not_equal(add(&groups, 100), GROUPS_NONE);
	assert_int_equal(groups.count, 100);
	assert_true(groups_are_direct(&groups));
	release(&groups, 8);
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
		release(&groups, n - ALIVE);
		assert_int_equal(find(&groups, n - ALIVE), GROUPS_NONE);
	}
	assert_int_equal(groups.count, ALIVE);
	assert_true(groups.ids_touched <= ALIVE + 1);
	for (__u64 n = ROUNDS - ALIVE; n < ROUNDS; n++)
		assert_int_not_equal(find(&groups, n), GROUPS_NONE);
	groups_close(&groups);
}

/* The keys of a pane that come again in the next one have their ids still; those that do not are
 * forgotten by and by. */
static void remembers_what_comes_again(void **state)
{
	enum { KEYS = 1000, PANES = 6, STEPS = 100 };
	static __u32 ids[KEYS];
	struct groups groups;

	(void)state;
	assert_int_equal(groups_open(&groups, 1, 10 * KEYS, 3), 0);
	for (__u32 n = 0; n < KEYS; n++)
		ids[n] = add(&groups, n + GROUPS_DIRECT);
	groups_release(&groups, ids, KEYS);
	assert_int_equal(groups.idle_count, KEYS);
	for (__u32 pane = 0; pane < PANES; pane++) {
		for (__u32 step = 0; step < STEPS; step++)
			groups_step(&groups, 4);
		for (__u32 n = 0; n < KEYS; n += 2) {
			assert_int_equal(find(&groups, n + GROUPS_DIRECT), ids[n]);
			groups_refer(&groups, ids[n]);
		}
		for (__u32 n = 0; n < KEYS; n += 2)
			groups_release(&groups, &ids[n], 1);
	}
	assert_int_equal(groups.count, KEYS / 2);
	assert_int_equal(groups.idle_count, KEYS / 2);
	for (__u32 n = 1; n < KEYS; n += 2)
		assert_int_equal(find(&groups, n + GROUPS_DIRECT), GROUPS_NONE);
	groups_close(&groups);
}

/* What is idle never takes the place of what comes: a dictionary can always be filled up, as many
 * keys between two steps as are allowed. */
static void idle_ids_make_room(void **state)
{
	(void)state;
	for (__u32 capacity = 100; capacity < 20000; capacity = capacity * 3 / 2) {
		struct groups groups;
		__u32 id, added = 0;

		assert_int_equal(groups_open(&groups, 1, capacity, 3), 0);
		for (__u32 n = 0; n < capacity; n++) {
			id = add(&groups, n);
			assert_int_not_equal(id, GROUPS_NONE);
			groups_release(&groups, &id, 1);
		}
		assert_int_equal(groups.count, groups.idle_count);
		assert_true(groups.count <= groups.idle_max);
		for (__u32 n = 0; n < capacity; n++) {
			id = add_idle(&groups, capacity + n);
			assert_int_not_equal(id, GROUPS_NONE);
			groups_refer(&groups, id);
			if (++added % GROUPS_STEP_ADDS == 0)
				groups_step(&groups, 16 + GROUPS_STEP_ADDS);
		}
		assert_int_equal(groups.idle_count, 0);
		groups_close(&groups);
	}
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
		groups_step(&target, LINES);
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
		cmocka_unit_test(remembers_what_comes_again),
		cmocka_unit_test(idle_ids_make_room),
		cmocka_unit_test(tells_keys_of_one_tag_apart),
		cmocka_unit_test(chosen_collisions_are_spread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
