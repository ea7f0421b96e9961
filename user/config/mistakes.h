/* SPDX-License-Identifier: BSD-2-Clause */
/* Everything that is wrong with one file, collected and then printed in the order of the file. */
#ifndef SLUICE_CONFIG_MISTAKES_H
#define SLUICE_CONFIG_MISTAKES_H

#include <stdbool.h>
#include <stdio.h>

#include <linux/types.h>

#define MISTAKES_MAX 200	/* nobody reads more; the rest is only counted */
#define MISTAKE_BYTES_MAX 400

struct mark {
	__u32 line;	/* from 1; 0: the file as a whole */
	__u32 column;	/* from 1, in characters */
};

struct mistake {
	struct mark mark;
	__u32 number;		/* order of discovery */
	char *text;
};

struct mistakes {
	__u32 count;		/* kept */
	__u32 left_out;
	struct mistake mistake[MISTAKES_MAX];
};

/* "what is wrong; how to fix it", without a full stop. Input quoted in it is made printable. */
void mistakes_add(struct mistakes *mistakes, struct mark mark, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Whether further ones are only counted: suggestions need not be looked for any more. */
static inline bool mistakes_are_full(const struct mistakes *mistakes)
{
	return mistakes->count == MISTAKES_MAX;
}

/* Prints all, sorted, as "sluice: error: PATH:LINE:COL: …". Nothing when `file` is NULL. */
void mistakes_print(struct mistakes *mistakes, const char *path, FILE *file);

void mistakes_free(struct mistakes *mistakes);

#endif
