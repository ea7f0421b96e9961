/* SPDX-License-Identifier: BSD-2-Clause */
/* What a subcommand is: one struct of text, an option table and a function. Parsing, --help,
 * completion and usage errors come from these tables alone. A command prints results to stdout and
 * everything else to stderr, and returns a code of <sysexits.h> (0, 1 for a failure at run time,
 * 64, 69 … 78). */
#ifndef SLUICE_COMMAND_COMMAND_H
#define SLUICE_COMMAND_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <sysexits.h>

#include <linux/types.h>

/* In the order in which rows of the tables are read. */
/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding) */
struct command_option {
	const char *name;	/* long name, without the dashes */
	char letter;		/* 0: none */
	const char *value;	/* what follows it, as --help names it; NULL: a flag */
	const char *fallback;	/* value when it is not given; NULL: none */
	const char *choices;	/* "table|json|csv": nothing else is accepted; NULL: any */
	const char *help;	/* a phrase in lower case, without a full stop */
	bool is_required;
	bool is_repeatable;
};

/* Options that mean the same everywhere. -h, -q, -v and --log-format belong to every command. */
enum command_common {
	COMMAND_CONFIG = 1 << 0,	/* -c, --config FILE      "config" */
	COMMAND_STATE = 1 << 1,		/* --state DIR            "state" */
	COMMAND_SOCKET = 1 << 2,	/* --socket PATH          "socket" */
	COMMAND_JSON = 1 << 3,		/* --json                 "json" */
};

struct command_line;

struct command {
	const char *name;
	const char *summary;			/* a sentence, for the list of commands */
	const char *arguments;			/* behind the options: "ls|verify"; NULL: none */
	int argument_min, argument_max;		/* more or fewer is a usage error */
	unsigned int common;			/* enum command_common */
	const struct command_option *options;	/* its own; ends with a NULL name; NULL: none */
	const char *details;			/* paragraphs after the option list, or NULL */
	const char *examples;			/* lines "sluice …\n", or NULL */
	int (*run)(const struct command_line *line);	/* returns the exit code */
};

struct command_program {
	const char *name;			/* "sluice" */
	const char *summary;
	const struct command *const *commands;	/* ends with NULL; may be empty */
	const struct command *direct;		/* what runs when no command is named, or NULL */
};

extern const struct command_program command_program_sluice;	/* commands.c: add your row there */

/* A whole program: finds the command, parses, runs. Returns the exit code. */
int command_main(const struct command_program *program, int argc, char **argv);

/* The value of an option: as given, else its fallback, else NULL. Asking for an option that the
 * command does not have is a programmer error. */
const char *command_option_text(const struct command_line *line, const char *name);

/* The index-th value (from 0) of a repeatable option; NULL beyond the last. */
const char *command_option_text_at(const struct command_line *line, const char *name,
				   unsigned int index);

/* Whether the option was on the command line; for flags this is the value. */
bool command_option_given(const struct command_line *line, const char *name);

/* As text, with its unit read: 1 when *out was set, 0 when there is no value, -EINVAL after the
 * mistake was printed (then return EX_USAGE). Numbers are decimal, 0 … 2^64 − 1. */
int command_option_number(const struct command_line *line, const char *name, __u64 *out);
int command_option_bytes(const struct command_line *line, const char *name, __u64 *out);
int command_option_duration(const struct command_line *line, const char *name, __s64 *out_ns);
int command_option_rate(const struct command_line *line, const char *name, __u64 *out_per_second);

/* What is left after the options; NULL beyond the last. */
const char *command_argument(const struct command_line *line, int index);

/* The program that is running (for help and completion). */
const struct command_program *command_line_program(const struct command_line *line);

/* Prints "sluice: error: WHAT; FIX\n" to stderr (fix may be NULL) and returns `code`. */
int command_error(int code, const char *fix, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The sysexits code for an -errno of the layers below (0 for 0 and above). */
int command_exit_code(int error);

/* Whether output on this stream may be coloured: a terminal, and NO_COLOR is not set. */
bool command_is_colour(int fd);

#endif
