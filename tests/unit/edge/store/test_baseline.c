/* SPDX-License-Identifier: BSD-2-Clause */
/* The baseline of a store: what was written last comes back, and nothing that is damaged or of
 * another store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "edge/store/baseline.h"
#include "results_maker.h"

static char directory[PATH_MAX], path[PATH_MAX];

static int make(void **state)
{
	(void)state;
	results_maker_directory(directory);
	snprintf(path, sizeof(path), "%.3000s/store", directory);
	return 0;
}

static int clean(void **state)
{
	(void)state;
	results_maker_remove(directory);
	return 0;
}

struct bed {
	struct store store;
	struct baseline *baseline;
};

static void open_bed(struct bed *bed)
{
	assert_int_equal(store_open(&bed->store, path), 0);
	assert_int_equal(baseline_open(&bed->baseline, &bed->store), 0);
}

static void close_bed(struct bed *bed)
{
	baseline_close(bed->baseline);
	store_close(&bed->store);
}

static void write_tick(struct bed *bed, __s64 now_ns)
{
	static struct sluice_baseline next;

	memset(&next, 0, sizeof(next));
	next.now_ns = now_ns;
	next.window_count = 1;
	memcpy(next.window[0].name, "clicks", 7);
	next.ring_count = 2;
	next.ring[1].position = (__u64)now_ns * 2;
	baseline_write(bed->baseline, &next);
}

static void the_last_tick_comes_back(void **state)
{
	struct bed bed;

	(void)state;
	open_bed(&bed);
	assert_null(baseline_found(bed.baseline));
	write_tick(&bed, 1); /* not begun: nothing is written */
	assert_int_equal(baseline_begin(bed.baseline, 4), 0);
	for (__s64 i = 10; i < 15; i++)
		write_tick(&bed, i);
	close_bed(&bed);
	open_bed(&bed);
	assert_non_null(baseline_found(bed.baseline));
	assert_int_equal(baseline_found(bed.baseline)->now_ns, 14);
	assert_string_equal(baseline_found(bed.baseline)->window[0].name, "clicks");
	assert_int_equal(baseline_found(bed.baseline)->ring[1].position, 28);
	/* The next one goes on behind it. */
	assert_int_equal(baseline_begin(bed.baseline, 4), 0);
	write_tick(&bed, 20);
	close_bed(&bed);
	open_bed(&bed);
	assert_int_equal(baseline_found(bed.baseline)->now_ns, 20);
	close_bed(&bed);
}

static void flip(const char *name, off_t offset)
{
	char file[PATH_MAX + 16];
	unsigned char byte;
	int fd;

	snprintf(file, sizeof(file), "%s/%s", path, name);
	fd = open(file, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, offset), 1);
	byte ^= 4;
	assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
	close(fd);
}

/* One slot damaged: the tick before; both: nothing. */
static void damage_is_seen(void **state)
{
	struct bed bed;

	(void)state;
	open_bed(&bed);
	assert_int_equal(baseline_begin(bed.baseline, 0), 0);
	write_tick(&bed, 1);
	write_tick(&bed, 2);
	close_bed(&bed);
	flip("baseline.a", (off_t)offsetof(struct sluice_baseline, now_ns));
	open_bed(&bed);
	assert_int_equal(baseline_found(bed.baseline)->now_ns, 1);
	close_bed(&bed);
	flip("baseline.b", (off_t)offsetof(struct sluice_baseline, ring[1]));
	open_bed(&bed);
	assert_null(baseline_found(bed.baseline));
	close_bed(&bed);
}

static unsigned int count_sources(const struct bed *bed, bool is_exact, __u64 *sum)
{
	unsigned int count = 0;
	size_t at = 0, bytes;
	const void *record;

	*sum = 0;
	while (baseline_next_source(bed->baseline, is_exact, &at, &record, &bytes)) {
		__u64 value = 0;

		memcpy(&value, record, bytes < 8 ? bytes : 8);
		*sum += value;
		count++;
	}
	return count;
}

static void sources_come_back(void **state)
{
	const __u64 values[] = { 100, 20, 3 };
	const __u32 exact[] = { 8, 0, 5, 0, 8, 0, 6, 0 };
	static struct sluice_baseline last;
	struct bed bed;
	__u64 sum;

	(void)state;
	open_bed(&bed);
	assert_int_equal(baseline_begin(bed.baseline, 4), 0);
	for (__u32 i = 0; i < 3; i++)
		baseline_put_source(bed.baseline, i, &values[i], sizeof(values[i]));
	baseline_put_source(bed.baseline, 9, &values[0], sizeof(values[0])); /* no such place */
	baseline_put_source(bed.baseline, 1, NULL, 0);
	write_tick(&bed, 1);
	close_bed(&bed);
	flip("baseline.a", SLUICE_BASELINE_BYTES + 2 * 128 + 8);
	open_bed(&bed);
	assert_int_equal(count_sources(&bed, false, &sum), 1);
	assert_int_equal(sum, 100);
	assert_int_equal(count_sources(&bed, true, &sum), 0);
	assert_int_equal(baseline_begin(bed.baseline, 4), 0);
	memset(&last, 0, sizeof(last));
	last.flags = SLUICE_BASELINE_STOPPED;
	assert_int_equal(baseline_finish(bed.baseline, &last, exact, sizeof(exact)), 0);
	close_bed(&bed);
	open_bed(&bed);
	assert_int_equal(count_sources(&bed, false, &sum), 0);
	assert_int_equal(count_sources(&bed, true, &sum), 2);
	assert_int_equal(sum, 11);
	close_bed(&bed);
}

static void another_store_says_nothing(void **state)
{
	struct bed bed;
	char file[PATH_MAX + 16];

	(void)state;
	open_bed(&bed);
	assert_int_equal(baseline_begin(bed.baseline, 0), 0);
	write_tick(&bed, 1);
	close_bed(&bed);
	snprintf(file, sizeof(file), "%s/%s", path, STORE_MANIFEST);
	assert_int_equal(unlink(file), 0);
	open_bed(&bed);
	assert_null(baseline_found(bed.baseline));
	close_bed(&bed);
}

#define BASELINE_TEST(name) cmocka_unit_test_setup_teardown(name, make, clean)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BASELINE_TEST(the_last_tick_comes_back),
		BASELINE_TEST(damage_is_seen),
		BASELINE_TEST(sources_come_back),
		BASELINE_TEST(another_store_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
