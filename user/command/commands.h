/* SPDX-License-Identifier: BSD-2-Clause */
/* Every subcommand, one a file of this directory. */
#ifndef SLUICE_COMMAND_COMMANDS_H
#define SLUICE_COMMAND_COMMANDS_H

#include "command/command.h"

extern const struct command command_run;
extern const struct command command_check;
extern const struct command command_status;
extern const struct command command_sources;
extern const struct command command_query;
extern const struct command command_log;
extern const struct command command_detach;
extern const struct command command_version;
extern const struct command command_help;
extern const struct command command_completion;

#endif
