/* SPDX-License-Identifier: BSD-2-Clause */
/* sluice status: asks the running agent for its report and prints it as it comes; its first word
 * decides the exit code. When no agent runs, says what is left in the kernel and what to do. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
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

static const char *request_of(const struct command_line *line)
{
	bool is_colour = command_is_colour(STDOUT_FILENO);

	if (command_option_given(line, "json"))
		return "status";
	if (command_option_given(line, "verbose"))
		return is_colour ? "status ledger colour" : "status ledger";
	return is_colour ? "status page colour" : "status page";
}

/* The answer stands first in each form. */
static bool says_problem(const char *answer)
{
	static const char json[] = "{\"answer\":\"", word[] = "PROBLEM";

	if (answer[0] == '\033')
		answer += strcspn(answer, "m") + 1;
	else if (strncmp(answer, json, strlen(json)) == 0)
		answer += strlen(json);
	return strncmp(answer, word, strlen(word)) == 0;
}

static int print_answer(const char *path, const char *request, bool *is_problem)
{
	char *answer = NULL;
	size_t bytes = 0;
	FILE *memory = open_memstream(&answer, &bytes);
	int error;

	if (!memory)
		return -ENOMEM;
	error = admin_ask(path, request, ANSWER_MS, memory);
	if (fclose(memory) != 0 && !error)
		error = -ENOMEM;
	if (!error) {
		*is_problem = says_problem(answer);
		fwrite(answer, 1, bytes, stdout);
	}
	free(answer);
	return error;
}

static int run(const struct command_line *line)
{
	const char *path = command_option_text(line, "socket");
	char socket[CONFIG_SOCKET_MAX];
	bool is_problem = false;
	int error;

	if (command_option_given(line, "config") && !command_option_given(line, "socket")) {
		int code = socket_of_config(command_option_text(line, "config"), socket);

		if (code)
			return code;
		path = socket;
	}
	error = print_answer(path, request_of(line), &is_problem);
	if (error == -ENOENT || error == -ECONNREFUSED || error == -ENOTDIR)
		return no_agent(path);
	if (error == -EACCES)
		return command_error(EX_NOPERM,
				     "run it as root or as a member of the socket's group",
				     "not allowed to ask at %s", path);
	if (error == -ETIMEDOUT || error == -ECONNRESET)
		return command_error(EX_UNAVAILABLE,
				     "try again; if it stays so, the agent's log may tell",
				     "an agent is there, but did not answer at %s for %d s", path,
				     ANSWER_MS / 1000);
	if (error)
		return command_error(EX_UNAVAILABLE, NULL, "no answer at %s: %s", path,
				     strerror(-error));
	if (fflush(stdout))
		return EX_IOERR;
	return is_problem ? EXIT_FAILURE : EX_OK;
}

const struct command command_status = {
	.name = "status",
	.summary = "Says whether all is well with the running agent, and shows its ledger.",
	.common = COMMAND_CONFIG | COMMAND_SOCKET | COMMAND_JSON,
	.details =
		"The first line is the answer: OK, or PROBLEM with each reason, and then it exits\n"
		"1. A page of what matters follows; with -v every counter of every listener and\n"
		"window does, stage by stage. The last line says how many datagrams and events\n"
		"are unaccounted for: 0, or a bug worth reporting. --json has all of it. With -c\n"
		"it asks at the admin.socket of that file. Frames that passed by are shown if\n"
		"datagrams of a listener may be among them: fragments, other ports, other\n"
		"addresses.\n",
	.examples = "sluice status\n"
		    "sluice status -v\n"
		    "sluice status --json | jq .answer\n",
	.run = run,
};
