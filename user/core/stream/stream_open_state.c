/* SPDX-License-Identifier: BSD-2-Clause */
/* What a stream holds that no reader of the results log has yet: instances that wait for emission,
 * and what may still come into them. */
#include <assert.h>

#include "core/session/session.h"
#include "core/stream/stream_state.h"

static void see(struct window_open *open, __s64 start_ns, __s64 end_ns)
{
	open->oldest_start_ns = start_ns < open->oldest_start_ns ? start_ns : open->oldest_start_ns;
	open->newest_end_ns = end_ns > open->newest_end_ns ? end_ns : open->newest_end_ns;
}

static void see_instances(const struct window *window, struct window_open *open)
{
	for (__u32 i = 0; i < window->shown.count; i++) {
		const struct instance *instance = &window->instances[slots_at(&window->shown, i)];

		if (instance->revision < 0)
			see(open, instance->start_ns,
			    window_add_ns(instance->start_ns, window->spec->size_ns));
		else if ((instance->is_waiting || instance->has_changed) &&
			 instance->start_ns < open->oldest_revised_ns)
			open->oldest_revised_ns = instance->start_ns;
	}
}

/* What came late since the last tick: it has not been asked yet which windows it concerns. */
static void see_marks(const struct window *window, const struct pane *pane,
		      struct window_open *open)
{
	__s64 start_ns =
		window_add_ns(window_first_end(window, pane->start_ns), -window->spec->size_ns);

	start_ns = start_ns > open->oldest_taken_ns ? start_ns : open->oldest_taken_ns;
	if (start_ns < open->oldest_revised_ns)
		open->oldest_revised_ns = start_ns;
}

/* Other workers have no instances: what they hold goes to all windows over their panes. */
static void see_panes(const struct window *window, struct window_open *open)
{
	const struct window_spec *spec = window->spec;

	for (__u32 i = 0; i < window->live.count; i++) {
		const struct pane *pane = &window->panes[slots_at(&window->live, i)];

		open->records += pane->events;
		if (pane->has_marks)
			see_marks(window, pane, open);
		if (!window->emits)
			see(open,
			    window_add_ns(window_first_end(window, pane->start_ns), -spec->size_ns),
			    window_add_ns(pane->start_ns, spec->size_ns));
	}
}

/* Told ones may wait for the row of a late event, and are not complete without it. */
static void see_sessions(const struct window *window, __s64 now_ns, struct window_open *open)
{
	__s64 start_ns = INT64_MIN;

	if (!sessions_count(window->sessions))
		return;
	open->records = sessions_open_records(window->sessions);
	if (window->watermark_ns != SOURCES_WATERMARK_NONE) {
		start_ns = window_add_ns(window->watermark_ns, -open->overlap_ns);
		open->oldest_revised_ns =
			start_ns < open->oldest_taken_ns ? start_ns : open->oldest_taken_ns;
	}
	see(open, start_ns, window_add_ns(now_ns, window->spec->gap_ns));
}

void stream_read_open(const struct stream *stream, __u32 w, __s64 now_ns, struct window_open *open)
{
	const struct window *window = &stream->window[w];

	assert(w < stream->window_count);
	*open = (struct window_open){ .oldest_start_ns = INT64_MAX,
				      .oldest_revised_ns = INT64_MAX,
				      .oldest_taken_ns = window_oldest_taken(window),
				      .newest_end_ns = INT64_MIN,
				      .emitted_end_ns = window->emitted_end_ns,
				      .overlap_ns =
					      window->spec->size_ns - window->spec->slide_ns };
	if (window->sessions) {
		open->overlap_ns = window_add_ns(window->spec->gap_ns,
						 sessions_longest_ns(window->sessions));
		see_sessions(window, now_ns, open);
		return;
	}
	see_instances(window, open);
	see_panes(window, open);
}
