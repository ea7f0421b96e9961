/* SPDX-License-Identifier: BSD-2-Clause */
/* Everything that is wrong with one file, collected and then printed in the order of the file. */
#include "config/mistakes.h"

#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

void mistakes_add(struct mistakes *mistakes, struct mark mark, const char *format, ...)
{
	char message[MISTAKE_BYTES_MAX], buffer[MISTAKE_BYTES_MAX];
	struct mistake *mistake;
	struct text text;
	va_list arguments;

	if (mistakes->count == MISTAKES_MAX) {
		mistakes->left_out++;
		return;
	}
	text_init(&text, message, sizeof(message));
	va_start(arguments, format);
	text_format_list(&text, format, arguments);
	va_end(arguments);
	/* What was read from the file may hold anything: it must not move a terminal's cursor. */
	text_init(&text, buffer, sizeof(buffer));
	text_add_printable(&text, message);
	mistake = &mistakes->mistake[mistakes->count];
	*mistake =
		(struct mistake){ .mark = mark, .number = mistakes->count, .text = strdup(buffer) };
	mistakes->count++;
}

static int compare(const void *left_mistake, const void *right_mistake)
{
	const struct mistake *left = left_mistake, *right = right_mistake;

	if (left->mark.line != right->mark.line)
		return left->mark.line < right->mark.line ? -1 : 1;
	if (left->mark.column != right->mark.column)
		return left->mark.column < right->mark.column ? -1 : 1;
	return left->number < right->number ? -1 : 1;
}

void mistakes_print(struct mistakes *mistakes, const char *path, FILE *file)
{
	const struct mistake *mistake = mistakes->mistake;
	char name[PATH_MAX];
	struct text text;
	__u32 i;

	if (!file)
		return;
	text_init(&text, name, sizeof(name));
	text_add_printable(&text, path);
	qsort(mistakes->mistake, mistakes->count, sizeof(mistakes->mistake[0]), compare);
	for (i = 0; i < mistakes->count; i++, mistake++) {
		fprintf(file, "sluice: error: %s:", name);
		if (mistake->mark.line)
			fprintf(file, "%u:%u:", mistake->mark.line, mistake->mark.column);
		fprintf(file, " %s\n", mistake->text ? mistake->text : "out of memory");
	}
	if (mistakes->left_out)
		fprintf(file, "sluice: error: %s: and %u more mistakes; mend these first\n", name,
			mistakes->left_out);
}

void mistakes_free(struct mistakes *mistakes)
{
	__u32 i;

	for (i = 0; i < mistakes->count; i++)
		free(mistakes->mistake[i].text);
	*mistakes = (struct mistakes){ .count = 0 };
}
