/* SPDX-License-Identifier: BSD-2-Clause */
/* A list that moves through twice its room, so that the oldest goes without moving the others, and
 * a natural merge sort (Knuth 5.2.4, algorithm N) that finds it sorted nearly always. */
#include "core/memory/slots.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/memory.h"

static size_t memory_bytes(__u32 capacity)
{
	return 3 * (size_t)capacity * sizeof(struct slot);
}

int slots_open(struct slots *slots, __u32 capacity)
{
	*slots = (struct slots){ .capacity = capacity };
	slots->memory = memory_reserve(memory_bytes(capacity));
	return slots->memory ? 0 : -ENOMEM;
}

void slots_close(struct slots *slots)
{
	memory_release(slots->memory, memory_bytes(slots->capacity));
	*slots = (struct slots){ 0 };
}

void slots_add(struct slots *slots, __s64 number, __u32 index)
{
	assert(slots->count < slots->capacity);
	if (slots->first + slots->count == 2 * slots->capacity) {
		memmove(slots->memory, slots->memory + slots->first,
			slots->count * sizeof(*slots->memory));
		slots->first = 0;
	}
	slots->memory[slots->first + slots->count++] = (struct slot){ number, index };
}

void slots_remove(struct slots *slots, __u32 index)
{
	struct slot *first = slots->memory + slots->first;
	__u32 i = 0;

	while (first[i].index != index) {
		i++;
		assert(i < slots->count);
	}
	memmove(first + 1, first, i * sizeof(*first));
	slots->first++;
	slots->count--;
}

/* Where the ascending run that begins here ends. */
static __u32 run_end(const struct slot *slot, __u32 from, __u32 count)
{
	do
		from++;
	while (from < count && slot[from - 1].number <= slot[from].number);
	return from < count ? from : count;
}

/* Two runs, one behind the other, become one. */
static void merge_runs(struct slot *left, __u32 left_count, __u32 right_count, struct slot *scratch)
{
	const struct slot *right = left + left_count;
	__u32 l = 0, r = 0;

	memcpy(scratch, left, left_count * sizeof(*left));
	while (l < left_count) {
		bool takes_right = r < right_count && right[r].number < scratch[l].number;

		left[l + r] = takes_right ? right[r] : scratch[l];
		if (takes_right)
			r++;
		else
			l++;
	}
}

void slots_sort(struct slots *slots)
{
	struct slot *first = slots->memory + slots->first;
	struct slot *scratch = slots->memory + 2 * (size_t)slots->capacity;
	__u32 count = slots->count, middle, end;

	while (count && run_end(first, 0, count) < count) {
		for (__u32 from = 0; from < count; from = end) {
			middle = run_end(first, from, count);
			end = middle < count ? run_end(first, middle, count) : middle;
			merge_runs(first + from, middle - from, end - middle, scratch);
		}
	}
}
