/* SPDX-License-Identifier: BSD-2-Clause */
/* What changed is told once; what goes wrong for the same reason again and again, once too. */
#include "engine/control/links.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"

static const char *const loss_text[] = {
	[BPF_LOADER_REMOVED] = "was removed: nothing arrives until an interface of this name is "
			       "there again",
	[BPF_LOADER_MOVED] = "was moved to another network namespace; the program was taken off "
			     "there",
	[BPF_LOADER_RENAMED_OVER] = "another interface has this name now; the program goes there",
	[BPF_LOADER_DETACHED] = "somebody detached the program; what came since then went to the "
				"stack",
	[BPF_LOADER_REPLACED] = "somebody put another program into the link; ours is back",
};

static __u64 now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_BOOTTIME, &time);
	return (__u64)time.tv_sec * 1000000000ull + (__u64)time.tv_nsec;
}

static void log_loss(const struct links_interface *interface, enum bpf_loader_loss loss)
{
	log_line(loss == BPF_LOADER_RENAMED_OVER ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR, "interface",
		 loss_text[loss], log_text("interface", interface->state.name),
		 log_unsigned("ifindex", interface->state.ifindex));
}

static void log_attached(const struct links_interface *interface,
			 const struct bpf_loader_interface *now)
{
	log_line(interface->known_ns ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, "interface",
		 interface->known_ns ? "attached again" : "attached",
		 log_text("interface", now->name), log_unsigned("ifindex", now->ifindex),
		 log_text("mode", bpf_loader_mode_name(now->mode)),
		 log_text("state", now->is_up ? "up" : "down"));
}

/* What is not the loader's to repair. */
static void log_state(const struct bpf_loader_interface *old,
		      const struct bpf_loader_interface *now)
{
	if (!old->ifindex || old->ifindex != now->ifindex)
		return;
	if (old->is_up != now->is_up)
		log_line(LOG_LEVEL_WARNING, "interface", now->is_up ? "is up" : "is down",
			 log_text("interface", now->name));
	if (strcmp(old->now, now->now) != 0)
		log_line(LOG_LEVEL_WARNING, "interface",
			 "was renamed; the program stays attached until another interface has the "
			 "name",
			 log_text("interface", now->name), log_text("now", now->now));
}

static void note_problem(struct links_interface *interface, const char *problem, bool is_told)
{
	if (problem[0] && !is_told && strcmp(interface->problem, problem) != 0)
		log_line(LOG_LEVEL_ERROR, "interface",
			 "cannot be attached; its packets go to the stack, and it is tried again "
			 "every second",
			 log_text("interface", interface->state.name), log_text("why", problem));
	snprintf(interface->problem, sizeof(interface->problem), "%s", problem);
}

/* For each listener of the interface; one that waits to be told grows. */
static void note_gap(struct links *links, __u32 index, __u64 from_ns, __u64 to_ns)
{
	for (__u32 i = 0; i < links->listener_count; i++) {
		struct links_gap *gap = &links->gap[i];

		if (links->interface_of[i] != index)
			continue;
		if (!gap->to_ns)
			*gap = (struct links_gap){ .listener = i, .from_ns = from_ns };
		gap->to_ns = to_ns;
	}
}

static void note_change(struct links *links, __u32 index, const struct bpf_loader_change *change,
			const struct bpf_loader_interface *now)
{
	struct links_interface *interface = &links->interface[index];

	if (change->loss)
		log_loss(interface, change->loss);
	interface->removals +=
		change->loss == BPF_LOADER_REMOVED || change->loss == BPF_LOADER_MOVED;
	interface->detachments +=
		change->loss == BPF_LOADER_DETACHED || change->loss == BPF_LOADER_REPLACED;
	if (!change->is_attached_anew)
		return;
	log_attached(interface, now);
	interface->attached_ns = now_ns();
	note_gap(links, index, interface->known_ns, interface->attached_ns);
}

static void reconcile(struct links *links, __u32 index, struct bpf_loader *loader)
{
	struct links_interface *interface = &links->interface[index];
	struct bpf_loader_interface now;
	struct bpf_loader_change change;
	char problem[BPF_LOADER_ERROR_BYTES] = "";
	__u64 looked_ns = now_ns();
	int code;

	code = bpf_loader_reconcile(loader, index, &change, problem);
	bpf_loader_interface(loader, index, &now);
	note_change(links, index, &change, &now);
	log_state(&interface->state, &now);
	note_problem(interface, now.is_attached ? "" : problem, code == -ENODEV && change.loss);
	interface->state = now;
	if (now.is_attached)
		interface->known_ns = change.is_attached_anew ? interface->attached_ns : looked_ns;
}

void links_reconcile(struct links *links, struct bpf_loader *loader)
{
	for (__u32 i = 0; i < links->count; i++)
		reconcile(links, i, loader);
}

static void open_interface(struct links_interface *interface)
{
	if (!interface->state.is_attached)
		return;
	log_attached(interface, &interface->state);
	interface->attached_ns = now_ns();
	interface->known_ns = interface->attached_ns;
}

void links_open(struct links *links, struct bpf_loader *loader)
{
	struct bpf_loader_number number;

	*links = (struct links){ 0 };
	_Static_assert(BPF_LOADER_RETIRED == SLUICE_LISTENERS_MAX, "the one more");
	while (!bpf_loader_number(loader, links->listener_count, &number))
		links->interface_of[links->listener_count++] = number.interface;
	snprintf(links->interface[BPF_LOADER_RETIRED].problem, BPF_LOADER_ERROR_BYTES,
		 "not configured any more");
	while (!bpf_loader_interface(loader, links->count, &links->interface[links->count].state))
		open_interface(&links->interface[links->count++]);
	links_reconcile(links, loader);
}

void links_serve(struct links *links, struct netlink *netlink, struct bpf_loader *loader)
{
	struct netlink_event event;
	bool is_told = false;
	int result;

	while ((result = netlink_next(netlink, &event)) == 1)
		is_told = true;
	if (result < 0)
		log_line(LOG_LEVEL_ERROR, "interface", "cannot read link messages",
			 log_error(result));
	if (is_told)
		links_reconcile(links, loader);
}

const struct links_interface *links_of(const struct links *links, __u32 listener)
{
	return &links->interface[links->interface_of[listener]];
}

__u32 links_unattended(const struct links *links)
{
	__u32 count = 0;

	for (__u32 i = 0; i < links->count; i++)
		count += !links->interface[i].state.is_attached;
	return count;
}

bool links_are_taken(const struct links *links)
{
	for (__u32 i = 0; i < links->count; i++) {
		const struct links_interface *interface = &links->interface[i];

		if (interface->detachments && interface->state.ifindex &&
		    !interface->state.is_attached)
			return true;
	}
	return false;
}

void links_attended(const struct links *links, __u32 listener, struct links_attendance *attendance)
{
	const struct links_interface *interface = links_of(links, listener);

	*attendance = (struct links_attendance){
		.is_attended = interface->state.is_attached,
		.ifindex = interface->state.is_attached ? interface->state.ifindex : 0,
		.link_id = interface->state.link_id,
		.attached_ns = interface->attached_ns,
		.known_ns = interface->known_ns,
	};
}

bool links_next_gap(struct links *links, struct links_gap *gap)
{
	for (__u32 i = 0; i < links->listener_count; i++) {
		if (!links->gap[i].to_ns)
			continue;
		*gap = links->gap[i];
		links->gap[i].to_ns = 0;
		return true;
	}
	return false;
}
