/* SPDX-License-Identifier: BSD-2-Clause */
/* What a row holds beyond the base partial: first, last, and sketches, as the window asks for. A
 * state is `state_bytes` of memory per row; all zeros means that it is not open. Sketches live in
 * blocks of a bounded pool; a sketch that finds no block is lost, says so in its row, and is
 * counted. */
#ifndef SLUICE_CORE_EXTRAS_H
#define SLUICE_CORE_EXTRAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/sketch/sketch_pool.h"
#include "core/window_spec.h"

/* One event, as far as extras look at it. */
struct extras_event {
	__s64 time_ns;
	__s64 value;
	__u64 weight;		/* 1 at least */
	__u64 event_id;		/* these five are its identity */
	__u64 source_id;
	__u64 sequence;
	__u32 epoch;
	__u32 index;
	__u64 field[SLUICE_FIELD_VALUE];	/* by enum sluice_field */
};

struct extras_item {
	__u8 aggregate;		/* index in the window's aggregates */
	__u8 kind;		/* enum sluice_aggregate_kind */
	__u8 field;		/* enum sluice_field */
	__u8 precision;
	__u32 k;
	__u32 offset;		/* in the state */
};

struct extras {
	__u32 count;		/* 0: the window asks for none */
	__u32 state_bytes;	/* a multiple of 8 */
	bool wants_identity;	/* first or last */
	struct extras_item item[SLUICE_AGGREGATES_MAX];
	struct sketch_pool *pool;
};

/* The first or last point of a row without events: an event is never at the very end of time. */
#define EXTRAS_POINT_NONE INT64_MAX

static inline bool extras_point_is_none(const struct sluice_point *point)
{
	return point->time_ns == EXTRAS_POINT_NONE;
}

/* Lays out the states of a window. */
void extras_init(struct extras *extras, const struct window_spec *spec, struct sketch_pool *pool);

/* A zeroed state becomes that of a row without events. */
void extras_open(const struct extras *extras, void *state);
/* Takes one event in; one aggregate alone does, of the whole row's state. */
void extras_add(const struct extras *extras, void *state, const struct extras_event *event);
void extras_add_item(const struct extras *extras, const struct extras_item *item, void *state,
		     const struct extras_event *event);
/* Adds what `from` holds, which stays as it is. Associative and commutative. */
void extras_merge(const struct extras *extras, void *state, const void *from);
/* Gives the blocks back and zeroes the state. */
void extras_clear(const struct extras *extras, void *state);

/* Bytes that extras_write() will write. A multiple of 8. */
size_t extras_bytes(const struct extras *extras, const void *state);
/* Writes the row's tail: in the order of the aggregates a sluice_point (first, last) or a
 * sketch. */
void extras_write(const struct extras *extras, const void *state, void *bytes);
/* Adds a written tail. -EBADMSG for bytes that extras_write() never wrote: what came before the
 * mistake may have been added. */
int extras_merge_bytes(const struct extras *extras, void *state, const void *bytes, size_t length);

#endif
