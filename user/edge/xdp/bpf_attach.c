/* SPDX-License-Identifier: BSD-2-Clause */
/* One attachment: a pinned link on one interface, native where the driver can and else generic. A
 * program of somebody else is never touched. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include "edge/xdp/bpf_state.h"

static const char *const mode_name[] = {
	[BPF_LOADER_AUTO] = "auto",
	[BPF_LOADER_NATIVE] = "native",
	[BPF_LOADER_GENERIC] = "generic",
};

const char *bpf_loader_mode_name(enum bpf_loader_mode mode)
{
	return mode_name[mode];
}

struct bpf_link_view bpf_attach_look(int link_fd)
{
	struct bpf_link_info info = { 0 };
	__u32 info_bytes = sizeof(info);

	if (link_fd < 0 || bpf_obj_get_info_by_fd(link_fd, &info, &info_bytes) ||
	    info.type != BPF_LINK_TYPE_XDP || !info.xdp.ifindex)
		return (struct bpf_link_view){ 0 };
	return (struct bpf_link_view){ .id = info.id,
				       .program_id = info.prog_id,
				       .ifindex = info.xdp.ifindex };
}

enum bpf_loader_mode bpf_attach_mode(const struct interface *interface, __u32 program_id)
{
	if (!interface_has_program(interface, program_id))
		return BPF_LOADER_AUTO;
	return interface->program_id[INTERFACE_XDP_GENERIC] == program_id ? BPF_LOADER_GENERIC
									  : BPF_LOADER_NATIVE;
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

int bpf_attach_create(int program_fd, __u32 ifindex, enum bpf_loader_mode mode)
{
	LIBBPF_OPTS(bpf_link_create_opts, options,
		    .flags = mode == BPF_LOADER_GENERIC ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);
	int fd = bpf_link_create(program_fd, (int)ifindex, BPF_XDP, &options);

	return fd < 0 ? -errno : fd;
}

static int check(const struct bpf_link_state *link, const struct interface *interface, char *error)
{
	if (!interface_is_ethernet(interface))
		return bpf_fail(error, -EAFNOSUPPORT,
				"%s has no Ethernet headers (a tunnel or tun device, link type "
				"%u), so XDP cannot find datagrams there; use the interface "
				"below it, or a tap device",
				link->name, interface->type);
	if (interface_program(interface))
		return refuse_foreign(link, interface_program(interface), error);
	return 0;
}

static int pin(struct bpf_loader *loader, const struct bpf_link_state *link, int fd, char *error)
{
	char name[BPF_LOADER_INTERFACE_MAX + 8];
	int code;

	bpf_pins_link_name(link->name, name);
	code = bpf_pins_set(&loader->pins, name, fd);
	return code ? bpf_fail(error, code, "cannot pin the link of %s: %s", link->name,
			       strerror(-code))
		    : 0;
}

void bpf_attach_set_mode(struct bpf_loader *loader, struct bpf_link_state *link,
			 enum bpf_loader_mode mode)
{
	struct sluice_config *config = &loader->configs->slot[loader->configs->generation % 2];

	link->mode = mode;
	for (__u32 i = 0; i < loader->listener_count; i++)
		if (loader->listener[i].config_index != BPF_LISTENER_RETIRED &&
		    &loader->link[loader->listener[i].link] == link)
			config->listener[i].is_generic = mode == BPF_LOADER_GENERIC;
}

int bpf_attach_new(struct bpf_loader *loader, struct bpf_link_state *link,
		   const struct interface *interface, char *error)
{
	enum bpf_loader_mode mode =
		link->wanted == BPF_LOADER_GENERIC ? BPF_LOADER_GENERIC : BPF_LOADER_NATIVE;
	int code = check(link, interface, error), fd;

	if (code)
		return code;
	bpf_attach_set_mode(loader, link, mode);
	fd = bpf_attach_create(loader->program_fd, interface->ifindex, mode);
	if (fd < 0 && link->wanted == BPF_LOADER_AUTO && fd != -EPERM) {
		mode = BPF_LOADER_GENERIC;
		bpf_attach_set_mode(loader, link, mode);
		fd = bpf_attach_create(loader->program_fd, interface->ifindex, mode);
	}
	if (fd < 0)
		return bpf_fail(error,
				fd == -EINVAL || fd == -EOPNOTSUPP || fd == -ERANGE ? -ENOTSUP : fd,
				"cannot attach to %s in %s mode: %s; %s", link->name,
				mode_name[mode], strerror(-fd),
				mode == BPF_LOADER_NATIVE ? "set mode: auto, or see the kernel log"
							  : "see the kernel log");
	code = pin(loader, link, fd, error);
	if (code) {
		close(fd);
		return code;
	}
	link->link_fd = fd;
	link->link_id = bpf_attach_look(fd).id;
	link->found = *interface;
	return 0;
}

int bpf_attach_share(struct bpf_loader *loader, struct bpf_link_state *link,
		     const struct bpf_link_state *alias, char *error)
{
	int fd = dup(alias->link_fd), code;

	if (fd < 0)
		return bpf_fail(error, -errno, "too many open files");
	code = pin(loader, link, fd, error);
	if (code) {
		close(fd);
		return code;
	}
	bpf_attach_set_mode(loader, link, alias->mode);
	link->link_fd = fd;
	link->link_id = alias->link_id;
	return 0;
}

bool bpf_attach_is_used(const struct bpf_loader *loader, __u32 link_id)
{
	for (__u32 i = 0; link_id && i < loader->link_count; i++)
		if (loader->link[i].link_id == link_id)
			return true;
	return false;
}

void bpf_attach_undo(struct bpf_loader *loader, struct bpf_link_state *link)
{
	char name[BPF_LOADER_INTERFACE_MAX + 8];
	__u32 link_id = link->link_id;

	if (link->link_fd < 0)
		return;
	link->link_id = 0;
	if (!bpf_attach_is_used(loader, link_id))
		bpf_link_detach(link->link_fd);
	close(link->link_fd);
	link->link_fd = -1;
	link->mode = BPF_LOADER_AUTO;
	bpf_pins_link_name(link->name, name);
	bpf_pins_remove(&loader->pins, name);
}
