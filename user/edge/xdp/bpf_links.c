/* SPDX-License-Identifier: BSD-2-Clause */
/* The reconciler: for each interface the name that is wanted, the interface that has it, the link,
 * its program, its mode and the ifindex of the configuration are compared, and what differs is
 * repaired. The links of the agent before are found the same way, and get the new program without
 * a gap. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "edge/xdp/bpf_state.h"

static bool is_held_by_other(const struct bpf_loader *loader, const struct bpf_link_state *link,
			     __u32 ifindex)
{
	for (__u32 i = 0; i < loader->link_count; i++)
		if (&loader->link[i] != link && loader->link[i].link_fd >= 0 &&
		    loader->link[i].link_id != link->link_id &&
		    loader->link[i].found.ifindex == ifindex)
			return true;
	return false;
}

/* What is attached there already under another of its names; NULL: nothing of ours. */
static const struct bpf_link_state *find_alias(const struct bpf_loader *loader,
					       const struct bpf_link_state *link, __u32 ifindex)
{
	for (__u32 i = 0; i < loader->link_count; i++)
		if (&loader->link[i] != link && loader->link[i].link_fd >= 0 &&
		    loader->link[i].found.ifindex == ifindex)
			return &loader->link[i];
	return NULL;
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
	const struct bpf_link_state *alias;
	int code;

	link->found = *named;
	if (!named->ifindex)
		return bpf_fail(error, -ENODEV, "there is no interface %s; look: ip link",
				link->name);
	code = set_ifindex(loader, link, named->ifindex, error);
	if (code)
		return code;
	alias = find_alias(loader, link, named->ifindex);
	return alias ? bpf_attach_share(loader, link, alias, error)
		     : bpf_attach_new(loader, link, named, error);
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

struct pinned {
	char name[32];
	int fd;
	struct bpf_link_view view;
};

/* The links that the agent before pinned; what is adopted has no descriptor here any more. */
struct pinned_links {
	const struct bpf_loader *loader;
	__u32 count;
	struct pinned link[2 * SLUICE_LISTENERS_MAX];
};

static int list_pinned(const char *name, void *context)
{
	struct pinned_links *links = context;
	struct pinned *pinned = &links->link[links->count];

	if (!bpf_pins_is_link(name))
		return 0;
	pinned->fd = bpf_pins_get(&links->loader->pins, name);
	if (pinned->fd < 0)
		return 0;
	snprintf(pinned->name, sizeof(pinned->name), "%.31s", name);
	pinned->view = bpf_attach_look(pinned->fd);
	return ++links->count == sizeof(links->link) / sizeof(links->link[0]);
}

/* The name of the pin only counts where the interface has been renamed. */
static bool is_for(const struct bpf_loader *loader, const struct bpf_link_state *link,
		   const struct pinned *pinned, const struct interface *named,
		   struct interface *found)
{
	char name[BPF_LOADER_INTERFACE_MAX + 8];

	bpf_pins_link_name(link->name, name);
	return pinned->fd >= 0 && (named->ifindex || !strcmp(pinned->name, name)) &&
	       is_here(loader, link, &pinned->view, named, found);
}

/* Takes the link of the agent before, as it is. */
static void adopt(struct bpf_loader *loader, struct bpf_link_state *link,
		  struct pinned_links *pinned)
{
	struct interface named = { 0 }, found;

	interface_find_name(link->name, &named);
	link->ifindex = named.ifindex;
	for (__u32 i = 0; link->link_fd < 0 && i < pinned->count; i++) {
		if (!is_for(loader, link, &pinned->link[i], &named, &found))
			continue;
		link->link_fd = pinned->link[i].fd;
		link->link_id = pinned->link[i].view.id;
		link->found = found;
		link->ifindex = found.ifindex;
		link->mode = bpf_attach_mode(&found, pinned->link[i].view.program_id);
		pinned->link[i].fd = -1;
	}
}

static bool is_wanted_mode(const struct bpf_link_state *link)
{
	return link->wanted == BPF_LOADER_AUTO || link->wanted == link->mode;
}

static void put_back(struct bpf_loader *loader, const struct bpf_link_state *old, int program_fd)
{
	int fd = bpf_attach_create(program_fd, old->found.ifindex, old->mode);
	char name[BPF_LOADER_INTERFACE_MAX + 8];

	if (fd < 0)
		return;
	bpf_pins_link_name(old->name, name);
	bpf_pins_set(&loader->pins, name, fd);
	close(fd);
}

/* A link keeps its mode: for another one there must be another link. If the interface does not take
 * that, the program before goes on. */
static int change_mode(struct bpf_loader *loader, struct bpf_link_state *link, char *error)
{
	const struct bpf_link_state old = *link;
	int program_fd = bpf_pins_get(&loader->pins, "program"), code;
	struct interface bare;

	bpf_attach_undo(loader, link);
	code = interface_find_index(old.found.ifindex, &bare);
	if (!code)
		code = bpf_attach_new(loader, link, &bare, error);
	if (code && program_fd >= 0)
		put_back(loader, &old, program_fd);
	if (program_fd >= 0)
		close(program_fd);
	return code;
}

/* The new program goes to where the one before is: from here on it decides. */
static int renew(struct bpf_loader *loader, struct bpf_link_state *link, char *error)
{
	if (link->link_fd < 0)
		return 0;
	if (!is_wanted_mode(link))
		return change_mode(loader, link, error);
	if (bpf_link_update(link->link_fd, loader->program_fd, NULL))
		bpf_attach_undo(loader, link);
	return 0;
}

/* What nobody wants any more is detached; what is kept is pinned under the name it has now. */
static void sort_pins(struct bpf_loader *loader, struct pinned_links *pinned)
{
	char name[BPF_LOADER_INTERFACE_MAX + 8];

	for (__u32 i = 0; i < pinned->count; i++) {
		if (pinned->link[i].fd >= 0) {
			if (!bpf_attach_is_used(loader, pinned->link[i].view.id))
				bpf_link_detach(pinned->link[i].fd);
			close(pinned->link[i].fd);
		}
		bpf_pins_remove(&loader->pins, pinned->link[i].name);
	}
	for (__u32 i = 0; i < loader->link_count; i++) {
		bpf_pins_link_name(loader->link[i].name, name);
		if (loader->link[i].link_fd >= 0)
			bpf_pins_set(&loader->pins, name, loader->link[i].link_fd);
	}
}

static int attach_all(struct bpf_loader *loader, char *error)
{
	struct bpf_loader_change change;
	char text[BPF_LOADER_ERROR_BYTES];
	int attached = 0, first = 0;

	for (__u32 i = 0; i < loader->link_count; i++) {
		int code = renew(loader, &loader->link[i], text);

		if (!code)
			code = bpf_loader_reconcile(loader, i, &change, text);
		attached += !code;
		if (code && !first)
			first = bpf_fail(error, code, "%s", text);
	}
	return attached ? 0 : first;
}

/* Maps that were taken over get the configuration and the names; new ones stand by. */
static int prepare(struct bpf_loader *loader, char *error)
{
	int code = 0;

	if (loader->is_staged)
		code = bpf_stage_pin(loader, BPF_STAGE_PREFIX, error);
	else if (loader->is_taken_over)
		code = bpf_listeners_pin(loader, "");
	if (!code)
		code = bpf_loader_set_config(loader, loader->config);
	return code ? bpf_fail(error, code, "cannot renew the configuration: %s", strerror(-code))
		    : 0;
}

static void commit(struct bpf_loader *loader, struct pinned_links *pinned)
{
	sort_pins(loader, pinned);
	if (loader->is_staged)
		bpf_stage_commit(loader);
	bpf_pins_set(&loader->pins, "program", loader->program_fd);
	if (loader->owner[0])
		bpf_pins_write_text(&loader->pins, "owner", loader->owner);
}

static void leave(struct pinned_links *pinned)
{
	for (__u32 i = 0; i < pinned->count; i++)
		if (pinned->link[i].fd >= 0)
			close(pinned->link[i].fd);
}

int bpf_loader_attach(struct bpf_loader *loader, char *error)
{
	struct sluice_config *before = malloc(sizeof(*before));
	struct pinned_links pinned = { .loader = loader };
	int code;

	if (!before)
		return bpf_fail(error, -ENOMEM, "out of memory");
	*before = loader->configs->slot[loader->configs->generation % 2];
	bpf_pins_each(&loader->pins, list_pinned, &pinned);
	for (__u32 i = 0; i < loader->link_count; i++)
		adopt(loader, &loader->link[i], &pinned);
	code = prepare(loader, error);
	if (!code)
		code = attach_all(loader, error);
	if (!code)
		commit(loader, &pinned);
	else
		leave(&pinned);
	if (code && loader->is_taken_over)
		bpf_loader_put_config(loader, before);
	free(before);
	return code;
}

void bpf_loader_stop(struct bpf_loader *loader)
{
	for (__u32 i = 0; i < loader->link_count; i++)
		bpf_attach_undo(loader, &loader->link[i]);
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

int bpf_loader_number(const struct bpf_loader *loader, __u32 i, struct bpf_loader_number *number)
{
	const struct bpf_listener *listener = &loader->listener[i];
	bool is_retired;

	if (i >= loader->listener_count)
		return -ENOENT;
	is_retired = listener->config_index == BPF_LISTENER_RETIRED;
	*number = (struct bpf_loader_number){
		.config_index = is_retired ? BPF_LOADER_RETIRED : (__u32)listener->config_index,
		.interface = is_retired ? BPF_LOADER_RETIRED : listener->link,
		.name = listener->name,
		.interface_name = listener->interface,
		.port = listener->port,
	};
	return 0;
}
