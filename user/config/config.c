/* SPDX-License-Identifier: BSD-2-Clause */
/* A file becomes a struct config, or a list of mistakes. */
#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "config/reader.h"

static ssize_t read_up_to(int fd, char *buffer, size_t room)
{
	size_t bytes = 0;

	while (bytes < room) {
		ssize_t got = read(fd, buffer + bytes, room - bytes);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		bytes += (size_t)got;
	}
	return (ssize_t)bytes;
}

/* A running agent reads its file again: whatever lies there by then, nothing may wait for it. */
static int open_regular(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat status;
	int error = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) < 0)
		error = -errno;
	else if (!S_ISREG(status.st_mode))
		error = S_ISDIR(status.st_mode) ? -EISDIR : -EINVAL;
	if (error)
		close(fd);
	return error ? error : fd;
}

int config_read_file(const char *path, char **text, size_t *bytes)
{
	int fd, error = 0;
	char *buffer;
	ssize_t got;

	fd = strcmp(path, CONFIG_STANDARD_INPUT) == 0 ? dup(STDIN_FILENO) : open_regular(path);
	if (fd < 0)
		return fd;
	buffer = malloc(CONFIG_FILE_BYTES_MAX + 1);
	if (!buffer) {
		close(fd);
		return -ENOMEM;
	}
	got = read_up_to(fd, buffer, CONFIG_FILE_BYTES_MAX + 1);
	close(fd);
	if (got < 0)
		error = (int)got;
	else if (got > CONFIG_FILE_BYTES_MAX)
		error = -EFBIG;
	if (error) {
		free(buffer);
		return error;
	}
	*text = buffer;
	*bytes = (size_t)got;
	return 0;
}

static int read_config(struct reader *reader, const struct node *root, const char *path)
{
	struct config *config = calloc(1, sizeof(*config));

	if (!config)
		return -ENOMEM;
	reader->config = config;
	reader->top = root->mark;
	strncpy(config->path, path, sizeof(config->path) - 1);
	reader_read_section(reader, &schema_root, root, config);
	free(reader->type_by_name);
	free(reader->ruled_types);
	return reader->error;
}

int config_load_features(struct config **config, const char *text, size_t bytes, const char *path,
			 __u64 features, FILE *errors)
{
	struct mistakes mistakes = { .count = 0 };
	struct reader reader = { .mistakes = &mistakes, .features = features };
	const struct node *root;
	struct node_tree *tree;
	int error;

	error = node_tree_read(&tree, text, bytes, &mistakes);
	root = error ? NULL : node_tree_root(tree);
	if (root)
		error = read_config(&reader, root, path);
	if (!error && mistakes.count)
		error = -EINVAL;
	mistakes_print(&mistakes, path, errors);
	mistakes_free(&mistakes);
	node_tree_free(tree);
	if (error) {
		config_free(reader.config);
		return error;
	}
	*config = reader.config;
	return 0;
}

int config_load_text(struct config **config, const char *text, size_t bytes, const char *path,
		     FILE *errors)
{
	return config_load_features(config, text, bytes, path, config_features_supported(), errors);
}

static void explain(const char *path, int error, FILE *errors)
{
	char name[PATH_MAX];
	struct text text;

	if (!errors)
		return;
	text_init(&text, name, sizeof(name));
	text_add_printable(&text, path);
	fprintf(errors, "sluice: error: %s: ", name);
	if (error == -EFBIG)
		fprintf(errors, "larger than %u KiB; no configuration is\n",
			CONFIG_FILE_BYTES_MAX >> 10);
	else if (error == -EINVAL)
		fprintf(errors,
			"not a regular file; write what it gives to a file and name that\n");
	else
		fprintf(errors,
			"%s; check the path and its permissions, or name another file with -c\n",
			strerror(-error));
}

int config_load(struct config **config, const char *path, FILE *errors)
{
	size_t bytes = 0;
	char *text = NULL;
	int error = config_read_file(path, &text, &bytes);

	if (error) {
		explain(path, error, errors);
		return error;
	}
	error = config_load_text(config, text, bytes, path, errors);
	free(text);
	return error;
}

void config_free(struct config *config)
{
	__u32 i;

	if (!config)
		return;
	for (i = 0; i < config->rule_count; i++)
		free(config->rules[i].types);
	for (i = 0; i < config->window_count; i++)
		free(config->window[i].where.type_bits);
	free(config->rules);
	free(config->type_names);
	free(config);
}
