/* SPDX-License-Identifier: BSD-2-Clause */
/* Conditions as they are written: FIELD, a comparison, a value. */
#include "command/query_where.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *text; /* the longer ones first */
	enum query_operator operator;
} operators[] = {
	{ "!=", QUERY_UNEQUAL }, { "<=", QUERY_AT_MOST }, { ">=", QUERY_AT_LEAST },
	{ "=", QUERY_EQUAL },	 { "<", QUERY_LESS },	  { ">", QUERY_MORE },
};

#define OPERATOR_COUNT (sizeof(operators) / sizeof(*operators))

static bool parse_number(const char *text, __int128 *number)
{
	bool is_negative = *text == '-';
	__int128 made = 0;
	int digits = 0;

	for (text += is_negative; isdigit((unsigned char)*text) && digits < 38; text++, digits++)
		made = made * 10 + (*text - '0');
	if (*text || digits == 0)
		return false;
	*number = is_negative ? -made : made;
	return true;
}

/* same#10 */
static void parse_id(struct query_condition *condition)
{
	const char *sign = strrchr(condition->value, '#');
	char *end;

	if (!sign || sign == condition->value || !isdigit((unsigned char)sign[1]))
		return;
	errno = 0;
	condition->id = strtoull(sign + 1, &end, 10);
	if (*end == '\0' && errno == 0)
		condition->name_bytes = (size_t)(sign - condition->value);
}

/* Copies [start, end) without spaces around it; false when it is empty or too long. */
static bool copy_trimmed(char *out, size_t room, const char *start, const char *end)
{
	while (start < end && *start == ' ')
		start++;
	while (end > start && end[-1] == ' ')
		end--;
	if (end == start || (size_t)(end - start) >= room)
		return false;
	memcpy(out, start, (size_t)(end - start));
	out[end - start] = '\0';
	return true;
}

static int parse_one(struct query_condition *condition, const char *start, const char *end,
		     char *what, size_t what_room)
{
	const char *at = start + strcspn(start, "=<>!");

	for (size_t i = 0; i < OPERATOR_COUNT && at < end; i++) {
		size_t bytes = strlen(operators[i].text);

		if (strncmp(at, operators[i].text, bytes) != 0)
			continue;
		if (at + bytes < end && strchr("=<>!~", at[bytes])) {
			snprintf(what, what_room,
				 "\"%.*s\" is no comparison; use = != < <= > or >=",
				 (int)(bytes + strspn(at + bytes, "=<>!~")), at);
			return -EINVAL;
		}
		condition->operator= operators[i].operator;
		if (!copy_trimmed(condition->field, sizeof(condition->field), start, at) ||
		    !copy_trimmed(condition->value, sizeof(condition->value), at + bytes, end))
			break;
		condition->is_number = parse_number(condition->value, &condition->number);
		parse_id(condition);
		if (query_where_number(condition->field) >= 0 && !condition->is_number) {
			snprintf(what, what_room, "\"%s\" is not a number", condition->value);
			return -EINVAL;
		}
		if (!condition->is_number && condition->operator> QUERY_UNEQUAL) {
			snprintf(what, what_room,
				 "\"%s\" has no order; use = or !=", condition->value);
			return -EINVAL;
		}
		return 0;
	}
	snprintf(what, what_room, "\"%.*s\" is not FIELD=VALUE", (int)(end - start), start);
	return -EINVAL;
}

int query_where_parse(struct query_where *where, const char *text, char *what, size_t what_room)
{
	for (;;) {
		const char *end = text + strcspn(text, ",");
		struct query_condition condition = { 0 };
		int error = parse_one(&condition, text, end, what, what_room);

		if (error)
			return error;
		if (where->count == QUERY_WHERE_MAX) {
			snprintf(what, what_room, "more than %d conditions", QUERY_WHERE_MAX);
			return -EINVAL;
		}
		where->condition[where->count++] = condition;
		if (*end == '\0')
			return 0;
		text = end + 1;
	}
}
