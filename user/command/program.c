/* SPDX-License-Identifier: BSD-2-Clause */
/* From argv to a command and back to an exit code; how commands report errors. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "command/options.h"

static const char *program_name = "sluice";

int command_error(int code, const char *fix, const char *format, ...)
{
	char message[2048], buffer[sizeof(message) + 1024];
	struct text text;
	va_list arguments;

	text_init(&text, message, sizeof(message));
	va_start(arguments, format);
	text_format_list(&text, format, arguments);
	va_end(arguments);
	text_init(&text, buffer, sizeof(buffer));
	text_add_printable(&text, message); /* it may quote arguments and names of files */
	fflush(stdout);
	fprintf(stderr, "%s: error: %s%s%s\n", program_name, buffer, fix ? "; " : "",
		fix ? fix : "");
	return code;
}

/* One place for what an -errno means to whoever called the program. */
static const struct {
	int error;
	int code;
} codes[] = {
	{ ENOENT, EX_UNAVAILABLE },	{ ECONNREFUSED, EX_UNAVAILABLE },
	{ ENODEV, EX_UNAVAILABLE },	{ ENOTCONN, EX_UNAVAILABLE },
	{ ECONNRESET, EX_UNAVAILABLE }, { EADDRINUSE, EX_UNAVAILABLE },
	{ ENOSYS, EX_OSERR },		{ ENOTSUP, EX_OSERR },
	{ ENOMEM, EX_OSERR },		{ EMFILE, EX_OSERR },
	{ ENFILE, EX_OSERR },		{ EROFS, EX_CANTCREAT },
	{ EEXIST, EX_CANTCREAT },	{ ENOTDIR, EX_CANTCREAT },
	{ ENAMETOOLONG, EX_CANTCREAT }, { EIO, EX_IOERR },
	{ ENOSPC, EX_IOERR },		{ EDQUOT, EX_IOERR },
	{ EBADMSG, EX_IOERR },		{ EPIPE, EX_IOERR },
	{ EAGAIN, EX_TEMPFAIL },	{ EBUSY, EX_TEMPFAIL },
	{ ETIMEDOUT, EX_TEMPFAIL },	{ EINTR, EX_TEMPFAIL },
	{ EPERM, EX_NOPERM },		{ EACCES, EX_NOPERM },
	{ EPROTO, EX_PROTOCOL },	{ EFBIG, EX_CONFIG },
};

int command_exit_code(int error)
{
	unsigned int i;

	if (error >= 0)
		return EX_OK;
	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].error == -error)
			return codes[i].code;
	return EXIT_FAILURE;
}

bool command_is_colour(int fd)
{
	const char *no_colour = getenv("NO_COLOR");

	return !(no_colour && *no_colour) && isatty(fd);
}

const struct command *command_find(const struct command_program *program, const char *name)
{
	const struct command *const *command;

	for (command = program->commands; *command; command++)
		if (strcmp((*command)->name, name) == 0)
			return *command;
	return NULL;
}

int command_report_unknown(const struct command_program *program, const char *name)
{
	struct text_nearest nearest = { .word = name };
	const struct command *const *command;
	char fix[128];

	for (command = program->commands; *command; command++)
		text_nearest_offer(&nearest, (*command)->name);
	if (nearest.best)
		snprintf(fix, sizeof(fix), "write %s %s", program->name, nearest.best);
	else
		snprintf(fix, sizeof(fix), "%s help lists them", program->name);
	return command_error(EX_USAGE, fix, "unknown command `%s`", name);
}

static void set_up_log(const struct command_line *line)
{
	if (command_option_given(line, "quiet"))
		log_set_level(LOG_LEVEL_ERROR);
	if (command_option_given(line, "verbose"))
		log_set_level(LOG_LEVEL_DEBUG);
	if (strcmp(command_option_text(line, "log-format"), "json") == 0)
		log_set_format(LOG_FORMAT_JSON);
}

/* Results that could not be written are a failure, however well they were computed. */
static int finish_output(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	if (errno == EPIPE)
		return code ? code : EX_IOERR;
	return command_error(EX_IOERR, NULL, "standard output: %s", strerror(errno));
}

static int run_command(const struct command_program *program, const struct command *command,
		       int argc, char **argv)
{
	struct command_line line;
	int code = options_parse(&line, program, command, argc, argv);

	if (!code && command_option_given(&line, "help")) {
		help_print_command(program, command);
	} else if (!code) {
		set_up_log(&line);
		code = command->run(&line);
	}
	options_free(&line);
	return finish_output(code);
}

/* Words before any command. -1: go on with the direct command. */
static int run_without_command(const struct command_program *program, const char *word)
{
	if (word && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
		help_print_program(program);
		return finish_output(EX_OK);
	}
	if (program->direct)
		return -1;
	if (!word)
		return command_error(EX_USAGE, "see --help", "no command given");
	if (word[0] == '-')
		return command_error(EX_USAGE, "options follow the command", "unexpected %s", word);
	return command_report_unknown(program, word);
}

int command_main(const struct command_program *program, int argc, char **argv)
{
	const struct command *command = NULL;
	const char *word = argc > 1 ? argv[1] : NULL;
	int code;

	program_name = program->name;
	if (word && (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0))
		word = "version";
	if (word)
		command = command_find(program, word);
	if (command)
		return run_command(program, command, argc - 1, argv + 1);
	code = run_without_command(program, word);
	if (code >= 0)
		return code;
	return run_command(program, program->direct, argc, argv);
}
