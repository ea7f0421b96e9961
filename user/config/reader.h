/* SPDX-License-Identifier: BSD-2-Clause */
/* From the tree to the structs by the schema. The parts of the reader share this state and these
 * helpers; every mistake is noted and reading goes on, so that all of them are found at once. */
#ifndef SLUICE_CONFIG_READER_H
#define SLUICE_CONFIG_READER_H

#include "config/config.h"
#include "config/node.h"
#include "config/schema.h"

struct reader {
	struct config *config;
	struct mistakes *mistakes;
	__u64 features;			/* bit by enum config_feature: allowed */
	int error;			/* -ENOMEM */
	struct mark top;		/* where the file's first key stands */
	const struct config_name **type_by_name;	/* config->type_names, sorted by name */
	const struct node *listener_node[SLUICE_LISTENERS_MAX];
	const struct node *window_node[SLUICE_WINDOWS_MAX];
	__u64 *ruled_types;		/* bit by type: some rule names it */
};

/* reader.c: by the schema */
void reader_read_section(struct reader *reader, const struct schema_section *section,
			 const struct node *map, void *target);

/* Notes a mistake and returns false when this version does not have the feature. */
bool reader_require(struct reader *reader, enum config_feature feature, struct mark mark);

/* Zeroed memory that the config will own; NULL after noting the error. */
void *reader_allocate(struct reader *reader, size_t count, size_t bytes);

/* The items of a list of plain values; a single value stands for a list of one. A node of another
 * shape is a mistake ("`what` wants a list …") and gives NULL, as does an empty list. */
const struct node *reader_first_item(struct reader *reader, const struct node *node,
				     const char *what);
/* The next item of the same list; items that are no plain values are noted and skipped. */
const struct node *reader_next_item(struct reader *reader, const struct node *item,
				    const char *what);

/* reader_value.c: one scalar into its place. Notes mistakes. */
void reader_read_value(struct reader *reader, const struct schema_key *key, const struct node *node,
		       void *place);
/* Copies a name of letters, digits, _ . - and `extra`; false after noting a mistake. */
bool reader_copy_name(struct reader *reader, const struct node *node, const char *what,
		      const char *extra, char *out);
/* A number from 0 to max, decimal or 0x…; false after noting a mistake. */
bool reader_read_number(struct reader *reader, const struct node *node, const char *what, __u64 max,
			__u64 *number);

/* reader_network.c, reader_names.c, reader_window.c, reader_limits.c: what the schema refers to */
void *reader_add_listener(struct reader *reader, const struct node *item);
void reader_finish_listener(struct reader *reader, const struct node *map, void *target);
void reader_read_address(struct reader *reader, const struct node *node, void *target);
void reader_read_allow(struct reader *reader, const struct node *node, void *target);
void reader_read_deny(struct reader *reader, const struct node *node, void *target);
void reader_finish_sources(struct reader *reader, const struct node *map, void *target);
void reader_finish_listeners(struct reader *reader);

void reader_read_type_names(struct reader *reader, const struct node *node, void *target);
void reader_read_dim_names(struct reader *reader, const struct node *node, void *target);
void *reader_add_rule(struct reader *reader, const struct node *item);
void reader_read_rule_types(struct reader *reader, const struct node *node, void *target);
void reader_read_rule_keep(struct reader *reader, const struct node *node, void *target);
void reader_finish_rule(struct reader *reader, const struct node *map, void *target);
/* An event type by number or configured name; false after noting a mistake. */
bool reader_find_type(struct reader *reader, const struct node *node, __u16 *type);
/* A name that would pass for a number, or for an id. */
bool reader_reads_as_number(const char *name);
/* A field by its name or configured name, SLUICE_FIELD_COUNT when there is none. */
enum sluice_field reader_find_field(const struct reader *reader, const char *name);
/* The field that was probably meant, or NULL. */
const char *reader_nearest_field(const struct reader *reader, const char *name);

void *reader_add_window(struct reader *reader, const struct node *item);
void reader_read_from(struct reader *reader, const struct node *node, void *target);
void reader_read_where(struct reader *reader, const struct node *node, void *target);
void reader_read_group_by(struct reader *reader, const struct node *node, void *target);
void reader_finish_window(struct reader *reader, const struct node *map, void *target);

/* reader_aggregate.c */
void reader_read_aggregates(struct reader *reader, const struct node *node, void *target);

void reader_finish_results(struct reader *reader, const struct node *map, void *target);
void reader_finish_root(struct reader *reader, const struct node *map, void *target);

#endif
