/* SPDX-License-Identifier: BSD-2-Clause */
/* Tumbling and sliding windows: every interval [start, start + size) is asked for its events by
 * going through all of them. An event is a member when it lies inside and the interval was not
 * freed when it came. */
#include <stdlib.h>
#include <string.h>

#include "oracle_internal.h"

static __s64 slide_of(const struct window_spec *spec)
{
	return spec->kind == SLUICE_WINDOW_TUMBLING ? spec->size_ns : spec->slide_ns;
}

/* Remainder that is never negative. */
static __int128 modulo(__int128 dividend, __int128 divisor)
{
	__int128 rest = dividend % divisor;

	return rest < 0 ? rest + divisor : rest;
}

/* Start of the last interval that contains the time. */
static __int128 last_start(const struct window_spec *spec, __s64 time_ns)
{
	return time_ns - modulo((__int128)time_ns - spec->offset_ns, slide_of(spec));
}

static bool is_freed(const struct window_spec *spec, __int128 start_ns, __s64 watermark_ns)
{
	if (watermark_ns == INT64_MIN)
		return false;
	return start_ns + spec->size_ns + spec->allowed_lateness_ns <= watermark_ns;
}

bool oracle_fixed_is_late(const struct oracle_window *window, __s64 time_ns)
{
	return is_freed(window->spec, last_start(window->spec, time_ns), window->watermark_ns);
}

static __s64 greatest_divisor(__s64 a, __s64 b)
{
	return b ? greatest_divisor(b, a % b) : a;
}

bool oracle_fixed_is_same_pane(const struct oracle_window *window, const struct oracle_taken *a,
			       const struct oracle_taken *b)
{
	const struct window_spec *spec = window->spec;
	__s64 pane_ns = greatest_divisor(spec->size_ns, slide_of(spec));
	__int128 left = (__int128)a->event.time_ns - spec->offset_ns;
	__int128 right = (__int128)b->event.time_ns - spec->offset_ns;

	return left - modulo(left, pane_ns) == right - modulo(right, pane_ns);
}

static bool is_member(const struct oracle_window *window, const struct oracle_interval *interval,
		      const struct oracle_taken *taken)
{
	__s64 time_ns = taken->event.time_ns;

	return time_ns >= interval->start_ns &&
	       time_ns - interval->start_ns < window->spec->size_ns &&
	       !is_freed(window->spec, interval->start_ns, taken->watermark_ns);
}

static void add_interval(struct oracle_window *window, __s64 start_ns)
{
	for (size_t i = 0; i < window->interval_count; i++)
		if (window->interval[i].start_ns == start_ns)
			return;
	window->interval =
		scenario_grow(window->interval, window->interval_count, sizeof(*window->interval));
	window->interval[window->interval_count++] =
		(struct oracle_interval){ .start_ns = start_ns, .revision = -1 };
}

void oracle_fixed_take(struct oracle_window *window, const struct oracle_taken *taken)
{
	const struct window_spec *spec = window->spec;
	__int128 start_ns = last_start(spec, taken->event.time_ns);

	for (; start_ns + spec->size_ns > taken->event.time_ns; start_ns -= slide_of(spec))
		if (!is_freed(spec, start_ns, window->watermark_ns))
			add_interval(window, (__s64)start_ns);
}

static __u64 records_of(const struct oracle_window *window, const struct oracle_interval *interval)
{
	__u64 records = 0;

	for (size_t i = 0; i < window->taken_count; i++)
		records += is_member(window, interval, &window->taken[i]);
	return records;
}

__u64 oracle_fixed_missed(const struct oracle_window *window, const struct result_row *row)
{
	const struct oracle_interval interval = { .start_ns = row->identity.start_ns };
	__u64 missed = 0;

	for (size_t i = 0; i < window->taken_count; i++) {
		__s64 time_ns = window->taken[i].event.time_ns;

		missed += time_ns >= row->identity.start_ns && time_ns < row->identity.end_ns &&
			  !is_member(window, &interval, &window->taken[i]);
	}
	return missed;
}

/* The row of the group that `first` belongs to, if first is its first member and it has news since
 * so many events were taken. */
static struct result_row *emit_group(struct oracle *oracle, struct oracle_window *window,
				     const struct oracle_interval *interval, size_t first,
				     size_t taken_seen)
{
	const struct oracle_taken *taken = window->taken;
	__u64 group[SLUICE_GROUP_FIELDS_MAX];
	size_t *member = malloc(window->taken_count * sizeof(*member));
	struct result_row *row = NULL;
	size_t count = 0;

	if (!member)
		abort();
	oracle_group(window, &taken[first], group);
	for (size_t i = 0; i < window->taken_count; i++)
		if (is_member(window, interval, &taken[i]) &&
		    oracle_has_group(window, &taken[i], group, taken[first].is_overflow))
			member[count++] = i;
	if (member[0] == first && member[count - 1] >= taken_seen)
		row = oracle_add_row(oracle, window, member, count, interval->start_ns,
				     interval->start_ns + window->spec->size_ns);
	free(member);
	return row;
}

static bool has_news(const struct oracle_window *window, const struct oracle_interval *interval)
{
	for (size_t i = interval->taken_seen; i < window->taken_count; i++)
		if (is_member(window, interval, &window->taken[i]))
			return true;
	return false;
}

static void emit(struct oracle *oracle, struct oracle_window *window,
		 struct oracle_interval *interval, bool is_final)
{
	if (!has_news(window, interval))
		return;
	interval->revision++;
	for (size_t i = 0; i < window->taken_count; i++) {
		struct result_row *row =
			is_member(window, interval, &window->taken[i]) ?
				emit_group(oracle, window, interval, i, interval->taken_seen) :
				NULL;

		if (!row)
			continue;
		row->revision = oracle_revision_of(oracle, row);
		row->revision_max = interval->revision;
		row->order = ORDER_CLOSED + (__u64)row->revision;
		row->order_max = ORDER_CLOSED + (__u64)row->revision_max;
		row->is_final = is_final;
		row->aggregated = records_of(window, interval);
		oracle_missing_fill(oracle, window, row);
	}
	interval->taken_seen = window->taken_count;
	interval->is_emitted = true;
}

static void add_close(struct oracle *oracle, const struct oracle_window *window,
		      const struct oracle_interval *interval)
{
	*result_add_close(oracle->result) = (struct result_close){
		.window = window->index,
		.step = oracle->step,
		.start_ns = interval->start_ns,
		.end_ns = interval->start_ns + window->spec->size_ns,
		.revision = interval->revision,
	};
}

void oracle_fixed_advance(struct oracle *oracle, struct oracle_window *window)
{
	for (size_t i = 0; i < window->interval_count; i++) {
		struct oracle_interval *interval = &window->interval[i];
		bool is_over = is_freed(window->spec, interval->start_ns, window->watermark_ns);

		if (interval->is_freed || window->watermark_ns == INT64_MIN ||
		    (__int128)interval->start_ns + window->spec->size_ns > window->watermark_ns)
			continue;
		emit(oracle, window, interval, window->spec->allowed_lateness_ns == 0);
		if (is_over) {
			interval->is_freed = true;
			add_close(oracle, window, interval);
		}
	}
}

static void show(struct oracle *oracle, struct oracle_window *window,
		 struct oracle_interval *interval)
{
	interval->shown_count++;
	for (size_t i = 0; i < window->taken_count; i++) {
		struct result_row *row = is_member(window, interval, &window->taken[i]) ?
						 emit_group(oracle, window, interval, i, 0) :
						 NULL;

		if (!row)
			continue;
		row->revision = -1;
		row->is_early = true;
		row->order = oracle_early_count(oracle, row);
		row->order_max = interval->shown_count;
	}
}

void oracle_fixed_show(struct oracle *oracle, struct oracle_window *window)
{
	for (size_t i = 0; i < window->interval_count; i++) {
		struct oracle_interval *interval = &window->interval[i];

		if (window->watermark_ns == INT64_MIN ||
		    (__int128)interval->start_ns + window->spec->size_ns > window->watermark_ns)
			show(oracle, window, interval);
	}
}

void oracle_fixed_finish(struct oracle *oracle, struct oracle_window *window)
{
	for (size_t i = 0; i < window->interval_count; i++)
		if (!window->interval[i].is_freed)
			emit(oracle, window, &window->interval[i], false);
}
