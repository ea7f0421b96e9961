/* SPDX-License-Identifier: BSD-2-Clause */
/* --where of sluice query: conditions on group fields and on aggregates, separated by commas. All
 * must hold; several `=` on one group field are alternatives. No I/O. */
#ifndef SLUICE_COMMAND_QUERY_WHERE_H
#define SLUICE_COMMAND_QUERY_WHERE_H

#include "rows/late_set.h"
#include "rows/names.h"
#include "rows/row_set.h"

#define QUERY_WHERE_MAX 32

enum query_operator {
	QUERY_EQUAL,
	QUERY_UNEQUAL,
	QUERY_LESS,
	QUERY_AT_MOST,
	QUERY_MORE,
	QUERY_AT_LEAST
};

struct query_condition {
	char field[SLUICE_NAME_MAX + 1];
	char value[256];
	enum query_operator operator;
	bool is_number;
	__int128 number;
	__u64 id; /* behind a #, as tables tell ids of one name apart */
	size_t name_bytes; /* before it; 0: there is none */
	bool is_used; /* some window had the field */
};

struct query_where {
	struct query_condition condition[QUERY_WHERE_MAX];
	unsigned int count;
};

/* Adds the conditions of one --where. -EINVAL with `what` saying what is wrong. */
int query_where_parse(struct query_where *where, const char *text, char *what, size_t what_room);

/* Which of the numbers of a row has this name, or -ENOENT. */
int query_where_number(const char *name);

/* How a group field is called in a row of this schema: "type", or the configured name of a
 * dimension. */
const char *query_field_name(const char dim_name[4][SLUICE_NAME_MAX + 1], enum sluice_field field);

/* Marks conditions that this window has a field or an aggregate for. */
void query_where_bind(struct query_where *where, const struct schema *schema, __u32 window);

/* The next condition, from *index on, with a value that is neither a number nor a known name of its
 * field; NULL behind the last. `nearest`: the name that was probably meant, or NULL. */
const struct query_condition *query_where_unknown(const struct query_where *where,
						  const struct names *names,
						  const char dim_name[4][SLUICE_NAME_MAX + 1],
						  unsigned int *index, const char **nearest);

/* Whether a row may be wanted, by the numbers of its group alone; names may come later in the
 * log. */
bool query_where_is_possible(const struct query_where *where, const struct schema *schema,
			     __u32 window, const __u64 *words, bool is_overflow);
/* Whether it is wanted. */
bool query_where_is_met(const struct query_where *where, const struct names *names,
			const struct row_result *row);

/* The same for late events, which have every field, and no aggregates. */
void query_where_bind_late(struct query_where *where, const char dim_name[4][SLUICE_NAME_MAX + 1]);
bool query_where_is_met_by_late(const struct query_where *where, const struct names *names,
				const struct late_result *late);

#endif
