/* SPDX-License-Identifier: BSD-2-Clause */
/* A run's book-keeping: gaps, the second walk over what was sent, signals. */
#include "run.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static volatile sig_atomic_t stopped;

static void stop(int number)
{
	(void)number;
	stopped = 1;
}

void run_catch_signals(void)
{
	struct sigaction action = { .sa_handler = stop, .sa_flags = (int)SA_RESETHAND };

	stopped = 0;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

bool run_is_stopped(void)
{
	return stopped;
}

__u64 run_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (__u64)now.tv_sec * 1000000000ull + (__u64)now.tv_nsec;
}

int run_add_gap(struct run *run, __u64 first_frame, __u64 frame_count)
{
	struct run_gap *last = run->gap_count ? &run->gaps[run->gap_count - 1] : NULL;

	run->unsent += frame_count;
	if (last && last->first_frame + last->frame_count == first_frame) {
		last->frame_count += frame_count;
		return 0;
	}
	if (run->gap_count == run->gap_room) {
		size_t room = run->gap_room ? run->gap_room * 2 : 64;
		struct run_gap *gaps = reallocarray(run->gaps, room, sizeof(*gaps));

		if (!gaps)
			return -ENOMEM;
		run->gaps = gaps;
		run->gap_room = room;
	}
	run->gaps[run->gap_count++] = (struct run_gap){ first_frame, frame_count };
	return 0;
}

void run_clear(struct run *run)
{
	free(run->gaps);
	memset(run, 0, sizeof(*run));
}

static bool is_in_gap(struct run_walk *walk, __u64 frame)
{
	const struct run *run = walk->run;

	while (walk->gap < run->gap_count &&
	       frame >= run->gaps[walk->gap].first_frame + run->gaps[walk->gap].frame_count)
		walk->gap++;
	return walk->gap < run->gap_count && frame >= run->gaps[walk->gap].first_frame;
}

bool run_walk_next(struct run_walk *walk, struct plan_datagram *datagram)
{
	while (walk->state.turn < walk->run->state.turn &&
	       plan_next(walk->plan, &walk->state, datagram)) {
		if (datagram->kind == PLAN_LOST)
			continue;
		if (!is_in_gap(walk, walk->frames++))
			return true;
	}
	return false;
}

void run_count_unsent(struct run *run, const struct plan *plan, const struct shape *shape)
{
	struct plan_state state = { 0 };
	struct run_walk gaps = { .plan = plan, .run = run };
	struct plan_datagram datagram;
	__u64 frames = 0;

	run->unsent_events = 0;
	while (run->gap_count && state.turn < run->state.turn &&
	       plan_next(plan, &state, &datagram)) {
		if (datagram.kind == PLAN_LOST)
			continue;
		if (is_in_gap(&gaps, frames++))
			run->unsent_events += shape_event_count(shape, &datagram);
	}
}
