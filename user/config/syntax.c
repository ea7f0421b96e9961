/* SPDX-License-Identifier: BSD-2-Clause */
/* What libyaml found wrong, in the words of whoever wrote the file. */
#include "config/syntax.h"

#include <string.h>

#include "base/text.h"

struct problem {
	const char *problem; /* as libyaml says it */
	const char *text;
	bool is_at_start; /* the place to look at is where the thing begins */
	bool has_start;	  /* worth saying where it begins */
};

static const struct problem problems[] = {
	{ "found unexpected end of stream", "a quote that is never closed; close it", true },
	{ "mapping values are not allowed in this context",
	  "a colon that cannot stand here; the line above may lack its own, or the value needs "
	  "quotes" },
	{ "did not find expected '-' indicator",
	  "neither an item with a dash nor the end of the list; check the indentation", false,
	  true },
	{ "did not find expected key", "no key where the map wants one; check the indentation",
	  false, true },
	{ "did not find expected ',' or '}'", "no `,` or `}` where the map wants one; close it",
	  false, true },
	{ "did not find expected ',' or ']'", "no `,` or `]` where the list wants one; close it",
	  false, true },
	{ "could not find expected ':'", "a key without its colon; write `key: value`", true },
	{ "found character that cannot start any token",
	  "a character that cannot begin a value; quote the value" },
};

struct mark syntax_mark(const yaml_mark_t *mark)
{
	return (struct mark){ .line = (__u32)mark->line + 1, .column = (__u32)mark->column + 1 };
}

/* For what is wrong with a character, libyaml tells the offset of the byte that showed it. */
static struct mark mark_of_byte(const yaml_parser_t *parser, const char *text, size_t bytes)
{
	bool is_inside = parser->problem && strstr(parser->problem, "trailing");
	struct mark mark = { .line = 1, .column = 1 };
	size_t offset = parser->problem_offset < bytes ? parser->problem_offset : bytes, i;

	/* Back to where the character began. */
	while (is_inside && offset > 0 && ((unsigned char)text[--offset] & 0xc0) == 0x80)
		;
	for (i = 0; i < offset; i++) {
		unsigned char byte = (unsigned char)text[i];

		if (byte == '\n')
			mark = (struct mark){ .line = mark.line + 1, .column = 1 };
		else if ((byte & 0xc0) != 0x80)
			mark.column++;
	}
	return mark;
}

/* Whether white space with a tab begins this line. */
static bool is_tab_in_line(const char *text, size_t bytes, __u32 line)
{
	const char *at = text, *end = text + bytes;

	for (; line > 1 && at < end; line--) {
		const char *feed = memchr(at, '\n', (size_t)(end - at));

		at = feed ? feed + 1 : end;
	}
	for (; at < end && (*at == ' ' || *at == '\t'); at++)
		if (*at == '\t')
			return true;
	return false;
}

static const struct problem *find_problem(const char *said)
{
	unsigned int i;

	for (i = 0; said && i < sizeof(problems) / sizeof(problems[0]); i++)
		if (strcmp(problems[i].problem, said) == 0)
			return &problems[i];
	return NULL;
}

static void explain_problem(const yaml_parser_t *parser, struct syntax_mistake *mistake,
			    struct text *text)
{
	const struct problem *problem = find_problem(parser->problem);
	struct mark start = syntax_mark(&parser->context_mark);

	if (!problem) {
		text_format(text, "not YAML, %s; check quotes and brackets",
			    parser->problem ? parser->problem : "it cannot be read");
		return;
	}
	text_add(text, problem->text);
	if (parser->context && problem->has_start)
		text_format(text, " (it starts at line %u)", start.line);
	if (parser->context && problem->is_at_start)
		mistake->mark = start;
}

void syntax_explain(const yaml_parser_t *parser, const char *text, size_t bytes,
		    struct syntax_mistake *mistake)
{
	struct text words;

	text_init(&words, mistake->text, sizeof(mistake->text));
	mistake->mark = syntax_mark(&parser->problem_mark);
	if (parser->error == YAML_READER_ERROR) {
		mistake->mark = mark_of_byte(parser, text, bytes);
		text_add(&words, parser->problem && strstr(parser->problem, "control") ?
					 "a control character; the file must be plain UTF-8 text" :
					 "a byte that is not UTF-8; save the file as UTF-8");
	} else if (is_tab_in_line(text, bytes, mistake->mark.line)) {
		text_add(&words, "a tab in the indentation; YAML wants spaces there");
	} else {
		explain_problem(parser, mistake, &words);
	}
}
