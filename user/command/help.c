/* SPDX-License-Identifier: BSD-2-Clause */
/* Help from the tables: of the program, of a command, and of the configuration by its schema; and
 * the sentences that the manual page is made of, too. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/units.h"
#include "command/commands.h"
#include "command/help.h"
#include "command/options.h"
#include "config/schema.h"

#define OPTION_COLUMN 26 /* where the sentences begin */
#define KEY_COLUMN 20
#define SENTENCE_BYTES 1024

void help_describe_usage(struct text *text, const struct command_program *program,
			 const struct command *command)
{
	bool is_direct = command == program->direct;

	text_format(text, "%s%s%s [options]%s%s", program->name, is_direct ? "" : " ",
		    is_direct ? "" : command->name, command->arguments ? " " : "",
		    command->arguments ? command->arguments : "");
}

void help_name_option(struct text *text, const struct command_option *option)
{
	if (option->letter)
		text_format(text, "-%c, ", option->letter);
	text_format(text, "--%s%s%s", option->name, option->value ? " " : "",
		    option->value ? option->value : "");
}

void help_describe_option(struct text *text, const struct command_option *option)
{
	text_add(text, option->help);
	if (option->choices)
		text_format(text, ": %s", option->choices);
	if (option->fallback)
		text_format(text, " (default %s)", option->fallback);
	if (option->is_required)
		text_add(text, " (required)");
	if (option->is_repeatable)
		text_add(text, " (may be repeated)");
}

static void print_option(const struct command_option *option)
{
	char name[96], sentence[SENTENCE_BYTES];
	struct text text;

	text_init(&text, sentence, sizeof(sentence));
	help_describe_option(&text, option);
	text_init(&text, name, sizeof(name));
	text_add(&text, option->letter ? "  " : "      ");
	help_name_option(&text, option);
	printf("%-*s%s%s\n", OPTION_COLUMN, name, text.bytes >= OPTION_COLUMN ? " " : "",
	       sentence);
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
	char usage[SENTENCE_BYTES];
	struct text text;

	text_init(&text, usage, sizeof(usage));
	help_describe_usage(&text, program, command);
	printf("usage: %s\n\n%s\n\nOptions:\n", usage, command->summary);
	for (i = 0; i < count; i++)
		print_option(options[i]);
	if (command->details)
		printf("\n%s", command->details);
	if (command->examples) {
		printf("\nExamples:\n");
		print_indented(command->examples);
	}
	printf("\nExit codes: " HELP_EXIT_CODES "\n");
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

static void add_range(struct text *text, const struct schema_key *key)
{
	char least[UNITS_BYTES_MAX], most[UNITS_BYTES_MAX];

	if (key->type == SCHEMA_SIZE)
		text_format(text, "; %s to %s", units_format_size(least, key->min),
			    units_format_size(most, key->max));
	else if (key->type == SCHEMA_DURATION)
		text_format(text, "; %s to %s", units_format_duration(least, (__s64)key->min),
			    units_format_duration(most, (__s64)key->max));
	else if (key->type == SCHEMA_NUMBER || key->type == SCHEMA_PORT)
		text_format(text, "; %llu to %llu", key->min, key->max);
}

void help_describe_key(struct text *text, const struct schema_key *key)
{
	const struct schema_choice *choice;

	text_add(text, key->help);
	add_range(text, key);
	for (choice = key->choices; choice && choice->name; choice++)
		text_format(text, "%s%s", choice == key->choices ? "; " : " | ", choice->name);
	if (key->fallback)
		text_format(text, " (default %s)", key->fallback);
	if (key->missing)
		text_add(text, " (required)");
}

static void print_key(const struct schema_key *key, int depth)
{
	char sentence[SENTENCE_BYTES];
	struct text text;

	text_init(&text, sentence, sizeof(sentence));
	help_describe_key(&text, key);
	printf("%*s%-*s %s\n", 2 * depth, "", KEY_COLUMN - 2 * depth, key->name, sentence);
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
	else if (strcmp(word, "man") == 0)
		manual_print(program);
	else if (strcmp(word, "markdown") == 0)
		markdown_print();
	else
		return command_report_unknown(program, word);
	return EX_OK;
}

const struct command command_help = {
	.name = "help",
	.summary = "Explains a command, or every key of the configuration (help config).",
	.arguments = "[COMMAND|config|man|markdown]",
	.argument_max = 1,
	.details = "man prints all of it as a manual page, markdown the keys of the configuration\n"
		   "as docs/configuration.md has them.\n",
	.examples = "sluice help check\nsluice help config\nsluice help man | man -l -\n",
	.run = run,
};
