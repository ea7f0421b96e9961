/* SPDX-License-Identifier: BSD-2-Clause */
/* A cursor over JSON text (RFC 8259) that checks bounds before it looks. */
#include "json_scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct cursor {
	const char *at;
	const char *end;
};

static void skip_blanks(struct cursor *cursor)
{
	while (cursor->at < cursor->end && memchr(" \t\r\n", *cursor->at, 4))
		cursor->at++;
}

static bool take(struct cursor *cursor, char wanted)
{
	skip_blanks(cursor);
	if (cursor->at >= cursor->end || *cursor->at != wanted)
		return false;
	cursor->at++;
	return true;
}

/* Past the closing quote; the opening one was taken. */
static bool skip_string(struct cursor *cursor)
{
	for (; cursor->at < cursor->end; cursor->at++) {
		if (*cursor->at == '"') {
			cursor->at++;
			return true;
		}
		if (*cursor->at == '\\')
			cursor->at++;
		else if ((unsigned char)*cursor->at < 0x20)
			return false;
	}
	return false;
}

static bool skip_value(struct cursor *cursor, int depth);

static bool skip_list(struct cursor *cursor, char close, int depth)
{
	if (take(cursor, close))
		return true;
	do {
		if (close == '}' &&
		    !(take(cursor, '"') && skip_string(cursor) && take(cursor, ':')))
			return false;
		if (!skip_value(cursor, depth))
			return false;
	} while (take(cursor, ','));
	return take(cursor, close);
}

static bool skip_value(struct cursor *cursor, int depth)
{
	const char *start;

	if (depth >= JSON_DEPTH_MAX)
		return false;
	if (take(cursor, '"'))
		return skip_string(cursor);
	if (take(cursor, '{'))
		return skip_list(cursor, '}', depth + 1);
	if (take(cursor, '['))
		return skip_list(cursor, ']', depth + 1);
	skip_blanks(cursor);
	start = cursor->at;
	while (cursor->at < cursor->end && !memchr(",]} \t\r\n", *cursor->at, 7))
		cursor->at++;
	return cursor->at > start;
}

static int scan_members(struct cursor *cursor, char close, struct json_member *members,
			unsigned int room)
{
	unsigned int count = 0;

	if (take(cursor, close))
		return 0;
	do {
		struct json_member member = { { NULL, 0 }, { NULL, 0 } };

		if (close == '}') {
			if (!take(cursor, '"'))
				return -EINVAL;
			member.name.text = cursor->at;
			if (!skip_string(cursor))
				return -EINVAL;
			member.name.bytes = (size_t)(cursor->at - member.name.text) - 1;
			if (!take(cursor, ':'))
				return -EINVAL;
		}
		skip_blanks(cursor);
		member.value.text = cursor->at;
		if (!skip_value(cursor, 0))
			return -EINVAL;
		member.value.bytes = (size_t)(cursor->at - member.value.text);
		if (count == room)
			return -E2BIG;
		members[count++] = member;
	} while (take(cursor, ','));
	return take(cursor, close) ? (int)count : -EINVAL;
}

int json_scan(struct json_slice text, struct json_member *members, unsigned int room)
{
	struct cursor cursor = { text.text, text.text + text.bytes };
	int count = -EINVAL;

	if (take(&cursor, '{'))
		count = scan_members(&cursor, '}', members, room);
	else if (take(&cursor, '['))
		count = scan_members(&cursor, ']', members, room);
	skip_blanks(&cursor);
	return count >= 0 && cursor.at != cursor.end ? -EINVAL : count;
}

bool json_is(struct json_slice value, const char *text)
{
	return value.bytes == strlen(text) && !memcmp(value.text, text, value.bytes);
}

bool json_equal(struct json_slice left, struct json_slice right)
{
	return left.bytes == right.bytes &&
	       (!left.bytes || !memcmp(left.text, right.text, left.bytes));
}

struct json_slice json_find(const struct json_member *members, int count, const char *name)
{
	for (int i = 0; i < count; i++)
		if (json_is(members[i].name, name))
			return members[i].value;
	return (struct json_slice){ NULL, 0 };
}

struct json_slice json_string(struct json_slice value)
{
	if (value.bytes < 2 || value.text[0] != '"' || value.text[value.bytes - 1] != '"')
		return (struct json_slice){ NULL, 0 };
	return (struct json_slice){ value.text + 1, value.bytes - 2 };
}

/* A copy that ends with a zero byte, for the C library. */
static bool copy_number(struct json_slice value, char *out, size_t room)
{
	if (!value.bytes || value.bytes >= room || !memchr("-0123456789", value.text[0], 11))
		return false;
	memcpy(out, value.text, value.bytes);
	out[value.bytes] = 0;
	return true;
}

int json_real(struct json_slice value, double *number)
{
	char text[64], *end;
	double read;

	if (!copy_number(value, text, sizeof(text)))
		return -EINVAL;
	read = strtod(text, &end);
	if (*end)
		return -EINVAL;
	*number = read;
	return 0;
}

int json_integer(struct json_slice value, __s64 *number)
{
	char text[64], *end;
	long long read;

	if (!copy_number(value, text, sizeof(text)))
		return -EINVAL;
	errno = 0;
	read = strtoll(text, &end, 10);
	if (*end || errno)
		return -EINVAL;
	*number = read;
	return 0;
}
