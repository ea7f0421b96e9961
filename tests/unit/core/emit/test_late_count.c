/* SPDX-License-Identifier: BSD-2-Clause */
/* Counts of late records by slice: all of them come out, whatever the room. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/emit/late_count.h"

struct out {
	_Alignas(8) unsigned char buffer[1 << 19];
	size_t room;
};

static void *reserve(void *context, size_t bytes_min, size_t bytes_max, size_t *bytes_room)
{
	struct out *out = context;

	if (bytes_min > out->room)
		return NULL;
	*bytes_room = bytes_max < out->room ? bytes_max : out->room;
	return out->buffer;
}

static void commit(void *context, size_t bytes)
{
	struct out *out = context;

	assert_int_equal(((struct sluice_disk_record *)out->buffer)->bytes, bytes);
}

static struct row_writer writer_of(struct out *out)
{
	return (struct row_writer){ .context = out, .reserve = reserve, .commit = commit };
}

static __u64 read_all(struct out *out, __s64 start_ns, __u32 *panes)
{
	struct late_count_cursor cursor;
	struct sluice_late_pane pane;
	__u64 records = 0;

	assert_int_equal(late_count_read(&cursor, 4, (void *)out->buffer), 0);
	assert_int_equal(cursor.head->window, 3);
	assert_int_equal(cursor.head->epoch, 9);
	for (*panes = 0; late_count_next(&cursor, &pane); ++*panes)
		records += start_ns == INT64_MIN || pane.start_ns == start_ns ? pane.records : 0;
	return records;
}

static void slices_are_kept_apart(void **state)
{
	struct out *out = calloc(1, sizeof(*out));
	const struct row_writer writer = writer_of(out);
	struct late_count counts;
	__u32 panes;

	(void)state;
	out->room = sizeof(out->buffer);
	assert_int_equal(late_count_open(&counts), 0);
	late_count_add(&counts, 100, 200, 3);
	late_count_add(&counts, 200, 300, 1);
	late_count_add(&counts, 100, 200, 4);
	late_count_add(&counts, 100, 300, 9);
	assert_int_equal(late_count_write(&counts, 3, 9, &writer), 3);
	assert_true(late_count_is_empty(&counts));
	assert_int_equal(read_all(out, 100, &panes), 16);
	assert_int_equal(panes, 3);
	late_count_add(&counts, 100, 200, 2);
	assert_int_equal(late_count_write(&counts, 3, 9, &writer), 1);
	assert_int_equal(read_all(out, 100, &panes), 2);
	late_count_close(&counts);
	free(out);
}

/* In pieces where there is little room; of too many slices the rest is somewhere. */
static void nothing_is_left_out(void **state)
{
	struct out *out = calloc(1, sizeof(*out));
	const struct row_writer writer = writer_of(out);
	struct late_count counts;
	__u64 records = 0;
	__u32 panes, count = 0;

	(void)state;
	assert_int_equal(late_count_open(&counts), 0);
	for (__s64 i = 0; i < LATE_COUNT_PANES + 50; i++)
		late_count_add(&counts, i * 10, i * 10 + 10, 2);
	for (__s64 i = 0; i < 10; i++)
		late_count_add(&counts, i * 10, i * 10 + 10, 1);
	assert_int_equal(late_count_write(&counts, 3, 9, &writer), -EAGAIN);
	for (out->room = 1000; !late_count_is_empty(&counts); out->room += 50000) {
		assert_true(late_count_write(&counts, 3, 9, &writer) > 0);
		records += read_all(out, INT64_MIN, &panes);
		count += panes;
	}
	assert_int_equal(records, 2 * (LATE_COUNT_PANES + 50) + 10);
	assert_int_equal(count, LATE_COUNT_PANES + 1);
	late_count_close(&counts);
	free(out);
}

static void records_that_contradict(void **state)
{
	struct {
		struct sluice_disk_record record;
		struct sluice_late_count head;
		struct sluice_late_pane pane;
	} good = { .record = { sizeof(good), SLUICE_DISK_LATE_COUNT, 1 },
		   .head = { 1, sizeof(struct sluice_late_pane), 1, 0 } },
	  bad;
	struct late_count_cursor cursor;

	(void)state;
#define LIE(what)                                                            \
	do {                                                                 \
		bad = good;                                                  \
		what;                                                        \
		assert_int_equal(late_count_read(&cursor, 2, &bad.record), -EBADMSG); \
	} while (0)
	assert_int_equal(late_count_read(&cursor, 2, &good.record), 0);
	LIE(bad.record.kind = SLUICE_DISK_LATE);
	LIE(bad.record.version = 2);
	LIE(bad.record.bytes -= 8);
	LIE(bad.head.window = 2);
	LIE(bad.head.pane_count = 0);
	LIE(bad.head.pane_count = 2);
	LIE(bad.head.pane_bytes = 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slices_are_kept_apart),
		cmocka_unit_test(nothing_is_left_out),
		cmocka_unit_test(records_that_contradict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
