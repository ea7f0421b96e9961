/* SPDX-License-Identifier: BSD-2-Clause */
/* The statements `expect`, `ledger`, `watermark-is` and `empty`: what has to come out. */
#include "script_internal.h"

#include <errno.h>
#include <string.h>

static int read_interval(struct script_reader *reader, struct script_row *row, char *text)
{
	char *second = strstr(text, "..");

	if (!second)
		return script_mistake(reader, "not an interval", text);
	*second = '\0';
	if (!script_read_time(text, &row->identity.start_ns) ||
	    !script_read_time(second + 2, &row->identity.end_ns))
		return script_mistake(reader, "not an interval", text);
	return 0;
}

/* A field of the group: its place is where group_by names it. */
static bool read_group_pair(struct script_reader *reader, struct script_row *row, const char *name,
			    __u64 number)
{
	const struct window_spec *spec = &reader->script->scenario.window[row->identity.window];
	int field = script_find_field(name);

	for (int i = 0; i < spec->group_count; i++) {
		if (spec->group_field[i] != field)
			continue;
		row->identity.group[i] = number;
		return true;
	}
	return false;
}

static bool read_value_pair(struct script_row *row, const char *name, __u64 number)
{
	static const char *const names[] = { "count", "records",  "sum",   "min",     "max",
					     "revision", "first", "last", "distinct" };
	struct sluice_partial *partial = &row->partial;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], name))
			row->checks |= 1u << i;
	if (!strcmp(name, "count"))
		partial->count = number;
	else if (!strcmp(name, "records"))
		partial->records = number;
	else if (!strcmp(name, "sum"))
		partial->sum_low = number;
	else if (!strcmp(name, "min"))
		partial->min = (__s64)number;
	else if (!strcmp(name, "max"))
		partial->max = (__s64)number;
	else if (!strcmp(name, "revision"))
		row->revision = (__s32)number;
	else if (!strcmp(name, "first"))
		row->first = (__s64)number;
	else if (!strcmp(name, "last"))
		row->last = (__s64)number;
	else if (!strcmp(name, "distinct"))
		row->distinct = (double)number;
	else
		return false;
	return true;
}

static bool read_row_word(struct script_row *row, const char *word)
{
	row->is_final |= !strcmp(word, "final");
	row->is_early |= !strcmp(word, "early");
	row->is_retracted |= !strcmp(word, "retracted");
	row->identity.is_overflow |= !strcmp(word, "overflow");
	return !strcmp(word, "final") || !strcmp(word, "early") || !strcmp(word, "retracted") ||
	       !strcmp(word, "overflow");
}

int script_read_expect(struct script_reader *reader)
{
	struct script *script = reader->script;
	struct script_row row = { .line = reader->line };
	int window = reader->word_count > 2 ? script_find_window(reader, reader->word[1]) : -1;

	if (window < 0)
		return script_mistake(reader, "unknown window", reader->word[1]);
	if (!script->scenario.step_count ||
	    script->scenario.step[script->scenario.step_count - 1].kind == SCENARIO_DATAGRAM)
		return script_mistake(reader, "expect follows a tick, watermark or finish", NULL);
	row.step = (__u32)script->scenario.step_count - 1;
	row.identity.window = (__u64)window;
	if (read_interval(reader, &row, reader->word[2]))
		return -EINVAL;
	for (int i = 3; i < reader->word_count; i++) {
		const char *word = reader->word[i], *value = reader->value[i];
		__u64 number;

		if (!value && read_row_word(&row, word))
			continue;
		if (!value || !script_read_number(value, &number) ||
		    (!read_value_pair(&row, word, number) &&
		     !read_group_pair(reader, &row, word, number)))
			return script_mistake(reader, "unknown word of a row", word);
	}
	script->row = scenario_grow(script->row, script->row_count, sizeof(row));
	script->row[script->row_count++] = row;
	return 0;
}

#define COUNTER_NAME(name, text) #name,
static const char *const stream_counters[] = { SLUICE_STREAM_LEDGER(COUNTER_NAME) NULL };
static const char *const window_counters[] = { SLUICE_WINDOW_LEDGER(COUNTER_NAME) NULL };
#undef COUNTER_NAME

static bool find_name(const char *const *names, const char *name, __u32 *index)
{
	for (*index = 0; names[*index]; (*index)++)
		if (!strcmp(names[*index], name))
			return true;
	return false;
}

static void add_counter(struct script *script, const struct script_counter *counter)
{
	script->counter = scenario_grow(script->counter, script->counter_count, sizeof(*counter));
	script->counter[script->counter_count++] = *counter;
}

int script_read_ledger(struct script_reader *reader)
{
	int window = reader->word_count > 1 ? script_find_window(reader, reader->word[1]) : -1;

	for (int i = window < 0 ? 1 : 2; i < reader->word_count; i++) {
		struct script_counter counter = { .line = reader->line };
		const char *word = reader->word[i], *value = reader->value[i];
		bool is_known = find_name(window < 0 ? stream_counters : window_counters, word,
					  &counter.index);

		counter.kind = window < 0 ? SCRIPT_STREAM_COUNTER : SCRIPT_WINDOW_COUNTER;
		counter.window = window < 0 ? 0 : (__u32)window;
		if (!is_known || !value || !script_read_number(value, (__u64 *)&counter.value))
			return script_mistake(reader, "unknown counter", word);
		add_counter(reader->script, &counter);
	}
	return 0;
}

int script_read_watermark_is(struct script_reader *reader)
{
	struct script_counter counter = { .kind = SCRIPT_WATERMARK, .line = reader->line };
	int window = reader->word_count == 3 ? script_find_window(reader, reader->word[1]) : -1;

	if (window < 0 || !reader->tick_count)
		return script_mistake(reader, "needs a window and a tick before", NULL);
	counter.window = (__u32)window;
	counter.index = reader->tick_count - 1;
	counter.value = INT64_MIN;
	if (strcmp(reader->word[2], "none") && !script_read_time(reader->word[2], &counter.value))
		return script_mistake(reader, "not a time", reader->word[2]);
	add_counter(reader->script, &counter);
	return 0;
}

int script_read_empty(struct script_reader *reader)
{
	reader->script->empty_line = reader->line;
	return reader->word_count == 1 ? 0 : script_mistake(reader, "too many words", NULL);
}
