/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line by the option tables: parsing for command_main, listing for help and
 * completion. */
#ifndef SLUICE_COMMAND_OPTIONS_H
#define SLUICE_COMMAND_OPTIONS_H

#include "command/command.h"

#define OPTIONS_MAX 64	/* of one command, the common ones included */

struct option_given {
	const struct command_option *option;
	const char *value;	/* NULL for a flag */
};

struct command_line {
	const struct command_program *program;
	const struct command *command;
	unsigned int given_count;
	struct option_given *given;	/* in the order of the command line */
	int argument_count;
	char **arguments;
};

/* All options of a command, its own first; returns how many. */
unsigned int options_list(const struct command *command,
			  const struct command_option *options[OPTIONS_MAX]);

/* Parses what follows the command's name (argv[0] is skipped and may be the name). 0, or EX_USAGE
 * after the mistake was printed, EX_OSERR without memory. To be freed in any case. Reorders
 * argv. */
int options_parse(struct command_line *line, const struct command_program *program,
		  const struct command *command, int argc, char **argv);
void options_free(struct command_line *line);

/* --help of a command and of the program. */
void help_print_command(const struct command_program *program, const struct command *command);
void help_print_program(const struct command_program *program);

/* The command of this name, or NULL. */
const struct command *command_find(const struct command_program *program, const char *name);

/* Prints "unknown command" with the nearest one; returns EX_USAGE. */
int command_report_unknown(const struct command_program *program, const char *name);

#endif
