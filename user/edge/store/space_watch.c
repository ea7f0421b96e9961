/* SPDX-License-Identifier: BSD-2-Clause */
/* Changes of one flag, as log lines. */
#include "edge/store/space_watch.h"

#include <errno.h>
#include <time.h>

bool space_watch_is_space(int error)
{
	return error == -ENOSPC || error == -EDQUOT;
}

static __u64 now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (__u64)now.tv_sec * 1000000000 + (__u64)now.tv_nsec;
}

static void tell_full(struct space_watch *watch, const char *what, const char *path)
{
	struct log_field left_out;

	watch->since_mono_ns = now_ns();
	watch->is_told = log_limit_pass(&watch->limit, &left_out);
	if (watch->is_told)
		log_line(LOG_LEVEL_ERROR, "results",
			 "the disk is full: rows wait for room; free some, or lower "
			 "results_log.max_bytes; it goes on by itself",
			 left_out, log_text("no_room_for", what), log_text("path", path));
}

void space_watch_set(struct space_watch *watch, bool is_out, const char *what, const char *path)
{
	if (watch->is_out == is_out)
		return;
	watch->is_out = is_out;
	if (is_out)
		tell_full(watch, what, path);
	else if (watch->is_told)
		log_line(LOG_LEVEL_INFO, "results", "the disk has room again: rows are written",
			 log_duration("was_full", (__s64)(now_ns() - watch->since_mono_ns)),
			 log_text("path", path));
}
