/* SPDX-License-Identifier: BSD-2-Clause */
/* The set of event ids against a model that forgets nothing: exact below its bound, and every
 * id that is given up is counted. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/dedup/dedup_ids.h"
#include "random.h"

#define BYTES DEDUP_IDS_BYTES_MIN
#define PLACES 32768
#define LINES (PLACES / DEDUP_IDS_LINE)
#define IDS_MAX 16384

static struct dedup_ids set;
static void *memory;

static int set_up(void **state)
{
	(void)state;
	memory = aligned_alloc(DEDUP_IDS_ALIGN, BYTES);
	memset(memory, 0, BYTES);
	return dedup_ids_open(&set, memory, BYTES, 1, 0x5eed);
}

static int tear_down(void **state)
{
	(void)state;
	free(memory);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static enum dedup_ids_verdict ask(__s64 pane, __u64 id)
{
	__u64 hash = dedup_ids_hash(&set, pane, id);
	enum dedup_ids_verdict verdict;

	dedup_ids_prefetch(&set, hash);
	verdict = dedup_ids_test_and_set(&set, hash, dedup_ids_generation(&set, pane));
	dedup_ids_grow(&set, 1);
	return verdict;
}

static unsigned int line_of(__s64 pane, __u64 id)
{
	return (unsigned int)(dedup_ids_line(&set, dedup_ids_hash(&set, pane, id)) - set.lines) /
	       DEDUP_IDS_LINE;
}

static void too_little_memory_is_refused(void **state)
{
	struct dedup_ids other = { .ids = 7 };

	(void)state;
	assert_int_equal(dedup_ids_open(&other, memory, BYTES - 1, 1, 1), -EINVAL);
	assert_int_equal(other.ids, 7);
	assert_int_equal(dedup_ids_open(&other, memory, BYTES, 1, 1), 0);
	assert_int_equal(other.ids_max, IDS_MAX);
	assert_int_equal(BYTES / other.ids_max, DEDUP_IDS_BYTES_PER_ID);
}

static void hashes_are_all_different_and_spread(void **state)
{
	static __u32 lines[LINES];
	__u64 before = dedup_ids_hash(&set, 0, 0);

	(void)state;
	for (__u64 id = 0; id < LINES * 64; id++)
		lines[line_of(0, id)]++;
	for (size_t i = 0; i < LINES; i++)
		assert_in_range(lines[i], 64 - 40, 64 + 40);	/* five standard deviations */
	for (int bit = 0; bit < 64; bit++) {
		unsigned int changed = (unsigned int)__builtin_popcountll(
			before ^ dedup_ids_hash(&set, 0, 1ull << bit));

		assert_in_range(changed, 12, 52);
	}
}

static void an_id_is_new_once_in_each_pane(void **state)
{
	(void)state;
	for (__s64 pane = -5; pane < 5; pane++) {
		assert_int_equal(ask(pane, 1), DEDUP_IDS_NEW);
		assert_int_equal(ask(pane, 2), DEDUP_IDS_NEW);
		assert_int_equal(ask(pane, 1), DEDUP_IDS_DUPLICATE);
	}
	assert_int_equal(ask(-5, 2), DEDUP_IDS_DUPLICATE);
	assert_int_equal(set.ids, 20);
}

static void ended_panes_are_forgotten(void **state)
{
	(void)state;
	for (__s64 pane = 0; pane < 10; pane++)
		ask(pane, 1);
	dedup_ids_retire(&set, 4);
	assert_int_equal(set.ids, 6);
	assert_int_equal(dedup_ids_horizon_panes(&set), 6);
	assert_int_equal(ask(3, 1), DEDUP_IDS_FORGOTTEN);
	assert_int_equal(ask(3, 99), DEDUP_IDS_FORGOTTEN);
	assert_int_equal(ask(4, 1), DEDUP_IDS_DUPLICATE);
	dedup_ids_retire(&set, 2);	/* never backwards */
	assert_int_equal(ask(3, 1), DEDUP_IDS_FORGOTTEN);
	assert_int_equal(set.dropped_panes, 0);	/* they ended by themselves */
}

#define MODEL_PANES 400
#define MODEL_IDS 120

/* Panes come, overlap, end and are wiped a little at a time: every verdict is the model's. */
static void below_the_bound_every_verdict_is_exact(void **state)
{
	static bool is_known[MODEL_PANES][MODEL_IDS];
	__u64 random = 1;

	(void)state;
	for (__s64 round = 0; round < MODEL_PANES; round++) {
		__s64 oldest = round < 5 ? 0 : round - 5;

		dedup_ids_retire(&set, oldest - 200);
		for (int step = 0; step < 400; step++) {
			__s64 pane = oldest + (__s64)random_below(&random,
								  (__u64)(round - oldest + 1));
			__u64 id = random_below(&random, MODEL_IDS);
			bool was_known = is_known[pane][id];

			is_known[pane][id] = true;
			assert_int_equal(ask(pane - 200, id * id << 20 | id),
					 was_known ? DEDUP_IDS_DUPLICATE : DEDUP_IDS_NEW);
		}
		dedup_ids_scrub(&set, 16);
	}
	assert_int_equal(set.displaced, 0);
	assert_int_equal(set.dropped_ids, 0);
	assert_int_equal(set.stalls, 0);
}

static void wiping_is_bounded_and_ends(void **state)
{
	__u64 wiped = 0, part;

	(void)state;
	assert_int_equal(dedup_ids_scrub(&set, 10), 0);
	for (__u64 id = 1; id < 1500; id++)
		ask(1, id);
	dedup_ids_retire(&set, 2);
	assert_int_equal(dedup_ids_scrub(&set, 0), 0);
	while ((part = dedup_ids_scrub(&set, 10)) > 0) {
		assert_true(part <= 10);
		wiped += part;
	}
	assert_int_equal(wiped, 256);
	for (size_t i = 0; i < BYTES; i++)
		assert_int_equal(((__u8 *)memory)[i], 0);
}

/* Without anybody wiping, generations run out after 255 panes: it happens at once, and is
 * counted. */
static void generations_are_used_again_only_when_wiped(void **state)
{
	(void)state;
	for (__s64 pane = 0; pane < 1000; pane++) {
		for (__u64 id = 1; id < 9; id++)
			assert_int_equal(ask(pane, id), DEDUP_IDS_NEW);
		for (__u64 id = 1; id < 9; id++)
			assert_int_equal(ask(pane, id), DEDUP_IDS_DUPLICATE);
		dedup_ids_retire(&set, pane);
	}
	assert_in_range(set.stalls, 3, 4);
	assert_int_equal(set.displaced, 0);
}

static void too_many_open_panes_drop_the_oldest(void **state)
{
	(void)state;
	for (__s64 pane = 0; pane < 300; pane++)
		assert_int_equal(ask(pane, 1), DEDUP_IDS_NEW);
	assert_in_range(set.dropped_panes, 300 - 256, 300 - 255);
	assert_int_equal(set.dropped_ids, set.dropped_panes);
	assert_int_equal(dedup_ids_horizon_panes(&set), 300 - set.dropped_panes);
	assert_int_equal(ask(0, 1), DEDUP_IDS_FORGOTTEN);
	for (__s64 pane = 45; pane < 300; pane++)
		assert_int_equal(ask(pane, 1), DEDUP_IDS_DUPLICATE);
	assert_int_equal(ask(45 + 1000000ll * 256, 1), DEDUP_IDS_NEW);	/* far ahead */
	assert_int_equal(ask(45, 1), DEDUP_IDS_FORGOTTEN);
	assert_int_equal(ask(46, 1), DEDUP_IDS_DUPLICATE);
	assert_int_equal(ask(46 + 999999ll * 256, 1), DEDUP_IDS_NEW);	/* 46 gives way */
	assert_int_equal(ask(46, 1), DEDUP_IDS_FORGOTTEN);
}

static void the_bound_drops_the_oldest_pane_first(void **state)
{
	(void)state;
	for (__u64 id = 1; id <= IDS_MAX; id++)
		assert_int_equal(ask((__s64)(id * 3 / (IDS_MAX + 1)), id), DEDUP_IDS_NEW);
	assert_int_equal(set.ids + set.displaced, IDS_MAX);
	assert_int_equal(set.dropped_panes, 0);
	while (set.ids < IDS_MAX)	/* for what was displaced */
		ask(2, random_next(&set.seed_in) << 20);
	assert_int_equal(ask(1, 7777777), DEDUP_IDS_NEW);
	assert_int_equal(set.dropped_panes, 1);
	assert_in_range(set.dropped_ids, IDS_MAX / 3 - 20, IDS_MAX / 3 + 1);
	assert_int_equal(ask(0, 1), DEDUP_IDS_FORGOTTEN);
	assert_int_equal(ask(1, 7777777), DEDUP_IDS_DUPLICATE);
	assert_int_equal(dedup_ids_horizon_panes(&set), 2);
}

/* One pane alone beyond the bound: single ids have to go, and each is counted. */
static void displaced_ids_are_counted(void **state)
{
	__u64 known = 0;

	(void)state;
	for (__u64 id = 1; id <= PLACES * 3 / 2; id++)
		assert_int_equal(ask(0, id), DEDUP_IDS_NEW);
	assert_int_equal(set.ids + set.displaced, PLACES * 3 / 2);
	assert_in_range(set.ids, PLACES * 95 / 100, PLACES);
	for (__u64 i = 0; i < PLACES; i++)
		known += ((__u64 *)memory)[i] != 0;
	assert_int_equal(known, set.ids);
	assert_int_equal(set.dropped_panes, 0);
}

static void none_is_displaced_at_the_bound(void **state)
{
	__u64 displaced = 0;

	(void)state;
	for (__u64 round = 0; round < 40; round++) {
		memset(memory, 0, BYTES);
		dedup_ids_open(&set, memory, BYTES, 1, round * 77);
		for (__u64 id = 0; id < IDS_MAX; id++)
			ask(0, id + 1);
		displaced += set.displaced;
	}
	assert_int_equal(displaced, 0); /* a bucket in ten millions is too small */
}

/* An id from *from on that belongs into a line in a pane. */
static __u64 id_of_line(__u64 line, __s64 pane, __u64 *from)
{
	while (line_of(pane, *from) != line)
		(*from)++;
	return (*from)++;
}

/* Lines of a bucket, crossed and full: what is alive stays findable when room appears. */
static void neighbours_help_out_and_are_found_again(void **state)
{
	__u64 from = 1, id[16];

	(void)state;
	for (int crowded = 6; crowded <= 7; crowded++) {
		__s64 pane = crowded * 10;

		dedup_ids_retire(&set, pane);
		dedup_ids_scrub(&set, UINT64_MAX);
		for (int i = 0; i < 16; i++) {	/* of one line; each third of a pane that ends */
			id[i] = id_of_line((__u64)crowded, pane + (i % 3 != 0), &from);
			assert_int_equal(ask(pane + (i % 3 != 0), id[i]), DEDUP_IDS_NEW);
		}
		assert_int_equal(set.displaced, 0);
		for (int i = 0; i < 16; i++)
			assert_int_equal(ask(pane + (i % 3 != 0), id[i]), DEDUP_IDS_DUPLICATE);
		dedup_ids_retire(&set, pane + 1);
		for (int again = 0; again < 2; again++) {
			for (int i = 0; i < 16; i++)
				if (i % 3)
					assert_int_equal(ask(pane + 1, id[i]), DEDUP_IDS_DUPLICATE);
			dedup_ids_scrub(&set, UINT64_MAX);
		}
		for (int i = 0; i < 4; i++)	/* into the places of the dead */
			assert_int_equal(ask(pane + 2, id_of_line(13 - (__u64)crowded, pane + 2,
								  &from)), DEDUP_IDS_NEW);
		for (int i = 0; i < 16; i++)
			if (i % 3)
				assert_int_equal(ask(pane + 1, id[i]), DEDUP_IDS_DUPLICATE);
		assert_int_equal(set.displaced, 0);
	}
}

static unsigned int places_in_use(unsigned int line)
{
	unsigned int used = 0;

	for (unsigned int i = 0; i < DEDUP_IDS_LINE; i++)
		used += set.lines[line * DEDUP_IDS_LINE + i] != 0;
	return used;
}

/* What has ended is in nobody's way, wiped or not, and the living stay. */
static void places_of_the_ended_are_free(void **state)
{
	__u64 from = 1, id[16];

	(void)state;
	for (int i = 0; i < 16; i++) { /* half of each line ends */
		__s64 pane = i / 2 % 2;

		id[i] = id_of_line(6 + (__u64)(i % 2), pane, &from);
		assert_int_equal(ask(pane, id[i]), DEDUP_IDS_NEW);
	}
	dedup_ids_retire(&set, 1);
	for (int i = 0; i < 8; i++) {
		__u64 more = id_of_line(6 + (__u64)(i % 2), 1, &from);

		assert_int_equal(ask(1, more), DEDUP_IDS_NEW);
		assert_int_equal(ask(1, more), DEDUP_IDS_DUPLICATE);
	}
	for (int i = 0; i < 16; i++)
		if (i / 2 % 2)
			assert_int_equal(ask(1, id[i]), DEDUP_IDS_DUPLICATE);
	assert_int_equal(places_in_use(6) + places_in_use(7), 16);
	assert_int_equal(set.ids, 16);
	assert_int_equal(set.displaced, 0);
}

/* An id in the other line must not outlive those that filled its own: nobody would look for it
 * while there is a free place. */
static void the_older_pane_gives_way_to_the_newer(void **state)
{
	__u64 from = 1, older[8], newer[8];

	(void)state;
	for (int turn = 0; turn < 2; turn++) { /* the older ones come first, or last */
		__s64 pane = 10 * turn + 1;

		dedup_ids_retire(&set, pane);
		for (int i = 0; i < 8; i++) {
			older[i] = id_of_line(6, pane, &from);
			newer[i] = id_of_line(6, pane + 1, &from);
		}
		for (int i = 0; i < 16; i++) {
			bool is_older = (i < 8) == (turn == 0);

			assert_int_equal(ask(pane + !is_older, (is_older ? older : newer)[i % 8]),
					 DEDUP_IDS_NEW);
		}
		for (int i = 0; i < 8; i++)
			assert_int_equal(ask(pane, older[i]), DEDUP_IDS_DUPLICATE);
		dedup_ids_retire(&set, pane + 1);
		for (int i = 0; i < 8; i++)
			assert_int_equal(ask(pane + 1, newer[i]), DEDUP_IDS_DUPLICATE);
		assert_int_equal(set.ids, 8);
	}
	assert_int_equal(set.displaced, 0);
}

#define CROWD_PANES 200
#define CROWD_IDS 32u /* of a pane; four of them fill a bucket */

/* Two lines at the end of a bucket with all of its ids, of four panes at a time that come in any
 * order: they go around the bucket and past each other, and each is found. */
static void a_crowded_line_goes_around_its_bucket(void **state)
{
	static __u64 id[CROWD_PANES + 4][CROWD_IDS];
	static unsigned int known[CROWD_PANES + 4];
	__u64 random = 11, from = 1;

	(void)state;
	for (__s64 first = 0; first < CROWD_PANES; first++) {
		dedup_ids_retire(&set, first);
		for (int step = 0; step < 300; step++) {
			__s64 pane = first + (__s64)random_below(&random, 4);
			unsigned int at = (unsigned int)random_below(&random, CROWD_IDS);

			if (at < known[pane]) {
				assert_int_equal(ask(pane, id[pane][at]), DEDUP_IDS_DUPLICATE);
			} else if (random_below(&random, 10) == 0 && known[pane] < CROWD_IDS) {
				at = known[pane]++;
				id[pane][at] =
					id_of_line(14 + random_below(&random, 2), pane, &from);
				assert_int_equal(ask(pane, id[pane][at]), DEDUP_IDS_NEW);
			}
		}
		if (first % 8 == 0)
			dedup_ids_scrub(&set, 16);
	}
	assert_int_equal(set.displaced, 0);
}

/* Wiped when it is due, generations serve again in time, and most of the time nothing is due. Each
 * 200 panes begin with the last of them, which lives while all the others pass. */
static void generations_come_round(void **state)
{
	__u64 wiped = 0;

	(void)state;
	for (__s64 step = 0; step < 4000; step++) {
		__s64 base = step / 200 * 200, at = step % 200;
		__s64 pane = at == 0 ? base + 199 : base + at - 1;
		__s64 oldest = at < 4 ? base : pane - 2;

		for (__u64 id = 1; id < 9; id++)
			assert_int_equal(ask(pane, id), DEDUP_IDS_NEW);
		for (__s64 known = oldest; at > 4 && known <= pane; known++)
			assert_int_equal(ask(known, 5), DEDUP_IDS_DUPLICATE);
		if (at > 0)
			assert_int_equal(ask(base + 199, 5), DEDUP_IDS_DUPLICATE);
		dedup_ids_retire(&set, oldest);
		wiped += dedup_ids_scrub(&set, dedup_ids_scrub_due(&set));
	}
	assert_int_equal(set.stalls + set.displaced + set.dropped_ids, 0);
	assert_in_range(wiped, 4000 / 255 * 256, 4000 / 40 * 256);
}

#define LARGE 64u /* times what it begins with */
#define LARGE_IDS 40000u

/* Three panes at a time and what repeats in them. */
static void grow(unsigned int step)
{
	static bool is_known[12][LARGE_IDS];
	const size_t bytes = (size_t)LARGE * BYTES * step;
	__u64 *large = aligned_alloc(DEDUP_IDS_ALIGN, bytes), random = step, buckets_seen = 0;

	memset(large, 0, bytes);
	memset(is_known, 0, sizeof(is_known));
	assert_int_equal(dedup_ids_open(&set, large, bytes / step, step, 7), 0);
	for (__s64 round = 0; round < 10; round++) {
		for (unsigned int i = 0; i < LARGE_IDS; i++) {
			__s64 pane = round + (__s64)random_below(&random, 3);
			__u64 id = random_below(&random, (__u64)(round + 1) * LARGE_IDS / 10);

			assert_int_equal(ask(pane, id + 1),
					 is_known[pane][id] ? DEDUP_IDS_DUPLICATE : DEDUP_IDS_NEW);
			is_known[pane][id] = true;
			assert_true(set.buckets >= buckets_seen);
			assert_true(set.ids <= 84 * set.buckets);
			buckets_seen = set.buckets;
			if (i % 64 == 0)
				dedup_ids_scrub(&set, 1);
		}
		dedup_ids_retire(&set, round + 1);
	}
	assert_int_equal(set.displaced + set.dropped_ids + set.stalls, 0);
	assert_in_range(set.buckets, DEDUP_IDS_BUCKETS_MIN * 4, DEDUP_IDS_BUCKETS_MIN * LARGE / 2);
	for (size_t i = dedup_ids_bytes(&set) / 8; i < bytes / 8; i++)
		assert_int_equal(large[i], 0);
	for (size_t i = 0; i < bytes / 8; i++)
		if (i / DEDUP_IDS_BUCKET % step)
			assert_int_equal(large[i], 0); /* the other set's */
	free(large);
}

static void the_table_grows_with_its_ids(void **state)
{
	(void)state;
	grow(1);
	grow(2);
}

static void it_stops_growing_at_its_memory(void **state)
{
	__u64 *large = aligned_alloc(DEDUP_IDS_ALIGN, 4 * BYTES);

	(void)state;
	memset(large, 0, 4 * BYTES);
	assert_int_equal(dedup_ids_open(&set, large, 4 * BYTES - 1, 1, 7), 0);
	assert_int_equal(set.ids_max, 2 * IDS_MAX);
	for (__u64 id = 1; id <= 3 * IDS_MAX; id++)
		ask(0, id);
	assert_int_equal(dedup_ids_bytes(&set), 2 * BYTES);
	for (size_t i = 2 * BYTES / 8; i < 4 * BYTES / 8; i++)
		assert_int_equal(large[i], 0);
	free(large);
}

static void the_oldest_pane_is_displaced_first(void **state)
{
	__u64 from = 1, id;

	(void)state;
	ask(1, id_of_line(6, 1, &from));
	for (unsigned int i = 1; i < DEDUP_IDS_BUCKET; i++)
		ask(2, id_of_line(6, 2, &from));
	id = id_of_line(6, 3, &from);
	assert_int_equal(ask(3, id), DEDUP_IDS_NEW);
	assert_int_equal(set.displaced, 1);
	assert_int_equal(ask(3, id), DEDUP_IDS_DUPLICATE);
	assert_int_equal(set.generation[dedup_ids_generation(&set, 1)].ids, 0);
	assert_int_equal(set.generation[dedup_ids_generation(&set, 2)].ids, DEDUP_IDS_BUCKET - 1);
}

/* Anything goes: bounds, leaps, retirement; nothing is ever called a duplicate that was not
 * there, and the books balance. */
static void the_books_balance(void **state)
{
	static bool is_known[64][8192];
	__u64 random = 3, inserted = 0, retired = 0, live = 0;
	__s64 first = 0;

	(void)state;
	for (int step = 0; step < 400000; step++) {
		__s64 pane = first + (__s64)random_below(&random, 6);
		__u64 id = random_below(&random, 8192);
		enum dedup_ids_verdict verdict;

		if (step % 8000 == 7999 && first < 50) {
			__u64 before = set.ids;

			dedup_ids_retire(&set, ++first);
			retired += before - set.ids;
			continue;
		}
		dedup_ids_scrub(&set, 1);
		verdict = ask(pane, id + 1);
		if (verdict == DEDUP_IDS_DUPLICATE)
			assert_true(is_known[pane][id]);
		if (verdict == DEDUP_IDS_NEW) {
			is_known[pane][id] = true;
			inserted++;
		}
		assert_int_equal(inserted, set.ids + retired + set.displaced + set.dropped_ids);
	}
	for (unsigned int i = 1; i < 256; i++)
		live += set.generation[i].state == DEDUP_IDS_LIVE ? set.generation[i].ids : 0;
	assert_int_equal(live, set.ids);
	assert_true(set.dropped_ids > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(too_little_memory_is_refused),
		TEST(hashes_are_all_different_and_spread),
		TEST(an_id_is_new_once_in_each_pane),
		TEST(ended_panes_are_forgotten),
		TEST(below_the_bound_every_verdict_is_exact),
		TEST(wiping_is_bounded_and_ends),
		TEST(generations_are_used_again_only_when_wiped),
		TEST(too_many_open_panes_drop_the_oldest),
		TEST(the_bound_drops_the_oldest_pane_first),
		TEST(displaced_ids_are_counted),
		TEST(none_is_displaced_at_the_bound),
		TEST(neighbours_help_out_and_are_found_again),
		TEST(places_of_the_ended_are_free),
		TEST(the_older_pane_gives_way_to_the_newer),
		TEST(a_crowded_line_goes_around_its_bucket),
		TEST(generations_come_round),
		TEST(the_table_grows_with_its_ids),
		TEST(it_stops_growing_at_its_memory),
		TEST(the_oldest_pane_is_displaced_first),
		TEST(the_books_balance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
