/* SPDX-License-Identifier: BSD-2-Clause */
/* A stream is opened from the windows it is to keep, and closed: tables, budgets, and which of the
 * hot paths this processor takes. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "core/session/session.h"
#include "core/stream/stream_state.h"

/* Ids outlive one pane: room for the groups of this many full panes at once. */
#define FULL_PANES 4u
#define IDS_MORE (CHUNK_ROWS + 4 * BATCH_EVENTS)
/* What the dictionary can count. */
#define IDS_MAX (1u << 30)
#define SCRATCH_BYTES ((size_t)CHUNK_ROWS * PANE_ROW_BYTES(SLUICE_KEY_WORDS_MAX))

static const struct hot_operations *choose_hot(void)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2"))
		return &hot_v3;
#endif
	return &hot_baseline;
}

/* With one set of listeners, what is a repeat for one window is one for all and never gets here. */
static bool wants_all(const struct window_spec *spec, const struct sources *sources)
{
	__u32 listeners = (__u32)((1ull << sources_listener_count(sources)) - 1);

	if (!sources_has_one_set(sources) || spec->where.has_types || spec->where.has_value_range ||
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
	__u64 groups = (__u64)options->groups_max * FULL_PANES + IDS_MORE;
	__u64 affordable = options->memory_bytes / 64 + IDS_MORE;
	__u64 ids = groups < affordable ? groups : affordable;
	int err = group_key_layout(&grouping->layout, spec->group_field, spec->group_count);

	if (err)
		return err;
	grouping->key_words = grouping->layout.word_count;
	grouping->row_bytes = PANE_ROW_BYTES(grouping->key_words);
	grouping->piece_count = grouping->layout.field_count;
	for (__u32 i = 0; i < grouping->piece_count; i++) {
		const struct group_key_field *field = &grouping->layout.field[i];

		grouping->piece[i] = (struct key_piece){ field->field, field->word, field->shift };
	}
	grouping->is_key_alone = spec->group_count == 1 && spec->group_field[0] == SLUICE_FIELD_KEY;
	err = groups_open(&grouping->groups, grouping->key_words,
			  ids < IDS_MAX ? (__u32)ids : IDS_MAX, options->hash_seed);
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
		stream->window[w].wants_all = wants_all(spec, stream->sources);
		stream->window[w].takes_all =
			stream->window[w].wants_all && !stream->window[w].dedup;
		stream->wants_event_id |= stream->window[w].dedup != NULL;
		stream->selects |= !stream->window[w].takes_all;
		stream->wants_dims23 |= looks_at(spec, SLUICE_FIELD_DIM2) ||
					looks_at(spec, SLUICE_FIELD_DIM3);
		stream->wants_index |= stream->window[w].extras.wants_identity ||
				       spec->late == WINDOW_LATE_KEEP;
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
	losses_open(&stream->losses.found, stream->losses.memory, STREAM_LOSSES_MAX);
	losses_open(&stream->losses.untold,
		    stream->losses.memory + STREAM_LOSSES_MAX + LOSSES_KNOWN_MAX,
		    STREAM_LOSSES_MAX);
	losses_open(&stream->losses.known, stream->losses.memory + STREAM_LOSSES_MAX,
		    LOSSES_KNOWN_MAX);
	err = open_sketches(stream, options);
	if (err)
		goto fail;
	stream->worker = options->worker;
	stream->worker_count = options->worker_count;
	stream->sources = options->sources;
	stream->listener_count = sources_listener_count(options->sources);
	stream->dedup = options->dedup;
	stream->max_ahead_ns = options->max_ahead_ns;
	err = open_windows(stream, options);
	if (err)
		goto fail;
	for (__u32 w = 0; w < stream->window_count; w++)
		waiting += places_count(&stream->window[w].pane_places) +
			   places_count(&stream->window[w].instance_places);
	err = name_table_open(&stream->names, options->hash_seed);
	if (err)
		goto fail;
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
	name_table_close(&stream->names);
	emission_queue_close(&stream->emissions);
	memory_release(stream->scratch, SCRATCH_BYTES);
	memory_release(stream->scratch_extras, stream->scratch_extras_bytes);
	if (stream->sketch_memory)
		sketch_pool_close(&stream->sketches);
	memory_release(stream->sketch_memory, stream->sketch_bytes);
	memory_release(stream, sizeof(*stream));
}
