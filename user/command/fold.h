/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines that fit the 80 columns of a terminal: broken at spaces, never inside of quotes; what has
 * no space stays whole. */
#ifndef SLUICE_COMMAND_FOLD_H
#define SLUICE_COMMAND_FOLD_H

#include <stdio.h>

#define FOLD_COLUMNS 80

/* Prints the line and a line end; what does not fit goes on in lines that begin with `indent`
 * spaces. */
void fold_print(FILE *out, const char *line, unsigned int indent);

#endif
