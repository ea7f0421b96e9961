/* SPDX-License-Identifier: BSD-2-Clause */
/* Builds a frame from a shape, layer by layer, truly, and then tells the lies that the shape
 * asks for. */
#include <assert.h>
#include <string.h>

#include "harness.h"

static void put16(__u8 *at, unsigned int number)
{
	at[0] = (__u8)(number >> 8);
	at[1] = (__u8)number;
}

static void put(struct frame *frame, const void *bytes, size_t length)
{
	assert(frame->length + length <= FRAME_MAX);
	if (bytes)
		memcpy(frame->bytes + frame->length, bytes, length);
	else
		memset(frame->bytes + frame->length, 0, length);
	frame->length += (__u32)length;
}

static __u16 count_of(const struct shape *shape)
{
	return (__u16)(shape->is_count_zero
			       ? 0
			       : (shape->events ? shape->events : 1) + shape->count_more);
}

static void put_records(struct frame *frame, const struct shape *shape, __u16 event_size)
{
	__u8 record[SLUICE_EVENT_SIZE_MAX];

	for (int i = 0; i < (shape->events ? shape->events : 1); i++) {
		struct sluice_event event = {
			.key = (__u64)(i + 1) * 1000003,
			.value = i + 2,
			.time_offset_us = (__u32)i + 3,
			.type = (__u16)(shape->type_first + i * shape->type_step),
			.dim0 = (__u32)i + 4,
			.dim1 = (__u32)i + 5,
		};

		memset(record, i, sizeof(record));
		memcpy(record, &event, sizeof(event));
		put(frame, record, event_size);
	}
}

static void put_payload(struct frame *frame, const struct shape *shape)
{
	__u16 event_size = shape->event_size ? shape->event_size : 32;
	struct sluice_header header = {
		.magic = shape->magic ? shape->magic : SLUICE_MAGIC,
		.version = shape->version ? shape->version : SLUICE_VERSION,
		.flags = shape->flags,
		.event_count = count_of(shape),
		.event_size = shape->size_instead ? (__u16)shape->size_instead : event_size,
		.source_id = 77,
		.sequence = 5,
		.base_time_ns = 1000,
	};
	struct sluice_dictionary_entry entry = { .name_bytes = 8, .id = 9 };

	if (shape->is_bare) {
		put(frame, NULL, (size_t)shape->payload_bytes);
		return;
	}
	if (shape->flags & SLUICE_FLAG_DICTIONARY && !shape->size_instead)
		header.event_size = 0;
	put(frame, &header, sizeof(header));
	if (shape->flags & SLUICE_FLAG_DICTIONARY) {
		for (int i = 0; i < (shape->events ? shape->events : 1); i++) {
			put(frame, &entry, sizeof(entry));
			put(frame, "a name 8", 8);
		}
	} else {
		put_records(frame, shape, event_size);
	}
	if (shape->flags & SLUICE_FLAG_TRAILER)
		put(frame, NULL, sizeof(struct sluice_trailer));
	if (shape->payload_more > 0)
		put(frame, NULL, (size_t)shape->payload_more);
	else
		frame->length -= (__u32)-shape->payload_more;
}

static void put_link(struct frame *frame, const struct shape *shape)
{
	__u16 type = shape->is_ipv6 ? 0x86dd : 0x0800;
	__u8 bytes[14] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };

	if (shape->ethertype)
		type = shape->ethertype;
	put16(bytes + 12, shape->tags ? (shape->is_qinq ? 0x88a8u : 0x8100u) : type);
	put(frame, bytes, sizeof(bytes));
	for (int i = 1; i <= shape->tags; i++) {
		put16(bytes, 0x2000u + (unsigned int)i);
		put16(bytes + 2, i < shape->tags ? 0x8100u : type);
		put(frame, bytes, 4);
	}
}

static void put_ipv4(struct frame *frame, const struct shape *shape)
{
	static const __u8 destination[4] = { 10, 9, 8, 7 };
	int words = shape->ihl ? shape->ihl : 5 + shape->option_words;
	__u8 bytes[20] = { 0 };

	bytes[0] = (__u8)((shape->ip_version ? shape->ip_version : 4) << 4 | words);
	put16(bytes + 6, shape->fragment);
	bytes[8] = 64;
	bytes[9] = shape->protocol == 255 ? 0 : shape->protocol ? shape->protocol : 17;
	memcpy(bytes + 12, (const __u8[]){ 10, 9, 8, 1 }, 4);
	memcpy(bytes + 16, shape->address[0] ? shape->address : destination, 4);
	put(frame, bytes, sizeof(bytes));
	for (int i = 0; i < shape->option_words; i++)
		put(frame, (const __u8[]){ 1, 1, 1, 1 }, 4);
}

static void put_ipv6(struct frame *frame, const struct shape *shape)
{
	static const __u8 destination[16] = { 0xfd, [15] = 7 };
	__u8 last = shape->protocol == 255 ? 0 : shape->protocol ? shape->protocol : 17;
	__u8 bytes[40] = { 0 };

	bytes[0] = (__u8)((shape->ip_version ? shape->ip_version : 6) << 4);
	bytes[6] = shape->extension_count ? shape->extension[0].type : last;
	bytes[7] = 64;
	bytes[8] = 0xfd;
	memcpy(bytes + 24, shape->address[0] || shape->address[15] ? shape->address : destination,
	       16);
	put(frame, bytes, sizeof(bytes));
	for (int i = 0; i < shape->extension_count; i++) {
		const struct extension *extension = &shape->extension[i];

		memset(bytes, 0, 8);
		bytes[0] = i + 1 < shape->extension_count ? extension[1].type : last;
		bytes[1] = extension->more;
		put16(bytes + 2, extension->fragment);
		put(frame, bytes, 8);
		put(frame, NULL, extension->real * 8u);
	}
}

static unsigned int get16(const __u8 *at)
{
	return (unsigned int)at[0] << 8 | at[1];
}

/* RFC 1071, byte by byte. */
static unsigned int sum_of(unsigned int sum, const __u8 *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		sum += i % 2 ? bytes[i] : (unsigned int)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* Of the addresses, the protocol and the length that UDP claims. */
static unsigned int pseudo_sum(const struct frame *frame)
{
	const __u8 *ip = frame->bytes + frame->ip_offset;
	unsigned int udp_bytes = get16(frame->bytes + frame->udp_offset + 4);

	return sum_of(17 + udp_bytes, frame->is_ipv6 ? ip + 8 : ip + 12, frame->is_ipv6 ? 32 : 8);
}

static void set_udp_checksum(struct frame *frame)
{
	__u8 *udp = frame->bytes + frame->udp_offset;
	unsigned int udp_bytes = get16(udp + 4), checksum;

	if (frame->udp_offset + 8 > frame->length)
		return;
	if (udp_bytes > frame->length - frame->udp_offset)
		udp_bytes = frame->length - frame->udp_offset;
	put16(udp + 6, 0);
	checksum = ~sum_of(pseudo_sum(frame), udp, udp_bytes) & 0xffff;
	put16(udp + 6, checksum ? checksum : 0xffff);
}

static void set_ip_checksum(struct frame *frame)
{
	__u8 *ip = frame->bytes + frame->ip_offset;
	size_t bytes = (ip[0] & 15u) * 4u;

	if (frame->is_ipv6 || frame->ip_offset + bytes > frame->length || bytes < 20)
		return;
	put16(ip + 10, 0);
	put16(ip + 10, ~sum_of(0, ip, bytes) & 0xffff);
}

void frame_set_checksums(struct frame *frame)
{
	set_udp_checksum(frame);
	set_ip_checksum(frame);
}

static void lie_about_checksums(struct frame *frame, const struct shape *shape)
{
	__u8 *checksum = frame->bytes + frame->udp_offset + 6;

	if (shape->checksum == CHECKSUM_NONE)
		put16(checksum, 0);
	if (shape->checksum == CHECKSUM_LEFT)
		put16(checksum, pseudo_sum(frame));
	if (shape->checksum == CHECKSUM_FLIPPED)
		frame->bytes[frame->payload_offset + frame->payload_bytes / 2] ^= 16;
	if (shape->is_ip_flipped)
		frame->bytes[frame->ip_offset + 10] ^= 1;
}

void frame_build(struct frame *frame, const struct shape *shape)
{
	__u32 ip, udp, ip_bytes;
	__u8 bytes[8] = { 0 };

	frame->length = 0;
	put_link(frame, shape);
	ip = frame->length;
	if (shape->is_ipv6)
		put_ipv6(frame, shape);
	else
		put_ipv4(frame, shape);
	udp = frame->length;
	put16(bytes, 40000);
	put16(bytes + 2, shape->port ? shape->port : PORT);
	put(frame, bytes, sizeof(bytes));
	frame->payload_offset = frame->length;
	put_payload(frame, shape);
	frame->payload_bytes = frame->length - frame->payload_offset;
	put16(frame->bytes + udp + 4,
	      8 + frame->payload_bytes + (unsigned int)shape->udp_length_more);
	ip_bytes = frame->length - ip + (__u32)shape->ip_length_more;
	if (shape->is_ipv6)
		put16(frame->bytes + ip + 4, ip_bytes - 40);
	else
		put16(frame->bytes + ip + 2, ip_bytes);
	frame->ip_offset = ip;
	frame->udp_offset = udp;
	frame->is_ipv6 = shape->is_ipv6;
	frame_set_checksums(frame);
	lie_about_checksums(frame, shape);
	put(frame, NULL, (size_t)shape->padding);
	if (shape->cut_to)
		frame->length = (__u32)shape->cut_to;
}
