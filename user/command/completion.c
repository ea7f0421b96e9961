/* SPDX-License-Identifier: BSD-2-Clause */
/* Completion scripts for bash, zsh and fish, written from the tables of commands and options. */
#include <stdio.h>
#include <string.h>

#include "command/commands.h"
#include "command/options.h"

static void print_commands(const struct command_program *program)
{
	const struct command *const *command;

	for (command = program->commands; *command; command++)
		printf(" %s", (*command)->name);
}

/* "a|b|c" as words. COMMAND stands for all of them; what else is no plain word is left out. */
static void print_words(const struct command_program *program, const char *choices)
{
	while (choices && *choices) {
		size_t bytes;

		choices += strspn(choices, "[]|");
		bytes = strcspn(choices, "[]|");
		if (bytes == strlen("COMMAND") && strncmp(choices, "COMMAND", bytes) == 0)
			print_commands(program);
		else if (bytes && strspn(choices, "abcdefghijklmnopqrstuvwxyz-") >= bytes)
			printf(" %.*s", (int)bytes, choices);
		choices += bytes;
	}
}

static void print_option_words(const struct command *command)
{
	const struct command_option *options[OPTIONS_MAX];
	unsigned int count = options_list(command, options), i;

	for (i = 0; i < count; i++) {
		printf(" --%s", options[i]->name);
		if (options[i]->letter)
			printf(" -%c", options[i]->letter);
	}
}

/* Values of an option in bash: its choices, else files. */
static void print_bash_values(const struct command_program *program, const struct command *command)
{
	const struct command_option *options[OPTIONS_MAX];
	unsigned int count = options_list(command, options), i;

	for (i = 0; i < count; i++) {
		if (!options[i]->choices)
			continue;
		printf("\t%s,--%s) words=\"", command->name, options[i]->name);
		print_words(program, options[i]->choices);
		printf("\" ;;\n");
	}
}

static void print_bash(const struct command_program *program)
{
	const struct command *const *command;

	printf("_%s() {\n\tlocal word=${COMP_WORDS[COMP_CWORD]} words=\n", program->name);
	printf("\tlocal last=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}\n");
	printf("\tif [ \"$COMP_CWORD\" = 1 ]; then\n\t\twords=\"");
	print_commands(program);
	printf("\"\n\telse case $command,$last in\n");
	for (command = program->commands; *command; command++)
		print_bash_values(program, *command);
	printf("\t*) case $command in\n");
	for (command = program->commands; *command; command++) {
		printf("\t%s) words=\"", (*command)->name);
		print_words(program, (*command)->arguments);
		print_option_words(*command);
		printf("\" ;;\n");
	}
	printf("\tesac ;;\n\tesac; fi\n");
	printf("\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n}\n");
	printf("complete -o default -F _%s %s\n", program->name, program->name);
}

/* In zsh's single quotes and descriptions. */
static void print_escaped(const char *string)
{
	for (; *string; string++) {
		if (*string == '\'')
			printf("'\\''");
		else if (strchr("[]:\\", *string))
			printf("\\%c", *string);
		else
			putchar(*string);
	}
}

static void print_zsh_option(const struct command_option *option)
{
	printf("\t\t\t'%s--%s%s[", option->is_repeatable ? "*" : "", option->name,
	       option->value ? "=" : "");
	print_escaped(option->help);
	printf("]");
	if (option->value && option->choices) {
		printf(":%s:(", option->value);
		print_words(NULL, option->choices);
		printf(")");
	} else if (option->value) {
		printf(":%s:_files", option->value);
	}
	printf("' \\\n");
}

static void print_zsh_command(const struct command_program *program, const struct command *command)
{
	const struct command_option *options[OPTIONS_MAX];
	unsigned int count = options_list(command, options), i;

	printf("\t%s)\n\t\t_arguments \\\n", command->name);
	for (i = 0; i < count; i++)
		print_zsh_option(options[i]);
	if (command->arguments) {
		printf("\t\t\t'1:argument:(");
		print_words(program, command->arguments);
		printf(")'");
	} else {
		printf("\t\t\t'*: :'");
	}
	printf(" ;;\n");
}

static void print_zsh(const struct command_program *program)
{
	const struct command *const *command;

	printf("#compdef %s\n_%s() {\n\tif (( CURRENT == 2 )); then\n\t\tlocal -a commands=(\n",
	       program->name, program->name);
	for (command = program->commands; *command; command++) {
		printf("\t\t\t'%s:", (*command)->name);
		print_escaped((*command)->summary);
		printf("'\n");
	}
	printf("\t\t)\n\t\t_describe command commands\n\t\treturn\n\tfi\n");
	printf("\tlocal command=$words[2]\n\tshift words\n\t(( CURRENT-- ))\n\tcase $command in\n");
	for (command = program->commands; *command; command++)
		print_zsh_command(program, *command);
	/* Sourced, or found in $fpath and run at the first completion. */
	printf("\tesac\n}\nif [ \"$funcstack[1]\" = _%s ]; then _%s \"$@\"; "
	       "else compdef _%s %s; fi\n",
	       program->name, program->name, program->name, program->name);
}

/* In fish's single quotes. */
static void print_fish_quoted(const char *string)
{
	putchar('\'');
	for (; *string; string++)
		printf("%s%c", strchr("'\\", *string) ? "\\" : "", *string);
	putchar('\'');
}

static void print_fish_command(const struct command_program *program, const struct command *command)
{
	const struct command_option *options[OPTIONS_MAX];
	unsigned int count = options_list(command, options), i;

	printf("complete -c %s -n __fish_use_subcommand -a %s -d ", program->name, command->name);
	print_fish_quoted(command->summary);
	printf("\n");
	for (i = 0; i < count; i++) {
		printf("complete -c %s -n '__fish_seen_subcommand_from %s' -l %s", program->name,
		       command->name, options[i]->name);
		if (options[i]->letter)
			printf(" -s %c", options[i]->letter);
		if (options[i]->choices) {
			printf(" -x -a '");
			print_words(program, options[i]->choices);
			printf("'");
		} else if (options[i]->value) {
			printf(" -r");
		}
		printf(" -d ");
		print_fish_quoted(options[i]->help);
		printf("\n");
	}
	if (!command->arguments)
		return;
	printf("complete -c %s -n '__fish_seen_subcommand_from %s' -a '", program->name,
	       command->name);
	print_words(program, command->arguments);
	printf("'\n");
}

static void print_fish(const struct command_program *program)
{
	const struct command *const *command;

	for (command = program->commands; *command; command++)
		print_fish_command(program, *command);
}

static const struct {
	const char *name;
	void (*print)(const struct command_program *program);
} shells[] = { { "bash", print_bash }, { "zsh", print_zsh }, { "fish", print_fish } };

static int run(const struct command_line *line)
{
	const char *name = command_argument(line, 0);
	unsigned int i;

	for (i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
		if (strcmp(shells[i].name, name) == 0) {
			shells[i].print(command_line_program(line));
			return EX_OK;
		}
	}
	return command_error(EX_USAGE, "write bash, zsh or fish", "unknown shell `%s`", name);
}

const struct command command_completion = {
	.name = "completion",
	.summary = "Prints the completion script of a shell.",
	.arguments = "bash|zsh|fish",
	.argument_min = 1,
	.argument_max = 1,
	.examples = "source <(sluice completion bash)\n"
		    "sluice completion fish >~/.config/fish/completions/sluice.fish\n",
	.run = run,
};
