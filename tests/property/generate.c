/* SPDX-License-Identifier: BSD-2-Clause */
/* Random streams. A stream is made as datagrams with a time of arrival each; the steps are these in
 * order of arrival, with ticks between them and a quiet end behind. */
#include "features.h"
#include "generate_internal.h"

#include <stdlib.h>
#include <string.h>

static void choose_limits(struct making *making)
{
	static const __s64 seconds[] = { 1, 2, 5, 10 };
	struct scenario *scenario = making->scenario;
	struct random *random = &making->random;

	scenario_init(scenario);
	scenario->lacks = (FEATURE_TIME_RULES ? 0 : LACK_TIME_RULES) |
			  (FEATURE_SEQUENCES_BY_SOURCE ? 0 : LACK_SEQUENCES_BY_SOURCE) |
			  (FEATURE_GROUPS_BY_WINDOW ? 0 : LACK_GROUPS_BY_WINDOW) |
			  (FEATURE_COMPLETENESS ? 0 : LACK_COMPLETENESS) |
			  (FEATURE_GAPS ? 0 : LACK_GAPS) |
			  (FEATURE_EXCUSES ? 0 : LACK_EXCUSES) |
			  (FEATURE_TAKE_BACK ? 0 : LACK_TAKE_BACK) |
			  (FEATURE_REFUSED ? 0 : LACK_REFUSED) |
			  (FEATURE_REFUSED_EACH ? 0 : LACK_REFUSED_EACH) |
			  (FEATURE_SESSION_RECORDS ? 0 : LACK_SESSION_RECORDS);
	scenario->listener_count = (__u32)random_range(random, 1, 4);
	scenario->idle_timeout_ns = SCENARIO_SECOND_NS * seconds[random_below(random, 4)];
	scenario->max_lag_ns = SCENARIO_SECOND_NS * seconds[random_below(random, 4)];
	scenario->max_ahead_ns = SCENARIO_SECOND_NS * seconds[random_below(random, 4)];
	/* A source without a place of its own cannot be told its repeats. */
	if (!making->options->has_sequence_repeats && random_percent(random, 20))
		scenario->sources_max = (__u32)random_range(random, 1, 4);
	if (random_percent(random, 20))
		scenario->max_lag_ns = 3600 * SCENARIO_SECOND_NS;
}

static __u64 choose_key(struct random *random)
{
	__u64 number = random_below(random, 6);

	switch (random_below(random, 8)) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX - number;
	case 2:
		return number << 32;
	case 3:
		return number << 60;
	default:
		return number;
	}
}

static __s64 choose_value(struct random *random)
{
	static const __s64 edges[] = { INT64_MIN, INT64_MAX, INT64_MIN + 1, -1, 0, 1 };

	if (random_percent(random, 15))
		return edges[random_below(random, COUNT_OF(edges))];
	return random_range(random, -100, 100);
}

static __u16 choose_weight(struct random *random)
{
	static const __u16 edges[] = { 0, 1, 2, UINT16_MAX };

	return edges[random_below(random, COUNT_OF(edges))];
}

static __u32 choose_dim(struct random *random)
{
	return random_percent(random, 10) ? UINT32_MAX : (__u32)random_below(random, 3);
}

static void make_steady(struct making *making, struct sluice_event *event)
{
	struct random *random = &making->random;

	event->type = (__u16)random_below(random, making->groups);
	event->dim0 = (__u32)random_below(random, making->groups);
	event->weight &= 1;
	event->key = random_below(random, 5000);
	event->value = random_range(random, -1000, 1000000);
}

static void add_event(struct making *making, struct scenario_datagram *datagram)
{
	static const __u16 types[] = { 0, 1, 1, 2, 63, 64, UINT16_MAX };
	struct random *random = &making->random;
	struct scenario_event *event = scenario_add_event(datagram);

	event->wire = (struct sluice_event){
		.key = choose_key(random),
		.value = choose_value(random),
		.time_offset_us = (__u32)random_below(random, SPREAD_US),
		.type = types[random_below(random, COUNT_OF(types))],
		.weight = choose_weight(random),
		.dim0 = choose_dim(random),
		.dim1 = choose_dim(random),
		.dim2 = choose_dim(random),
		.dim3 = choose_dim(random),
	};
	if (making->options->is_steady)
		make_steady(making, &event->wire);
	if (random_percent(random, 20))
		event->wire.time_offset_us = 0;
	event->wire.time_offset_us -=
		event->wire.time_offset_us %
		(making->grain_ns < 1000 ? 1 : (__u32)making->grain_ns / 1000);
	if (making->options->has_event_ids && random_percent(random, 80))
		event->wire.event_id = ++making->next_event_id;
}

static void fill_datagram(struct making *making, struct sender *sender,
			  struct scenario_datagram *datagram)
{
	static const __u16 sizes[] = { 32, 32, 40, 48, 48, 56, 128, 256 };
	struct random *random = &making->random;
	__u32 count = (__u32)random_range(random, 1, 8);
	bool has_marks = random_percent(random, 15);

	if (!sender->epoch && random_percent(random, 5)) {	/* a restart of the sender */
		sender->epoch++;
		sender->sequence = 0;
		sender->has_lost = false;
	}
	if (random_percent(random, 2))
		count = (__u32)random_range(random, 64, 150);
	if (making->is_burst || making->options->is_steady)
		count = (__u32)random_range(random, 60, 250);
	if (sender->has_two_ways)
		sender->listener = (__u16)random_below(random, making->scenario->listener_count);
	datagram->listener = sender->listener;
	datagram->tenant = sender->tenant;
	datagram->source_id = sender->source_id;
	datagram->epoch = sender->epoch;
	datagram->sequence = generate_sequence(making, sender);
	datagram->event_size = sizes[random_below(random, COUNT_OF(sizes))];
	datagram->flags = (__u8)(random_percent(random, 10) ? SLUICE_FLAG_TRAILER : 0);
	datagram->flags |= (__u8)(random_percent(random, 10) ? SLUICE_FLAG_ACK_RECEIPT : 0);
	datagram->has_long_prefix = random_percent(random, 10);
	for (__u32 i = 0; i < count; i++) {
		add_event(making, datagram);
		datagram->event[i].is_dropped = has_marks && random_percent(random, 40);
	}
	/* One that rules drop as a whole is no gap, but that is known in the kernel only. */
	datagram->event[0].is_dropped &= !!(making->scenario->lacks & LACK_GAPS);
	if (random_percent(random, 2)) {
		datagram->flags |= SLUICE_FLAG_DICTIONARY;
		for (__u32 i = 0; i < count; i++)
			datagram->event[i].is_dropped = false; /* rules are about events */
	}
}

static void add_tick(struct making *making)
{
	scenario_add_step(making->scenario, SCENARIO_TICK, making->wall_ns, making->mono_ns);
}

/* The clocks go on; the wall clock also jumps now and then. */
static void pass_time(struct making *making)
{
	struct random *random = &making->random;
	__u64 passed_ns = 0;

	if (random_percent(random, making->is_burst ? 10 : 80))
		passed_ns = random_below(random, 600 * MILLISECOND_NS);
	if (random_percent(random, 3))
		passed_ns = random_below(random, 8 * SCENARIO_SECOND_NS);
	if (making->options->is_steady)
		passed_ns /= 10;
	making->mono_ns += passed_ns;
	making->wall_ns += passed_ns;
	if (random_percent(random, 1))
		making->wall_ns += (__u64)random_range(random, -3 * SCENARIO_SECOND_NS,
							3 * SCENARIO_SECOND_NS);
}

static struct scenario_step *add_datagram(struct making *making)
{
	struct scenario_step *step = scenario_add_step(making->scenario, SCENARIO_DATAGRAM,
						       making->wall_ns, making->mono_ns);

	step->worker = (__u32)random_below(&making->random, SLUICE_WORKERS_MAX);
	return step;
}

/* An earlier datagram comes again, as it was; maybe by another way. */
static void repeat_datagram(struct making *making, size_t index)
{
	struct scenario_step *step = add_datagram(making);
	const struct scenario_datagram *old = &making->scenario->step[index].datagram;

	step->datagram = *old;
	step->datagram.event = NULL;
	step->datagram.event_count = 0;
	for (__u32 i = 0; i < old->event_count; i++)
		*scenario_add_event(&step->datagram) = old->event[i];
	if (generate_sender_of(making, old)->has_two_ways)
		step->datagram.listener =
			(__u16)random_below(&making->random, making->scenario->listener_count);
}

/* Events with ids come again inside a datagram with a sequence of its own. */
static void repeat_events(struct making *making, size_t index, struct sender *sender)
{
	struct scenario_datagram *again;

	repeat_datagram(making, index);
	again = &making->scenario->step[making->scenario->step_count - 1].datagram;
	again->epoch = sender->epoch;
	again->sequence = sender->sequence++;
	for (__u32 i = 0; i < again->event_count; i++)
		again->event[i].is_dropped |= !again->event[i].wire.event_id;
}

/* Now and then something that was sent before is sent again. */
static void maybe_repeat(struct making *making)
{
	struct random *random = &making->random;
	size_t index = random_below(random, making->scenario->step_count);
	const struct scenario_step *step = &making->scenario->step[index];

	if (step->kind != SCENARIO_DATAGRAM || step->datagram.flags & SLUICE_FLAG_DICTIONARY)
		return;
	if (making->options->has_sequence_repeats && random_percent(random, 15))
		repeat_datagram(making, index);
	else if (making->options->has_event_ids && step->datagram.event_size >= 40 &&
		 random_percent(random, 20))
		repeat_events(making, index, generate_sender_of(making, &step->datagram));
}

/* Something outside of the windows was lost about now. */
static void maybe_lose(struct making *making)
{
	static const __u32 causes[] = { RESULT_SHED, RESULT_RING_FULL, RESULT_SOCKET_DROPPED,
					RESULT_REFUSED, RESULT_NO_PANE, RESULT_UPSTREAM };
	struct random *random = &making->random;
	struct scenario_loss loss = {
		.windows = 1u << random_below(random, making->scenario->window_count),
		.cause = causes[random_below(random, COUNT_OF(causes))],
		.records = 1 + random_below(random, 1000),
		.is_uncounted = random_percent(random, 10),
	};

	if (making->scenario->lacks & LACK_COMPLETENESS || !random_percent(random, 5))
		return;
	loss.windows |= (__u32)(random_next(random) &
				((1ull << making->scenario->window_count) - 1));
	loss.to_ns = (__s64)making->wall_ns - random_range(random, 0, 2 * SCENARIO_SECOND_NS);
	loss.from_ns = loss.to_ns - random_range(random, 0, 2 * SCENARIO_SECOND_NS);
	scenario_add_step(making->scenario, SCENARIO_LOSS, making->wall_ns, making->mono_ns)->loss =
		loss;
}

static void add_live_stream(struct making *making)
{
	struct random *random = &making->random;

	__u32 datagrams = making->is_burst ? 8 : making->options->datagrams;

	for (__u32 i = 0; i < datagrams; i++) {
		struct sender *sender = &making->sender[random_below(random, making->sender_count)];
		struct scenario_step *step;

		pass_time(making);
		maybe_lose(making);
		if (random_percent(random, making->is_burst ? 5 : 25))
			add_tick(making);
		if (i >= sender->quiet_from && i < sender->quiet_to)
			continue;
		step = add_datagram(making);
		step->datagram.base_time_ns = generate_base_time(making, sender);
		fill_datagram(making, sender, &step->datagram);
		maybe_repeat(making);
	}
}

/* Nobody sends any more: the wall clock takes over and passes every window, or the agent stops. */
static void add_end(struct making *making)
{
	struct random *random = &making->random;
	__s64 longest_ns = 2 * 3600 * SCENARIO_SECOND_NS;

	if (random_percent(random, 10)) {
		scenario_add_step(making->scenario, SCENARIO_FINISH, making->wall_ns,
				  making->mono_ns);
		return;
	}
	for (int i = 0; i < 3; i++) {
		making->mono_ns += (__u64)making->scenario->idle_timeout_ns;
		making->wall_ns += (__u64)making->scenario->idle_timeout_ns;
		add_tick(making);
	}
	making->wall_ns += (__u64)(longest_ns + 60 * SCENARIO_SECOND_NS);
	making->mono_ns += (__u64)longest_ns;
	add_tick(making);
}

/* Datagrams at any time within `seconds`; nothing about their arrival yet. */
static void add_loose_stream(struct making *making, __u64 seconds)
{
	struct random *random = &making->random;
	__u64 from_ns = making->wall_ns;

	for (__u32 i = 0; i < making->options->datagrams; i++) {
		struct sender *sender = &making->sender[random_below(random, making->sender_count)];
		struct scenario_step *step = add_datagram(making);

		step->datagram.base_time_ns =
			generate_on_grain(making, from_ns + random_below(random,
								seconds * SCENARIO_SECOND_NS));
		fill_datagram(making, sender, &step->datagram);
		maybe_repeat(making);
	}
}

static void arrange(struct scenario *scenario, __u64 seed)
{
	struct scenario loose = *scenario;

	generate_permute(scenario, &loose, seed);
	for (__u32 i = 0; i < loose.window_count; i++)
		free(loose.window[i].where.type_bits);
	for (size_t i = 0; i < loose.step_count; i++)
		free(loose.step[i].datagram.event);
	free(loose.step);
}

static __s64 round_up(__s64 value_ns, __s64 grain_ns)
{
	return value_ns % grain_ns ? value_ns + grain_ns - value_ns % grain_ns : value_ns;
}

static void round_window(struct window_spec *spec, __s64 grain_ns)
{
	spec->size_ns = round_up(spec->size_ns, grain_ns);
	spec->slide_ns = round_up(spec->slide_ns, grain_ns);
	if (spec->slide_ns > spec->size_ns)
		spec->slide_ns = spec->size_ns;
	spec->offset_ns -= spec->offset_ns % grain_ns;
	spec->max_disorder_ns = round_up(spec->max_disorder_ns, grain_ns);
	spec->allowed_lateness_ns = round_up(spec->allowed_lateness_ns, grain_ns);
}

void generate_scenario(struct scenario *scenario, __u64 seed,
		       const struct generate_options *options)
{
	static const __u64 starts[] = { 1767225600ull * SCENARIO_SECOND_NS, 5 * SCENARIO_SECOND_NS,
					1ull << 62, 1767225599999999999ull };
	struct making making = { .scenario = scenario,
				 .options = options,
				 .random = { .state = seed } };
	struct random *random = &making.random;
	__u64 windows = 1 + random_below(random, options->windows_max);

	choose_limits(&making);
	generate_senders(&making);
	scenario->seed = seed;
	if (options->has_sequence_repeats)
		scenario->lacks |= LACK_GAPS;
	making.grain_ns = random_percent(random, 40) ? 100 * MILLISECOND_NS : 1;
	making.is_burst = !options->is_in_bound && random_percent(random, 3);
	making.groups = 1 + random_below(random, STEADY_GROUPS_MAX);
	for (__u64 i = 0; i < windows; i++) {
		generate_window(scenario, random, options);
		if (making.grain_ns > 1)
			round_window(&scenario->window[i], (__s64)making.grain_ns);
	}
	making.wall_ns = starts[random_below(random, COUNT_OF(starts))];
	making.mono_ns = random_below(random, 1ull << 40);
	if (!options->is_in_bound) {
		add_live_stream(&making);
		add_end(&making);
		return;
	}
	/* What comes in any order fills gaps in any order: which they were is not compared. */
	scenario->lacks |= LACK_GAPS;
	scenario->jitter_ns = MILLISECOND_NS * random_range(random, 1, 4000);
	for (__u32 i = 0; i < scenario->window_count; i++)
		scenario->window[i].max_disorder_ns = scenario->jitter_ns + SPREAD_US * 1000ll;
	add_loose_stream(&making, 15);
	arrange(scenario, random_next(random));
}

__u64 generate_rounds(__u64 rounds)
{
	const char *factor = getenv("SLUICE_PROPERTY_ROUNDS");

	if (getenv("SLUICE_PROPERTY_SEED"))
		return 1;
	return factor && strtoull(factor, NULL, 10) ? rounds * strtoull(factor, NULL, 10) : rounds;
}

__u64 generate_first_seed(__u64 seed)
{
	const char *chosen = getenv("SLUICE_PROPERTY_SEED");

	return chosen ? strtoull(chosen, NULL, 0) : seed;
}
