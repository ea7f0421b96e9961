/* SPDX-License-Identifier: BSD-2-Clause */
/* From one run of the agent to the next: what this one knows is noted at every tick, what the one
 * before knew is taken over; and from both, and from how the interfaces are attended, the gaps that
 * rows must tell of. Decides; the baseline, the loader and the log do. Control thread. */
#ifndef SLUICE_ENGINE_CONTINUITY_H
#define SLUICE_ENGINE_CONTINUITY_H

#include <stdbool.h>

#include "engine/control/account.h"
#include "engine/control/links.h"
#include "sluice/baseline.h"
#include "sluice/disk_format.h"

struct baseline;
struct engine;

/* Gaps that wait for worker 0. */
#define CONTINUITY_GAPS_MAX (4 * SLUICE_WINDOWS_MAX)

struct continuity {
	struct baseline *baseline;
	const struct sluice_baseline *found;	/* NULL: nothing is known of a run before */
	bool is_same_boot;
	bool is_same_maps;		/* and the kernel's counters go on */
	struct sluice_count consumed_before;	/* from these maps, by runs before */
	struct sluice_count lost_before;	/* taken by runs that died, but the last, */
	struct sluice_count lost;		/* … and by the last one */
	__u64 lost_open[SLUICE_WINDOWS_MAX];	/* records in instances that died with it */
	bool has_begun;			/* this run's baseline replaces the one found */
	__u64 gaps_told;		/* to worker 0, so far */
	__s64 told_ns[SLUICE_LISTENERS_MAX]; /* an outage is told up to here; INT64_MIN: none */
	__u32 gap_count;
	struct sluice_gap gap[CONTINUITY_GAPS_MAX];	/* for worker 0, by the next order */
	struct sluice_baseline next;
};

/* The store is open. Exit code; problem is set. */
int continuity_open(struct engine *engine);
void continuity_close(struct engine *engine);

/* The maps are open: what of the kernel's counters is old. `unread`: what had been handed over
 * before this start and does not wait any more. */
void continuity_take_counters(struct engine *engine, const struct account_unread *unread);
/* Sources are open, no worker runs. */
void continuity_take_sources(struct engine *engine);
/* Attached, before any record is taken: gaps since the run before. */
void continuity_begin(struct engine *engine);

/* Before a tick: stretches in which an interface was not attended become gaps. */
void continuity_note_links(struct engine *engine);
/* A tick is over, and worker 0 has the gaps. What was found is replaced only when the gaps that
 * come from it are durable. */
void continuity_note_tick(struct engine *engine);

/* continuity_gaps.c: adds the gap of each window since the run before. `now_ns` of the attach. */
void continuity_find_gaps(struct engine *engine, __s64 now_ns);
/* A gap of every window that reads the listener. */
void continuity_add_gap(struct engine *engine, __u32 listener, __s64 from_ns, __s64 to_ns);
/* Everything was emitted, `detached_now_ns` after the program was taken off; no worker runs. */
void continuity_finish(struct engine *engine, __s64 detached_now_ns);

#endif
