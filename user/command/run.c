/* SPDX-License-Identifier: BSD-2-Clause */
/* sluice run: the agent, in the foreground, until a signal or a failure. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "command/commands.h"
#include "config/config.h"
#include "engine/control/engine.h"

static void log_plan(const struct config *config)
{
	for (__u32 i = 0; i < config->listener_count; i++)
		log_line(LOG_LEVEL_INFO, "run", "listener",
			 log_text("name", config->listener[i].name),
			 log_text("interface", config->listener[i].interface),
			 log_unsigned("port", config->listener[i].port),
			 log_text("action", config->listener[i].action == SLUICE_ACTION_TAP
						    ? "tap"
						    : "consume"),
			 log_unsigned("ring_bytes", config->listener[i].ring_bytes));
	log_line(LOG_LEVEL_INFO, "run",
		 "durability none: committed results survive a crash, open windows do not",
		 log_text("config", config->path), log_text("state", config->state_dir));
}

/* --state and --socket say more than the file. */
static int override(char *field, size_t room, const struct command_line *line, const char *option)
{
	const char *value = command_option_text(line, option);

	if (!command_option_given(line, option))
		return 0;
	if (strlen(value) >= room)
		return command_error(EX_USAGE, NULL, "--%s is longer than %zu bytes", option,
				     room - 1);
	snprintf(field, room, "%s", value);
	return 0;
}

static int run(const struct command_line *line)
{
	char problem[ENGINE_PROBLEM_MAX];
	struct config *config = NULL;
	int error, code;

	if (strcmp(command_option_text(line, "config"), CONFIG_STANDARD_INPUT) == 0)
		return command_error(EX_USAGE, NULL,
				     "run needs a file: write the configuration to one, and name "
				     "it with -c; sluice check reads standard input");
	engine_guard_signals();
	error = config_load(&config, command_option_text(line, "config"), stderr);
	if (error == -EINVAL)
		return EX_CONFIG;
	if (error)
		return EX_NOINPUT; /* config_load has said why */
	code = override(config->state_dir, sizeof(config->state_dir), line, "state");
	if (!code)
		code = override(config->admin_socket, sizeof(config->admin_socket), line, "socket");
	if (!code) {
		log_plan(config);
		code = engine_run(config, problem);
		if (code && problem[0])
			command_error(code, NULL, "%s", problem);
	}
	config_free(config);
	return code;
}

const struct command command_run = {
	.name = "run",
	.summary = "Runs the agent in the foreground.",
	.common = COMMAND_CONFIG | COMMAND_STATE | COMMAND_SOCKET,
	.details =
		"SIGTERM and SIGINT stop it in order: the program is detached, the rings are\n"
		"drained, open windows are written as not final, and nothing stays behind. A\n"
		"second signal ends it at once, and so does one during the start. SIGHUP has the\n"
		"file read again, and its mistakes told. After kill -9 the program and its rings\n"
		"stay in the kernel and go on filling; the next start takes them over.\n",
	.examples = "sluice run -c /etc/sluice/sluice.yaml\n",
	.run = run,
};
