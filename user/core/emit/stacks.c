/* SPDX-License-Identifier: BSD-2-Clause */
/* Two stacks a place: made from panes one at a time, and added to by what comes late. */
#include "core/emit/stacks.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>

#include "base/memory.h"

/* Far enough that memory answers before the row is wanted; the panes' chunks lie anywhere. */
#define FETCH_AHEAD_BYTES 1024

/* The span that makes spans and panes of one span about as many: the square root. */
static __u32 span_of(__u32 panes)
{
	__u32 span = 1;

	while (span * span < panes)
		span++;
	return span;
}

/* One a span, those of the span in use, one being made, and one behind the split. */
__u32 stacks_columns(__u32 panes)
{
	return panes / span_of(panes) + span_of(panes) + 2;
}

int stacks_open(struct stacks *stacks, __u32 panes, __u32 place_count, __u32 key_words,
		__u32 row_bytes, struct memory_budget *budget)
{
	*stacks = (struct stacks){
		.panes = panes,
		.span = span_of(panes),
		/* The split itself is an entry, the one behind it none. */
		.entries_max = stacks_columns(panes),
		.place_count = place_count,
		.key_words = key_words,
		.row_bytes = row_bytes,
	};
	stacks->stack = memory_reserve(place_count * sizeof(*stacks->stack));
	stacks->entry = memory_reserve((size_t)place_count * stacks->entries_max *
				       sizeof(*stacks->entry));
	if (!stacks->stack || !stacks->entry ||
	    chunks_open(&stacks->chunks, sizeof(struct sluice_partial), budget)) {
		stacks_close(stacks);
		return -ENOMEM;
	}
	return 0;
}

void stacks_close(struct stacks *stacks)
{
	memory_release(stacks->stack, stacks->place_count * sizeof(*stacks->stack));
	memory_release(stacks->entry, (size_t)stacks->place_count * stacks->entries_max *
					      sizeof(*stacks->entry));
	chunks_close(&stacks->chunks);
	*stacks = (struct stacks){ 0 };
}

static struct stack_entry *entries_of(const struct stacks *stacks, __u32 place)
{
	return stacks->entry + (size_t)place * stacks->entries_max;
}

static struct stack_entry *top_of(const struct stacks *stacks, __u32 place)
{
	return entries_of(stacks, place) + stacks->stack[place].count - 1;
}

static struct sluice_partial *column(const struct stacks *stacks, __u32 chunk)
{
	return chunk == CHUNK_NONE ? NULL : (void *)chunks_at(&stacks->chunks, chunk);
}

static void give_back(struct stacks *stacks, __u32 *chunk)
{
	if (*chunk != CHUNK_NONE)
		chunks_give(&stacks->chunks, *chunk);
	*chunk = CHUNK_NONE;
}

static void drop_all(struct stacks *stacks, __u32 place)
{
	struct stack *stack = &stacks->stack[place];
	struct stack_entry *entry = entries_of(stacks, place);

	for (__u32 i = 0; i < stack->count; i++)
		give_back(stacks, &entry[i].chunk);
	give_back(stacks, &stack->back);
	stack->count = 0;
}

/* Drops what is deeper than the pane that is first now. */
static void drop_deeper(struct stacks *stacks, __u32 place, __u32 depth)
{
	struct stack *stack = &stacks->stack[place];

	while (top_of(stacks, place)->depth > depth) {
		give_back(stacks, &top_of(stacks, place)->chunk);
		stack->count--;
	}
}

/* A split for windows from `first` on: the next pane whose turn it is at this place. */
static void begin(struct stacks *stacks, __u32 place, __s64 first)
{
	struct stack *stack = &stacks->stack[place];
	__s64 panes = stacks->panes, ahead = ((__s64)(place % stacks->panes) - first) % panes;

	drop_all(stacks, place);
	stack->split = first + (ahead < 0 ? ahead + panes : ahead);
	stack->next = stack->split;
	stack->count = 1;
	*top_of(stacks, place) = (struct stack_entry){ 0, 0, CHUNK_NONE };
}

/* First the panes in front, back to the window's first; then those behind. */
static __s64 wanted_number(const struct stacks *stacks, __u32 place)
{
	const struct stack *stack = &stacks->stack[place];
	const struct stack_entry *top = top_of(stacks, place);

	return top->reach < stack->wanted ? stack->split - top->reach - 1 : stack->next;
}

enum stack_state stack_prepare(struct stacks *stacks, __u32 place, __s64 first, __s64 *number)
{
	struct stack *stack = &stacks->stack[place];

	assert(place < stacks->place_count);
	if (stack->count && stack->next > first + stacks->panes)
		return STACK_AHEAD;
	if (!stack->count || first > stack->split)
		begin(stacks, place, first);
	stack->wanted = (__u32)(stack->split - first);
	drop_deeper(stacks, place, stack->wanted);
	*number = wanted_number(stacks, place);
	return *number < first + stacks->panes ? STACK_WANTS : STACK_READY;
}

/* Each row of `from` (NULL: empty) merged with the row of a pane, which is all zeros where it has
 * none. */
static void merge_rows(const struct stacks *stacks, struct sluice_partial *into,
		       const struct sluice_partial *from, const unsigned char *rows)
{
	const unsigned char *at = rows + stacks->key_words * sizeof(__u64);
	const size_t row_bytes = stacks->row_bytes;

	for (__u32 i = 0; i < CHUNK_ROWS; i++, at += row_bytes) {
		struct sluice_partial own = *(const struct sluice_partial *)at;
		struct sluice_partial sum;

		__builtin_prefetch(at + FETCH_AHEAD_BYTES);
		if (from) {
			sum = from[i];
			__builtin_prefetch((const char *)&from[i] + FETCH_AHEAD_BYTES);
		} else {
			partial_open(&sum);
		}
		own.min = own.records ? own.min : INT64_MAX;
		own.max = own.records ? own.max : INT64_MIN;
		partial_merge(&sum, &own);
		into[i] = sum;
	}
}

/* The aggregate is wanted again: its span is in use, or it is the one its span keeps. */
static bool is_kept(const struct stacks *stacks, const struct stack *stack,
		    const struct stack_entry *entry)
{
	__u32 span = stacks->span;

	return entry->depth == 0 || entry->reach / span != (entry->depth - 1) / span ||
	       entry->reach > (stack->wanted - 1) / span * span;
}

/* The next deeper pane. */
static bool give_front(struct stacks *stacks, __u32 place, const unsigned char *rows)
{
	struct stack *stack = &stacks->stack[place];
	struct stack_entry *top = top_of(stacks, place);
	__u32 depth = top->reach + 1, chunk;

	if (!is_kept(stacks, stack, top)) {
		merge_rows(stacks, column(stacks, top->chunk), column(stacks, top->chunk), rows);
		top->depth = top->reach = depth;
		return true;
	}
	chunk = stack->count < stacks->entries_max ? chunks_take(&stacks->chunks) : CHUNK_NONE;
	if (chunk == CHUNK_NONE)
		return false;
	merge_rows(stacks, column(stacks, chunk), column(stacks, top->chunk), rows);
	top[1] = (struct stack_entry){ depth, depth, chunk };
	stack->count++;
	return true;
}

static bool give_behind(struct stacks *stacks, __u32 place, const unsigned char *rows)
{
	struct stack *stack = &stacks->stack[place];
	struct sluice_partial *old = column(stacks, stack->back);

	if (!old)
		stack->back = chunks_take(&stacks->chunks);
	if (stack->back == CHUNK_NONE)
		return false;
	merge_rows(stacks, column(stacks, stack->back), old, rows);
	return true;
}

bool stack_give(struct stacks *stacks, __u32 place, __s64 number, const unsigned char *rows)
{
	struct stack *stack = &stacks->stack[place];
	bool is_front = number < stack->split, has_room = true;

	assert(number == wanted_number(stacks, place));
	if (rows)
		has_room = is_front ? give_front(stacks, place, rows)
				    : give_behind(stacks, place, rows);
	if (!has_room) {
		drop_all(stacks, place);
		return false;
	}
	if (!is_front)
		stack->next++;
	else if (!rows)
		top_of(stacks, place)->reach++;
	return true;
}

void stack_read(const struct stacks *stacks, __u32 place, const struct sluice_partial **front,
		const struct sluice_partial **back)
{
	*front = column(stacks, top_of(stacks, place)->chunk);
	*back = column(stacks, stacks->stack[place].back);
}

static void add_behind(struct stacks *stacks, __u32 place, __u32 row,
		     const struct sluice_partial *partial)
{
	struct stack *stack = &stacks->stack[place];
	struct sluice_partial *rows = column(stacks, stack->back);

	if (!rows) {
		stack->back = chunks_take(&stacks->chunks);
		rows = column(stacks, stack->back);
		for (__u32 i = 0; rows && i < CHUNK_ROWS; i++)
			partial_open(&rows[i]);
	}
	if (rows)
		partial_merge(&rows[row], partial);
	else
		drop_all(stacks, place);
}

void stack_add(struct stacks *stacks, __u32 place, __s64 number, __u32 row,
	       const struct sluice_partial *partial)
{
	struct stack *stack = &stacks->stack[place];
	struct stack_entry *entry = entries_of(stacks, place);
	__u32 i = stack->count, depth;

	if (!i || number >= stack->next || number < stack->split - entry[i - 1].reach)
		return;
	if (number >= stack->split) {
		add_behind(stacks, place, row, partial);
		return;
	}
	depth = (__u32)(stack->split - number);
	while (entry[i - 1].depth >= depth)
		partial_merge(&column(stacks, entry[--i].chunk)[row], partial);
	/* A pane that had no rows here has some now, and is to be taken. */
	if (entry[i - 1].reach >= depth)
		entry[i - 1].reach = depth - 1;
}

void stack_forget(struct stacks *stacks, __u32 place, __s64 number)
{
	struct stack *stack = &stacks->stack[place];

	if (!stack->count)
		return;
	if (number >= stack->split)
		drop_all(stacks, place);
	else
		drop_deeper(stacks, place, (__u32)(stack->split - number - 1));
}

bool stacks_yield(struct stacks *stacks)
{
	__u32 before = stacks->chunks.free_count;

	for (__u32 i = 0; i < stacks->place_count; i++) {
		drop_all(stacks, stacks->yielding);
		stacks->yielding = (stacks->yielding + 1) % stacks->place_count;
		if (stacks->chunks.free_count > before)
			return true;
	}
	return false;
}
