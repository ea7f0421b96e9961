/* SPDX-License-Identifier: BSD-2-Clause */
/* Was this datagram here before? Per source and epoch, a bitmap of the 8192 sequences up to the
 * highest seen: exact within, `stale` behind; they may wrap at 2^64. What slides out unseen is the
 * upstream loss. An epoch is a name, not a number: an unknown one is the newest. Two are open, so
 * that datagrams of a restarting sender may overtake each other; the four before are stale. One
 * thread at a time may ask for a source. */
#ifndef SLUICE_CORE_DEDUP_SEQUENCE_H
#define SLUICE_CORE_DEDUP_SEQUENCE_H

#include <stdbool.h>
#include <stddef.h>

#include "sluice/types.h"

#define DEDUP_SEQUENCE_DEPTH 8192u	/* two milliseconds of one source at 4 M/s */
#define DEDUP_SEQUENCE_EPOCHS 2u	/* open ones of a source */
#define DEDUP_SEQUENCE_RETIRED 4u	/* epochs remembered by name */
/* A step this far ahead is no loss but a sender that lost its count: 18 minutes at 4 M/s. */
#define DEDUP_SEQUENCE_JUMP (1ull << 32)
#define DEDUP_SEQUENCE_ALIGN 64u

enum dedup_verdict {
	DEDUP_NEW,
	DEDUP_DUPLICATE,
	DEDUP_STALE,	/* too old to tell, or of a retired epoch: must be refused */
};

struct dedup_lane {
	__u64 highest;	/* sequence */
	__u32 epoch;
	__u16 span;	/* sequences expected, up to `highest`: 1 … DEPTH; 0: never opened */
	__u16 held;	/* of these, seen */
};

/* One cache line a source. */
struct dedup_source {
	__u32 zero;
	__u8 newest;		/* lane */
	__u8 retired_next;	/* place of the next retired epoch */
	__u8 retired_count;
	__u8 zero_too;
	struct dedup_lane lane[DEDUP_SEQUENCE_EPOCHS];
	__u32 retired[DEDUP_SEQUENCE_RETIRED];
	__u64 missing;		/* slid out unseen, all epochs */
};

SLUICE_ASSERT_SIZE(struct dedup_source, 64);

struct dedup_sequence {
	struct dedup_source *sources;
	__u64 *bits;		/* the first lanes of all sources, then the second ones */
	__u32 sources_max;
	__u32 zero;
	__u64 epochs_opened;	/* beyond the first of each source: restarts seen */
	__u64 jumps;		/* steps of DEDUP_SEQUENCE_JUMP and more */
};

/* Memory for `sources_max` sources, in bytes: 2112 each. */
size_t dedup_sequence_bytes(__u32 sources_max);

/* Takes over that much memory at a 64-byte boundary, all zeros; untouched pages stay untouched
 * until a source needs them. */
void dedup_sequence_open(struct dedup_sequence *dedup, void *memory, __u32 sources_max);

/* What a new datagram has changed. */
struct dedup_step {
	__u8 lane;		/* of its epoch */
	bool is_highest;	/* of its lane now */
	bool is_opened;		/* the lane is new; what was in its place is retired */
	bool is_unknown;	/* something is missing of which nobody knows how much */
	__s64 missing;		/* change of dedup_sequence_missing(): −1 when a gap fills */
	__u64 first;		/* sequence at which a gap begins */
};

/* The verdict, remembered. `source` is below sources_max and stands for one sender only: a slot
 * that several share has to be left out. *step is written for DEDUP_NEW. */
enum dedup_verdict dedup_sequence_take(struct dedup_sequence *dedup, __u32 source, __u32 epoch,
				       __u64 sequence, struct dedup_step *step);

/* The usual datagram, the one behind the highest of the newest epoch, is new, leaves no gap and
 * needs no search. False: it is another, and nothing has been done. */
static inline __attribute__((always_inline)) bool
dedup_sequence_take_next(struct dedup_sequence *dedup, __u32 source, __u32 epoch, __u64 sequence)
{
	struct dedup_source *state = &dedup->sources[source];
	struct dedup_lane *lane = &state->lane[state->newest];
	__u64 *word, bit = 1ull << sequence % 64;
	__u32 is_new;

	if (lane->epoch != epoch || sequence != lane->highest + 1 || !lane->span)
		return false;
	word = &dedup->bits[((size_t)state->newest * dedup->sources_max + source) *
				    (DEDUP_SEQUENCE_DEPTH / 64) +
			    sequence % DEDUP_SEQUENCE_DEPTH / 64];
	lane->highest = sequence;
	/* The place is that of the sequence that leaves: seen, or missing from now on for good. */
	is_new = (*word & bit) == 0;
	*word |= bit;
	lane->held = (__u16)(lane->held + is_new);
	if (lane->span < DEDUP_SEQUENCE_DEPTH)
		lane->span++;
	else
		state->missing += is_new;
	return true;
}

/* The verdict, not remembered. *is_highest: it is the newest of its epoch, or of a new epoch. */
enum dedup_verdict dedup_sequence_look(const struct dedup_sequence *dedup, __u32 source,
				       __u32 epoch, __u64 sequence, bool *is_highest);

/* The source is unknown again. */
void dedup_sequence_forget(struct dedup_sequence *dedup, __u32 source);

/* Bitmap of a lane: bit (sequence mod DEPTH) of 64-bit words. */
__u64 *dedup_sequence_bits(const struct dedup_sequence *dedup, __u32 source, unsigned int lane);

/* Sets a lane of a source that is unknown so far; the newest lane comes last. `bits` NULL: all
 * `span` sequences up to `highest` were seen. Returns false for what no lane can be. */
bool dedup_sequence_restore(struct dedup_sequence *dedup, __u32 source, unsigned int lane_index,
			    const struct dedup_lane *lane, const __u64 *bits);

/* Datagrams of a source that are missing: slid out unseen, and gaps in what is open (which
 * late ones may still fill). A stale datagram was counted as missing before it came, unless it
 * was a duplicate. */
__u64 dedup_sequence_missing(const struct dedup_sequence *dedup, __u32 source);

#endif
