/* SPDX-License-Identifier: BSD-2-Clause */
/* Standard output and errors go to files without names while the command runs. */
#include "run_command.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/commands.h"

#define WORDS_MAX 40

char command_output[8 << 20], command_errors[1 << 16];

static void demand(int is_true)
{
	if (!is_true)
		abort();
}

static int divert(int fd, int *old)
{
	int file = open("/tmp", O_TMPFILE | O_RDWR, 0600);

	*old = dup(fd);
	demand(file >= 0 && *old >= 0 && dup2(file, fd) == fd);
	return file;
}

static void restore(int fd, int old, int file, char *text, size_t room)
{
	ssize_t bytes = pread(file, text, room - 1, 0);

	demand(bytes >= 0 && (size_t)bytes < room - 1 && dup2(old, fd) == fd);
	text[bytes] = '\0';
	close(old);
	close(file);
}

int run_command(const char *path, const char *words)
{
	char line[1024], *argv[WORDS_MAX + 3] = { "sluice" }, *save;
	int argc = 1, out, err, old_out, old_err, code;

	snprintf(line, sizeof(line), "%s", words);
	for (char *word = strtok_r(line, " ", &save); word && argc < WORDS_MAX;
	     word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	argv[argc++] = "--state";
	argv[argc++] = (char *)path;
	fflush(stdout);
	fflush(stderr);
	out = divert(1, &old_out);
	err = divert(2, &old_err);
	code = command_main(&command_program_sluice, argc, argv);
	fflush(stdout);
	fflush(stderr);
	restore(1, old_out, out, command_output, sizeof(command_output));
	restore(2, old_err, err, command_errors, sizeof(command_errors));
	return code;
}

int command_times(const char *part)
{
	int count = 0;

	for (const char *at = command_output; (at = strstr(at, part)); at += strlen(part))
		count++;
	return count;
}
