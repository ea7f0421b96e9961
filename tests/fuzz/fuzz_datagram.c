/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules for frames and payloads over any bytes: nothing outside of them is read, and what is
 * accepted adds up. The first byte says whether a frame or a bare payload follows. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/name/dictionary.h"
#include "sluice/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static struct sluice_types types;
static __u8 rules[SLUICE_TYPES];

/* Of exactly the length, so that the sanitizer sees one byte too far. */
static __u8 *copy(const uint8_t *data, size_t bytes)
{
	__u8 *copied = malloc(bytes ? bytes : 1);

	if (!copied)
		abort();
	memcpy(copied, data, bytes);
	return copied;
}

static void check_records(const __u8 *payload, const struct sluice_header *header)
{
	const struct sluice_filter filter = {
		.payload = payload,
		.rules = rules,
		.types = &types,
		.event_bytes = header->event_size,
		.last = SLUICE_TYPE_COUNTERS - 1,
	};

	assert(header->event_count <= SLUICE_EVENTS_MAX);
	for (__u32 first = 0; first < header->event_count; first += SLUICE_FILTER_EVENTS) {
		__u32 left = header->event_count - first;
		__u32 dropped = sluice_filter(
			&filter, (__u32)sizeof(*header) + first * header->event_size, left);

		assert(left >= SLUICE_FILTER_EVENTS || dropped < 1u << left);
	}
}

/* Entries that are given lie inside of the payload, and are as many as were counted. */
static void check_dictionary(const __u8 *payload, size_t bytes)
{
	struct dictionary_cursor cursor;
	struct name_taught name;
	__u32 count, found = 0;

	if (dictionary_open(&cursor, payload, bytes, &count))
		return;
	for (; dictionary_next(&cursor, &name); found++) {
		assert((const __u8 *)name.text + name.bytes <= payload + bytes);
		assert(dictionary_judge(&name) != DICTIONARY_GOOD || name.bytes > 0);
	}
	assert(found == count);
}

static void check_payload(const uint8_t *data, size_t bytes)
{
	__u8 *payload = copy(data, bytes);
	const struct sluice_header *header = (const struct sluice_header *)payload;
	__u32 refused = sluice_validate(header, (__u32)bytes);

	assert(refused < SLUICE_OUTCOME_COUNT);
	if (!refused) {
		assert(bytes >= sizeof(*header) && bytes <= SLUICE_PAYLOAD_MAX);
		if (!(header->flags & SLUICE_FLAG_DICTIONARY))
			check_records(payload, header);
		else
			check_dictionary(payload + sizeof(*header), bytes - sizeof(*header));
	}
	free(payload);
}

/* No fuzzer finds a sum: most inputs get the one that their IPv4 header should have. */
static void set_ip_checksum(__u8 *head, size_t bytes)
{
	size_t at = 14, length;
	__u16 sum = 0;

	while (at + 4 < bytes && at < 22 && (head[at - 2] == 0x81 || head[at - 2] == 0x88))
		at += 4;
	length = at < bytes ? (head[at] & 15u) * 4 : 0;
	if (length < 20 || at + length > bytes)
		return;
	memcpy(head + at + 10, &sum, sizeof(sum));
	sum = (__u16)~sluice_sum_fold(sluice_sum(head + at, (__u32)length));
	memcpy(head + at + 10, &sum, sizeof(sum));
}

static void check_checksum(const struct sluice_frame *frame, const uint8_t *data)
{
	__u64 sum = sluice_sum(data + frame->payload_offset, frame->payload_bytes);

	assert(sluice_checksum_look(frame) <= SLUICE_CHECKSUM_UNKNOWN);
	assert(sluice_checksum_is_right(frame, sum) ==
	       sluice_checksum_is_right(frame, sum + 0xffff));
}

static void check_frame(const uint8_t *data, size_t bytes, bool is_set_right)
{
	struct sluice_config config = { .listener_count = 1, .listener[0].port = 9125 };
	size_t head_bytes = bytes < SLUICE_HEAD_BYTES ? bytes : SLUICE_HEAD_BYTES;
	__u8 *head = copy(data, head_bytes);
	struct sluice_frame frame = { 0 };
	__u32 passed;

	if (is_set_right)
		set_ip_checksum(head, head_bytes);
	passed = sluice_parse_frame(head, (__u32)bytes, &frame);
	free(head);
	assert(passed < SLUICE_TRAFFIC_COUNT);
	if (passed)
		return;
	assert(frame.payload_offset <= bytes &&
	       frame.payload_bytes <= bytes - frame.payload_offset);
	assert((sluice_listener_find(&config, 0, &frame) == 0) == (frame.port == 9125));
	check_checksum(&frame, data);
	if (!frame.is_udp_length_wrong)
		check_payload(data + frame.payload_offset, frame.payload_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	if (!rules[1])
		for (int type = 1; type < SLUICE_TYPES; type += 2)
			rules[type] = SLUICE_RULE_DROP;
	if (!bytes)
		return 0;
	if (data[0] & 1)
		check_payload(data + 1, bytes - 1);
	else
		check_frame(data + 1, bytes - 1, !(data[0] & 2));
	return 0;
}
