/* SPDX-License-Identifier: BSD-2-Clause */
/* Decoding against the plain reading of the wire format, event by event: for any record size, any
 * number of events, any room, events too far ahead, and marks; in each variant that the processor
 * can run. And a count of a few groups' sketches that outgrows its 16 bits. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "core/sketch/sketch_histogram.h"
#include "core/stream/stream_state.h"
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

#define SAME_EVENTS 35u
#define SAME_DATAGRAMS 8000u /* of two types with two values each: some 70000 events of each */

static void add_same(struct stream *stream, __u64 sequence)
{
	struct {
		struct sluice_record record;
		struct sluice_header header;
		struct sluice_event event[SAME_EVENTS];
	} datagram = {
		.record = { .payload_bytes = sizeof(datagram) - sizeof(datagram.record),
			    .prefix_bytes = SLUICE_PREFIX_SHORT,
			    .kept = SAME_EVENTS },
		.header = { .magic = SLUICE_MAGIC,
			    .version = SLUICE_VERSION,
			    .event_count = SAME_EVENTS,
			    .event_size = sizeof(datagram.event[0]),
			    .sequence = sequence,
			    .base_time_ns = BASE_NS },
	};

	for (__u32 i = 0; i < SAME_EVENTS; i++) {
		/* Too many buckets for a list at first. */
		datagram.event[i].value =
			sequence < 8 ? (__s64)(sequence * SAME_EVENTS + i) * 9 : 7 + i % 2;
		datagram.event[i].type = (__u16)(i / 2 % 2);
	}
	stream_add(stream, &datagram.record, sizeof(datagram));
}

static void counts_of_few_groups_outgrow_16_bits(void **state)
{
	static struct window_spec spec = {
		.name = "latency",
		.listener_mask = 1,
		.kind = SLUICE_WINDOW_TUMBLING,
		.size_ns = 1000000000,
		.slide_ns = 1000000000,
		.group_count = 1,
		.group_field = { SLUICE_FIELD_TYPE },
		.aggregate_count = 1,
		.aggregate = { { .kind = SLUICE_AGGREGATE_QUANTILES,
				 .field = SLUICE_FIELD_VALUE,
				 .precision = 5 } },
	};
	const struct sources_options sources_options = { .sources_max = 1,
							 .worker_count = 1,
							 .listener_count = 1 };
	struct stream_options options = { .windows = &spec,
					  .window_count = 1,
					  .worker_count = 1,
					  .groups_max = 16,
					  .memory_bytes = 64 << 20 };
	const struct sketch_histogram *sketch;
	__u64 count = 0, events[2] = { 0 };
	const struct window *window;
	struct sources *sources;
	struct stream *stream;

	(void)state;
	assert_int_equal(sources_open(&sources, &sources_options), 0);
	options.sources = sources;
	assert_int_equal(stream_open(&stream, &options), 0);
	stream_set_time(stream, (__s64)BASE_NS, 1);
	for (__u64 i = 0; i < SAME_DATAGRAMS; i++)
		add_same(stream, i);
	stream_flush(stream);
	window = &stream->window[0];
	for (__u32 id = 0; id < 2; id++) {
		unsigned int code = 0;

		sketch = (const void *)pane_extra(window, window->last, id);
		assert_int_equal(sketch->form, SKETCH_HISTOGRAM_WIDE);
		for (; sketch_histogram_next(sketch, window->extras.pool, &code, &count); code++)
			events[id] += count;
	}
	assert_int_equal(events[0] + events[1], SAME_DATAGRAMS * SAME_EVENTS);
	assert_true(events[0] > events[1] && events[1] > 2 * 65535);
	stream_close(stream);
	sources_close(sources);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decoding_reads_every_field),
		cmocka_unit_test(counts_of_few_groups_outgrow_16_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
