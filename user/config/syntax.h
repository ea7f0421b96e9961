/* SPDX-License-Identifier: BSD-2-Clause */
/* What libyaml found wrong, in the words of whoever wrote the file, and where to look. */
#ifndef SLUICE_CONFIG_SYNTAX_H
#define SLUICE_CONFIG_SYNTAX_H

#include <yaml.h>

#include "config/mistakes.h"

struct syntax_mistake {
	struct mark mark;
	char text[MISTAKE_BYTES_MAX];
};

/* For a parser that failed, but not for want of memory, on this text. */
void syntax_explain(const yaml_parser_t *parser, const char *text, size_t bytes,
		    struct syntax_mistake *mistake);

/* libyaml counts from 0. */
struct mark syntax_mark(const yaml_mark_t *mark);

#endif
