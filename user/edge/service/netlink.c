/* SPDX-License-Identifier: BSD-2-Clause */
/* RTNETLINK, group link. One datagram holds several messages, kept in the buffer between calls. */
#include "edge/service/netlink.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

int netlink_open(struct netlink *netlink)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	int error;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	netlink->fd = -1;
	netlink->fill = 0;
	netlink->position = 0;
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		error = -errno;
		close(fd);
		return error;
	}
	netlink->fd = fd;
	return 0;
}

void netlink_close(struct netlink *netlink)
{
	if (netlink->fd >= 0)
		close(netlink->fd);
	netlink->fd = -1;
}

/* 1 when a datagram of the kernel is in the buffer. */
static int receive(struct netlink *netlink)
{
	struct sockaddr_nl from = { 0 };
	socklen_t from_bytes = sizeof(from);
	ssize_t bytes;

	do {
		bytes = recvfrom(netlink->fd, netlink->buffer, sizeof(netlink->buffer), 0,
				 (struct sockaddr *)&from, &from_bytes);
	} while (bytes < 0 && errno == EINTR);
	netlink->position = 0;
	netlink->fill = 0;
	if (bytes < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
	if (from.nl_pid == 0) /* anybody may send to the socket; only the kernel is believed */
		netlink->fill = (size_t)bytes;
	return 1;
}

static void read_attribute(const struct rtattr *item, struct netlink_event *event)
{
	size_t bytes = RTA_PAYLOAD(item);

	if (item->rta_type == IFLA_IFNAME && bytes) {
		if (bytes > sizeof(event->name))
			bytes = sizeof(event->name);
		memcpy(event->name, RTA_DATA(item), bytes);
		event->name[sizeof(event->name) - 1] = 0;
	} else if (item->rta_type == IFLA_MTU && bytes == sizeof(event->mtu)) {
		memcpy(&event->mtu, RTA_DATA(item), sizeof(event->mtu));
	}
}

static void read_attributes(const struct nlmsghdr *message, struct netlink_event *event)
{
	size_t position = NLMSG_LENGTH(NLMSG_ALIGN(sizeof(struct ifinfomsg)));

	while (position + sizeof(struct rtattr) <= message->nlmsg_len) {
		const struct rtattr *item = (const void *)((const char *)message + position);

		if (item->rta_len < sizeof(*item) || item->rta_len > message->nlmsg_len - position)
			return;
		read_attribute(item, event);
		position += RTA_ALIGN(item->rta_len);
	}
}

static int read_message(const struct nlmsghdr *message, struct netlink_event *event)
{
	const struct ifinfomsg *info = NLMSG_DATA(message);

	if (message->nlmsg_type != RTM_NEWLINK && message->nlmsg_type != RTM_DELLINK)
		return 0;
	if (message->nlmsg_len < NLMSG_LENGTH(sizeof(*info)) || info->ifi_family != AF_UNSPEC)
		return 0;
	*event = (struct netlink_event){
		.kind = message->nlmsg_type == RTM_NEWLINK ? NETLINK_PRESENT : NETLINK_REMOVED,
		.ifindex = (__u32)info->ifi_index,
		.is_up = info->ifi_flags & IFF_UP,
	};
	read_attributes(message, event);
	return 1;
}

int netlink_next(struct netlink *netlink, struct netlink_event *event)
{
	for (;;) {
		const struct nlmsghdr *message =
			(const void *)(netlink->buffer + netlink->position);
		size_t left = netlink->fill - netlink->position;
		int result;

		if (NLMSG_OK(message, left)) {
			size_t bytes = NLMSG_ALIGN(message->nlmsg_len);

			netlink->position += bytes < left ? bytes : left;
			if (read_message(message, event))
				return 1;
			continue;
		}
		result = receive(netlink);
		if (result == -ENOBUFS) {
			*event = (struct netlink_event){ .kind = NETLINK_OVERRUN };
			return 1;
		}
		if (result <= 0)
			return result;
	}
}

void netlink_drop(struct netlink *netlink)
{
	struct netlink_event event;

	while (netlink_next(netlink, &event) == 1)
		;
}
