/* SPDX-License-Identifier: BSD-2-Clause */
/* The reconciler: for each interface the name that is wanted, the interface that has it, the link,
 * its program, its mode and the ifindex of the configuration are compared, and what differs is
 * repaired. The links of the agent before are found the same way, and get the new program without
 * a gap. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "edge/bpf_state.h"

static bool is_held_by_other(const struct bpf_loader *loader, const struct bpf_link_state *link,
			     __u32 ifindex)
{
	for (__u32 i = 0; i < loader->link_count; i++)
		if (&loader->link[i] != link && loader->link[i].link_fd >= 0 &&
		    loader->link[i].found.ifindex == ifindex)
			return true;
	return false;
}

/* Whether the link is on the interface that `link` means, in this namespace; `found` is that one.
 * What has the wanted name counts. Without such a one, a renamed interface stays the right one. The
 * ifindex alone says nothing: it may be one of another namespace. */
static bool is_here(const struct bpf_loader *loader, const struct bpf_link_state *link,
		    const struct bpf_link_view *view, const struct interface *named,
		    struct interface *found)
{
	if (!view->ifindex)
		return false;
	*found = *named;
	if (named->ifindex ? named->ifindex != view->ifindex
			   : is_held_by_other(loader, link, view->ifindex) ||
				     interface_find_index(view->ifindex, found))
		return false;
	return interface_has_program(found, view->program_id);
}

static enum bpf_loader_loss why_lost(const struct bpf_link_state *link,
				     const struct bpf_link_view *view,
				     const struct interface *named)
{
	struct interface old;
	bool is_there = !interface_find_index(link->found.ifindex, &old);

	if (!view->ifindex)
		return is_there ? BPF_LOADER_DETACHED : BPF_LOADER_REMOVED;
	return named->ifindex && is_there ? BPF_LOADER_RENAMED_OVER : BPF_LOADER_MOVED;
}

/* What became of the link that is held. */
static enum bpf_loader_loss check_held(struct bpf_loader *loader, struct bpf_link_state *link,
				       const struct interface *named)
{
	struct bpf_link_view view = bpf_attach_look(link->link_fd);
	struct interface found;

	if (!is_here(loader, link, &view, named, &found))
		return why_lost(link, &view, named);
	link->found = found;
	if (view.program_id == loader->program_id)
		return BPF_LOADER_KEPT;
	return BPF_LOADER_REPLACED;
}

/* The configuration follows before the link: no packet arrives that nobody listens to. */
static int set_ifindex(struct bpf_loader *loader, struct bpf_link_state *link, __u32 ifindex,
		       char *error)
{
	int code;

	if (link->ifindex == ifindex)
		return 0;
	link->ifindex = ifindex;
	code = bpf_loader_set_config(loader,
				     &loader->configs->slot[loader->configs->generation % 2]);
	return code ? bpf_fail(error, code, "cannot renew the configuration") : 0;
}

static int attach(struct bpf_loader *loader, struct bpf_link_state *link,
		  const struct interface *named, char *error)
{
	int code;

	link->found = *named;
	if (!named->ifindex)
		return bpf_fail(error, -ENODEV, "there is no interface %s; look: ip link",
				link->name);
	code = set_ifindex(loader, link, named->ifindex, error);
	return code ? code : bpf_attach_new(loader, link, named, error);
}

int bpf_loader_reconcile(struct bpf_loader *loader, __u32 i, struct bpf_loader_change *change,
			 char *error)
{
	struct bpf_link_state *link = &loader->link[i];
	struct interface named = { 0 };
	int code = interface_find_name(link->name, &named);

	*change = (struct bpf_loader_change){ 0 };
	if (code && code != -ENODEV)
		return link->link_fd >= 0 ? 0
					  : bpf_fail(error, code, "cannot look at %s: %s",
						     link->name, strerror(-code));
	if (link->link_fd >= 0) {
		change->loss = check_held(loader, link, &named);
		if (change->loss == BPF_LOADER_REPLACED &&
		    !bpf_link_update(link->link_fd, loader->program_fd, NULL)) {
			change->is_attached_anew = true;
			return 0;
		}
		if (!change->loss)
			return set_ifindex(loader, link, link->found.ifindex, error);
		bpf_attach_undo(loader, link);
	}
	code = attach(loader, link, &named, error);
	change->is_attached_anew = !code;
	return code;
}

/* A link that the agent before pinned gets the program, if it is where it should be. */
static void adopt(struct bpf_loader *loader, struct bpf_link_state *link)
{
	char pin[BPF_LOADER_INTERFACE_MAX + 8];
	struct interface named = { 0 }, found;
	struct bpf_link_view view;
	enum bpf_loader_mode mode;

	bpf_pins_link_name(link->name, pin);
	link->link_fd = bpf_pins_get(&loader->pins, pin);
	if (link->link_fd < 0) {
		link->link_fd = -1;
		return;
	}
	view = bpf_attach_look(link->link_fd);
	interface_find_name(link->name, &named);
	if (is_here(loader, link, &view, &named, &found)) {
		mode = bpf_attach_mode(&found, view.program_id);
		link->found = found;
		link->link_id = view.id;
		bpf_attach_set_mode(loader, link, mode);
		if ((link->wanted == BPF_LOADER_AUTO || link->wanted == mode) &&
		    !set_ifindex(loader, link, found.ifindex, NULL) &&
		    !bpf_link_update(link->link_fd, loader->program_fd, NULL))
			return;
	}
	bpf_attach_undo(loader, link);
}

int bpf_loader_attach(struct bpf_loader *loader, char *error)
{
	struct bpf_loader_change change;
	char text[BPF_LOADER_ERROR_BYTES];
	int attached = 0, first = 0;

	for (__u32 i = 0; i < loader->link_count; i++)
		if (loader->link[i].link_fd < 0)
			adopt(loader, &loader->link[i]);
	for (__u32 i = 0; i < loader->link_count; i++) {
		int code = bpf_loader_reconcile(loader, i, &change, text);

		attached += !code;
		if (code && !first)
			first = bpf_fail(error, code, "%s", text);
	}
	return attached ? 0 : first;
}

void bpf_loader_stop(struct bpf_loader *loader)
{
	for (__u32 i = 0; i < loader->link_count; i++)
		bpf_attach_undo(loader, &loader->link[i]);
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
	*state = (struct bpf_loader_interface){
		.ifindex = link->found.ifindex,
		.mtu = link->found.mtu,
		.is_up = link->found.is_up,
		.is_attached = link->link_fd >= 0,
		.link_id = link->link_id,
		.mode = link->link_fd >= 0 ? link->mode : BPF_LOADER_AUTO,
	};
	memcpy(state->name, link->name, sizeof(state->name));
	memcpy(state->now, link->found.name, sizeof(state->now));
	return 0;
}

__u32 bpf_loader_interface_of(const struct bpf_loader *loader, __u32 listener)
{
	return loader->listener_link[listener];
}
