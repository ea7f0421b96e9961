/* SPDX-License-Identifier: BSD-2-Clause */
/* The statements `event` and `and`: datagrams, one event after the other. */
#include "script_internal.h"

#include <errno.h>
#include <string.h>

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
static int set_time(struct script_reader *reader, struct scenario_datagram *datagram,
		    const char *text)
{
	struct scenario_event *event = &datagram->event[datagram->event_count - 1];
	__s64 time_ns, offset_ns;

	if (!script_read_time(text, &time_ns))
		return script_mistake(reader, "not a time", text);
	if (datagram->event_count == 1)
		datagram->base_time_ns = (__u64)time_ns;
	offset_ns = time_ns - (__s64)datagram->base_time_ns;
	if (offset_ns < 0 || offset_ns % 1000 || offset_ns / 1000 > UINT32_MAX)
		return script_mistake(reader, "cannot follow the first event of the datagram",
				      text);
	event->wire.time_offset_us = (__u32)(offset_ns / 1000);
	return 0;
}

static int read_event_words(struct script_reader *reader, struct scenario_datagram *datagram,
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
		} else if (!value || !script_read_number(value, &number)) {
			return script_mistake(reader, "not a number", word);
		} else if (!read_event_pair(event, word, number) &&
			   (datagram->event_count > 1 ||
			    !read_datagram_pair(datagram, word, number, has_sequence))) {
			return script_mistake(reader, "unknown word of an event", word);
		}
	}
	return has_time ? 0 : script_mistake(reader, "an event needs t=", NULL);
}

int script_read_event(struct script_reader *reader)
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

int script_read_and(struct script_reader *reader)
{
	struct scenario *scenario = &reader->script->scenario;
	struct scenario_step *step = &scenario->step[scenario->step_count - 1];
	bool has_sequence = false;

	if (!scenario->step_count || step->kind != SCENARIO_DATAGRAM)
		return script_mistake(reader, "no datagram to add to", NULL);
	scenario_add_event(&step->datagram);
	return read_event_words(reader, &step->datagram, &has_sequence);
}
