/* SPDX-License-Identifier: BSD-2-Clause */
/* What only the whole file can tell: lengths against lengths, and groups × panes × bytes against
 * the memory. */
#include <string.h>

#include "base/units.h"
#include "config/memory.h"
#include "config/reader.h"
#include "core/dedup.h"

#define SEGMENT_BYTES_MIN (4ull << 20)
#define GROUPS_MIN 1000 /* fewer by default is no default: the operator has to choose */
#define GROUPS_ROUND 1000

void reader_finish_results(struct reader *reader, const struct node *map, void *target)
{
	const struct node *segment = node_find(map, "segment_size");
	struct config *config = target;
	__u64 quarter = (config->results_bytes_max / 4) & ~4095ull;
	char most[UNITS_BYTES_MAX];

	if (config->results_segment_bytes <= quarter)
		return;
	if (segment)
		mistakes_add(
			reader->mistakes, segment->mark,
			"segment_size: %.80s is more than a quarter of max_bytes; write at most %s",
			segment->kind == NODE_SCALAR ? segment->text : "",
			units_format_size(most, quarter));
	config->results_segment_bytes = quarter > SEGMENT_BYTES_MIN ? quarter : SEGMENT_BYTES_MIN;
}

/* The window that needs most, for the message. */
static __u32 find_largest(const struct config *config)
{
	__u64 largest = 0;
	__u32 i, found = 0;

	for (i = 0; i < config->window_count; i++) {
		struct config_memory memory;

		config_memory_window(config, i, &memory);
		if (config_memory_bytes(&memory, 1) > largest) {
			largest = config_memory_bytes(&memory, 1);
			found = i;
		}
	}
	return found;
}

static void report_memory(struct reader *reader, struct mark mark, __u64 groups, __u64 fitting)
{
	const struct config *config = reader->config;
	char total[UNITS_BYTES_MAX], limit[UNITS_BYTES_MAX], wanted[UNITS_BYTES_MAX];
	__u64 bytes = config_memory_total(config, groups);
	__u64 needed = config_memory_needed(config, groups);
	__u32 largest = find_largest(config);
	struct config_memory memory;

	config_memory_window(config, largest, &memory);
	mistakes_add(
		reader->mistakes, mark,
		"limits.memory %s cannot hold %llu groups: window %s alone takes %llu groups × "
		"(%llu panes × %llu + %llu bytes), all windows %s%s%s; write `max_groups: %llu` or "
		"`memory: %s`",
		units_format_size(limit, config->memory_bytes), groups,
		config->window[largest].name, groups, memory.panes, memory.pane_bytes,
		memory.group_bytes, units_format_size_about(total, bytes),
		config_memory_sketches(config) ? ", and a quarter is for sketches" : "",
		config_memory_dedup(config) ? ", and dedup_memory is for event ids" : "",
		fitting ? fitting : 1,
		units_format_size(wanted, (needed | ((1ull << 20) - 1)) + 1));
}

static void check_memory(struct reader *reader, const struct node *limits)
{
	struct config *config = reader->config;
	const struct node *given = node_find(limits, "max_groups");
	const struct node *memory = node_find(limits, "memory");
	__u64 fitting = config_memory_groups(config);

	config->groups_max = config->groups_wanted;
	if (fitting >= config->groups_wanted)
		return;
	if (given) {
		report_memory(reader, given->mark, config->groups_wanted, fitting);
		return;
	}
	if (fitting < GROUPS_MIN)
		report_memory(reader, memory ? memory->mark : reader->top, GROUPS_MIN, fitting);
	config->groups_max = (__u32)(fitting - fitting % GROUPS_ROUND);
}

/* Ids get what is asked for, or by default not more than a quarter. */
static void check_dedup(struct reader *reader, const struct node *limits)
{
	struct config *config = reader->config;
	const struct node *given = node_find(limits, "dedup_memory");
	const struct node *memory = node_find(limits, "memory");
	__u64 needed = config_memory_dedup_windows(config) * DEDUP_BYTES_MIN;
	char most[UNITS_BYTES_MAX], least[UNITS_BYTES_MAX];

	config->dedup_bytes = config->dedup_wanted;
	if (!given && config->dedup_bytes > config->memory_bytes / DEDUP_SHARE)
		config->dedup_bytes = config->memory_bytes / DEDUP_SHARE;
	if (needed && given && config->dedup_bytes > config->memory_bytes / 2)
		mistakes_add(reader->mistakes, given->mark,
			     "dedup_memory: %.80s is more than half of limits.memory; write at "
			     "most %s",
			     given->text, units_format_size(most, config->memory_bytes / 2));
	else if (config->dedup_bytes < needed)
		mistakes_add(reader->mistakes,
			     given    ? given->mark
			     : memory ? memory->mark
				      : reader->top,
			     "the %u windows with dedup: event_id need %s each; write "
			     "`dedup_memory: %s` or more",
			     config_memory_dedup_windows(config),
			     units_format_size(most, DEDUP_BYTES_MIN),
			     units_format_size(least, needed));
}

void reader_finish_root(struct reader *reader, const struct node *map, void *target)
{
	(void)target;
	reader_finish_listeners(reader);
	/* The arithmetic needs every length: with mistakes in them it would mislead. */
	if (!reader->mistakes->count)
		check_dedup(reader, node_find(map, "limits"));
	if (!reader->mistakes->count)
		check_memory(reader, node_find(map, "limits"));
}
