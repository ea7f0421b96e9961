/* SPDX-License-Identifier: BSD-2-Clause */
/* The host check, part traffic: whose datagrams a listener would take away (of other hosts, of
 * sockets here), and which it would never see (of senders here). */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "edge/host/host_parts.h"

#define LOOPBACK "lo"
#define LINE_BYTES 512

/* A socket as /proc/net/udp and udp6 have it; an address of IPv4 is mapped. */
struct udp_socket {
	struct in6_addr remote;
	__u16 local_port, remote_port;
};

/* Eight or 32 hexadecimal digits: words as they lie in memory. */
static bool read_address(const char *digits, struct in6_addr *address)
{
	size_t words = strlen(digits) / 8;
	char word[9] = "";

	*address = (struct in6_addr)IN6ADDR_ANY_INIT;
	if (strlen(digits) != 8 * words || (words != 1 && words != 4))
		return false;
	for (size_t i = 0; i < words; i++) {
		memcpy(word, digits + 8 * i, 8);
		address->s6_addr32[4 - words + i] = (__u32)strtoul(word, NULL, 16);
	}
	if (words == 1)
		address->s6_addr32[2] = htonl(0xffff);
	return true;
}

/* "  12: ADDRESS:PORT ADDRESS:PORT …"; the heading is none. */
static bool read_socket(const char *line, struct udp_socket *found)
{
	unsigned int local_port, remote_port;
	char remote[65];

	if (sscanf(line, " %*u: %*64[0-9A-Fa-f]:%4X %64[0-9A-Fa-f]:%4X", &local_port, remote,
		   &remote_port) != 3)
		return false;
	found->local_port = (__u16)local_port;
	found->remote_port = (__u16)remote_port;
	return read_address(remote, &found->remote);
}

static bool is_own_address(const struct ifaddrs *own, const struct in6_addr *address)
{
	struct in6_addr mapped = *address;

	for (; own; own = own->ifa_next) {
		const struct sockaddr *at = own->ifa_addr;

		if (!at)
			continue;
		if (at->sa_family == AF_INET6) {
			mapped = ((const struct sockaddr_in6 *)(const void *)at)->sin6_addr;
		} else if (at->sa_family == AF_INET) {
			mapped = (struct in6_addr)IN6ADDR_ANY_INIT;
			mapped.s6_addr32[2] = htonl(0xffff);
			mapped.s6_addr32[3] =
				((const struct sockaddr_in *)(const void *)at)->sin_addr.s_addr;
		} else {
			continue;
		}
		if (memcmp(&mapped, address, sizeof(mapped)) == 0)
			return true;
	}
	return false;
}

/* 127.0.0.0/8 and ::1 are own, whatever the addresses of lo are. */
static bool is_loopback(const struct in6_addr *address)
{
	if (IN6_IS_ADDR_V4MAPPED(address))
		return address->s6_addr[12] == 127;
	return IN6_IS_ADDR_LOOPBACK(address);
}

struct own_sockets {
	bool has_reader; /* bound to the port */
	bool has_sender; /* connected to the port of an address of this host */
};

static void look_at_sockets(const char *path, __u16 port, const struct ifaddrs *own,
			    struct own_sockets *found)
{
	FILE *file = fopen(path, "re");
	struct udp_socket udp;
	char line[LINE_BYTES];

	while (file && fgets(line, sizeof(line), file)) {
		if (!read_socket(line, &udp))
			continue;
		found->has_reader |= udp.local_port == port;
		found->has_sender |= udp.remote_port == port &&
				     (is_loopback(&udp.remote) || is_own_address(own, &udp.remote));
	}
	if (file)
		fclose(file);
}

static void check_reader(const struct host_interface *wanted, struct host_report *report)
{
	host_fix(
		host_note(report, "port", HOST_WARNING, 0,
			  "a socket on this host reads UDP port %u; with `action: consume` it gets "
			  "nothing from %s",
			  wanted->port, wanted->name),
		"write `action: tap` to let both have the datagrams");
}

static bool has_loopback_listener(const struct host_request *request, __u16 port)
{
	for (__u32 i = 0; i < request->interface_count; i++)
		if (request->interface[i].port == port &&
		    strcmp(request->interface[i].name, LOOPBACK) == 0)
			return true;
	return false;
}

/* A sender that is not connected cannot be told from others, so it is said in any case. */
static void check_senders(const struct host_request *request, const struct host_interface *wanted,
			  bool has_sender, struct host_report *report)
{
	if (has_loopback_listener(request, wanted->port))
		return;
	if (!has_sender) {
		host_note(report, "loopback", HOST_OK, 0,
			  "%s: what this host sends to itself goes by lo and is not seen there; a "
			  "listener on lo takes it",
			  wanted->name);
		return;
	}
	host_fix(host_note(report, "loopback", HOST_WARNING, 0,
			   "a socket on this host sends to UDP port %u of this host: by lo, and %s "
			   "does not see it",
			   wanted->port, wanted->name),
		 "add a listener with `interface: lo`, `mode: generic`");
}

static bool is_forwarding(const char *version, const char *name)
{
	char path[96], line[8];

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/forwarding", version, name);
	return host_read_line(path, line, sizeof(line)) && strcmp(line, "0") != 0;
}

static bool is_bridge_port(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/class/net/%s/brport", name);
	return access(path, F_OK) == 0;
}

static void check_transit(const struct host_interface *wanted, struct host_report *report)
{
	const char *what = wanted->is_consumed ? "ends here" : "is counted here";
	struct host_finding *finding;

	if (wanted->has_address)
		return;
	if (is_bridge_port(wanted->name))
		finding = host_note(report, "transit", HOST_WARNING, 0,
				    "%s is a port of a bridge: what passes through to UDP port %u "
				    "of other hosts %s too",
				    wanted->name, wanted->port, what);
	else if (is_forwarding("ipv4", wanted->name) || is_forwarding("ipv6", wanted->name))
		finding = host_note(report, "transit", HOST_WARNING, 0,
				    "%s: this host forwards (ip_forward), and what passes through "
				    "to UDP port %u of other hosts %s too",
				    wanted->name, wanted->port, what);
	else
		return;
	host_fix(finding, "write `address:` with the address of this host");
}

void host_check_traffic(const struct host_request *request, struct host_report *report)
{
	struct ifaddrs *own = NULL;

	if (getifaddrs(&own) != 0)
		own = NULL;
	for (__u32 i = 0; i < request->interface_count; i++) {
		const struct host_interface *wanted = &request->interface[i];
		struct own_sockets found = { 0 };

		look_at_sockets("/proc/net/udp", wanted->port, own, &found);
		look_at_sockets("/proc/net/udp6", wanted->port, own, &found);
		if (found.has_reader && wanted->is_consumed)
			check_reader(wanted, report);
		check_senders(request, wanted, found.has_sender, report);
		check_transit(wanted, report);
	}
	if (own)
		freeifaddrs(own);
}
