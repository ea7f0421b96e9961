/* SPDX-License-Identifier: BSD-2-Clause */
/* Records of fixed layout, by a table of their fields: checked by log verify, printed by log
 * dump. */
#ifndef SLUICE_COMMAND_LOG_RECORDS_H
#define SLUICE_COMMAND_LOG_RECORDS_H

#include "core/record/schema.h"

enum log_record_type {
	LOG_RECORD_WINDOW, /* 16 bits, an index of the schema */
	LOG_RECORD_FLAGS, /* 16 bits, enum sluice_rows_flag */
	LOG_RECORD_CAUSE, /* 16 bits, enum sluice_gap_cause */
	LOG_RECORD_MISSING, /* 16 bits, a place in SLUICE_MISSING */
	LOG_RECORD_COUNT, /* 32 bits */
	LOG_RECORD_NUMBER, /* 64 bits, and so are those below */
	LOG_RECORD_SIGNED,
	LOG_RECORD_TIME, /* 64 bits, signed; its ends stand for none */
};

struct log_record_field {
	const char *name;
	enum log_record_type type;
	__u16 offset; /* in the body */
};

struct log_record_kind {
	__u16 kind; /* enum sluice_record_kind */
	__u16 body_bytes; /* at least */
	__u16 field_count;
	const struct log_record_field *fields;
};

/* NULL: it is no record of fixed layout. */
const struct log_record_kind *log_record_kind(__u16 kind);
/* 0; -EBADMSG: too short, or of a window that the schema (NULL: none yet) does not have. */
int log_record_check(const struct log_record_kind *kind, const struct schema *schema,
		     const struct sluice_disk_record *record);
/* Unsigned fields as they are. */
__u64 log_record_number(const struct log_record_field *field,
			const struct sluice_disk_record *record);

#endif
