/* SPDX-License-Identifier: BSD-2-Clause */
/* Commas and keys, and values by base/json.h and base/text.h. */
#include "base/json_writer.h"

#include "base/json.h"

void json_key(struct json_writer *json, const char *key)
{
	if (json->needs_comma)
		text_add(json->out, ",");
	json->needs_comma = true;
	if (!key)
		return;
	text_add_quoted(json->out, key);
	text_add(json->out, ":");
}

void json_open(struct json_writer *json, const char *key, const char *bracket)
{
	json_key(json, key);
	text_add(json->out, bracket);
	json->needs_comma = false;
}

void json_close(struct json_writer *json, const char *bracket)
{
	text_add(json->out, bracket);
	json->needs_comma = true;
}

void json_number(struct json_writer *json, const char *key, __u64 number)
{
	json_key(json, key);
	json_add_unsigned(json->out, number);
}

void json_signed(struct json_writer *json, const char *key, __s64 number)
{
	json_key(json, key);
	json_add_signed(json->out, number);
}

void json_text(struct json_writer *json, const char *key, const char *value)
{
	json_key(json, key);
	text_add_quoted(json->out, value);
}

void json_flag(struct json_writer *json, const char *key, bool value)
{
	json_key(json, key);
	text_add(json->out, value ? "true" : "false");
}
