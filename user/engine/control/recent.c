/* SPDX-License-Identifier: BSD-2-Clause */
/* A ring of samples; the one to compare with is the newest that is at least a minute old. */
#include "engine/control/recent.h"

#define SAMPLES (RECENT_SECONDS + 1u)

/* `age` 1 is the newest sample. */
static __u32 place(const struct recent *recent, __u32 age)
{
	return (recent->next + SAMPLES - age) % SAMPLES;
}

bool recent_is_due(const struct recent *recent, __u64 now_mono_ns)
{
	return !recent->count ||
	       now_mono_ns >= recent->sample[place(recent, 1)].mono_ns + RECENT_INTERVAL_NS;
}

void recent_note(struct recent *recent, __u64 now_mono_ns, const struct recent_losses *losses)
{
	recent->sample[recent->next].mono_ns = now_mono_ns;
	recent->sample[recent->next].losses = *losses;
	recent->next = (recent->next + 1) % SAMPLES;
	if (recent->count < SAMPLES)
		recent->count++;
}

static __u64 risen(__u64 from, __u64 to)
{
	return to > from ? to - from : 0;
}

struct recent_losses recent_lost(const struct recent *recent, __u64 now_mono_ns,
				 const struct recent_losses *now)
{
	const __u64 minute_ns = RECENT_SECONDS * RECENT_INTERVAL_NS;
	struct recent_losses to = *now, lost = { 0 };
	const struct recent_losses *from;
	__u32 age = 1;

	if (!recent->count)
		return lost;
	if (to.upstream > recent->sample[place(recent, 1)].losses.upstream)
		to.upstream = recent->sample[place(recent, 1)].losses.upstream;
	while (age < recent->count &&
	       recent->sample[place(recent, age)].mono_ns + minute_ns > now_mono_ns)
		age++;
	from = &recent->sample[place(recent, age)].losses;
#define RECENT_FIELD(name, unit) lost.name = risen(from->name, to.name);
	RECENT_LOSSES(RECENT_FIELD)
	RECENT_SIGNS(RECENT_FIELD)
#undef RECENT_FIELD
	return lost;
}
