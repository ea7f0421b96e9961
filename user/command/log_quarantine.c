/* SPDX-License-Identifier: BSD-2-Clause */
/* sluice log quarantine: gives up what is damaged, so that an agent starts again. Refused while one
 * runs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command/log_actions.h"
#include "command/store_option.h"
#include "edge/results_quarantine.h"

static void report(void *context, __u64 number, const char *file, const char *why)
{
	(void)context;
	if (file)
		printf("segment %llu  moved to %s/%s: %s\n", number, STORE_QUARANTINE, file, why);
	else
		printf("segment %llu  noted as a gap: %s\n", number, why);
}

int log_action_quarantine(const struct command_line *line)
{
	const struct results_quarantine quarantine = { .report = report };
	struct store store = STORE_CLOSED;
	char path[PATH_MAX];
	int count, code = store_option_open(line, &store); /* must exist already */

	store_close(&store);
	if (code)
		return code;
	memcpy(path, store.path, sizeof(path));
	count = store_open(&store, path);
	if (count == 0)
		count = results_quarantine_run(&store, &quarantine);
	if (count < 0)
		code = command_error(count == -EBUSY ? EX_TEMPFAIL : EX_IOERR, NULL, "%s",
				     store.problem);
	else if (count == 0)
		printf("nothing is damaged; nothing was moved\n");
	store_close(&store);
	return code;
}
