/* SPDX-License-Identifier: BSD-2-Clause */
/* Sentences about the tables, for --help and for the manual page. */
#ifndef SLUICE_COMMAND_HELP_H
#define SLUICE_COMMAND_HELP_H

#include "base/text.h"
#include "command/command.h"
#include "config/schema.h"

#define HELP_EXIT_CODES                                                                            \
	"0 done, 1 failed while running, 64 usage, 69 unavailable,\n"                              \
	"70 internal, 71 kernel feature missing, 73 cannot create, 74 input or output,\n"          \
	"75 try again later, 77 permission or capability missing, 78 configuration."

/* "sluice log [options] ls|verify" */
void help_describe_usage(struct text *text, const struct command_program *program,
			 const struct command *command);
/* "-c, --config FILE" */
void help_name_option(struct text *text, const struct command_option *option);
/* What it is for, its choices and default. */
void help_describe_option(struct text *text, const struct command_option *option);
/* The same of a key of the configuration, with its range. */
void help_describe_key(struct text *text, const struct schema_key *key);

/* The whole manual page, as roff for man(1), to stdout (manual.c). */
void manual_print(const struct command_program *program);

/* docs/configuration.md: every key of the configuration, to stdout (markdown.c). */
void markdown_print(void);

#endif
