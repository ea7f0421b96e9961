/* SPDX-License-Identifier: BSD-2-Clause */
/* Loads configurations from strings, for the tests of this folder. */
#include "load.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct config *load_valid(const char *text, __u64 features)
{
	struct config *config = NULL;
	int result = config_load_features(&config, text, strlen(text), "F", features, stderr);

	assert_int_equal(result, 0);
	assert_non_null(config);
	return config;
}

const char *load_wrong(const char *text, __u64 features)
{
	static const char prefix[] = "sluice: error: F:";
	static char said[8192];
	struct config *config = NULL;
	char *found = NULL, *line, *next;
	size_t bytes = 0;
	FILE *errors = open_memstream(&found, &bytes);

	assert_int_equal(config_load_features(&config, text, strlen(text), "F", features, errors),
			 -EINVAL);
	assert_null(config);
	fclose(errors);
	said[0] = '\0';
	for (next = found; (line = strsep(&next, "\n")) && *line;) {
		assert_int_equal(strncmp(line, prefix, strlen(prefix)), 0);
		strncat(said, line + strlen(prefix), sizeof(said) - strlen(said) - 2);
		strcat(said, "\n");
	}
	free(found);
	return said;
}
