/* SPDX-License-Identifier: BSD-2-Clause */
/* Late events as JSON lines, CSV or a table: sluice query --late. */
#ifndef SLUICE_COMMAND_QUERY_LATE_H
#define SLUICE_COMMAND_QUERY_LATE_H

#include "command/query_print.h"
#include "edge/late_set.h"

/* 0 or -errno of writing. A printer prints rows or late events, never both. */
int query_printer_late(struct query_printer *printer, const struct late_result *late);

#endif
