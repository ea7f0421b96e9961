/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line of `sluice-gen` as plain numbers, every default filled in. */
#ifndef SLUICE_GEN_OPTIONS_H
#define SLUICE_GEN_OPTIONS_H

#include "command/command.h"
#include "plan.h"
#include "shape.h"

enum options_target {
	OPTIONS_SOCKET, /* --to */
	OPTIONS_LIVE, /* --interface */
	OPTIONS_PCAP, /* --pcap */
	OPTIONS_NOTHING, /* only --truth */
};

struct options {
	enum options_target target;
	struct shape_options shape;
	struct plan plan; /* complete but for what shape_open decides */
	const char *interface;
	const char *pcap; /* write this instead of sending */
	const char *from_pcap; /* send what is in this */
	const char *truth;
	const char *config;
	const char *listener; /* name; NULL: the one with the port */
	bool truth_drops_duplicates;
	bool is_json;
	bool fits_mtu; /* the number of events is ours to choose */
	bool is_bounded; /* by a rate and an end: it may go anywhere */
	__u64 rate; /* originals per second; 0: as fast as possible */
	__s64 duration_ns; /* 0: no limit */
	__u32 batch;
	__u32 segments; /* UDP_SEGMENT: so many datagrams in one message; 1: never */
	const char *names; /* prefix of the names to teach, or NULL */
};

extern const struct command_option options_table[];

/* Reads and checks the line. 0, or an exit code after the mistake was printed. `now_ns` is the
 * event time to start at when none is given. */
int options_read(struct options *options, const struct command_line *line, __u64 now_ns);

/* What shape_open decides, into the plan. */
void options_finish_plan(struct options *options, const struct shape *shape);

#endif
