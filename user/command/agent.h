/* SPDX-License-Identifier: BSD-2-Clause */
/* Asking the running agent, for commands with --socket and -c: where its admin socket is, and what
 * it means when nobody answers. */
#ifndef SLUICE_COMMAND_AGENT_H
#define SLUICE_COMMAND_AGENT_H

#include "command/command.h"

/* The whole answer in *answer, which is the caller's to free; or an exit code after the error was
 * printed. */
int agent_ask(const struct command_line *line, const char *request, char **answer);

#endif
