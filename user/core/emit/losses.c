/* SPDX-License-Identifier: BSD-2-Clause */
/* A short list in the order of arrival. Losses of one kind follow one another closely, so the last
 * few entries are where a new one may belong. */
#include "core/emit/losses.h"

#include <assert.h>
#include <stdbool.h>

#define LOOK_BACK 64u

void losses_open(struct losses *losses, struct loss *memory, __u32 capacity)
{
	assert(capacity >= 2 * LOSS_CAUSES);
	*losses = (struct losses){ .loss = memory, .capacity = capacity };
}

static bool is_alike(const struct loss *a, const struct loss *b)
{
	return a->cause == b->cause && a->flags == b->flags && a->window_mask == b->window_mask;
}

static bool covers(const struct loss *outer, const struct loss *inner)
{
	return outer->from_ns <= inner->from_ns && outer->to_ns >= inner->to_ns;
}

/* Makes `a` hold both. */
static void unite(struct loss *a, const struct loss *b)
{
	a->from_ns = b->from_ns < a->from_ns ? b->from_ns : a->from_ns;
	a->to_ns = b->to_ns > a->to_ns ? b->to_ns : a->to_ns;
	a->records += b->records;
}

/* The next entry behind `from` of the same kind; `count`: there is none. */
static __u32 next_alike(const struct losses *losses, __u32 from)
{
	__u32 at = from + 1;

	while (at < losses->count && !is_alike(&losses->loss[from], &losses->loss[at]))
		at++;
	return at;
}

static void remove_empty(struct losses *losses)
{
	__u32 kept = 0;

	for (__u32 i = 0; i < losses->count; i++) {
		const struct loss *loss = &losses->loss[i];

		if (loss->records || (loss->flags & SLUICE_MISSING_UNCOUNTED))
			losses->loss[kept++] = *loss;
	}
	losses->count = kept;
}

/* Pairs of a kind become one each. Their kinds may be too many to pair: then the masks are united
 * too, which charges windows with what is missing from others. */
static void make_room(struct losses *losses)
{
	remove_empty(losses);
	for (__u32 i = 0; i + 1 < losses->count; i++) {
		__u32 other = next_alike(losses, i);

		if (other == losses->count)
			continue;
		unite(&losses->loss[i], &losses->loss[other]);
		losses->loss[other] = losses->loss[--losses->count];
	}
	for (__u32 i = 0; losses->count == losses->capacity && i + 1 < losses->count; i++) {
		__u32 other = losses->count - 1;

		for (; other > i && losses->loss[other].cause != losses->loss[i].cause; other--)
			;
		if (other == i)
			continue;
		unite(&losses->loss[i], &losses->loss[other]);
		losses->loss[i].window_mask |= losses->loss[other].window_mask;
		losses->loss[i].flags |= losses->loss[other].flags;
		losses->loss[other] = losses->loss[--losses->count];
	}
}

/* Takes what turned up from the entry with the same interval, else from one that covers it. */
static void take_back(struct losses *losses, const struct loss *found)
{
	struct loss *best = NULL;

	for (__u32 i = losses->count; i-- > 0;) {
		struct loss *loss = &losses->loss[i];

		if (!is_alike(loss, found) || !covers(loss, found) || loss->records <= 0)
			continue;
		if (!best || covers(best, loss))
			best = loss;
	}
	if (!best)
		return;
	best->records += found->records;
	if (best->records < 0)
		best->records = 0;
}

void losses_add(struct losses *losses, const struct loss *loss)
{
	__u32 first = losses->count > LOOK_BACK ? losses->count - LOOK_BACK : 0;

	if (loss->records < 0) {
		take_back(losses, loss);
		return;
	}
	if ((!loss->records && !(loss->flags & SLUICE_MISSING_UNCOUNTED)) || !loss->window_mask)
		return;
	for (__u32 i = losses->count; i-- > first;) {
		struct loss *known = &losses->loss[i];

		if (is_alike(known, loss) && known->from_ns == loss->from_ns &&
		    known->to_ns == loss->to_ns) {
			known->records += loss->records;
			return;
		}
	}
	if (losses->count == losses->capacity)
		make_room(losses);
	losses->loss[losses->count++] = *loss;
}

void losses_sum(const struct losses *losses, __u32 window_mask, __s64 start_ns, __s64 end_ns,
		struct sluice_missing *missing)
{
	for (__u32 i = 0; i < losses->count; i++) {
		const struct loss *loss = &losses->loss[i];

		if (!(loss->window_mask & window_mask) || loss->from_ns >= end_ns ||
		    loss->to_ns < start_ns)
			continue;
		*losses_counter(missing, loss->cause) += (__u64)loss->records;
		if (loss->records || (loss->flags & SLUICE_MISSING_UNCOUNTED))
			missing->flags |= loss->flags;
	}
}

void losses_forget(struct losses *losses, __u32 window_mask, __s64 before_ns)
{
	__u32 kept = 0;

	for (__u32 i = 0; i < losses->count; i++) {
		struct loss *loss = &losses->loss[i];

		if (loss->to_ns < before_ns)
			loss->window_mask &= ~window_mask;
		if (loss->window_mask)
			losses->loss[kept++] = *loss;
	}
	losses->count = kept;
}
