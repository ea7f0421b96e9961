/* SPDX-License-Identifier: BSD-2-Clause */
/* Scripts: a scenario and what must come out of it, in a file that a person writes. The language
 * is explained in scripts/README. Each step that lets rows out (tick, watermark, finish) is
 * followed by all rows that come out of it, no more and no fewer. */
#ifndef SLUICE_PROPERTY_SCRIPT_H
#define SLUICE_PROPERTY_SCRIPT_H

#include "result.h"
#include "scenario.h"

enum script_check {
	SCRIPT_COUNT = 1 << 0,
	SCRIPT_RECORDS = 1 << 1,
	SCRIPT_SUM = 1 << 2,
	SCRIPT_MIN = 1 << 3,
	SCRIPT_MAX = 1 << 4,
	SCRIPT_REVISION = 1 << 5,
	SCRIPT_FIRST = 1 << 6,
	SCRIPT_LAST = 1 << 7,
	SCRIPT_DISTINCT = 1 << 8,
};

struct script_row {
	__u32 step;
	__u32 line;
	unsigned int checks;		/* enum script_check: what the line says */
	bool is_final, is_early, is_retracted;
	struct result_identity identity;
	struct sluice_partial partial;
	__s32 revision;
	__s64 first, last;
	double distinct;
};

enum script_counter_kind {
	SCRIPT_STREAM_COUNTER,
	SCRIPT_WINDOW_COUNTER,
	SCRIPT_WATERMARK,	/* after the tick before the line */
};

struct script_counter {
	enum script_counter_kind kind;
	__u32 line;
	__u32 window;
	__u32 index;		/* of the counter in its ledger; of the tick */
	__s64 value;
};

struct script_late {
	__u32 line;
	__u32 window;
	unsigned int checks;	/* bit by word of the line (script_late.c) */
	struct sluice_late_event event;
};

struct script {
	const char *path;
	char needs[128];	/* words of the line `needs` */
	__u32 empty_line;	/* of `empty`; 0: what is held in the end is not looked at */
	struct scenario scenario;
	size_t row_count;
	struct script_row *row;
	size_t counter_count;
	struct script_counter *counter;
	size_t late_count;
	struct script_late *late;
};

/* 0; -EINVAL with file, line and reason on stdout; -errno of reading. Clear in any case. */
int script_read(struct script *script, const char *path);
void script_clear(struct script *script);

/* What a result lacks of what the script expects, or has too much: differences, printed. */
size_t script_check(const struct script *script, struct result *result);

#endif
