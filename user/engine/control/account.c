/* SPDX-License-Identifier: BSD-2-Clause */
/* Sums over the X-lists of ledger.h: a counter that is added there is part of its equation here. */
#include "engine/control/account.h"

struct sluice_count account_emitted(const struct account_kernel *kernel)
{
	struct sluice_count sum = { 0 };

	for (__u32 i = 0; i < kernel->listener_count; i++) {
		sum.datagrams += kernel->ledger[i].emitted.datagrams;
		sum.events += kernel->ledger[i].emitted.events;
	}
	return sum;
}

__u64 account_distance(struct account_reading total, struct account_reading parts)
{
	if (total.before > parts.after)
		return total.before - parts.after;
	if (parts.before > total.after)
		return parts.before - total.after;
	return 0;
}

/* Every outcome of a datagram for a listener. */
static __u64 outcome_datagrams(const struct sluice_ledger *ledger)
{
	__u64 sum = 0;

#define SLUICE_FIELD(name, text) sum += ledger->name.datagrams;
	SLUICE_LEDGER(SLUICE_FIELD)
#undef SLUICE_FIELD
	return sum - ledger->seen.datagrams;
}

/* Refused datagrams bring no events: one that did would be out of balance. */
static __u64 outcome_events(const struct sluice_ledger *ledger)
{
	__u64 sum = 0;

#define SLUICE_FIELD(name, text) sum += ledger->name.events;
	SLUICE_LEDGER(SLUICE_FIELD)
#undef SLUICE_FIELD
	return sum - ledger->seen.events;
}

static __u64 outcome_frames(const struct sluice_traffic *traffic)
{
	__u64 sum = 0;

#define SLUICE_FIELD(name, text) sum += traffic->name;
	SLUICE_TRAFFIC(SLUICE_FIELD)
#undef SLUICE_FIELD
	return sum - traffic->frames;
}

static __u64 seen_datagrams(const struct account_kernel *kernel)
{
	__u64 sum = 0;

	for (__u32 i = 0; i < kernel->listener_count; i++)
		sum += kernel->ledger[i].seen.datagrams;
	return sum;
}

#define BOTH(function, field) \
	((struct account_reading){ function(&before->field), function(&after->field) })
#define BOTH_OF(value) ((struct account_reading){ before->value, after->value })

static __u64 listener_distance(const struct sluice_ledger *before,
			       const struct sluice_ledger *after)
{
	return account_distance(BOTH_OF(seen.datagrams),
				(struct account_reading){ outcome_datagrams(before),
							  outcome_datagrams(after) }) +
	       account_distance(BOTH_OF(seen.events),
				(struct account_reading){ outcome_events(before),
							  outcome_events(after) });
}

__u64 account_kernel_distance(const struct account_kernel *before,
			      const struct account_kernel *after)
{
	struct account_reading seen = { seen_datagrams(before), seen_datagrams(after) };
	__u64 distance = account_distance(BOTH_OF(traffic.frames), BOTH(outcome_frames, traffic)) +
			 account_distance(BOTH_OF(traffic.listened), seen);

	for (__u32 i = 0; i < after->listener_count; i++)
		distance += listener_distance(&before->ledger[i], &after->ledger[i]);
	return distance;
}

/* The larger of two readings is shown as the smaller one where only motion lies between them. */
static void settle(struct account_reading total, struct account_reading parts, __u64 *shown)
{
	if (!account_distance(total, parts))
		*shown = parts.after;
}

void account_kernel_settle(const struct account_kernel *before, struct account_kernel *after)
{
	for (__u32 i = 0; i < after->listener_count; i++) {
		const struct sluice_ledger *earlier = &before->ledger[i];
		struct sluice_ledger *later = &after->ledger[i];

		settle((struct account_reading){ earlier->seen.datagrams, later->seen.datagrams },
		       (struct account_reading){ outcome_datagrams(earlier),
						 outcome_datagrams(later) },
		       &later->seen.datagrams);
		settle((struct account_reading){ earlier->seen.events, later->seen.events },
		       (struct account_reading){ outcome_events(earlier), outcome_events(later) },
		       &later->seen.events);
	}
	settle(BOTH_OF(traffic.listened),
	       (struct account_reading){ seen_datagrams(before), seen_datagrams(after) },
	       &after->traffic.listened);
	settle(BOTH_OF(traffic.frames), BOTH(outcome_frames, traffic), &after->traffic.frames);
}

static __u64 less(__u64 from, __u64 what)
{
	return from > what ? from - what : 0;
}

static struct sluice_count count_less(struct sluice_count from, struct sluice_count what)
{
	return (struct sluice_count){ less(from.datagrams, what.datagrams),
				      less(from.events, what.events) };
}

struct account_unread account_unread_at_start(struct sluice_count emitted_before,
					      struct sluice_count waiting,
					      struct sluice_count emitted_after)
{
	return (struct account_unread){ .lowest = count_less(emitted_before, waiting),
					.highest = count_less(emitted_after, waiting) };
}

/* Cuts [*lowest, *highest] to [from, to]. Returns how far they are apart when they do not meet;
 * then nothing is cut. */
static __u64 narrow(__u64 *lowest, __u64 *highest, __u64 from, __u64 to)
{
	if (from > *highest)
		return from - *highest;
	if (to < *lowest)
		return *lowest - to;
	*lowest = from > *lowest ? from : *lowest;
	*highest = to < *highest ? to : *highest;
	return 0;
}

__u64 account_handover_distance(const struct account_handover *handover,
				struct account_unread *unread)
{
	const struct sluice_count *emitted = &handover->emitted;
	const struct sluice_count *before = &handover->consumed_before;
	const struct sluice_count *after = &handover->consumed_after;

	return less(before->datagrams, emitted->datagrams) + less(before->events, emitted->events) +
	       narrow(&unread->lowest.datagrams, &unread->highest.datagrams,
		      less(emitted->datagrams, after->datagrams),
		      less(emitted->datagrams, before->datagrams)) +
	       narrow(&unread->lowest.events, &unread->highest.events,
		      less(emitted->events, after->events), less(emitted->events, before->events));
}

struct sluice_count account_waiting(struct sluice_count emitted, struct sluice_count consumed,
				    const struct account_unread *unread)
{
	return count_less(count_less(emitted, consumed), unread->highest);
}

static __u64 exact_distance(__u64 left, __u64 right)
{
	return left > right ? left - right : right - left;
}

__u64 account_stream_distance(const struct sluice_stream_ledger *ledger)
{
	__u64 names = ledger->names_learnt + ledger->names_known + ledger->name_conflicts +
		      ledger->names_full + ledger->name_bad_space + ledger->name_bad_id +
		      ledger->name_bad_text + ledger->name_bad_number + ledger->name_bad_reserved +
		      ledger->name_bad_control + ledger->name_bad_length;
	__u64 sum = 0;

#define SLUICE_FIELD(name, text) sum += ledger->name;
	SLUICE_STREAM_LEDGER(SLUICE_FIELD)
#undef SLUICE_FIELD
	sum -= ledger->consumed_datagrams + ledger->consumed + names;
	return exact_distance(ledger->consumed, sum) + exact_distance(ledger->dictionary, names);
}

__u64 account_window_distance(__u64 accepted, const struct sluice_window_ledger *ledger)
{
	__u64 sum = 0;

#define SLUICE_FIELD(name, text) sum += ledger->name;
	SLUICE_WINDOW_LEDGER(SLUICE_FIELD)
#undef SLUICE_FIELD
	sum -= ledger->late_not_kept; /* a part of late */
	return exact_distance(accepted, sum);
}

void account_stream_add(struct sluice_stream_ledger *sum, const struct sluice_stream_ledger *ledger)
{
#define SLUICE_FIELD(name, text) sum->name += ledger->name;
	SLUICE_STREAM_LEDGER(SLUICE_FIELD)
#undef SLUICE_FIELD
}

void account_window_add(struct sluice_window_ledger *sum, const struct sluice_window_ledger *ledger)
{
#define SLUICE_FIELD(name, text) sum->name += ledger->name;
	SLUICE_WINDOW_LEDGER(SLUICE_FIELD)
#undef SLUICE_FIELD
}
