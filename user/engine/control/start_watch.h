/* SPDX-License-Identifier: BSD-2-Clause */
/* SIGTERM and SIGINT while the ladder goes up: a thread hears them, asks the ladder to stop at its
 * next rung, and ends the process when that rung takes too long. What is on disk then is what a
 * crash leaves; rings and programs that only this start has made are removed. */
#ifndef SLUICE_ENGINE_START_WATCH_H
#define SLUICE_ENGINE_START_WATCH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct engine;

struct start_watch {
	struct engine *engine;
	pthread_t thread;
	int end_fd;			/* readable when the ladder has come to its end */
	bool is_started;
	_Atomic bool is_asked;		/* to stop */
	_Atomic bool is_loading;	/* the rung that runs changes what is in the kernel */
};

/* Listens on the signals of engine->signal_fd from now on. -errno. */
int start_watch_open(struct start_watch *watch, struct engine *engine);
/* Leaves the signals to the control thread. Takes one that was never opened. */
void start_watch_close(struct start_watch *watch);

#endif
