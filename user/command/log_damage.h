/* SPDX-License-Identifier: BSD-2-Clause */
/* What a reader of the results log passed by, told to people: which file, which records, and when
 * they were written. */
#ifndef SLUICE_COMMAND_LOG_DAMAGE_H
#define SLUICE_COMMAND_LOG_DAMAGE_H

#include "base/text.h"
#include "edge/log/log_reader.h"

/* "results/….seg (segment 1): WHY at byte 8192; LSN 4 to 7 are lost, written from … to …" */
#define LOG_DAMAGE_BYTES 512
void log_damage_describe(const struct log_damage *damage, struct text *text);

/* Tells of all that is lost on stderr. EXIT_FAILURE when something is, else 0: what is in
 * quarantine is told, too, but settled. */
int log_damage_report(const struct log_reader *reader);

#endif
