/* SPDX-License-Identifier: BSD-2-Clause */
/* sluice sources: asks the running agent for its senders, worst first, and prints what it says. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "command/agent.h"
#include "command/commands.h"
#include "engine/control/source_listing.h"

static int run(const struct command_line *line)
{
	const char *form = "sources table";
	char request[64], *answer = NULL;
	__u64 most = 0;
	int code;

	if (command_option_number(line, "top", &most) < 0)
		return EX_USAGE;
	if (command_option_given(line, "json"))
		form = "sources json";
	else if (command_is_colour(STDOUT_FILENO))
		form = "sources colour";
	if (!most || most > SOURCE_LISTING_MAX)
		return command_error(EX_USAGE, NULL, "--top is 1 to %u", SOURCE_LISTING_MAX);
	snprintf(request, sizeof(request), "%s %llu", form, most);
	code = agent_ask(line, request, &answer);
	if (!code)
		fputs(answer, stdout);
	free(answer);
	return code;
}

static const struct command_option options[] = {
	{ .name = "top", .value = "N", .fallback = "20", .help = "so many of them, the worst" },
	{ .name = NULL },
};

const struct command command_sources = {
	.name = "sources",
	.summary = "Lists who sends to the running agent, the worst first.",
	.common = COMMAND_CONFIG | COMMAND_SOCKET | COMMAND_JSON,
	.options = options,
	.details =
		"For each sender: its id, its epoch (it rises when the sender starts anew), its\n"
		"datagrams a second, how far its newest event is behind the clock, datagrams that\n"
		"are missing by its sequence (gaps), those that came again or too late to tell\n"
		"(repeats), and when it was heard last. Worst is who has most gaps, then most\n"
		"repeats, then the oldest events. The agent looks at its senders once a second at\n"
		"most.\n",
	.examples = "sluice sources\n"
		    "sluice sources --top 1000 --json | jq '.sources[] | select(.gaps > 0)'\n",
	.run = run,
};
