/* SPDX-License-Identifier: BSD-2-Clause */
/* Samples at least a quarter of a second apart; when they are full, the older half loses every
 * second one. */
#include "core/decode/share.h"

#include <string.h>

#define INTERVAL_NS 250000000ll

static void thin_out(struct share_history *history)
{
	const __u32 half = SHARE_SAMPLES / 2;
	__u32 kept = 0;

	for (__u32 i = 0; i < half; i += 2)
		history->sample[kept++] = history->sample[i];
	memmove(&history->sample[kept], &history->sample[half],
		(history->count - half) * sizeof(history->sample[0]));
	history->count -= half - kept;
}

void share_note(struct share_history *history, __s64 time_ns, struct share total)
{
	const struct share_sample sample = { time_ns, total };

	/* The last one moves on until it is an interval behind the one before. */
	if (history->count > 1 &&
	    time_ns - history->sample[history->count - 2].time_ns < INTERVAL_NS) {
		history->sample[history->count - 1] = sample;
		return;
	}
	if (history->count == SHARE_SAMPLES)
		thin_out(history);
	history->sample[history->count++] = sample;
}

/* The first sample not before this time; count: there is none. */
static __u32 find(const struct share_history *history, __s64 time_ns)
{
	__u32 low = 0, high = history->count;

	while (low < high) {
		__u32 middle = (low + high) / 2;

		if (history->sample[middle].time_ns < time_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct share share_between(const struct share_history *history, __s64 from_ns, __s64 to_ns)
{
	__u32 from = find(history, from_ns), to = find(history, to_ns);
	struct share none = { 0 }, before = { 0 }, after;

	if (history->count == 0)
		return none;
	to = to < history->count ? to : history->count - 1;
	after = history->sample[to].total;
	if (from < history->count && history->sample[from].time_ns == from_ns)
		before = history->sample[from].total;
	else if (from > 0)
		before = history->sample[from - 1].total;
	if (after.offered == before.offered)
		return history->sample[history->count - 1].total;
	return (struct share){ after.selected - before.selected, after.offered - before.offered };
}
