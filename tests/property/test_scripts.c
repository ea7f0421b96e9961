/* SPDX-License-Identifier: BSD-2-Clause */
/* Every file scripts/NAME.script, by name: first the oracle has to give what the script says,
 * then the engine, with one worker and with three. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "features.h"
#include "script.h"
#include "suite.h"

#define SCRIPTS_MAX 256

static const char *folder(void)
{
	const char *chosen = getenv("SLUICE_SCRIPTS");

	return chosen ? chosen : "tests/property/scripts";
}

static const struct {
	const char *word;
	bool is_there;
} features[] = {
	{ "tumbling", FEATURE_TUMBLING },     { "sliding", FEATURE_SLIDING },
	{ "session", FEATURE_SESSION },	      { "lateness", FEATURE_LATENESS },
	{ "event_ids", FEATURE_EVENT_IDS },   { "sequences", FEATURE_SEQUENCES },
	{ "first_last", FEATURE_FIRST_LAST }, { "sketches", FEATURE_SKETCHES },
	{ "overflow", FEATURE_OVERFLOW },     { "early", FEATURE_EARLY },
	{ "late_kept", FEATURE_LATE_KEPT },   { "time_rules", FEATURE_TIME_RULES },
	{ "by_source", FEATURE_SEQUENCES_BY_SOURCE },
	{ "groups_by_window", FEATURE_GROUPS_BY_WINDOW },
};

/* True when the engine has all that the script needs; an unknown word fails. */
static bool is_possible(const struct script *script)
{
	char words[sizeof(script->needs)], *rest = NULL;
	bool is_possible = true;

	memcpy(words, script->needs, sizeof(words));
	for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		size_t i = 0;

		while (i < sizeof(features) / sizeof(features[0]) &&
		       strcmp(features[i].word, word))
			i++;
		if (i == sizeof(features) / sizeof(features[0]))
			fail_msg("%s needs %s, which nobody knows", script->path, word);
		is_possible &= features[i].is_there;
	}
	return is_possible;
}

static void run_engine(const struct script *script, __u32 worker_count)
{
	struct drive_options drive = { .worker_count = worker_count, .hash_seed = 1 };
	struct result result = { 0 };

	if (drive_run(&script->scenario, &drive, &result) || script_check(script, &result) ||
	    compare_check_alone(&script->scenario, &result))
		fail_msg("%s: the engine with %u workers", script->path, worker_count);
	if (script->empty_line && (result.groups_left || result.panes_left || result.bytes_left))
		fail_msg("%s:%u: %llu groups, %llu panes and %llu bytes of sketches are held",
			 script->path, script->empty_line, result.groups_left, result.panes_left,
			 result.bytes_left);
	result_clear(&result);
}

static void run_script(void **state)
{
	struct result result = { 0 };
	struct script script;

	if (script_read(&script, *state))
		fail_msg("%s cannot be read", (const char *)*state);
	oracle_run(&script.scenario, &result);
	if (script_check(&script, &result))
		fail_msg("%s: the oracle", script.path);
	result_clear(&result);
	if (is_possible(&script)) {
		run_engine(&script, 1);
		if (!strstr(script.needs, "overflow"))
			run_engine(&script, 3);
	} else {
		fprintf(stderr,
			"### SKIPPED on the engine: %s needs %s(tests/property/features.h)\n",
			script.path, script.needs);
	}
	script_clear(&script);
}

static int is_script(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && !strcmp(dot, ".script");
}

int main(void)
{
	static struct CMUnitTest tests[SCRIPTS_MAX];
	static char paths[SCRIPTS_MAX][512];
	struct dirent **entries;
	int count = scandir(folder(), &entries, is_script, alphasort);

	if (count <= 0 || count > SCRIPTS_MAX) {
		fprintf(stderr, "no scripts in %s\n", folder());
		return 1;
	}
	for (int i = 0; i < count; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s/%s", folder(), entries[i]->d_name);
		tests[i] = (struct CMUnitTest){ .name = paths[i],
						.test_func = run_script,
						.initial_state = paths[i] };
		free(entries[i]);
	}
	free(entries);
	suite_start();
	return _cmocka_run_group_tests("scripts", tests, (size_t)count, NULL, NULL);
}
