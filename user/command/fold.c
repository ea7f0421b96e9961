/* SPDX-License-Identifier: BSD-2-Clause */
/* Breaks lines. Columns are characters; none of what is printed here is wider. */
#include "command/fold.h"

#include <stdbool.h>
#include <string.h>

/* The word at `at`, with the spaces before it: its bytes and columns. */
static size_t measure(const char *at, size_t *columns)
{
	bool is_quoted = false;
	size_t bytes = strspn(at, " ");

	*columns = bytes;
	for (; at[bytes] && (is_quoted || at[bytes] != ' '); bytes++) {
		if (at[bytes] == '\\' && is_quoted && at[bytes + 1]) {
			bytes++;
			++*columns;
		} else if (at[bytes] == '"') {
			is_quoted = !is_quoted;
		}
		*columns += ((unsigned char)at[bytes] & 0xc0) != 0x80;
	}
	return bytes;
}

void fold_print(FILE *out, const char *line, unsigned int indent)
{
	size_t used = 0;

	while (*line) {
		size_t columns, bytes = measure(line, &columns);

		if (used > indent && used + columns > FOLD_COLUMNS) {
			size_t spaces = strspn(line, " ");

			fprintf(out, "\n%*s", (int)indent, "");
			line += spaces;
			bytes -= spaces;
			columns += indent - spaces;
			used = 0;
		}
		fwrite(line, 1, bytes, out);
		line += bytes;
		used += columns;
	}
	putc('\n', out);
}
