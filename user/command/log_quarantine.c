/* SPDX-License-Identifier: BSD-2-Clause */
/* sluice log quarantine: moves segments that are damaged to quarantine/ and notes the gap, so that an
 * agent starts again. The manifest says so before a file moves; doing it again finishes what was begun. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/log_actions.h"
#include "command/store_option.h"
#include "edge/segment.h"

int log_action_quarantine(const struct command_line *line)
{
	(void)line;
	return command_error(EX_UNAVAILABLE, NULL, "not in this version");
}
