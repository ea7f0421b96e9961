/* SPDX-License-Identifier: BSD-2-Clause */
/* Attaching: one pinned link an interface, native where the driver can and else generic; a link
 * of the agent before gets the new program without a gap; a program of somebody else is never
 * touched. */
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include "edge/bpf_state.h"

static const char *const mode_name[] = {
	[BPF_LOADER_AUTO] = "auto",
	[BPF_LOADER_NATIVE] = "native",
	[BPF_LOADER_GENERIC] = "generic",
};

const char *bpf_loader_mode_name(enum bpf_loader_mode mode)
{
	return mode_name[mode];
}

/* Where the link is attached now; 0 when its interface is gone or it was detached. */
static __u32 link_ifindex(int link_fd)
{
	struct bpf_link_info info = { 0 };
	__u32 info_bytes = sizeof(info);

	if (link_fd < 0 || bpf_obj_get_info_by_fd(link_fd, &info, &info_bytes) ||
	    info.type != BPF_LINK_TYPE_XDP)
		return 0;
	return info.xdp.ifindex;
}

static enum bpf_loader_mode attached_mode(__u32 ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);

	if (bpf_xdp_query((int)ifindex, 0, &query))
		return BPF_LOADER_AUTO;
	if (query.attach_mode == XDP_ATTACHED_SKB)
		return BPF_LOADER_GENERIC;
	return query.attach_mode == XDP_ATTACHED_NONE ? BPF_LOADER_AUTO : BPF_LOADER_NATIVE;
}

static __u32 foreign_program(__u32 ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);

	if (bpf_xdp_query((int)ifindex, 0, &query))
		return 0;
	if (query.drv_prog_id)
		return query.drv_prog_id;
	if (query.skb_prog_id)
		return query.skb_prog_id;
	return query.hw_prog_id ? query.hw_prog_id : query.prog_id;
}

/* The name needs CAP_SYS_ADMIN, the id does not. */
static int refuse_foreign(const struct bpf_link_state *link, __u32 id, char *error)
{
	int fd = bpf_prog_get_fd_by_id(id);
	struct bpf_prog_info info = { 0 };
	__u32 info_bytes = sizeof(info);

	if (fd >= 0) {
		bpf_obj_get_info_by_fd(fd, &info, &info_bytes);
		close(fd);
	}
	return bpf_fail(error, -EBUSY,
			"%s already has the XDP program '%s' (id %u) of somebody else; look: "
			"bpftool net show dev %s; bpftool prog show id %u; "
			"remove: ip link set dev %s xdp off, or stop its owner",
			link->name, info.name[0] ? info.name : "?", id, link->name, id, link->name);
}

static int create(int program_fd, __u32 ifindex, enum bpf_loader_mode mode)
{
	LIBBPF_OPTS(bpf_link_create_opts, options,
		    .flags = mode == BPF_LOADER_GENERIC ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);
	int fd = bpf_link_create(program_fd, (int)ifindex, BPF_XDP, &options);

	return fd < 0 ? -errno : fd;
}

static int attach_new(struct bpf_loader *loader, struct bpf_link_state *link, char *error)
{
	enum bpf_loader_mode mode =
		link->wanted == BPF_LOADER_GENERIC ? BPF_LOADER_GENERIC : BPF_LOADER_NATIVE;
	char pin[BPF_LOADER_INTERFACE_MAX + 8];
	__u32 ifindex = if_nametoindex(link->name), foreign;
	int fd, code;

	if (!ifindex)
		return bpf_fail(error, -ENODEV, "there is no interface %s; look: ip link",
				link->name);
	foreign = foreign_program(ifindex);
	if (foreign)
		return refuse_foreign(link, foreign, error);
	fd = create(loader->program_fd, ifindex, mode);
	if (fd < 0 && link->wanted == BPF_LOADER_AUTO && fd != -EPERM) {
		mode = BPF_LOADER_GENERIC;
		fd = create(loader->program_fd, ifindex, mode);
	}
	if (fd < 0)
		return bpf_fail(error,
				fd == -EINVAL || fd == -EOPNOTSUPP || fd == -ERANGE ? -ENOTSUP : fd,
				"cannot attach to %s in %s mode: %s; %s", link->name,
				mode_name[mode], strerror(-fd),
				mode == BPF_LOADER_NATIVE ? "set mode: auto, or see the kernel log"
							  : "see the kernel log");
	bpf_pins_link_name(link->name, pin);
	code = bpf_pins_set(&loader->pins, pin, fd);
	if (code) {
		close(fd);
		return bpf_fail(error, code, "cannot pin the link of %s: %s", link->name,
				strerror(-code));
	}
	link->link_fd = fd;
	link->ifindex = ifindex;
	link->mode = mode;
	return 0;
}

/* A link that the agent before pinned: 1 when it now runs our program, 0 when there is none. */
static int attach_old(struct bpf_loader *loader, struct bpf_link_state *link)
{
	char pin[BPF_LOADER_INTERFACE_MAX + 8];
	__u32 ifindex = if_nametoindex(link->name);
	enum bpf_loader_mode mode;
	int fd;

	bpf_pins_link_name(link->name, pin);
	fd = bpf_pins_get(&loader->pins, pin);
	if (fd < 0)
		return 0;
	mode = attached_mode(ifindex);
	if (ifindex && link_ifindex(fd) == ifindex &&
	    (link->wanted == BPF_LOADER_AUTO || link->wanted == mode) &&
	    !bpf_link_update(fd, loader->program_fd, NULL)) {
		link->link_fd = fd;
		link->ifindex = ifindex;
		link->mode = mode;
		return 1;
	}
	close(fd);
	bpf_pins_detach_link(&loader->pins, pin, NULL);
	return 0;
}

int bpf_loader_attach(struct bpf_loader *loader, char *error)
{
	for (__u32 i = 0; i < loader->link_count; i++) {
		struct bpf_link_state *link = &loader->link[i];
		int code;

		if (link->link_fd >= 0 || attach_old(loader, link))
			continue;
		code = attach_new(loader, link, error);
		if (code)
			return code;
	}
	return 0;
}

int bpf_loader_reattach(struct bpf_loader *loader, char *error)
{
	int attached = 0;

	for (__u32 i = 0; i < loader->link_count; i++) {
		struct bpf_link_state *link = &loader->link[i];
		int code;

		if (link_ifindex(link->link_fd) || !if_nametoindex(link->name))
			continue;
		if (link->link_fd >= 0)
			close(link->link_fd);
		link->link_fd = -1;
		code = attach_new(loader, link, error);
		if (code)
			return code;
		attached++;
	}
	if (attached) {
		struct sluice_config *config =
			&loader->configs->slot[loader->configs->generation % 2];
		int code = bpf_loader_set_config(loader, config);

		if (code)
			return bpf_fail(error, code, "cannot renew the configuration");
	}
	return attached;
}

void bpf_loader_stop(struct bpf_loader *loader)
{
	for (__u32 i = 0; i < loader->link_count; i++) {
		struct bpf_link_state *link = &loader->link[i];
		char pin[BPF_LOADER_INTERFACE_MAX + 8];

		if (link->link_fd < 0)
			continue;
		bpf_link_detach(link->link_fd);
		close(link->link_fd);
		link->link_fd = -1;
		bpf_pins_link_name(link->name, pin);
		bpf_pins_remove(&loader->pins, pin);
	}
}

static int remove_unwanted(const char *name, void *context)
{
	struct bpf_loader *loader = context;
	char pin[BPF_LOADER_INTERFACE_MAX + 8];

	if (strncmp(name, "link_", 5))
		return 0;
	for (__u32 i = 0; i < loader->link_count; i++) {
		bpf_pins_link_name(loader->link[i].name, pin);
		if (!strcmp(name, pin))
			return 0;
	}
	bpf_pins_detach_link(&loader->pins, name, NULL);
	return 0;
}

void bpf_links_remove_unwanted(struct bpf_loader *loader)
{
	bpf_pins_each(&loader->pins, remove_unwanted, loader);
}

int bpf_loader_interface(const struct bpf_loader *loader, __u32 i,
			 struct bpf_loader_interface *state)
{
	const struct bpf_link_state *link;

	if (i >= loader->link_count)
		return -ENOENT;
	link = &loader->link[i];
	memset(state, 0, sizeof(*state));
	memcpy(state->name, link->name, sizeof(state->name));
	state->ifindex = link_ifindex(link->link_fd);
	state->is_attached = state->ifindex != 0;
	state->mode = state->is_attached ? link->mode : BPF_LOADER_AUTO;
	return 0;
}

enum bpf_loader_mode bpf_loader_mode(const struct bpf_loader *loader, const char *interface)
{
	struct bpf_loader_interface state;

	for (__u32 i = 0; !bpf_loader_interface(loader, i, &state); i++) {
		if (!strcmp(state.name, interface))
			return state.mode;
	}
	return BPF_LOADER_AUTO;
}
