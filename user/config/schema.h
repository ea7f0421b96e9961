/* SPDX-License-Identifier: BSD-2-Clause */
/* Every key of the configuration, once: its type, range, default, place in struct config and a
 * sentence. Parsing, unknown-key mistakes, defaults and `sluice help config` all come from these
 * tables. */
#ifndef SLUICE_CONFIG_SCHEMA_H
#define SLUICE_CONFIG_SCHEMA_H

#include <stddef.h>

#include "config/support.h"

struct node;
struct reader;

enum schema_type {
	SCHEMA_NAME,		/* char[SLUICE_NAME_MAX + 1]: letters, digits, _ . - */
	SCHEMA_INTERFACE,	/* char[CONFIG_INTERFACE_MAX] */
	SCHEMA_PATH,		/* char[max]: an absolute path */
	SCHEMA_NUMBER,		/* __u32; a choice may stand for a number */
	SCHEMA_PORT,		/* __u16 */
	SCHEMA_SIGNED,		/* __s64 */
	SCHEMA_SIZE,		/* __u64 bytes */
	SCHEMA_DURATION,	/* __s64 nanoseconds */
	SCHEMA_RATE,		/* __u64 per second */
	SCHEMA_CHOICE,		/* an enum; one of `choices` */
	SCHEMA_SECTION,		/* a map with the keys of `section`, same target + offset */
	SCHEMA_LIST,		/* a list of maps with the keys of `section`, target from `add` */
	SCHEMA_CUSTOM,		/* whatever `read` makes of it */
	SCHEMA_TYPES
};

struct schema_choice {
	const char *name;	/* NULL ends the list */
	int value;
	enum config_feature feature;	/* what it needs */
};

struct schema_section;

struct schema_key {
	const char *name;	/* NULL ends the table */
	enum schema_type type;
	const char *fallback;	/* the default, as the file would say it; NULL: none */
	const char *missing;	/* absent is a mistake: what to write; NULL: may be absent */
	__u64 min, max;		/* in base units, both included; PATH: room in bytes */
	size_t offset;		/* in the section's target */
	const struct schema_choice *choices;
	enum config_feature feature;	/* what any other value than the default needs */
	const struct schema_section *section;
	/* LIST: room for one more; NULL after a mistake was noted. */
	void *(*add)(struct reader *reader, const struct node *item);
	/* CUSTOM: `node` is NULL when the key is absent. */
	void (*read)(struct reader *reader, const struct node *node, void *target);
	const char *help;	/* a sentence without the full stop */
};

#define SCHEMA_KEYS_MAX 24	/* of a section */

struct schema_section {
	const char *name;		/* for messages: "a window" */
	const struct schema_key *keys;	/* read in this order, whatever the order of the file */
	/* After all keys: what they mean together. `map` is NULL when the section is absent. */
	void (*finish)(struct reader *reader, const struct node *map, void *target);
};

extern const struct schema_section schema_root;
extern const struct schema_section schema_where_value; /* {min, max}, in struct window_where */

/* "a duration", "one of auto, native, …" */
const char *schema_type_name(enum schema_type type);

#endif
