/* SPDX-License-Identifier: BSD-2-Clause */
/* One row of JSON as verify sees it: who it is, and whether its values are those of another one. */
#ifndef SLUICE_GEN_VERIFY_ROW_H
#define SLUICE_GEN_VERIFY_ROW_H

#include "base/text.h"
#include "json_scan.h"

#define VERIFY_MEMBERS_MAX 48
#define VERIFY_NAME_BYTES 1024

struct verify_row {
	struct json_member members[VERIFY_MEMBERS_MAX];
	int member_count;
	char name[VERIFY_NAME_BYTES]; /* "clicks [start, end) {region=3 type=1}", fields sorted */
	struct json_slice window;
};

/* -EINVAL when the line is no row. */
int verify_row_read(struct verify_row *row, struct json_slice line);

/* No row: a line that says that something is missing here. */
bool verify_row_is_absent(const struct verify_row *row);
/* Whether the row is early, retracted, or (unless allowed) not final. */
bool verify_row_is_open(const struct verify_row *row, bool allows_open);

/* Adds "count: expected 5, got 4; …" for every value that differs; returns how many do. */
unsigned int verify_row_compare(const struct verify_row *truth, const struct verify_row *result,
				struct text *differences);

#endif
