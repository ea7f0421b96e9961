/* SPDX-License-Identifier: BSD-2-Clause */
/* The actions of sluice log. Each prints its own errors and returns an exit code. */
#ifndef SLUICE_COMMAND_LOG_ACTIONS_H
#define SLUICE_COMMAND_LOG_ACTIONS_H

#include "command/command.h"
#include "edge/log/log_reader.h"

int log_action_ls(const struct command_line *line, struct log_reader *reader);
int log_action_verify(const struct command_line *line, struct log_reader *reader);
int log_action_dump(const struct command_line *line, struct log_reader *reader);
/* Opens the store for writing itself. */
int log_action_quarantine(const struct command_line *line);

#endif
