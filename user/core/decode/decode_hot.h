/* SPDX-License-Identifier: BSD-2-Clause */
/* The hot path of decoding, for hot_batch.c alone: the records of a datagram become columns of the
 * batch. Events too far ahead of the clock are counted and left out. */
#ifndef SLUICE_CORE_DECODE_HOT_H
#define SLUICE_CORE_DECODE_HOT_H

#include "core/stream/hot.h"

/* Records lie one behind the other in the ring: what comes next is on its way while this is read. A
 * fetch beyond the end is harmless. */
#define FETCH_AHEAD_BYTES 1024

struct decode_result {
	__u32 accepted, future;
	__u32 oldest_us, newest_us; /* accepted time offsets */
	__u32 weights; /* bits of all weights */
};

inline_always bool is_dropped(const __u64 *marks, __u32 index)
{
	return marks[index / 64] >> (index % 64) & 1;
}

inline_always void note_events(struct decode_result *result, __u32 oldest_us, __u32 newest_us,
			       __u32 weights)
{
	result->oldest_us = oldest_us < result->oldest_us ? oldest_us : result->oldest_us;
	result->newest_us = newest_us > result->newest_us ? newest_us : result->newest_us;
	result->weights |= weights;
}

/* One event into column `end`; counted there if it is not too far ahead. */
inline_always __u32 decode_event(struct batch *batch, const struct sluice_event *event,
				 __u64 base_ns, __u32 limit_us, __u16 datagram, __u32 end,
				 struct decode_result *result)
{
	__u32 offset_us = event->time_offset_us;

	batch->key[end] = event->key;
	batch->value[end] = event->value;
	batch->time_ns[end] = batch_time_ns(base_ns, offset_us);
	__builtin_memcpy(&batch->type_weight[end], &event->type, 4);
	__builtin_memcpy(&batch->dims01[end], &event->dim0, 8);
	batch->datagram[end] = datagram;
	if (is_rare(offset_us > limit_us)) {
		result->future++;
		return end;
	}
	note_events(result, offset_us, offset_us, event->weight);
	return end + 1;
}

#if defined(__AVX2__)
/* Four events at a time, from rows to columns, up to the first four of which one is too far ahead
 * or until fewer than four are left. Returns the number of events taken. */
inline_always __u32 decode_fours(struct batch *batch, const unsigned char *record, __u64 base_ns,
				 __u32 limit_us, __u16 datagram, __u32 count, const __u32 size,
				 struct decode_result *result)
{
	const __m256i base = _mm256_set1_epi64x((long long)base_ns);
	const __m256i limit = _mm256_set1_epi64x(limit_us);
	const __m256i low_half = _mm256_set1_epi64x(UINT32_MAX);
	const __m256i high_halves = _mm256_setr_epi32(1, 3, 5, 7, 1, 3, 5, 7);
	const __m256i ns_of_us = _mm256_set1_epi64x(1000);
	__m256i oldest = _mm256_set1_epi32(-1), newest = _mm256_setzero_si256();
	__m256i weights = _mm256_setzero_si256();
	__u32 end = batch->count, i;
	__u64 lanes[3][4];

	for (i = 0; i + 4 <= count; i += 4, end += 4, record += (size_t)4 * size) {
		const __m256i a = _mm256_loadu_si256((const __m256i *)record);
		const __m256i b = _mm256_loadu_si256((const __m256i *)(record + size));
		const __m256i c = _mm256_loadu_si256((const __m256i *)(record + 2 * size));
		const __m256i d = _mm256_loadu_si256((const __m256i *)(record + 3 * size));
		const __m256i ab_even = _mm256_unpacklo_epi64(a, b);
		const __m256i cd_even = _mm256_unpacklo_epi64(c, d);
		const __m256i ab_odd = _mm256_unpackhi_epi64(a, b);
		const __m256i cd_odd = _mm256_unpackhi_epi64(c, d);
		/* time_offset_us | type << 32 | weight << 48 */
		const __m256i mixed = _mm256_permute2x128_si256(ab_even, cd_even, 0x31);
		const __m256i offset = _mm256_and_si256(mixed, low_half);

		for (__u32 ahead = 0; ahead < 4 * size; ahead += 64)
			__builtin_prefetch(record + FETCH_AHEAD_BYTES + ahead, 0, 3);
		if (is_rare(_mm256_movemask_epi8(_mm256_cmpgt_epi64(offset, limit))))
			break;
		oldest = _mm256_min_epu32(oldest, mixed);
		newest = _mm256_max_epu32(newest, offset);
		weights = _mm256_or_si256(weights, mixed);
		_mm256_storeu_si256((__m256i *)&batch->key[end],
				    _mm256_permute2x128_si256(ab_even, cd_even, 0x20));
		_mm256_storeu_si256((__m256i *)&batch->value[end],
				    _mm256_permute2x128_si256(ab_odd, cd_odd, 0x20));
		_mm256_storeu_si256((__m256i *)&batch->dims01[end],
				    _mm256_permute2x128_si256(ab_odd, cd_odd, 0x31));
		_mm256_storeu_si256((__m256i *)&batch->time_ns[end],
				    _mm256_add_epi64(base, _mm256_mul_epu32(mixed, ns_of_us)));
		_mm_storeu_si128((__m128i *)&batch->type_weight[end],
				 _mm256_castsi256_si128(
					 _mm256_permutevar8x32_epi32(mixed, high_halves)));
		_mm_storel_epi64((__m128i *)&batch->datagram[end], _mm_set1_epi16((short)datagram));
	}
	_mm256_storeu_si256((__m256i *)lanes[0], oldest);
	_mm256_storeu_si256((__m256i *)lanes[1], newest);
	_mm256_storeu_si256((__m256i *)lanes[2], weights);
	for (__u32 k = 0; k < 4; k++)
		note_events(result, (__u32)lanes[0][k], (__u32)lanes[1][k],
			    (__u16)(lanes[2][k] >> 48));
	return i;
}
#endif

inline_always struct decode_result decode_events(struct batch *batch,
						 const struct datagram *datagram, __u32 count,
						 const __u32 size, const bool has_marks)
{
	const unsigned char *record = datagram->events + (size_t)datagram->taken * size;
	__u64 base_ns = datagram->header->base_time_ns;
	__u16 number = (__u16)(batch->datagram_count - 1);
	struct decode_result result = { .oldest_us = UINT32_MAX };
	__u32 end = batch->count, i = 0;

#if defined(__AVX2__)
	if (!has_marks)
		i = decode_fours(batch, record, base_ns, datagram->limit_us, number, count, size,
				 &result);
	end += i;
	record += (size_t)i * size;
#endif
	for (; i < count; i++, record += size) {
		__builtin_prefetch(record + FETCH_AHEAD_BYTES, 0, 3);
		if (has_marks && is_dropped(datagram->dropped, datagram->taken + i))
			continue;
		end = decode_event(batch, (const struct sluice_event *)record, base_ns,
				   datagram->limit_us, number, end, &result);
	}
	result.accepted = end - batch->count;
	return result;
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

/* What all events of the batch have in common. */
inline_always void note_range(struct batch *batch, __u64 base_ns,
			      const struct decode_result *result)
{
	__s64 oldest_ns = batch_time_ns(base_ns, result->oldest_us);
	__s64 newest_ns = batch_time_ns(base_ns, result->newest_us);

	if (batch->count == 0) {
		batch->oldest_ns = oldest_ns;
		batch->newest_ns = newest_ns;
		batch->weights = 0;
	}
	batch->oldest_ns = oldest_ns < batch->oldest_ns ? oldest_ns : batch->oldest_ns;
	batch->newest_ns = newest_ns > batch->newest_ns ? newest_ns : batch->newest_ns;
	batch->weights |= result->weights;
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
	if (result.accepted)
		note_range(batch, datagram->header->base_time_ns, &result);
	batch->count += result.accepted;
}

#endif
