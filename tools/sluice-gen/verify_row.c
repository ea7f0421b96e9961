/* SPDX-License-Identifier: BSD-2-Clause */
/* Names rows and compares their values: integers and reals as numbers, sketches within what they
 * promise. */
#include "verify_row.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "time_text.h"

#define GROUP_MAX 8
#define LIST_MAX 4096
#define REAL_TOLERANCE 1e-12 /* relative; one rounding more or less */
#define QUANTILE_TOLERANCE 0.011 /* the histogram's promise, relative */
#define DISTINCT_TOLERANCE 0.065 /* four standard errors of 4096 registers */

/* Members that name the row or that the truth cannot know. */
static const char *const ignored[] = {
	"window",	   "start",	"end",		"group",   "revision", "final",
	"early",	   "retracted", "completeness", "missing", "agent",    "epoch",
	"group_id",	   "order",	"merged",	"unmerged", "sum_saturated",
	"quantiles_range", "top_more",	NULL,
};

static struct json_slice member_of(const struct verify_row *row, const char *name)
{
	return json_find(row->members, row->member_count, name);
}

/* In one spelling, whatever the number of decimals. */
static void add_time(struct text *text, struct json_slice value)
{
	struct json_slice string = json_string(value);
	char written[TIME_TEXT_BYTES];
	__s64 time_ns;

	if (time_text_parse(string.text, string.bytes, &time_ns))
		text_add_bytes(text, string.text, string.bytes);
	else
		text_add(text, time_text_format(written, time_ns));
}

static bool comes_before(struct json_slice left, struct json_slice right)
{
	size_t shorter = left.bytes < right.bytes ? left.bytes : right.bytes;
	int order = memcmp(left.text, right.text, shorter);

	return order ? order < 0 : left.bytes < right.bytes;
}

static int add_group(struct text *text, struct json_slice value)
{
	struct json_member fields[GROUP_MAX];
	int count = json_scan(value, fields, GROUP_MAX);

	for (int i = 1; i < count; i++)
		for (int j = i; j > 0 && comes_before(fields[j].name, fields[j - 1].name); j--) {
			struct json_member swapped = fields[j];

			fields[j] = fields[j - 1];
			fields[j - 1] = swapped;
		}
	text_add(text, " {");
	for (int i = 0; i < count; i++) {
		struct json_slice string = json_string(fields[i].value);

		text_format(text, "%s%.*s=", i ? " " : "", (int)fields[i].name.bytes,
			    fields[i].name.text);
		if (!string.text)
			string = fields[i].value;
		text_add_bytes(text, string.text, string.bytes);
	}
	text_add(text, "}");
	return count < 0 ? -EINVAL : 0;
}

int verify_row_read(struct verify_row *row, struct json_slice line)
{
	struct text text;

	row->member_count = json_scan(line, row->members, VERIFY_MEMBERS_MAX);
	if (row->member_count < 0)
		return -EINVAL;
	row->window = json_string(member_of(row, "window"));
	if (!row->window.text || !json_string(member_of(row, "start")).text ||
	    !json_string(member_of(row, "end")).text || !member_of(row, "group").text)
		return -EINVAL;
	text_init(&text, row->name, sizeof(row->name));
	text_add_bytes(&text, row->window.text, row->window.bytes);
	text_add(&text, " [");
	add_time(&text, member_of(row, "start"));
	text_add(&text, ", ");
	add_time(&text, member_of(row, "end"));
	text_add(&text, ")");
	if (verify_row_is_absent(row))
		return 0;
	if (add_group(&text, member_of(row, "group")) || text.is_cut)
		return -EINVAL;
	return 0;
}

bool verify_row_is_absent(const struct verify_row *row)
{
	return json_is(member_of(row, "group"), "null");
}

bool verify_row_is_open(const struct verify_row *row, bool allows_open)
{
	if (json_is(member_of(row, "early"), "true") ||
	    json_is(member_of(row, "retracted"), "true"))
		return true;
	return !allows_open && !json_is(member_of(row, "final"), "true");
}

static bool is_close(double left, double right, double tolerance)
{
	return fabs(left - right) <= tolerance * fmax(fabs(left), fabs(right));
}

static bool same_number(struct json_slice truth, struct json_slice result)
{
	__s64 whole[2];
	double real[2];

	if (!json_integer(truth, &whole[0]) && !json_integer(result, &whole[1]))
		return whole[0] == whole[1];
	if (!json_real(truth, &real[0]) && !json_real(result, &real[1]))
		return is_close(real[0], real[1], REAL_TOLERANCE);
	return json_equal(truth, result);
}

static bool same_distinct(struct json_slice truth, struct json_slice result)
{
	struct json_member sides[2][4];
	int counts[2] = { json_scan(truth, sides[0], 4), json_scan(result, sides[1], 4) };
	double values[2];

	if (json_real(json_find(sides[0], counts[0], "value"), &values[0]) ||
	    json_real(json_find(sides[1], counts[1], "value"), &values[1]))
		return false;
	if (json_is(json_find(sides[1], counts[1], "exact"), "true"))
		return values[0] == values[1];
	return is_close(values[0], values[1], DISTINCT_TOLERANCE);
}

/* Each within the tolerance of the values around the exact rank. */
static bool same_quantiles(struct json_slice range, struct json_slice result)
{
	struct json_member bounds[16], values[16], ends[2];
	int bound_count = json_scan(range, bounds, 16), value_count = json_scan(result, values, 16);

	if (bound_count < 0 || bound_count != value_count)
		return false;
	for (int i = 0; i < bound_count; i++) {
		double low, high, value;

		if (!json_equal(bounds[i].name, values[i].name) ||
		    json_scan(bounds[i].value, ends, 2) != 2 || json_real(ends[0].value, &low) ||
		    json_real(ends[1].value, &high) || json_real(values[i].value, &value))
			return false;
		if (value < low - fabs(low) * QUANTILE_TOLERANCE ||
		    value > high + fabs(high) * QUANTILE_TOLERANCE)
			return false;
	}
	return true;
}

struct top_entry {
	struct json_slice key;
	double count;
	double error;
};

static bool read_top_entry(struct json_slice value, struct top_entry *entry)
{
	struct json_member members[4];
	int count = json_scan(value, members, 4);

	entry->error = 0;
	entry->key = json_find(members, count, "key");
	json_real(json_find(members, count, "error"), &entry->error);
	return count > 0 && entry->key.text &&
	       !json_real(json_find(members, count, "count"), &entry->count);
}

/* The true count of a key; the smallest one listed where it is not among them. */
static double true_count(struct json_member *truth, int truth_count, struct json_slice key,
			 bool *is_listed)
{
	struct top_entry entry = { .count = 0 };

	*is_listed = true;
	for (int i = 0; i < truth_count; i++)
		if (read_top_entry(truth[i].value, &entry) && json_equal(entry.key, key))
			return entry.count;
	*is_listed = false;
	return entry.count;
}

/* Exact entries must be the truth's at their place (ties may swap keys) as long as all before them
 * are exact: one that counts too much may stand too far up. Others hold it within their error. */
static bool same_top(struct json_slice best, struct json_slice more, struct json_slice result)
{
	static struct json_member truth[LIST_MAX], values[LIST_MAX];
	int best_count = json_scan(best, truth, LIST_MAX),
	    value_count = json_scan(result, values, LIST_MAX);
	int truth_count = best_count;
	bool is_exact = true;

	if (best_count < 0 || value_count != best_count)
		return false;
	if (more.text) {
		int more_count =
			json_scan(more, truth + best_count, (unsigned int)(LIST_MAX - best_count));

		truth_count += more_count > 0 ? more_count : 0;
	}
	for (int i = 0; i < value_count; i++) {
		struct top_entry entry, expected;
		bool is_listed;
		double count;

		if (!read_top_entry(values[i].value, &entry) ||
		    !read_top_entry(truth[i].value, &expected))
			return false;
		count = true_count(truth, truth_count, entry.key, &is_listed);
		is_exact &= entry.error <= 0;
		if (is_exact && entry.count != expected.count)
			return false;
		if (entry.error <= 0 && (is_listed ? entry.count != count : entry.count > count))
			return false;
		if (entry.error > 0 &&
		    (entry.count - entry.error > count || (is_listed && entry.count < count)))
			return false;
	}
	return true;
}

/* A member per field: each field's sketch against the same field of the truth. */
static bool same_sketches(const struct verify_row *truth_row, const char *name,
			  struct json_slice truth, struct json_slice result)
{
	struct json_member expected[16], values[16], extra[16];
	int count = json_scan(truth, expected, 16), value_count = json_scan(result, values, 16),
	    extra_count;
	bool is_top = !strcmp(name, "top"), is_distinct = !strcmp(name, "distinct");

	extra_count =
		json_scan(member_of(truth_row, is_top ? "top_more" : "quantiles_range"), extra, 16);
	if (count < 0 || count != value_count)
		return false;
	for (int i = 0; i < count; i++) {
		struct json_slice more = { NULL, 0 }, found = { NULL, 0 };

		for (int j = 0; j < value_count; j++)
			if (json_equal(values[j].name, expected[i].name))
				found = values[j].value;
		for (int j = 0; j < extra_count; j++)
			if (json_equal(extra[j].name, expected[i].name))
				more = extra[j].value;
		if (!found.text)
			return false;
		if (is_distinct ? !same_distinct(expected[i].value, found)
		    : is_top	? !same_top(expected[i].value, more, found)
				: !same_quantiles(more, found))
			return false;
	}
	return true;
}

static bool same_value(const struct verify_row *truth, const char *name, struct json_slice expected,
		       struct json_slice got)
{
	if (!strcmp(name, "distinct") || !strcmp(name, "quantiles") || !strcmp(name, "top"))
		return same_sketches(truth, name, expected, got);
	return same_number(expected, got);
}

static bool is_ignored(struct json_slice name)
{
	for (int i = 0; ignored[i]; i++)
		if (json_is(name, ignored[i]))
			return true;
	return false;
}

static void add_difference(struct text *text, unsigned int index, struct json_slice name,
			   struct json_slice expected, struct json_slice got)
{
	text_format(text, "%s%.*s: expected %.*s, got ", index ? "; " : "", (int)name.bytes,
		    name.text, (int)expected.bytes, expected.text ? expected.text : "");
	if (got.text)
		text_add_bytes(text, got.text, got.bytes);
	else
		text_add(text, "nothing");
}

unsigned int verify_row_compare(const struct verify_row *truth, const struct verify_row *result,
				struct text *differences)
{
	unsigned int count = 0;

	for (int i = 0; i < truth->member_count; i++) {
		struct json_slice name = truth->members[i].name, got;
		char text[64];

		if (is_ignored(name) || name.bytes >= sizeof(text))
			continue;
		memcpy(text, name.text, name.bytes);
		text[name.bytes] = 0;
		got = member_of(result, text);
		if (got.text && same_value(truth, text, truth->members[i].value, got))
			continue;
		add_difference(differences, count++, name, truth->members[i].value, got);
	}
	return count;
}
