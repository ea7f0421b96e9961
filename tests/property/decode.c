/* SPDX-License-Identifier: BSD-2-Clause */
/* Records of the results log in memory: written through the row writer, read back with every length
 * and flag checked. */
#include "decode.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_SPREAD 2048

static void *reserve(void *context, size_t bytes_min, size_t bytes_max, size_t *bytes_room)
{
	struct decode_sink *sink = context;
	size_t spread = bytes_max - bytes_min;

	assert(bytes_min >= sizeof(struct sluice_disk_record) && bytes_min <= bytes_max);
	free(sink->reserved);
	sink->reserved = NULL;
	if (random_percent(&sink->random, sink->no_room_percent))
		return NULL;
	if (spread > ROOM_SPREAD)
		spread = ROOM_SPREAD;
	sink->reserved_bytes = bytes_min + random_below(&sink->random, spread + 1);
	sink->reserved = malloc(sink->reserved_bytes);
	assert(sink->reserved);
	memset(sink->reserved, 0xa5, sink->reserved_bytes);
	*bytes_room = sink->reserved_bytes;
	return sink->reserved;
}

static void commit(void *context, size_t bytes)
{
	struct decode_sink *sink = context;
	struct sluice_disk_record prefix;

	assert(sink->reserved && bytes <= sink->reserved_bytes);
	memcpy(&prefix, sink->reserved, sizeof(prefix));
	assert(prefix.bytes == bytes && bytes % 8 == 0);
	sink->record = scenario_grow(sink->record, sink->record_count, sizeof(*sink->record));
	sink->record[sink->record_count++] = (struct decode_record){ bytes, sink->reserved };
	sink->reserved = NULL;
}

void decode_sink_open(struct decode_sink *sink, __u64 seed, unsigned int no_room_percent)
{
	memset(sink, 0, sizeof(*sink));
	sink->writer.context = sink;
	sink->writer.reserve = reserve;
	sink->writer.commit = commit;
	sink->random.state = seed;
	sink->no_room_percent = no_room_percent;
}

void decode_sink_clear(struct decode_sink *sink)
{
	for (size_t i = 0; i < sink->record_count; i++)
		free(sink->record[i].data);
	free(sink->record);
	free(sink->reserved);
	sink->record = NULL;
	sink->record_count = 0;
	sink->reserved = NULL;
}

static int refuse(const char *what)
{
	printf("  record refused: %s\n", what);
	return -EINVAL;
}

static unsigned int field_bits(__u8 field)
{
	if (field == SLUICE_FIELD_SOURCE || field == SLUICE_FIELD_KEY)
		return 64;
	return field == SLUICE_FIELD_TENANT || field == SLUICE_FIELD_TYPE ? 16 : 32;
}

/* Where field i of group_by is in the key words; returns how many words there are. */
static size_t place_fields(const struct window_spec *spec, size_t *bit_of_field)
{
	unsigned int used[SLUICE_KEY_WORDS_MAX] = { 0 };
	size_t words = 1;

	for (unsigned int bits = 64; bits >= 16; bits /= 2) {
		for (int i = 0; i < spec->group_count; i++) {
			size_t word = 0;

			if (field_bits(spec->group_field[i]) != bits)
				continue;
			while (used[word] + bits > 64)
				word++;
			bit_of_field[i] = 64 * word + used[word];
			used[word] += bits;
			words = word + 1 > words ? word + 1 : words;
		}
	}
	return words;
}

static void read_group(const struct window_spec *spec, const __u64 *words, __u64 *group)
{
	size_t bit[SLUICE_GROUP_FIELDS_MAX];

	place_fields(spec, bit);
	for (int i = 0; i < spec->group_count; i++) {
		unsigned int bits = field_bits(spec->group_field[i]);
		__u64 value = words[bit[i] / 64] >> bit[i] % 64;

		group[i] = bits == 64 ? value : value & ((1ull << bits) - 1);
	}
}

struct cursor {
	const unsigned char *data;
	size_t bytes;
};

static bool take(struct cursor *cursor, void *out, size_t bytes)
{
	if (cursor->bytes < bytes)
		return false;
	memcpy(out, cursor->data, bytes);
	cursor->data += bytes;
	cursor->bytes -= bytes;
	return true;
}

static void read_missing(const struct sluice_missing *missing, struct result_missing *to)
{
	const __u64 counts[RESULT_CAUSES] = {
		[RESULT_SHED] = missing->shed,
		[RESULT_RING_FULL] = missing->ring_full,
		[RESULT_SOCKET_DROPPED] = missing->socket_dropped,
		[RESULT_REFUSED] = missing->refused,
		[RESULT_LATE] = missing->late,
		[RESULT_NO_PANE] = missing->no_pane,
		[RESULT_UPSTREAM] = missing->upstream,
	};

	memcpy(to->low, counts, sizeof(counts));
	memcpy(to->high, counts, sizeof(counts));
	to->is_uncounted = missing->flags & SLUICE_MISSING_UNCOUNTED;
}

/* One row; with a head it says its own interval and revision. */
static int read_row(struct cursor *cursor, const struct window_spec *spec,
		    const struct sluice_rows *rows, struct result_row *row)
{
	size_t bit[SLUICE_GROUP_FIELDS_MAX], words = place_fields(spec, bit);
	__u64 key[SLUICE_KEY_WORDS_MAX];
	struct cursor own = { cursor->data, rows->row_bytes };
	int taken;

	if (rows->flags & SLUICE_ROWS_VARIABLE) {
		struct sluice_row_head head;

		if (!take(cursor, &head, sizeof(head)))
			return refuse("row head cut off");
		if (head.bytes % 8 || head.bytes < sizeof(head))
			return refuse("row head with a wrong length");
		own = (struct cursor){ cursor->data, head.bytes - sizeof(head) };
		row->identity.start_ns = head.start_ns;
		row->identity.end_ns = head.end_ns;
		row->revision = head.revision;
		row->order = head.order;
	}
	if (own.bytes > cursor->bytes)
		return refuse("row longer than its record");
	cursor->data += own.bytes;
	cursor->bytes -= own.bytes;
	if (!take(&own, key, words * 8) || !take(&own, &row->partial, sizeof(row->partial)))
		return refuse("row shorter than key and partial");
	if (!row->identity.is_overflow)
		read_group(spec, key, row->identity.group);
	for (size_t i = 0; row->identity.is_overflow && i < words; i++)
		if (key[i])
			return refuse("overflow row with a key");
	taken = decode_extra(spec, own.data, own.bytes, row);
	if (taken < 0 || (size_t)taken != own.bytes)
		return refuse("row with an unknown tail");
	return 0;
}

static int read_rows(struct cursor *cursor, const struct scenario *scenario,
		     const struct sluice_rows *rows, __u32 step, struct result *result)
{
	const struct window_spec *spec = &scenario->window[rows->window];

	for (__u32 i = 0; i < rows->row_count; i++) {
		struct result_row *row = result_add_row(result);

		row->identity.window = rows->window;
		row->identity.is_overflow = !!(rows->flags & SLUICE_ROWS_OVERFLOW);
		row->identity.start_ns = rows->start_ns;
		row->identity.end_ns = rows->end_ns;
		row->revision = rows->revision;
		row->is_early = rows->flags & SLUICE_ROWS_EARLY;
		row->is_final = rows->flags & SLUICE_ROWS_FINAL;
		row->is_retracted = rows->flags & SLUICE_ROWS_RETRACTED;
		row->step = step;
		row->order = rows->order;
		row->aggregated = rows->aggregated;
		row->selected = rows->selected;
		row->offered = rows->offered;
		read_missing(&rows->missing, &row->missing);
		if (read_row(cursor, spec, rows, row))
			return -EINVAL;
		if (row->is_early != (row->revision == -1) || row->revision < -1)
			return refuse("revision does not fit the early flag");
		if (row->is_early ? !row->order || row->order >= SLUICE_ORDER_CLOSED :
				    row->order != SLUICE_ORDER_CLOSED + (__u64)row->revision)
			return refuse("order does not fit the revision");
	}
	return cursor->bytes ? refuse("bytes behind the last row") : 0;
}

static int read_late(struct cursor *cursor, const struct scenario *scenario, struct result *result)
{
	struct sluice_late head;

	if (!take(cursor, &head, sizeof(head)))
		return refuse("a late record shorter than its head");
	if (head.window >= scenario->window_count ||
	    scenario->window[head.window].late != WINDOW_LATE_KEEP)
		return refuse("late events of a window that keeps none");
	if (head.event_bytes != sizeof(struct sluice_late_event) || !head.event_count)
		return refuse("late events of another size, or none");
	for (__u32 i = 0; i < head.event_count; i++) {
		struct result_late *late = result_add_late(result);

		late->window = head.window;
		if (!take(cursor, &late->event, sizeof(late->event)))
			return refuse("a late event cut off");
	}
	return cursor->bytes ? refuse("bytes behind the last late event") : 0;
}

static int read_late_count(struct cursor *cursor, const struct scenario *scenario,
			   struct result *result)
{
	struct sluice_late_count head;
	struct sluice_late_pane pane;

	if (!take(cursor, &head, sizeof(head)))
		return refuse("a late count shorter than its head");
	if (head.window >= scenario->window_count || head.pane_bytes != sizeof(pane) ||
	    !head.pane_count)
		return refuse("a late count of an unknown window, or of panes of no known size");
	for (__u32 i = 0; i < head.pane_count; i++) {
		if (!take(cursor, &pane, sizeof(pane)))
			return refuse("a late count cut off");
		*result_add_late_pane(result) = (struct result_late_pane){
			.window = head.window,
			.start_ns = pane.start_ns,
			.end_ns = pane.end_ns,
			.records = pane.records,
		};
	}
	return cursor->bytes ? refuse("bytes behind the last pane of a late count") : 0;
}

static int read_emission(struct cursor *cursor, const struct scenario *scenario, __u16 kind,
			 __u32 step, struct result *result)
{
	struct sluice_emission emission;

	if (!take(cursor, &emission, sizeof(emission)) || cursor->bytes)
		return refuse("a complete or final record of another length");
	if (emission.window >= scenario->window_count)
		return refuse("an emission of an unknown window");
	if (kind == SLUICE_DISK_COMPLETE) {
		*result_add_emission(result) = (struct result_emission){
			.window = emission.window,
			.step = step,
			.start_ns = emission.start_ns,
			.end_ns = emission.end_ns,
			.order = emission.order,
			.rows = emission.rows,
			.is_early = emission.flags & SLUICE_ROWS_EARLY,
		};
		return 0;
	}
	*result_add_close(result) = (struct result_close){
		.window = emission.window,
		.step = step,
		.start_ns = emission.start_ns,
		.end_ns = emission.end_ns,
		.revision = emission.start_ns == INT64_MIN
				    ? INT32_MAX
				    : (__s32)(emission.order - SLUICE_ORDER_CLOSED),
	};
	return 0;
}

static int read_record(const struct decode_record *record, const struct scenario *scenario,
		       __u32 step, struct result *result)
{
	struct cursor cursor = { record->data, record->bytes };
	struct sluice_disk_record prefix;
	struct sluice_rows rows;

	if (!take(&cursor, &prefix, sizeof(prefix)))
		return refuse("shorter than its prefix");
	if (prefix.version != (prefix.kind == SLUICE_DISK_ROWS ? SLUICE_ROWS_VERSION : 1))
		return refuse("unknown version");
	if (prefix.bytes != record->bytes)
		return refuse("another length than its prefix says");
	if (prefix.kind == SLUICE_DISK_LATE)
		return read_late(&cursor, scenario, result);
	if (prefix.kind == SLUICE_DISK_LATE_COUNT)
		return read_late_count(&cursor, scenario, result);
	if (prefix.kind == SLUICE_DISK_COMPLETE || prefix.kind == SLUICE_DISK_FINAL)
		return read_emission(&cursor, scenario, prefix.kind, step, result);
	/* What rows miss is compared by their heads alone. */
	if (prefix.kind == SLUICE_DISK_LOSS)
		return 0;
	if (!take(&cursor, &rows, sizeof(rows)))
		return refuse("shorter than its head");
	if (prefix.kind != SLUICE_DISK_ROWS)
		return refuse("a record of no known kind");
	if (rows.window >= scenario->window_count || rows.flags >= 2 * SLUICE_ROWS_VARIABLE)
		return refuse("unknown window or flag");
	return read_rows(&cursor, scenario, &rows, step, result);
}

int decode_rows(const struct decode_sink *sink, const struct scenario *scenario, __u32 step,
		struct result *result)
{
	for (size_t i = 0; i < sink->record_count; i++)
		if (read_record(&sink->record[i], scenario, step, result))
			return -EINVAL;
	return 0;
}
