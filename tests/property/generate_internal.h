/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the parts of the generator: who sends, and what is being made. */
#ifndef SLUICE_PROPERTY_GENERATE_INTERNAL_H
#define SLUICE_PROPERTY_GENERATE_INTERNAL_H

#include "generate.h"
#include "result.h"

#define MILLISECOND_NS 1000000ll
#define SOURCES_MAX 6
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define SPREAD_US 300000	/* of the events in a datagram */
#define STEADY_GROUPS_MAX 8

struct sender {
	__u64 source_id;
	__u64 sequence;
	__u32 epoch;
	__u16 listener;
	__u16 tenant;
	__s64 delay_ns;		/* a straggler's events are old when they come */
	__s64 jitter_ns;
	unsigned int lie_percent;
	bool has_two_ways;	/* the same numbers, now by one listener, now by another */
	unsigned int stuck_percent;	/* datagrams with the time of the one before */
	__u64 base_time_ns;
	bool has_lost;
	__u64 lost;		/* a sequence that may still come */
	__u32 quiet_from, quiet_to;	/* datagrams of the stream during which it sends nothing */
};

struct making {
	struct scenario *scenario;
	const struct generate_options *options;
	struct random random;
	__u32 sender_count;
	struct sender sender[SOURCES_MAX];
	__u64 wall_ns, mono_ns;
	__u64 next_event_id;
	__u64 grain_ns;		/* all event times are multiples of it: edges meet exactly */
	bool is_burst;		/* datagrams of hundreds of events, one right after the other */
	__u64 groups;		/* of a steady stream */
};

/* --- generate_sender.c --- */

void generate_senders(struct making *making);
/* Who sent this one. */
struct sender *generate_sender_of(struct making *making, const struct scenario_datagram *datagram);
/* The number of its next datagram. */
__u64 generate_sequence(struct making *making, struct sender *sender);
/* When the earliest event of a datagram happened, as an honest or lying sender says. */
__u64 generate_base_time(struct making *making, struct sender *sender);
__u64 generate_on_grain(const struct making *making, __u64 time_ns);

#endif
