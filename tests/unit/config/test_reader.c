/* SPDX-License-Identifier: BSD-2-Clause */
/* Every case of mistakes.txt: a configuration, and exactly what is said about it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"

#define CASES_FILE "tests/unit/config/mistakes.txt"
#define CASES_MAX 200
#define GIVES "#### gives\n"

struct mistake_case {
	char name[64];
	const char *text; /* the configuration */
	size_t bytes;
	char *expected;
};

static struct mistake_case cases[CASES_MAX];
static struct CMUnitTest tests[CASES_MAX];
static size_t case_count;

static void says_exactly_this(void **state)
{
	const struct mistake_case *given = *state;
	struct config *config = NULL;
	char *found = NULL;
	size_t bytes = 0;
	FILE *errors = open_memstream(&found, &bytes);
	int result = config_load_features(&config, given->text, given->bytes, "F",
					  CONFIG_FEATURES_ALL, errors);

	fclose(errors);
	assert_string_equal(found, given->expected);
	assert_int_equal(result, given->expected[0] ? -EINVAL : 0);
	config_free(config);
	free(found);
}

/* "3:1: text" becomes what is printed. */
static char *expand(const char *lines, const char *end)
{
	char *out = NULL;
	size_t bytes = 0;
	FILE *file = open_memstream(&out, &bytes);

	while (lines < end) {
		const char *feed = memchr(lines, '\n', (size_t)(end - lines));

		fprintf(file, "sluice: error: F:%.*s\n", (int)(feed - lines), lines);
		lines = feed + 1;
	}
	fclose(file);
	return out;
}

static const char *read_case(const char *at, const char *end)
{
	struct mistake_case *added = &cases[case_count];
	const char *gives = strstr(at, GIVES), *next;

	assert_non_null(gives);
	next = strstr(gives + strlen(GIVES), "#### ");
	next = next ? next : end;
	snprintf(added->name, sizeof(added->name), "%.*s", (int)strcspn(at + 5, "\n"), at + 5);
	added->text = strchr(at, '\n') + 1;
	added->bytes = (size_t)(gives - added->text);
	added->expected = expand(gives + strlen(GIVES), next);
	tests[case_count] = (struct CMUnitTest){
		.name = added->name,
		.test_func = says_exactly_this,
		.initial_state = added,
	};
	case_count++;
	return next;
}

int main(void)
{
	char *text;
	size_t bytes, i;
	const char *at, *end;
	int failed;

	if (config_read_file(CASES_FILE, &text, &bytes)) {
		fprintf(stderr, "run from the top of the tree: no " CASES_FILE "\n");
		return 1;
	}
	text[bytes] = '\0';
	end = text + bytes;
	for (at = strstr(text, "#### "); at && at < end && case_count < CASES_MAX;)
		at = read_case(at, end);
	failed = _cmocka_run_group_tests("mistakes", tests, case_count, NULL, NULL);
	for (i = 0; i < case_count; i++)
		free(cases[i].expected);
	free(text);
	return failed;
}
