/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads scripts: one statement a line, words and name=value pairs. Any mistake is an error with its
 * line, so that a typing error cannot pass as an expectation. */
#include "script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 32
#define LINE_BYTES_MAX 1024

struct reader {
	struct script *script;
	__u32 line;
	__u64 wall_ns, mono_ns;
	__u64 next_sequence[256];	/* by source_id, for lines that do not say one */
	__u32 tick_count;
	int word_count;
	char *word[WORDS_MAX];		/* pairs are cut at '=' */
	char *value[WORDS_MAX];		/* NULL: a bare word */
};

static int mistake(const struct reader *reader, const char *what, const char *word)
{
	printf("%s:%u: %s: %s\n", reader->script->path, reader->line, what, word ? word : "");
	return -EINVAL;
}

static const struct {
	const char *suffix;
	__s64 ns;
} units[] = { { "ns", 1 },	   { "us", 1000 },	   { "ms", 1000000 },
	      { "s", 1000000000 }, { "m", 60000000000 }, { "h", 3600000000000 } };

/* A number with a unit of time, or max. */
static bool read_time(const char *text, __s64 *time_ns)
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

/* Any 64-bit number, signed or not, decimal or hexadecimal. */
static bool read_number(const char *text, __u64 *number)
{
	char *end;

	errno = 0;
	*number = *text == '-' ? (__u64)strtoll(text, &end, 0) : strtoull(text, &end, 0);
	return end != text && !*end && !errno;
}

static const char *const field_names[] = { "tenant", "source", "type", "key",  "dim0",
					   "dim1",   "dim2",   "dim3", "value" };

static int find_field(const char *name)
{
	for (int i = 0; i < SLUICE_FIELD_COUNT; i++)
		if (!strcmp(field_names[i], name))
			return i;
	return -1;
}

static int find_window(const struct reader *reader, const char *name)
{
	for (__u32 i = 0; i < reader->script->scenario.window_count; i++)
		if (!strcmp(reader->script->scenario.window[i].name, name))
			return (int)i;
	return -1;
}

/* --- limits, clock --- */

static int read_limits(struct reader *reader)
{
	struct scenario *scenario = &reader->script->scenario;

	for (int i = 1; i < reader->word_count; i++) {
		const char *word = reader->word[i], *value = reader->value[i];
		__u64 number = 0;
		__s64 time_ns = 0;

		if (!value || (!read_number(value, &number) && !read_time(value, &time_ns)))
			return mistake(reader, "not a limit", word);
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
			return mistake(reader, "unknown limit", word);
	}
	return 0;
}

static int read_clock(struct reader *reader)
{
	for (int i = 1; i < reader->word_count; i++) {
		const char *word = reader->word[i], *value = reader->value[i];
		bool is_wall = value && !strcmp(word, "wall");
		bool is_mono = value && !strcmp(word, "mono");
		__s64 time_ns;

		if ((value && !is_wall && !is_mono) || !read_time(value ? value : word, &time_ns))
			return mistake(reader, "not a clock", word);
		if (!is_mono)
			reader->wall_ns = (__u64)time_ns;
		if (!is_wall)
			reader->mono_ns = (__u64)time_ns;
	}
	return 0;
}

/* --- window --- */

static int read_list(struct reader *reader, struct window_spec *spec, const char *name, char *text)
{
	char *rest = NULL;

	for (char *item = strtok_r(text, ",", &rest); item; item = strtok_r(NULL, ",", &rest)) {
		struct window_where *where = &spec->where;
		int field = find_field(!strcmp(name, "group") ? item : name);
		__u64 number = 0;

		if (strcmp(name, "group") && !read_number(item, &number))
			return mistake(reader, "not a number", item);
		if (!strcmp(name, "from")) {
			spec->listener_mask |= 1u << number;
		} else if (field < 0 || field == SLUICE_FIELD_VALUE) {
			return mistake(reader, "unknown field", item);
		} else if (!strcmp(name, "group")) {
			spec->group_field[spec->group_count++] = (__u8)field;
		} else if (field == SLUICE_FIELD_TYPE) {
			where->has_types = true;
			if (!where->type_bits)
				where->type_bits = calloc(SLUICE_TYPES / 64, sizeof(__u64));
			if (!where->type_bits || number >= SLUICE_TYPES)
				return mistake(reader, "not a type", item);
			where->type_bits[number / 64] |= 1ull << number % 64;
		} else {
			where->field[field].value[where->field[field].count++] = number;
		}
	}
	return 0;
}

static int read_values(struct reader *reader, struct window_spec *spec, char *text)
{
	char *second = strstr(text, "..");
	__u64 low, high;

	if (!second)
		return mistake(reader, "not a range", text);
	*second = '\0';
	if (!read_number(text, &low) || !read_number(second + 2, &high))
		return mistake(reader, "not a range", text);
	spec->where.has_value_range = true;
	spec->where.value_min = (__s64)low;
	spec->where.value_max = (__s64)high;
	return 0;
}

static __s64 *time_of_window(struct window_spec *spec, const char *name)
{
	const struct {
		const char *name;
		__s64 *time_ns;
	} times[] = {
		{ "size", &spec->size_ns },
		{ "slide", &spec->slide_ns },
		{ "offset", &spec->offset_ns },
		{ "gap", &spec->gap_ns },
		{ "max_duration", &spec->max_duration_ns },
		{ "disorder", &spec->max_disorder_ns },
		{ "lateness", &spec->allowed_lateness_ns },
		{ "early", &spec->early_ns },
	};

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		if (!strcmp(times[i].name, name))
			return times[i].time_ns;
	return NULL;
}

static int read_aggregate(struct reader *reader, struct window_spec *spec, const char *name,
			  const char *value)
{
	static const struct {
		const char *name;
		enum sluice_aggregate_kind kind;
	} kinds[] = { { "first", SLUICE_AGGREGATE_FIRST },
		      { "last", SLUICE_AGGREGATE_LAST },
		      { "distinct", SLUICE_AGGREGATE_DISTINCT } };
	int field = find_field(value);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].name, name))
			continue;
		if (field < 0)
			return mistake(reader, "unknown field", value);
		scenario_add_aggregate(spec, kinds[i].kind, (enum sluice_field)field);
		spec->aggregate[spec->aggregate_count - 1].precision = 12;
		return 0;
	}
	return mistake(reader, "unknown word of a window", name);
}

static int read_window_pair(struct reader *reader, struct window_spec *spec, const char *name,
			    char *value)
{
	__s64 *time_ns = time_of_window(spec, name);

	if (time_ns)
		return read_time(value, time_ns) ? 0 : mistake(reader, "not a time", value);
	if (!strcmp(name, "late") && !strcmp(value, "keep"))
		spec->late = WINDOW_LATE_KEEP;
	else if (!strcmp(name, "dedup") && !strcmp(value, "event_id"))
		spec->dedup = WINDOW_DEDUP_EVENT_ID;
	else if (!strcmp(name, "values"))
		return read_values(reader, spec, value);
	else if (!strcmp(name, "group") || !strcmp(name, "from") || find_field(name) >= 0)
		return read_list(reader, spec, name, value);
	else
		return read_aggregate(reader, spec, name, value);
	return 0;
}

static int read_window(struct reader *reader)
{
	static const char *const kinds[] = { "tumbling", "sliding", "session" };
	struct window_spec *spec;
	int kind = 0;

	if (reader->word_count < 3)
		return mistake(reader, "a window needs a name and a kind", NULL);
	spec = scenario_add_window(&reader->script->scenario, reader->word[1]);
	while (kind < 3 && strcmp(kinds[kind], reader->word[2]))
		kind++;
	if (kind == 3)
		return mistake(reader, "unknown kind of window", reader->word[2]);
	spec->kind = (enum sluice_window_kind)kind;
	for (int i = 3; i < reader->word_count; i++) {
		if (!strcmp(reader->word[i], "from"))
			spec->listener_mask = 0;
		if (!reader->value[i])
			return mistake(reader, "not name=value", reader->word[i]);
		if (read_window_pair(reader, spec, reader->word[i], reader->value[i]))
			return -EINVAL;
	}
	if (spec->kind == SLUICE_WINDOW_SESSION)
		spec->size_ns = spec->gap_ns;
	if (spec->kind != SLUICE_WINDOW_SLIDING)
		spec->slide_ns = spec->size_ns;
	return 0;
}

/* --- event, and --- */

/* Words that belong to the datagram; false when the word is none of them. */
static bool read_datagram_pair(struct scenario_datagram *datagram, const char *name, __u64 number,
			       bool *has_sequence)
{
	if (!strcmp(name, "source"))
		datagram->source_id = number;
	else if (!strcmp(name, "listener"))
		datagram->listener = (__u16)number;
	else if (!strcmp(name, "tenant"))
		datagram->tenant = (__u16)number;
	else if (!strcmp(name, "epoch"))
		datagram->epoch = (__u32)number;
	else if (!strcmp(name, "size"))
		datagram->event_size = (__u16)number;
	else if (!strcmp(name, "sequence"))
		datagram->sequence = number;
	else
		return false;
	*has_sequence |= !strcmp(name, "sequence");
	return true;
}

static bool read_event_pair(struct scenario_event *event, const char *name, __u64 number)
{
	struct sluice_event *wire = &event->wire;

	if (!strcmp(name, "key"))
		wire->key = number;
	else if (!strcmp(name, "value"))
		wire->value = (__s64)number;
	else if (!strcmp(name, "type"))
		wire->type = (__u16)number;
	else if (!strcmp(name, "weight"))
		wire->weight = (__u16)number;
	else if (!strcmp(name, "dim0"))
		wire->dim0 = (__u32)number;
	else if (!strcmp(name, "dim1"))
		wire->dim1 = (__u32)number;
	else if (!strcmp(name, "dim2"))
		wire->dim2 = (__u32)number;
	else if (!strcmp(name, "dim3"))
		wire->dim3 = (__u32)number;
	else if (!strcmp(name, "id"))
		wire->event_id = number;
	else
		return false;
	return true;
}

/* The first event sets the base time; the others are whole microseconds behind it. */
static int set_time(struct reader *reader, struct scenario_datagram *datagram, const char *text)
{
	struct scenario_event *event = &datagram->event[datagram->event_count - 1];
	__s64 time_ns, offset_ns;

	if (!read_time(text, &time_ns))
		return mistake(reader, "not a time", text);
	if (datagram->event_count == 1)
		datagram->base_time_ns = (__u64)time_ns;
	offset_ns = time_ns - (__s64)datagram->base_time_ns;
	if (offset_ns < 0 || offset_ns % 1000 || offset_ns / 1000 > UINT32_MAX)
		return mistake(reader, "cannot follow the first event of the datagram", text);
	event->wire.time_offset_us = (__u32)(offset_ns / 1000);
	return 0;
}

static int read_event_words(struct reader *reader, struct scenario_datagram *datagram,
			    bool *has_sequence)
{
	struct scenario_event *event = &datagram->event[datagram->event_count - 1];
	bool has_time = false;

	for (int i = 1; i < reader->word_count; i++) {
		const char *word = reader->word[i], *value = reader->value[i];
		__u64 number;

		if (!strcmp(word, "dropped") && !value) {
			event->is_dropped = true;
		} else if (!strcmp(word, "t") && value) {
			has_time = true;
			if (set_time(reader, datagram, value))
				return -EINVAL;
		} else if (!value || !read_number(value, &number)) {
			return mistake(reader, "not a number", word);
		} else if (!read_event_pair(event, word, number) &&
			   (datagram->event_count > 1 ||
			    !read_datagram_pair(datagram, word, number, has_sequence))) {
			return mistake(reader, "unknown word of an event", word);
		}
	}
	return has_time ? 0 : mistake(reader, "an event needs t=", NULL);
}

static int read_event(struct reader *reader)
{
	struct scenario_step *step = scenario_add_step(&reader->script->scenario, SCENARIO_DATAGRAM,
						       reader->wall_ns, reader->mono_ns);
	bool has_sequence = false;

	step->line = reader->line;
	step->worker = reader->line;
	step->datagram.source_id = 1;
	scenario_add_event(&step->datagram);
	if (read_event_words(reader, &step->datagram, &has_sequence))
		return -EINVAL;
	if (!has_sequence)
		step->datagram.sequence = reader->next_sequence[step->datagram.source_id % 256]++;
	return 0;
}

static int read_and(struct reader *reader)
{
	struct scenario *scenario = &reader->script->scenario;
	struct scenario_step *step = &scenario->step[scenario->step_count - 1];
	bool has_sequence = false;

	if (!scenario->step_count || step->kind != SCENARIO_DATAGRAM)
		return mistake(reader, "no datagram to add to", NULL);
	scenario_add_event(&step->datagram);
	return read_event_words(reader, &step->datagram, &has_sequence);
}

/* --- tick, watermark, finish, nothing, needs --- */

static int read_step(struct reader *reader)
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
		return mistake(reader, "wrong number of words", NULL);
	step = scenario_add_step(&reader->script->scenario, kinds[i].kind, reader->wall_ns,
				 reader->mono_ns);
	step->line = reader->line;
	reader->tick_count += kinds[i].kind != SCENARIO_FINISH;
	if (kinds[i].kind == SCENARIO_WATERMARK &&
	    !read_time(reader->word[1], &step->watermark_ns))
		return mistake(reader, "not a time", reader->word[1]);
	return 0;
}

static int read_needs(struct reader *reader)
{
	for (int i = 1; i < reader->word_count; i++) {
		strncat(reader->script->needs, reader->word[i],
			sizeof(reader->script->needs) - strlen(reader->script->needs) - 2);
		strcat(reader->script->needs, " ");
	}
	return 0;
}

static int read_nothing(struct reader *reader)
{
	return reader->word_count == 1 ? 0 : mistake(reader, "too many words", NULL);
}

/* --- expect, ledger, watermark-is --- */

static int read_interval(struct reader *reader, struct script_row *row, char *text)
{
	char *second = strstr(text, "..");

	if (!second)
		return mistake(reader, "not an interval", text);
	*second = '\0';
	if (!read_time(text, &row->identity.start_ns) ||
	    !read_time(second + 2, &row->identity.end_ns))
		return mistake(reader, "not an interval", text);
	return 0;
}

/* A field of the group: its place is where group_by names it. */
static bool read_group_pair(struct reader *reader, struct script_row *row, const char *name,
			    __u64 number)
{
	const struct window_spec *spec = &reader->script->scenario.window[row->identity.window];
	int field = find_field(name);

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

static int read_expect(struct reader *reader)
{
	struct script *script = reader->script;
	struct script_row row = { .line = reader->line };
	int window = reader->word_count > 2 ? find_window(reader, reader->word[1]) : -1;

	if (window < 0)
		return mistake(reader, "unknown window", reader->word[1]);
	if (!script->scenario.step_count ||
	    script->scenario.step[script->scenario.step_count - 1].kind == SCENARIO_DATAGRAM)
		return mistake(reader, "expect follows a tick, watermark or finish", NULL);
	row.step = (__u32)script->scenario.step_count - 1;
	row.identity.window = (__u64)window;
	if (read_interval(reader, &row, reader->word[2]))
		return -EINVAL;
	for (int i = 3; i < reader->word_count; i++) {
		const char *word = reader->word[i], *value = reader->value[i];
		__u64 number;

		if (!value && read_row_word(&row, word))
			continue;
		if (!value || !read_number(value, &number) ||
		    (!read_value_pair(&row, word, number) &&
		     !read_group_pair(reader, &row, word, number)))
			return mistake(reader, "unknown word of a row", word);
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

static int read_ledger(struct reader *reader)
{
	int window = reader->word_count > 1 ? find_window(reader, reader->word[1]) : -1;

	for (int i = window < 0 ? 1 : 2; i < reader->word_count; i++) {
		struct script_counter counter = { .line = reader->line };
		const char *word = reader->word[i], *value = reader->value[i];
		bool is_known = find_name(window < 0 ? stream_counters : window_counters, word,
					  &counter.index);

		counter.kind = window < 0 ? SCRIPT_STREAM_COUNTER : SCRIPT_WINDOW_COUNTER;
		counter.window = window < 0 ? 0 : (__u32)window;
		if (!strcmp(word, "late_kept")) {
			counter.kind = SCRIPT_LATE_KEPT;
			is_known = true;
		}
		if (!is_known || !value || !read_number(value, (__u64 *)&counter.value))
			return mistake(reader, "unknown counter", word);
		add_counter(reader->script, &counter);
	}
	return 0;
}

static int read_watermark_is(struct reader *reader)
{
	struct script_counter counter = { .kind = SCRIPT_WATERMARK, .line = reader->line };
	int window = reader->word_count == 3 ? find_window(reader, reader->word[1]) : -1;

	if (window < 0 || !reader->tick_count)
		return mistake(reader, "needs a window and a tick before", NULL);
	counter.window = (__u32)window;
	counter.index = reader->tick_count - 1;
	counter.value = INT64_MIN;
	if (strcmp(reader->word[2], "none") && !read_time(reader->word[2], &counter.value))
		return mistake(reader, "not a time", reader->word[2]);
	add_counter(reader->script, &counter);
	return 0;
}

/* --- the file --- */

static const struct {
	const char *word;
	int (*read)(struct reader *reader);
} statements[] = {
	{ "needs", read_needs },     { "limits", read_limits },	  { "window", read_window },
	{ "clock", read_clock },     { "event", read_event },	  { "and", read_and },
	{ "tick", read_step },	     { "watermark", read_step },  { "finish", read_step },
	{ "nothing", read_nothing }, { "expect", read_expect },	  { "ledger", read_ledger },
	{ "watermark-is", read_watermark_is },
};

static int split(struct reader *reader, char *line)
{
	char *rest = NULL;

	line[strcspn(line, "#\n")] = '\0';
	reader->word_count = 0;
	for (char *word = strtok_r(line, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
		char *equals = strchr(word, '=');

		if (reader->word_count == WORDS_MAX)
			return mistake(reader, "too many words", word);
		if (equals)
			*equals = '\0';
		reader->word[reader->word_count] = word;
		reader->value[reader->word_count++] = equals ? equals + 1 : NULL;
	}
	return 0;
}

static int read_line(struct reader *reader, char *line)
{
	if (split(reader, line))
		return -EINVAL;
	if (!reader->word_count)
		return 0;
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++)
		if (!strcmp(statements[i].word, reader->word[0]))
			return statements[i].read(reader);
	return mistake(reader, "unknown statement", reader->word[0]);
}

int script_read(struct script *script, const char *path)
{
	struct reader reader = { .script = script,
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
		error = mistake(&reader, "no window", NULL);
	fclose(file);
	return error;
}

void script_clear(struct script *script)
{
	scenario_clear(&script->scenario);
	free(script->row);
	free(script->counter);
	script->row = NULL;
	script->counter = NULL;
	script->row_count = script->counter_count = 0;
}
