/* SPDX-License-Identifier: BSD-2-Clause */
/* Decoding against the plain reading of the wire format, event by event: for any record size, any
 * number of events, any room, events too far ahead, and marks; in each variant that the processor
 * can run. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "core/stream_state.h"
#include "random.h"

#define BASE_NS 1700000000000000000ull
#define EVENTS_MAX 300u
/* The hot path fetches, and never reads, beyond the records. */
#define SIZE_MAX_BYTES 64u

struct bed {
	struct stream *stream;
	struct sluice_header header;
	unsigned char events[EVENTS_MAX * SIZE_MAX_BYTES];
	__u64 dropped[EVENTS_MAX / 64 + 1];
	struct datagram datagram;
};

static __u32 draw(__u64 *random, __u32 limit)
{
	return (__u32)random_below(random, limit);
}

static void fill(struct bed *bed, __u64 *random, __u32 count, __u32 size)
{
	memset(bed->events, 0, sizeof(bed->events));
	for (__u32 i = 0; i < count; i++) {
		struct sluice_event event = {
			.key = random_next(random),
			.value = (__s64)random_next(random),
			.time_offset_us = draw(random, 20) ? draw(random, 1000) : UINT32_MAX,
			.type = (__u16)random_next(random),
			.weight = (__u16)draw(random, 3),
			.dim0 = (__u32)random_next(random),
			.dim1 = (__u32)random_next(random),
			.event_id = random_next(random),
			.dim2 = (__u32)random_next(random),
			.dim3 = (__u32)random_next(random),
		};

		memcpy(bed->events + i * size, &event, size < sizeof(event) ? size : sizeof(event));
	}
	for (size_t i = 0; i < sizeof(bed->dropped) / sizeof(*bed->dropped); i++)
		bed->dropped[i] = random_next(random) & random_next(random);
}

static void open_datagram(struct bed *bed, __u64 *random)
{
	static const __u32 limits[] = { 0, 500, 999, 1000, UINT32_MAX - 1, UINT32_MAX };
	__u32 count = draw(random, EVENTS_MAX + 1);
	__u32 size = 32 + 8 * draw(random, 5);

	fill(bed, random, count, size);
	bed->header = (struct sluice_header){ .base_time_ns = BASE_NS };
	bed->datagram = (struct datagram){
		.header = &bed->header,
		.events = bed->events,
		.dropped = draw(random, 4) ? NULL : bed->dropped,
		.event_count = count,
		.event_size = size,
		.limit_us = limits[draw(random, 6)],
		.taken = count ? draw(random, count) : 0,
	};
	bed->stream->batch.datagram_count = 1 + draw(random, BATCH_EVENTS);
}

static void assert_event(const struct stream *stream, __u32 i, const struct bed *bed, __u32 number)
{
	const struct batch *batch = &stream->batch;
	__u32 size = bed->datagram.event_size;
	struct sluice_event event = { 0 };

	memcpy(&event, bed->events + number * size, size < sizeof(event) ? size : sizeof(event));
	assert_int_equal(batch->key[i], event.key);
	assert_int_equal(batch->value[i], event.value);
	assert_int_equal(batch->time_ns[i], BASE_NS + (__u64)event.time_offset_us * 1000);
	assert_int_equal(batch->type_weight[i], event.type | (__u32)event.weight << 16);
	assert_int_equal(batch->dims01[i], event.dim0 | (__u64)event.dim1 << 32);
	assert_int_equal(batch->datagram[i], batch->datagram_count - 1);
	if (stream->wants_dims23)
		assert_int_equal(batch->dims23[i], event.dim2 | (__u64)event.dim3 << 32);
	if (stream->wants_event_id)
		assert_int_equal(batch->event_id[i], event.event_id);
	if (stream->wants_index)
		assert_int_equal(batch->index[i], number);
}

/* What is common to the batch, and what the datagram counts. */
struct expected {
	__u32 accepted, future, newest_us, weights;
	__s64 oldest_ns, newest_ns;
};

static void expect_event(struct expected *expected, const struct sluice_event *event)
{
	__s64 time_ns = (__s64)(BASE_NS + (__u64)event->time_offset_us * 1000);

	expected->accepted++;
	expected->weights |= event->weight;
	if (event->time_offset_us > expected->newest_us)
		expected->newest_us = event->time_offset_us;
	if (time_ns < expected->oldest_ns)
		expected->oldest_ns = time_ns;
	if (time_ns > expected->newest_ns)
		expected->newest_ns = time_ns;
}

static void check_decode(struct bed *bed, const struct hot_operations *hot, __u32 before)
{
	struct batch *batch = &bed->stream->batch;
	struct datagram datagram = bed->datagram;
	struct expected expected = { .oldest_ns = INT64_MAX, .newest_ns = INT64_MIN };
	__u32 room = BATCH_EVENTS - before, end = before, number = datagram.taken;

	batch->count = before;
	batch->oldest_ns = batch->newest_ns = (__s64)BASE_NS + 300000;
	batch->weights = 4;
	if (before)
		expected = (struct expected){ .weights = batch->weights,
					      .oldest_ns = batch->oldest_ns,
					      .newest_ns = batch->newest_ns };
	hot->decode(bed->stream, &datagram);
	for (; number < datagram.event_count && number < bed->datagram.taken + room; number++) {
		struct sluice_event event = { 0 };

		memcpy(&event, bed->events + number * datagram.event_size, 32);
		if (datagram.dropped && datagram.dropped[number / 64] >> (number % 64) & 1)
			continue;
		if (event.time_offset_us > datagram.limit_us) {
			expected.future++;
			continue;
		}
		expect_event(&expected, &event);
		assert_event(bed->stream, end++, bed, number);
	}
	assert_int_equal(batch->count, end);
	assert_int_equal(datagram.taken, number);
	assert_int_equal(datagram.accepted, expected.accepted);
	assert_int_equal(datagram.future, expected.future);
	assert_int_equal(datagram.newest_us, expected.newest_us);
	if (!end)
		return;
	assert_int_equal(batch->oldest_ns, expected.oldest_ns);
	assert_int_equal(batch->newest_ns, expected.newest_ns);
	assert_int_equal(batch->weights, expected.weights);
}

static void decoding_reads_every_field(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));
	__u64 random = 11;

	(void)state;
	assert_non_null(bed);
	bed->stream = calloc(1, sizeof(*bed->stream));
	assert_non_null(bed->stream);
	for (int round = 0; round < 20000; round++) {
		__u32 before;

		open_datagram(bed, &random);
		before = draw(&random, 3) ? draw(&random, BATCH_EVENTS) : 0;
		bed->stream->wants_dims23 = random_next(&random) & 1;
		bed->stream->wants_event_id = random_next(&random) & 1;
		bed->stream->wants_index = random_next(&random) & 1;
		check_decode(bed, &hot_baseline, before);
#if defined(__x86_64__)
		if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2"))
			check_decode(bed, &hot_v3, before);
#endif
	}
	free(bed->stream);
	free(bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decoding_reads_every_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
