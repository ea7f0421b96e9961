/* SPDX-License-Identifier: BSD-2-Clause */
/* Tells the log when the disk is full, and when there is room again. One thread each. */
#ifndef SLUICE_EDGE_SPACE_WATCH_H
#define SLUICE_EDGE_SPACE_WATCH_H

#include "base/log.h"

struct space_watch {
	bool is_out;
	bool is_told;
	__u64 since_mono_ns;
	struct log_limit limit; /* a disk that is full now and then fills no log */
};

#define SPACE_WATCH_READY                                   \
	{                                                   \
		.limit = { .interval_ns = 10000000000ull }, \
	}

/* -ENOSPC, -EDQUOT. */
bool space_watch_is_space(int error);
/* `what` there is no room for: "a batch of rows". Cheap while nothing changes. */
void space_watch_set(struct space_watch *watch, bool is_out, const char *what, const char *path);

#endif
