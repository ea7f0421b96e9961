/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of subcommands, in the order in which help lists them. */
#include "command/commands.h"

static const struct command *const commands[] = {
	&command_run,	 &command_check,  &command_query,   &command_log,
	&command_status, &command_sources, &command_detach,
	&command_version, &command_help, &command_completion, NULL,
};

const struct command_program command_program_sluice = {
	.name = "sluice",
	.summary = "Exact window aggregates of UDP event datagrams, computed on this host.",
	.commands = commands,
};
