/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of dimensions: none that means something else where rows are asked for or printed. */
#include <string.h>

#include "config/reader.h"

/* Columns and members of printed rows and late events, which a dimension would stand beside. */
static const char *const columns[] = {
	"window",      "start",	   "end",      "group",	      "group_id",     "revision",
	"order",       "final",	   "early",    "retracted",   "state",	      "complete",
	"completeness", "missing", "agent",    "epoch",	      "merged",	      "unmerged",
	"definition",  "count",	   "records",  "sum",	      "sum_saturated", "min",
	"max",	       "avg",	   "first",    "last",	      "first_time",   "last_time",
	"rate",	       "distinct", "quantiles", "top",	      "time",	      "fields",
	"fields_id",   "weight",   "event_id", "source_epoch", "sequence",    "index",
	"window_start", "window_end",
};

static const char *const column_beginnings[] = { "missing_", "distinct_", "top_" };

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* A field's number stands in a column of its name and "_id". */
static bool is_id_of_field(const struct reader *reader, const char *name)
{
	char field[SLUICE_NAME_MAX + 1];
	size_t bytes = strlen(name);

	if (bytes < 3 || strcmp(name + bytes - 3, "_id") != 0)
		return false;
	memcpy(field, name, bytes - 3);
	field[bytes - 3] = '\0';
	return reader_find_field(reader, field) != SLUICE_FIELD_COUNT;
}

static bool is_column(const struct reader *reader, const char *name)
{
	for (size_t i = 0; i < COUNT(columns); i++) {
		if (strcmp(columns[i], name) == 0)
			return true;
	}
	for (size_t i = 0; i < COUNT(column_beginnings); i++) {
		if (strncmp(name, column_beginnings[i], strlen(column_beginnings[i])) == 0)
			return true;
	}
	/* value_0.5: a quantile */
	return is_id_of_field(reader, name) ||
	       (strncmp(name, "value_", 6) == 0 && name[6] >= '0' && name[6] <= '9');
}

static bool is_free_dim_name(struct reader *reader, const struct node *item, const char *name)
{
	if (reader_reads_as_number(name) || reader_find_field(reader, name) != SLUICE_FIELD_COUNT ||
	    strcmp(name, "types") == 0) {
		mistakes_add(reader->mistakes, item->mark,
			     "the name %s means something else already; choose another", name);
		return false;
	}
	if (is_column(reader, name)) {
		mistakes_add(reader->mistakes, item->mark,
			     "the name %s is that of a column of the results; choose another",
			     name);
		return false;
	}
	return true;
}

/* The name that it is the id of may have come later. */
static void report_id_columns(struct reader *reader, const struct node *node)
{
	const struct node *item = node && node->kind == NODE_LIST ? node->children : NULL;

	for (unsigned int i = 0; item && i < 4; item = item->next, i++) {
		const char *name = reader->config->dim_name[i];

		for (unsigned int later = i + 1; later < 4; later++) {
			const char *field = reader->config->dim_name[later];
			size_t bytes = strlen(field);

			if (bytes && strncmp(name, field, bytes) == 0 &&
			    strcmp(name + bytes, "_id") == 0)
				mistakes_add(reader->mistakes, item->mark,
					     "the name %s is that of a column of the results: the "
					     "number of %s; choose another",
					     name, field);
		}
	}
}

void reader_read_dim_names(struct reader *reader, const struct node *node, void *target)
{
	struct config *config = target;
	const struct node *item = node ? reader_first_item(reader, node, "dims") : NULL;
	unsigned int i = 0;

	for (; item; item = reader_next_item(reader, item, "dims"), i++) {
		char name[SLUICE_NAME_MAX + 1];

		if (i >= 4) {
			mistakes_add(reader->mistakes, item->mark,
				     "a name for dimension %u; events have dim0 to dim3", i);
			return;
		}
		if (reader_copy_name(reader, item, "the name", "", name) &&
		    is_free_dim_name(reader, item, name))
			memcpy(config->dim_name[i], name, sizeof(name));
	}
	report_id_columns(reader, node);
}
