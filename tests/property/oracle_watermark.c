/* SPDX-License-Identifier: BSD-2-Clause */
/* Sources and the watermark they give: a minimum over a list, looked at from the start each
 * time. */
#include <stdlib.h>

#include "oracle_internal.h"

static size_t add_source(struct oracle *oracle, const struct oracle_source *source)
{
	oracle->source = scenario_grow(oracle->source, oracle->source_count, sizeof(*source));
	oracle->source[oracle->source_count] = *source;
	return oracle->source_count++;
}

size_t oracle_source_find(struct oracle *oracle, __u16 listener, __u64 source_id)
{
	struct oracle_source new = { .listener = listener, .source_id = source_id };
	__u32 places = 0;
	size_t i;

	for (i = 0; i < oracle->source_count; i++) {
		const struct oracle_source *source = &oracle->source[i];

		places += !source->is_overflow;
		if (!source->is_overflow && source->listener == listener &&
		    source->source_id == source_id)
			return i;
	}
	if (places < oracle->scenario->sources_max)
		return add_source(oracle, &new);
	for (i = 0; i < oracle->source_count; i++)
		if (oracle->source[i].is_overflow && oracle->source[i].listener == listener)
			return i;
	new.is_overflow = true;
	return add_source(oracle, &new);
}

void oracle_source_hear(struct oracle *oracle, size_t source, __s64 time_ns, __u64 mono_ns)
{
	struct oracle_source *heard = &oracle->source[source];

	if (!heard->has_time || time_ns > heard->time_max_ns)
		heard->time_max_ns = time_ns;
	heard->has_time = true;
	heard->heard_mono_ns = mono_ns;
}

static bool is_read(const struct oracle_window *window, const struct oracle_source *source)
{
	return source->has_time && window->spec->listener_mask >> source->listener & 1;
}

static bool is_live(const struct oracle *oracle, const struct oracle_source *source, __u64 mono_ns)
{
	return (__s64)(mono_ns - source->heard_mono_ns) < oracle->scenario->idle_timeout_ns;
}

__s64 oracle_watermark(const struct oracle *oracle, const struct oracle_window *window,
		       __u64 wall_ns, __u64 mono_ns)
{
	const struct scenario *scenario = oracle->scenario;
	__int128 newest = INT64_MIN, minimum = INT64_MAX, watermark;
	bool has_any = false, has_live = false;
	size_t i;

	for (i = 0; i < oracle->source_count; i++) {
		const struct oracle_source *source = &oracle->source[i];

		if (!is_read(window, source))
			continue;
		has_any = true;
		if (!is_live(oracle, source, mono_ns))
			continue;
		has_live = true;
		if (source->time_max_ns > newest)
			newest = source->time_max_ns;
	}
	if (!has_any)
		return window->watermark_ns;
	for (i = 0; i < oracle->source_count; i++) {
		const struct oracle_source *source = &oracle->source[i];

		if (is_read(window, source) && is_live(oracle, source, mono_ns) &&
		    newest - source->time_max_ns <= scenario->max_lag_ns &&
		    source->time_max_ns < minimum)
			minimum = source->time_max_ns;
	}
	if (has_live)
		watermark = minimum - window->spec->max_disorder_ns;
	else
		watermark = (__int128)wall_ns - window->spec->max_disorder_ns -
			    scenario->idle_timeout_ns;
	return watermark > window->watermark_ns ? (__s64)watermark : window->watermark_ns;
}
