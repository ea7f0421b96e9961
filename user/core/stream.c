/* SPDX-License-Identifier: BSD-2-Clause */
/* The stream: takes ring records apart, keeps the batch full, and turns watermarks into closing
 * panes. What happens to each event is in the hot path; what closing means is in the emission. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "core/session.h"
#include "core/stream_state.h"

/* Ids outlive one pane: room for the groups of this many full panes at once. */
#define FULL_PANES 4u
#define SCRATCH_BYTES ((size_t)CHUNK_ROWS * PANE_ROW_BYTES(SLUICE_KEY_WORDS_MAX))

static const struct hot_operations *choose_hot(void)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2"))
		return &hot_v3;
#endif
	return &hot_baseline;
}

static bool takes_all(const struct window_spec *spec, __u32 listener_count)
{
	__u32 listeners = (__u32)((1ull << listener_count) - 1);

	if (spec->where.has_types || spec->where.has_value_range ||
	    (spec->listener_mask & listeners) != listeners)
		return false;
	for (int i = 0; i < SLUICE_FIELD_VALUE; i++) {
		if (spec->where.field[i].count)
			return false;
	}
	return true;
}

static bool looks_at(const struct window_spec *spec, enum sluice_field field)
{
	for (int i = 0; i < spec->group_count; i++) {
		if (spec->group_field[i] == field)
			return true;
	}
	for (int i = 0; i < spec->aggregate_count; i++) {
		if (spec->aggregate[i].field == field)
			return true;
	}
	return spec->where.field[field].count > 0;
}

static int grouping_open(struct grouping *grouping, struct stream *stream,
			 const struct stream_options *options, const struct window_spec *spec)
{
	__u64 groups = (__u64)options->groups_max * FULL_PANES + CHUNK_ROWS;
	__u64 affordable = options->memory_bytes / 64 + CHUNK_ROWS;
	int err = group_key_layout(&grouping->layout, spec->group_field, spec->group_count);

	if (err)
		return err;
	grouping->key_words = grouping->layout.word_count;
	grouping->row_bytes = PANE_ROW_BYTES(grouping->key_words);
	grouping->piece_count = grouping->layout.field_count;
	for (__u32 i = 0; i < grouping->piece_count; i++) {
		const struct group_key_field *field = &grouping->layout.field[i];

		grouping->piece[i] =
			(struct key_piece){ field->field, field->word, field->shift };
	}
	grouping->is_key_alone =
		spec->group_count == 1 && spec->group_field[0] == SLUICE_FIELD_KEY;
	err = groups_open(&grouping->groups, grouping->key_words,
			  (__u32)(groups < affordable ? groups : affordable), options->hash_seed);
	return err ? err : chunks_open(&grouping->chunks, grouping->row_bytes, &stream->budget);
}

static bool has_same_grouping(const struct window_spec *a, const struct window_spec *b)
{
	return a->group_count == b->group_count &&
	       memcmp(a->group_field, b->group_field, a->group_count) == 0;
}

/* Windows with the same group_by share one grouping. */
static int open_windows(struct stream *stream, const struct stream_options *options)
{
	size_t extras_bytes = 0;

	for (__u32 w = 0; w < options->window_count; w++) {
		const struct window_spec *spec = &options->windows[w];
		struct grouping *grouping = NULL;
		int err;

		for (__u32 before = 0; before < w && !grouping; before++) {
			if (has_same_grouping(&options->windows[before], spec))
				grouping = stream->window[before].grouping;
		}
		if (!grouping) {
			grouping = &stream->grouping[stream->grouping_count++];
			err = grouping_open(grouping, stream, options, spec);
			if (err)
				return err;
		}
		grouping->window_mask |= 1u << w;
		stream->window_count = w + 1;
		err = window_open(&stream->window[w], options, w, grouping, stream);
		if (err)
			return err;
		stream->window[w].takes_all =
			takes_all(spec, sources_listener_count(stream->sources));
		stream->selects |= !stream->window[w].takes_all;
		stream->wants_dims23 |= looks_at(spec, SLUICE_FIELD_DIM2) ||
					looks_at(spec, SLUICE_FIELD_DIM3);
		stream->wants_index |= stream->window[w].extras.wants_identity;
		extras_bytes = stream->window[w].extras.state_bytes > extras_bytes
				       ? stream->window[w].extras.state_bytes
				       : extras_bytes;
	}
	stream->scratch_extras_bytes = extras_bytes * CHUNK_ROWS;
	stream->scratch_extras = memory_reserve(stream->scratch_extras_bytes);
	return stream->scratch_extras ? 0 : -ENOMEM;
}

static bool wants_sketches(const struct window_spec *spec)
{
	for (int i = 0; i < spec->aggregate_count; i++) {
		if (spec->aggregate[i].kind >= SLUICE_AGGREGATE_DISTINCT)
			return true;
	}
	return false;
}

/* A quarter of the budget is for sketches when some window has them. */
static int open_sketches(struct stream *stream, const struct stream_options *options)
{
	for (__u32 w = 0; w < options->window_count && !stream->sketch_bytes; w++) {
		if (wants_sketches(&options->windows[w]))
			stream->sketch_bytes = options->memory_bytes / 4;
	}
	if (!stream->sketch_bytes)
		return 0;
	stream->budget.bytes_max -= stream->sketch_bytes;
	stream->sketch_memory = memory_reserve(stream->sketch_bytes);
	if (!stream->sketch_memory)
		return -ENOMEM;
	sketch_pool_open(&stream->sketches, stream->sketch_memory, stream->sketch_bytes,
			 options->hash_seed);
	return 0;
}

int stream_open(struct stream **result, const struct stream_options *options)
{
	struct stream *stream = memory_reserve(sizeof(*stream));
	__u32 waiting = 1;
	int err;

	if (!stream)
		return -ENOMEM;
	stream->hot = choose_hot();
	stream->budget.bytes_max = options->memory_bytes;
	err = open_sketches(stream, options);
	if (err)
		goto fail;
	stream->worker = options->worker;
	stream->worker_count = options->worker_count;
	stream->sources = options->sources;
	stream->max_ahead_ns = options->max_ahead_ns;
	err = open_windows(stream, options);
	if (err)
		goto fail;
	for (__u32 w = 0; w < stream->window_count; w++)
		waiting += stream->window[w].pane_mask + stream->window[w].instance_mask + 2;
	stream->scratch = memory_reserve(SCRATCH_BYTES);
	err = stream->scratch ? emission_queue_open(&stream->emissions, waiting) : -ENOMEM;
	if (err)
		goto fail;
	*result = stream;
	return 0;
fail:
	stream_close(stream);
	return err;
}

void stream_close(struct stream *stream)
{
	if (!stream)
		return;
	for (__u32 w = 0; w < stream->window_count; w++)
		window_close(&stream->window[w]);
	for (__u32 g = 0; g < stream->grouping_count; g++) {
		groups_close(&stream->grouping[g].groups);
		chunks_close(&stream->grouping[g].chunks);
	}
	emission_queue_close(&stream->emissions);
	memory_release(stream->scratch, SCRATCH_BYTES);
	memory_release(stream->scratch_extras, stream->scratch_extras_bytes);
	if (stream->sketch_memory)
		sketch_pool_close(&stream->sketches);
	memory_release(stream->sketch_memory, stream->sketch_bytes);
	memory_release(stream, sizeof(*stream));
}

void stream_set_time(struct stream *stream, __u64 now_wall_ns, __u64 now_mono_ns)
{
	stream->now_wall_ns = now_wall_ns;
	stream->now_mono_ns = now_mono_ns;
	stream->newest_allowed_ns = now_wall_ns + (__u64)stream->max_ahead_ns;
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

/* Datagrams of one source mostly follow one another. */
static __u32 source_slot(struct stream *stream, __u64 source_id, __u16 listener)
{
	if (!stream->has_last_source || stream->last_source_id != source_id ||
	    stream->last_listener != listener) {
		stream->last_slot = sources_slot(stream->sources, listener, source_id);
		stream->last_source_id = source_id;
		stream->last_listener = listener;
		stream->has_last_source = true;
	}
	return stream->last_slot;
}

static bool is_in(const __u64 *sorted, __u32 count, __u64 value)
{
	__u32 low = 0, high = count;

	while (low < high) {
		__u32 middle = (low + high) / 2;

		if (sorted[middle] < value)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && sorted[low] == value;
}

static __u64 field_of(const struct batch *batch, __u32 i, enum sluice_field field)
{
	switch (field) {
	case SLUICE_FIELD_TENANT:
		return batch->tenant[batch->datagram[i]];
	case SLUICE_FIELD_SOURCE:
		return batch->source_id[batch->datagram[i]];
	case SLUICE_FIELD_TYPE:
		return batch->type_weight[i] & 0xffff;
	case SLUICE_FIELD_KEY:
		return batch->key[i];
	case SLUICE_FIELD_DIM0:
		return batch->dims01[i] & 0xffffffff;
	case SLUICE_FIELD_DIM1:
		return batch->dims01[i] >> 32;
	case SLUICE_FIELD_DIM2:
		return batch->dims23[i] & 0xffffffff;
	case SLUICE_FIELD_DIM3:
		return batch->dims23[i] >> 32;
	default:
		return 0;
	}
}

static bool is_wanted(const struct window_where *where, const struct batch *batch, __u32 i)
{
	__u64 type = batch->type_weight[i] & 0xffff;

	if (where->has_types && !(where->type_bits[type / 64] >> (type % 64) & 1))
		return false;
	if (where->has_value_range &&
	    (batch->value[i] < where->value_min || batch->value[i] > where->value_max))
		return false;
	for (int f = 0; f < SLUICE_FIELD_VALUE; f++) {
		if (where->field[f].count &&
		    !is_in(where->field[f].value, where->field[f].count,
			   field_of(batch, i, (enum sluice_field)f)))
			return false;
	}
	return true;
}

static void select_for_window(struct batch *batch, const struct window *window)
{
	const struct window_spec *spec = window->spec;
	__u32 bit = 1u << window->index;

	for (__u32 i = 0; i < batch->count; i++) {
		__u16 listener = batch->listener[batch->datagram[i]];

		if ((spec->listener_mask >> listener & 1) && is_wanted(&spec->where, batch, i))
			batch->selected[i] |= bit;
	}
}

static void run_batch(struct stream *stream)
{
	struct batch *batch = &stream->batch;

	if (stream->selects) {
		memset(batch->selected, 0, batch->count * sizeof(batch->selected[0]));
		for (__u32 w = 0; w < stream->window_count; w++)
			select_for_window(batch, &stream->window[w]);
	}
	stream->hot->run(stream);
}

/* A datagram longer than the batch is continued in the next one. */
static void take_datagram(struct stream *stream, struct datagram *datagram, __u16 listener)
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
		return true;
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

/* Where a whole datagram is turned away: the counter of its events. NULL: its events are wanted. */
static __u64 *refuse(struct stream *stream, struct datagram *datagram, __u32 slot)
{
	const struct sluice_header *header = datagram->header;
	struct sluice_stream_ledger *ledger = &stream->ledger;
	enum dedup_verdict verdict =
		sources_test_and_set(stream->sources, slot, header->epoch, header->sequence);
	bool all_future;

	/* A name taught twice is the same name. */
	if (header->flags & SLUICE_FLAG_DICTIONARY)
		return &ledger->dictionary;
	if (verdict != DEDUP_NEW)
		return verdict == DEDUP_DUPLICATE ? &ledger->duplicate : &ledger->stale;
	datagram->limit_us = offset_limit(stream, header->base_time_ns, &all_future);
	return all_future ? &ledger->future : NULL;
}

void stream_add(struct stream *stream, const struct sluice_record *record, size_t record_bytes)
{
	struct sluice_stream_ledger *ledger = &stream->ledger;
	struct datagram datagram;
	__u64 *refused_as;
	__u32 slot;

	ledger->consumed_datagrams++;
	if (!parse_record(record, record_bytes, &datagram)) {
		__u64 events = record_bytes >= sizeof(*record) ? record->kept : 0;

		ledger->consumed += events;
		ledger->rejected_record += events;
		return;
	}
	ledger->consumed += record->kept;
	slot = source_slot(stream, datagram.header->source_id, record->listener);
	refused_as = refuse(stream, &datagram, slot);
	if (refused_as) {
		*refused_as += record->kept;
		return;
	}
	take_datagram(stream, &datagram, record->listener);
	ledger->accepted += datagram.accepted;
	ledger->future += datagram.future;
	if (datagram.accepted)
		sources_note(stream->sources, stream->worker, slot,
			     (__s64)(datagram.header->base_time_ns +
				     (__u64)datagram.newest_us * 1000),
			     stream->now_mono_ns);
}

void stream_flush(struct stream *stream)
{
	if (stream->batch.count)
		run_batch(stream);
	stream->batch.datagram_count = 0;
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

/* One exported row: its length, or 0 when it does not fit what is left. */
static size_t import_length(const struct window *window, const struct sluice_rows *head,
			    const unsigned char *row, size_t left)
{
	size_t fixed = window->grouping->key_words * 8 + sizeof(struct sluice_partial);
	struct sluice_row_head own;

	if (!(head->flags & SLUICE_ROWS_VARIABLE))
		return head->row_bytes == fixed && left >= fixed ? fixed : 0;
	if (left < sizeof(own))
		return 0;
	memcpy(&own, row, sizeof(own));
	return own.bytes >= sizeof(own) + fixed && own.bytes <= left && own.bytes % 8 == 0
		       ? own.bytes
		       : 0;
}

static void import_row(struct window *window, struct pane *pane, const struct sluice_rows *head,
		       const unsigned char *row, size_t length)
{
	bool is_variable = head->flags & SLUICE_ROWS_VARIABLE;
	const unsigned char *at = row + (is_variable ? sizeof(struct sluice_row_head) : 0);
	__u32 words = window->grouping->key_words;
	const unsigned char *tail = at + words * 8 + sizeof(struct sluice_partial);
	__u64 key[SLUICE_KEY_WORDS_MAX];
	struct sluice_partial partial;

	memcpy(key, at, words * 8);
	memcpy(&partial, at + words * 8, sizeof(partial));
	if (partial.records)
		window_merge(window, pane, head->flags & SLUICE_ROWS_OVERFLOW ? NULL : key,
			     &partial, tail, (size_t)(row + length - tail));
}

/* Exports come before the watermark moves and after all emissions: there is a pane for them, if at
 * all. */
static void import_rows(struct window *window, const struct sluice_rows *head, size_t bytes)
{
	const unsigned char *row = (const unsigned char *)(head + 1);
	__u64 *reason;
	struct pane *pane = window_pane(window, head->start_ns, &reason);

	if (!pane) {
		window->ledger.aggregated -= head->aggregated;
		window->ledger.late += head->aggregated;
		return;
	}
	pane->events += head->aggregated;
	if (head->missing.ring_full < pane->missing_before.ring_full)
		pane->missing_before = head->missing;
	for (__u32 i = 0; i < head->row_count; i++) {
		size_t length = import_length(window, head, row, bytes);

		import_row(window, pane, head, row, length);
		row += length;
		bytes -= length;
	}
}

int stream_import(struct stream *stream, const void *bytes, size_t length)
{
	const struct sluice_disk_record *record = bytes;
	const struct sluice_rows *head = (const void *)(record + 1);
	const unsigned char *row = (const unsigned char *)(head + 1);
	struct window *window;
	size_t left;

	if (length < sizeof(*record) + sizeof(*head) || record->bytes != length ||
	    record->kind != SLUICE_DISK_ROWS || head->window >= stream->window_count)
		return -EINVAL;
	window = &stream->window[head->window];
	if (window->slides && window->leaving_count > 0)
		return -EAGAIN;
	left = length - sizeof(*record) - sizeof(*head);
	if (window->sessions)
		return sessions_import(stream, window, head, left);
	for (__u32 i = 0; i < head->row_count; i++) {
		size_t own = import_length(window, head, row, left);

		if (!own)
			return -EINVAL;
		row += own;
		left -= own;
	}
	if (left)
		return -EINVAL;
	import_rows(window, head, length - sizeof(*record) - sizeof(*head));
	return 0;
}

void stream_set_missing(struct stream *stream, __u32 window, const struct sluice_missing *totals)
{
	assert(window < stream->window_count);
	stream->window[window].missing = *totals;
}

const struct sluice_stream_ledger *stream_ledger(const struct stream *stream)
{
	return &stream->ledger;
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
		sum.groups += stream->grouping[g].groups.count;
		sum.memory_bytes += groups_bytes(&stream->grouping[g].groups);
	}
	for (__u32 w = 0; w < stream->window_count; w++) {
		const struct window *window = &stream->window[w];

		if (window->sessions) {
			sum.pane_groups += sessions_count(window->sessions);
			sum.panes += sessions_count(window->sessions) > 0;
		}
		sum.panes += window->live_count;
		for (__u32 i = 0; i < window->live_count; i++)
			sum.pane_groups += window->panes[window->live[i] & window->pane_mask].rows;
	}
	for (__u32 e = stream->emissions.head; e != stream->emissions.tail; e++)
		sum.rows_waiting++;
	*stats = sum;
}

void stream_prefault_range(const struct stream *stream, void **start, size_t *bytes)
{
	const struct chunks *chunks = &stream->grouping[0].chunks;

	__u32 touched = __atomic_load_n(&chunks->touched, __ATOMIC_RELAXED);

	*start = chunks->base + ((size_t)touched + 1) * chunks->chunk_bytes;
	*bytes = (size_t)(chunks->capacity - touched) * chunks->chunk_bytes;
}
