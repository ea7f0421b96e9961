/* SPDX-License-Identifier: BSD-2-Clause */
/* sluice status: asks the running agent for its report and prints it as it comes. When no agent
 * runs, says what is left in the kernel and what to do. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command/commands.h"
#include "config/config.h"
#include "edge/admin.h"
#include "edge/bpf_loader.h"

#define ANSWER_MS 10000

static int no_agent(const char *path)
{
	struct bpf_loader_left left = { 0 };

	if (bpf_loader_look(NULL, &left) < 0 || !left.has_pins)
		return command_error(EX_UNAVAILABLE,
				     "start it: sluice run -c /etc/sluice/sluice.yaml",
				     "no agent answers at %s", path);
	if (left.is_held)
		return command_error(EX_UNAVAILABLE, "name its socket: sluice status --socket PATH",
				     "an agent is running, but it does not answer at %s", path);
	return command_error(
		EX_UNAVAILABLE,
		"start it again to take over what waits (sluice run -c FILE), look at the "
		"counters (bpftool map dump pinned " SLUICE_PIN_DIR
		"/ledger), or remove all (sluice detach)",
		"no agent answers at %s, but one that died left its program attached: it goes "
		"on filling the rings",
		path);
}

/* The socket that the file names, so that `status -c FILE` finds the agent of `run -c FILE`. */
static int socket_of_config(const char *path, char socket[CONFIG_SOCKET_MAX])
{
	struct config *config = NULL;
	int error = config_load(&config, path, stderr);

	if (error == -EINVAL)
		return EX_CONFIG;
	if (error)
		return EX_NOINPUT; /* config_load has said why */
	snprintf(socket, CONFIG_SOCKET_MAX, "%s", config->admin_socket);
	config_free(config);
	return 0;
}

static int run(const struct command_line *line)
{
	const char *path = command_option_text(line, "socket");
	const char *request =
		command_is_colour(STDOUT_FILENO) ? "status text colour" : "status text";
	char socket[CONFIG_SOCKET_MAX];
	int error;

	if (command_option_given(line, "config") && !command_option_given(line, "socket")) {
		int code = socket_of_config(command_option_text(line, "config"), socket);

		if (code)
			return code;
		path = socket;
	}
	if (command_option_given(line, "json"))
		request = "status";
	error = admin_ask(path, request, ANSWER_MS, stdout);
	if (error == -ENOENT || error == -ECONNREFUSED || error == -ENOTDIR)
		return no_agent(path);
	if (error == -EACCES)
		return command_error(EX_NOPERM,
				     "run it as root or as a member of the socket's group",
				     "not allowed to ask at %s", path);
	if (error)
		return command_error(EX_UNAVAILABLE, NULL, "no answer at %s: %s", path,
				     strerror(-error));
	return fflush(stdout) ? EX_IOERR : EX_OK;
}

const struct command command_status = {
	.name = "status",
	.summary = "Prints the ledger and the state of the running agent.",
	.common = COMMAND_CONFIG | COMMAND_SOCKET | COMMAND_JSON,
	.details =
		"The last line says how many datagrams and events are unaccounted for. It is 0;\n"
		"anything else is a bug worth reporting. With -c it asks at the admin.socket of\n"
		"that file.\n",
	.examples = "sluice status\n"
		    "sluice status --json | jq .unaccounted\n",
	.run = run,
};
