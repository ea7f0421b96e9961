/* SPDX-License-Identifier: BSD-2-Clause */
/* Command lines through the tables: values, defaults, units, and every way to get one wrong. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "command/options.h"

#define WORDS_MAX 16

static const struct command_option options[] = {
	{ .name = "window", .letter = 'w', .value = "NAME", .is_required = true, .help = "which" },
	{ .name = "format",
	  .value = "FORMAT",
	  .fallback = "table",
	  .choices = "table|json|csv",
	  .help = "how" },
	{ .name = "where", .value = "X", .is_repeatable = true, .help = "what" },
	{ .name = "size", .value = "SIZE", .help = "size" },
	{ .name = "for", .value = "TIME", .fallback = "10s", .help = "time" },
	{ .name = "rate", .value = "RATE", .help = "rate" },
	{ .name = "count", .value = "N", .help = "count" },
	{ .name = "all", .letter = 'a', .help = "flag" },
	{ NULL },
};

static struct command_line line;
static char said[1024];
static int ran;

static int run(const struct command_line *given)
{
	(void)given;
	ran++;
	return 7;
}

static const struct command command_query = {
	.name = "query",
	.summary = "Asks.",
	.arguments = "[FILE]",
	.argument_max = 1,
	.common = COMMAND_CONFIG | COMMAND_JSON,
	.options = options,
	.run = run,
};

static const struct command command_list = {
	.name = "list",
	.summary = "Lists.",
	.arguments = "ls|verify",
	.argument_min = 1,
	.argument_max = 1,
	.run = run,
};

static const struct command *const commands[] = { &command_query, &command_list, NULL };
static const struct command_program program = {
	.name = "prog",
	.summary = "Programs.",
	.commands = commands,
};
static const struct command_program direct_program = {
	.name = "prog",
	.summary = "Programs.",
	.commands = commands + 1,
	.direct = &command_query,
};

/* What is said between the two calls comes into `said`. */
static int saved_stderr, channel[2];

static void listen_to_stderr(void)
{
	assert_int_equal(pipe(channel), 0);
	saved_stderr = dup(STDERR_FILENO);
	dup2(channel[1], STDERR_FILENO);
	close(channel[1]);
}

static void stop_listening(void)
{
	ssize_t bytes;

	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	bytes = read(channel[0], said, sizeof(said) - 1);
	said[bytes > 0 ? bytes : 0] = '\0';
	close(channel[0]);
}

/* The words of a command line, the first for the program or command. */
static int split(char *words, char *argv[WORDS_MAX + 1])
{
	int argc = 0;
	char *word;

	while ((word = strsep(&words, " ")))
		argv[argc++] = word;
	argv[argc] = NULL;
	return argc;
}

static char words[256];

static int parse(const struct command *command, const char *text)
{
	static char *argv[WORDS_MAX + 1]; /* the line points into it */
	int argc, code;

	options_free(&line);
	snprintf(words, sizeof(words), "%s", text);
	argc = split(words, argv);
	listen_to_stderr();
	code = options_parse(&line, &program, command, argc, argv);
	stop_listening();
	return code;
}

static int run_main(const struct command_program *which, const char *text)
{
	char *argv[WORDS_MAX + 1];
	int argc, code;

	snprintf(words, sizeof(words), "%s", text);
	argc = split(words, argv);
	listen_to_stderr();
	ran = 0;
	code = command_main(which, argc, argv);
	stop_listening();
	return code;
}

static int tear_down(void **state)
{
	(void)state;
	options_free(&line);
	return 0;
}

static void reads_values_and_defaults(void **state)
{
	(void)state;
	assert_int_equal(parse(&command_query, "query -w clicks --where a -a --where=b rest"), 0);
	assert_string_equal(command_option_text(&line, "window"), "clicks");
	assert_string_equal(command_option_text(&line, "format"), "table");
	assert_false(command_option_given(&line, "format"));
	assert_string_equal(command_option_text(&line, "config"), "/etc/sluice/sluice.yaml");
	assert_string_equal(command_option_text_at(&line, "where", 0), "a");
	assert_string_equal(command_option_text_at(&line, "where", 1), "b");
	assert_null(command_option_text_at(&line, "where", 2));
	assert_null(command_option_text(&line, "size"));
	assert_true(command_option_given(&line, "all"));
	assert_false(command_option_given(&line, "json"));
	assert_string_equal(command_argument(&line, 0), "rest");
	assert_null(command_argument(&line, 1));
	assert_ptr_equal(command_line_program(&line), &program);
}

static void takes_two_dashes_as_the_end(void **state)
{
	(void)state;
	assert_int_equal(parse(&command_query, "query --window=w -- --json"), 0);
	assert_false(command_option_given(&line, "json"));
	assert_string_equal(command_argument(&line, 0), "--json");
}

static void reads_quantities(void **state)
{
	__u64 number = 77, bytes = 77, rate = 77;
	__s64 duration = 77;

	(void)state;
	assert_int_equal(parse(&command_query, "query -w w --count 5 --size 2KiB --rate 3k/s"), 0);
	assert_int_equal(command_option_number(&line, "count", &number), 1);
	assert_int_equal(number, 5);
	assert_int_equal(command_option_bytes(&line, "size", &bytes), 1);
	assert_int_equal(bytes, 2048);
	assert_int_equal(command_option_rate(&line, "rate", &rate), 1);
	assert_int_equal(rate, 3000);
	assert_int_equal(command_option_duration(&line, "for", &duration), 1);
	assert_int_equal(duration, 10000000000);
	assert_int_equal(parse(&command_query, "query -w w"), 0);
	assert_int_equal(command_option_bytes(&line, "size", &bytes), 0);
	assert_int_equal(bytes, 2048);
}

static void explains_wrong_quantities(void **state)
{
	__u64 number = 77;
	__s64 duration = 77;

	(void)state;
	assert_int_equal(parse(&command_query, "query -w w --count 5x --for 10"), 0);
	listen_to_stderr();
	assert_int_equal(command_option_number(&line, "count", &number), -EINVAL);
	assert_int_equal(command_option_duration(&line, "for", &duration), -EINVAL);
	stop_listening();
	assert_int_equal(number, 77);
	assert_int_equal(duration, 77);
	assert_string_equal(
		strchr(said, ' '),
		" error: --count: `5x` is not a number; write a whole number\n"
		"prog: error: --for: `10` has no unit; write a duration such as 500ms, 10s, "
		"1h30m or 7d\n");
}

static const struct {
	const char *text;
	const char *said;
} wrong[] = {
	{ "prog", "no command given; see --help" },
	{ "prog qurey", "unknown command `qurey`; write prog query" },
	{ "prog zzz", "unknown command `zzz`; prog help lists them" },
	{ "prog -q query", "unexpected -q; options follow the command" },
	{ "prog query", "query needs --window; add --window NAME" },
	{ "prog query -w", "-w needs a value; see --help" },
	{ "prog query --window", "--window needs a value; see --help" },
	{ "prog query --windwo x", "unknown option --windwo; write --window" },
	{ "prog query --windwo=x", "unknown option --windwo; write --window" },
	{ "prog query -w x --zzz", "unknown option --zzz; see --help" },
	{ "prog query -w x -z", "unknown option -z; see --help" },
	{ "prog query -w x -az", "unknown option -z; see --help" },
	{ "prog query -w x --all=3", "--all takes no value; see --help" },
	{ "prog query -w x -w y", "--window is given twice; keep one" },
	{ "prog query -w x --format xml",
	  "--format: unknown value `xml`; write one of table|json|csv" },
	{ "prog query -w x --format=", "--format: unknown value ``; write one of table|json|csv" },
	{ "prog query -w x --format jso",
	  "--format: unknown value `jso`; write one of table|json|csv" },
	{ "prog query -w x a b", "query: one word too many, `b`; see --help" },
	{ "prog list", "list is incomplete; write prog list ls|verify" },
};

static void explains_wrong_command_lines(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char expected[256];

		assert_int_equal(run_main(&program, wrong[i].text), EX_USAGE);
		snprintf(expected, sizeof(expected), "prog: error: %s\n", wrong[i].said);
		assert_string_equal(said, expected);
		assert_int_equal(ran, 0);
	}
}

static void runs_the_command_and_returns_its_code(void **state)
{
	(void)state;
	assert_int_equal(run_main(&program, "prog query -w x"), 7);
	assert_int_equal(ran, 1);
	assert_int_equal(run_main(&program, "prog list ls"), 7);
	assert_string_equal(said, "");
	assert_int_equal(run_main(&direct_program, "prog -w x"), 7);
	assert_int_equal(run_main(&direct_program, "prog list ls"), 7);
	assert_int_equal(run_main(&direct_program, "prog"), EX_USAGE);
}

static void help_needs_nothing_else(void **state)
{
	(void)state;
	assert_int_equal(run_main(&program, "prog query --help"), 0);
	assert_int_equal(run_main(&program, "prog list -h"), 0);
	assert_int_equal(run_main(&program, "prog --help"), 0);
	assert_int_equal(ran, 0);
}

static void maps_errors_to_codes(void **state)
{
	(void)state;
	assert_int_equal(command_exit_code(0), 0);
	assert_int_equal(command_exit_code(3), 0);
	assert_int_equal(command_exit_code(-EPERM), EX_NOPERM);
	assert_int_equal(command_exit_code(-EACCES), EX_NOPERM);
	assert_int_equal(command_exit_code(-ENOENT), EX_UNAVAILABLE);
	assert_int_equal(command_exit_code(-ECONNREFUSED), EX_UNAVAILABLE);
	assert_int_equal(command_exit_code(-EIO), EX_IOERR);
	assert_int_equal(command_exit_code(-ENOSPC), EX_IOERR);
	assert_int_equal(command_exit_code(-EBUSY), EX_TEMPFAIL);
	assert_int_equal(command_exit_code(-ENOTSUP), EX_OSERR);
	assert_int_equal(command_exit_code(-EROFS), EX_CANTCREAT);
	assert_int_equal(command_exit_code(-EINVAL), 1);
}

static void colours_only_terminals(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_false(command_is_colour(ends[1]));
	close(ends[0]);
	close(ends[1]);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reads_values_and_defaults),
		TEST(takes_two_dashes_as_the_end),
		TEST(runs_the_command_and_returns_its_code),
		TEST(reads_quantities),
		TEST(explains_wrong_quantities),
		TEST(explains_wrong_command_lines),
		TEST(help_needs_nothing_else),
		TEST(maps_errors_to_codes),
		TEST(colours_only_terminals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
