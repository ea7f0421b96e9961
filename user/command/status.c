/* SPDX-License-Identifier: BSD-2-Clause */
/* sluice status: asks the running agent for its report and prints it as it comes; its first word
 * decides the exit code. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/agent.h"
#include "command/commands.h"

static const char *request_of(const struct command_line *line)
{
	bool is_colour = command_is_colour(STDOUT_FILENO);

	if (command_option_given(line, "json"))
		return "status";
	if (command_option_given(line, "verbose"))
		return is_colour ? "status ledger colour" : "status ledger";
	return is_colour ? "status page colour" : "status page";
}

/* The answer stands first in each form. */
static bool says_problem(const char *answer)
{
	static const char json[] = "{\"answer\":\"", word[] = "PROBLEM";

	if (answer[0] == '\033')
		answer += strcspn(answer, "m") + 1;
	else if (strncmp(answer, json, strlen(json)) == 0)
		answer += strlen(json);
	return strncmp(answer, word, strlen(word)) == 0;
}

static int run(const struct command_line *line)
{
	char *answer = NULL;
	int code = agent_ask(line, request_of(line), &answer);

	if (code)
		return code;
	code = says_problem(answer) ? EXIT_FAILURE : EX_OK;
	fputs(answer, stdout);
	free(answer);
	return code;
}

const struct command command_status = {
	.name = "status",
	.summary = "Says whether all is well with the running agent, and shows its ledger.",
	.common = COMMAND_CONFIG | COMMAND_SOCKET | COMMAND_JSON,
	.details =
		"The first line is the answer: OK, or PROBLEM with each reason, and then it exits\n"
		"1. A page of what matters follows; with -v every counter of every listener and\n"
		"window does, stage by stage. The last line says how many datagrams and events\n"
		"are unaccounted for: 0, or a bug worth reporting. --json has all of it. With -c\n"
		"it asks at the admin.socket of that file. Frames that passed by are shown if\n"
		"datagrams of a listener may be among them: fragments, other ports, other\n"
		"addresses.\n",
	.examples = "sluice status\n"
		    "sluice status -v\n"
		    "sluice status --json | jq .answer\n",
	.run = run,
};
