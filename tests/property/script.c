/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads scripts: one statement a line, words and name=value pairs. Any mistake is an error with its
 * line, so that a typing error cannot pass as an expectation. */
#include "script_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES_MAX 1024

int script_mistake(const struct script_reader *reader, const char *what, const char *word)
{
	printf("%s:%u: %s: %s\n", reader->script->path, reader->line, what, word ? word : "");
	return -EINVAL;
}

static const struct {
	const char *suffix;
	__s64 ns;
} units[] = { { "ns", 1 },	   { "us", 1000 },	   { "ms", 1000000 },
	      { "s", 1000000000 }, { "m", 60000000000 }, { "h", 3600000000000 } };

bool script_read_time(const char *text, __s64 *time_ns)
{
	char *end;
	__s64 number;

	if (!strcmp(text, "max")) {
		*time_ns = INT64_MAX;
		return true;
	}
	errno = 0;
	number = strtoll(text, &end, 10);
	if (end == text || errno)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(end, units[i].suffix))
			return !__builtin_mul_overflow(number, units[i].ns, time_ns);
	*time_ns = 0;
	return !number && !*end;
}

bool script_read_number(const char *text, __u64 *number)
{
	char *end;

	errno = 0;
	*number = *text == '-' ? (__u64)strtoll(text, &end, 0) : strtoull(text, &end, 0);
	return end != text && !*end && !errno;
}

static const char *const field_names[] = { "tenant", "source", "type", "key",  "dim0",
					   "dim1",   "dim2",   "dim3", "value" };

int script_find_field(const char *name)
{
	for (int i = 0; i < SLUICE_FIELD_COUNT; i++)
		if (!strcmp(field_names[i], name))
			return i;
	return -1;
}

int script_find_window(const struct script_reader *reader, const char *name)
{
	for (__u32 i = 0; i < reader->script->scenario.window_count; i++)
		if (!strcmp(reader->script->scenario.window[i].name, name))
			return (int)i;
	return -1;
}

static int read_limits(struct script_reader *reader)
{
	struct scenario *scenario = &reader->script->scenario;

	for (int i = 1; i < reader->word_count; i++) {
		const char *word = reader->word[i], *value = reader->value[i];
		__u64 number = 0;
		__s64 time_ns = 0;

		if (!value ||
		    (!script_read_number(value, &number) && !script_read_time(value, &time_ns)))
			return script_mistake(reader, "not a limit", word);
		if (!strcmp(word, "sources"))
			scenario->sources_max = (__u32)number;
		else if (!strcmp(word, "groups"))
			scenario->groups_max = (__u32)number;
		else if (!strcmp(word, "listeners"))
			scenario->listener_count = (__u32)number;
		else if (!strcmp(word, "idle"))
			scenario->idle_timeout_ns = time_ns;
		else if (!strcmp(word, "lag"))
			scenario->max_lag_ns = time_ns;
		else if (!strcmp(word, "ahead"))
			scenario->max_ahead_ns = time_ns;
		else
			return script_mistake(reader, "unknown limit", word);
	}
	return 0;
}

static int read_clock(struct script_reader *reader)
{
	for (int i = 1; i < reader->word_count; i++) {
		const char *word = reader->word[i], *value = reader->value[i];
		bool is_wall = value && !strcmp(word, "wall");
		bool is_mono = value && !strcmp(word, "mono");
		__s64 time_ns;

		if ((value && !is_wall && !is_mono) ||
		    !script_read_time(value ? value : word, &time_ns))
			return script_mistake(reader, "not a clock", word);
		if (!is_mono)
			reader->wall_ns = (__u64)time_ns;
		if (!is_wall)
			reader->mono_ns = (__u64)time_ns;
	}
	return 0;
}

static int read_step(struct script_reader *reader)
{
	static const struct {
		const char *word;
		enum scenario_kind kind;
	} kinds[] = { { "tick", SCENARIO_TICK },
		      { "watermark", SCENARIO_WATERMARK },
		      { "finish", SCENARIO_FINISH } };
	struct scenario_step *step;
	size_t i = 0;

	while (strcmp(kinds[i].word, reader->word[0]))
		i++;
	if (reader->word_count != (kinds[i].kind == SCENARIO_WATERMARK ? 2 : 1))
		return script_mistake(reader, "wrong number of words", NULL);
	step = scenario_add_step(&reader->script->scenario, kinds[i].kind, reader->wall_ns,
				 reader->mono_ns);
	step->line = reader->line;
	reader->tick_count += kinds[i].kind != SCENARIO_FINISH;
	if (kinds[i].kind == SCENARIO_WATERMARK &&
	    !script_read_time(reader->word[1], &step->watermark_ns))
		return script_mistake(reader, "not a time", reader->word[1]);
	return 0;
}

static int read_needs(struct script_reader *reader)
{
	for (int i = 1; i < reader->word_count; i++) {
		strncat(reader->script->needs, reader->word[i],
			sizeof(reader->script->needs) - strlen(reader->script->needs) - 2);
		strcat(reader->script->needs, " ");
	}
	return 0;
}

static int read_nothing(struct script_reader *reader)
{
	return reader->word_count == 1 ? 0 : script_mistake(reader, "too many words", NULL);
}

static const struct {
	const char *word;
	int (*read)(struct script_reader *reader);
} statements[] = {
	{ "needs", read_needs },
	{ "limits", read_limits },
	{ "window", script_read_window },
	{ "clock", read_clock },
	{ "event", script_read_event },
	{ "and", script_read_and },
	{ "tick", read_step },
	{ "watermark", read_step },
	{ "finish", read_step },
	{ "nothing", read_nothing },
	{ "expect", script_read_expect },
	{ "ledger", script_read_ledger },
	{ "watermark-is", script_read_watermark_is },
	{ "late", script_read_late },
	{ "empty", script_read_empty },
};

static int split(struct script_reader *reader, char *line)
{
	char *rest = NULL;

	line[strcspn(line, "#\n")] = '\0';
	reader->word_count = 0;
	for (char *word = strtok_r(line, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
		char *equals = strchr(word, '=');

		if (reader->word_count == SCRIPT_WORDS_MAX)
			return script_mistake(reader, "too many words", word);
		if (equals)
			*equals = '\0';
		reader->word[reader->word_count] = word;
		reader->value[reader->word_count++] = equals ? equals + 1 : NULL;
	}
	return 0;
}

static int read_line(struct script_reader *reader, char *line)
{
	if (split(reader, line))
		return -EINVAL;
	if (!reader->word_count)
		return 0;
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++)
		if (!strcmp(statements[i].word, reader->word[0]))
			return statements[i].read(reader);
	return script_mistake(reader, "unknown statement", reader->word[0]);
}

int script_read(struct script *script, const char *path)
{
	struct script_reader reader = { .script = script,
				 .wall_ns = 3600ull * SCENARIO_SECOND_NS,
				 .mono_ns = 3600ull * SCENARIO_SECOND_NS };
	char line[LINE_BYTES_MAX];
	FILE *file = fopen(path, "r");
	int error = 0;

	memset(script, 0, sizeof(*script));
	script->path = path;
	scenario_init(&script->scenario);
	if (!file)
		return -errno;
	while (!error && fgets(line, sizeof(line), file)) {
		reader.line++;
		error = read_line(&reader, line);
	}
	if (!error && !script->scenario.window_count)
		error = script_mistake(&reader, "no window", NULL);
	fclose(file);
	return error;
}

void script_clear(struct script *script)
{
	scenario_clear(&script->scenario);
	free(script->row);
	free(script->counter);
	free(script->late);
	script->row = NULL;
	script->counter = NULL;
	script->late = NULL;
	script->row_count = script->counter_count = script->late_count = 0;
}
