/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines of log dump: key=value for people, members of an object in JSON. */
#ifndef SLUICE_COMMAND_LOG_DUMP_TEXT_H
#define SLUICE_COMMAND_LOG_DUMP_TEXT_H

#include "base/text.h"
#include "core/record/schema.h"
#include "edge/log/log_reader.h"
#include "rows/row_tail.h"

#define ROW_BYTES (4u << 20) /* the longest tops, as in query */

struct dump {
	struct log_reader *reader;
	struct schema schema;
	bool has_schema;
	bool is_json;
	bool has_rows;
	__u64 from_lsn;
	struct row_tail *tail;
	char row[ROW_BYTES];
};

void dump_add_key(const struct dump *dump, struct text *text, const char *key);
void dump_print(const struct dump *dump, struct text *text);
void dump_add_unsigned(const struct dump *dump, struct text *text, const char *key, __u64 value);
void dump_add_signed(const struct dump *dump, struct text *text, const char *key, __s64 value);
void dump_add_string(const struct dump *dump, struct text *text, const char *key,
		       const char *value);
void dump_add_time(const struct dump *dump, struct text *text, const char *key, __s64 time_ns);
void dump_add_flags(const struct dump *dump, struct text *text, __u16 flags);

#endif
