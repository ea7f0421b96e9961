/* SPDX-License-Identifier: BSD-2-Clause */
/* The equations of ledger.h, checked. Counters come in, distances from balance go out; 0
 * everywhere is what a correct agent shows, at rest and under load. It reads no map and no
 * clock. */
#ifndef SLUICE_ENGINE_ACCOUNT_H
#define SLUICE_ENGINE_ACCOUNT_H

#include "sluice/limits.h"
#include "sluice/ledger.h"

/* Counters move while they are read, so an equation is never checked on one reading: what must
 * be at most as large is taken from the earlier reading, what must be at least as large from the
 * later one. At rest both are equal and the check is exact; under load nothing that only moved
 * is reported. */

/* One reading of the kernel's counters. */
struct account_kernel {
	__u32 listener_count;
	struct sluice_traffic traffic;
	struct sluice_ledger ledger[SLUICE_LISTENERS_MAX];
};

/* Of all listeners together. */
struct sluice_count account_emitted(const struct account_kernel *kernel);

/* Distance between `total` and the sum of `parts`, of which each was read twice. */
struct account_reading {
	__u64 before;
	__u64 after;
};

__u64 account_distance(struct account_reading total, struct account_reading parts);

/* Kernel: frames = passed + listened, listened = seen, seen = sum of outcomes (datagrams, events).
 * `after` was read when `before` was complete. */
__u64 account_kernel_distance(const struct account_kernel *before,
			      const struct account_kernel *after);

/* For showing: `after`, with `seen`, `listened` and `frames` as the sums of what they consist of
 * where the difference is a packet that is on its way. */
void account_kernel_settle(const struct account_kernel *before, struct account_kernel *after);

/* What had been handed to an agent that died, before this one took over: one number, or bounds when
 * packets never paused while it was counted. Every tick narrows the bounds. */
struct account_unread {
	struct sluice_count lowest;
	struct sluice_count highest;
};

/* `emitted` was read before and after `waiting` was counted in rings that nobody drained. */
struct account_unread account_unread_at_start(struct sluice_count emitted_before,
					      struct sluice_count waiting,
					      struct sluice_count emitted_after);

/* Hand-over at one tick. `emitted` was read after `consumed_before` (the tick before) and before
 * the rings were drained to where they stood after it (`consumed_after`). */
struct account_handover {
	struct sluice_count emitted;
	struct sluice_count consumed_before;
	struct sluice_count consumed_after;
};

/* emitted = consumed + unread, within what moved between the readings; narrows `unread`. */
__u64 account_handover_distance(const struct account_handover *handover,
				struct account_unread *unread);

/* What waits in the rings: emitted − consumed − unread, never below 0. */
struct sluice_count account_waiting(struct sluice_count emitted, struct sluice_count consumed,
				    const struct account_unread *unread);

/* Stream and window: written by one thread, and copied by it, so they are exact at any time. */
__u64 account_stream_distance(const struct sluice_stream_ledger *ledger);
__u64 account_window_distance(__u64 accepted, const struct sluice_window_ledger *ledger);

void account_stream_add(struct sluice_stream_ledger *sum,
			const struct sluice_stream_ledger *ledger);
void account_window_add(struct sluice_window_ledger *sum,
			const struct sluice_window_ledger *ledger);

#endif
