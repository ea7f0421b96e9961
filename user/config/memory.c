/* SPDX-License-Identifier: BSD-2-Clause */
/* Groups × panes × bytes, and shares for sketches and for event ids. */
#include "config/memory.h"

#include <stdint.h>
#include <unistd.h>

#include "core/memory/chunks.h"
#include "core/group/group_key.h"
#include "core/pane/pane.h"
#include "core/session/session_state.h"
#include "core/sketch/sketch_distinct.h"
#include "core/sketch/sketch_histogram.h"
#include "core/sketch/sketch_top.h"
#include "core/source/sources.h"
#include "core/emit/stacks.h"

#define INDEX_BYTES 16 /* of a group in its table, at the usual fill */
#define SKETCHES_SHARE 4 /* of the memory, one in so many: what the stream sets aside */
#define SESSIONS_PER_GROUP 2 /* open at once, as far as disorder allows */

/* Beyond the base partial, by enum sluice_aggregate_kind; sketches are a handle to a bounded pool,
 * see config_memory_sketches(). */
static const __u8 extra_bytes[SLUICE_AGGREGATE_KINDS] = {
	[SLUICE_AGGREGATE_FIRST] = sizeof(struct sluice_point),
	[SLUICE_AGGREGATE_LAST] = sizeof(struct sluice_point),
	[SLUICE_AGGREGATE_DISTINCT] = sizeof(struct sketch_distinct),
	[SLUICE_AGGREGATE_QUANTILES] = sizeof(struct sketch_histogram),
	[SLUICE_AGGREGATE_TOP] = sizeof(struct sketch_top),
};

static __s64 divide_up(__s64 dividend, __s64 divisor)
{
	return (dividend + divisor - 1) / divisor;
}

/* Panes of the open window, those that wait for disorder and lateness, and one that is just
 * closing. */
static __u64 count_panes(const struct window_spec *window)
{
	__s64 waiting_ns = window->max_disorder_ns + window->allowed_lateness_ns;
	__s64 pane_ns;

	if (window->kind == SLUICE_WINDOW_SESSION)
		return SESSIONS_PER_GROUP;
	pane_ns = window_spec_pane_ns(window);
	return (__u64)(window->size_ns / pane_ns + divide_up(waiting_ns, pane_ns) + 1);
}

/* What emission remembers of the panes of a window that slides. */
static __u64 stack_bytes(const struct window_spec *window)
{
	__u64 panes = (__u64)(window->size_ns / window_spec_pane_ns(window));

	if (panes < STACKS_PANES_MIN)
		return 0;
	return (__u64)stacks_columns((__u32)panes) * sizeof(struct sluice_partial);
}

/* The session in its slot, or one beside it. */
static __u64 session_bytes(__u64 extras)
{
	__u64 slot = SESSION_ID_BYTES + extras, node = sizeof(struct session_node) + extras;

	return slot > node ? slot : node;
}

void config_memory_window(const struct config *config, __u32 i, struct config_memory *memory)
{
	const struct window_spec *window = &config->window[i];
	struct group_key layout = { .word_count = 1 };
	__u64 extras = 0;

	group_key_layout(&layout, window->group_field, window->group_count);
	for (unsigned int j = 0; j < window->aggregate_count; j++)
		extras += extra_bytes[window->aggregate[j].kind];
	memory->panes = count_panes(window);
	memory->groups_max = window_spec_groups(window);
	memory->group_bytes = GROUPS_ENTRY_WORDS(layout.word_count) * sizeof(__u64) + INDEX_BYTES;
	memory->pane_bytes = PANE_ROW_BYTES(layout.word_count) + extras;
	if (window->allowed_lateness_ns)
		memory->pane_bytes += sizeof(__u64); /* when the row changed last */
	if (window->kind == SLUICE_WINDOW_SESSION)
		memory->pane_bytes = session_bytes(extras);
	if (window->kind == SLUICE_WINDOW_SLIDING && !extras)
		memory->group_bytes += stack_bytes(window);
}

__u64 config_memory_rows(const struct config_memory *memory, __u64 groups)
{
	__u64 rows = groups < memory->groups_max ? groups : memory->groups_max;

	return rows > UINT64_MAX - CHUNK_ROWS
		       ? rows
		       : (rows + CHUNK_ROWS - 1) / CHUNK_ROWS * CHUNK_ROWS;
}

__u64 config_memory_bytes(const struct config_memory *memory, __u64 groups)
{
	unsigned __int128 each =
		(unsigned __int128)memory->panes * memory->pane_bytes + memory->group_bytes;
	unsigned __int128 all = each * config_memory_rows(memory, groups);

	return all > UINT64_MAX ? UINT64_MAX : (__u64)all;
}

__u64 config_memory_total(const struct config *config, __u64 groups)
{
	struct config_memory memory;
	__u64 total = 0;
	__u32 i;

	for (i = 0; i < config->window_count; i++) {
		config_memory_window(config, i, &memory);
		if (__builtin_add_overflow(total, config_memory_bytes(&memory, groups), &total))
			return UINT64_MAX;
	}
	return total;
}

static bool has_sketches(const struct config *config)
{
	for (__u32 i = 0; i < config->window_count; i++) {
		for (unsigned int j = 0; j < config->window[i].aggregate_count; j++) {
			if (config->window[i].aggregate[j].kind >= SLUICE_AGGREGATE_DISTINCT)
				return true;
		}
	}
	return false;
}

__u32 config_memory_dedup_windows(const struct config *config)
{
	__u32 count = 0;

	for (__u32 i = 0; i < config->window_count; i++)
		count += config->window[i].dedup == WINDOW_DEDUP_EVENT_ID;
	return count;
}

__u64 config_memory_dedup(const struct config *config)
{
	return config_memory_dedup_windows(config) ? config->dedup_bytes : 0;
}

__u32 config_workers(const struct config *config)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	__u32 count = config->workers;

	if (!count)
		count = cpus > 2 ? (__u32)cpus / 2 : 1;
	return count < SLUICE_WORKERS_MAX ? count : SLUICE_WORKERS_MAX;
}

__u64 config_memory_of_sources(const struct config *config, __u32 sources)
{
	const struct sources_options options = {
		.sources_max = sources,
		.worker_count = config_workers(config),
		.listener_count = config->listener_count,
		.windows = config->window,
		.window_count = config->window_count,
	};

	return sources_bytes(&options);
}

__u64 config_memory_sources(const struct config *config)
{
	return config_memory_of_sources(config, config->sources_max);
}

/* For groups, and sketches. */
static __u64 room_of(const struct config *config)
{
	__u64 taken = config_memory_dedup(config) + config_memory_sources(config);

	return config->memory_bytes > taken ? config->memory_bytes - taken : 0;
}

__u64 config_memory_sketches(const struct config *config)
{
	return has_sketches(config) ? room_of(config) / SKETCHES_SHARE : 0;
}

/* Beside `others`: a default that was reduced grows with the memory again. */
static __u64 dedup_needed(const struct config *config, __u64 others)
{
	__u64 share = others / (DEDUP_SHARE - 1) + DEDUP_SHARE;

	if (!config_memory_dedup(config) || config->dedup_bytes == config->dedup_wanted)
		return config_memory_dedup(config);
	return share < config->dedup_wanted ? share : config->dedup_wanted;
}

__u64 config_memory_needed(const struct config *config, __u64 groups)
{
	__u64 total = config_memory_total(config, groups);
	__u64 rest = total / (SKETCHES_SHARE - 1) + SKETCHES_SHARE;

	if (has_sketches(config) && __builtin_add_overflow(total, rest, &total))
		return UINT64_MAX;
	/* With more memory a default that was reduced is whole again. */
	rest = config_memory_of_sources(config, config->sources_wanted);
	if (__builtin_add_overflow(total, rest, &total) ||
	    __builtin_add_overflow(total, dedup_needed(config, total), &total))
		return UINT64_MAX;
	return total;
}

__u64 config_memory_groups(const struct config *config)
{
	__u64 room = room_of(config) - config_memory_sketches(config);
	__u64 fitting = 0, beyond = 1ull << 32;

	if (config_memory_total(config, beyond) <= room)
		return UINT64_MAX;
	while (fitting + 1 < beyond) {
		__u64 middle = (fitting + beyond) / 2;

		if (config_memory_total(config, middle) <= room)
			fitting = middle;
		else
			beyond = middle;
	}
	return fitting;
}
