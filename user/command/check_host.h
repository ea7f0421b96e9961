/* SPDX-License-Identifier: BSD-2-Clause */
/* The part of `sluice check` that looks at the host. */
#ifndef SLUICE_COMMAND_CHECK_HOST_H
#define SLUICE_COMMAND_CHECK_HOST_H

#include "config/config.h"

/* Prints the findings, as text unless it is to be quiet, or as members of the JSON object that is
 * open; returns the exit code. */
int check_host(const struct config *config, bool is_json, bool is_quiet);

#endif
