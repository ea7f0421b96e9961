/* SPDX-License-Identifier: BSD-2-Clause */
/* A JSON document under construction in a text: commas and keys are put here. Who writes it opens
 * and closes in the right order; a text that is too small is cut and says so. */
#ifndef SLUICE_BASE_JSON_WRITER_H
#define SLUICE_BASE_JSON_WRITER_H

#include <stdbool.h>

#include <linux/types.h>

#include "base/text.h"

struct json_writer {
	struct text *out;
	bool needs_comma;
};

/* `key` NULL inside a list and for the outermost value. `bracket`: "{" or "[", and its like. */
void json_key(struct json_writer *json, const char *key);
void json_open(struct json_writer *json, const char *key, const char *bracket);
void json_close(struct json_writer *json, const char *bracket);

void json_number(struct json_writer *json, const char *key, __u64 number);
void json_signed(struct json_writer *json, const char *key, __s64 number);
void json_text(struct json_writer *json, const char *key, const char *value);
void json_flag(struct json_writer *json, const char *key, bool value);

#endif
