/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables of a window: how many panes and instances may be there at once, reserved and
 * released. */
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "core/session/session.h"
#include "core/stream/stream_state.h"

/* Slices whose rows wait to be written are still there. */
#define BACKLOG_NS 60000000000ull

__u64 window_spec_span_ns(const struct window_spec *spec, __s64 max_ahead_ns, __s64 max_lag_ns)
{
	bool is_session = spec->kind == SLUICE_WINDOW_SESSION;
	__s64 span_ns = is_session ? spec->gap_ns : spec->size_ns;

	span_ns = window_add_ns(span_ns, span_ns);
	span_ns = window_add_ns(span_ns, spec->allowed_lateness_ns);
	span_ns = window_add_ns(span_ns, spec->max_disorder_ns);
	span_ns = window_add_ns(span_ns, max_ahead_ns);
	span_ns = window_add_ns(span_ns, max_lag_ns);
	return (__u64)span_ns;
}

__u64 window_spec_slices(const struct window_spec *spec, __s64 step_ns, __s64 max_ahead_ns,
			 __s64 max_lag_ns)
{
	return window_spec_span_ns(spec, max_ahead_ns, max_lag_ns) / (__u64)step_ns + 1;
}

/* Values that a field can have where the window looks; UINT64_MAX: as many as 64 bits. */
static __u64 field_values(const struct window_spec *spec, enum sluice_field field)
{
	unsigned int bits = group_key_field_bits(field);
	__u64 values = bits < 64 ? 1ull << bits : UINT64_MAX;

	if (spec->where.field[field].count)
		return spec->where.field[field].count;
	if (field != SLUICE_FIELD_TYPE || !spec->where.has_types)
		return values;
	values = 0;
	for (unsigned int i = 0; i < SLUICE_TYPES / 64; i++)
		values += (__u64)__builtin_popcountll(spec->where.type_bits[i]);
	return values;
}

__u64 window_spec_groups(const struct window_spec *spec)
{
	__u64 groups = 1;

	for (unsigned int i = 0; i < spec->group_count; i++) {
		__u64 values = field_values(spec, (enum sluice_field)spec->group_field[i]);

		if (__builtin_mul_overflow(groups, values, &groups))
			return UINT64_MAX;
	}
	return groups;
}

static int open_places(struct places *places, const struct window_spec *spec, __s64 step_ns,
		       const struct stream_options *options)
{
	__u64 wanted =
		window_spec_slices(spec, step_ns, options->max_ahead_ns, options->max_lag_ns) +
		BACKLOG_NS / (__u64)step_ns;
	__u32 homes = WINDOW_HOMES_MIN;

	while (homes < wanted && homes < WINDOW_SLICES_MAX)
		homes *= 2;
	return places_open(places, homes);
}

static bool reserve_tables(struct window *window)
{
	size_t panes = places_count(&window->pane_places);
	size_t instances = places_count(&window->instance_places);

	window->panes = memory_reserve(panes * sizeof(*window->panes));
	window->instances = memory_reserve(instances * sizeof(*window->instances));
	window->chunk_table = memory_reserve(panes * window->chunk_entries * sizeof(__u32));
	window->table_free = memory_reserve(panes * sizeof(*window->table_free));
	window->deferred = memory_reserve(DEFERRED_MAX * sizeof(*window->deferred));
	if (window->extras.count) {
		window->extra_table = memory_reserve(panes * window->chunk_entries * sizeof(__u32));
		if (!window->extra_table)
			return false;
	}
	if (slots_open(&window->live, (__u32)panes) || slots_open(&window->shown, (__u32)instances))
		return false;
	return window->panes && window->instances && window->chunk_table && window->table_free &&
	       window->deferred;
}

/* Rows of other workers' panes are handed over before their groups are gone. */
static bool is_needed(const void *owner, __u32 id)
{
	const struct grouping *grouping = owner;
	const __u64 *use = groups_use(&grouping->groups, id);

	for (__u32 i = 0; i < grouping->presence_count; i++)
		if (presence_has(grouping->presence[i], use, id))
			return true;
	return false;
}

/* Where there may be more groups than the bound. */
static int open_presence(struct window *window, const struct stream_options *options)
{
	struct grouping *grouping = window->grouping;
	__u32 homes = window->pane_places.mask + 1;

	if (window_spec_groups(window->spec) <= options->groups_max)
		return 0;
	if (presence_open(&window->presence, options->groups_max, 2 * homes,
			  grouping->groups.capacity, grouping->presence_count > 0))
		return -ENOMEM;
	grouping->presence[grouping->presence_count++] = &window->presence;
	if (window->emits)
		return 0;
	grouping->groups.owner = grouping;
	grouping->groups.is_needed = is_needed;
	return 0;
}

static int open_window(struct window *window, const struct stream_options *options, __u32 index,
		       struct grouping *grouping, struct stream *stream)
{
	const struct window_spec *spec = &options->windows[index];

	*window = (struct window){
		.spec = spec,
		.grouping = grouping,
		.index = index,
		.dedup = dedup_window(options->dedup, index),
		.emitted_end_ns = INT64_MIN,
	};
	if (spec->dedup == WINDOW_DEDUP_EVENT_ID && !window->dedup)
		return -EINVAL;
	if (spec->kind == SLUICE_WINDOW_SESSION) {
		window->emits = options->worker == 0;
		window->watermark_ns = SOURCES_WATERMARK_NONE;
		extras_init(&window->extras, spec, &stream->sketches);
		return sessions_open(&window->sessions, window, options, &stream->budget);
	}
	window->pane_ns = window_spec_pane_ns(spec);
	window->slides = window->pane_ns != spec->size_ns;
	window->pane_count = (__u32)(spec->size_ns / window->pane_ns);
	window->emits = options->worker == 0;
	window->watermark_ns = SOURCES_WATERMARK_NONE;
	window->chunk_entries = grouping->groups.capacity / CHUNK_ROWS + 1;
	extras_init(&window->extras, spec, &stream->sketches);
	if (open_places(&window->pane_places, spec, window->pane_ns, options) ||
	    open_places(&window->instance_places, spec, spec->slide_ns, options) ||
	    !reserve_tables(window))
		return -ENOMEM;
	if (open_presence(window, options) || revisions_open(window, &stream->budget))
		return -ENOMEM;
	if (window->extras.count)
		return chunks_open(&window->extra_chunks, window->extras.state_bytes,
				   &stream->budget);
	if (!window->emits || window->pane_count < STACKS_PANES_MIN)
		return 0;
	return stacks_open(&window->stacks, window->pane_count, window->chunk_entries,
			   grouping->key_words, grouping->row_bytes, &stream->budget);
}

int window_open(struct window *window, const struct stream_options *options, __u32 index,
		struct grouping *grouping, struct stream *stream)
{
	int err = open_window(window, options, index, grouping, stream);

	window->stream_losses = &stream->losses;
	window->epoch = options->epochs ? options->epochs[index] : 1;
	if (!err)
		err = late_count_open(&window->late_count);
	if (!err && window->spec->late == WINDOW_LATE_KEEP)
		err = late_open(&window->late);
	if (err || options->worker)
		return err;
	window->shares = memory_reserve(sizeof(*window->shares));
	return window->shares ? 0 : -ENOMEM;
}

void window_close(struct window *window)
{
	size_t panes = places_count(&window->pane_places);
	size_t instances = places_count(&window->instance_places);

	sessions_close(window->sessions);
	late_close(&window->late);
	late_count_close(&window->late_count);
	memory_release(window->shares, sizeof(*window->shares));
	memory_release(window->panes, panes * sizeof(*window->panes));
	slots_close(&window->live);
	slots_close(&window->shown);
	memory_release(window->instances, instances * sizeof(*window->instances));
	memory_release(window->chunk_table, panes * window->chunk_entries * sizeof(__u32));
	memory_release(window->table_free, panes * sizeof(*window->table_free));
	revisions_close(window);
	memory_release(window->extra_table, panes * window->chunk_entries * sizeof(__u32));
	chunks_close(&window->extra_chunks);
	stacks_close(&window->stacks);
	memory_release(window->deferred, DEFERRED_MAX * sizeof(*window->deferred));
	presence_close(&window->presence);
	places_close(&window->pane_places);
	places_close(&window->instance_places);
	*window = (struct window){ 0 };
}
