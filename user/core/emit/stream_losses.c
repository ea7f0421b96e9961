/* SPDX-License-Identifier: BSD-2-Clause */
/* What a stream knows to be missing: it notes what it finds by itself, gives that away at the tick,
 * and worker 0 gets all of it back, with what others lost, for the rows that it emits and, as loss
 * records, for those that it has emitted. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "core/emit/emission_rows.h"
#include "core/stream/stream_state.h"

#define LOSS_STEP_NS 1000000ll

void window_note_no_pane(struct window *window, __s64 time_ns, __u64 records)
{
	struct loss loss = {
		.from_ns = time_ns,
		.to_ns = time_ns,
		.records = (__s64)records,
		.window_mask = 1u << window->index,
		.cause = LOSS_no_pane,
	};

	if (!window->sessions) {
		loss.from_ns = window->spec->offset_ns +
			       window_pane_number(window, time_ns) * window->pane_ns;
		loss.to_ns = window_add_ns(loss.from_ns, window->pane_ns - 1);
	}
	losses_add(&window->stream_losses->found, &loss);
}

/* Windows that read a listener; an unknown one may have been any. */
static __u32 windows_of(const struct stream *stream, __u16 listener)
{
	__u32 mask = 0;

	for (__u32 w = 0; w < stream->window_count; w++) {
		if (listener >= SLUICE_LISTENERS_MAX ||
		    stream->window[w].spec->listener_mask >> listener & 1)
			mask |= 1u << w;
	}
	return mask;
}

/* To the millisecond: windows seldom begin within one, and events of one are one loss. */
static void note_refused(struct stream *stream, __u32 windows, __s64 time_ns, __u32 records)
{
	const __s64 within_ns = (time_ns % LOSS_STEP_NS + LOSS_STEP_NS) % LOSS_STEP_NS;
	const struct loss loss = {
		.from_ns = window_add_ns(time_ns, -within_ns),
		.to_ns = window_add_ns(time_ns, LOSS_STEP_NS - 1 - within_ns),
		.records = records,
		.window_mask = windows,
		.cause = LOSS_refused,
	};

	losses_add(&stream->losses.found, &loss);
}

void stream_note_refused(struct stream *stream, __u16 listener, const struct datagram *datagram,
			 __u32 from_us)
{
	const unsigned char *record = datagram->events;
	__u32 windows = windows_of(stream, listener);

	for (__u32 i = 0; i < datagram->event_count; i++, record += datagram->event_size) {
		const struct sluice_event *event = (const struct sluice_event *)record;

		if (event->time_offset_us < from_us ||
		    (datagram->dropped && datagram->dropped[i / 64] >> (i % 64) & 1))
			continue;
		note_refused(stream, windows,
			     batch_time_ns(datagram->header->base_time_ns, event->time_offset_us),
			     1);
	}
}

void stream_note_rejected(struct stream *stream, const struct sluice_record *record,
			  size_t record_bytes)
{
	if (record_bytes >= sizeof(*record) && record->kept)
		note_refused(stream, windows_of(stream, record->listener),
			     (__s64)stream->now_wall_ns, record->kept);
}

void window_read_losses(const struct window *window, __s64 start_ns, __s64 end_ns,
			struct sluice_missing *missing, struct share *share)
{
	*missing = (struct sluice_missing){ 0 };
	losses_sum(&window->stream_losses->known, 1u << window->index, start_ns, end_ns, missing);
	*share = share_between(window->shares, start_ns,
			       window_add_ns(end_ns, window->spec->max_disorder_ns));
}

void stream_set_share(struct stream *stream, __u32 window, __s64 now_ns, __u64 selected,
		      __u64 offered)
{
	assert(window < stream->window_count);
	share_note(stream->window[window].shares, now_ns, (struct share){ selected, offered });
}

__u32 stream_take_losses(struct stream *stream, struct loss loss[static STREAM_LOSSES_MAX])
{
	struct losses *found = &stream->losses.found;
	__u32 count = found->count;

	memcpy(loss, found->loss, count * sizeof(*loss));
	found->count = 0;
	return count;
}

/* Rows of a session may reach back for as long as it lasts: only what no window looks at is
 * forgotten. */
static void forget(struct stream *stream)
{
	for (__u32 w = 0; w < stream->window_count; w++) {
		const struct window *window = &stream->window[w];
		const struct window_spec *spec = window->spec;
		__s64 back_ns = window_add_ns(spec->size_ns, spec->allowed_lateness_ns);

		if (!window->sessions && window->watermark_ns != SOURCES_WATERMARK_NONE)
			losses_forget(&stream->losses.known, 1u << w,
				      window_add_ns(window->watermark_ns, -back_ns));
	}
}

/* Where all of a window in time was lost, no event opens it: it is to say so all the same. */
static void show_lossy(struct stream *stream, const struct loss *loss)
{
	/* What is too far ahead takes nobody's place. */
	const __s64 ahead_ns = (__s64)stream->newest_allowed_ns;
	const __s64 to_ns = loss->to_ns < ahead_ns ? loss->to_ns : ahead_ns;
	const __u32 windows = (__u32)((1ull << stream->window_count) - 1);

	for (__u32 mask = loss->window_mask & windows; mask; mask &= mask - 1) {
		struct window *window = &stream->window[__builtin_ctz(mask)];

		if (!window->sessions && loss->records > 0)
			window_show_between(window, loss->from_ns, to_ns);
	}
}

/* Whether rows of the window may miss it that do not say so, *told: that part of it. Windows in
 * time that are not closed say it themselves; which sessions there would have been nobody knows, so
 * that of theirs every loss is told. At a start nothing is known of the rows before. What is
 * missing from a time to come may be missing from rows of the agent after this one. */
static bool is_untold(const struct window *window, const struct loss *loss, __s64 now_ns,
		      struct loss *told)
{
	const __s64 watermark_ns = window->watermark_ns;

	*told = *loss;
	told->window_mask = 1u << window->index;
	if (loss->to_ns > now_ns) {
		told->flags |= SLUICE_LOSS_AHEAD;
		return true;
	}
	if (window->sessions || watermark_ns == SOURCES_WATERMARK_NONE)
		return true;
	if (loss->to_ns >= watermark_ns)
		told->to_ns = watermark_ns - 1;
	return loss->from_ns < watermark_ns;
}

/* What turned up is told as it is, if there is room: else rows go on to say that it is missing. */
static void keep_untold(struct stream *stream, const struct loss *loss)
{
	const __u32 windows = (__u32)((1ull << stream->window_count) - 1);
	struct losses *untold = &stream->losses.untold;
	struct loss told;

	for (__u32 mask = loss->window_mask & windows; mask; mask &= mask - 1) {
		if (!is_untold(&stream->window[__builtin_ctz(mask)], loss,
			       (__s64)stream->now_wall_ns, &told))
			continue;
		if (told.records >= 0)
			losses_add(untold, &told);
		else if (untold->count < untold->capacity)
			untold->loss[untold->count++] = told;
	}
}

/* The emission that is running goes on with what is known now. */
static void refresh_running(struct stream *stream)
{
	const struct emission_queue *queue = &stream->emissions;
	struct instance *instance;

	if (queue->head == queue->tail)
		return;
	instance = queue->entry[queue->head & (queue->capacity - 1)].instance;
	if (instance && instance->is_running)
		emission_read_losses(queue->entry[queue->head & (queue->capacity - 1)].window,
				     instance);
}

void stream_add_losses(struct stream *stream, const struct loss *loss, __u32 count)
{
	if (stream->losses.known.count)
		forget(stream);
	for (__u32 i = 0; i < count; i++) {
		losses_add(&stream->losses.known, &loss[i]);
		keep_untold(stream, &loss[i]);
		show_lossy(stream, &loss[i]);
	}
	if (count)
		refresh_running(stream);
}

static bool write_loss(const struct window *window, const struct loss *loss,
		       const struct row_writer *writer)
{
	const size_t bytes = sizeof(struct sluice_disk_record) + sizeof(struct sluice_loss);
	struct sluice_disk_record *record;
	size_t room;

	record = writer->reserve(writer->context, bytes, bytes, &room);
	if (!record)
		return false;
	*record = (struct sluice_disk_record){ (__u32)bytes, SLUICE_DISK_LOSS, 1 };
	*(struct sluice_loss *)(record + 1) = (struct sluice_loss){
		.from_ns = loss->from_ns,
		.to_ns = loss->to_ns,
		.records = loss->records,
		.epoch = window->epoch,
		.window = (__u16)window->index,
		.cause = loss->cause,
		.flags = loss->flags,
	};
	writer->commit(writer->context, bytes);
	return true;
}

int stream_write_losses(struct stream *stream, const struct row_writer *writer)
{
	struct losses *untold = &stream->losses.untold;
	int done = 0;

	while (untold->count) {
		struct loss *loss = &untold->loss[untold->count - 1];

		for (; loss->window_mask; loss->window_mask &= loss->window_mask - 1, done++) {
			__u32 w = (__u32)__builtin_ctz(loss->window_mask);

			if (!write_loss(&stream->window[w], loss, writer))
				return done ? done : -EAGAIN;
		}
		untold->count--;
	}
	return done;
}
