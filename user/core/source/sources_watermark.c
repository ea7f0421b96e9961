/* SPDX-License-Identifier: BSD-2-Clause */
/* From times to watermarks: who is live, who is set aside, and the least of the rest. Looks at each
 * place of each set once a tick, in the control thread. */
#include "core/source/sources_state.h"

#define RATE_NS 1000000000ull

/* Of a source by one listener. */
enum source_standing {
	STANDING_NONE,		/* nothing accepted yet */
	STANDING_IDLE,
	STANDING_UNSEEN,	/* live, but without a time at the snapshot */
	STANDING_STUCK,		/* live, but its largest time has not risen for max_lag */
	STANDING_LIVE,
};

struct view {
	__u32 known, live, set_aside;
	bool has_unseen;
	bool has_counted;
	__s64 newest_ns;	/* of all, live or idle, at most now */
	__s64 oldest_ns;	/* of those that count */
};

/* Calls of one loop over every slot that can be in use. */
static __u32 slot_after(const struct sources *sources, __u32 slot)
{
	__u32 used = atomic_load_explicit(&((struct sources *)sources)->used_max,
					  memory_order_acquire);

	slot++;
	return slot >= used && slot < source_overflow_slot(sources) ? source_overflow_slot(sources)
								    : slot;
}

#define for_each_slot(sources, slot)                                                               \
	for (__u32 slot = slot_after(sources, UINT32_MAX); slot <= source_overflow_slot(sources);  \
	     slot = slot_after(sources, slot))

__s64 sources_newest_of(const struct sources *sources, __u32 listener, __u32 slot)
{
	__s64 newest_ns = SOURCES_WATERMARK_NONE;

	for (__u32 w = 0; w < sources->options.worker_count; w++) {
		struct source_noted *noted = source_noted_of(sources, listener, w) + slot;
		__s64 time_ns =
			source_time(atomic_load_explicit(&noted->newest_ns, memory_order_relaxed));

		newest_ns = time_ns > newest_ns ? time_ns : newest_ns;
	}
	return newest_ns;
}

/* Samples datagrams for the rates that are shown. */
static void read_rates(struct sources *sources, __u64 now_mono_ns)
{
	__u32 used = atomic_load_explicit(&sources->used_max, memory_order_acquire);

	if (now_mono_ns - sources->rate_newer_mono_ns < RATE_NS)
		return;
	sources->rate_older_mono_ns = sources->rate_newer_mono_ns;
	sources->rate_newer_mono_ns = now_mono_ns;
	for (__u32 slot = 0; slot < used; slot++) {
		struct source_more *more = &sources->more[slot];

		more->older_datagrams = more->newer_datagrams;
		more->newer_datagrams =
			__atomic_load_n(&sources->source[slot].datagrams, __ATOMIC_RELAXED);
	}
}

void sources_snapshot(struct sources *sources, __u64 now_mono_ns)
{
	sources->snapshot_mono_ns = now_mono_ns;
	read_rates(sources, now_mono_ns);
	for (__u32 l = 0; l < sources->options.listener_count; l++)
		for_each_slot (sources, slot)
			sources->times[l].snapshot_ns[slot] =
				source_time(sources_newest_of(sources, l, slot));
}

/* Times at which the source was heard, and at which its largest time rose. */
static enum source_standing stand(const struct sources *sources, __u32 listener, __u32 slot)
{
	__u64 timeout_ns = (__u64)sources->options.idle_timeout_ns, seen = 0, risen = 0;
	__s64 newest_ns = SOURCES_WATERMARK_NONE;

	for (__u32 w = 0; w < sources->options.worker_count; w++) {
		struct source_noted *noted = source_noted_of(sources, listener, w) + slot;
		__s64 time_ns =
			source_time(atomic_load_explicit(&noted->newest_ns, memory_order_relaxed));
		__u64 seen_ns = atomic_load_explicit(&noted->seen_mono_ns, memory_order_relaxed);
		__u64 risen_ns = atomic_load_explicit(&noted->risen_mono_ns, memory_order_relaxed);

		seen = seen_ns > seen ? seen_ns : seen;
		if (time_ns > newest_ns || (time_ns == newest_ns && risen_ns < risen)) {
			newest_ns = time_ns;
			risen = risen_ns;
		}
	}
	if (newest_ns == SOURCES_WATERMARK_NONE)
		return STANDING_NONE;
	if (seen - 1 + timeout_ns <= sources->snapshot_mono_ns)
		return STANDING_IDLE;
	if (source_time(sources->times[listener].snapshot_ns[slot]) == SOURCES_WATERMARK_NONE)
		return STANDING_UNSEEN;
	if (risen + (__u64)sources->options.max_lag_ns <= sources->snapshot_mono_ns)
		return STANDING_STUCK;
	return STANDING_LIVE;
}

/* Adds what one listener knows. */
static void look_at_all(const struct sources *sources, const struct source_times *times,
			struct view *view)
{
	for_each_slot (sources, slot) {
		enum source_standing standing = times->standing[slot];
		__s64 time_ns = source_time(times->snapshot_ns[slot]);

		view->known += standing != STANDING_NONE;
		view->live += standing >= STANDING_STUCK;
		view->set_aside += standing == STANDING_STUCK;
		view->has_unseen |= standing == STANDING_UNSEEN;
		view->newest_ns = time_ns > view->newest_ns ? time_ns : view->newest_ns;
	}
}

static void find_oldest(const struct sources *sources, const struct source_times *times,
			__s64 bound_ns, struct view *view)
{
	for_each_slot (sources, slot) {
		__s64 time_ns = source_time(times->snapshot_ns[slot]);

		if (times->standing[slot] != STANDING_LIVE)
			continue;
		if (time_ns < bound_ns) {
			view->set_aside++;
			continue;
		}
		view->has_counted = true;
		view->oldest_ns = time_ns < view->oldest_ns ? time_ns : view->oldest_ns;
	}
}

#define for_each_listener(set, l)                                                                  \
	for (__u32 l = 0; l < SLUICE_LISTENERS_MAX; l++)                                           \
		if ((set)->listeners >> l & 1)

static struct view look(const struct sources *sources, const struct source_set *set, __s64 now_ns)
{
	struct view view = { .newest_ns = SOURCES_WATERMARK_NONE, .oldest_ns = INT64_MAX };
	__s64 bound_ns;

	for_each_listener (set, l)
		look_at_all(sources, &sources->times[l], &view);
	view.newest_ns = view.newest_ns < now_ns ? view.newest_ns : now_ns;
	bound_ns = window_add_ns(view.newest_ns, -sources->options.max_lag_ns);
	for_each_listener (set, l)
		find_oldest(sources, &sources->times[l], bound_ns, &view);
	return view;
}

static __s64 watermark_of(const struct sources *sources, const struct view *view, __s64 now_ns,
			  __s64 max_disorder_ns, __s64 before_ns)
{
	__s64 watermark_ns = SOURCES_WATERMARK_NONE;

	if (view->has_counted)
		watermark_ns = window_add_ns(view->oldest_ns < now_ns ? view->oldest_ns : now_ns,
					     -max_disorder_ns);
	else if (view->known && !view->has_unseen)
		watermark_ns = window_add_ns(window_add_ns(now_ns, -max_disorder_ns),
					     -sources->options.idle_timeout_ns);
	return watermark_ns > before_ns ? watermark_ns : before_ns;
}

void sources_watermarks(struct sources *sources, __u64 now_wall_ns, __s64 *watermark_ns)
{
	const __s64 now_ns = now_wall_ns < INT64_MAX ? (__s64)now_wall_ns : INT64_MAX;
	struct view view[SOURCE_SETS_MAX];

	sources->stats.live = 0;
	sources->stats.set_aside = 0;
	for (__u32 l = 0; l < sources->options.listener_count; l++)
		for_each_slot (sources, slot)
			sources->times[l].standing[slot] = (__u8)stand(sources, l, slot);
	for (__u32 s = 0; s < sources->set_count; s++) {
		if (!sources->set[s].windows)
			continue;
		view[s] = look(sources, &sources->set[s], now_ns);
		if (view[s].live > sources->stats.live)
			sources->stats.live = view[s].live;
		if (view[s].set_aside > sources->stats.set_aside)
			sources->stats.set_aside = view[s].set_aside;
	}
	for (__u32 w = 0; w < sources->options.window_count; w++)
		watermark_ns[w] = watermark_of(sources, &view[sources->window_set[w]], now_ns,
					       sources->window_disorder_ns[w], watermark_ns[w]);
}
