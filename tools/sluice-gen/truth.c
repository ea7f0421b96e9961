/* SPDX-License-Identifier: BSD-2-Clause */
/* The naive rules: which payloads are refused, which events a rule drops, into which intervals
 * an event falls. Reads the wire format by offsets of its own. */
#include "truth.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "truth_rows.h"
#include "truth_set.h"

#define HEADER_BYTES 40
#define TRAILER_BYTES 24

struct truth {
	const struct config *config;
	unsigned int listener;
	bool drops_duplicates;
	struct truth_stats stats;
	struct truth_set
		datagrams; /* (source, epoch, sequence) seen, where duplicates are dropped */
	struct truth_map newest; /* source → largest event time */
	struct truth_rows rows[SLUICE_WINDOWS_MAX];
	struct truth_set ids[SLUICE_WINDOWS_MAX]; /* event_ids seen, where the window asks for it */
};

/* A little-endian number of 2, 4 or 8 bytes. */
static inline __u64 get(const __u8 *at, size_t bytes)
{
	__u64 number = 0;

	memcpy(&number, at, bytes);
	return le64toh(number);
}

int truth_open(struct truth **out, const struct config *config, unsigned int listener,
	       bool drops_duplicates)
{
	struct truth *truth = calloc(1, sizeof(*truth));

	if (!truth)
		return -ENOMEM;
	truth->config = config;
	truth->listener = listener;
	truth->drops_duplicates = drops_duplicates;
	for (__u32 i = 0; i < config->window_count; i++)
		truth_rows_init(&truth->rows[i], &config->window[i]);
	*out = truth;
	return 0;
}

void truth_close(struct truth *truth)
{
	if (!truth)
		return;
	for (__u32 i = 0; i < truth->config->window_count; i++) {
		truth_rows_clear(&truth->rows[i]);
		truth_set_clear(&truth->ids[i]);
	}
	truth_set_clear(&truth->datagrams);
	truth_map_clear(&truth->newest);
	free(truth);
}

const struct truth_stats *truth_stats(const struct truth *truth)
{
	return &truth->stats;
}

int truth_find_listener(const struct config *config, const char *name, __u16 port)
{
	int found = -ENOENT;

	for (__u32 i = 0; i < config->listener_count; i++) {
		const struct config_listener *listener = &config->listener[i];

		if (name ? strcmp(name, listener->name) : listener->port != port)
			continue;
		if (found >= 0)
			return -ENOENT;
		found = (int)i;
	}
	if (found < 0 && !name && config->listener_count == 1)
		return 0;
	return found;
}

static enum truth_verdict judge(const __u8 *payload, size_t bytes)
{
	__u64 flags, count, size;

	if (bytes < HEADER_BYTES)
		return TRUTH_REFUSED_SHORT;
	if (memcmp(payload, "SLC1", 4))
		return TRUTH_REFUSED_MAGIC;
	if (payload[4] != 1)
		return TRUTH_REFUSED_VERSION;
	flags = payload[5];
	count = get(payload + 6, 2);
	size = get(payload + 8, 2);
	if (flags & 0xf0)
		return TRUTH_REFUSED_FLAGS;
	if (count == 0)
		return TRUTH_REFUSED_EVENT_COUNT;
	if (flags & 8)
		return size ? TRUTH_REFUSED_EVENT_SIZE : TRUTH_DICTIONARY;
	if (size < 32 || size > 256 || size % 8)
		return TRUTH_REFUSED_EVENT_SIZE;
	if (bytes != HEADER_BYTES + count * size + (flags & 4 ? TRAILER_BYTES : 0))
		return TRUTH_REFUSED_LENGTH;
	return TRUTH_TAKEN;
}

static void read_event(const __u8 *payload, __u64 index, struct truth_event *event)
{
	__u64 size = get(payload + 8, 2);
	const __u8 *record = payload + HEADER_BYTES + index * size;

	event->time_ns = (__s64)(get(payload + 32, 8) + get(record + 16, 4) * 1000);
	event->value = (__s64)get(record + 8, 8);
	event->weight = get(record + 22, 2);
	if (event->weight == 0)
		event->weight = 1;
	event->field[SLUICE_FIELD_TENANT] = get(payload + 10, 2);
	event->field[SLUICE_FIELD_SOURCE] = get(payload + 16, 8);
	event->field[SLUICE_FIELD_TYPE] = get(record + 20, 2);
	event->field[SLUICE_FIELD_KEY] = get(record, 8);
	event->field[SLUICE_FIELD_DIM0] = get(record + 24, 4);
	event->field[SLUICE_FIELD_DIM1] = get(record + 28, 4);
	event->field[SLUICE_FIELD_DIM2] = size >= 48 ? get(record + 40, 4) : 0;
	event->field[SLUICE_FIELD_DIM3] = size >= 48 ? get(record + 44, 4) : 0;
	event->identity[0] = size >= 40 ? get(record + 32, 8) : 0;
	event->identity[1] = get(payload + 16, 8);
	event->identity[2] = get(payload + 12, 4);
	event->identity[3] = get(payload + 24, 8);
	event->identity[4] = index;
}

/* The first rule that names the type decides. */
static bool is_dropped(const struct config *config, __u64 type)
{
	for (__u32 i = 0; i < config->rule_count; i++)
		for (__u32 t = 0; t < config->rules[i].type_count; t++)
			if (config->rules[i].types[t] == type)
				return config->rules[i].action == SLUICE_RULE_DROP;
	return config->filter_default == SLUICE_RULE_DROP;
}

static bool has_value(const __u64 *values, __u32 count, __u64 value)
{
	for (__u32 i = 0; i < count; i++)
		if (values[i] == value)
			return true;
	return count == 0;
}

static bool is_selected(const struct window_where *where, const struct truth_event *event)
{
	__u64 type = event->field[SLUICE_FIELD_TYPE];

	if (where->has_types && !(where->type_bits[type / 64] >> (type % 64) & 1))
		return false;
	if (where->has_value_range &&
	    (event->value < where->value_min || event->value > where->value_max))
		return false;
	for (int i = 0; i < SLUICE_FIELD_VALUE; i++)
		if (!has_value(where->field[i].value, where->field[i].count, event->field[i]))
			return false;
	return true;
}

static __s64 floor_to(__s64 time_ns, __s64 offset_ns, __s64 step_ns)
{
	__s64 rest = (time_ns - offset_ns) % step_ns;

	return time_ns - (rest < 0 ? rest + step_ns : rest);
}

/* A watermark cannot be beyond the smallest of the sources' newest times. */
static bool may_be_late(struct truth *truth, const struct window_spec *window,
			const struct truth_event *event, __s64 end_ns)
{
	__s64 limit = end_ns + window->allowed_lateness_ns + window->max_disorder_ns;
	const __s64 *own = truth_map_get(&truth->newest, event->field[SLUICE_FIELD_SOURCE]);

	return own && limit <= *own && limit <= truth_map_min(&truth->newest);
}

static int add_to_window(struct truth *truth, __u32 index, const struct truth_event *event)
{
	struct truth_rows *rows = &truth->rows[index];
	const struct window_spec *window = rows->window;
	__u64 group[SLUICE_GROUP_FIELDS_MAX], id[TRUTH_SET_WORDS] = { event->identity[0] };
	struct truth_row *row;

	for (unsigned int i = 0; i < window->group_count; i++)
		group[i] = event->field[window->group_field[i]];
	if (window->dedup == WINDOW_DEDUP_EVENT_ID && id[0]) {
		int is_new = truth_set_add(&truth->ids[index], id);

		if (is_new <= 0)
			return is_new;
	}
	if (window->kind == SLUICE_WINDOW_SESSION) {
		truth->stats.doubtful +=
			may_be_late(truth, window, event, event->time_ns + window->gap_ns);
		row = truth_rows_get(rows, 0, 0, group);
		return row ? truth_row_keep(rows, row, event) : -ENOMEM;
	}
	for (__s64 start = floor_to(event->time_ns, window->offset_ns, window->slide_ns);
	     start + window->size_ns > event->time_ns; start -= window->slide_ns) {
		truth->stats.doubtful += may_be_late(truth, window, event, start + window->size_ns);
		row = truth_rows_get(rows, start, start + window->size_ns, group);
		if (!row || truth_row_add(rows, row, event))
			return -ENOMEM;
	}
	return 0;
}

static int add_event(struct truth *truth, const struct truth_event *event)
{
	truth->stats.events++;
	if (is_dropped(truth->config, event->field[SLUICE_FIELD_TYPE])) {
		truth->stats.dropped++;
		return 0;
	}
	for (__u32 i = 0; i < truth->config->window_count; i++) {
		const struct window_spec *window = &truth->config->window[i];

		if (!(window->listener_mask >> truth->listener & 1) ||
		    !is_selected(&window->where, event))
			continue;
		if (add_to_window(truth, i, event))
			return -ENOMEM;
	}
	return 0;
}

static void note_behind(struct truth *truth, const struct truth_event *event)
{
	const __s64 *newest = truth_map_get(&truth->newest, event->field[SLUICE_FIELD_SOURCE]);

	if (newest && *newest - event->time_ns > truth->stats.behind_max_ns)
		truth->stats.behind_max_ns = *newest - event->time_ns;
}

static int add_events(struct truth *truth, const __u8 *payload)
{
	__u64 count = get(payload + 6, 2), source = get(payload + 16, 8);
	struct truth_event event;
	__s64 latest_ns = 0;

	for (__u64 i = 0; i < count; i++) {
		read_event(payload, i, &event);
		note_behind(truth, &event);
		if (add_event(truth, &event))
			return -ENOMEM;
		if (i == 0 || event.time_ns > latest_ns)
			latest_ns = event.time_ns;
	}
	return truth_map_raise(&truth->newest, source, latest_ns);
}

int truth_add(struct truth *truth, const __u8 *payload, size_t bytes)
{
	int verdict = judge(payload, bytes);

	if (verdict == TRUTH_TAKEN && truth->drops_duplicates) {
		const __u64 datagram[TRUTH_SET_WORDS] = { get(payload + 16, 8),
							  get(payload + 12, 4),
							  get(payload + 24, 8) };
		int is_new = truth_set_add(&truth->datagrams, datagram);

		if (is_new < 0)
			return is_new;
		if (!is_new)
			verdict = TRUTH_REPEATED;
	}
	truth->stats.datagrams[verdict]++;
	if (verdict == TRUTH_TAKEN && add_events(truth, payload))
		return -ENOMEM;
	return verdict;
}

static int compare_kept(const void *left, const void *right)
{
	return truth_event_compare(left, right);
}

/* Cuts the events of one group: beyond the gap, or max_duration after the first. */
static int split_sessions(struct truth_rows *sessions, const struct truth_row *group)
{
	const struct window_spec *window = sessions->window;
	struct truth_event *events = group->events->items;
	size_t count = group->events->count, first = 0;

	qsort(events, count, sizeof(*events), compare_kept);
	for (size_t next = 1; next <= count; next++) {
		struct truth_row *row;
		__s64 end_ns = events[next - 1].time_ns + window->gap_ns;

		if (next < count && events[next].time_ns <= end_ns &&
		    (!window->max_duration_ns ||
		     events[next].time_ns < events[first].time_ns + window->max_duration_ns))
			continue;
		if (window->max_duration_ns &&
		    end_ns > events[first].time_ns + window->max_duration_ns)
			end_ns = events[first].time_ns + window->max_duration_ns;
		row = truth_rows_get(sessions, events[first].time_ns, end_ns, group->group);
		if (!row)
			return -ENOMEM;
		for (; first < next; first++)
			if (truth_row_add(sessions, row, &events[first]))
				return -ENOMEM;
	}
	return 0;
}

static int make_sessions(struct truth_rows *rows)
{
	struct truth_rows sessions;
	int error = 0;

	truth_rows_init(&sessions, rows->window);
	for (size_t i = 0; i < rows->slot_count && !error; i++)
		if (rows->slots[i])
			error = split_sessions(&sessions, rows->slots[i]);
	truth_rows_clear(rows);
	*rows = sessions;
	return error;
}

static int write_window(struct truth *truth, struct truth_rows *rows, FILE *out)
{
	struct truth_row **sorted;

	if (rows->window->kind == SLUICE_WINDOW_SESSION && make_sessions(rows))
		return -ENOMEM;
	sorted = truth_rows_sort(rows);
	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < rows->count; i++)
		truth_row_print(rows, sorted[i], truth->config, out);
	truth->stats.rows += rows->count;
	free(sorted);
	return ferror(out) ? -EIO : 0;
}

int truth_write(struct truth *truth, FILE *out)
{
	int error = 0;

	for (__u32 i = 0; i < truth->config->window_count && !error; i++)
		error = write_window(truth, &truth->rows[i], out);
	return !error && fflush(out) ? -EIO : error;
}
