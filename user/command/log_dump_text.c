/* SPDX-License-Identifier: BSD-2-Clause */
/* Values of records as text. */
#include "command/log_dump_text.h"

#include <stdint.h>
#include <stdio.h>

#include "base/json.h"
#include "base/time_format.h"
#include "command/fold.h"

#define INDENT 11 /* of lines that go on */

static const struct {
	unsigned int flag;
	const char *name;
} flag_names[] = {
	{ SLUICE_ROWS_FINAL, "final" },		{ SLUICE_ROWS_EARLY, "early" },
	{ SLUICE_ROWS_RETRACTED, "retracted" }, { SLUICE_ROWS_OVERFLOW, "overflow" },
	{ SLUICE_ROWS_VARIABLE, "variable" },
};

#define FLAG_COUNT (sizeof(flag_names) / sizeof(*flag_names))

/* key=value for people, "key":value in JSON. */
void dump_add_key(const struct dump *dump, struct text *text, const char *key)
{
	text_add(text, dump->is_json ? "," : " ");
	if (dump->is_json)
		text_add_quoted(text, key);
	else
		text_add_printable(text, key);
	text_add(text, dump->is_json ? ":" : "=");
}

void dump_print(const struct dump *dump, struct text *text)
{
	if (dump->is_json) {
		text_add(text, "}");
		puts(text->data);
	} else {
		fold_print(stdout, text->data, INDENT);
	}
}

void dump_add_unsigned(const struct dump *dump, struct text *text, const char *key, __u64 value)
{
	dump_add_key(dump, text, key);
	json_add_unsigned(text, value);
}

void dump_add_signed(const struct dump *dump, struct text *text, const char *key, __s64 value)
{
	dump_add_key(dump, text, key);
	json_add_signed(text, value);
}

void dump_add_string(const struct dump *dump, struct text *text, const char *key,
		       const char *value)
{
	dump_add_key(dump, text, key);
	text_add_quoted(text, value);
}

void dump_add_time(const struct dump *dump, struct text *text, const char *key, __s64 time_ns)
{
	char time[TIME_FORMAT_BYTES];

	dump_add_key(dump, text, key);
	time_format(time, time_ns);
	if (time_ns == INT64_MIN || time_ns == INT64_MAX)
		text_add(text, dump->is_json ? "null" : "-"); /* the ends stand for none */
	else
		text_format(text, dump->is_json ? "\"%s\"" : "%s", time);
}

void dump_add_flags(const struct dump *dump, struct text *text, __u16 flags)
{
	bool is_first = true;

	dump_add_key(dump, text, "flags");
	text_add(text, "[");
	for (size_t i = 0; i < FLAG_COUNT; i++) {
		if (!(flags & flag_names[i].flag))
			continue;
		text_format(text, dump->is_json ? "%s\"%s\"" : "%s%s", is_first ? "" : ",",
			    flag_names[i].name);
		is_first = false;
	}
	text_add(text, "]");
}
