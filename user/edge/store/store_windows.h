/* SPDX-License-Identifier: BSD-2-Clause */
/* The manifest's memory of windows: for each name, also of removed ones, the highest epoch that its
 * state has had, and its last definition. So that no two incarnations of a window's state are ever
 * told under one epoch. No I/O. */
#ifndef SLUICE_EDGE_STORE_WINDOWS_H
#define SLUICE_EDGE_STORE_WINDOWS_H

#include "base/text.h"
#include "sluice/disk_format.h"

#define STORE_WINDOWS_MAX 256u

struct store_window {
	char name[SLUICE_NAME_MAX + 1];
	__u64 epoch;		/* from 1 */
	__u64 definition;	/* schema_definition() */
};

struct store_windows {
	__u32 count;
	__u64 floor;		/* names that are not here had no epoch above this */
	struct store_window window[STORE_WINDOWS_MAX];	/* the one used last is the last */
};

/* The window of this name, or NULL. */
const struct store_window *store_windows_find(const struct store_windows *windows,
					      const char *name);

/* A new incarnation of the window's state: its epoch. When there are too many names, the one that
 * was not used for longest is forgotten, and the floor rises to its epoch. */
__u64 store_windows_raise(struct store_windows *windows, const char *name, __u64 definition);

/* "FLOOR name=epoch.definition …" */
void store_windows_format(const struct store_windows *windows, struct text *text);
/* 0, or -EINVAL. */
int store_windows_parse(struct store_windows *windows, const char *text);

#endif
