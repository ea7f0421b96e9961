/* SPDX-License-Identifier: BSD-2-Clause */
/* The grammar of aggregates, with a cursor that knows its column:
 *   name  |  distinct(FIELD [; P])  |  quantiles(value [; Q, Q …])  |  top(FIELD [, K]) */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/units.h"
#include "config/reader.h"
#include "core/sketch/sketch_histogram.h"
#include "core/sketch/sketch_top.h"

#define WORD_BYTES 80
#define TOP_DEFAULT 10

struct cursor {
	struct reader *reader;
	const struct node *node;
	const char *at;
	bool is_wrong; /* a mistake was noted: say no more about this one */
};

struct word {
	char text[WORD_BYTES];
	const char *start;
};

struct grammar {
	const char *name;
	enum sluice_aggregate_kind kind;
	enum config_feature feature;
	void (*parse)(struct cursor *cursor, struct sluice_schema_aggregate *aggregate);
	const char *example;
};

static void parse_distinct(struct cursor *cursor, struct sluice_schema_aggregate *aggregate);
static void parse_quantiles(struct cursor *cursor, struct sluice_schema_aggregate *aggregate);
static void parse_top(struct cursor *cursor, struct sluice_schema_aggregate *aggregate);

static const struct grammar grammars[] = {
	{ "count", SLUICE_AGGREGATE_COUNT_WEIGHT, CONFIG_FEATURE_NONE },
	{ "records", SLUICE_AGGREGATE_RECORDS, CONFIG_FEATURE_NONE },
	{ "sum", SLUICE_AGGREGATE_SUM, CONFIG_FEATURE_NONE },
	{ "min", SLUICE_AGGREGATE_MIN, CONFIG_FEATURE_NONE },
	{ "max", SLUICE_AGGREGATE_MAX, CONFIG_FEATURE_NONE },
	{ "avg", SLUICE_AGGREGATE_AVG, CONFIG_FEATURE_NONE },
	{ "first", SLUICE_AGGREGATE_FIRST, CONFIG_FEATURE_FIRST },
	{ "last", SLUICE_AGGREGATE_LAST, CONFIG_FEATURE_LAST },
	{ "rate", SLUICE_AGGREGATE_RATE, CONFIG_FEATURE_RATE },
	{ "distinct", SLUICE_AGGREGATE_DISTINCT, CONFIG_FEATURE_DISTINCT, parse_distinct,
	  "\"distinct(key)\"" },
	{ "quantiles", SLUICE_AGGREGATE_QUANTILES, CONFIG_FEATURE_QUANTILES, parse_quantiles,
	  "\"quantiles(value; 0.5, 0.99)\"" },
	{ "top", SLUICE_AGGREGATE_TOP, CONFIG_FEATURE_TOP, parse_top, "\"top(key, 10)\"" },
};

#define GRAMMARS (sizeof(grammars) / sizeof(grammars[0]))

static struct mark mark_at(const struct cursor *cursor, const char *at)
{
	struct mark mark = cursor->node->mark;

	mark.column += (__u32)(at - cursor->node->text) + cursor->node->is_quoted;
	return mark;
}

static void skip_spaces(struct cursor *cursor)
{
	while (*cursor->at == ' ')
		cursor->at++;
}

/* Takes one sign if it is next. */
static bool take(struct cursor *cursor, char sign)
{
	skip_spaces(cursor);
	if (*cursor->at != sign)
		return false;
	cursor->at++;
	return true;
}

/* Takes what stands before the next sign of the grammar; may be empty. */
static void take_word(struct cursor *cursor, struct word *word)
{
	size_t bytes;

	skip_spaces(cursor);
	word->start = cursor->at;
	bytes = strcspn(cursor->at, " ,;()");
	cursor->at += bytes;
	bytes = bytes < WORD_BYTES - 1 ? bytes : WORD_BYTES - 1;
	memcpy(word->text, word->start, bytes);
	word->text[bytes] = '\0';
}

#define complain(cursor, at, ...)                                                     \
	do {                                                                          \
		if (!(cursor)->is_wrong)                                              \
			mistakes_add((cursor)->reader->mistakes, mark_at(cursor, at), \
				     __VA_ARGS__);                                    \
		(cursor)->is_wrong = true;                                            \
	} while (0)

static enum sluice_field take_field(struct cursor *cursor, const char *example)
{
	enum sluice_field field;
	struct word word;

	take_word(cursor, &word);
	field = reader_find_field(cursor->reader, word.text);
	if (!word.text[0]) {
		complain(cursor, word.start, "a field is missing; write %s", example);
	} else if (field >= SLUICE_FIELD_VALUE) {
		const char *nearest = reader_nearest_field(cursor->reader, word.text);

		complain(cursor, word.start, "%s`%s`; write %s",
			 field == SLUICE_FIELD_VALUE ? "not for the field " : "unknown field ",
			 word.text, nearest ? nearest : "tenant, source, type, key or a dimension");
	}
	return field;
}

static __u64 take_number(struct cursor *cursor, const char *what, __u64 least, __u64 most)
{
	struct word word;
	__u64 number = 0;

	take_word(cursor, &word);
	if (units_parse_number(word.text, &number) || number < least || number > most)
		complain(cursor, word.start, "%s `%s`; write a number from %llu to %llu", what,
			 word.text, least, most);
	return number;
}

static void parse_distinct(struct cursor *cursor, struct sluice_schema_aggregate *aggregate)
{
	struct word word;

	aggregate->field = (__u8)take_field(cursor, "\"distinct(key)\"");
	aggregate->precision = 12;
	if (!take(cursor, ';'))
		return;
	take_word(cursor, &word);
	aggregate->precision = strcmp(word.text, "14") == 0 ? 14 : 12;
	if (aggregate->precision == 12 && strcmp(word.text, "12") != 0)
		complain(cursor, word.start, "precision `%s`; write 12 or 14", word.text);
}

static void add_quantile(struct cursor *cursor, struct sluice_schema_aggregate *aggregate,
			 const char *start, double quantile)
{
	__u64 bits;
	unsigned int i;

	memcpy(&bits, &quantile, sizeof(bits));
	for (i = 0; i < aggregate->quantile_count; i++)
		if (aggregate->quantile[i] == bits)
			complain(cursor, start, "the quantile %g is given twice; keep one",
				 quantile);
	if (aggregate->quantile_count == SLUICE_QUANTILES_MAX)
		complain(cursor, start, "more than %d quantiles; drop some", SLUICE_QUANTILES_MAX);
	else
		aggregate->quantile[aggregate->quantile_count++] = bits;
}

/* Only digits and a point: no exponents, signs, infinities or locales. */
static bool read_quantile(const char *text, double *quantile)
{
	if (!text[0] || strlen(text) > 18 || text[strspn(text, "0123456789.")] ||
	    strchr(text, '.') != strrchr(text, '.') || strcmp(text, ".") == 0)
		return false;
	*quantile = strtod(text, NULL);
	return *quantile >= 0 && *quantile <= 1;
}

static void parse_quantiles(struct cursor *cursor, struct sluice_schema_aggregate *aggregate)
{
	static const double usual[] = { 0.5, 0.9, 0.99 };
	struct word word;
	double quantile;
	unsigned int i;

	aggregate->precision = SKETCH_HISTOGRAM_SCALE;
	take_word(cursor, &word);
	if (strcmp(word.text, "value") != 0)
		complain(cursor, word.start, "quantiles are of `value`, not of `%s`; write %s",
			 word.text, "\"quantiles(value; 0.5, 0.99)\"");
	if (!take(cursor, ';')) {
		for (i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
			add_quantile(cursor, aggregate, cursor->at, usual[i]);
		return;
	}
	do {
		take_word(cursor, &word);
		if (read_quantile(word.text, &quantile))
			add_quantile(cursor, aggregate, word.start, quantile);
		else
			complain(cursor, word.start,
				 "`%s` is no quantile; write numbers from 0 to 1", word.text);
	} while (!cursor->is_wrong && take(cursor, ','));
}

static void parse_top(struct cursor *cursor, struct sluice_schema_aggregate *aggregate)
{
	aggregate->field = (__u8)take_field(cursor, "\"top(key, 10)\"");
	aggregate->k = TOP_DEFAULT;
	if (take(cursor, ','))
		aggregate->k = (__u32)take_number(cursor, "top", 1, SKETCH_TOP_K_MAX);
}

/* What other systems call it: nearest by letters would be something else. */
static const struct {
	const char *word;
	const char *here;
} other_names[] = {
	{ "mean", "avg" },
	{ "average", "avg" },
	{ "total", "sum" },
	{ "minimum", "min" },
	{ "maximum", "max" },
	{ "per_second", "rate" },
	{ "count_distinct", "\"distinct(key)\"" },
	{ "countDistinct", "\"distinct(key)\"" },
	{ "distinct_count", "\"distinct(key)\"" },
	{ "uniq", "\"distinct(key)\"" },
	{ "unique", "\"distinct(key)\"" },
	{ "cardinality", "\"distinct(key)\"" },
	{ "hll", "\"distinct(key)\"" },
	{ "median", "\"quantiles(value; 0.5)\"" },
	{ "quantile", "\"quantiles(value; 0.5, 0.99)\"" },
	{ "percentile", "\"quantiles(value; 0.5, 0.99)\"" },
	{ "percentiles", "\"quantiles(value; 0.5, 0.99)\"" },
	{ "histogram", "\"quantiles(value; 0.5, 0.99)\"" },
	{ "topk", "\"top(key, 10)\"" },
	{ "top_k", "\"top(key, 10)\"" },
};

/* p99 and p999, too: the digits behind the point. */
static bool suggest_other_name(struct cursor *cursor, const struct word *word)
{
	size_t digits = word->text[0] == 'p' ? strspn(word->text + 1, "0123456789") : 0;

	for (size_t i = 0; i < sizeof(other_names) / sizeof(*other_names); i++) {
		if (strcmp(other_names[i].word, word->text) != 0)
			continue;
		complain(cursor, word->start, "unknown aggregate `%s`; write %s", word->text,
			 other_names[i].here);
		return true;
	}
	if (!digits || word->text[1 + digits])
		return false;
	complain(cursor, word->start, "unknown aggregate `%s`; write \"quantiles(value; 0.%s)\"",
		 word->text, word->text + 1);
	return true;
}

static const struct grammar *find_grammar(struct cursor *cursor, const struct word *word)
{
	struct text_nearest nearest = { .word = word->text };
	unsigned int i;

	for (i = 0; i < GRAMMARS; i++) {
		if (strcmp(grammars[i].name, word->text) == 0)
			return &grammars[i];
		text_nearest_offer(&nearest, grammars[i].name);
	}
	if (suggest_other_name(cursor, word))
		return NULL;
	if (nearest.best)
		complain(cursor, word->start, "unknown aggregate `%s`; write `%s`", word->text,
			 nearest.best);
	else
		complain(cursor, word->start,
			 "unknown aggregate `%s`; write count, records, sum, min, max, avg, first, "
			 "last, rate, distinct(…), quantiles(…) or top(…)",
			 word->text);
	return NULL;
}

static void parse_arguments(struct cursor *cursor, const struct grammar *grammar,
			    struct sluice_schema_aggregate *aggregate)
{
	bool is_open = take(cursor, '(');

	if (!grammar->parse && is_open) {
		complain(cursor, cursor->at - 1, "%s takes no arguments; write %s", grammar->name,
			 grammar->name);
	} else if (grammar->parse && !is_open) {
		complain(cursor, cursor->at, "%s needs arguments; write %s", grammar->name,
			 grammar->example);
	} else if (grammar->parse) {
		grammar->parse(cursor, aggregate);
		if (!cursor->is_wrong && !take(cursor, ')'))
			complain(cursor, cursor->at, "%s where `)` should be; write %s",
				 *cursor->at ? "something else" : "the end", grammar->example);
	}
	skip_spaces(cursor);
	if (!cursor->is_wrong && *cursor->at)
		complain(cursor, cursor->at,
			 "`%.40s` after the aggregate; write one aggregate an item", cursor->at);
}

/* Two of a kind over one field would print under one name. */
static void add_aggregate(struct cursor *cursor, struct window_spec *window,
			  const struct sluice_schema_aggregate *aggregate)
{
	unsigned int i;

	for (i = 0; i < window->aggregate_count; i++)
		if (window->aggregate[i].kind == aggregate->kind &&
		    window->aggregate[i].field == aggregate->field)
			complain(cursor, cursor->node->text,
				 "the aggregate %.80s is given twice; keep one",
				 cursor->node->text);
	if (cursor->is_wrong)
		return;
	if (window->aggregate_count == SLUICE_AGGREGATES_MAX)
		complain(cursor, cursor->node->text,
			 "more than %d aggregates; put some into a second "
			 "window",
			 SLUICE_AGGREGATES_MAX);
	else
		window->aggregate[window->aggregate_count++] = *aggregate;
}

/* True when the item is the torn-off start of "quantiles(value; 0.5, 0.99)" without quotes. */
static bool read_aggregate(struct reader *reader, const struct node *item,
			   struct window_spec *window)
{
	struct cursor cursor = { .reader = reader, .node = item, .at = item->text };
	struct sluice_schema_aggregate aggregate = { .field = SLUICE_FIELD_VALUE };
	const struct grammar *grammar;
	struct word word;

	take_word(&cursor, &word);
	grammar = find_grammar(&cursor, &word);
	if (!grammar)
		return false;
	if (grammar->parse && !item->is_quoted && strchr(item->text, '(') &&
	    !strchr(item->text, ')')) {
		complain(&cursor, item->text, "`%.40s` is cut at a comma; quote the whole: %s",
			 item->text, grammar->example);
		return true;
	}
	aggregate.kind = (__u8)grammar->kind;
	parse_arguments(&cursor, grammar, &aggregate);
	if (!cursor.is_wrong && reader_require(reader, grammar->feature, item->mark))
		add_aggregate(&cursor, window, &aggregate);
	return false;
}

void reader_read_aggregates(struct reader *reader, const struct node *node, void *target)
{
	const struct node *item = node ? reader_first_item(reader, node, "aggregate") : NULL;
	struct window_spec *window = target;
	bool is_torn = false;

	if (!node || (node->kind == NODE_LIST && !node->children)) {
		window->aggregate[0].kind = SLUICE_AGGREGATE_COUNT_WEIGHT;
		window->aggregate[0].field = SLUICE_FIELD_VALUE;
		window->aggregate_count = 1;
	}
	for (; item; item = reader_next_item(reader, item, "aggregate")) {
		if (!is_torn)
			is_torn = read_aggregate(reader, item, window);
		else if (strchr(item->text, ')'))
			is_torn = false;
	}
}
