/* SPDX-License-Identifier: BSD-2-Clause */
/* From the command line to an open store. */
#include "command/store_option.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/config.h"

int store_option_path(const struct command_line *line, char path[PATH_MAX])
{
	const char *file = command_option_text(line, "config");
	struct config *config;
	int error;

	if (command_option_given(line, "state") || !command_option_given(line, "config")) {
		snprintf(path, PATH_MAX, "%s", command_option_text(line, "state"));
		return 0;
	}
	error = config_load(&config, file, stderr);
	if (error == -EINVAL)
		return EX_CONFIG;
	if (error)
		return EX_NOINPUT; /* config_load has said why */
	snprintf(path, PATH_MAX, "%s", config->state_dir);
	config_free(config);
	return 0;
}

int store_option_open(const struct command_line *line, struct store *store)
{
	char path[PATH_MAX];
	int error = store_option_path(line, path);

	if (error)
		return error;
	error = store_open_reader(store, path);
	if (error == -ENOENT)
		return command_error(EX_UNAVAILABLE, NULL, "%s", store->problem);
	if (error == -EBADMSG || error == -EPROTONOSUPPORT)
		return command_error(EX_IOERR, NULL, "%s", store->problem);
	return error ? command_error(command_exit_code(error), NULL, "%s", store->problem) : 0;
}
