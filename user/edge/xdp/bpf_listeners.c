/* SPDX-License-Identifier: BSD-2-Clause */
/* Who listens under which number. Records that wait in rings and counters name listeners by number,
 * so a number stays with its listener from one agent to the next: beside the maps, each number has
 * a symbolic link that says whose it is. A number whose listener is gone is retired, not given
 * away. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "edge/xdp/bpf_state.h"

#define TEXT_BYTES 160

static int refuse_modes(const struct bpf_link_state *link, char *error)
{
	return bpf_fail(error, -EINVAL,
			"listeners on %s ask for native and generic mode; an interface has one",
			link->name);
}

/* An interface may be named twice, by an alternative name. */
static bool contradicts(const struct bpf_link_state *link,
			const struct bpf_loader_listener *listener, __u32 ifindex)
{
	return (!strcmp(link->name, listener->interface) ||
		(ifindex && link->ifindex == ifindex)) &&
	       link->wanted != BPF_LOADER_AUTO && listener->mode != BPF_LOADER_AUTO &&
	       link->wanted != listener->mode;
}

static int add_link(struct bpf_loader *loader, const struct bpf_loader_listener *listener,
		    __u32 *index, char *error)
{
	__u32 ifindex = if_nametoindex(listener->interface);
	struct bpf_link_state *link;

	for (__u32 i = 0; i < loader->link_count; i++)
		if (contradicts(&loader->link[i], listener, ifindex))
			return refuse_modes(&loader->link[i], error);
	for (*index = 0; *index < loader->link_count; ++*index) {
		link = &loader->link[*index];
		if (strcmp(link->name, listener->interface))
			continue;
		if (link->wanted == BPF_LOADER_AUTO)
			link->wanted = listener->mode;
		return 0;
	}
	link = &loader->link[loader->link_count++];
	snprintf(link->name, sizeof(link->name), "%.15s", listener->interface);
	link->wanted = listener->mode;
	link->ifindex = ifindex;
	return 0;
}

int bpf_listeners_list(struct bpf_loader *loader, const struct bpf_loader_options *options,
		       struct bpf_listener wanted[SLUICE_LISTENERS_MAX], char *error)
{
	__u32 count = options->config->listener_count;
	int code = 0;

	if (!count || count > SLUICE_LISTENERS_MAX)
		return bpf_fail(error, -EINVAL, "%u listeners; from 1 to %d are supported", count,
				SLUICE_LISTENERS_MAX);
	for (__u32 i = 0; !code && i < count; i++) {
		const struct sluice_listener *listener = &options->config->listener[i];

		wanted[i] = (struct bpf_listener){ .port = listener->port,
						   .has_address = listener->has_address,
						   .config_index = (int)i };
		memcpy(wanted[i].address, listener->address, sizeof(wanted[i].address));
		memcpy(wanted[i].name, options->listeners[i].name, sizeof(wanted[i].name));
		code = add_link(loader, &options->listeners[i], &wanted[i].link, error);
		memcpy(wanted[i].interface, options->listeners[i].interface,
		       sizeof(wanted[i].interface));
	}
	return code;
}

static void write_address(const struct bpf_listener *listener, char out[33])
{
	snprintf(out, 33, "any");
	for (int i = 0; listener->has_address && i < 16; i++)
		snprintf(out + 2 * i, 3, "%02x", listener->address[i]);
}

/* "eth0 9125 any edge": no name of an interface has a space. */
static void write_text(const struct bpf_listener *listener, char text[TEXT_BYTES])
{
	char address[33];

	write_address(listener, address);
	snprintf(text, TEXT_BYTES, "%s %u %s %s", listener->interface, listener->port, address,
		 listener->name);
}

static bool read_address(const char *text, struct bpf_listener *listener)
{
	listener->has_address = strcmp(text, "any") != 0;
	for (int i = 0; listener->has_address && i < 16; i++) {
		unsigned int byte;

		if (sscanf(text + 2 * i, "%2x", &byte) != 1)
			return false;
		listener->address[i] = (__u8)byte;
	}
	return true;
}

static bool read_text(const char *text, struct bpf_listener *listener)
{
	char address[33];

	*listener = (struct bpf_listener){ .config_index = BPF_LISTENER_RETIRED };
	return sscanf(text, "%15s %hu %32s %63[^\n]", listener->interface, &listener->port, address,
		      listener->name) >= 3 &&
	       read_address(address, listener);
}

__u32 bpf_listeners_read(const struct bpf_pins *pins,
			 struct bpf_listener listener[SLUICE_LISTENERS_MAX])
{
	char name[24], text[TEXT_BYTES];
	__u32 count;

	for (count = 0; count < SLUICE_LISTENERS_MAX; count++) {
		snprintf(name, sizeof(name), "listener_%u", count);
		if (bpf_pins_read_text(pins, name, text, sizeof(text)) ||
		    !read_text(text, &listener[count]))
			break;
	}
	return count;
}

int bpf_listeners_pin(const struct bpf_loader *loader, const char *prefix)
{
	char name[32], text[TEXT_BYTES];
	int code = 0;

	for (__u32 i = 0; !code && i < loader->listener_count; i++) {
		snprintf(name, sizeof(name), "%slistener_%u", prefix, i);
		write_text(&loader->listener[i], text);
		code = bpf_pins_write_text(&loader->pins, name, text);
	}
	return code;
}

static bool is_same_place(const struct bpf_listener *a, const struct bpf_listener *b)
{
	return !strcmp(a->interface, b->interface) && a->port == b->port &&
	       a->has_address == b->has_address &&
	       (!a->has_address || !memcmp(a->address, b->address, sizeof(a->address)));
}

static bool is_same_name(const struct bpf_listener *a, const struct bpf_listener *b)
{
	return a->name[0] && !strcmp(a->name, b->name);
}

static bool is_same(const struct bpf_listener *a, const struct bpf_listener *b)
{
	return is_same_place(a, b) && !strcmp(a->name, b->name);
}

/* A wanted listener takes the first number that is not taken and that `fits` says is its own. */
static void keep_numbers(struct bpf_loader *loader, const struct bpf_listener *wanted, __u32 count,
			 bool is_placed[SLUICE_LISTENERS_MAX],
			 bool (*fits)(const struct bpf_listener *a, const struct bpf_listener *b))
{
	for (__u32 i = 0; i < count; i++) {
		for (__u32 number = 0; !is_placed[i] && number < loader->listener_count; number++) {
			struct bpf_listener *old = &loader->listener[number];

			if (old->config_index != BPF_LISTENER_RETIRED || !fits(old, &wanted[i]))
				continue;
			*old = wanted[i];
			is_placed[i] = true;
		}
	}
}

/* Under whichever name: at one place only the port and the address tell them apart. */
static bool overlaps(const struct bpf_loader *loader, const struct bpf_listener *a,
		     const struct bpf_listener *b)
{
	__u32 ifindex = loader->link[a->link].ifindex;

	return (a->link == b->link || (ifindex && loader->link[b->link].ifindex == ifindex)) &&
	       a->port == b->port &&
	       (!a->has_address || !b->has_address ||
		!memcmp(a->address, b->address, sizeof(a->address)));
}

/* Of listeners that take the same datagrams the first one in the configuration does. */
static bool is_in_order(const struct bpf_loader *loader)
{
	for (__u32 a = 0; a < loader->listener_count; a++)
		for (__u32 b = a + 1; b < loader->listener_count; b++)
			if (loader->listener[a].config_index > loader->listener[b].config_index &&
			    loader->listener[b].config_index != BPF_LISTENER_RETIRED &&
			    overlaps(loader, &loader->listener[a], &loader->listener[b]))
				return false;
	return true;
}

/* What is the same in place and name, then in place, then in name: a datagram that waits was sent
 * to a place, and belongs to whoever listens there now. */
int bpf_listeners_assign(struct bpf_loader *loader, const struct bpf_listener *wanted, __u32 count)
{
	bool is_placed[SLUICE_LISTENERS_MAX] = { false };

	keep_numbers(loader, wanted, count, is_placed, is_same);
	keep_numbers(loader, wanted, count, is_placed, is_same_place);
	keep_numbers(loader, wanted, count, is_placed, is_same_name);
	for (__u32 i = 0; i < count; i++) {
		if (is_placed[i])
			continue;
		if (loader->listener_count == SLUICE_LISTENERS_MAX)
			return -ENOSPC;
		loader->listener[loader->listener_count++] = wanted[i];
	}
	return is_in_order(loader) ? 0 : -EINVAL;
}
