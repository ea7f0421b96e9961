/* SPDX-License-Identifier: BSD-2-Clause */
/* The statement `late`: an event of a side output, and whether all of them came out, and no
 * other. */
#include "script_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Words of the line and the bytes of the event they speak of. */
#define WORD(name, field)                                              \
	{                                                              \
		name, offsetof(struct sluice_late_event, field),       \
			sizeof(((struct sluice_late_event *)0)->field) \
	}
static const struct {
	const char *name;
	size_t offset, bytes;
} words[] = {
	WORD("t", time_ns),   WORD("key", key),		 WORD("value", value),
	WORD("id", event_id), WORD("source", source_id), WORD("sequence", sequence),
	WORD("epoch", epoch), WORD("index", index),	 WORD("tenant", tenant),
	WORD("type", type),   WORD("weight", weight),	 WORD("dim0", dim[0]),
	WORD("dim1", dim[1]), WORD("dim2", dim[2]),	 WORD("dim3", dim[3]),
};

#define WORD_COUNT (sizeof(words) / sizeof(words[0]))

static bool read_pair(struct script_late *late, const char *name, const char *value)
{
	__s64 time_ns = 0;
	__u64 number = 0;
	bool is_time = !strcmp(name, "t");

	if (!value ||
	    (is_time ? !script_read_time(value, &time_ns) : !script_read_number(value, &number)))
		return false;
	number = is_time ? (__u64)time_ns : number;
	for (size_t i = 0; i < WORD_COUNT; i++) {
		if (strcmp(words[i].name, name))
			continue;
		memcpy((char *)&late->event + words[i].offset, &number, words[i].bytes);
		late->checks |= 1u << i;
		return true;
	}
	return false;
}

int script_read_late(struct script_reader *reader)
{
	struct script *script = reader->script;
	struct script_late late = { .line = reader->line };
	int window = reader->word_count > 2 ? script_find_window(reader, reader->word[1]) : -1;

	if (window < 0)
		return script_mistake(reader, "late needs a window and an event", NULL);
	late.window = (__u32)window;
	for (int i = 2; i < reader->word_count; i++)
		if (!read_pair(&late, reader->word[i], reader->value[i]))
			return script_mistake(reader, "unknown word of a late event",
					      reader->word[i]);
	script->late = scenario_grow(script->late, script->late_count, sizeof(late));
	script->late[script->late_count++] = late;
	return 0;
}

static bool is_match(const struct script_late *line, const struct result_late *late)
{
	if (line->window != late->window)
		return false;
	for (size_t i = 0; i < WORD_COUNT; i++)
		if (line->checks >> i & 1 &&
		    memcmp((const char *)&line->event + words[i].offset,
			   (const char *)&late->event + words[i].offset, words[i].bytes))
			return false;
	return true;
}

size_t script_check_late(const struct script *script, const struct result *result)
{
	bool *is_used = calloc(result->late_count + 1, sizeof(*is_used));
	size_t differences = 0;

	if (!is_used)
		abort();
	for (size_t i = 0; i < script->late_count; i++) {
		size_t j = 0;

		while (j < result->late_count &&
		       (is_used[j] || !is_match(&script->late[i], &result->late[j])))
			j++;
		if (j < result->late_count)
			is_used[j] = true;
		else
			printf("  %s:%u: not in the side output\n", script->path,
			       script->late[i].line);
		differences += j == result->late_count;
	}
	for (size_t j = 0; j < result->late_count; j++) {
		if (!is_used[j])
			printf("  %s: %lld is in the side output of window %llu and not expected\n",
			       script->path, result->late[j].event.time_ns, result->late[j].window);
		differences += !is_used[j];
	}
	free(is_used);
	return differences;
}
