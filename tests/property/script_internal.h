/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the parts of the script reader: the line in words, and how words are read. Every
 * reader of a statement returns 0, or -EINVAL after saying what is wrong with the line. */
#ifndef SLUICE_PROPERTY_SCRIPT_INTERNAL_H
#define SLUICE_PROPERTY_SCRIPT_INTERNAL_H

#include "script.h"

#define SCRIPT_WORDS_MAX 32

struct script_reader {
	struct script *script;
	__u32 line;
	__u64 wall_ns, mono_ns;
	__u64 next_sequence[256];	/* by source_id, for lines that do not say one */
	__u32 tick_count;
	int word_count;
	char *word[SCRIPT_WORDS_MAX];		/* pairs are cut at '=' */
	char *value[SCRIPT_WORDS_MAX];		/* NULL: a bare word */
};

/* Says file, line, what and the word (or NULL); returns -EINVAL. */
int script_mistake(const struct script_reader *reader, const char *what, const char *word);

/* A number with a unit of time, 0, or max. */
bool script_read_time(const char *text, __s64 *time_ns);

/* Any 64-bit number, signed or not, decimal or hexadecimal. */
bool script_read_number(const char *text, __u64 *number);

/* enum sluice_field, index of a window; -1 for an unknown name. */
int script_find_field(const char *name);
int script_find_window(const struct script_reader *reader, const char *name);

/* One statement each: script_window.c, script_event.c, script_expect.c. */
int script_read_window(struct script_reader *reader);
int script_read_event(struct script_reader *reader);
int script_read_and(struct script_reader *reader);
int script_read_expect(struct script_reader *reader);
int script_read_ledger(struct script_reader *reader);
int script_read_watermark_is(struct script_reader *reader);
int script_read_late(struct script_reader *reader);
int script_read_empty(struct script_reader *reader);

/* The side outputs: differences, printed. */
size_t script_check_late(const struct script *script, const struct result *result);

#endif
