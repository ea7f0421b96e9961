/* SPDX-License-Identifier: BSD-2-Clause */
/* The ground truth: payloads in, in the order they were sent; the rows that a correct agent must
 * show out. Naive rules, one event after the other, everything kept; shares no code with the
 * agent's engine. It takes no notice of time: nothing is late, nothing closes, no bound is ever
 * reached. */
#ifndef SLUICE_GEN_TRUTH_H
#define SLUICE_GEN_TRUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "config/config.h"

enum truth_verdict {
	TRUTH_TAKEN,
	TRUTH_REFUSED_SHORT,
	TRUTH_REFUSED_MAGIC,
	TRUTH_REFUSED_VERSION,
	TRUTH_REFUSED_FLAGS,
	TRUTH_REFUSED_EVENT_COUNT,
	TRUTH_REFUSED_EVENT_SIZE,
	TRUTH_REFUSED_LENGTH,
	TRUTH_REPEATED, /* a retransmission, where the agent drops them */
	TRUTH_DICTIONARY, /* names, no events */
	TRUTH_VERDICTS
};

struct truth_stats {
	__u64 datagrams[TRUTH_VERDICTS];
	__u64 events; /* of datagrams taken */
	__u64 dropped; /* of them, by a rule */
	__u64 doubtful; /* (event, window) pairs that an agent may call late */
	__s64 behind_max_ns; /* furthest that an event was behind its source's newest */
	__u64 rows;
};

struct truth;

/* Windows that read `listener` (an index) of the configuration, which must outlive the truth.
 * -ENOMEM. */
int truth_open(struct truth **truth, const struct config *config, unsigned int listener,
	       bool drops_duplicates);
void truth_close(struct truth *truth);

/* One payload that was sent. Returns an enum truth_verdict or -ENOMEM. */
int truth_add(struct truth *truth, const __u8 *payload, size_t bytes);

/* Ends the sessions and writes all rows by (window, start, end, group). Once only. -ENOMEM,
 * -EIO. */
int truth_write(struct truth *truth, FILE *out);

const struct truth_stats *truth_stats(const struct truth *truth);

/* The listener by name, or the only one, or the one with this port; NULL name: not named.
 * -ENOENT. */
int truth_find_listener(const struct config *config, const char *name, __u16 port);

#endif
