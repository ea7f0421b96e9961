/* SPDX-License-Identifier: BSD-2-Clause */
/* What only the whole file can tell: lengths against lengths, and groups × panes × bytes against
 * the memory. */
#include <string.h>

#include "base/units.h"
#include "config/memory.h"
#include "config/reader.h"
#include "core/dedup/dedup.h"

#define SEGMENT_BYTES_MIN (4ull << 20)
#define GROUPS_MIN 1000 /* fewer by default is no default: the operator has to choose */
#define GROUPS_ROUND 1000
#define ROOM_ROUND_NS 1000000000ll

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
static __u32 find_largest(const struct config *config, __u64 groups)
{
	__u64 largest = 0;
	__u32 i, found = 0;

	for (i = 0; i < config->window_count; i++) {
		struct config_memory memory;

		config_memory_window(config, i, &memory);
		if (config_memory_bytes(&memory, groups) > largest) {
			largest = config_memory_bytes(&memory, groups);
			found = i;
		}
	}
	return found;
}

static void report_memory(struct reader *reader, struct mark mark, __u64 groups, __u64 fitting)
{
	const struct config *config = reader->config;
	char total[UNITS_BYTES_MAX], limit[UNITS_BYTES_MAX], wanted[UNITS_BYTES_MAX];
	char sources[UNITS_BYTES_MAX], fewer[64] = "";
	__u64 bytes = config_memory_total(config, groups);
	__u64 needed = config_memory_needed(config, groups);
	__u32 largest = find_largest(config, groups);
	struct config_memory memory;

	/* Where one group of a window is too much already, no bound on groups helps. */
	if (fitting)
		snprintf(fewer, sizeof(fewer), "`max_groups: %llu` or ", fitting);
	config_memory_window(config, largest, &memory);
	mistakes_add(
		reader->mistakes, mark,
		"limits.memory %s cannot hold %llu groups: window %s alone takes %llu groups × "
		"(%llu panes × %llu + %llu bytes), all windows %s%s%s, and %s is for sources; "
		"write %s`memory: %s`",
		units_format_size(limit, config->memory_bytes), groups,
		config->window[largest].name, config_memory_rows(&memory, groups), memory.panes,
		memory.pane_bytes, memory.group_bytes,
		units_format_size_about(total, bytes),
		config_memory_sketches(config) ? ", a quarter is for sketches" : "",
		config_memory_dedup(config) ? ", dedup_memory is for event ids" : "",
		units_format_size_about(sources, config_memory_sources(config)),
		fewer, units_format_size(wanted, (needed | ((1ull << 20) - 1)) + 1));
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

/* The most sources whose memory is at most this. */
static __u32 sources_that_fit(const struct config *config, __u64 bytes)
{
	__u32 fitting = 1, beyond = config->sources_wanted;

	while (fitting + 1 < beyond) {
		__u32 middle = fitting + (beyond - fitting) / 2;

		if (config_memory_of_sources(config, middle) <= bytes)
			fitting = middle;
		else
			beyond = middle;
	}
	return fitting;
}

/* Sources get what is asked for, up to half of the memory, or by default a part of it. */
static void check_sources(struct reader *reader, const struct node *limits)
{
	struct config *config = reader->config;
	const struct node *given = node_find(limits, "max_sources");
	__u64 share = config->memory_bytes / (given ? 2 : SOURCES_SHARE);
	__u64 bytes = config_memory_of_sources(config, config->sources_wanted);
	char limit[UNITS_BYTES_MAX], takes[UNITS_BYTES_MAX], wanted[UNITS_BYTES_MAX];

	config->sources_max = config->sources_wanted;
	if (bytes <= share)
		return;
	config->sources_max = sources_that_fit(config, share);
	if (!given)
		return;
	mistakes_add(reader->mistakes, given->mark,
		     "max_sources: %u takes %s, more than half of limits.memory %s; write "
		     "`max_sources: %u` or `memory: %s`",
		     config->sources_wanted, units_format_size_about(takes, bytes),
		     units_format_size(limit, config->memory_bytes), config->sources_max,
		     units_format_size(wanted, (2 * bytes | ((1ull << 20) - 1)) + 1));
}

/* The largest of the times that decide how much is open at once, and its key. */
static __s64 find_longest_time(const struct config *config, const struct window_spec *window,
			       const char **key)
{
	const struct {
		const char *key;
		__s64 ns;
	} times[] = {
		{ "allowed_lateness", window->allowed_lateness_ns },
		{ "max_disorder", window->max_disorder_ns },
		{ "max_lag", config->max_lag_ns },
		{ "max_ahead", config->max_ahead_ns },
	};
	unsigned int longest = 0;

	for (unsigned int i = 1; i < sizeof(times) / sizeof(times[0]); i++)
		longest = times[i].ns > times[longest].ns ? i : longest;
	*key = times[longest].key;
	return times[longest].ns;
}

/* What to write: the time that fits, or other panes where none does. */
static const char *advise_panes(char *out, size_t bytes, const char *key, __s64 room_ns)
{
	char room[UNITS_BYTES_MAX];

	if (room_ns <= 0)
		return "shorter times, or a longer size and slide";
	if (room_ns >= ROOM_ROUND_NS)
		room_ns -= room_ns % ROOM_ROUND_NS;
	snprintf(out, bytes, "`%s: %s`", key, units_format_duration(room, room_ns));
	return out;
}

/* A window is cut into panes: all that may be open at once must have room. */
static void check_panes(struct reader *reader, __u32 i)
{
	const struct config *config = reader->config;
	const struct window_spec *window = &config->window[i];
	__s64 max_ahead_ns = config->max_ahead_ns, max_lag_ns = config->max_lag_ns;
	__s64 pane_ns = window_spec_pane_ns(window), time_ns;
	__u64 span_ns = window_spec_span_ns(window, max_ahead_ns, max_lag_ns);
	__u64 panes = window_spec_slices(window, pane_ns, max_ahead_ns, max_lag_ns);
	char pane[UNITS_BYTES_MAX], span[UNITS_BYTES_MAX], time[UNITS_BYTES_MAX], advice[128];
	const char *key;

	if (panes <= WINDOW_SLICES_MAX)
		return;
	time_ns = find_longest_time(config, window, &key);
	mistakes_add(reader->mistakes, reader->window_node[i]->mark,
		     "window %s may have %llu panes of %s open at once: %s in all, of which %s is "
		     "%s; at most %u are kept, so write %s",
		     window->name, panes, units_format_duration(pane, pane_ns),
		     units_format_duration(span, (__s64)span_ns), key,
		     units_format_duration(time, time_ns), WINDOW_SLICES_MAX,
		     advise_panes(advice, sizeof(advice), key,
				  time_ns - (__s64)(panes - WINDOW_SLICES_MAX) * pane_ns));
}

static void check_all_panes(struct reader *reader)
{
	for (__u32 i = 0; i < reader->config->window_count; i++)
		if (reader->config->window[i].kind != SLUICE_WINDOW_SESSION)
			check_panes(reader, i);
}

void reader_finish_root(struct reader *reader, const struct node *map, void *target)
{
	(void)target;
	reader_finish_listeners(reader);
	/* The arithmetic needs every length: with mistakes in them it would mislead. */
	if (!reader->mistakes->count)
		check_all_panes(reader);
	if (!reader->mistakes->count)
		check_sources(reader, node_find(map, "limits"));
	if (!reader->mistakes->count)
		check_dedup(reader, node_find(map, "limits"));
	if (!reader->mistakes->count)
		check_memory(reader, node_find(map, "limits"));
}
