/* SPDX-License-Identifier: BSD-2-Clause */
/* The generic netlink family "netdev" tells what a driver can do for XDP. Two requests: the number
 * of the family, then the device. libbpf 1.1 does not ask yet; neither do the headers of kernel 6.1
 * know. */
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "edge/host/host_parts.h"

#define NETDEV_FAMILY "netdev"
#define NETDEV_COMMAND_GET 1
#define NETDEV_ATTRIBUTE_IFINDEX 1
#define NETDEV_ATTRIBUTE_XDP_FEATURES 3
#define HEAD_BYTES (sizeof(struct nlattr))
#define ALIGNED(bytes) (((size_t)(bytes) + 3) & ~(size_t)3)
#define ANSWER_BYTES 8192
#define ANSWER_SECONDS 1

struct request {
	struct nlmsghdr header;
	struct genlmsghdr generic;
	char attributes[64];
};

struct answer {
	_Alignas(NLMSG_ALIGNTO) char bytes[ANSWER_BYTES];
	const struct nlattr *first;
	size_t left;
};

static void start_request(struct request *request, __u16 family, __u8 command)
{
	*request = (struct request){
		.header = { .nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN),
			    .nlmsg_type = family,
			    .nlmsg_flags = NLM_F_REQUEST },
		.generic = { .cmd = command, .version = 1 },
	};
}

static void add_attribute(struct request *request, __u16 type, const void *data, __u16 bytes)
{
	char *place = (char *)request + NLMSG_ALIGN(request->header.nlmsg_len);
	struct nlattr attribute = { .nla_len = (__u16)(HEAD_BYTES + bytes), .nla_type = type };

	memcpy(place, &attribute, sizeof(attribute));
	memcpy(place + HEAD_BYTES, data, bytes);
	request->header.nlmsg_len =
		NLMSG_ALIGN(request->header.nlmsg_len) + (__u32)ALIGNED(attribute.nla_len);
}

/* Sends and takes the one answer; the error in it, if it is one. */
static int ask(int fd, const struct request *request, struct answer *answer)
{
	const struct nlmsghdr *header = (const struct nlmsghdr *)answer->bytes;
	ssize_t bytes;

	if (send(fd, request, request->header.nlmsg_len, 0) < 0)
		return -errno;
	bytes = recv(fd, answer->bytes, sizeof(answer->bytes), 0);
	if (bytes < 0)
		return -errno;
	if ((size_t)bytes < sizeof(*header) || header->nlmsg_len > (size_t)bytes)
		return -EPROTO;
	if (header->nlmsg_type == NLMSG_ERROR)
		return header->nlmsg_len < NLMSG_LENGTH(sizeof(struct nlmsgerr))
			       ? -EPROTO
			       : ((const struct nlmsgerr *)NLMSG_DATA(header))->error;
	if (header->nlmsg_len < NLMSG_LENGTH(GENL_HDRLEN))
		return -EPROTO;
	answer->first = (const struct nlattr *)(answer->bytes + NLMSG_LENGTH(GENL_HDRLEN));
	answer->left = header->nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN);
	return 0;
}

static int read_attribute(const struct answer *answer, __u16 type, void *out, size_t bytes)
{
	const char *at = (const char *)answer->first;
	size_t left = answer->left;

	while (left >= HEAD_BYTES) {
		const struct nlattr *attribute = (const struct nlattr *)at;
		size_t step = ALIGNED(attribute->nla_len);

		if (attribute->nla_len < HEAD_BYTES || attribute->nla_len > left)
			return -EPROTO;
		if ((attribute->nla_type & NLA_TYPE_MASK) == type &&
		    attribute->nla_len >= HEAD_BYTES + bytes) {
			memcpy(out, at + HEAD_BYTES, bytes);
			return 0;
		}
		if (step >= left)
			break;
		at += step;
		left -= step;
	}
	return -ENOENT;
}

static int find_family(int fd, __u16 *family)
{
	struct request request;
	struct answer answer = { .left = 0 };
	int error;

	start_request(&request, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	add_attribute(&request, CTRL_ATTR_FAMILY_NAME, NETDEV_FAMILY, sizeof(NETDEV_FAMILY));
	error = ask(fd, &request, &answer);
	if (error)
		return error == -ENOENT ? -ENOTSUP : error;
	return read_attribute(&answer, CTRL_ATTR_FAMILY_ID, family, sizeof(*family));
}

static int read_device(int fd, __u16 family, __u32 ifindex, __u64 *features)
{
	struct request request;
	struct answer answer = { .left = 0 };
	int error;

	start_request(&request, family, NETDEV_COMMAND_GET);
	add_attribute(&request, NETDEV_ATTRIBUTE_IFINDEX, &ifindex, sizeof(ifindex));
	error = ask(fd, &request, &answer);
	if (error)
		return error;
	return read_attribute(&answer, NETDEV_ATTRIBUTE_XDP_FEATURES, features, sizeof(*features));
}

int host_read_xdp_features(unsigned int ifindex, __u64 *features)
{
	struct timeval patience = { .tv_sec = ANSWER_SECONDS };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	__u16 family;
	int error;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	error = find_family(fd, &family);
	if (!error)
		error = read_device(fd, family, ifindex, features);
	close(fd);
	return error;
}
