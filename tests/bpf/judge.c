/* SPDX-License-Identifier: BSD-2-Clause */
/* The same order of stages as in bpf/sluice.bpf.c, over a plain buffer. */
#include <stdlib.h>
#include <string.h>

#include "judge.h"
#include "sluice/filter.h"

/* Copies of exactly the bytes there are, so that the sanitizer sees a step too far. */
static void *copy(const __u8 *bytes, size_t length, size_t room)
{
	__u8 *copied = calloc(1, room ? room : 1);

	if (!copied)
		abort();
	memcpy(copied, bytes, length);
	return copied;
}

static void filter_payload(const __u8 *payload, const struct sluice_header *header,
			   const struct sluice_config *config, struct sluice_types *types,
			   struct verdict *verdict)
{
	const struct sluice_filter filter = {
		.payload = payload,
		.rules = config->has_rules ? config->type_rule : NULL,
		.types = types,
		.event_bytes = header->event_size,
		.last = SLUICE_TYPE_COUNTERS - 1,
	};

	for (__u32 first = 0; first < verdict->events; first += SLUICE_FILTER_EVENTS) {
		__u32 offset = (__u32)sizeof(*header) + first * header->event_size;

		verdict->dropped += (__u32)__builtin_popcount(
			sluice_filter(&filter, offset, verdict->events - first));
	}
}

static __u32 judge_payload(const struct sluice_listener *listener, const struct sluice_frame *frame,
			   const struct sluice_header *header)
{
	enum sluice_checksum checksum = sluice_checksum_look(frame);

	if (checksum == SLUICE_CHECKSUM_UNKNOWN &&
	    sluice_checksum_is_right(frame, sluice_sum(header, frame->payload_bytes)))
		checksum = SLUICE_CHECKSUM_RIGHT;
	if (!listener->is_unchecked && checksum != SLUICE_CHECKSUM_RIGHT)
		return SLUICE_OUTCOME_refused_checksum;
	return sluice_validate(header, frame->payload_bytes);
}

void judge_frame(const __u8 *frame, __u32 frame_bytes, __u32 ifindex,
		 const struct sluice_config *config, struct sluice_types *types,
		 struct verdict *verdict)
{
	__u32 head_bytes = frame_bytes < SLUICE_HEAD_BYTES ? frame_bytes : SLUICE_HEAD_BYTES;
	__u8 *head = copy(frame, head_bytes, head_bytes), *payload;
	struct sluice_frame found = { 0 };
	struct sluice_header *header;

	memset(verdict, 0, sizeof(*verdict));
	verdict->passed = sluice_parse_frame(head, frame_bytes, &found);
	free(head);
	if (verdict->passed)
		return;
	verdict->listener = sluice_listener_find(config, ifindex, &found);
	if (verdict->listener < 0) {
		verdict->passed = SLUICE_TRAFFIC_pass_other_port;
		return;
	}
	if (found.is_udp_length_wrong) {
		verdict->refused = SLUICE_OUTCOME_refused_udp_length;
		return;
	}
	payload = copy(frame + found.payload_offset, found.payload_bytes, found.payload_bytes);
	header = (struct sluice_header *)payload;
	verdict->refused = judge_payload(&config->listener[verdict->listener], &found, header);
	if (verdict->refused == SLUICE_OUTCOME_refused_length &&
	    sluice_is_segmented(&config->listener[verdict->listener], header,
				found.payload_bytes)) {
		verdict->passed = SLUICE_TRAFFIC_pass_segmented;
	} else if (!verdict->refused) {
		verdict->events = header->event_count;
		if (!(header->flags & SLUICE_FLAG_DICTIONARY))
			filter_payload(payload, header, config, types, verdict);
	}
	free(payload);
}
