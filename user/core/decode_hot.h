/* SPDX-License-Identifier: BSD-2-Clause */
/* The hot path of decoding, for hot_batch.c alone: the records of a datagram become columns of the
 * batch. Events too far ahead of the clock are counted and left out. */
#ifndef SLUICE_CORE_DECODE_HOT_H
#define SLUICE_CORE_DECODE_HOT_H

#include "core/hot.h"

/* Records lie one behind the other in the ring: what comes next is on its way while this is read. A
 * fetch beyond the end is harmless. */
#define FETCH_AHEAD_BYTES 1024

struct decode_result {
	__u32 accepted, future, newest_us;
};

inline_always bool is_dropped(const __u64 *marks, __u32 index)
{
	return marks[index / 64] >> (index % 64) & 1;
}

inline_always struct decode_result decode_events(struct batch *batch,
						 const struct datagram *datagram, __u32 count,
						 const __u32 size, const bool has_marks)
{
	const unsigned char *record = datagram->events + (size_t)datagram->taken * size;
	__u64 base_ns = datagram->header->base_time_ns;
	__u32 end = batch->count, future = 0, newest_us = 0;
	__u16 number = (__u16)(batch->datagram_count - 1);

	for (__u32 i = 0; i < count; i++, record += size) {
		const struct sluice_event *event = (const struct sluice_event *)record;
		__u32 offset_us = event->time_offset_us;
		bool is_future = offset_us > datagram->limit_us;

		__builtin_prefetch(record + FETCH_AHEAD_BYTES, 0, 3);
		if (has_marks && is_dropped(datagram->dropped, datagram->taken + i))
			continue;
		batch->key[end] = event->key;
		batch->value[end] = event->value;
		batch->time_ns[end] = (__s64)(base_ns + (__u64)offset_us * 1000);
		__builtin_memcpy(&batch->type_weight[end], &event->type, 4);
		__builtin_memcpy(&batch->dims01[end], &event->dim0, 8);
		batch->datagram[end] = number;
		newest_us = !is_future && offset_us > newest_us ? offset_us : newest_us;
		future += is_future;
		end += !is_future;
	}
	return (struct decode_result){ end - batch->count, future, newest_us };
}

/* The fields behind the first 32 bytes: 0 where the record is shorter. */
static void decode_rest(struct batch *batch, const struct datagram *datagram, __u32 count)
{
	const unsigned char *record =
		datagram->events + (size_t)datagram->taken * datagram->event_size;
	__u32 end = batch->count;

	for (__u32 i = 0; i < count; i++, record += datagram->event_size) {
		const struct sluice_event *event = (const struct sluice_event *)record;

		if (datagram->dropped && is_dropped(datagram->dropped, datagram->taken + i))
			continue;
		batch->index[end] = (__u16)(datagram->taken + i);
		batch->event_id[end] = datagram->event_size >= 40 ? event->event_id : 0;
		batch->dims23[end] = 0;
		if (datagram->event_size >= 48)
			__builtin_memcpy(&batch->dims23[end], &event->dim2, 8);
		end += event->time_offset_us <= datagram->limit_us;
	}
}

static void decode(struct stream *stream, struct datagram *datagram)
{
	struct batch *batch = &stream->batch;
	__u32 count = datagram->event_count - datagram->taken, room = BATCH_EVENTS - batch->count;
	struct decode_result result;

	count = count < room ? count : room;
	if (stream->wants_dims23 || stream->wants_event_id || stream->wants_index)
		decode_rest(batch, datagram, count);
	if (datagram->dropped)
		result = decode_events(batch, datagram, count, datagram->event_size, true);
	else if (datagram->event_size == 32)
		result = decode_events(batch, datagram, count, 32, false);
	else
		result = decode_events(batch, datagram, count, datagram->event_size, false);
	datagram->taken += count;
	datagram->accepted += result.accepted;
	datagram->future += result.future;
	if (result.newest_us > datagram->newest_us)
		datagram->newest_us = result.newest_us;
	batch->count += result.accepted;
}

#endif
