/* SPDX-License-Identifier: BSD-2-Clause */
/* Events come by netlink. Attaching is the loader's; it is asked whenever an interface of ours
 * that was gone is there again, and after lost messages. */
#include "engine/links.h"

#include <net/if.h>
#include <string.h>

#include "base/log.h"
#include "edge/bpf_loader.h"

const struct links_interface *links_find(const struct links *links, const char *name)
{
	for (__u32 i = 0; i < links->count; i++)
		if (strcmp(links->interface[i].name, name) == 0)
			return &links->interface[i];
	return NULL;
}

void links_open(struct links *links, const struct config *config)
{
	*links = (struct links){ 0 };
	for (__u32 i = 0; i < config->listener_count; i++) {
		struct links_interface *interface = &links->interface[links->count];

		if (links_find(links, config->listener[i].interface))
			continue;
		memcpy(interface->name, config->listener[i].interface, sizeof(interface->name));
		memcpy(interface->now, interface->name, sizeof(interface->now));
		interface->ifindex = if_nametoindex(interface->name);
		interface->is_gone = interface->ifindex == 0;
		interface->is_up = true;
		links->count++;
	}
}

static void attach_again(struct links_interface *interface, struct bpf_loader *loader)
{
	char problem[BPF_LOADER_ERROR_BYTES] = "";
	int count = bpf_loader_reattach(loader, problem);

	if (count > 0)
		log_line(LOG_LEVEL_WARNING, "interface", "attached again",
			 log_text("interface", interface->name),
			 log_unsigned("ifindex", interface->ifindex),
			 log_text("mode",
				  bpf_loader_mode_name(bpf_loader_mode(loader, interface->name))));
	else if (count < 0)
		log_line(LOG_LEVEL_ERROR, "interface",
			 "cannot attach again; its packets go to the stack",
			 log_text("interface", interface->name), log_text("why", problem),
			 log_error(count));
}

static void take_present(struct links_interface *interface, const struct netlink_event *event,
			 struct bpf_loader *loader)
{
	bool was_gone = interface->is_gone;

	if (event->mtu)
		interface->mtu = event->mtu;
	if (!was_gone && interface->is_up != event->is_up)
		log_line(LOG_LEVEL_WARNING, "interface", event->is_up ? "is up" : "is down",
			 log_text("interface", interface->name));
	interface->is_up = event->is_up;
	if (!was_gone && interface->ifindex == event->ifindex)
		return;
	interface->ifindex = event->ifindex;
	interface->is_gone = false;
	memcpy(interface->now, interface->name, sizeof(interface->now));
	attach_again(interface, loader);
}

static void take_removed(struct links_interface *interface)
{
	interface->is_gone = true;
	interface->is_up = false;
	interface->removals++;
	log_line(LOG_LEVEL_ERROR, "interface",
		 "was removed: nothing arrives until an interface of this name is there again",
		 log_text("interface", interface->name),
		 log_unsigned("ifindex", interface->ifindex));
}

/* After lost messages: what netlink would have told. */
static void look_again(struct links *links, struct bpf_loader *loader)
{
	for (__u32 i = 0; i < links->count; i++) {
		struct links_interface *interface = &links->interface[i];
		struct netlink_event event = { .kind = NETLINK_PRESENT, .is_up = interface->is_up };

		event.ifindex = if_nametoindex(interface->name);
		if (event.ifindex)
			take_present(interface, &event, loader);
		else if (!interface->is_gone)
			take_removed(interface);
	}
}

/* The program stays where it is when its interface is renamed. */
static void take_renamed(struct links_interface *interface, const char *name)
{
	if (interface->is_gone || strcmp(interface->now, name) == 0)
		return;
	memcpy(interface->now, name, sizeof(interface->now));
	log_line(LOG_LEVEL_WARNING, "interface", "was renamed; the program stays attached",
		 log_text("interface", interface->name), log_text("now", name));
}

static void take_event(struct links *links, const struct netlink_event *event,
		       struct bpf_loader *loader)
{
	for (__u32 i = 0; i < links->count; i++) {
		struct links_interface *interface = &links->interface[i];
		bool is_same = interface->ifindex == event->ifindex;

		if (event->kind == NETLINK_REMOVED) {
			if (is_same && !interface->is_gone)
				take_removed(interface);
			continue;
		}
		if (is_same)
			take_renamed(interface, event->name);
		if (strcmp(interface->name, event->name) == 0)
			take_present(interface, event, loader);
	}
}

void links_serve(struct links *links, struct netlink *netlink, struct bpf_loader *loader)
{
	struct netlink_event event;
	int result;

	while ((result = netlink_next(netlink, &event)) == 1) {
		if (event.kind == NETLINK_OVERRUN)
			look_again(links, loader);
		else
			take_event(links, &event, loader);
	}
	if (result < 0)
		log_line(LOG_LEVEL_ERROR, "interface", "cannot read link messages",
			 log_error(result));
}
