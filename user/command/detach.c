/* SPDX-License-Identifier: BSD-2-Clause */
/* sluice detach: removes what an agent that died left in the kernel. It never takes anything
 * from an agent that runs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command/commands.h"
#include "edge/xdp/bpf_loader.h"

static int run(const struct command_line *line)
{
	const char *interface = command_option_text(line, "interface");
	char problem[BPF_LOADER_ERROR_BYTES] = "";
	int count = bpf_loader_detach(NULL, interface, stdout, problem);

	if (count > 0)
		return EX_OK;
	if (count == 0) {
		printf("nothing to remove: no agent has left anything behind\n");
		return EX_OK;
	}
	if (!problem[0])
		snprintf(problem, sizeof(problem), "cannot detach: %s", strerror(-count));
	return command_error(count == -EBUSY	? EX_TEMPFAIL
			     : count == -ENODEV ? EX_UNAVAILABLE
						: command_exit_code(count),
			     NULL, "%s", problem);
}

static const struct command_option options[] = {
	{ .name = "interface",
	  .value = "IF",
	  .help = "only from this interface; rings and counters stay" },
	{ .name = NULL },
};

const struct command command_detach = {
	.name = "detach",
	.summary = "Removes the program, rings and counters that a dead agent left behind.",
	.options = options,
	.details =
		"Packets then go to the stack again. Refused while an agent runs: stop that with\n"
		"SIGTERM.\n",
	.examples = "sluice detach\n"
		    "sluice detach --interface eth0\n",
	.run = run,
};
