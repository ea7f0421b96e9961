/* SPDX-License-Identifier: BSD-2-Clause */
/* Listeners and source prefixes: addresses, and which listeners stand in each other's way. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "config/reader.h"

void *reader_add_listener(struct reader *reader, const struct node *item)
{
	struct config *config = reader->config;

	if (config->listener_count == SLUICE_LISTENERS_MAX) {
		mistakes_add(reader->mistakes, item->mark,
			     "more listeners than the %d that are matched; "
			     "remove this one",
			     SLUICE_LISTENERS_MAX);
		return NULL;
	}
	reader->listener_node[config->listener_count] = item;
	return &config->listener[config->listener_count++];
}

/* IPv6, or IPv4 mapped into it. *bits is the width of the family. */
static bool parse_address(const char *text, __u8 address[16], unsigned int *bits)
{
	static const __u8 mapped[12] = { [10] = 0xff, [11] = 0xff };
	__u8 parsed[16];

	if (inet_pton(AF_INET, text, parsed + 12) == 1) {
		memcpy(parsed, mapped, sizeof(mapped));
		*bits = 32;
	} else if (inet_pton(AF_INET6, text, parsed) == 1) {
		*bits = 128;
	} else {
		return false;
	}
	memcpy(address, parsed, 16);
	return true;
}

static bool is_any(const __u8 address[16], unsigned int bits)
{
	static const __u8 zeros[16];
	unsigned int start = bits == 32 ? 12 : 0;

	return memcmp(address + start, zeros + start, 16 - start) == 0;
}

void reader_read_address(struct reader *reader, const struct node *node, void *target)
{
	struct config_listener *listener = target;
	__u8 address[16];
	unsigned int bits;

	if (!node)
		return;
	if (node->kind != NODE_SCALAR || !parse_address(node->text, address, &bits)) {
		mistakes_add(
			reader->mistakes, node->mark,
			"address: `%.80s` is not an IPv4 or IPv6 address; write 0.0.0.0 for any",
			node->kind == NODE_SCALAR ? node->text : node_kind_name(node));
		return;
	}
	if (is_any(address, bits))
		return;
	listener->has_address = true;
	memcpy(listener->address, address, sizeof(address));
}

static void report_ring_size(struct reader *reader, const struct node *node, __u64 bytes)
{
	char below[UNITS_BYTES_MAX], above[UNITS_BYTES_MAX];
	unsigned int order = 63 - (unsigned int)__builtin_clzll(bytes);

	mistakes_add(reader->mistakes, node->mark,
		     "ring_size: %.80s is not a power of two; write %s or %s", node->text,
		     units_format_size(below, 1ull << order),
		     units_format_size(above, 2ull << order));
}

void reader_finish_listener(struct reader *reader, const struct node *map, void *target)
{
	struct config_listener *listener = target;
	const struct node *ring = node_find(map, "ring_size");

	if (!node_find(map, "interface") && listener->mode != CONFIG_MODE_SOCKET)
		mistakes_add(reader->mistakes, map->mark,
			     "a listener has no `interface`; add `interface: eth0`");
	listener->ring_line = ring ? ring->mark.line : map->mark.line;
	listener->ring_column = ring ? ring->mark.column : map->mark.column;
	if (!node_find(map, "name"))
		memcpy(listener->name, listener->interface, sizeof(listener->interface));
	if (ring && listener->ring_bytes & (listener->ring_bytes - 1))
		report_ring_size(reader, ring, listener->ring_bytes);
}

static struct mark mark_of(const struct node *map, const char *key)
{
	const struct node *node = node_find(map, key);

	return node ? node->mark : map->mark;
}

/* Whether no datagram reaches `later` because `earlier` takes it. */
static bool is_covered(const struct config_listener *later, const struct config_listener *earlier)
{
	return later->port && later->port == earlier->port &&
	       strcmp(later->interface, earlier->interface) == 0 &&
	       (!earlier->has_address ||
		(later->has_address && memcmp(later->address, earlier->address, 16) == 0));
}

static void compare_listeners(struct reader *reader, unsigned int i, unsigned int j)
{
	const struct config_listener *earlier = &reader->config->listener[i];
	const struct config_listener *later = &reader->config->listener[j];
	const struct node *node = reader->listener_node[j];
	__u32 line = reader->listener_node[i]->mark.line;

	if (later->name[0] && strcmp(later->name, earlier->name) == 0)
		mistakes_add(reader->mistakes, mark_of(node, "name"),
			     "listener %s is there twice, first at line %u; give it another `name`",
			     later->name, line);
	if (!later->interface[0] || strcmp(later->interface, earlier->interface) != 0)
		return;
	if (is_covered(later, earlier))
		mistakes_add(
			reader->mistakes, mark_of(node, "port"),
			"port %u of %s is already taken by the listener at line %u; change port, "
			"address or interface%s",
			later->port, later->interface, line,
			later->has_address && !earlier->has_address ? ", or put this one first"
								    : "");
	if (later->mode != earlier->mode)
		mistakes_add(reader->mistakes, mark_of(node, "mode"),
			     "mode differs from the listener at line %u; an interface has one mode",
			     line);
}

/* The rings belong to CPUs, not to listeners: one size for all, given once or the same. */
static void unify_rings(struct reader *reader)
{
	struct config *config = reader->config;
	const struct node *first = NULL, *node;
	__u64 bytes = config->listener_count ? config->listener[0].ring_bytes : 0;
	unsigned int i;

	for (i = 0; i < config->listener_count; i++) {
		node = node_find(reader->listener_node[i], "ring_size");
		if (node && !first)
			bytes = config->listener[i].ring_bytes;
		else if (node && config->listener[i].ring_bytes != bytes)
			mistakes_add(
				reader->mistakes, node->mark,
				"ring_size differs from line %u; all listeners share the rings, "
				"write the same or leave it out",
				first->mark.line);
		first = first ? first : node;
	}
	for (i = 0; i < config->listener_count; i++)
		config->listener[i].ring_bytes = bytes;
}

void reader_finish_listeners(struct reader *reader)
{
	unsigned int i, j;

	for (j = 1; j < reader->config->listener_count; j++)
		for (i = 0; i < j; i++)
			compare_listeners(reader, i, j);
	unify_rings(reader);
}

static bool parse_prefix(const char *text, struct config_prefix *prefix)
{
	const char *slash = strchr(text, '/');
	size_t bytes = slash ? (size_t)(slash - text) : strlen(text);
	char address[INET6_ADDRSTRLEN];
	unsigned int width;
	__u64 bits;

	if (bytes >= sizeof(address))
		return false;
	memcpy(address, text, bytes);
	address[bytes] = '\0';
	if (!parse_address(address, prefix->address, &width))
		return false;
	bits = width;
	if (slash && (units_parse_number(slash + 1, &bits) != 0 || bits > width))
		return false;
	prefix->bits = (__u8)(128 - width + bits);
	return true;
}

static bool has_bits_beyond(const struct config_prefix *prefix)
{
	unsigned int i;

	for (i = prefix->bits; i < 128; i++)
		if (prefix->address[i / 8] >> (7 - i % 8) & 1)
			return true;
	return false;
}

static void read_prefixes(struct reader *reader, const struct node *node, const char *what,
			  struct config_prefixes *prefixes)
{
	const struct node *item = reader_first_item(reader, node, what);

	for (; item; item = reader_next_item(reader, item, what)) {
		struct config_prefix prefix;

		if (!parse_prefix(item->text, &prefix))
			mistakes_add(
				reader->mistakes, item->mark,
				"`%.80s` is not a prefix; write 10.0.0.0/8 or \"2001:db8::/32\"",
				item->text);
		else if (has_bits_beyond(&prefix))
			mistakes_add(
				reader->mistakes, item->mark,
				"`%.80s` has address bits behind its length; write zeros there",
				item->text);
		else if (prefixes->count == CONFIG_PREFIXES_MAX)
			mistakes_add(reader->mistakes, item->mark,
				     "more than %d prefixes; join neighbours", CONFIG_PREFIXES_MAX);
		else
			prefixes->prefix[prefixes->count++] = prefix;
	}
}

void reader_read_allow(struct reader *reader, const struct node *node, void *target)
{
	struct config *config = target;

	if (node) {
		read_prefixes(reader, node, "allow", &config->allow);
		return;
	}
	parse_prefix("0.0.0.0/0", &config->allow.prefix[0]);
	parse_prefix("::/0", &config->allow.prefix[1]);
	config->allow.count = 2;
}

void reader_read_deny(struct reader *reader, const struct node *node, void *target)
{
	struct config *config = target;

	if (node)
		read_prefixes(reader, node, "deny", &config->deny);
}

/* Whether the list lets in everybody, of both families. */
static bool is_everybody(const struct config_prefixes *prefixes)
{
	bool has_v4 = false, has_v6 = false;
	__u32 i;

	for (i = 0; i < prefixes->count; i++) {
		has_v6 |= prefixes->prefix[i].bits == 0;
		has_v4 |= prefixes->prefix[i].bits == 96 && prefixes->prefix[i].address[10] == 0xff;
	}
	return has_v4 && has_v6;
}

void reader_finish_sources(struct reader *reader, const struct node *map, void *target)
{
	const struct node *allow = node_find(map, "allow"), *deny = node_find(map, "deny");
	const struct node *rate = node_find(map, "rate");
	struct config *config = target;

	if (allow && !is_everybody(&config->allow))
		reader_require(reader, CONFIG_FEATURE_PREFIXES, allow->mark);
	if (deny && config->deny.count)
		reader_require(reader, CONFIG_FEATURE_PREFIXES, deny->mark);
	if (config->source_rate || config->source_burst)
		reader_require(reader, CONFIG_FEATURE_SOURCE_RATE, rate->mark);
}
