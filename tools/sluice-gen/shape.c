/* SPDX-License-Identifier: BSD-2-Clause */
/* Templates: options and a seed in, a pool of frames out. Never sends, never looks at a clock. */
#include "shape.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "sluice/limits.h"
#include "zipf.h"

struct slot_key {
	__u32 key;
	__u32 block;
};

struct maker {
	struct shape *shape;
	struct random_state random;
	struct zipf zipf;
};

/* The largest aligned block of a power of two around `key` that stays in [first, last]; as a
 * mask. */
static __u32 block_around(__u64 key, __u64 first, __u64 last)
{
	for (int bits = 31; bits > 0; bits--) {
		__u64 low = key >> bits << bits;

		if (low >= first && low + (1ull << bits) - 1 <= last)
			return (1u << bits) - 1;
	}
	return 0;
}

static struct slot_key draw_key(struct maker *maker)
{
	const struct shape_options *options = &maker->shape->options;
	struct slot_key drawn;
	__u64 key, octave;

	if (options->zipf <= 0) {
		key = random_below(&maker->random, options->key_count);
		drawn = (struct slot_key){ (__u32)key,
					   block_around(key, 0, options->key_count - 1) };
		return drawn;
	}
	key = zipf_draw(&maker->zipf, &maker->random);
	octave = 1ull << (63 - __builtin_clzll(key));
	drawn = (struct slot_key){ (__u32)key, block_around(key, octave, options->key_count) };
	return drawn;
}

static __u32 draw_offset_us(struct maker *maker, __u32 index, __u32 count, __u32 earliest)
{
	__u64 spread_us = maker->shape->options.spread_ns / 1000;

	if (maker->shape->options.is_ordered)
		return (__u32)(spread_us * index / count);
	return index == earliest ? 0 : (__u32)random_below(&maker->random, spread_us + 1);
}

static void make_event(struct maker *maker, __u8 *record, __u32 offset_us)
{
	const struct shape_options *options = &maker->shape->options;
	struct random_state *random = &maker->random;
	__u64 values = (__u64)options->value_max - (__u64)options->value_min;
	struct sluice_event event = { .time_offset_us = offset_us };
	size_t known = options->event_size < sizeof(event) ? options->event_size : sizeof(event);

	event.value = (__s64)((__u64)options->value_min +
			      (values == UINT64_MAX ? random_next(random)
						    : random_below(random, values + 1)));
	event.type = (__u16)(1 + random_below(random, options->type_count));
	if (options->weight_max)
		event.weight = (__u16)(1 + random_below(random, options->weight_max));
	event.dim0 = (__u32)random_below(random, options->dim_count);
	event.dim1 = (__u32)random_below(random, options->dim_count);
	event.dim2 = (__u32)random_below(random, options->dim_count);
	event.dim3 = (__u32)random_below(random, options->dim_count);
	memset(record, 0xee, options->event_size);
	memcpy(record, &event, known);
}

static void make_template(struct maker *maker, __u32 index)
{
	struct shape *shape = maker->shape;
	const struct shape_options *options = &shape->options;
	__u8 *slot = shape->pool + (size_t)index * shape->slot_bytes;
	__u8 *frame = slot + shape->frame_offset;
	__u8 *records = frame + shape->header_bytes + sizeof(struct sluice_header);
	struct slot_key *keys = (struct slot_key *)(slot + SHAPE_SLOT_HEAD_BYTES);
	__u32 count =
		options->events_min +
		(__u32)random_below(&maker->random, options->events_max - options->events_min + 1);
	__u32 earliest = (__u32)random_below(&maker->random, count);
	size_t payload_bytes = sizeof(struct sluice_header) + (size_t)count * options->event_size;
	__u32 head[2] = { count, (__u32)(shape->header_bytes + payload_bytes) };

	memcpy(slot, head, sizeof(head));
	frame_write_headers(&options->address, shape->is_short ? 0 : (__u16)index, payload_bytes,
			    frame);
	for (__u32 i = 0; i < count; i++) {
		keys[i] = draw_key(maker);
		make_event(maker, records + (size_t)i * options->event_size,
			   draw_offset_us(maker, i, count, earliest));
	}
}

static __u32 round_up(size_t bytes, size_t unit)
{
	return (__u32)((bytes + unit - 1) / unit * unit);
}

int shape_open(struct shape **out, const struct shape_options *options)
{
	size_t payload_bytes =
		sizeof(struct sluice_header) + (size_t)options->events_max * options->event_size;
	struct shape *shape;
	struct maker maker = { .random = { .seed = options->seed } };

	if (payload_bytes > SLUICE_PAYLOAD_MAX)
		return -EFBIG;
	shape = calloc(1, sizeof(*shape));
	if (!shape)
		return -ENOMEM;
	shape->options = *options;
	shape->header_bytes = (__u32)frame_header_bytes(&options->address);
	shape->frame_bytes_max = (__u32)(shape->header_bytes + payload_bytes);
	shape->frame_offset =
		round_up(SHAPE_SLOT_HEAD_BYTES + options->events_max * sizeof(struct slot_key), 64);
	shape->slot_bytes = round_up(shape->frame_offset + shape->frame_bytes_max, 64);
	shape->key_bias = options->zipf > 0;
	shape->is_short = options->events_min == options->events_max &&
			  shape->frame_bytes_max <= SHAPE_SHORT_BYTES;
	shape->template_count = SHAPE_TEMPLATES_MAX;
	while (shape->template_count > PLAN_RUN_TEMPLATES &&
	       (size_t)shape->template_count * shape->slot_bytes > SHAPE_POOL_BYTES)
		shape->template_count /= 2;
	shape->pool = calloc(shape->template_count, shape->slot_bytes);
	if (!shape->pool) {
		shape_close(shape);
		return -ENOMEM;
	}
	maker.shape = shape;
	if (options->zipf > 0)
		zipf_init(&maker.zipf, options->key_count, options->zipf);
	for (__u32 i = 0; i < shape->template_count; i++)
		make_template(&maker, i);
	*out = shape;
	return 0;
}

void shape_close(struct shape *shape)
{
	if (!shape)
		return;
	free(shape->pool);
	free(shape);
}

static const __u8 *slot_of(const struct shape *shape, const struct plan_datagram *datagram)
{
	return shape->pool + (size_t)datagram->template * shape->slot_bytes;
}

__u32 shape_event_count(const struct shape *shape, const struct plan_datagram *datagram)
{
	__u32 count;

	memcpy(&count, slot_of(shape, datagram), sizeof(count));
	return count;
}

static void stamp_events(const struct shape *shape, const struct plan_datagram *datagram,
			 __u8 *records)
{
	const struct slot_key *keys =
		(const struct slot_key *)(slot_of(shape, datagram) + SHAPE_SLOT_HEAD_BYTES);
	__u32 count = shape_event_count(shape, datagram);
	size_t event_size = shape->options.event_size;

	for (__u32 i = 0; i < count; i++) {
		__u8 *record = records + i * event_size;
		__u64 key = (keys[i].key ^ (datagram->key_mask & keys[i].block)) - shape->key_bias;
		__u64 event_id = plan_event_id(datagram, i);

		memcpy(record + offsetof(struct sluice_event, key), &key, sizeof(key));
		if (event_size >= PLAN_EVENT_SIZE_WITH_ID)
			memcpy(record + offsetof(struct sluice_event, event_id), &event_id,
			       sizeof(event_id));
	}
}

size_t shape_write_payload(const struct shape *shape, const struct plan *plan,
			   const struct plan_datagram *datagram, __u8 *payload)
{
	const __u8 *slot = slot_of(shape, datagram);
	const __u8 *model = slot + shape->frame_offset + shape->header_bytes;
	__u32 count = shape_event_count(shape, datagram);
	size_t bytes = sizeof(struct sluice_header) + (size_t)count * shape->options.event_size;
	struct sluice_header header;

	memcpy(payload, model, bytes);
	plan_stamp_header(plan, &header, datagram, count);
	plan_damage_header(&header, datagram->damage, datagram->number);
	memcpy(payload, &header, sizeof(header));
	stamp_events(shape, datagram, payload + sizeof(header));
	return datagram->damage == PLAN_DAMAGE_SHORT ? PLAN_SHORT_PAYLOAD_BYTES : bytes;
}

size_t shape_write_frame(const struct shape *shape, const struct plan *plan,
			 const struct plan_datagram *datagram, __u8 *frame, size_t *payload_bytes)
{
	const __u8 *slot = slot_of(shape, datagram);
	bool is_v6 = shape->options.address.is_v6;
	__u32 head[2];

	memcpy(head, slot, sizeof(head));
	memcpy(frame, slot + shape->frame_offset, shape->header_bytes);
	*payload_bytes = shape_write_payload(shape, plan, datagram, frame + shape->header_bytes);
	if (datagram->damage == PLAN_DAMAGE_SHORT)
		frame_set_payload_bytes(is_v6, *payload_bytes, frame);
	frame_write_udp_checksum(is_v6, frame);
	if (datagram->damage == PLAN_DAMAGE_CHECKSUM)
		frame_break_udp_checksum(is_v6, frame);
	return head[1];
}
