/* SPDX-License-Identifier: BSD-2-Clause */
/* Names that a stream learns: every entry has one outcome, each name is handed on once, what was
 * known beforehand wins, and workers agree in the end. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/stream/stream_state.h"

#define S 1000000000ll

struct bed {
	struct window_spec window;
	struct sources *sources;
	struct stream *stream[2];
	__u64 sequence;
	bool is_full;
	__u32 record_count;
	unsigned char buffer[1 << 16];
	struct {
		struct sluice_record record;
		struct sluice_header header;
		__u8 entries[32 << 10];
	} datagram;
	size_t bytes;
};

static void *reserve(void *context, size_t bytes_min, size_t bytes_max, size_t *bytes_room)
{
	struct bed *bed = context;

	if (bed->is_full || bytes_min > sizeof(bed->buffer))
		return NULL;
	*bytes_room = bytes_min; /* as little as possible */
	assert_true(bytes_min <= bytes_max);
	return bed->buffer;
}

static void commit(void *context, size_t bytes)
{
	struct bed *bed = context;

	bed->record_count++;
	assert_int_equal(stream_import(bed->stream[0], bed->buffer, bytes), 0);
}

static struct bed *open_bed(void)
{
	const struct sources_options sources = { .sources_max = 8,
						 .worker_count = 2,
						 .listener_count = 1,
						 .idle_timeout_ns = S,
						 .max_lag_ns = S };
	struct bed *bed = calloc(1, sizeof(*bed));
	struct stream_options options = { .window_count = 1,
					  .worker_count = 2,
					  .groups_max = 100,
					  .memory_bytes = 64 << 20,
					  .max_ahead_ns = S };

	assert_non_null(bed);
	bed->window = (struct window_spec){ .listener_mask = 1, .size_ns = S, .slide_ns = S };
	options.windows = &bed->window;
	assert_int_equal(sources_open(&bed->sources, &sources), 0);
	options.sources = bed->sources;
	for (; options.worker < 2; options.worker++) {
		assert_int_equal(stream_open(&bed->stream[options.worker], &options), 0);
		stream_set_time(bed->stream[options.worker], 1, 1);
	}
	return bed;
}

static void close_bed(struct bed *bed)
{
	stream_close(bed->stream[0]);
	stream_close(bed->stream[1]);
	sources_close(bed->sources);
	free(bed);
}

static void begin(struct bed *bed)
{
	memset(&bed->datagram, 0, sizeof(bed->datagram));
	bed->bytes = 0;
}

static void put(struct bed *bed, __u8 space, __u64 id, const char *text)
{
	const struct name_taught name = { space, (__u8)strlen(text), id, text };

	name_entry_write(bed->datagram.entries + bed->bytes, &name);
	bed->bytes += name_entry_bytes(name.bytes);
	bed->datagram.header.event_count++;
}

static void send_to(struct bed *bed, __u32 worker)
{
	struct sluice_record *record = &bed->datagram.record;
	struct sluice_header *header = &bed->datagram.header;

	header->magic = SLUICE_MAGIC;
	header->version = SLUICE_VERSION;
	header->flags |= SLUICE_FLAG_DICTIONARY;
	header->sequence = bed->sequence++;
	record->payload_bytes = (__u32)(sizeof(*header) + bed->bytes);
	record->prefix_bytes = SLUICE_PREFIX_SHORT;
	record->kept = header->event_count;
	stream_add(bed->stream[worker], record, sizeof(*record) + record->payload_bytes);
}

static void teach(struct bed *bed, __u32 worker, __u8 space, __u64 id, const char *text)
{
	begin(bed);
	put(bed, space, id, text);
	send_to(bed, worker);
}

static void expect_next(struct bed *bed, __u8 space, __u64 id, const char *text)
{
	struct name_taught name;

	assert_true(stream_next_name(bed->stream[0], &name));
	assert_int_equal(name.space, space);
	assert_int_equal(name.id, id);
	assert_int_equal(name.bytes, strlen(text));
	assert_memory_equal(name.text, text, name.bytes);
}

static void expect_no_more(struct bed *bed)
{
	struct name_taught name;

	assert_false(stream_has_names(bed->stream[0]));
	assert_false(stream_next_name(bed->stream[0], &name));
}

static int hand_over(struct bed *bed)
{
	const struct row_writer writer = { bed, reserve, commit };
	int count;

	while ((count = stream_export(bed->stream[1], &writer, 10)) > 0)
		;
	return count;
}

static __u64 sum(const struct bed *bed, size_t offset)
{
	__u64 total = 0;

	for (int i = 0; i < 2; i++)
		total += *(const __u64 *)((const char *)stream_ledger(bed->stream[i]) + offset);
	return total;
}

#define COUNTED(bed, name) sum(bed, offsetof(struct sluice_stream_ledger, name))

static void expect_balance(const struct bed *bed)
{
	assert_int_equal(COUNTED(bed, consumed), COUNTED(bed, dictionary));
	assert_int_equal(COUNTED(bed, dictionary),
			 COUNTED(bed, names_learnt) + COUNTED(bed, names_known) +
				 COUNTED(bed, name_conflicts) + COUNTED(bed, names_full) +
				 COUNTED(bed, name_bad_space) + COUNTED(bed, name_bad_id) +
				 COUNTED(bed, name_bad_text) + COUNTED(bed, name_bad_number) +
				 COUNTED(bed, name_bad_reserved) + COUNTED(bed, name_bad_control) +
				 COUNTED(bed, name_bad_length));
}

static void a_name_is_learnt_once(void **state)
{
	struct bed *bed = open_bed();

	(void)state;
	for (int i = 0; i < 3; i++) {
		begin(bed);
		put(bed, SLUICE_SPACE_TYPE, 2, "click");
		put(bed, SLUICE_SPACE_KEY, 2, "Zürich");
		send_to(bed, 0);
	}
	teach(bed, 0, SLUICE_SPACE_TYPE, 2, "clack");
	expect_next(bed, SLUICE_SPACE_TYPE, 2, "click");
	expect_next(bed, SLUICE_SPACE_KEY, 2, "Zürich");
	expect_no_more(bed);
	assert_int_equal(COUNTED(bed, names_learnt), 2);
	assert_int_equal(COUNTED(bed, names_known), 4);
	assert_int_equal(COUNTED(bed, name_conflicts), 1);
	expect_balance(bed);
	close_bed(bed);
}

static void what_is_known_wins(void **state)
{
	struct bed *bed = open_bed();

	(void)state;
	stream_know_name(bed->stream[0], SLUICE_SPACE_TYPE, 1, "view", 4);
	stream_know_name(bed->stream[0], SLUICE_SPACE_TYPE, 1, "older", 5);
	stream_know_name(bed->stream[0], SLUICE_SPACE_TYPE, 3, "\xff", 1);
	expect_no_more(bed);
	teach(bed, 0, SLUICE_SPACE_TYPE, 1, "view");
	teach(bed, 0, SLUICE_SPACE_TYPE, 1, "visit");
	teach(bed, 0, SLUICE_SPACE_TYPE, 3, "three");
	expect_next(bed, SLUICE_SPACE_TYPE, 3, "three");
	expect_no_more(bed);
	assert_int_equal(COUNTED(bed, names_known), 1);
	assert_int_equal(COUNTED(bed, name_conflicts), 1);
	close_bed(bed);
}

static void lies_are_counted_by_reason(void **state)
{
	struct bed *bed = open_bed();

	(void)state;
	begin(bed);
	put(bed, SLUICE_SPACE_COUNT, 1, "x");
	put(bed, SLUICE_SPACE_TYPE, 65536, "x");
	put(bed, SLUICE_SPACE_KEY, 1, "\xff");
	put(bed, SLUICE_SPACE_KEY, 2, "good");
	put(bed, SLUICE_SPACE_KEY, 3, "");
	send_to(bed, 0);
	assert_int_equal(COUNTED(bed, name_bad_space), 1);
	assert_int_equal(COUNTED(bed, name_bad_id), 1);
	assert_int_equal(COUNTED(bed, name_bad_text), 2);
	assert_int_equal(COUNTED(bed, names_learnt), 1);
	/* One lies about its length, none of them is taken. */
	begin(bed);
	put(bed, SLUICE_SPACE_KEY, 4, "good");
	put(bed, SLUICE_SPACE_KEY, 5, "good");
	bed->datagram.entries[24 + 1] = 9;
	send_to(bed, 0);
	assert_int_equal(COUNTED(bed, name_bad_length), 2);
	/* The header says less, or more, than there is. */
	begin(bed);
	put(bed, SLUICE_SPACE_KEY, 6, "good");
	put(bed, SLUICE_SPACE_KEY, 7, "good");
	bed->datagram.header.event_count = 1;
	send_to(bed, 0);
	bed->datagram.header.event_count = 3;
	send_to(bed, 0);
	assert_int_equal(COUNTED(bed, name_bad_length), 2 + 1 + 3);
	/* A trailer is no entry; without one its 24 bytes are missing. */
	begin(bed);
	put(bed, SLUICE_SPACE_KEY, 8, "good");
	bed->datagram.header.flags = SLUICE_FLAG_TRAILER;
	send_to(bed, 0);
	assert_int_equal(COUNTED(bed, name_bad_length), 7);
	bed->bytes += sizeof(struct sluice_trailer);
	send_to(bed, 0);
	expect_next(bed, SLUICE_SPACE_KEY, 2, "good");
	expect_next(bed, SLUICE_SPACE_KEY, 8, "good");
	expect_no_more(bed);
	expect_balance(bed);
	close_bed(bed);
}

static void workers_agree(void **state)
{
	struct bed *bed = open_bed();

	(void)state;
	teach(bed, 0, SLUICE_SPACE_KEY, 1, "one");
	teach(bed, 0, SLUICE_SPACE_KEY, 2, "two");
	teach(bed, 1, SLUICE_SPACE_KEY, 1, "one");
	teach(bed, 1, SLUICE_SPACE_KEY, 2, "zwei");
	teach(bed, 1, SLUICE_SPACE_KEY, 3, "three");
	bed->is_full = true;
	assert_int_equal(hand_over(bed), -EAGAIN);
	bed->is_full = false;
	assert_int_equal(hand_over(bed), 0);
	assert_int_equal(hand_over(bed), 0);
	assert_int_equal(bed->record_count, 1);
	expect_next(bed, SLUICE_SPACE_KEY, 1, "one");
	expect_next(bed, SLUICE_SPACE_KEY, 2, "two");
	expect_next(bed, SLUICE_SPACE_KEY, 3, "three");
	expect_no_more(bed);
	assert_int_equal(COUNTED(bed, names_learnt), 3);
	assert_int_equal(COUNTED(bed, names_known), 1);
	assert_int_equal(COUNTED(bed, name_conflicts), 1);
	expect_balance(bed);
	close_bed(bed);
}

static void full_is_counted(void **state)
{
	struct bed *bed = open_bed();
	const __u64 most = SLUICE_NAMES_BYTES_MAX / 24;

	(void)state;
	for (__u64 id = 0; id < most + 5;) {
		begin(bed);
		for (int i = 0; i < 1000 && id < most + 5; i++)
			put(bed, SLUICE_SPACE_KEY, id++, "name");
		send_to(bed, 1);
	}
	assert_int_equal(COUNTED(bed, names_learnt), most);
	assert_int_equal(COUNTED(bed, names_full), 5);
	teach(bed, 0, SLUICE_SPACE_DIM0, 1, "first");
	assert_int_equal(hand_over(bed), 0);
	assert_int_equal(COUNTED(bed, names_learnt), most);
	assert_int_equal(COUNTED(bed, names_full), 6);
	expect_balance(bed);
	close_bed(bed);
}

static void records_that_lie(void **state)
{
	struct {
		struct sluice_disk_record record;
		struct sluice_dictionary_entry entry;
		char text[8];
	} good = { .record = { sizeof(good), SLUICE_DISK_NAMES, 1 },
		   .entry = { .space = SLUICE_SPACE_KEY, .name_bytes = 4 },
		   .text = "name" },
	  bad;
	struct bed *bed = open_bed();

	(void)state;
#define LIE(what)   \
	bad = good; \
	what;       \
	assert_int_equal(stream_import(bed->stream[0], &bad, sizeof(bad)), -EINVAL)
	LIE(bad.entry.name_bytes = 9);
	LIE(bad.entry.name_bytes = 0);
	LIE(bad.entry.space = SLUICE_SPACE_COUNT);
	LIE(bad.record.bytes -= 8);
	LIE(bad.text[0] = (char)0xff);
	assert_int_equal(stream_import(bed->stream[0], &good, sizeof(good)), 0);
	close_bed(bed);
}

/* What could pass for the number of another id, for the overflow group, or for more than a name. */
static void names_that_lie_are_refused(void **state)
{
	static const char *const numbers[] = { "7", "007", "-1", "+1", "18446744073709551616" };
	static const char *const controls[] = {
		"\x1b[2J",    "a\nb",	     "\x7f",	   "a\xc2\x85",    "\xe2\x80\xa8",
		"\xe2\x80\xa9", "\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x80\xaa", "\xe2\x80\xae",
		"\xe2\x81\xa6", "\xe2\x81\xa9", "\xd8\x9cx",
	};
	static const char *const good[] = { "7up",	"1.5",		"-",	  "__overflow",
					    "\xc2\xa0x", "\xe2\x80\x93", "caf\xc3\xa9" };
	struct bed *bed = open_bed();

	(void)state;
	begin(bed);
	for (__u64 i = 0; i < 5; i++)
		put(bed, SLUICE_SPACE_KEY, i, numbers[i]);
	for (__u64 i = 0; i < 13; i++)
		put(bed, SLUICE_SPACE_KEY, 100 + i, controls[i]);
	put(bed, SLUICE_SPACE_KEY, 200, "__overflow__");
	for (__u64 i = 0; i < 7; i++)
		put(bed, SLUICE_SPACE_KEY, 300 + i, good[i]);
	send_to(bed, 0);
	assert_int_equal(COUNTED(bed, name_bad_number), 5);
	assert_int_equal(COUNTED(bed, name_bad_control), 13);
	assert_int_equal(COUNTED(bed, name_bad_reserved), 1);
	assert_int_equal(COUNTED(bed, names_learnt), 7);
	expect_balance(bed);
	close_bed(bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_learnt_once),
		cmocka_unit_test(what_is_known_wins),
		cmocka_unit_test(lies_are_counted_by_reason),
		cmocka_unit_test(names_that_lie_are_refused),
		cmocka_unit_test(workers_agree),
		cmocka_unit_test(full_is_counted),
		cmocka_unit_test(records_that_lie),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
