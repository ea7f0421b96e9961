/* SPDX-License-Identifier: BSD-2-Clause */
/* Histograms as bytes: each bucket in use as two LEB128 numbers of least length, the distance
 * of its code from the one before (the first: from 0) and its count. A distance of 0 starts
 * the padding. What is read is checked as a whole before any of it is added. */
#include <errno.h>

#include "core/sketch/sketch_histogram.h"

#define NUMBER_BYTES_MAX 10

static size_t number_bytes(__u64 number)
{
	return number < 128 ? 1 : (70 - (size_t)__builtin_clzll(number)) / 7;
}

static __u8 *number_put(__u8 *at, __u64 number)
{
	for (; number >= 128; number >>= 7)
		*at++ = (__u8)(number | 128);
	*at++ = (__u8)number;
	return at;
}

/* Reads a number and advances *at; false when it is cut off, too long or too large. */
static bool number_take(const __u8 **at, const __u8 *end, __u64 *number)
{
	__u64 found = 0;

	for (unsigned int i = 0; i < NUMBER_BYTES_MAX && *at + i < end; i++) {
		__u8 byte = (*at)[i];

		if (i == NUMBER_BYTES_MAX - 1 && byte > 1)
			return false;
		found |= (__u64)(byte & 127) << 7 * i;
		if (byte & 128)
			continue;
		if (i > 0 && !byte)
			return false;
		*at += i + 1;
		*number = found;
		return true;
	}
	return false;
}

size_t sketch_histogram_bytes(const struct sketch_histogram *sketch,
			      const struct sketch_pool *pool)
{
	unsigned int code = 0, previous = 0;
	size_t bytes = sizeof(struct sketch_head);
	__u64 count;

	for (; sketch_histogram_next(sketch, pool, &code, &count); previous = code++)
		bytes += number_bytes(code - previous) + number_bytes(count);
	return (bytes + 7) & ~(size_t)7;
}

long sketch_histogram_write(const struct sketch_histogram *sketch, const struct sketch_pool *pool,
			    void *bytes, size_t room)
{
	bool is_lost = sketch->form == SKETCH_HISTOGRAM_LOST;
	struct sketch_head head = {
		.kind = SKETCH_KIND_HISTOGRAM,
		.body = is_lost ? SKETCH_BODY_LOST : SKETCH_BODY_SKETCH,
		.precision = sketch->scale,
	};
	unsigned int code = 0, previous = 0;
	__u8 *const body = (__u8 *)bytes + sizeof(head), *at = body;
	__u64 count;

	if (room < SKETCH_HISTOGRAM_BYTES_MAX(sketch->scale) &&
	    room < sketch_histogram_bytes(sketch, pool))
		return -ENOBUFS;
	for (; sketch_histogram_next(sketch, pool, &code, &count); previous = code++) {
		at = number_put(at, code - previous);
		at = number_put(at, count);
	}
	for (; (at - body) % 8; at++)
		*at = 0;
	head.bytes = (__u32)(sizeof(head) + (size_t)(at - body));
	memcpy(bytes, &head, sizeof(head));
	return head.bytes;
}

/* One bucket; *code goes on from the one before. 1: taken, 0: the end, -EBADMSG. */
static int bucket_take(const __u8 **at, const __u8 *end, unsigned int scale, unsigned int *code,
		       __u64 *count)
{
	struct sketch_bucket bucket;
	__u64 distance;

	if (*at == end)
		return 0;
	if (!number_take(at, end, &distance))
		return -EBADMSG;
	if (!distance) {
		for ((*at)--; *at < end; (*at)++)
			if (**at)
				return -EBADMSG;
		return 0;
	}
	if (distance >= SKETCH_HISTOGRAM_CODES(scale) - *code || !number_take(at, end, count) ||
	    !*count)
		return -EBADMSG;
	*code += (unsigned int)distance;
	bucket = sketch_histogram_bucket(*code, scale);
	if (bucket.index > 63u << scale || bucket.least > bucket.largest)
		return -EBADMSG;
	return 1;
}

/* All buckets are good, and the padding is no longer than it has to be. */
static bool buckets_are_valid(const __u8 *at, const __u8 *end, unsigned int scale)
{
	const __u8 *last = at;
	unsigned int code = 0;
	__u64 count;
	int answer;

	while ((answer = bucket_take(&at, end, scale, &code, &count)) > 0)
		last = at;
	return !answer && end - last < 8;
}

int sketch_histogram_merge_bytes(struct sketch_histogram *sketch, struct sketch_pool *pool,
				 const void *bytes, size_t room)
{
	const __u8 *at = (const __u8 *)bytes + sizeof(struct sketch_head), *end;
	struct sketch_head head;
	unsigned int code = 0;
	int error = 0;
	__u64 count;

	if (!sketch_head_take(&head, bytes, room, SKETCH_KIND_HISTOGRAM) ||
	    head.precision < SKETCH_HISTOGRAM_SCALE_MIN ||
	    head.precision > SKETCH_HISTOGRAM_SCALE_MAX || head.body == SKETCH_BODY_EXACT)
		return -EBADMSG;
	end = (const __u8 *)bytes + head.bytes;
	if (!buckets_are_valid(at, end, head.precision))
		return -EBADMSG;
	if (head.precision < sketch->scale)
		return -EINVAL;
	if (sketch->form == SKETCH_HISTOGRAM_LOST)
		return 0;
	if (head.body == SKETCH_BODY_LOST)
		return sketch_histogram_lose(sketch, pool);
	while (!error && bucket_take(&at, end, head.precision, &code, &count) > 0)
		error = sketch_histogram_add_code(
			sketch, pool,
			sketch_histogram_fold(code, head.precision, sketch->scale), count);
	return error;
}
