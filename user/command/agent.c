/* SPDX-License-Identifier: BSD-2-Clause */
/* The client's part of every command that talks to the agent. */
#include "command/agent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "edge/service/admin.h"
#include "edge/xdp/bpf_loader.h"

#define ANSWER_MS 10000

static int no_agent(const char *path)
{
	struct bpf_loader_left left = { 0 };
	int error = bpf_loader_look(NULL, &left);

	if (error == -EACCES)
		return command_error(
			EX_UNAVAILABLE,
			"start it: sluice run -c /etc/sluice/sluice.yaml; only root can "
			"see whether one that died left something in the kernel",
			"no agent answers at %s", path);
	if (error < 0 || !left.has_pins)
		return command_error(EX_UNAVAILABLE,
				     "start it: sluice run -c /etc/sluice/sluice.yaml",
				     "no agent answers at %s", path);
	if (left.is_held)
		return command_error(EX_UNAVAILABLE, "name its socket with --socket PATH",
				     "an agent is running, but it does not answer at %s", path);
	if (!left.interface_count)
		return command_error(
			EX_UNAVAILABLE,
			"start it to take over what waits in them (sluice run -c FILE), or remove "
			"them (sluice detach)",
			"no agent answers at %s; one that died left its rings and counters, but "
			"its program is attached nowhere: packets go to the stack",
			path);
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

static int explain(const char *path, int error)
{
	switch (error) {
	case -ENOENT:
	case -ECONNREFUSED:
	case -ENOTDIR:
		return no_agent(path);
	case -EACCES:
		return command_error(EX_NOPERM,
				     "run it as root or as a member of the socket's group",
				     "not allowed to ask at %s", path);
	case -ETIMEDOUT:
	case -ECONNRESET:
		return command_error(EX_UNAVAILABLE,
				     "try again; if it stays so, the agent's log may tell",
				     "an agent is there, but did not answer at %s for %d s", path,
				     ANSWER_MS / 1000);
	default:
		return command_error(EX_UNAVAILABLE, NULL, "no answer at %s: %s", path,
				     strerror(-error));
	}
}

static int ask_at(const char *path, const char *request, char **answer)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *memory = open_memstream(&text, &bytes);
	int error;

	if (!memory)
		return command_error(EX_OSERR, NULL, "out of memory");
	error = admin_ask(path, request, ANSWER_MS, memory);
	if (fclose(memory) != 0 && !error)
		error = -ENOMEM;
	if (error) {
		free(text);
		return explain(path, error);
	}
	*answer = text;
	return EX_OK;
}

int agent_ask(const struct command_line *line, const char *request, char **answer)
{
	char socket[CONFIG_SOCKET_MAX];
	int code;

	if (!command_option_given(line, "config") || command_option_given(line, "socket"))
		return ask_at(command_option_text(line, "socket"), request, answer);
	code = socket_of_config(command_option_text(line, "config"), socket);
	return code ? code : ask_at(socket, request, answer);
}
