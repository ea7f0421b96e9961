/* SPDX-License-Identifier: BSD-2-Clause */
/* Distinct sketches as bytes: the canonical form of rows, and the string that Redis keeps.
 * What is read is checked as a whole before any of it is added. */
#include <errno.h>

#include "core/sketch/sketch_distinct.h"

_Static_assert(SKETCH_DISTINCT_BYTES_MAX(12) >= sizeof(struct sketch_head) +
							8 * SKETCH_DISTINCT_EXACT_MAX,
	       "registers are the longest body");

size_t sketch_distinct_bytes(const struct sketch_distinct *sketch)
{
	size_t body = 0;

	if (sketch->form == SKETCH_DISTINCT_EXACT)
		body = 8u * (sketch->count + sketch->has_zero);
	else if (sketch->form == SKETCH_DISTINCT_REGISTERS)
		body = (3u << sketch->precision) / 4;
	return sizeof(struct sketch_head) + body;
}

/* Four registers of 6 bits in three bytes, lowest bits first. */
static void registers_pack(__u8 *packed, const __u8 *registers, unsigned int count)
{
	for (unsigned int i = 0; i < count; i += 4, packed += 3) {
		unsigned int word = registers[i] | (unsigned int)registers[i + 1] << 6 |
				    (unsigned int)registers[i + 2] << 12 |
				    (unsigned int)registers[i + 3] << 18;

		packed[0] = (__u8)word;
		packed[1] = (__u8)(word >> 8);
		packed[2] = (__u8)(word >> 16);
	}
}

static __u8 register_unpack(const __u8 *packed, unsigned int index)
{
	const __u8 *from = packed + index / 4 * 3;
	unsigned int word = from[0] | (unsigned int)from[1] << 8 | (unsigned int)from[2] << 16;

	return (__u8)(word >> index % 4 * 6 & 63);
}

long sketch_distinct_write(const struct sketch_distinct *sketch, const struct sketch_pool *pool,
			   void *bytes, size_t room)
{
	static const __u8 body[] = {
		[SKETCH_DISTINCT_EXACT] = SKETCH_BODY_EXACT,
		[SKETCH_DISTINCT_REGISTERS] = SKETCH_BODY_SKETCH,
		[SKETCH_DISTINCT_LOST] = SKETCH_BODY_LOST,
	};
	struct sketch_head head = {
		.kind = SKETCH_KIND_DISTINCT,
		.body = body[sketch->form],
		.precision = sketch->precision,
		.bytes = (__u32)sketch_distinct_bytes(sketch),
	};
	__u64 sorted[SKETCH_DISTINCT_EXACT_MAX];

	if (head.bytes > room)
		return -ENOBUFS;
	memcpy(bytes, &head, sizeof(head));
	if (sketch->form == SKETCH_DISTINCT_EXACT)
		memcpy((__u8 *)bytes + sizeof(head), sorted,
		       8u * sketch_distinct_hashes(sketch, pool, sorted));
	else if (sketch->form == SKETCH_DISTINCT_REGISTERS)
		registers_pack((__u8 *)bytes + sizeof(head),
			       sketch_pool_block(pool, sketch->block), 1u << sketch->precision);
	return head.bytes;
}

/* The bytes are those of an exact sketch: few enough, ascending, each once. */
static bool exact_is_valid(const __u8 *body, size_t bytes)
{
	__u64 hash, previous = 0;

	if (bytes > 8u * SKETCH_DISTINCT_EXACT_MAX)
		return false;
	for (size_t at = 0; at < bytes; at += 8, previous = hash) {
		memcpy(&hash, body + at, 8);
		if (at > 0 && hash <= previous)
			return false;
	}
	return true;
}

static bool registers_are_valid(const __u8 *body, size_t bytes, unsigned int precision)
{
	if (bytes != (3u << precision) / 4)
		return false;
	for (unsigned int i = 0; i < 1u << precision; i++)
		if (register_unpack(body, i) > 65 - precision)
			return false;
	return true;
}

static int merge_packed(struct sketch_distinct *sketch, struct sketch_pool *pool,
			const __u8 *packed, unsigned int precision)
{
	__u8 registers[1u << SKETCH_DISTINCT_PRECISION_MAX];

	for (unsigned int i = 0; i < 1u << precision; i++)
		registers[i] = register_unpack(packed, i);
	return sketch_distinct_merge_registers(sketch, pool, registers, precision);
}

int sketch_distinct_merge_bytes(struct sketch_distinct *sketch, struct sketch_pool *pool,
				const void *bytes, size_t room)
{
	const __u8 *body = (const __u8 *)bytes + sizeof(struct sketch_head);
	struct sketch_head head;
	size_t body_bytes = sketch_head_take(&head, bytes, room, SKETCH_KIND_DISTINCT);
	int error = 0;
	__u64 hash;

	if (!body_bytes || head.precision < SKETCH_DISTINCT_PRECISION_MIN ||
	    head.precision > SKETCH_DISTINCT_PRECISION_MAX)
		return -EBADMSG;
	body_bytes -= sizeof(head);
	if (head.body == SKETCH_BODY_EXACT && !exact_is_valid(body, body_bytes))
		return -EBADMSG;
	if (head.body == SKETCH_BODY_SKETCH) {
		if (!registers_are_valid(body, body_bytes, head.precision))
			return -EBADMSG;
		if (head.precision < sketch->precision)
			return -EINVAL;
	}
	if (sketch->form == SKETCH_DISTINCT_LOST)
		return 0;
	if (head.body == SKETCH_BODY_LOST)
		return sketch_distinct_lose(sketch, pool);
	if (head.body == SKETCH_BODY_SKETCH)
		return merge_packed(sketch, pool, body, head.precision);
	for (size_t at = 0; at < body_bytes && !error; at += 8) {
		memcpy(&hash, body + at, 8);
		error = sketch_distinct_add_hash(sketch, pool, hash);
	}
	return error;
}

int sketch_distinct_export_redis(const struct sketch_distinct *sketch,
				 const struct sketch_pool *pool, __u8 *bytes)
{
	__u8 registers[1u << 14];
	int error = sketch_distinct_registers(sketch, pool, 14, registers);

	if (error)
		return error;
	memset(bytes, 0, 16);
	memcpy(bytes, "HYLL", 4);
	bytes[15] = 0x80;	/* the cached count is stale */
	registers_pack(bytes + 16, registers, 1u << 14);
	return 0;
}
