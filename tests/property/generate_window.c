/* SPDX-License-Identifier: BSD-2-Clause */
/* Random window configurations: sizes that do not divide, offsets of any sign, groups by any
 * fields, filters of every kind. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generate.h"

#define MILLISECOND_NS 1000000ll
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static __s64 pick(struct random *random, const __s64 *values, size_t count)
{
	return values[random_below(random, count)];
}

static void choose_size(struct window_spec *spec, struct random *random)
{
	static const __s64 sizes[] = {
		1000 * MILLISECOND_NS, 500 * MILLISECOND_NS,  2000 * MILLISECOND_NS,
		700 * MILLISECOND_NS,  333333333,	      1500 * MILLISECOND_NS,
		10000 * MILLISECOND_NS, 1000000007,	      3600 * 1000 * MILLISECOND_NS,
	};
	static const __s64 slides[] = { 1, 2, 3, 4, 7 };

	spec->size_ns = pick(random, sizes, COUNT_OF(sizes));
	spec->slide_ns = spec->size_ns;
	if (spec->kind == SLUICE_WINDOW_SLIDING) {
		spec->size_ns = 100 * MILLISECOND_NS * random_range(random, 3, 40);
		spec->slide_ns = spec->size_ns / pick(random, slides, COUNT_OF(slides));
		if (random_percent(random, 50))	/* whole panes that do not divide the size */
			spec->slide_ns =
				100 * MILLISECOND_NS *
				random_range(random, 1, spec->size_ns / MILLISECOND_NS / 100);
		if (random_percent(random, 5)) {	/* many panes */
			spec->size_ns = 100 * MILLISECOND_NS * random_range(random, 50, 150);
			spec->slide_ns = 100 * MILLISECOND_NS * random_range(random, 1, 3);
		}
	}
	if (random_percent(random, 40))
		spec->offset_ns = random_range(random, -3 * spec->size_ns, 3 * spec->size_ns);
}

/* With a slide that cuts the size into odd nanoseconds the panes would be tiny: take whole ones. */
static void settle_panes(struct window_spec *spec)
{
	__s64 unit = 100 * MILLISECOND_NS;

	if (spec->slide_ns % unit && spec->size_ns % spec->slide_ns)
		spec->slide_ns = spec->slide_ns / unit * unit;
	if (spec->slide_ns <= 0)
		spec->slide_ns = unit;
}

static void choose_session(struct window_spec *spec, struct random *random)
{
	static const __s64 gaps[] = { 100, 300, 500, 1000, 2500 };

	spec->gap_ns = MILLISECOND_NS * pick(random, gaps, COUNT_OF(gaps));
	spec->size_ns = spec->slide_ns = spec->gap_ns;
	if (random_percent(random, 30))
		spec->max_duration_ns = spec->gap_ns * random_range(random, 1, 5);
}

static void choose_groups(struct window_spec *spec, struct random *random)
{
	unsigned int percent = (unsigned int)random_below(random, 60);

	for (__u8 field = 0; field < SLUICE_FIELD_VALUE; field++)
		if (random_percent(random, percent))
			spec->group_field[spec->group_count++] = field;
	for (__u8 i = spec->group_count; i > 1; i--) {
		__u64 other = random_below(random, i);
		__u8 field = spec->group_field[other];

		spec->group_field[other] = spec->group_field[i - 1];
		spec->group_field[i - 1] = field;
	}
}

static void choose_where(struct window_spec *spec, struct random *random)
{
	struct window_where *where = &spec->where;

	if (random_percent(random, 20)) {
		where->has_types = true;
		where->type_bits = calloc(SLUICE_TYPES / 64, sizeof(__u64));
		if (!where->type_bits)
			abort();
		where->type_bits[0] = random_next(random) | 2;
		where->type_bits[SLUICE_TYPES / 64 - 1] = random_next(random);
	}
	if (random_percent(random, 20)) {
		where->has_value_range = true;
		where->value_min = random_percent(random, 20) ? INT64_MIN :
								random_range(random, -50, 0);
		where->value_max = random_percent(random, 20) ? INT64_MAX :
								random_range(random, 0, 50);
	}
	for (int field = SLUICE_FIELD_DIM0; field <= SLUICE_FIELD_DIM3; field++) {
		if (!random_percent(random, 8))
			continue;
		where->field[field].count = (__u32)random_range(random, 1, 3);
		for (__u32 i = 0; i < where->field[field].count; i++)
			where->field[field].value[i] = i;
	}
	if (random_percent(random, 8)) {
		where->field[SLUICE_FIELD_TENANT].count = 1;
		where->field[SLUICE_FIELD_TENANT].value[0] = 0;
	}
}

static void choose_times(struct window_spec *spec, struct random *random,
			 const struct generate_options *options)
{
	static const __s64 disorders[] = { 0, 1, 100, 1000, 2000 };
	static const __s64 latenesses[] = { 0, 1, 500, 2000, 5000, 3600000 };

	spec->max_disorder_ns = MILLISECOND_NS * pick(random, disorders, COUNT_OF(disorders));
	if (options->has_lateness)
		spec->allowed_lateness_ns =
			MILLISECOND_NS * pick(random, latenesses, COUNT_OF(latenesses));
	if (options->has_lateness && random_percent(random, 30))
		spec->late = WINDOW_LATE_KEEP;
	if (options->has_early && random_percent(random, 50))
		spec->early_ns = 100 * MILLISECOND_NS * random_range(random, 1, 10);
	if (options->has_event_ids && random_percent(random, 70))
		spec->dedup = WINDOW_DEDUP_EVENT_ID;
}

static void choose_quantiles(struct sluice_schema_aggregate *aggregate)
{
	static const double quantiles[] = { 0, 0.5, 0.9, 0.99, 1 };

	aggregate->precision = 5;
	aggregate->quantile_count = COUNT_OF(quantiles);
	for (size_t i = 0; i < COUNT_OF(quantiles); i++)
		memcpy(&aggregate->quantile[i], &quantiles[i], sizeof(quantiles[i]));
}

static void choose_aggregates(struct window_spec *spec, struct random *random,
			      const struct generate_options *options)
{
	/* Of every field but the value. */
	enum sluice_field field = (enum sluice_field)random_below(random, SLUICE_FIELD_VALUE);

	if (options->is_steady && random_percent(random, 70))
		field = SLUICE_FIELD_KEY; /* of which there are many */
	if (options->has_exact_extras && random_percent(random, 60))
		scenario_add_aggregate(spec, SLUICE_AGGREGATE_FIRST, SLUICE_FIELD_VALUE);
	if (options->has_exact_extras && random_percent(random, 60))
		scenario_add_aggregate(spec, SLUICE_AGGREGATE_LAST, SLUICE_FIELD_VALUE);
	if (!options->has_sketches)
		return;
	if (random_percent(random, 60)) {
		scenario_add_aggregate(spec, SLUICE_AGGREGATE_DISTINCT, field);
		spec->aggregate[spec->aggregate_count - 1].precision = 12;
	}
	if (random_percent(random, 60)) {
		scenario_add_aggregate(spec, SLUICE_AGGREGATE_QUANTILES, SLUICE_FIELD_VALUE);
		choose_quantiles(&spec->aggregate[spec->aggregate_count - 1]);
	}
	if (random_percent(random, 60)) {
		scenario_add_aggregate(spec, SLUICE_AGGREGATE_TOP, field);
		spec->aggregate[spec->aggregate_count - 1].k = (__u32)random_range(random, 1, 10);
	}
}

static enum sluice_window_kind choose_kind(struct random *random,
					   const struct generate_options *options)
{
	const bool has[] = { options->has_tumbling, options->has_sliding, options->has_session };
	__u64 kind;

	do
		kind = random_below(random, COUNT_OF(has));
	while (!has[kind]);
	return (enum sluice_window_kind)kind;
}

void generate_window(struct scenario *scenario, struct random *random,
		     const struct generate_options *options)
{
	char name[SLUICE_NAME_MAX + 1];
	struct window_spec *spec;

	snprintf(name, sizeof(name), "window%u", scenario->window_count);
	spec = scenario_add_window(scenario, name);
	spec->kind = choose_kind(random, options);
	if (spec->kind == SLUICE_WINDOW_SESSION)
		choose_session(spec, random);
	else
		choose_size(spec, random);
	if (spec->kind == SLUICE_WINDOW_SLIDING)
		settle_panes(spec);
	if (options->is_steady) {
		spec->group_count = 1;
		spec->group_field[0] =
			random_percent(random, 50) ? SLUICE_FIELD_TYPE : SLUICE_FIELD_DIM0;
	} else {
		choose_groups(spec, random);
		choose_where(spec, random);
	}
	choose_times(spec, random, options);
	choose_aggregates(spec, random, options);
	if (!options->is_steady && random_percent(random, 30))
		spec->listener_mask &= (__u32)random_next(random);
}
