/* SPDX-License-Identifier: BSD-2-Clause */
/* Ethernet, IP and UDP headers, byte by byte as the standards number them (RFC 791, 8200, 768). */
#include "frame.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "plan.h"
#include "sluice/checksum.h"

#define ETHERNET_BYTES 14
#define IPV4_BYTES 20
#define IPV6_BYTES 40
#define UDP_BYTES 8
#define PROTOCOL_UDP 17

static void put16(__u8 *at, size_t value)
{
	at[0] = (__u8)(value >> 8);
	at[1] = (__u8)value;
}

static unsigned int get16(const __u8 *at)
{
	return (unsigned int)at[0] << 8 | at[1];
}

int frame_parse_address(const char *text, bool *is_v6, __u8 address[16], __u16 *port)
{
	char host[INET6_ADDRSTRLEN + 1];
	const char *start = text, *end, *rest;
	__u64 number = *port;
	bool v6 = *text == '[' || (strchr(text, ':') && strchr(text, ':') != strrchr(text, ':'));

	if (*text == '[') {
		start = text + 1;
		end = strchr(start, ']');
		if (!end || (end[1] && end[1] != ':'))
			return -EINVAL;
		rest = end + 1;
	} else {
		end = v6 ? text + strlen(text) : strchrnul(text, ':');
		rest = end;
	}
	if ((size_t)(end - start) >= sizeof(host))
		return -EINVAL;
	memcpy(host, start, (size_t)(end - start));
	host[end - start] = 0;
	if (*rest == ':' &&
	    (units_parse_number(rest + 1, &number) || number == 0 || number > 65535))
		return -EINVAL;
	__u8 parsed[16] = { 0 };

	if (inet_pton(v6 ? AF_INET6 : AF_INET, host, parsed) != 1)
		return -EINVAL;
	memcpy(address, parsed, sizeof(parsed));
	*is_v6 = v6;
	*port = (__u16)number;
	return 0;
}

int frame_parse_mac(const char *text, __u8 mac[6])
{
	unsigned int byte[6];
	int end = 0;

	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &byte[0], &byte[1], &byte[2], &byte[3],
		   &byte[4], &byte[5], &end) != 6 ||
	    text[end])
		return -EINVAL;
	for (int i = 0; i < 6; i++)
		mac[i] = (__u8)byte[i];
	return 0;
}

static const struct {
	__u8 address[16]; /* IPv4 in the first four bytes */
	__u8 bits;
	bool is_v6;
} private_ranges[] = {
	{ { 127 }, 8 },
	{ { 10 }, 8 },
	{ { 172, 16 }, 12 },
	{ { 192, 168 }, 16 },
	{ { 169, 254 }, 16 },
	{ { 100, 64 }, 10 },
	{ { 192, 0, 2 }, 24 },
	{ { 198, 18 }, 15 },
	{ { 198, 51, 100 }, 24 },
	{ { 203, 0, 113 }, 24 },
	{ { [15] = 1 }, 128, true },
	{ { 0xfc }, 7, true },
	{ { 0xfe, 0x80 }, 10, true },
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32, true },
};

static bool has_prefix(const __u8 *address, const __u8 *prefix, unsigned int bits)
{
	__u8 mask = (__u8)(0xff00 >> (bits % 8));

	return !memcmp(address, prefix, bits / 8) &&
	       (bits % 8 == 0 || !((address[bits / 8] ^ prefix[bits / 8]) & mask));
}

bool frame_is_private(const struct frame_address *address)
{
	for (size_t i = 0; i < sizeof(private_ranges) / sizeof(private_ranges[0]); i++)
		if (private_ranges[i].is_v6 == address->is_v6 &&
		    has_prefix(address->to, private_ranges[i].address, private_ranges[i].bits))
			return true;
	return false;
}

static unsigned long sum16(unsigned long sum, const __u8 *bytes, size_t count)
{
	size_t i;

	for (i = 0; i + 1 < count; i += 2)
		sum += get16(bytes + i);
	return i < count ? sum + ((unsigned long)bytes[i] << 8) : sum;
}

static __u16 fold(unsigned long sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

void frame_set_payload_bytes(bool is_v6, size_t payload_bytes, __u8 *frame)
{
	__u8 *ip = frame + ETHERNET_BYTES;
	__u8 *udp = ip + (is_v6 ? IPV6_BYTES : IPV4_BYTES);

	put16(udp + 4, UDP_BYTES + payload_bytes);
	if (is_v6) {
		put16(ip + 4, UDP_BYTES + payload_bytes);
		return;
	}
	put16(ip + 2, IPV4_BYTES + UDP_BYTES + payload_bytes);
	put16(ip + 10, 0);
	put16(ip + 10, fold(sum16(0, ip, IPV4_BYTES)));
}

void frame_write_headers(const struct frame_address *address, __u16 tag, size_t payload_bytes,
			 __u8 *frame)
{
	__u8 *ip = frame + ETHERNET_BYTES;
	__u8 *udp = ip + (address->is_v6 ? IPV6_BYTES : IPV4_BYTES);

	memset(frame, 0, frame_header_bytes(address));
	memcpy(frame, address->to_mac, 6);
	memcpy(frame + 6, address->from_mac, 6);
	put16(frame + 12, address->is_v6 ? 0x86dd : 0x0800);
	if (address->is_v6) {
		ip[0] = 0x60;
		put16(ip + 2, tag);
		ip[6] = PROTOCOL_UDP;
		ip[7] = 64;
		memcpy(ip + 8, address->from, 16);
		memcpy(ip + 24, address->to, 16);
	} else {
		ip[0] = 0x45;
		put16(ip + 4, tag);
		ip[8] = 64;
		ip[9] = PROTOCOL_UDP;
		memcpy(ip + 12, address->from, 4);
		memcpy(ip + 16, address->to, 4);
	}
	put16(udp, address->from_port);
	put16(udp + 2, address->to_port);
	frame_set_payload_bytes(address->is_v6, payload_bytes, frame);
}

__u64 frame_pseudo_sum(bool is_v6, const __u8 *frame)
{
	const __u8 *ip = frame + ETHERNET_BYTES;

	return htons(PROTOCOL_UDP) + (is_v6 ? sluice_sum(ip + 8, 32) : sluice_sum(ip + 12, 8));
}

void frame_write_udp_checksum(bool is_v6, __u8 *frame)
{
	__u8 *udp = frame + ETHERNET_BYTES + (is_v6 ? IPV6_BYTES : IPV4_BYTES);
	__u16 udp_bytes = (__u16)get16(udp + 4), checksum = 0;
	__u64 sum = frame_pseudo_sum(is_v6, frame) + htons(udp_bytes);

	memcpy(udp + 6, &checksum, sizeof(checksum));
	checksum = (__u16)~sluice_sum_fold(sum + sluice_sum(udp, udp_bytes));
	if (!checksum)
		checksum = 0xffff;
	memcpy(udp + 6, &checksum, sizeof(checksum));
}

void frame_break_udp_checksum(bool is_v6, __u8 *frame)
{
	__u8 *udp = frame + ETHERNET_BYTES + (is_v6 ? IPV6_BYTES : IPV4_BYTES);
	__u16 bytes, checksum;

	memcpy(&bytes, udp + 4, sizeof(bytes));
	memcpy(&checksum, udp + 6, sizeof(checksum));
	checksum = plan_wrong_checksum(checksum,
				       sluice_sum_fold(frame_pseudo_sum(is_v6, frame) + bytes));
	memcpy(udp + 6, &checksum, sizeof(checksum));
}

/* Where what follows Ethernet and up to two tags starts, and its type; or -EINVAL. */
static long find_network(const __u8 *frame, size_t bytes, unsigned int *type)
{
	size_t at = ETHERNET_BYTES;

	if (bytes < ETHERNET_BYTES)
		return -EINVAL;
	*type = get16(frame + 12);
	for (int tags = 0; tags < 2 && (*type == 0x8100 || *type == 0x88a8); tags++, at += 4) {
		if (bytes < at + 4)
			return -EINVAL;
		*type = get16(frame + at + 2);
	}
	return (long)at;
}

bool frame_stays_private(const __u8 *frame, size_t bytes)
{
	struct frame_address address = { 0 };
	unsigned int type;
	long at = find_network(frame, bytes, &type);

	if (at < 0)
		return false;
	if (type == 0x0800 && bytes >= (size_t)at + IPV4_BYTES) {
		memcpy(address.to, frame + at + 16, 4);
		return frame_is_private(&address);
	}
	address.is_v6 = true;
	if (type != 0x86dd || bytes < (size_t)at + IPV6_BYTES)
		return false;
	memcpy(address.to, frame + at + 24, 16);
	return frame_is_private(&address);
}

long frame_find_payload(const __u8 *frame, size_t bytes, const __u8 **payload)
{
	size_t at, ip_bytes, udp_bytes;
	unsigned int type;
	long network = find_network(frame, bytes, &type);

	if (network < 0)
		return -EINVAL;
	at = (size_t)network;
	if (type == 0x0800 && bytes >= at + IPV4_BYTES) {
		ip_bytes = (size_t)(frame[at] & 15) * 4;
		if (frame[at] >> 4 != 4 || ip_bytes < IPV4_BYTES || frame[at + 9] != PROTOCOL_UDP ||
		    get16(frame + at + 6) & 0x3fff)
			return -EINVAL;
	} else if (type == 0x86dd && bytes >= at + IPV6_BYTES) {
		ip_bytes = IPV6_BYTES;
		if (frame[at] >> 4 != 6 || frame[at + 6] != PROTOCOL_UDP)
			return -EINVAL;
	} else {
		return -EINVAL;
	}
	at += ip_bytes;
	if (bytes < at + UDP_BYTES)
		return -EINVAL;
	udp_bytes = get16(frame + at + 4);
	if (udp_bytes < UDP_BYTES || bytes < at + udp_bytes)
		return -EINVAL;
	*payload = frame + at + UDP_BYTES;
	return (long)(udp_bytes - UDP_BYTES);
}
