/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line by the option tables. getopt_long does the reading; what it accepts, and what is
 * said about what it does not, comes from the tables. */
#include "command/options.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/units.h"

#define LONG_BASE 256 /* getopt's value of option i is LONG_BASE + i */

static const struct {
	unsigned int bit;
	struct command_option option;
} common_options[] = {
	{ COMMAND_CONFIG,
	  { "config", 'c', "FILE", "/etc/sluice/sluice.yaml", NULL, "configuration file" } },
	{ COMMAND_STATE,
	  { "state", 0, "DIR", "/var/lib/sluice", NULL, "directory that holds the logs" } },
	{ COMMAND_SOCKET,
	  { "socket", 0, "PATH", "/run/sluice/sluice.sock", NULL, "admin socket of the agent" } },
	{ COMMAND_JSON, { "json", 0, NULL, NULL, NULL, "print JSON for programs" } },
};

static const struct command_option universal_options[] = {
	{ "quiet", 'q', NULL, NULL, NULL, "log errors only" },
	{ "verbose", 'v', NULL, NULL, NULL, "log details too; status: print every counter" },
	{ "log-format", 0, "FORMAT", "logfmt", "logfmt|json", "format of log lines on stderr" },
	{ "help", 'h', NULL, NULL, NULL, "print this and exit" },
};

unsigned int options_list(const struct command *command,
			  const struct command_option *options[OPTIONS_MAX])
{
	const struct command_option *own;
	unsigned int count = 0, i;

	for (own = command->options; own && own->name; own++) {
		assert(count < OPTIONS_MAX - 8);
		options[count++] = own;
	}
	for (i = 0; i < sizeof(common_options) / sizeof(common_options[0]); i++)
		if (command->common & common_options[i].bit)
			options[count++] = &common_options[i].option;
	for (i = 0; i < sizeof(universal_options) / sizeof(universal_options[0]); i++)
		options[count++] = &universal_options[i];
	return count;
}

/* What getopt_long wants to know, from the tables. */
struct getopt_tables {
	const struct command_option *options[OPTIONS_MAX];
	unsigned int count;
	struct option longs[OPTIONS_MAX + 1];
	char shorts[2 + 2 * OPTIONS_MAX];
};

static void fill_tables(struct getopt_tables *tables, const struct command *command)
{
	struct text shorts;
	unsigned int i;

	memset(tables, 0, sizeof(*tables));
	tables->count = options_list(command, tables->options);
	text_init(&shorts, tables->shorts, sizeof(tables->shorts));
	text_add(&shorts, ":");
	for (i = 0; i < tables->count; i++) {
		const struct command_option *option = tables->options[i];

		tables->longs[i].name = option->name;
		tables->longs[i].has_arg = option->value ? required_argument : no_argument;
		tables->longs[i].val = LONG_BASE + (int)i;
		if (option->letter)
			text_format(&shorts, "%c%s", option->letter, option->value ? ":" : "");
	}
}

static const struct command_option *find_option(const struct getopt_tables *tables, int value)
{
	unsigned int i;

	if (value >= LONG_BASE)
		return tables->options[value - LONG_BASE];
	for (i = 0; i < tables->count; i++)
		if (tables->options[i]->letter == value)
			return tables->options[i];
	return NULL;
}

static int report_bad_option(const struct getopt_tables *tables, const char *word, bool is_unknown)
{
	struct text_nearest nearest = { .word = word[0] == '-' && word[1] == '-' ? word + 2 : "" };
	const char *equals = strchr(word, '=');
	char name[64], fix[128];
	unsigned int i;

	if (!is_unknown)
		return command_error(EX_USAGE, "see --help", "%s needs a value", word);
	snprintf(name, sizeof(name), "%.*s", equals ? (int)(equals - word) : (int)strlen(word),
		 word);
	nearest.word = strncmp(name, "--", 2) == 0 ? name + 2 : "";
	for (i = 0; i < tables->count; i++)
		text_nearest_offer(&nearest, tables->options[i]->name);
	snprintf(fix, sizeof(fix), "write --%s", nearest.best ? nearest.best : "");
	for (i = 0; nearest.best && i < tables->count; i++)
		if (strcmp(nearest.best, tables->options[i]->name) == 0 &&
		    strcmp(name + 2, nearest.best) == 0)
			return command_error(EX_USAGE, "see --help", "%s takes no value", name);
	return command_error(EX_USAGE, nearest.best ? fix : "see --help", "unknown option %s",
			     name);
}

static bool is_choice(const char *choices, const char *value)
{
	size_t bytes = strlen(value);

	while (choices) {
		if (bytes && strncmp(choices, value, bytes) == 0 &&
		    (choices[bytes] == '|' || choices[bytes] == '\0'))
			return true;
		choices = strchr(choices, '|');
		choices = choices ? choices + 1 : NULL;
	}
	return false;
}

static int add_given(struct command_line *line, const struct command_option *option,
		     const char *value)
{
	char fix[128];
	unsigned int i;

	assert(option);
	for (i = 0; i < line->given_count; i++)
		if (line->given[i].option == option && option->value && !option->is_repeatable)
			return command_error(EX_USAGE, "keep one", "--%s is given twice",
					     option->name);
	if (option->choices && !is_choice(option->choices, value)) {
		snprintf(fix, sizeof(fix), "write one of %s", option->choices);
		return command_error(EX_USAGE, fix, "--%s: unknown value `%s`", option->name,
				     value);
	}
	line->given[line->given_count++] = (struct option_given){ option, value };
	return 0;
}

/* The word that getopt stopped at. */
static const char *current_word(int argc, char **argv, int value)
{
	static char letter[3] = "-?";

	if (optopt > 0 && optopt < LONG_BASE &&
	    !(value == '?' && optind > 1 && optind <= argc &&
	      strncmp(argv[optind - 1], "--", 2) == 0)) {
		letter[1] = (char)optopt;
		return letter;
	}
	return argv[optind - 1];
}

static int read_options(struct command_line *line, const struct getopt_tables *tables, int argc,
			char **argv)
{
	int value, code;

	opterr = 0;
	optind = 0; /* start over: this may not be the first command line of the process */
	while ((value = getopt_long(argc, argv, tables->shorts, tables->longs, NULL)) != -1) {
		if (value == '?' || value == ':')
			return report_bad_option(tables, current_word(argc, argv, value),
						 value == '?');
		code = add_given(line, find_option(tables, value), optarg);
		if (code)
			return code;
	}
	line->arguments = argv + optind;
	line->argument_count = argc - optind;
	return 0;
}

static int check_line(const struct command_line *line, const struct getopt_tables *tables)
{
	const struct command *command = line->command;
	char fix[160];
	unsigned int i;

	for (i = 0; i < tables->count; i++) {
		const struct command_option *option = tables->options[i];

		if (!option->is_required || command_option_given(line, option->name))
			continue;
		snprintf(fix, sizeof(fix), "add --%s %s", option->name, option->value);
		return command_error(EX_USAGE, fix, "%s needs --%s", command->name, option->name);
	}
	if (line->argument_count < command->argument_min) {
		snprintf(fix, sizeof(fix), "write %s %s %s", line->program->name, command->name,
			 command->arguments);
		return command_error(EX_USAGE, fix, "%s is incomplete", command->name);
	}
	if (line->argument_count > command->argument_max)
		return command_error(EX_USAGE, "see --help", "%s: one word too many, `%s`",
				     command->name, line->arguments[command->argument_max]);
	return 0;
}

int options_parse(struct command_line *line, const struct command_program *program,
		  const struct command *command, int argc, char **argv)
{
	struct getopt_tables tables;
	int code;

	*line = (struct command_line){ .program = program, .command = command };
	line->given = calloc((size_t)argc + 1, sizeof(*line->given));
	if (!line->given)
		return command_error(EX_OSERR, NULL, "out of memory");
	fill_tables(&tables, command);
	code = read_options(line, &tables, argc, argv);
	if (!code && !command_option_given(line, "help"))
		code = check_line(line, &tables);
	return code;
}

void options_free(struct command_line *line)
{
	free(line->given);
	line->given = NULL;
}

static const struct command_option *require_option(const struct command_line *line,
						   const char *name)
{
	const struct command_option *options[OPTIONS_MAX];
	unsigned int count = options_list(line->command, options), i;

	for (i = 0; i < count; i++)
		if (strcmp(options[i]->name, name) == 0)
			return options[i];
	assert(!"the command has this option");
	return NULL;
}

const char *command_option_text_at(const struct command_line *line, const char *name,
				   unsigned int index)
{
	const struct command_option *option = require_option(line, name);
	unsigned int i;

	for (i = 0; i < line->given_count; i++)
		if (line->given[i].option == option && index-- == 0)
			return line->given[i].value;
	return NULL;
}

const char *command_option_text(const struct command_line *line, const char *name)
{
	const char *value = command_option_text_at(line, name, 0);

	return value ? value : require_option(line, name)->fallback;
}

bool command_option_given(const struct command_line *line, const char *name)
{
	const struct command_option *option = require_option(line, name);
	unsigned int i;

	for (i = 0; i < line->given_count; i++)
		if (line->given[i].option == option)
			return true;
	return false;
}

int command_option_number(const struct command_line *line, const char *name, __u64 *out)
{
	const char *text = command_option_text(line, name);
	int error = text ? units_parse_number(text, out) : 0;

	if (error)
		command_error(EX_USAGE, "write a whole number", "--%s: `%s` is %s", name, text,
			      error == -ERANGE ? "too large" : "not a number");
	return error ? -EINVAL : text != NULL;
}

static int read_quantity(const struct command_line *line, const char *name, enum units_kind kind,
			 __u64 *out)
{
	const char *text = command_option_text(line, name);
	int error = text ? units_parse(kind, text, out) : 0;

	if (error)
		command_error(EX_USAGE, units_advice(kind), "--%s: `%s` %s", name, text,
			      units_problem(error));
	return error ? -EINVAL : text != NULL;
}

int command_option_bytes(const struct command_line *line, const char *name, __u64 *out)
{
	return read_quantity(line, name, UNITS_SIZE, out);
}

int command_option_duration(const struct command_line *line, const char *name, __s64 *out_ns)
{
	__u64 value;
	int result = read_quantity(line, name, UNITS_DURATION, &value);

	if (result == 1)
		*out_ns = (__s64)value;
	return result;
}

int command_option_rate(const struct command_line *line, const char *name, __u64 *out_per_second)
{
	return read_quantity(line, name, UNITS_RATE, out_per_second);
}

const char *command_argument(const struct command_line *line, int index)
{
	return index < line->argument_count ? line->arguments[index] : NULL;
}

const struct command_program *command_line_program(const struct command_line *line)
{
	return line->program;
}
