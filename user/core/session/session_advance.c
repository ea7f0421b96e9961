/* SPDX-License-Identifier: BSD-2-Clause */
/* What a new watermark does to sessions: what may have been late is settled, totals are remembered,
 * and a sweep is due. */
#include <string.h>

#include "core/session/session_state.h"

/* The older half loses every second entry: the further back, the coarser. */
static void thin_out(struct sessions *sessions)
{
	struct session_history *history = sessions->history;
	__u32 half = sessions->history_count / 2, kept = 0;

	for (__u32 i = 0; i < half; i += 2)
		history[kept++] = history[i];
	memmove(&history[kept], &history[half],
		(sessions->history_count - half) * sizeof(*history));
	sessions->history_count -= half - kept;
}

static void remember(struct sessions *sessions)
{
	if (sessions->history_count == SESSION_HISTORY)
		thin_out(sessions);
	sessions->history[sessions->history_count++] = (struct session_history){
		.advance = sessions->advance,
		.aggregated = sessions->aggregated,
	};
}

static void begin(struct stream *stream, struct sessions *sessions)
{
	sessions->is_again = sessions->phase != SESSION_IDLE;
	if (sessions->is_again)
		return;
	sessions->phase = SESSION_RETRACTING;
	emission_add_sessions(stream, sessions->window);
}

void sessions_advance(struct stream *stream, struct window *window, __s64 watermark_ns,
		      bool is_early_due)
{
	struct sessions *sessions = window->sessions;

	if (sessions->emits)
		session_doubt_settle(sessions);
	window->watermark_ns = watermark_ns;
	window->advance++;
	if (watermark_ns != SOURCES_WATERMARK_NONE)
		sessions->doubt_ns = window_add_ns(watermark_ns, -sessions->lateness_ns);
	sessions->advance++;
	remember(sessions);
	sessions->is_early |= is_early_due;
	if (watermark_ns != SOURCES_WATERMARK_NONE || sessions->is_early)
		begin(stream, sessions);
}

void sessions_finish(struct stream *stream, struct window *window)
{
	struct sessions *sessions = window->sessions;

	if (sessions->emits)
		session_doubt_settle(sessions);
	window->advance++;
	sessions->is_finishing = true;
	begin(stream, sessions);
}
