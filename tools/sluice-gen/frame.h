/* SPDX-License-Identifier: BSD-2-Clause */
/* Ethernet, IP and UDP around a payload: addresses and lengths in, header bytes out. Never
 * sends. */
#ifndef SLUICE_GEN_FRAME_H
#define SLUICE_GEN_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

#define FRAME_HEADER_BYTES_V4 42
#define FRAME_HEADER_BYTES_V6 62
#define FRAME_HEADER_BYTES_MAX FRAME_HEADER_BYTES_V6

struct frame_address {
	__u8 to_mac[6];
	__u8 from_mac[6];
	bool is_v6;
	__u8 to[16]; /* network order; the first 4 bytes for IPv4 */
	__u8 from[16];
	__u16 to_port;
	__u16 from_port;
};

/* Reads "10.0.0.2:9125", "[fd00::2]:9125", or either without a port (then *port stays). -EINVAL. */
int frame_parse_address(const char *text, bool *is_v6, __u8 address[16], __u16 *port);

/* Reads "aa:bb:cc:dd:ee:ff". -EINVAL. */
int frame_parse_mac(const char *text, __u8 mac[6]);

/* Whether the destination is loopback, private, link-local, shared, or set aside for tests and
 * examples. */
bool frame_is_private(const struct frame_address *address);

/* The same of a frame's destination. Not IP, or cut short: no. */
bool frame_stays_private(const __u8 *frame, size_t bytes);

static inline size_t frame_header_bytes(const struct frame_address *address)
{
	return address->is_v6 ? FRAME_HEADER_BYTES_V6 : FRAME_HEADER_BYTES_V4;
}

/* Writes all headers for a payload of payload_bytes. `tag` (16 bits) becomes the IPv4
 * identification or the low half of the IPv6 flow label. The UDP checksum is 0 (none). */
void frame_write_headers(const struct frame_address *address, __u16 tag, size_t payload_bytes,
			 __u8 *frame);

/* Sets the lengths of written headers (and the IPv4 checksum) for another payload. */
void frame_set_payload_bytes(bool is_v6, size_t payload_bytes, __u8 *frame);

/* Fills the UDP checksum of a whole frame. */
void frame_write_udp_checksum(bool is_v6, __u8 *frame);
/* Makes it a wrong one. */
void frame_break_udp_checksum(bool is_v6, __u8 *frame);
/* The sum (sluice/checksum.h) of addresses and protocol. */
__u64 frame_pseudo_sum(bool is_v6, const __u8 *frame);

/* Finds the UDP payload of a frame with up to two VLAN tags, IP options and whole datagrams only.
 * Returns its length and sets *payload, or -EINVAL for anything else. */
long frame_find_payload(const __u8 *frame, size_t bytes, const __u8 **payload);

#endif
