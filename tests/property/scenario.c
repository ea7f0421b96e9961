/* SPDX-License-Identifier: BSD-2-Clause */
/* Building, copying and printing scenarios. No rule of the windows is in here. */
#include "scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *scenario_grow(void *items, size_t count, size_t bytes)
{
	bool is_full = count == 0 || (count >= 8 && (count & (count - 1)) == 0);

	if (!is_full)
		return items;
	items = realloc(items, (count < 8 ? 8 : 2 * count) * bytes);
	if (!items) {
		perror("scenario");
		abort();
	}
	return items;
}

void scenario_init(struct scenario *scenario)
{
	memset(scenario, 0, sizeof(*scenario));
	scenario->sources_max = 64;
	scenario->listener_count = 1;
	scenario->groups_max = 1000;
	scenario->idle_timeout_ns = 5 * SCENARIO_SECOND_NS;
	scenario->max_lag_ns = 60 * SCENARIO_SECOND_NS;
	scenario->max_ahead_ns = 10 * SCENARIO_SECOND_NS;
}

void scenario_clear(struct scenario *scenario)
{
	for (size_t i = 0; i < scenario->step_count; i++)
		free(scenario->step[i].datagram.event);
	free(scenario->step);
	for (__u32 i = 0; i < scenario->window_count; i++)
		free(scenario->window[i].where.type_bits);
	memset(scenario, 0, sizeof(*scenario));
}

struct scenario_step *scenario_add_step(struct scenario *scenario, enum scenario_kind kind,
					__u64 wall_ns, __u64 mono_ns)
{
	struct scenario_step *step;

	scenario->step = scenario_grow(scenario->step, scenario->step_count, sizeof(*step));
	step = &scenario->step[scenario->step_count++];
	memset(step, 0, sizeof(*step));
	step->kind = kind;
	step->wall_ns = wall_ns;
	step->mono_ns = mono_ns;
	step->datagram.event_size = sizeof(struct sluice_event);
	return step;
}

struct scenario_event *scenario_add_event(struct scenario_datagram *datagram)
{
	struct scenario_event *event;

	datagram->event = scenario_grow(datagram->event, datagram->event_count, sizeof(*event));
	event = &datagram->event[datagram->event_count++];
	memset(event, 0, sizeof(*event));
	return event;
}

void scenario_add_aggregate(struct window_spec *spec, enum sluice_aggregate_kind kind,
			    enum sluice_field field)
{
	struct sluice_schema_aggregate *aggregate = &spec->aggregate[spec->aggregate_count++];

	memset(aggregate, 0, sizeof(*aggregate));
	aggregate->kind = (__u8)kind;
	aggregate->field = (__u8)field;
}

struct window_spec *scenario_add_window(struct scenario *scenario, const char *name)
{
	static const enum sluice_aggregate_kind base[] = {
		SLUICE_AGGREGATE_COUNT_WEIGHT, SLUICE_AGGREGATE_RECORDS, SLUICE_AGGREGATE_SUM,
		SLUICE_AGGREGATE_MIN, SLUICE_AGGREGATE_MAX, SLUICE_AGGREGATE_AVG,
	};
	struct window_spec *spec = &scenario->window[scenario->window_count++];

	memset(spec, 0, sizeof(*spec));
	snprintf(spec->name, sizeof(spec->name), "%s", name);
	spec->listener_mask = (1u << scenario->listener_count) - 1;
	spec->kind = SLUICE_WINDOW_TUMBLING;
	spec->size_ns = SCENARIO_SECOND_NS;
	spec->slide_ns = SCENARIO_SECOND_NS;
	for (size_t i = 0; i < sizeof(base) / sizeof(base[0]); i++)
		scenario_add_aggregate(spec, base[i], SLUICE_FIELD_VALUE);
	return spec;
}

static void *copy_bytes(const void *from, size_t bytes)
{
	void *to;

	if (!from || !bytes)
		return NULL;
	to = malloc(bytes);
	if (!to) {
		perror("scenario");
		abort();
	}
	return memcpy(to, from, bytes);
}

/* Copies keep growing by scenario_grow, so they get room for the same power of two. */
static void *copy_array(const void *from, size_t count, size_t bytes)
{
	size_t room = 8;
	void *to;

	if (!count)
		return NULL;
	while (room < count)
		room *= 2;
	to = calloc(room, bytes);
	if (!to) {
		perror("scenario");
		abort();
	}
	return memcpy(to, from, count * bytes);
}

void scenario_copy(struct scenario *to, const struct scenario *from)
{
	*to = *from;
	to->step = copy_array(from->step, from->step_count, sizeof(*from->step));
	for (size_t i = 0; i < from->step_count; i++) {
		const struct scenario_datagram *datagram = &from->step[i].datagram;

		to->step[i].datagram.event = copy_array(datagram->event, datagram->event_count,
							sizeof(*datagram->event));
	}
	for (__u32 i = 0; i < from->window_count; i++)
		to->window[i].where.type_bits =
			copy_bytes(from->window[i].where.type_bits, SLUICE_TYPES / 8);
}

static void print_window(const struct window_spec *spec)
{
	static const char *const kind[] = { "tumbling", "sliding", "session" };

	printf("  window %s %s size=%lld slide=%lld offset=%lld gap=%lld max_duration=%lld "
	       "disorder=%lld lateness=%lld early=%lld dedup=%d listeners=%#x group_by=",
	       spec->name, kind[spec->kind], spec->size_ns, spec->slide_ns, spec->offset_ns,
	       spec->gap_ns, spec->max_duration_ns, spec->max_disorder_ns,
	       spec->allowed_lateness_ns, spec->early_ns, spec->dedup, spec->listener_mask);
	for (int i = 0; i < spec->group_count; i++)
		printf("%s%d", i ? "," : "", spec->group_field[i]);
	printf(" where=%s%s\n", spec->where.has_types ? "types " : "",
	       spec->where.has_value_range ? "values" : "");
}

static void print_datagram(const struct scenario_datagram *datagram)
{
	printf("datagram listener=%u tenant=%u source=%llu epoch=%u sequence=%llu size=%u "
	       "flags=%u\n",
	       datagram->listener, datagram->tenant, datagram->source_id, datagram->epoch,
	       datagram->sequence, datagram->event_size, datagram->flags);
	for (__u32 i = 0; i < datagram->event_count; i++) {
		const struct sluice_event *event = &datagram->event[i].wire;

		printf("      event t=%llu+%uus key=%#llx value=%lld type=%u weight=%u "
		       "dims=%u,%u,%u,%u id=%llu%s\n",
		       datagram->base_time_ns, event->time_offset_us, event->key, event->value,
		       event->type, event->weight, event->dim0, event->dim1, event->dim2,
		       event->dim3, event->event_id,
		       datagram->event[i].is_dropped ? " dropped" : "");
	}
}

void scenario_print(const struct scenario *scenario)
{
	printf("scenario seed %llu: sources_max=%u listeners=%u groups_max=%u idle=%lld lag=%lld "
	       "ahead=%lld\n",
	       scenario->seed, scenario->sources_max, scenario->listener_count,
	       scenario->groups_max, scenario->idle_timeout_ns, scenario->max_lag_ns,
	       scenario->max_ahead_ns);
	for (__u32 i = 0; i < scenario->window_count; i++)
		print_window(&scenario->window[i]);
	for (size_t i = 0; i < scenario->step_count; i++) {
		const struct scenario_step *step = &scenario->step[i];

		printf("  %zu wall=%llu mono=%llu worker=%u ", i, step->wall_ns, step->mono_ns,
		       step->worker);
		if (step->kind == SCENARIO_DATAGRAM)
			print_datagram(&step->datagram);
		else if (step->kind == SCENARIO_WATERMARK)
			printf("watermark %lld\n", step->watermark_ns);
		else if (step->kind == SCENARIO_LOSS)
			printf("loss cause=%u windows=%#x [%lld, %lld] records=%llu\n",
			       step->loss.cause, step->loss.windows, step->loss.from_ns,
			       step->loss.to_ns, step->loss.records);
		else
			printf("%s\n", step->kind == SCENARIO_TICK ? "tick" : "finish");
	}
}
