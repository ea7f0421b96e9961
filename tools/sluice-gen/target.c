/* SPDX-License-Identifier: BSD-2-Clause */
#include "target.h"

#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/units.h"
#include "sluice/limits.h"

#define HOST_BYTES_MAX 256
#define ETHERNET_BYTES 14

static void take_address(const struct addrinfo *found, bool *is_v6, __u8 address[16])
{
	*is_v6 = found->ai_family == AF_INET6;
	if (*is_v6)
		memcpy(address, &((const struct sockaddr_in6 *)found->ai_addr)->sin6_addr, 16);
	else
		memcpy(address, &((const struct sockaddr_in *)found->ai_addr)->sin_addr, 4);
}

static int resolve(const char *host, bool *is_v6, __u8 address[16])
{
	static const int families[] = { AF_INET, AF_INET6 };

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		const struct addrinfo hints = { .ai_family = families[i],
						.ai_socktype = SOCK_DGRAM };
		struct addrinfo *found;

		if (getaddrinfo(host, NULL, &hints, &found))
			continue;
		take_address(found, is_v6, address);
		freeaddrinfo(found);
		return 0;
	}
	return -EINVAL;
}

int target_find(const char *text, bool *is_v6, __u8 address[16], __u16 *port)
{
	const char *colon = strrchr(text, ':');
	size_t bytes = colon ? (size_t)(colon - text) : strlen(text);
	char host[HOST_BYTES_MAX];
	__u64 number = *port;

	if (!frame_parse_address(text, is_v6, address, port))
		return 0;
	/* What looks like an address is none that could be looked up. */
	if (!bytes || bytes >= sizeof(host) || strpbrk(text, "[]") || memchr(text, ':', bytes) ||
	    strspn(text, "0123456789.") >= bytes)
		return -EINVAL;
	if (colon && (units_parse_number(colon + 1, &number) || number == 0 || number > 65535))
		return -EINVAL;
	memcpy(host, text, bytes);
	host[bytes] = 0;
	*port = (__u16)number;
	return resolve(host, is_v6, address);
}

static __u32 interface_mtu(const char *name)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { 0 };
	__u32 mtu = 0;

	if (fd < 0)
		return 0;
	strncpy(request.ifr_name, name, sizeof(request.ifr_name) - 1);
	if (!ioctl(fd, SIOCGIFMTU, &request))
		mtu = (__u32)request.ifr_mtu;
	close(fd);
	return mtu;
}

static __u32 route_mtu(const struct frame_address *address)
{
	struct sockaddr_in to4 = { .sin_family = AF_INET, .sin_port = htons(address->to_port) };
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6, .sin6_port = htons(address->to_port) };
	bool is_v6 = address->is_v6;
	int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), mtu = 0;
	socklen_t mtu_bytes = sizeof(mtu);

	if (fd < 0)
		return 0;
	memcpy(&to4.sin_addr, address->to, 4);
	memcpy(&to6.sin6_addr, address->to, 16);
	if ((is_v6 ? connect(fd, (struct sockaddr *)&to6, sizeof(to6))
		   : connect(fd, (struct sockaddr *)&to4, sizeof(to4))) ||
	    getsockopt(fd, is_v6 ? IPPROTO_IPV6 : IPPROTO_IP, is_v6 ? IPV6_MTU : IP_MTU, &mtu,
		       &mtu_bytes))
		mtu = 0;
	close(fd);
	return mtu > 0 ? (__u32)mtu : 0;
}

__u32 target_mtu(const struct options *options)
{
	if (options->from_pcap)
		return 0;
	if (options->target == OPTIONS_LIVE)
		return interface_mtu(options->interface);
	return options->target == OPTIONS_SOCKET ? route_mtu(&options->shape.address) : 0;
}

__u32 target_events_max(const struct options *options, __u32 mtu)
{
	size_t head = frame_header_bytes(&options->shape.address) - ETHERNET_BYTES +
		      sizeof(struct sluice_header);

	return mtu < head ? 0 : (__u32)((mtu - head) / options->shape.event_size);
}

void target_fit(struct options *options)
{
	struct shape_options *shape = &options->shape;
	__u32 mtu = target_mtu(options), most = mtu ? target_events_max(options, mtu) : 0;

	if (!mtu || shape->events_max <= most)
		return;
	if (options->fits_mtu && most) {
		fprintf(stderr,
			"sluice-gen: %u events a datagram instead of %u: more would not fit the "
			"MTU of %u in one piece\n",
			most, shape->events_max, mtu);
		shape->events_min = shape->events_max = most;
		return;
	}
	fprintf(stderr,
		"sluice-gen: warning: %u events a datagram do not fit the MTU of %u: they go as IP "
		"fragments, which no listener takes; give --events %u at most, or raise the MTU\n",
		shape->events_max, mtu, most);
}
