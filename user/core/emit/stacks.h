/* SPDX-License-Identifier: BSD-2-Clause */
/* What emission remembers of the panes of a window that slides, so that it need not merge all of
 * them for every row: two stacks a chunk of rows (Tangwongsan, Hirzel, Schneider 2017). In front of
 * the split lie aggregates of all panes from one to the split, behind it one of all panes from the
 * split on. A window from `first` on is what lies in front for `first`, merged with what lies
 * behind: two aggregates, of however many panes. When no pane is left in front, the split moves on.
 *
 * In front, not every pane keeps its aggregate: one in `span` does, and all of the span that comes
 * next; the others are made again from the panes when their turn comes. The split of each place
 * moves at another time, so that no emission has to do it for all.
 *
 * What comes late into a pane that was taken is added to what was made of it: aggregates only grow.
 * Knows nothing of windows: it says which pane it wants next, and is given that pane's rows. */
#ifndef SLUICE_CORE_STACKS_H
#define SLUICE_CORE_STACKS_H

#include <stdbool.h>

#include "core/memory/chunks.h"
#include "core/aggregate/partial.h"

/* Windows of fewer panes are merged from them each time. */
#define STACKS_PANES_MIN 5u

struct stack_entry {
	__u32 depth;	/* panes from here to the split */
	__u32 reach;	/* …; between depth and reach the panes have no rows here */
	__u32 chunk;	/* their aggregate; CHUNK_NONE: no rows up to the split */
};

struct stack {
	__s64 split;	/* number of the first pane behind it */
	__s64 next;	/* … of the first pane not taken yet */
	__u32 back;	/* aggregate of [split, next), or CHUNK_NONE */
	__u32 wanted;	/* depth that is being made */
	__u32 count;	/* entries, deepest last; 0: nothing is known */
};

struct stacks {
	__u32 panes;	/* of a window; 0: not used */
	__u32 span;
	__u32 entries_max;
	__u32 place_count;
	__u32 key_words;
	__u32 row_bytes;	/* of a pane's row: key words, then the partial */
	__u32 yielding;		/* the place whose memory goes next */
	struct stack *stack;	/* by place */
	struct stack_entry *entry;	/* entries_max a place */
	struct chunks chunks;	/* of partials; not zeroed when they come back */
};

enum stack_state {
	STACK_READY,	/* stack_read() may be called */
	STACK_WANTS,	/* stack_give() is to be called with the pane that is wanted */
	STACK_AHEAD,	/* panes behind the end are in it already */
};

/* Aggregates of a group that may be kept for a window of `panes`, at most. */
__u32 stacks_columns(__u32 panes);

/* For windows of `panes` in `place_count` chunks of rows. -ENOMEM. */
int stacks_open(struct stacks *stacks, __u32 panes, __u32 place_count, __u32 key_words,
		__u32 row_bytes, struct memory_budget *budget);
void stacks_close(struct stacks *stacks);

/* What is missing for a window from pane `first` on: STACK_WANTS with its *number. */
enum stack_state stack_prepare(struct stacks *stacks, __u32 place, __s64 first, __s64 *number);
/* Takes the rows of the chunk of the pane that is wanted; NULL: it has none. False: no memory, and
 * nothing is known any more. */
bool stack_give(struct stacks *stacks, __u32 place, __s64 number, const unsigned char *rows);
/* The two aggregates to merge, of CHUNK_ROWS partials each; NULL: no rows. A partial without
 * records is as partial_open() makes it. */
void stack_read(const struct stacks *stacks, __u32 place, const struct sluice_partial **front,
		const struct sluice_partial **back);

/* A row of a pane has grown by this. */
void stack_add(struct stacks *stacks, __u32 place, __s64 number, __u32 row,
	       const struct sluice_partial *partial);
/* The rows of a pane go: no window will be made of it or of older panes. */
void stack_forget(struct stacks *stacks, __u32 place, __s64 number);
/* Gives up what is known of one place, for want of memory. False: there is nothing to give up. */
bool stacks_yield(struct stacks *stacks);

#endif
