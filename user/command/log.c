/* SPDX-License-Identifier: BSD-2-Clause */
/* sluice log: what is on disk, as segments (ls), as a judgement (verify), as records (dump); these
 * read files only. quarantine puts damaged segments aside. */
#include <stdio.h>
#include <string.h>

#include "command/commands.h"
#include "command/log_actions.h"
#include "command/store_option.h"

static const struct {
	const char *name;
	int (*run)(const struct command_line *line, struct log_reader *reader);
} actions[] = {
	{ "ls", log_action_ls },
	{ "verify", log_action_verify },
	{ "dump", log_action_dump },
};

static int read_with(const struct command_line *line,
		     int (*action)(const struct command_line *line, struct log_reader *reader))
{
	struct store store = STORE_CLOSED;
	struct log_reader reader;
	int code = store_option_open(line, &store);

	if (!code && log_reader_open(&reader, &store)) {
		code = command_error(EX_IOERR, NULL, "%s", store.problem);
	} else if (!code) {
		code = action(line, &reader);
		log_reader_close(&reader);
	}
	store_close(&store);
	if (fflush(stdout) != 0 || ferror(stdout))
		code = command_error(EX_IOERR, NULL, "the output cannot be written");
	return code;
}

static int run(const struct command_line *line)
{
	const char *name = command_argument(line, 0);

	if (strcmp(name, "quarantine") == 0)
		return log_action_quarantine(line);
	for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++) {
		if (strcmp(actions[i].name, name) == 0)
			return read_with(line, actions[i].run);
	}
	return command_error(EX_USAGE, "use ls, verify, dump or quarantine",
			     "sluice log: unknown action %s", name);
}

static const struct command_option options[] = {
	{ .name = "from", .value = "LSN", .fallback = "0", .help = "dump: records from LSN on" },
	{ .name = "rows", .help = "dump: each row of a record, too" },
	{ 0 },
};

const struct command command_log = {
	.name = "log",
	.summary = "Shows and checks the logs on disk.",
	.arguments = "ls|verify|dump|quarantine",
	.argument_min = 1,
	.argument_max = 1,
	.common = COMMAND_STATE | COMMAND_CONFIG | COMMAND_JSON,
	.options = options,
	.details =
		"ls          segments with their LSNs, sizes and times\n"
		"verify      every checksum, chain, LSN and record; ends with 74 when\n"
		"            something is damaged\n"
		"dump        every record; with --json one a line\n"
		"quarantine  moves damaged segments to quarantine/, also while the agent\n"
		"            runs; what they held is given up\n"
		"\n"
		"ls and dump read past damage, say on stderr what is lost and when it was\n"
		"written, and end with 1.\n",
	.examples = "sluice log ls\n"
		    "sluice log verify --state /var/lib/sluice\n"
		    "sluice log dump --from 1000 --rows --json\n",
	.run = run,
};
