/* SPDX-License-Identifier: BSD-2-Clause */
/* RTM_GETLINK for one interface: the answer has name, kind, state and programs of one moment. */
#include "edge/host/interface.h"

#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#define ANSWER_BYTES 32768

struct question {
	struct nlmsghdr message;
	struct ifinfomsg info;
	_Alignas(RTA_ALIGNTO) unsigned char attributes[64];
};

static void add_attribute(struct question *question, __u16 type, const void *value, size_t bytes)
{
	struct rtattr *attribute =
		(void *)((unsigned char *)question + NLMSG_ALIGN(question->message.nlmsg_len));

	attribute->rta_type = type;
	attribute->rta_len = (__u16)RTA_LENGTH(bytes);
	memcpy(RTA_DATA(attribute), value, bytes);
	question->message.nlmsg_len =
		NLMSG_ALIGN(question->message.nlmsg_len) + (__u32)RTA_SPACE(bytes);
}

/* Calls `read` for each attribute in `bytes` bytes from `at` on. */
static void each_attribute(const void *at, size_t bytes,
			   void (*read)(const struct rtattr *item, struct interface *interface),
			   struct interface *interface)
{
	while (bytes >= sizeof(struct rtattr)) {
		const struct rtattr *item = at;
		size_t step = RTA_ALIGN(item->rta_len);

		if (item->rta_len < sizeof(*item) || item->rta_len > bytes)
			return;
		read(item, interface);
		at = (const unsigned char *)at + step;
		bytes -= step < bytes ? step : bytes;
	}
}

static __u32 read_u32(const struct rtattr *item)
{
	__u32 value = 0;

	if (RTA_PAYLOAD(item) >= sizeof(value))
		memcpy(&value, RTA_DATA(item), sizeof(value));
	return value;
}

static void read_xdp(const struct rtattr *item, struct interface *interface)
{
	switch (item->rta_type) {
	case IFLA_XDP_DRV_PROG_ID:
		interface->program_id[INTERFACE_XDP_NATIVE] = read_u32(item);
		break;
	case IFLA_XDP_SKB_PROG_ID:
		interface->program_id[INTERFACE_XDP_GENERIC] = read_u32(item);
		break;
	case IFLA_XDP_HW_PROG_ID:
		interface->program_id[INTERFACE_XDP_HARDWARE] = read_u32(item);
		break;
	default:
		break;
	}
}

static void read_link(const struct rtattr *item, struct interface *interface)
{
	size_t bytes = RTA_PAYLOAD(item);

	switch (item->rta_type & NLA_TYPE_MASK) {
	case IFLA_IFNAME:
		if (bytes > sizeof(interface->name) - 1)
			bytes = sizeof(interface->name) - 1;
		memcpy(interface->name, RTA_DATA(item), bytes);
		break;
	case IFLA_MTU:
		interface->mtu = read_u32(item);
		break;
	case IFLA_XDP:
		each_attribute(RTA_DATA(item), bytes, read_xdp, interface);
		break;
	default:
		break;
	}
}

static int read_answer(const struct nlmsghdr *message, size_t bytes, struct interface *interface)
{
	const size_t head = NLMSG_LENGTH(NLMSG_ALIGN(sizeof(struct ifinfomsg)));
	const struct ifinfomsg *info = NLMSG_DATA(message);
	struct interface found = { 0 };

	if (!NLMSG_OK(message, bytes))
		return -EBADMSG;
	if (message->nlmsg_type == NLMSG_ERROR) {
		const struct nlmsgerr *refusal = NLMSG_DATA(message);

		return message->nlmsg_len < NLMSG_LENGTH(sizeof(*refusal)) || !refusal->error
			       ? -EBADMSG
			       : refusal->error;
	}
	if (message->nlmsg_type != RTM_NEWLINK || message->nlmsg_len < head)
		return -EBADMSG;
	found.ifindex = (__u32)info->ifi_index;
	found.type = info->ifi_type;
	found.is_up = info->ifi_flags & IFF_UP;
	each_attribute((const unsigned char *)message + head, message->nlmsg_len - head, read_link,
		       &found);
	*interface = found;
	return 0;
}

static int ask(struct question *question, struct interface *interface)
{
	const __u32 without_statistics = RTEXT_FILTER_SKIP_STATS;
	_Alignas(NLMSG_ALIGNTO) unsigned char answer[ANSWER_BYTES];
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), code;
	ssize_t bytes;

	if (fd < 0)
		return -errno;
	add_attribute(question, IFLA_EXT_MASK, &without_statistics, sizeof(without_statistics));
	bytes = send(fd, question, question->message.nlmsg_len, 0);
	if (bytes >= 0)
		bytes = recv(fd, answer, sizeof(answer), 0);
	code = bytes < 0 ? -errno : read_answer((const void *)answer, (size_t)bytes, interface);
	close(fd);
	return code;
}

static struct question make_question(__u32 ifindex)
{
	return (struct question){
		.message = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
			     .nlmsg_type = RTM_GETLINK,
			     .nlmsg_flags = NLM_F_REQUEST },
		.info = { .ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex },
	};
}

int interface_find_name(const char *name, struct interface *interface)
{
	struct question question = make_question(0);
	size_t length = strlen(name);

	if (!length || length >= INTERFACE_NAME_MAX)
		return -ENODEV;
	add_attribute(&question, IFLA_IFNAME, name, length + 1);
	return ask(&question, interface);
}

int interface_find_index(__u32 ifindex, struct interface *interface)
{
	struct question question = make_question(ifindex);

	return ifindex ? ask(&question, interface) : -ENODEV;
}

bool interface_is_ethernet(const struct interface *interface)
{
	return interface->type == ARPHRD_ETHER || interface->type == ARPHRD_LOOPBACK;
}

__u32 interface_program(const struct interface *interface)
{
	for (int i = 0; i < INTERFACE_XDP_COUNT; i++)
		if (interface->program_id[i])
			return interface->program_id[i];
	return 0;
}

bool interface_has_program(const struct interface *interface, __u32 program_id)
{
	for (int i = 0; program_id && i < INTERFACE_XDP_COUNT; i++)
		if (interface->program_id[i] == program_id)
			return true;
	return false;
}
