/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs a command of sluice in the test's own process, on a state directory, and keeps what it
 * prints. Failures end the test program. */
#ifndef SLUICE_TESTS_UNIT_RUN_COMMAND_H
#define SLUICE_TESTS_UNIT_RUN_COMMAND_H

/* Of the last run; they stay where they are. */
extern char command_output[8 << 20], command_errors[1 << 16];

/* Runs "sluice WORDS …" with --state PATH and returns its exit code. */
int run_command(const char *path, const char *words);
/* How often `part` stands in the output. */
int command_times(const char *part);

#endif
