/* SPDX-License-Identifier: BSD-2-Clause */
/* A thread below the workers' priority that touches memory just before the streams need it, so that
 * turns meet no page faults. It changes no byte; without it everything works, with longer turns. */
#ifndef SLUICE_ENGINE_PREFAULT_H
#define SLUICE_ENGINE_PREFAULT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "sluice/limits.h"

struct prefault_progress;
struct stream;

struct prefault {
	__u32 stream_count;
	const struct stream *stream[SLUICE_WORKERS_MAX];
	struct prefault_progress *progress; /* of each stream; the thread's own */
	pthread_t thread;
	_Atomic bool is_stopping;
	bool is_started;
};

/* Touches what the streams need first before it returns. They must outlive prefault_stop().
 * -ENOMEM, or -errno of pthread_create. */
int prefault_start(struct prefault *prefault);
/* Takes one that was never started. */
void prefault_stop(struct prefault *prefault);

#endif
