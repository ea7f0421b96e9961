/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a configuration. What is accepted keeps the promises of config.h; what is refused
 * has at least one mistake, on a line the file has. The first byte says which features are on. */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check_window(const struct config *config, const struct window_spec *window)
{
	unsigned int field, i;

	assert(window->name[0] && memchr(window->name, 0, sizeof(window->name)));
	assert(window->listener_mask && window->listener_mask >> config->listener_count == 0);
	assert(window->group_count <= SLUICE_GROUP_FIELDS_MAX);
	assert(window->aggregate_count >= 1 && window->aggregate_count <= SLUICE_AGGREGATES_MAX);
	if (window->kind == SLUICE_WINDOW_SESSION)
		assert(window->gap_ns > 0 && !window->size_ns);
	else
		assert(window->slide_ns > 0 && window->slide_ns <= window->size_ns &&
		       window->offset_ns < window->slide_ns);
	assert(window->kind != SLUICE_WINDOW_TUMBLING || window->slide_ns == window->size_ns);
	for (field = 0; field < SLUICE_FIELD_VALUE; field++)
		for (i = 1; i < window->where.field[field].count; i++)
			assert(window->where.field[field].value[i - 1] <
			       window->where.field[field].value[i]);
	assert(window->where.has_types == (window->where.type_bits != NULL));
}

static void check_config(const struct config *config)
{
	__u32 i;

	assert(config->listener_count >= 1 && config->listener_count <= SLUICE_LISTENERS_MAX);
	assert(config->window_count >= 1 && config->window_count <= SLUICE_WINDOWS_MAX);
	for (i = 0; i < config->listener_count; i++) {
		assert(config->listener[i].port);
		assert(config->listener[i].ring_bytes == config->listener[0].ring_bytes);
		assert((config->listener[i].ring_bytes & (config->listener[i].ring_bytes - 1)) ==
		       0);
	}
	for (i = 0; i < config->window_count; i++)
		check_window(config, &config->window[i]);
	for (i = 0; i < config->rule_count; i++)
		assert(config->rules[i].type_count);
	assert(config->groups_max >= 1 && config->groups_max <= config->groups_wanted);
	assert(config_memory_total(config, config->groups_max) <= config->memory_bytes);
	assert(config->state_dir[0] == '/' && config->admin_socket[0] == '/');
}

/* "sluice: error: F:LINE:COL: …" on each line. */
static void check_mistakes(const char *said, size_t lines)
{
	assert(*said);
	while (*said) {
		unsigned int line = 0, column = 0;

		assert(strncmp(said, "sluice: error: F:", 17) == 0);
		if (sscanf(said + 17, "%u:%u:", &line, &column) == 2)
			assert(line >= 1 && line <= lines + 1 && column >= 1);
		else
			assert(strncmp(said + 17, " and ", 5) == 0);
		said = strchr(said, '\n');
		assert(said);
		said++;
	}
}

/* YAML knows more line breaks than \n: CR, NEL, LS and PS. */
static size_t count_lines(const uint8_t *data, size_t bytes)
{
	size_t lines = 1, i;

	for (i = 0; i < bytes; i++)
		lines += data[i] == '\n' || data[i] == '\r' || data[i] == 0x85 || data[i] == 0xa8 ||
			 data[i] == 0xa9;
	return lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct config *config = NULL;
	char *said = NULL;
	size_t said_bytes = 0;
	__u64 features;
	FILE *errors;
	int result;

	if (bytes < 1)
		return 0;
	features = data[0] == '0'   ? 0
		   : data[0] == '1' ? config_features_supported()
				    : CONFIG_FEATURES_ALL;
	errors = open_memstream(&said, &said_bytes);
	result = config_load_features(&config, (const char *)data + 1, bytes - 1, "F", features,
				      errors);
	fclose(errors);
	assert(result == 0 || result == -EINVAL);
	assert((result == 0) == (config != NULL));
	if (config)
		check_config(config);
	else
		check_mistakes(said, count_lines(data, bytes));
	config_free(config);
	free(said);
	return 0;
}
