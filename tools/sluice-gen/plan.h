/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The plan: what the n-th datagram is, by arithmetic on its number and the seed alone. Compiled
 * into the BPF sender and into user space, so that frames, sockets, captures and the truth mean
 * the same bytes. An "original" uses a sequence number; a duplicate repeats one; a turn is one
 * step of either. */
#ifndef SLUICE_GEN_PLAN_H
#define SLUICE_GEN_PLAN_H

#include "sluice/wire.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#define PLAN_EVENT_SIZE_WITH_ID 40
#define PLAN_SHORT_PAYLOAD_BYTES 20 /* of a datagram that is damaged to be too short */
#define PLAN_DUPLICATE_TRIES 8 /* originals looked at to find one that was sent unharmed */
#define PLAN_CERTAIN (1ull << 32) /* probabilities are in units of 2^−32 */
#define PLAN_RUN_TEMPLATES 64 /* templates in turn during a run; a power of two */

enum plan_kind {
	PLAN_NORMAL,
	PLAN_LOST, /* the sequence number is used, nothing is sent */
	PLAN_CORRUPT, /* must be refused, for the reason of its damage */
	PLAN_LATE, /* all events late_ns in the past */
	PLAN_FUTURE, /* all events future_ns ahead */
	PLAN_KINDS
};

enum plan_damage {
	PLAN_DAMAGE_MAGIC,
	PLAN_DAMAGE_VERSION,
	PLAN_DAMAGE_FLAGS,
	PLAN_DAMAGE_EVENT_COUNT,
	PLAN_DAMAGE_EVENT_SIZE,
	PLAN_DAMAGE_LENGTH,
	PLAN_DAMAGE_SHORT,
	PLAN_DAMAGE_CHECKSUM, /* the last one, as sockets cannot send it */
	PLAN_DAMAGES
};

struct plan {
	__u64 seed;
	__u64 original_count; /* the plan ends after so many */
	__u64 source_first; /* source ids are source_first … + source_count − 1 */
	__u64 source_count;
	__u64 start_ns; /* event time of original 0 */
	__u64 step_256; /* event time from one original to the next, 1/256 ns */
	__u64 jitter_1024; /* event times go back by less than this, 1024 ns; 32 bits */
	__u64 late_ns;
	__u64 future_ns;
	__u64 warm_up; /* originals before the first late or future one */
	__u64 lost_below; /* cumulative probabilities, at most PLAN_CERTAIN */
	__u64 corrupt_below;
	__u64 late_below;
	__u64 future_below;
	__u64 duplicate_below; /* of a turn being a duplicate */
	__u64 duplicate_reach; /* duplicates repeat one of so many latest originals */
	__u32 epoch;
	__u32 tenant_count; /* tenants are source mod this */
	__u32 template_mask; /* templates − 1, a power of two of at least PLAN_RUN_TEMPLATES */
	__u32 run_shift; /* log2 of the originals that share a run of templates */
	__u32 key_bias; /* taken from every key (see shape.h) */
	__u16 event_size;
	__u16 has_checksums; /* frames: a wrong checksum is one of the damages */
};

struct plan_count {
	__u64 datagrams;
	__u64 events;
};

/* Where the plan is, and what it has given so far. */
struct plan_state {
	__u64 turn;
	__u64 original; /* the next one */
	__u64 source; /* of it, less source_first: what divisions would tell at each turn */
	__u64 sequence;
	struct plan_count kind[PLAN_KINDS]; /* originals by kind */
	struct plan_count duplicate;
	__u64 damage[PLAN_DAMAGES];
};

struct plan_datagram {
	__u64 number; /* of the original */
	__u64 source_id;
	__u64 sequence;
	__u64 base_time_ns;
	__u32 key_mask;
	__u32 template;
	__u16 tenant;
	__u8 kind; /* enum plan_kind */
	__u8 damage; /* enum plan_damage, of a corrupt one */
	__u8 is_duplicate;
};

static __always_inline __u64 plan_hash(__u64 seed, __u64 number)
{
	__u64 x = (number + seed) * 0x9E3779B97F4A7C15ull;

	x = (x ^ (x >> 32)) * 0xD6E8FEB86659FD93ull;
	x = (x ^ (x >> 29)) * 0xA0761D6478BD642Full;
	return x ^ (x >> 32);
}

static __always_inline __u8 plan_kind_of(const struct plan *plan, __u64 number)
{
	__u64 draw;

	if (!plan->future_below)
		return PLAN_NORMAL;
	draw = plan_hash(plan->seed ^ 0x4B494E44ull, number) >> 32;
	if (draw < plan->lost_below)
		return PLAN_LOST;
	if (draw < plan->corrupt_below)
		return PLAN_CORRUPT;
	if (number < plan->warm_up || draw >= plan->future_below)
		return PLAN_NORMAL;
	return draw < plan->late_below ? PLAN_LATE : PLAN_FUTURE;
}

/* Which original a duplicate in this turn repeats; plan->original_count for none. */
static __always_inline __u64 plan_duplicate_of(const struct plan *plan,
					       const struct plan_state *state)
{
	__u64 draw = plan_hash(plan->seed ^ 0x44555021ull, state->turn);
	__u64 back = 1 + ((draw >> 32) * plan->duplicate_reach >> 32);
	__u64 number;

	if ((draw & 0xffffffff) >= plan->duplicate_below || back > state->original)
		return plan->original_count;
	number = state->original - back;
	for (int i = 0; i < PLAN_DUPLICATE_TRIES; i++) {
		if (plan_kind_of(plan, number) == PLAN_NORMAL)
			return number;
		if (number == 0)
			break;
		number--;
	}
	return plan->original_count;
}

/* Templates come in runs of 64, forwards then backwards: live frames are taken from a stack of
 * 64 pages, so a frame usually carries the wanted template already. Nothing depends on that but
 * the speed. */
static __always_inline __u32 plan_template_of(const struct plan *plan, __u64 number)
{
	__u32 slot = (__u32)number & (PLAN_RUN_TEMPLATES - 1);
	__u32 run = (__u32)(number >> plan->run_shift);

	if (number & PLAN_RUN_TEMPLATES)
		slot = PLAN_RUN_TEMPLATES - 1 - slot;
	return (run * PLAN_RUN_TEMPLATES + slot) & plan->template_mask;
}

static __always_inline __u64 plan_time_of(const struct plan *plan, __u64 number)
{
	return plan->start_ns + (number * plan->step_256 >> 8);
}

/* All but who sends it. */
static __always_inline void plan_describe(const struct plan *plan, __u64 number, __u8 kind,
					  struct plan_datagram *datagram)
{
	__u64 draw = plan_hash(plan->seed, number), time_ns = plan_time_of(plan, number);

	time_ns -= ((draw & 0xffffffff) * plan->jitter_1024 >> 32) << 10;
	if (kind == PLAN_LATE)
		time_ns -= plan->late_ns;
	if (kind == PLAN_FUTURE)
		time_ns += plan->future_ns;
	datagram->number = number;
	datagram->base_time_ns = time_ns;
	datagram->key_mask = (__u32)(draw >> 32);
	datagram->template = plan_template_of(plan, number);
	datagram->kind = kind;
	datagram->damage = PLAN_DAMAGES;
	if (kind == PLAN_CORRUPT)
		datagram->damage =
			(__u8)(plan_hash(plan->seed ^ 0x44414D47ull, number) %
			       (PLAN_DAMAGES - 1u + plan->has_checksums));
}

static __always_inline void plan_set_source(const struct plan *plan, __u64 source, __u64 sequence,
					    struct plan_datagram *datagram)
{
	datagram->source_id = plan->source_first + source;
	datagram->sequence = sequence;
	datagram->tenant = 0;
	if (plan->tenant_count > 1)
		datagram->tenant = (__u16)(source % plan->tenant_count);
}

static __always_inline void plan_take_original(const struct plan *plan, struct plan_state *state,
					       struct plan_datagram *datagram)
{
	datagram->is_duplicate = 0;
	plan_set_source(plan, state->source, state->sequence, datagram);
	state->original++;
	state->source++;
	if (state->source >= plan->source_count) {
		state->source = 0;
		state->sequence++;
	}
}

/* The next turn. Returns 0 at the end of the plan. */
static __always_inline int plan_next(const struct plan *plan, struct plan_state *state,
				     struct plan_datagram *datagram)
{
	__u64 number = state->original, repeated = plan->original_count;

	if (number >= plan->original_count)
		return 0;
	if (plan->duplicate_below)
		repeated = plan_duplicate_of(plan, state);
	if (repeated < number) {
		number = repeated;
		datagram->is_duplicate = 1;
		plan_set_source(plan, number % plan->source_count, number / plan->source_count,
				datagram);
	} else {
		plan_take_original(plan, state, datagram);
	}
	plan_describe(plan, number, plan_kind_of(plan, number), datagram);
	state->turn++;
	return 1;
}

/* The same for a plan without faults and duplicates, to be quick. */
static __always_inline int plan_next_plain(const struct plan *plan, struct plan_state *state,
					   struct plan_datagram *datagram)
{
	__u64 number = state->original;

	if (number >= plan->original_count)
		return 0;
	plan_take_original(plan, state, datagram);
	plan_describe(plan, number, PLAN_NORMAL, datagram);
	state->turn++;
	return 1;
}

/* Whether there are none. */
static __always_inline int plan_is_plain(const struct plan *plan)
{
	return !plan->future_below && !plan->duplicate_below;
}

/* Counts a turn once its number of events is known. */
static __always_inline void plan_count(struct plan_state *state,
				       const struct plan_datagram *datagram, __u32 event_count)
{
	struct plan_count *count = &state->duplicate;

	if (!datagram->is_duplicate && datagram->kind < PLAN_KINDS)
		count = &state->kind[datagram->kind];
	count->datagrams++;
	count->events += event_count;
	if (datagram->damage < PLAN_DAMAGES)
		state->damage[datagram->damage]++;
}

/* What all headers with so many events have in common: the first 16 bytes but the tenant. */
static __always_inline void plan_stamp_common(const struct plan *plan, struct sluice_header *header,
					      __u32 event_count)
{
	header->magic = SLUICE_MAGIC;
	header->version = SLUICE_VERSION;
	header->flags = 0;
	header->event_count = (__u16)event_count;
	header->event_size = plan->event_size;
	header->tenant = 0;
	header->epoch = plan->epoch;
}

static __always_inline void plan_stamp_own(struct sluice_header *header,
					   const struct plan_datagram *datagram)
{
	header->tenant = datagram->tenant;
	header->source_id = datagram->source_id;
	header->sequence = datagram->sequence;
	header->base_time_ns = datagram->base_time_ns;
}

/* The header of a datagram, every byte of it, as it should be. */
static __always_inline void plan_stamp_header(const struct plan *plan, struct sluice_header *header,
					      const struct plan_datagram *datagram,
					      __u32 event_count)
{
	plan_stamp_common(plan, header, event_count);
	plan_stamp_own(header, datagram);
}

/* A UDP checksum that is neither right nor none nor `left` by transmit offload. As sums 0 and
 * 0xffff are the same. */
static __always_inline __u16 plan_wrong_checksum(__u16 right, __u16 left)
{
	__u16 wrong = (__u16)(right + 1);

	if (!wrong)
		wrong = 1;
	if (wrong == left)
		wrong = (__u16)(wrong == 0xffff ? 1 : wrong + 1);
	return wrong;
}

/* One lie in the header. PLAN_DAMAGE_SHORT is a matter of lengths outside the payload, and
 * PLAN_DAMAGE_CHECKSUM of the header of UDP. */
static __always_inline void plan_damage_header(struct sluice_header *header, __u8 damage,
					       __u64 number)
{
	switch (damage) {
	case PLAN_DAMAGE_MAGIC:
		header->magic ^= 1u << (number & 31);
		break;
	case PLAN_DAMAGE_VERSION:
		header->version = (__u8)(2 + (number & 127));
		break;
	case PLAN_DAMAGE_FLAGS:
		header->flags = (__u8)(0x10u << (number & 3));
		break;
	case PLAN_DAMAGE_EVENT_COUNT:
		header->event_count = 0;
		break;
	case PLAN_DAMAGE_EVENT_SIZE:
		/* 24, 36, 264 and 0: too small, not a multiple of 8, too large, none */
		header->event_size = (__u16)(0x0000010800240018ull >> (16 * (number & 3)));
		break;
	case PLAN_DAMAGE_LENGTH:
		header->event_count = (__u16)(header->event_count + 1);
		break;
	}
}

static __always_inline __u64 plan_event_id(const struct plan_datagram *datagram, __u32 index)
{
	return (datagram->number << 16 | index) + 1;
}

#endif
