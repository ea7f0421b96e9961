/* SPDX-License-Identifier: BSD-2-Clause */
/* Sessions: after each event, everything alive that touches it is put together and cut anew from
 * the list of its events. What had been told under an interval that is gone is retracted. */
#include <stdlib.h>
#include <string.h>

#include "oracle_internal.h"

/* Touching sessions merge and an event at the watermark is still expected (oracle.h, 11). */
#define TOUCH_NS 1

static bool is_passed(const struct oracle_window *window, __int128 end_ns)
{
	return window->watermark_ns != INT64_MIN && end_ns + TOUCH_NS <= window->watermark_ns;
}

static bool is_over(const struct oracle_window *window, __int128 end_ns)
{
	return is_passed(window, end_ns + window->spec->allowed_lateness_ns);
}

bool oracle_session_is_late_alone(const struct oracle_window *window,
				  const struct oracle_event *event)
{
	return is_over(window, (__int128)event->time_ns + window->spec->gap_ns);
}

bool oracle_session_is_same_slice(const struct oracle_window *window, const struct oracle_taken *a,
				  const struct oracle_taken *b)
{
	__s64 slice_ns = window->spec->gap_ns + window->spec->allowed_lateness_ns;

	return a->event.time_ns / slice_ns == b->event.time_ns / slice_ns;
}

bool oracle_session_is_live(const struct oracle_window *window, size_t taken)
{
	for (size_t i = 0; i < window->session_count; i++)
		for (size_t j = 0; j < window->session[i].member_count; j++)
			if (window->session[i].member[j] == taken)
				return true;
	return false;
}

static bool is_touching(const struct oracle_window *window, const struct oracle_session *session,
			__int128 first_ns, __int128 last_ns)
{
	return first_ns <= (__int128)session->last_ns + window->spec->gap_ns &&
	       last_ns + window->spec->gap_ns >= session->start_ns;
}

static void add_member(struct oracle_session *session, size_t taken)
{
	session->member = scenario_grow(session->member, session->member_count, sizeof(taken));
	session->member[session->member_count++] = taken;
}

/* The members of the run that starts with the given event: all sessions that touch it, again and
 * again until nothing is added. They leave the list of sessions for `gone`. */
static void gather(struct oracle_window *window, struct oracle_session *run,
		   struct oracle_session *gone, size_t *gone_count)
{
	bool is_added = true;

	while (is_added) {
		is_added = false;
		for (size_t i = 0; i < window->session_count; i++) {
			struct oracle_session *other = &window->session[i];

			if (other->is_overflow != run->is_overflow ||
			    memcmp(other->group, run->group, sizeof(run->group)) ||
			    !is_touching(window, other, run->start_ns, run->last_ns))
				continue;
			for (size_t j = 0; j < other->member_count; j++)
				add_member(run, other->member[j]);
			if (other->start_ns < run->start_ns)
				run->start_ns = other->start_ns;
			if (other->last_ns > run->last_ns)
				run->last_ns = other->last_ns;
			gone[(*gone_count)++] = *other;
			window->session[i--] = window->session[--window->session_count];
			is_added = true;
		}
	}
}

static void sort_by_time(const struct oracle_window *window, size_t *member, size_t count)
{
	for (size_t i = 1; i < count; i++)
		for (size_t j = i; j > 0; j--) {
			size_t swap = member[j];

			if (window->taken[member[j - 1]].event.time_ns <=
			    window->taken[swap].event.time_ns)
				break;
			member[j] = member[j - 1];
			member[j - 1] = swap;
		}
}

/* Cuts a sorted run into sessions: [from, to) of its members become one. */
static size_t cut(struct oracle_window *window, const struct oracle_session *run, size_t from)
{
	const struct window_spec *spec = window->spec;
	struct oracle_session piece = { .is_overflow = run->is_overflow };
	__int128 end_ns, limit_ns;
	size_t to = from;

	memcpy(piece.group, run->group, sizeof(piece.group));
	piece.start_ns = window->taken[run->member[from]].event.time_ns;
	limit_ns = (__int128)piece.start_ns + spec->max_duration_ns;
	for (; to < run->member_count; to++) {
		__s64 time_ns = window->taken[run->member[to]].event.time_ns;

		if (spec->max_duration_ns && time_ns >= limit_ns)
			break;
		if (to > from && (__int128)time_ns - piece.last_ns > spec->gap_ns)
			break;
		piece.last_ns = time_ns;
		add_member(&piece, run->member[to]);
	}
	end_ns = (__int128)piece.last_ns + spec->gap_ns;
	if (spec->max_duration_ns && end_ns > limit_ns)
		end_ns = limit_ns;
	piece.end_ns = (__s64)end_ns;
	window->session = scenario_grow(window->session, window->session_count, sizeof(piece));
	window->session[window->session_count++] = piece;
	return to;
}

static int compare_times(const void *left, const void *right)
{
	__s64 a = *(const __s64 *)left, b = *(const __s64 *)right;

	return (a > b) - (a < b);
}

/* Where the piece of a sorted run that holds the given time ends. */
static __int128 end_of_piece(const struct window_spec *spec, const __s64 *time, size_t count,
			     __s64 of)
{
	__int128 first = time[0], last = time[0];

	for (size_t i = 1; i < count; i++) {
		bool is_cut = time[i] - last > spec->gap_ns ||
			      (spec->max_duration_ns && time[i] >= first + spec->max_duration_ns);

		if (is_cut && last >= of)
			break;
		if (is_cut)
			first = time[i];
		last = time[i];
	}
	if (spec->max_duration_ns && last + spec->gap_ns > first + spec->max_duration_ns)
		return first + spec->max_duration_ns;
	return last + spec->gap_ns;
}

/* Puts the event together with all it touches, cuts, and asks of the piece that would hold it. */
bool oracle_session_is_late(struct oracle_window *window, const struct oracle_taken *taken)
{
	const struct oracle_event *event = &taken->event;
	struct oracle_session *gone = calloc(window->session_count + 1, sizeof(*gone));
	struct oracle_session run = { .start_ns = event->time_ns,
				      .last_ns = event->time_ns,
				      .is_overflow = taken->is_overflow };
	size_t gone_count = 0;
	__s64 *time;
	bool is_late;

	oracle_group(window, taken, run.group);
	gather(window, &run, gone, &gone_count);
	time = calloc(run.member_count + 1, sizeof(*time));
	if (!gone || !time)
		abort();
	for (size_t i = 0; i < run.member_count; i++)
		time[i] = window->taken[run.member[i]].event.time_ns;
	time[run.member_count] = event->time_ns;
	qsort(time, run.member_count + 1, sizeof(*time), compare_times);
	is_late = is_over(window,
			  end_of_piece(window->spec, time, run.member_count + 1, event->time_ns));
	for (size_t i = 0; i < gone_count; i++)
		window->session[window->session_count++] = gone[i];
	free(run.member);
	free(time);
	free(gone);
	return is_late;
}

static void retract(struct oracle_window *window, struct oracle_session *session)
{
	window->retraction =
		scenario_grow(window->retraction, window->retraction_count, sizeof(*session));
	window->retraction[window->retraction_count++] = *session;
}

/* What was told and is the same interval again goes on; the others are retracted or forgotten. */
static void settle(struct oracle_window *window, struct oracle_session *gone, size_t gone_count,
		   size_t first_new)
{
	for (size_t i = 0; i < gone_count; i++) {
		bool is_kept = false;

		for (size_t j = first_new; j < window->session_count; j++) {
			struct oracle_session *now = &window->session[j];

			if (now->start_ns != gone[i].start_ns || now->end_ns != gone[i].end_ns)
				continue;
			is_kept = true;
			now->is_emitted = gone[i].is_emitted;
			now->is_shown = gone[i].is_shown;
			now->is_changed =
				gone[i].is_changed || now->member_count != gone[i].member_count;
		}
		if ((gone[i].is_emitted || gone[i].is_shown) && !is_kept)
			retract(window, &gone[i]);
		else
			free(gone[i].member);
	}
}

void oracle_session_take(struct oracle_window *window)
{
	size_t taken = window->taken_count - 1, gone_count = 0, first_new, from = 0;
	const struct oracle_taken *event = &window->taken[taken];
	struct oracle_session *gone = calloc(window->session_count + 1, sizeof(*gone));
	struct oracle_session run = { .is_overflow = event->is_overflow };

	if (!gone)
		abort();
	oracle_group(window, event, run.group);
	run.start_ns = run.last_ns = event->event.time_ns;
	add_member(&run, taken);
	gather(window, &run, gone, &gone_count);
	sort_by_time(window, run.member, run.member_count);
	first_new = window->session_count;
	while (from < run.member_count)
		from = cut(window, &run, from);
	settle(window, gone, gone_count, first_new);
	free(run.member);
	free(gone);
}

static void emit(struct oracle *oracle, struct oracle_window *window,
		 struct oracle_session *session, bool is_final, bool is_retracted)
{
	struct result_row *row =
		oracle_add_row(oracle, window, session->member, session->member_count,
			       session->start_ns, session->end_ns);

	row->revision = oracle_revision_of(oracle, row);
	row->revision_max = INT32_MAX;
	row->order = ORDER_CLOSED + (__u64)row->revision;
	row->order_max = ORDER_CLOSED + INT32_MAX;
	row->is_final = is_final;
	row->is_retracted = is_retracted;
	row->aggregated = oracle->scenario->lacks & LACK_SESSION_RECORDS ? RESULT_ANY :
									   session->member_count;
	oracle_missing_fill(oracle, window, row);
	session->is_emitted = true;
	session->is_changed = false;
}

static struct result_row *show(struct oracle *oracle, struct oracle_window *window,
			       struct oracle_session *session)
{
	struct result_row *row = oracle_add_row(oracle, window, session->member,
						session->member_count, session->start_ns,
						session->end_ns);

	row->revision = -1;
	row->is_early = true;
	row->order = oracle_early_count(oracle, row);
	row->order_max = INT32_MAX;
	session->is_shown = true;
	return row;
}

static void emit_retractions(struct oracle *oracle, struct oracle_window *window)
{
	for (size_t i = 0; i < window->retraction_count; i++) {
		struct oracle_session *session = &window->retraction[i];

		if (session->is_emitted)
			emit(oracle, window, session, false, true);
		else
			show(oracle, window, session)->is_retracted = true;
		free(session->member);
	}
	window->retraction_count = 0;
}

static void add_close(struct oracle *oracle, const struct oracle_window *window,
		      const struct oracle_session *session)
{
	*result_add_close(oracle->result) = (struct result_close){
		.window = window->index,
		.step = oracle->step,
		.start_ns = session->start_ns,
		.end_ns = session->end_ns,
		.revision = INT32_MAX,	/* whichever it is: nothing follows */
	};
}

void oracle_session_advance(struct oracle *oracle, struct oracle_window *window)
{
	emit_retractions(oracle, window);
	for (size_t i = 0; i < window->session_count; i++) {
		struct oracle_session *session = &window->session[i];

		if (!is_passed(window, session->end_ns))
			continue;
		if (!session->is_emitted || session->is_changed)
			emit(oracle, window, session, window->spec->allowed_lateness_ns == 0,
			     false);
		if (!is_over(window, session->end_ns))
			continue;
		add_close(oracle, window, session);
		free(session->member);
		*session = window->session[--window->session_count];
		i--;
	}
}

void oracle_session_show(struct oracle *oracle, struct oracle_window *window)
{
	for (size_t i = 0; i < window->session_count; i++)
		if (!is_passed(window, window->session[i].end_ns))
			show(oracle, window, &window->session[i]);
}

void oracle_session_finish(struct oracle *oracle, struct oracle_window *window)
{
	emit_retractions(oracle, window);
	for (size_t i = 0; i < window->session_count; i++)
		if (!window->session[i].is_emitted || window->session[i].is_changed)
			emit(oracle, window, &window->session[i], false, false);
}
