/* SPDX-License-Identifier: BSD-2-Clause */
/* The stream: takes ring records apart, keeps the batch full, and turns watermarks into closing
 * panes. What happens to each event is in the hot path; what closing means is in the emission. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "core/session/session.h"
#include "core/stream/stream_state.h"

void stream_set_time(struct stream *stream, __u64 now_wall_ns, __u64 now_mono_ns)
{
	stream->now_wall_ns = now_wall_ns;
	stream->now_mono_ns = now_mono_ns;
	stream->newest_allowed_ns = now_wall_ns + (__u64)stream->max_ahead_ns;
	if (stream->newest_allowed_ns > INT64_MAX) /* event times end there */
		stream->newest_allowed_ns = INT64_MAX;
}

/* The largest time offset that is not too far ahead; *all_future when not even 0 is. */
static __u32 offset_limit(const struct stream *stream, __u64 base_time_ns, bool *all_future)
{
	__u64 limit_us;

	*all_future = base_time_ns > stream->newest_allowed_ns;
	if (*all_future)
		return 0;
	limit_us = (stream->newest_allowed_ns - base_time_ns) / 1000;
	return limit_us < UINT32_MAX ? (__u32)limit_us : UINT32_MAX;
}

static void run_batch(struct stream *stream)
{
	struct batch *batch = &stream->batch;

	if (stream->selects) {
		memset(batch->selected, 0, batch->count * sizeof(batch->selected[0]));
		for (__u32 w = 0; w < stream->window_count; w++)
			batch_select(batch, &stream->window[w]);
	}
	stream->hot->run(stream);
}

/* A datagram longer than the batch is continued in the next one. */
static void take_datagram(struct stream *stream, struct datagram *datagram, __u16 listener,
			  __u32 refused_windows)
{
	struct batch *batch = &stream->batch;

	while (datagram->taken < datagram->event_count) {
		if (batch->count == BATCH_EVENTS || batch->datagram_count == BATCH_EVENTS)
			run_batch(stream);
		batch->source_id[batch->datagram_count] = datagram->header->source_id;
		batch->tenant[batch->datagram_count] = datagram->header->tenant;
		batch->sequence[batch->datagram_count] = datagram->header->sequence;
		batch->epoch[batch->datagram_count] = datagram->header->epoch;
		batch->listener[batch->datagram_count] = listener;
		batch->refused[batch->datagram_count] = refused_windows;
		batch->datagram_count++;
		stream->hot->decode(stream, datagram);
	}
}

/* Marks of events that the datagram has. */
static __u32 count_marks(const struct datagram *datagram)
{
	__u32 marks = 0, i;

	for (i = 0; i + 64 <= datagram->event_count; i += 64)
		marks += (__u32)__builtin_popcountll(datagram->dropped[i / 64]);
	if (i < datagram->event_count)
		marks += (__u32)__builtin_popcountll(datagram->dropped[i / 64]
						     << (64 - datagram->event_count % 64));
	return marks;
}

/* What the kernel has proven of a record is checked again where a lie could hurt. */
static bool parse_record(const struct sluice_record *record, size_t record_bytes,
			 struct datagram *datagram)
{
	const struct sluice_header *header;

	if (record_bytes < sizeof(*record) || record->listener >= SLUICE_LISTENERS_MAX ||
	    (record->prefix_bytes != SLUICE_PREFIX_SHORT &&
	     record->prefix_bytes != SLUICE_PREFIX_LONG) ||
	    record->payload_bytes < sizeof(*header) ||
	    (__u64)record->prefix_bytes + record->payload_bytes > record_bytes)
		return false;
	header = (const void *)((const unsigned char *)record + record->prefix_bytes);
	*datagram = (struct datagram){
		.header = header,
		.events = (const unsigned char *)(header + 1),
		.event_count = header->event_count,
		.event_size = header->event_size,
	};
	if (header->flags & SLUICE_FLAG_DICTIONARY)
		return record->kept == header->event_count;
	if (header->event_size < SLUICE_EVENT_SIZE_MIN || header->event_size % 8 != 0 ||
	    header->event_count > SLUICE_EVENTS_MAX ||
	    sizeof(*header) + (__u64)header->event_count * header->event_size >
		    record->payload_bytes)
		return false;
	if (record->kept == header->event_count)
		return true;
	datagram->dropped = &record->dropped;
	return (header->event_count <= 64 || record->prefix_bytes == SLUICE_PREFIX_LONG) &&
	       record->kept == header->event_count - count_marks(datagram);
}

/* Whether every event that the rules have left is too far ahead. Mostly the first one is not. */
static bool is_all_future(const struct datagram *datagram)
{
	const unsigned char *record = datagram->events;

	for (__u32 i = 0; i < datagram->event_count; i++, record += datagram->event_size) {
		const struct sluice_event *event = (const struct sluice_event *)record;

		if (datagram->dropped && datagram->dropped[i / 64] >> (i % 64) & 1)
			continue;
		if (event->time_offset_us <= datagram->limit_us)
			return false;
	}
	return true;
}

/* Asks the sources whether the datagram was here before. Datagrams of one source mostly follow one
 * another. */
static enum dedup_verdict ask_sources(struct stream *stream, const struct sluice_record *record,
				      const struct sluice_header *header, bool is_refused,
				      __u32 *refused_windows)
{
	const struct source_datagram datagram = {
		.source_id = header->source_id,
		.sequence = header->sequence,
		.base_time_ns = header->base_time_ns,
		.epoch = header->epoch,
		.records = record->kept,
		.listener = record->listener,
		.is_dictionary = (header->flags & SLUICE_FLAG_DICTIONARY) != 0,
		.is_refused = is_refused,
		.header = header,
	};

	return sources_take(stream->sources, stream->worker, &stream->place, &datagram,
			    stream->now_mono_ns, refused_windows);
}

/* Where a whole datagram is turned away: the counter of its events. NULL: its events are wanted, by
 * all windows but those of the mask. What is turned away for its time has not been here. */
static __u64 *refuse(struct stream *stream, const struct sluice_record *record,
		     struct datagram *datagram, __u32 *refused_windows)
{
	struct sluice_stream_ledger *ledger = &stream->ledger;
	bool all_future;

	datagram->limit_us =
		offset_limit(stream, datagram->header->base_time_ns, &all_future);
	all_future = all_future || is_all_future(datagram);
	switch (ask_sources(stream, record, datagram->header, all_future, refused_windows)) {
	case DEDUP_DUPLICATE:
		return &ledger->duplicate;
	case DEDUP_STALE:
		return &ledger->stale;
	default:
		return all_future ? &ledger->future : NULL;
	}
}

void stream_add(struct stream *stream, const struct sluice_record *record, size_t record_bytes)
{
	struct sluice_stream_ledger *ledger = &stream->ledger;
	struct datagram datagram;
	__u32 refused_windows;
	__u64 *refused_as;

	ledger->consumed_datagrams++;
	if (!parse_record(record, record_bytes, &datagram) ||
	    record->listener >= stream->listener_count) {
		__u64 events = record_bytes >= sizeof(*record) ? record->kept : 0;

		ledger->consumed += events;
		ledger->rejected_record += events;
		stream_note_rejected(stream, record, record_bytes);
		return;
	}
	ledger->consumed += record->kept;
	if (datagram.header->flags & SLUICE_FLAG_DICTIONARY) {
		/* Its sequence is used up; a name taught twice is the same name. */
		ask_sources(stream, record, datagram.header, false, &refused_windows);
		stream_take_dictionary(stream, datagram.header, record->payload_bytes);
		return;
	}
	refused_as = refuse(stream, record, &datagram, &refused_windows);
	if (refused_as) {
		*refused_as += record->kept;
		if (refused_as != &ledger->duplicate)
			stream_note_refused(stream, record->listener, &datagram, 0);
		return;
	}
	take_datagram(stream, &datagram, record->listener, refused_windows);
	ledger->accepted += datagram.accepted;
	stream->accepted_of[record->listener] += datagram.accepted;
	ledger->future += datagram.future;
	if (__builtin_expect(datagram.future != 0, 0))
		stream_note_refused(stream, record->listener, &datagram, datagram.limit_us + 1);
	if (datagram.accepted)
		sources_note(stream->sources, stream->worker, &stream->place, record->listener,
			     batch_time_ns(datagram.header->base_time_ns, datagram.newest_us),
			     stream->now_mono_ns);
}

void stream_flush(struct stream *stream)
{
	if (stream->batch.count)
		run_batch(stream);
	stream->batch.datagram_count = 0;
}

void stream_hand_over_gaps(struct stream *stream)
{
	sources_hand_over_gaps(stream->sources, stream->worker);
}

void stream_tidy(struct stream *stream)
{
	dedup_tidy(stream->dedup, stream->worker);
}

void stream_advance(struct stream *stream, const __s64 *watermark_ns)
{
	assert(stream->batch.count == 0);
	for (__u32 w = 0; w < stream->window_count; w++) {
		assert(watermark_ns[w] >= stream->window[w].watermark_ns);
		window_advance(stream, &stream->window[w], watermark_ns[w]);
	}
}

void stream_finish(struct stream *stream)
{
	stream_flush(stream);
	for (__u32 w = 0; w < stream->window_count; w++)
		window_finish(stream, &stream->window[w]);
}

const struct sluice_stream_ledger *stream_ledger(const struct stream *stream)
{
	return &stream->ledger;
}

__u64 stream_accepted(const struct stream *stream, __u32 listener)
{
	assert(listener < SLUICE_LISTENERS_MAX);
	return stream->accepted_of[listener];
}

const struct sluice_window_ledger *stream_window_ledger(const struct stream *stream, __u32 window)
{
	assert(window < stream->window_count);
	return &stream->window[window].ledger;
}

void stream_read_stats(const struct stream *stream, struct stream_stats *stats)
{
	struct stream_stats sum = {
		.memory_bytes = stream->budget.bytes_used,
		.memory_bytes_max = stream->budget.bytes_max,
		.sketch_bytes = stream->sketches.bytes_used,
		.sketch_bytes_max = stream->sketch_bytes,
		.sketches_refused = stream->sketches.exhausted,
	};

	for (__u32 g = 0; g < stream->grouping_count; g++) {
		const struct groups *groups = &stream->grouping[g].groups;

		sum.groups += groups->count - groups->idle_count;
		sum.memory_bytes += groups_bytes(groups);
	}
	for (__u32 w = 0; w < stream->window_count; w++) {
		const struct window *window = &stream->window[w];

		if (window->sessions) {
			sum.pane_groups += sessions_count(window->sessions);
			sum.panes += sessions_count(window->sessions) > 0;
		}
		sum.panes += window->live.count;
		for (__u32 i = 0; i < window->live.count; i++)
			sum.pane_groups +=
				window->panes[slots_at(&window->live, i)].rows;
	}
	sum.rows_waiting = stream->emissions.tail - stream->emissions.head;
	for (__u32 w = 0; w < stream->window_count; w++)
		sum.rows_waiting += late_waiting(&stream->window[w].late);
	*stats = sum;
}

void stream_read_dedup(const struct stream *stream, __u32 window, struct dedup_stats *stats)
{
	assert(window < stream->window_count);
	*stats = (struct dedup_stats){ 0 };
	if (stream->window[window].dedup)
		dedup_read_stats(stream->window[window].dedup, stats);
}

/* Each event of a new pane is in another chunk: a pane of known groups is there at once. */
static size_t next_pane_bytes(const struct grouping *grouping, size_t row_bytes)
{
	size_t ids = __atomic_load_n(&grouping->groups.ids_touched, __ATOMIC_RELAXED);

	return ids * row_bytes;
}

__u32 stream_list_areas(const struct stream *stream, struct area area[static STREAM_AREAS_MAX])
{
	__u32 count = 0;

	for (__u32 g = 0; g < stream->grouping_count; g++) {
		const struct grouping *grouping = &stream->grouping[g];
		__u32 windows = (__u32)__builtin_popcount(grouping->window_mask);

		area[count++] =
			chunks_area(&grouping->chunks,
				    windows * next_pane_bytes(grouping, grouping->row_bytes));
		for (unsigned int i = 0; i < GROUPS_AREAS; i++)
			area[count++] = groups_area(&grouping->groups, i);
	}
	for (__u32 w = 0; w < stream->window_count; w++) {
		const struct window *window = &stream->window[w];

		if (window->sessions)
			count += sessions_list_areas(window->sessions, area + count);
		if (window->extras.count && !window->sessions)
			area[count++] = chunks_area(&window->extra_chunks,
						    next_pane_bytes(window->grouping,
								    window->extras.state_bytes));
		if (window->stacks.panes)
			area[count++] = chunks_area(&window->stacks.chunks, 0);
		/* All workers share it. */
		if (window->dedup && window->emits)
			area[count++] = dedup_area(window->dedup);
	}
	if (stream->sketch_memory)
		area[count++] = sketch_pool_area(&stream->sketches);
	return count;
}
