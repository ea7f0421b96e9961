/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The rules that say whether a datagram came as it was sent, whether its payload is true, and who
 * takes it; compiled by the XDP program and the agent, as those of parse.h are. */
#ifndef SLUICE_VALIDATE_H
#define SLUICE_VALIDATE_H

#include "sluice/parse.h"

/* The sum of what stands for the layers below: addresses, protocol, length. */
SLUICE_INLINE __u64 sluice_checksum_pseudo(const struct sluice_frame *frame)
{
	return frame->address_sum + SLUICE_NET16(SLUICE_NEXT_UDP) + (__u16)(frame->udp >> 32);
}

enum sluice_checksum { SLUICE_CHECKSUM_WRONG, SLUICE_CHECKSUM_RIGHT, SLUICE_CHECKSUM_UNKNOWN };

/* What the UDP checksum alone says, once the UDP length is known to be true. Transmit offload,
 * which nobody carries out on veth, lo, tap and bridges, leaves the sum of the pseudo-header. */
SLUICE_INLINE enum sluice_checksum sluice_checksum_look(const struct sluice_frame *frame)
{
	__u16 checksum = (__u16)(frame->udp >> 48);

	if (!checksum)
		return frame->is_ipv6 ? SLUICE_CHECKSUM_WRONG : SLUICE_CHECKSUM_RIGHT;
	if (checksum == sluice_sum_fold(sluice_checksum_pseudo(frame)))
		return SLUICE_CHECKSUM_RIGHT;
	return SLUICE_CHECKSUM_UNKNOWN;
}

/* And with the sum of the payload. */
SLUICE_INLINE int sluice_checksum_is_right(const struct sluice_frame *frame, __u64 payload_sum)
{
	return sluice_sum_fold(sluice_sum_word(sluice_checksum_pseudo(frame), frame->udp) +
			       payload_sum) == 0xffff;
}

/* How long a payload with this header must be, the entries of a dictionary not counted. */
SLUICE_INLINE __u32 sluice_validate_bytes(const struct sluice_header *header)
{
	__u32 bytes = sizeof(*header) + (__u32)header->event_count * header->event_size;

	if (header->flags & SLUICE_FLAG_TRAILER)
		bytes += sizeof(struct sluice_trailer);
	return bytes;
}

/* Whether a payload of `payload_bytes`, of which the first 40 (if it has them) are at `header`
 * (8-byte aligned), is what it says it is: 0, or the outcome that refuses it (enum
 * sluice_outcome). The entries of a dictionary are walked later by who reads them; here they
 * need only be possible. */
SLUICE_INLINE __u32 sluice_validate(const struct sluice_header *header, __u32 payload_bytes)
{
	if (payload_bytes < sizeof(*header))
		return SLUICE_OUTCOME_refused_short;
	if (payload_bytes > SLUICE_PAYLOAD_MAX)
		return SLUICE_OUTCOME_refused_length;
	if (header->magic != SLUICE_MAGIC)
		return SLUICE_OUTCOME_refused_magic;
	if (header->version != SLUICE_VERSION)
		return SLUICE_OUTCOME_refused_version;
	if (header->flags & ~(__u32)SLUICE_FLAGS_KNOWN)
		return SLUICE_OUTCOME_refused_flags;
	if (!header->event_count)
		return SLUICE_OUTCOME_refused_event_count;
	if (header->flags & SLUICE_FLAG_DICTIONARY) {
		__u32 entries_bytes = sizeof(struct sluice_dictionary_entry) * header->event_count;

		if (header->event_size)
			return SLUICE_OUTCOME_refused_event_size;
		if (payload_bytes < sluice_validate_bytes(header) + entries_bytes)
			return SLUICE_OUTCOME_refused_length;
		return 0;
	}
	if (header->event_size < SLUICE_EVENT_SIZE_MIN ||
	    header->event_size > SLUICE_EVENT_SIZE_MAX || header->event_size % 8)
		return SLUICE_OUTCOME_refused_event_size;
	if (payload_bytes != sluice_validate_bytes(header))
		return SLUICE_OUTCOME_refused_length;
	return 0;
}

/* Whether a payload that is refused for its length is several datagrams, which a sender on this
 * host handed over at once (UDP_SEGMENT) and nobody has cut up yet: only generic mode gets such. Of
 * a dictionary the header does not say how long it is. */
SLUICE_INLINE int sluice_is_segmented(const struct sluice_listener *listener,
				      const struct sluice_header *header, __u32 payload_bytes)
{
	return listener->is_generic && payload_bytes <= SLUICE_PAYLOAD_MAX &&
	       !(header->flags & SLUICE_FLAG_DICTIONARY) &&
	       payload_bytes > sluice_validate_bytes(header);
}

SLUICE_INLINE int sluice_listener_takes(const struct sluice_listener *listener, __u32 ifindex,
					const struct sluice_frame *frame)
{
	__u32 address[4];

	if (listener->port != frame->port || listener->ifindex != ifindex)
		return 0;
	if (!listener->has_address)
		return 1;
	__builtin_memcpy(address, listener->address, sizeof(address));
	return address[0] == frame->address[0] && address[1] == frame->address[1] &&
	       address[2] == frame->address[2] && address[3] == frame->address[3];
}

/* The first listener in the order of the configuration that takes the frame, or -1. */
SLUICE_INLINE int sluice_listener_find(const struct sluice_config *config, __u32 ifindex,
				       struct sluice_frame *frame)
{
	SLUICE_UNROLL
	for (__u32 i = 0; i < SLUICE_LISTENERS_MAX && i < config->listener_count; i++) {
		__u32 index = i;

		SLUICE_FORGET(index, &frame->memory);
		if (index < SLUICE_LISTENERS_MAX &&
		    sluice_listener_takes(&config->listener[index], ifindex, frame))
			return (int)index;
	}
	return -1;
}

#endif
