/* SPDX-License-Identifier: BSD-2-Clause */
/* A configuration in words. */
#include "command/describe.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#include "base/units.h"

static const char *const field_names[SLUICE_FIELD_COUNT] = {
	"tenant", "source", "type", "key", "dim0", "dim1", "dim2", "dim3", "value",
};

static const char *const aggregate_names[SLUICE_AGGREGATE_KINDS] = {
	"count", "records", "sum",  "min",	"max",	     "avg",
	"first", "last",    "rate", "distinct", "quantiles", "top",
};

static const char *field_name(const struct config *config, enum sluice_field field)
{
	if (field >= SLUICE_FIELD_DIM0 && field <= SLUICE_FIELD_DIM3 &&
	    config->dim_name[field - SLUICE_FIELD_DIM0][0])
		return config->dim_name[field - SLUICE_FIELD_DIM0];
	return field_names[field];
}

const char *describe_mode(enum config_mode mode)
{
	static const char *const names[] = { "auto", "native", "generic", "socket" };

	return names[mode];
}

void describe_address(struct text *text, const struct config_listener *listener)
{
	static const __u8 mapped[12] = { [10] = 0xff, [11] = 0xff };
	bool is_v4 = memcmp(listener->address, mapped, sizeof(mapped)) == 0;
	char buffer[INET6_ADDRSTRLEN];

	if (!listener->has_address)
		text_add(text, "any address");
	else if (inet_ntop(is_v4 ? AF_INET : AF_INET6, listener->address + (is_v4 ? 12 : 0), buffer,
			   sizeof(buffer)))
		text_add(text, buffer);
}

void describe_kind(struct text *text, const struct window_spec *window)
{
	char size[UNITS_BYTES_MAX], slide[UNITS_BYTES_MAX];

	switch (window->kind) {
	case SLUICE_WINDOW_TUMBLING:
		text_format(text, "tumbling, %s", units_format_duration(size, window->size_ns));
		break;
	case SLUICE_WINDOW_SLIDING:
		text_format(text, "sliding, %s every %s",
			    units_format_duration(size, window->size_ns),
			    units_format_duration(slide, window->slide_ns));
		break;
	case SLUICE_WINDOW_SESSION:
		text_format(text, "session, gap %s", units_format_duration(size, window->gap_ns));
		break;
	}
	if (window->offset_ns)
		text_format(text, ", offset %s", units_format_duration(size, window->offset_ns));
	if (window->max_duration_ns)
		text_format(text, ", at most %s",
			    units_format_duration(size, window->max_duration_ns));
}

void describe_groups(struct text *text, const struct config *config,
		     const struct window_spec *window)
{
	unsigned int i;

	if (!window->group_count)
		text_add(text, "one group");
	for (i = 0; i < window->group_count; i++)
		text_format(text, "%s%s", i ? ", " : "",
			    field_name(config, window->group_field[i]));
}

const char *describe_group(const struct config *config, const struct window_spec *window,
			   unsigned int place)
{
	return field_name(config, window->group_field[place]);
}

void describe_aggregate(struct text *text, const struct config *config,
			const struct sluice_schema_aggregate *aggregate)
{
	unsigned int i;

	text_add(text, aggregate_names[aggregate->kind]);
	if (aggregate->kind == SLUICE_AGGREGATE_DISTINCT) {
		text_format(text, "(%s; %u)", field_name(config, aggregate->field),
			    aggregate->precision);
	} else if (aggregate->kind == SLUICE_AGGREGATE_TOP) {
		text_format(text, "(%s, %u)", field_name(config, aggregate->field), aggregate->k);
	} else if (aggregate->kind == SLUICE_AGGREGATE_QUANTILES) {
		text_add(text, "(value");
		for (i = 0; i < aggregate->quantile_count; i++) {
			double quantile;

			memcpy(&quantile, &aggregate->quantile[i], sizeof(quantile));
			text_format(text, "%s%g", i ? ", " : "; ", quantile);
		}
		text_add(text, ")");
	}
}

void describe_aggregates(struct text *text, const struct config *config,
			 const struct window_spec *window)
{
	unsigned int i;

	for (i = 0; i < window->aggregate_count; i++) {
		text_add(text, i ? ", " : "");
		describe_aggregate(text, config, &window->aggregate[i]);
	}
}

void describe_listeners(struct text *text, const struct config *config,
			const struct window_spec *window)
{
	const char *separator = "";
	unsigned int i;

	if (window->listener_mask == (1u << config->listener_count) - 1) {
		text_add(text, "all listeners");
		return;
	}
	for (i = 0; i < config->listener_count; i++) {
		if (!(window->listener_mask >> i & 1))
			continue;
		text_format(text, "%s%s", separator, config->listener[i].name);
		separator = ", ";
	}
}

static const char *type_name(const struct config *config, __u64 type)
{
	__u32 i;

	for (i = 0; i < config->type_name_count; i++)
		if (config->type_names[i].id == type)
			return config->type_names[i].name;
	return NULL;
}

static void describe_types(struct text *text, const struct config *config,
			   const struct window_where *where)
{
	const char *separator = "types ";
	__u32 type;

	for (type = 0; where->has_types && type < SLUICE_TYPES; type++) {
		const char *name;

		if (!(where->type_bits[type / 64] >> type % 64 & 1))
			continue;
		name = type_name(config, type);
		if (name)
			text_format(text, "%s%s", separator, name);
		else
			text_format(text, "%s%u", separator, type);
		separator = ", ";
	}
}

static void describe_range(struct text *text, const struct window_where *where)
{
	if (where->value_min == INT64_MIN)
		text_format(text, "value up to %lld", where->value_max);
	else if (where->value_max == INT64_MAX)
		text_format(text, "value from %lld", where->value_min);
	else
		text_format(text, "value %lld to %lld", where->value_min, where->value_max);
}

void describe_where(struct text *text, const struct config *config,
		    const struct window_spec *window)
{
	const struct window_where *where = &window->where;
	size_t start = text->bytes;
	unsigned int field;
	__u32 i;

	describe_types(text, config, where);
	for (field = 0; field < SLUICE_FIELD_VALUE; field++) {
		for (i = 0; i < where->field[field].count; i++) {
			text_add(text, i ? ", " : text->bytes > start ? "; " : "");
			if (i == 0)
				text_format(text, "%s ", field_name(config, field));
			text_format(text, "%llu", where->field[field].value[i]);
		}
	}
	if (where->has_value_range) {
		text_add(text, text->bytes > start ? "; " : "");
		describe_range(text, where);
	}
}
