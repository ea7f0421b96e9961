/* SPDX-License-Identifier: BSD-2-Clause */
/* Random senders: their numbers, and the times that they say. */
#include "generate_internal.h"

static void calm_down(struct sender *sender)
{
	sender->jitter_ns /= 100;
	sender->delay_ns = 0;
	sender->lie_percent = 0;
	sender->stuck_percent = 0;
}

void generate_senders(struct making *making)
{
	static const __u64 sequences[] = { 0, 0, 1000, UINT64_MAX - 3, UINT32_MAX - 2ull,
					   INT64_MAX };
	static const __u64 ids[] = { 0, 1, UINT64_MAX, 1ull << 32, 2ull << 32, 77 };
	struct random *random = &making->random;

	making->sender_count = (__u32)random_range(random, 1, SOURCES_MAX);
	for (__u32 i = 0; i < making->sender_count; i++) {
		struct sender *sender = &making->sender[i];

		sender->source_id = ids[i];
		sender->sequence = sequences[random_below(random, COUNT_OF(sequences))];
		sender->listener =
			(__u16)random_below(random, making->scenario->listener_count);
		sender->tenant = (__u16)(random_percent(random, 70) ? 0 : random_next(random));
		sender->jitter_ns = MILLISECOND_NS * random_range(random, 0, 2000);
		if (random_percent(random, 20))
			sender->delay_ns = MILLISECOND_NS * random_range(random, 0, 15000);
		sender->lie_percent = random_percent(random, 20) ? 30 : 2;
		sender->has_two_ways = !(making->scenario->lacks & LACK_SEQUENCES_BY_SOURCE) &&
				       making->scenario->sources_max >=
					       SOURCES_MAX * making->scenario->listener_count &&
				       random_percent(random, 30);
		if (random_percent(random, 15))
			sender->stuck_percent = 90;
		if (random_percent(random, 40)) {
			sender->quiet_from =
				(__u32)random_below(random, making->options->datagrams + 1);
			sender->quiet_to =
				sender->quiet_from +
				(__u32)random_below(random, making->options->datagrams + 1);
		}
		if (making->options->is_steady)
			calm_down(sender);
	}
}

struct sender *generate_sender_of(struct making *making, const struct scenario_datagram *datagram)
{
	for (__u32 i = 0; i < making->sender_count; i++)
		if (making->sender[i].source_id == datagram->source_id)
			return &making->sender[i];
	return &making->sender[0];
}

/* Now and then one is lost, for good or for a while. */
__u64 generate_sequence(struct making *making, struct sender *sender)
{
	struct random *random = &making->random;

	if (making->scenario->lacks & LACK_GAPS)
		return sender->sequence++;
	if (sender->has_lost && random_percent(random, 20)) {
		sender->has_lost = false;
		return sender->lost;
	}
	if (random_percent(random, 6)) {
		sender->has_lost = true;
		sender->lost = sender->sequence;
		sender->sequence += random_below(random, 3) + 1;
	}
	return sender->sequence++;
}

__u64 generate_on_grain(const struct making *making, __u64 time_ns)
{
	return time_ns - time_ns % making->grain_ns;
}

/* When the earliest event of a datagram happened, as an honest or lying sender says. */
static __u64 new_base_time(struct making *making, const struct sender *sender)
{
	static const __u64 nonsense[] = { 1ull << 63, UINT64_MAX, INT64_MAX,
					  UINT64_MAX - 1000000000ull };
	struct random *random = &making->random;
	__s64 ahead_ns = making->scenario->max_ahead_ns;
	__s64 behind_ns = sender->delay_ns + random_range(random, 0, sender->jitter_ns);

	if (random_percent(random, 1))
		return nonsense[random_below(random, COUNT_OF(nonsense))];
	if (random_percent(random, sender->lie_percent))
		behind_ns = random_range(random, -2 * ahead_ns, 0);
	if (random_percent(random, 1))
		behind_ns = -ahead_ns - random_range(random, -1, 1);
	if (random_percent(random, 4))
		behind_ns = random_range(random, 0, 20 * SCENARIO_SECOND_NS);
	if (behind_ns > 0 && (__u64)behind_ns > making->wall_ns)
		return 0;
	return generate_on_grain(making, making->wall_ns - (__u64)behind_ns);
}

__u64 generate_base_time(struct making *making, struct sender *sender)
{
	if (!sender->base_time_ns || !random_percent(&making->random, sender->stuck_percent))
		sender->base_time_ns = new_base_time(making, sender);
	return sender->base_time_ns;
}
