/* SPDX-License-Identifier: BSD-2-Clause */
/* Row by row and counter by counter. */
#include "compare.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t printed_max = 8;

void compare_set_quiet(bool is_quiet)
{
	printed_max = is_quiet ? 0 : 8;
}

static size_t differ(size_t *count, const char *format, ...)
{
	va_list arguments;

	if ((*count)++ >= printed_max)
		return *count;
	va_start(arguments, format);
	printf("  ");
	vprintf(format, arguments);
	printf("\n");
	va_end(arguments);
	return *count;
}

static int order_of(const struct result_row *a, const struct result_row *b)
{
	return memcmp(&a->identity, &b->identity, sizeof(a->identity));
}

/* Beyond its exact range an aggregate has to stay within what it promises. */
static bool is_near(double expected, double value, double tolerance)
{
	return fabs(expected - value) <= tolerance * fabs(expected);
}

static bool is_same_top(const struct result_aggregate *a, const struct result_aggregate *b)
{
	if (!a->is_exact)
		return b->top_count == a->top_count;
	return a->top_count == b->top_count &&
	       !memcmp(a->top, b->top, a->top_count * sizeof(a->top[0]));
}

static bool is_same_aggregate(const struct result_aggregate *expected,
			      const struct result_aggregate *value)
{
	if (expected->kind != value->kind || expected->value != value->value)
		return false;
	if (!is_near(expected->distinct, value->distinct, expected->is_exact ? 0 : 0.09))
		return false;
	for (int i = 0; i < SLUICE_QUANTILES_MAX; i++)
		if (!is_near(expected->quantile[i], value->quantile[i], 0.011))
			return false;
	return is_same_top(expected, value);
}

static bool is_same_row(const struct result_row *expected, const struct result_row *row)
{
	if (memcmp(&expected->partial, &row->partial, sizeof(row->partial)) ||
	    expected->aggregate_count != row->aggregate_count)
		return false;
	for (__u32 i = 0; i < row->aggregate_count; i++)
		if (!is_same_aggregate(&expected->aggregate[i], &row->aggregate[i]))
			return false;
	return true;
}

static bool is_final(const struct result *result, const struct result_row *row)
{
	for (size_t i = 0; i < result->close_count; i++) {
		const struct result_close *close = &result->close[i];

		/* All sessions that end by then. */
		if (close->window == row->identity.window && close->start_ns == INT64_MIN &&
		    row->identity.end_ns <= close->end_ns)
			return true;
		if (close->window == row->identity.window &&
		    close->start_ns == row->identity.start_ns &&
		    close->end_ns == row->identity.end_ns && close->revision >= row->revision)
			return true;
	}
	return row->is_final;
}

static void compare_pair(size_t *count, const struct result *expected, const struct result *result,
			 const struct result_row *left, const struct result_row *right,
			 unsigned int flags, __u32 step)
{
	size_t before = *count;
	char text[160];

	if (!is_same_row(left, right))
		differ(count, "after step %u a row has other values", step);
	if (flags & COMPARE_REVISIONS &&
	    (right->revision < left->revision ||
	     right->revision > (left->revision_max > left->revision ? left->revision_max :
									left->revision)))
		differ(count, "after step %u a row has revision %d instead of %d", step,
		       right->revision, left->revision);
	if (flags & COMPARE_ORDER &&
	    (right->order < left->order || right->order > left->order_max))
		differ(count, "after step %u a row has order %llx instead of %llx", step,
		       right->order, left->order);
	/* One that was told again without a change knows more than it has to. */
	if (flags & COMPARE_MISSING && left->step == right->step &&
	    !compare_is_same_missing(left, right, text))
		differ(count, "a row %s", text);
	if (flags & COMPARE_FINAL && is_final(expected, left) != is_final(result, right))
		differ(count, "a row is %sfinal", is_final(result, right) ? "" : "not ");
	if (*count != before && before < printed_max) {
		result_print_row("expected", left);
		result_print_row("but", right);
	}
}

static void compare_views(size_t *count, struct result *expected, struct result *result,
			  __u32 step, unsigned int flags)
{
	struct result_row *left, *right;
	size_t left_count = result_view(expected, step, &left);
	size_t right_count = result_view(result, step, &right);
	size_t i = 0, j = 0;

	while (i < left_count || j < right_count) {
		size_t before = *count;
		/* Both are in the same order: the smaller identity is the one that is missing. */
		struct result_row *first = i == left_count ? &right[j] :
					   j == right_count ? &left[i] :
					   result_compare(&left[i], &right[j]) <= 0 ? &left[i] :
										     &right[j];
		bool has_left = i < left_count && !order_of(&left[i], first);
		bool has_right = j < right_count && !order_of(&right[j], first);

		if (has_left && has_right) {
			compare_pair(count, expected, result, &left[i], &right[j], flags, step);
		} else {
			differ(count, "after step %u a row is %s", step,
			       has_left ? "missing" : "too much");
			if (before < printed_max)
				result_print_row("this", first);
		}
		i += has_left;
		j += has_right;
	}
	free(left);
	free(right);
}

static int compare_steps(const void *left, const void *right)
{
	const struct result_row *a = left, *b = right;
	int order = (a->step > b->step) - (a->step < b->step);

	return order ? order : result_compare(a, b);
}

/* Early rows that were told, not those that take one back; once each, as the engine may tell one
 * again when the writer had no room for the next. */
static size_t pick_early(const struct result *result, struct result_row **early)
{
	struct result_row *rows = malloc((result->row_count + 1) * sizeof(*rows));
	size_t count = 0, kept = 0;

	if (!rows)
		abort();
	for (size_t i = 0; i < result->row_count; i++)
		if (result->row[i].is_early && !result->row[i].is_retracted)
			rows[count++] = result->row[i];
	qsort(rows, count, sizeof(*rows), compare_steps);
	for (size_t i = 0; i < count; i++)
		if (!kept || compare_steps(&rows[kept - 1], &rows[i]) ||
		    !is_same_row(&rows[kept - 1], &rows[i]))
			rows[kept++] = rows[i];
	*early = rows;
	return kept;
}

static void compare_early(size_t *count, const struct result *expected,
			  const struct result *result)
{
	struct result_row *left, *right;
	size_t left_count = pick_early(expected, &left), right_count = pick_early(result, &right);

	if (left_count != right_count)
		differ(count, "%zu early rows instead of %zu", right_count, left_count);
	for (size_t i = 0; i < left_count && i < right_count; i++) {
		if (!compare_steps(&left[i], &right[i]) && is_same_row(&left[i], &right[i]))
			continue;
		differ(count, "an early row differs");
		if (*count < printed_max) {
			result_print_row("expected", &left[i]);
			result_print_row("but", &right[i]);
		}
		break;
	}
	free(left);
	free(right);
}

static void compare_counters(size_t *count, const char *what, const char *const *names,
			     const void *expected, const void *value, size_t counters)
{
	const __u64 *left = expected, *right = value;

	for (size_t i = 0; i < counters; i++)
		if (left[i] != right[i])
			differ(count, "%s.%s is %llu instead of %llu", what, names[i], right[i],
			       left[i]);
}

#define COUNTER_NAME(name, text) #name,
static const char *const stream_names[] = { SLUICE_STREAM_LEDGER(COUNTER_NAME) };
static const char *const window_names[] = { SLUICE_WINDOW_LEDGER(COUNTER_NAME) };
#undef COUNTER_NAME

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void compare_ledgers(size_t *count, const struct scenario *scenario,
			    const struct result *expected, const struct result *result)
{
	compare_counters(count, "stream", stream_names, &expected->stream, &result->stream,
			 COUNT_OF(stream_names));
	for (__u32 i = 0; i < scenario->window_count; i++)
		compare_counters(count, scenario->window[i].name, window_names,
				 &expected->window[i], &result->window[i], COUNT_OF(window_names));
}

static void compare_late(size_t *count, struct result *expected, struct result *result)
{
	size_t i = 0, j = 0;

	result_sort(expected);
	result_sort(result);
	while (i < expected->late_count || j < result->late_count) {
		int order = i == expected->late_count ? 1 :
			    j == result->late_count   ? -1 :
							memcmp(&expected->late[i], &result->late[j],
							       sizeof(result->late[j]));
		const struct result_late *late =
			order <= 0 ? &expected->late[i] : &result->late[j];

		if (order)
			differ(count, "%s event of %lld in the side output of window %llu",
			       order < 0 ? "no" : "an unexpected", late->event.time_ns,
			       late->window);
		i += order <= 0;
		j += order >= 0;
	}
}

static void compare_watermarks(size_t *count, const struct scenario *scenario,
			       const struct result *expected, const struct result *result)
{
	if (expected->watermark_count != result->watermark_count)
		differ(count, "%zu watermarks instead of %zu", result->watermark_count,
		       expected->watermark_count);
	for (size_t i = 0; i < expected->watermark_count && i < result->watermark_count; i++)
		if (expected->watermark_ns[i] != result->watermark_ns[i])
			differ(count, "tick %zu: watermark of %s is %lld instead of %lld",
			       i / scenario->window_count,
			       scenario->window[i % scenario->window_count].name,
			       result->watermark_ns[i], expected->watermark_ns[i]);
}

size_t compare_results(const struct scenario *scenario, struct result *expected,
		       struct result *result, unsigned int flags)
{
	size_t count = 0;

	if (flags & COMPARE_WATERMARKS)
		compare_watermarks(&count, scenario, expected, result);
	for (__u32 i = 0; flags & COMPARE_EVERY_STEP && i < scenario->step_count; i++)
		if (scenario->step[i].kind != SCENARIO_DATAGRAM &&
		    scenario->step[i].kind != SCENARIO_LOSS)
			compare_views(&count, expected, result, i,
				      flags & ~(unsigned int)(COMPARE_FINAL | COMPARE_MISSING));
	compare_add_late(scenario, expected);
	compare_add_late(scenario, result);
	compare_views(&count, expected, result, UINT32_MAX, flags);
	if (flags & COMPARE_LATE)
		compare_late(&count, expected, result);
	if (flags & COMPARE_EARLY)
		compare_early(&count, expected, result);
	if (flags & COMPARE_LEDGER)
		compare_ledgers(&count, scenario, expected, result);
	if (printed_max && count > printed_max)
		printf("  … %zu differences in all\n", count);
	return count;
}

static void check_pair(size_t *count, const struct result_row *before, const struct result_row *row)
{
	size_t old = *count;

	if (row->is_early)
		return;
	if (order_of(before, row) || before->is_early) {
		if (row->revision < 0)
			differ(count, "a first row has revision %d", row->revision);
	} else if (row->revision <= before->revision) {
		differ(count, "revision %d is given twice", row->revision);
	} else if (row->step < before->step) {
		differ(count, "a higher revision came out earlier");
	} else if (before->is_final) {
		differ(count, "a revision follows a final row");
	}
	if (*count != old && old < printed_max)
		result_print_row("row", row);
}

/* A row makes sense by itself. */
static void check_row(size_t *count, const struct result_row *row)
{
	size_t old = *count;

	if (row->identity.end_ns <= row->identity.start_ns)
		differ(count, "an interval ends before it starts");
	if (!row->is_retracted && row->partial.records == 0)
		differ(count, "a row about no event");
	if (row->partial.records && row->partial.min > row->partial.max)
		differ(count, "min is above max");
	if (*count != old && old < printed_max)
		result_print_row("row", row);
}

static void check_balance(size_t *count, const struct scenario *scenario,
			  const struct result *result)
{
	const struct sluice_stream_ledger *stream = &result->stream;

	if (stream->consumed != stream->accepted + stream->dictionary + stream->duplicate +
					stream->stale + stream->future + stream->rejected_record)
		differ(count, "consumed does not balance");
	for (__u32 i = 0; i < scenario->window_count; i++) {
		const struct sluice_window_ledger *window = &result->window[i];

		if (stream->accepted != window->unselected + window->duplicate_datagram +
						window->aggregated +
						window->duplicate_id + window->overflow +
						window->late + window->rejected_pane)
			differ(count, "accepted does not balance for %s", scenario->window[i].name);
	}
}

size_t compare_check_alone(const struct scenario *scenario, struct result *result)
{
	size_t count = 0;

	result_sort(result);
	for (size_t i = 0; i < result->row_count; i++) {
		check_row(&count, &result->row[i]);
		if (i)
			check_pair(&count, &result->row[i - 1], &result->row[i]);
	}
	check_balance(&count, scenario, result);
	return count;
}
