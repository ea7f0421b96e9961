/* SPDX-License-Identifier: BSD-2-Clause */
/* What a new watermark means for a window: instances close, are revised or leave, and panes that no
 * window needs any longer are freed. Nothing is emitted here; it is queued, oldest first. */
#include "core/session/session.h"
#include "core/stream/stream_state.h"

static void leave(struct stream *stream, struct window *window, struct instance *instance,
		  __u8 state)
{
	if (instance->state < INSTANCE_LEAVING) {
		instance->state = state;
		instance->left_at = window->advance;
		window->leaving_count++;
	}
	emission_add_instance(stream, window, instance);
}

static void advance_instance(struct stream *stream, struct window *window,
			     struct instance *instance, bool is_early_due)
{
	const struct window_spec *spec = window->spec;
	__s64 end_ns = instance->start_ns + spec->size_ns;

	if (instance->state >= INSTANCE_LEAVING)
		return;
	/* It says so only when nothing can come any more. */
	if (instance->is_empty &&
	    window_expiry(window, instance->start_ns) > window->watermark_ns) {
		if (end_ns <= window->watermark_ns)
			instance->state = INSTANCE_CLOSED;
		return;
	}
	if (end_ns > window->watermark_ns) {
		instance->wants_early = is_early_due;
		if (is_early_due)
			emission_add_instance(stream, window, instance);
		return;
	}
	if (window_expiry(window, instance->start_ns) <= window->watermark_ns) {
		leave(stream, window, instance, INSTANCE_LEAVING);
		return;
	}
	if (instance->state == INSTANCE_OPEN || instance->has_changed)
		emission_add_instance(stream, window, instance);
	instance->state = INSTANCE_CLOSED;
}

static bool is_early_due(const struct stream *stream, struct window *window)
{
	if (window->spec->early_ns == 0 || stream->now_mono_ns < window->next_early_ns)
		return false;
	window->next_early_ns = stream->now_mono_ns + (__u64)window->spec->early_ns;
	return true;
}

/* For early rows worker 0 needs what the others have of windows that are open: they give it away,
 * and go on with a new pane. */
static void advance_pane(struct stream *stream, struct window *window, struct pane *pane,
			 bool is_early_due)
{
	__s64 end_ns = window->emits ? window_last_expiry(window, pane->start_ns)
				     : pane->start_ns + window->pane_ns;

	pane->is_behind = window_first_end(window, pane->start_ns) <= window->watermark_ns;
	/* A window that tumbles frees its pane while it emits it. */
	if (window->emits ? window->slides && end_ns <= window->watermark_ns
			  : is_early_due || end_ns <= window->watermark_ns)
		emission_add_pane(stream, window, pane);
}

/* Worker 0 is the last to get a new watermark: nobody takes older events any more. */
static void forget_ids(struct window *window)
{
	__s64 oldest_ns;

	if (!window->dedup || !window->emits)
		return;
	oldest_ns = window_oldest_taken(window);
	if (oldest_ns != INT64_MIN)
		dedup_retire(window->dedup, oldest_ns);
}

/* Groups of panes that have ended are no longer there, though their rows may still be emitted. */
static void forget_presence(struct window *window)
{
	if (window->presence.pane && window->watermark_ns != SOURCES_WATERMARK_NONE)
		presence_advance(&window->presence, window_oldest_pane(window));
}

/* What came for panes that were being given away goes with the next hand-over. */
static void merge_after_handover(struct window *window)
{
	if (!window->emits && window->deferred_count)
		window_merge_deferred(window, UINT64_MAX);
}

void window_advance(struct stream *stream, struct window *window, __s64 watermark_ns)
{
	bool early = is_early_due(stream, window);

	if (window->sessions) {
		sessions_advance(stream, window, watermark_ns, early);
		forget_ids(window);
		return;
	}
	merge_after_handover(window);
	window->watermark_ns = watermark_ns;
	forget_ids(window);
	forget_presence(window);
	window->last = NULL;
	window->took_behind = false;
	window->advance++;
	if (watermark_ns == SOURCES_WATERMARK_NONE && !early)
		return;
	slots_sort(&window->shown);
	slots_sort(&window->live);
	revisions_find_changed(window);
	for (__u32 i = 0; i < window->shown.count; i++)
		advance_instance(stream, window, &window->instances[slots_at(&window->shown, i)],
				 early);
	for (__u32 i = 0; i < window->live.count; i++)
		advance_pane(stream, window, &window->panes[slots_at(&window->live, i)], early);
}

void window_finish(struct stream *stream, struct window *window)
{
	if (window->sessions) {
		sessions_finish(stream, window);
		return;
	}
	merge_after_handover(window);
	window->last = NULL;
	window->advance++;
	slots_sort(&window->shown);
	for (__u32 i = 0; i < window->shown.count; i++)
		leave(stream, window, &window->instances[slots_at(&window->shown, i)],
		      INSTANCE_FINISHING);
	slots_sort(&window->live);
	for (__u32 i = 0; i < window->live.count && (window->slides || !window->emits); i++)
		emission_add_pane(stream, window, &window->panes[slots_at(&window->live, i)]);
}
