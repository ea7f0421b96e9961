/* SPDX-License-Identifier: BSD-2-Clause */
/* The running agent: a configuration comes in, an exit code of <sysexits.h> goes out. Start-up is a
 * ladder, and the stop is the same ladder backwards. */
#ifndef SLUICE_ENGINE_ENGINE_H
#define SLUICE_ENGINE_ENGINE_H

#include "config/config.h"

#define ENGINE_PROBLEM_MAX 1536

/* First thing of a process that will run one: signals that would end it for nothing are ignored,
 * and SIGHUP waits until it is served. */
void engine_guard_signals(void);

/* Runs until a signal or a failure. `problem` (ENGINE_PROBLEM_MAX bytes) says why when the agent
 * could not start: what is wrong; how to fix it. It is "" otherwise. */
int engine_run(const struct config *config, char *problem);

#endif
