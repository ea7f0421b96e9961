/* SPDX-License-Identifier: BSD-2-Clause */
/* Help from the tables: of the program, of a command, and of the configuration by its schema. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/units.h"
#include "command/commands.h"
#include "command/options.h"
#include "config/schema.h"

#define OPTION_COLUMN 26 /* where the sentences begin */
#define KEY_COLUMN 20

static void print_usage(const struct command_program *program, const struct command *command)
{
	bool is_direct = command == program->direct;

	printf("usage: %s%s%s [options]%s%s\n", program->name, is_direct ? "" : " ",
	       is_direct ? "" : command->name, command->arguments ? " " : "",
	       command->arguments ? command->arguments : "");
}

static void print_option(const struct command_option *option)
{
	char buffer[96];
	struct text text;

	text_init(&text, buffer, sizeof(buffer));
	if (option->letter)
		text_format(&text, "  -%c, ", option->letter);
	else
		text_add(&text, "      ");
	text_format(&text, "--%s%s%s", option->name, option->value ? " " : "",
		    option->value ? option->value : "");
	printf("%-*s%s%s", OPTION_COLUMN, buffer, text.bytes >= OPTION_COLUMN ? " " : "",
	       option->help);
	if (option->choices)
		printf(": %s", option->choices);
	if (option->fallback)
		printf(" (default %s)", option->fallback);
	if (option->is_required)
		printf(" (required)");
	if (option->is_repeatable)
		printf(" (may be repeated)");
	printf("\n");
}

static void print_indented(const char *lines)
{
	while (*lines) {
		size_t bytes = strcspn(lines, "\n");

		printf("%s%.*s\n", bytes ? "  " : "", (int)bytes, lines);
		lines += bytes + (lines[bytes] == '\n');
	}
}

void help_print_command(const struct command_program *program, const struct command *command)
{
	const struct command_option *options[OPTIONS_MAX];
	unsigned int count = options_list(command, options), i;

	print_usage(program, command);
	printf("\n%s\n\nOptions:\n", command->summary);
	for (i = 0; i < count; i++)
		print_option(options[i]);
	if (command->details)
		printf("\n%s", command->details);
	if (command->examples) {
		printf("\nExamples:\n");
		print_indented(command->examples);
	}
	printf("\nExit codes: 0 done, 1 failed while running, 64 usage, 69 unavailable,\n"
	       "70 internal, 71 kernel feature missing, 73 cannot create, 74 input or output,\n"
	       "75 try again later, 77 permission or capability missing, 78 configuration.\n");
}

void help_print_program(const struct command_program *program)
{
	const struct command *const *command;

	printf("usage: %s COMMAND [options]\n\n%s\n\nCommands:\n", program->name, program->summary);
	for (command = program->commands; *command; command++)
		printf("  %-12s%s\n", (*command)->name, (*command)->summary);
	if (program->direct)
		printf("\nWithout a command, `%s [options]`: %s\n", program->name,
		       program->direct->summary);
	printf("\n`%s COMMAND --help` explains a command.\n", program->name);
	if (program == &command_program_sluice)
		printf("`sluice help config` explains every key of the configuration.\n");
}

static void print_range(const struct schema_key *key)
{
	char least[UNITS_BYTES_MAX], most[UNITS_BYTES_MAX];

	if (key->type == SCHEMA_SIZE)
		printf("; %s to %s", units_format_size(least, key->min),
		       units_format_size(most, key->max));
	else if (key->type == SCHEMA_DURATION)
		printf("; %s to %s", units_format_duration(least, (__s64)key->min),
		       units_format_duration(most, (__s64)key->max));
	else if (key->type == SCHEMA_NUMBER || key->type == SCHEMA_PORT)
		printf("; %llu to %llu", key->min, key->max);
}

static void print_key(const struct schema_key *key, int depth)
{
	const struct schema_choice *choice;

	printf("%*s%-*s %s", 2 * depth, "", KEY_COLUMN - 2 * depth, key->name, key->help);
	print_range(key);
	for (choice = key->choices; choice && choice->name; choice++)
		printf("%s%s", choice == key->choices ? "; " : " | ", choice->name);
	if (key->fallback)
		printf(" (default %s)", key->fallback);
	if (key->missing)
		printf(" (required)");
	printf("\n");
}

static void print_section(const struct schema_section *section, int depth)
{
	const struct schema_key *key;

	for (key = section->keys; key->name; key++) {
		print_key(key, depth);
		if (key->section)
			print_section(key->section, depth + 1);
	}
}

static int run(const struct command_line *line)
{
	const struct command_program *program = command_line_program(line);
	const char *word = command_argument(line, 0);
	const struct command *command = word ? command_find(program, word) : NULL;

	if (!word)
		help_print_program(program);
	else if (command)
		help_print_command(program, command);
	else if (strcmp(word, "config") == 0)
		print_section(&schema_root, 0);
	else
		return command_report_unknown(program, word);
	return EX_OK;
}

const struct command command_help = {
	.name = "help",
	.summary = "Explains a command, or every key of the configuration (help config).",
	.arguments = "[COMMAND|config]",
	.argument_max = 1,
	.examples = "sluice help check\nsluice help config\n",
	.run = run,
};
