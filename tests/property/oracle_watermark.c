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

/* The first listener by which a source has come: it takes one place whatever there are more. */
static bool is_first(const struct oracle *oracle, size_t source)
{
	for (size_t i = 0; i < source; i++)
		if (!oracle->source[i].is_overflow &&
		    oracle->source[i].source_id == oracle->source[source].source_id)
			return false;
	return true;
}

size_t oracle_source_find(struct oracle *oracle, __u16 listener, __u64 source_id)
{
	struct oracle_source new = { .listener = listener, .source_id = source_id };
	bool has_place = false;
	__u32 places = 0;
	size_t i;

	for (i = 0; i < oracle->source_count; i++) {
		const struct oracle_source *source = &oracle->source[i];

		if (source->is_overflow)
			continue;
		if (source->source_id == source_id && source->listener == listener)
			return i;
		has_place |= source->source_id == source_id;
		places += is_first(oracle, i);
	}
	if (has_place || places < oracle->scenario->sources_max)
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

	if (!heard->has_time || time_ns > heard->time_max_ns) {
		heard->time_max_ns = time_ns;
		heard->risen_mono_ns = mono_ns;
	}
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

/* The newest time that is known of any source the window reads, live or idle, at most now. */
static __s64 newest_known(const struct oracle *oracle, const struct oracle_window *window,
			  __u64 now_ns, __u64 mono_ns)
{
	bool is_old_rule = oracle->scenario->lacks & LACK_TIME_RULES;
	__s64 newest_ns = INT64_MIN;

	for (size_t i = 0; i < oracle->source_count; i++) {
		const struct oracle_source *source = &oracle->source[i];

		if (is_read(window, source) && source->time_max_ns > newest_ns &&
		    (!is_old_rule || is_live(oracle, source, mono_ns)))
			newest_ns = source->time_max_ns;
	}
	if (!is_old_rule && newest_ns > (__s64)now_ns)
		return (__s64)now_ns;
	return newest_ns;
}

static bool is_set_aside(const struct oracle *oracle, const struct oracle_source *source,
			 __s64 newest_ns, __u64 mono_ns)
{
	const struct scenario *scenario = oracle->scenario;

	if ((__int128)newest_ns - source->time_max_ns > scenario->max_lag_ns)
		return true;
	return !(scenario->lacks & LACK_TIME_RULES) &&
	       (__s64)(mono_ns - source->risen_mono_ns) >= scenario->max_lag_ns;
}

__s64 oracle_watermark(const struct oracle *oracle, const struct oracle_window *window,
		       __u64 now_ns, __u64 mono_ns)
{
	__s64 newest_ns = newest_known(oracle, window, now_ns, mono_ns);
	__s64 disorder_ns = window->spec->max_disorder_ns;
	__int128 watermark, minimum = INT64_MAX;
	bool has_any = false, has_counted = false;

	for (size_t i = 0; i < oracle->source_count; i++) {
		const struct oracle_source *source = &oracle->source[i];

		if (!is_read(window, source))
			continue;
		has_any = true;
		if (!is_live(oracle, source, mono_ns) ||
		    is_set_aside(oracle, source, newest_ns, mono_ns))
			continue;
		has_counted = true;
		if (source->time_max_ns < minimum)
			minimum = source->time_max_ns;
	}
	if (!has_any)
		return window->watermark_ns;
	if (!has_counted)
		watermark = (__int128)now_ns - disorder_ns - oracle->scenario->idle_timeout_ns;
	else if (minimum > now_ns && !(oracle->scenario->lacks & LACK_TIME_RULES))
		watermark = (__int128)now_ns - disorder_ns;
	else
		watermark = minimum - disorder_ns;
	return watermark > window->watermark_ns ? (__s64)watermark : window->watermark_ns;
}
