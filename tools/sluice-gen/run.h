/* SPDX-License-Identifier: BSD-2-Clause */
/* What came of a run: how far the plan went, which frames the kernel could not send, how long it
 * took. Frames are numbered from 0 in the order of sending; lost originals are no frames. */
#ifndef SLUICE_GEN_RUN_H
#define SLUICE_GEN_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "options.h"

struct run_gap {
	__u64 first_frame;
	__u64 frame_count;
};

struct run {
	struct plan_state state;
	__u64 frames; /* made; of them … */
	__u64 unsent; /* … the kernel refused so many, in these gaps */
	struct run_gap *gaps; /* ascending; the run owns them */
	size_t gap_count;
	size_t gap_room;
	__u64 unsent_events; /* filled by run_count_unsent */
	struct plan_count taught; /* dictionary datagrams and their names, beside all others */
	__u64 retries; /* sends repeated because buffers were full */
	__u64 bounces; /* ICMP answers that nobody listens */
	__u64 elapsed_ns;
	bool is_interrupted;
};

/* Notes frames that did not leave; in ascending order. -ENOMEM. */
int run_add_gap(struct run *run, __u64 first_frame, __u64 frame_count);
void run_clear(struct run *run);

/* Walks the plan of a run again, up to where it went: each frame in order. Zeroed but for these
 * two. */
struct run_walk {
	const struct plan *plan;
	const struct run *run;
	struct plan_state state;
	__u64 frames;
	size_t gap;
};

/* The next frame that was really sent (or skips over what was not). False at the end. */
bool run_walk_next(struct run_walk *walk, struct plan_datagram *datagram);

/* Events in the gaps. */
void run_count_unsent(struct run *run, const struct plan *plan, const struct shape *shape);

/* Prints the exact counts of every kind. */
void run_print(const struct run *run, const struct options *options, FILE *out);
void run_print_json(const struct run *run, const struct options *options, FILE *out);

/* SIGINT and SIGTERM ask a run to end; a second one ends the program. */
void run_catch_signals(void);
bool run_is_stopped(void);

__u64 run_clock_ns(void); /* monotonic */

/* The senders. 0, or an exit code after a message; the run is valid in both cases. */
int send_socket(struct run *run, const struct options *options, const struct shape *shape);
int send_live(struct run *run, const struct options *options, struct shape *shape);
int send_pcap(struct run *run, const struct options *options, const struct shape *shape);

#endif
