/* SPDX-License-Identifier: BSD-2-Clause */
/* What each window cannot know of the time since the run before: when nobody took datagrams in, and
 * what that run took with it when it died. */
#include <stdint.h>
#include <string.h>

#include "engine/control/continuity.h"
#include "engine/control/engine_state.h"

static __s64 least(__s64 a, __s64 b)
{
	return a < b ? a : b;
}

static __s64 most(__s64 a, __s64 b)
{
	return a > b ? a : b;
}

static const struct sluice_baseline_window *find_window(const struct sluice_baseline *found,
							const char *name)
{
	for (__u32 i = 0; i < found->window_count; i++) {
		if (strcmp(found->window[i].name, name) == 0)
			return &found->window[i];
	}
	return NULL;
}

static const struct sluice_baseline_listener *find_listener(const struct sluice_baseline *found,
							    const char *name)
{
	for (__u32 i = 0; i < found->listener_count; i++) {
		if (strcmp(found->listener[i].name, name) == 0)
			return &found->listener[i];
	}
	return NULL;
}

/* The last moment at which the listener was attended before this run. INT64_MAX: all the time; or
 * it is new, and nobody asked for it. */
static __s64 attended_until(const struct engine *engine, __u32 listener)
{
	const struct continuity *continuity = &engine->continuity;
	const struct sluice_baseline *found = continuity->found;
	const struct sluice_baseline_listener *known =
		find_listener(found, engine->config->listener[listener].name);
	struct links_attendance attendance;

	if (!known)
		return INT64_MAX;
	links_attended(&engine->links, listener, &attendance);
	if (continuity->is_same_boot && !(found->flags & SLUICE_BASELINE_STOPPED) &&
	    known->link_id && attendance.is_attended && attendance.link_id == known->link_id &&
	    attendance.ifindex == known->ifindex)
		return INT64_MAX;
	if (known->link_id)
		return found->now_ns;
	return known->attended_boot_ns ? (__s64)known->attended_boot_ns + found->offset_ns
				       : found->started_ns;
}

static __s64 attached_at(const struct engine *engine, __u32 listener, __s64 now_ns)
{
	struct links_attendance attendance;

	links_attended(&engine->links, listener, &attendance);
	if (!attendance.is_attended)
		return now_ns;
	return least(now_ns, (__s64)clock_guard_now_ns(
				     atomic_load(&engine->orders.clock.offset_ns),
				     attendance.attached_ns));
}

/* First start of an instance whose emission may be missing; INT64_MAX: of none. */
static __s64 lost_from(const struct engine *engine, const struct sluice_baseline_window *known)
{
	const struct continuity *continuity = &engine->continuity;
	const struct sluice_baseline *found = continuity->found;
	__s64 frontier_ns = most(known->complete_end_ns,
				 results_log_recovered_end(engine->log, known->name));
	/* Instances that begin before this are complete. */
	__s64 behind_ns = frontier_ns == INT64_MIN
				  ? INT64_MIN
				  : window_add_ns(frontier_ns, -known->overlap_ns);
	bool has_taken = continuity->lost.datagrams || !continuity->is_same_maps;
	__s64 from_ns = known->oldest_revised_ns;

	if (known->oldest_start_ns != INT64_MAX)
		from_ns = least(from_ns, most(known->oldest_start_ns, behind_ns));
	if (known->emitted_end_ns > frontier_ns)
		from_ns = least(from_ns, behind_ns != INT64_MIN ? behind_ns : found->started_ns);
	if (has_taken && ((found->flags & SLUICE_BASELINE_HAS_CONSUMED) ||
			  continuity->lost.datagrams)) {
		__s64 taken_ns = known->oldest_taken_ns;

		if (known->allowed_lateness_ns == 0)
			taken_ns = most(taken_ns, behind_ns);
		from_ns = least(from_ns, taken_ns != INT64_MIN ? taken_ns : found->started_ns);
	}
	return from_ns;
}

static void add(struct continuity *continuity, __u32 window, enum sluice_gap_cause cause,
		__s64 from_ns, __s64 to_ns, __u64 records)
{
	if (from_ns >= to_ns || continuity->gap_count == CONTINUITY_GAPS_MAX)
		return;
	continuity->gap[continuity->gap_count++] = (struct sluice_gap){
		.from_ns = from_ns,
		.to_ns = to_ns,
		.window = (__u16)window,
		.cause = (__u16)cause,
		.records = records,
	};
}

static void find_unattended(struct engine *engine, __u32 w, __s64 now_ns)
{
	__s64 from_ns = INT64_MAX, to_ns = INT64_MIN;

	for (__u32 i = 0; i < engine->config->listener_count; i++) {
		__s64 until_ns;

		if (!(engine->config->window[w].listener_mask >> i & 1))
			continue;
		until_ns = attended_until(engine, i);
		from_ns = least(from_ns, until_ns);
		if (until_ns != INT64_MAX)
			to_ns = most(to_ns, attached_at(engine, i, now_ns));
	}
	if (from_ns != INT64_MAX)
		add(&engine->continuity, w, SLUICE_GAP_UNATTENDED, from_ns, to_ns, 0);
}

static void find_lost(struct engine *engine, __u32 w, const struct sluice_baseline_window *known,
		      __s64 now_ns)
{
	struct continuity *continuity = &engine->continuity;
	__s64 from_ns;

	if (continuity->found->flags & SLUICE_BASELINE_STOPPED)
		return;
	from_ns = lost_from(engine, known);
	if (from_ns == INT64_MAX)
		return;
	continuity->lost_open[w] = known->open_records;
	add(continuity, w, SLUICE_GAP_STATE_LOST, from_ns, most(now_ns, known->newest_end_ns),
	    known->open_records);
}

void continuity_find_gaps(struct engine *engine, __s64 now_ns)
{
	const struct sluice_baseline *found = engine->continuity.found;

	for (__u32 w = 0; w < engine->config->window_count; w++) {
		const char *name = engine->config->window[w].name;
		const struct sluice_baseline_window *known =
			found ? find_window(found, name) : NULL;

		if (known) {
			find_unattended(engine, w, now_ns);
			find_lost(engine, w, known, now_ns);
		} else if (!found) {
			/* A log, and nobody knows how its agent ended. */
			__s64 end_ns = results_log_recovered_end(engine->log, name);

			if (end_ns != INT64_MIN)
				add(&engine->continuity, w, SLUICE_GAP_STATE_LOST, end_ns, now_ns,
				    0);
		}
	}
}
