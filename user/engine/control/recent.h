/* SPDX-License-Identifier: BSD-2-Clause */
/* What was lost in the last minute: running totals come in about once a second, differences go out.
 * Pure: it reads no clock and no counter. */
#ifndef SLUICE_ENGINE_RECENT_H
#define SLUICE_ENGINE_RECENT_H

#include <stdbool.h>

#include <linux/types.h>

#define RECENT_SECONDS 60
#define RECENT_INTERVAL_NS 1000000000ull

/* Every way to lose something that is known, with its unit. A late event counts in each window that
 * it is too late for. Duplicates are no loss, nor is a stray packet of a foreign format. */
#define RECENT_LOSSES(X)                                                                           \
	X(ring_full, "event")                                                                      \
	X(no_ring, "event")                                                                        \
	X(pass_segmented, "frame")                                                                 \
	X(refused, "datagram")                                                                     \
	X(stale, "event")                                                                          \
	X(future, "event")                                                                         \
	X(rejected_record, "event")                                                                \
	X(late, "event")                                                                           \
	X(rejected_pane, "event")                                                                  \
	X(upstream, "datagram")

/* Beside them, what tells whether anything is heard at all. */
#define RECENT_SIGNS(X)                                                                            \
	X(seen, "datagram")                                                                        \
	X(passed_by, "datagram")                                                                   \
	X(interruptions, "time")

struct recent_losses {
#define RECENT_FIELD(name, unit) __u64 name;
	RECENT_LOSSES(RECENT_FIELD)
	RECENT_SIGNS(RECENT_FIELD)
#undef RECENT_FIELD
};

/* Zeroed at first. */
struct recent {
	__u32 count;	/* samples taken, up to all places */
	__u32 next;	/* the place of the next one */
	struct {
		__u64 mono_ns;
		struct recent_losses losses;
	} sample[RECENT_SECONDS + 1];
};

/* Whether the newest sample is a second old, or there is none. */
bool recent_is_due(const struct recent *recent, __u64 now_mono_ns);
/* Running totals at monotonic `now_mono_ns`. */
void recent_note(struct recent *recent, __u64 now_mono_ns, const struct recent_losses *losses);

/* Totals now, less those of a minute ago, or of the oldest sample there is. A gap that the sample
 * before did not know is left out: it may be a datagram on its way. */
struct recent_losses recent_lost(const struct recent *recent, __u64 now_mono_ns,
				 const struct recent_losses *now);

#endif
