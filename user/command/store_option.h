/* SPDX-License-Identifier: BSD-2-Clause */
/* Which store a command reads: --state DIR, else the state_dir of -c FILE, else the default. */
#ifndef SLUICE_COMMAND_STORE_OPTION_H
#define SLUICE_COMMAND_STORE_OPTION_H

#include "command/command.h"
#include "edge/store/store.h"

/* Opens it for reading. 0, or an exit code after the error was printed. */
int store_option_open(const struct command_line *line, struct store *store);
/* The directory alone. */
int store_option_path(const struct command_line *line, char path[PATH_MAX]);

#endif
