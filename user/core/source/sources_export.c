/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory of sequences as bytes and back: what a restart must know so that nothing counts
 * twice and no loss is overlooked. It writes and reads no file. */
#include <errno.h>
#include <string.h>

#include "core/source/sources_state.h"

#define BITMAP_BYTES (DEDUP_SEQUENCE_DEPTH / 8)

struct record_bytes {
	struct source_record head;
	unsigned char bitmap[DEDUP_SEQUENCE_EPOCHS * BITMAP_BYTES];
};

_Static_assert(sizeof(struct record_bytes) == SOURCE_RECORD_BYTES_MAX, "nothing lies between");

__u32 sources_place_count(const struct sources *sources)
{
	return sources->options.sources_max * sources->set_count;
}

/* Of all events that came by a listener of the set, before a restart too. */
static __s64 newest_of(const struct sources *sources, const struct source_set *set, __u32 slot)
{
	__s64 newest_ns = source_time(sources->more[slot].imported_ns);

	for (__u32 l = 0; l < sources->options.listener_count; l++) {
		__s64 time_ns = sources_newest_of(sources, l, slot);

		if ((set->listeners >> l & 1) && time_ns > newest_ns)
			newest_ns = time_ns;
	}
	return newest_ns;
}

static void fill_lane(struct source_record_lane *to, const struct source *source,
		      const struct dedup_lane *lane, unsigned int place)
{
	*to = (struct source_record_lane){
		.highest = lane->highest,
		.base_time_ns = source->base_ns[place],
		.epoch = lane->epoch,
		.span = lane->span,
		.held = lane->held,
	};
}

/* Lanes in the order in which they were opened. Returns the bytes of the record. */
static size_t fill_record(const struct sources *sources, __u32 slot, __u32 s, bool is_exact,
			  struct record_bytes *record)
{
	const struct source_set *set = &sources->set[s];
	const struct source *source = &sources->source[slot];
	const struct dedup_source *state = &set->dedup.sources[slot];
	struct source_record *head = &record->head;
	unsigned int order[DEDUP_SEQUENCE_EPOCHS] = { !state->newest, state->newest };
	bool has_holes = false;

	*head = (struct source_record){ .source_id = source_id_of(source),
					.listeners = s ? set->listeners : SOURCES_ALL,
					.seen_listeners = source->listeners,
					.newest_time_ns = newest_of(sources, set, slot),
					.datagrams = source->datagrams,
					.records = source->records,
					.retired_count = state->retired_count,
					.retired_next = state->retired_next,
					.is_exact = is_exact };
	memcpy(head->retired, state->retired, sizeof(head->retired));
	for (unsigned int i = 0; i < DEDUP_SEQUENCE_EPOCHS && source_is_used(source); i++) {
		const struct dedup_lane *lane = &state->lane[order[i]];

		if (!lane->span)
			continue;
		if (is_exact)
			memcpy(record->bitmap + head->lane_count * BITMAP_BYTES,
			       dedup_sequence_bits(&set->dedup, slot, order[i]), BITMAP_BYTES);
		has_holes |= lane->held != lane->span;
		fill_lane(&head->lane[head->lane_count++], source, lane, order[i]);
	}
	head->bitmaps = is_exact && has_holes ? head->lane_count : 0;
	return sizeof(*head) + (size_t)head->bitmaps * BITMAP_BYTES;
}

static __u32 export(struct sources *sources, __u32 slot, bool is_exact, source_record_write *write,
		    void *context)
{
	struct source *source = &sources->source[slot];
	struct record_bytes record;

	for (__u32 s = 0; s < sources->set_count; s++) {
		size_t bytes;

		spin_lock(&source->lock);
		source->is_changed = 0;
		bytes = fill_record(sources, slot, s, is_exact, &record);
		spin_unlock(&source->lock);
		write(context, slot * sources->set_count + s, &record.head, bytes);
	}
	return sources->set_count;
}

__u32 sources_export_changed(struct sources *sources, source_record_write *write, void *context)
{
	__u32 used = atomic_load_explicit(&sources->used_max, memory_order_acquire), records = 0;

	for (__u32 slot = 0; slot < used; slot++)
		if (__atomic_load_n(&sources->source[slot].is_changed, __ATOMIC_RELAXED))
			records += export(sources, slot, false, write, context);
	return records;
}

__u32 sources_export_all(struct sources *sources, source_record_write *write, void *context)
{
	__u32 used = atomic_load_explicit(&sources->used_max, memory_order_acquire), records = 0;

	for (__u32 slot = 0; slot < used; slot++)
		records += export(sources, slot, true, write, context);
	return records;
}

static struct source_set *find_set(struct sources *sources, __u32 listeners)
{
	if (listeners == SOURCES_ALL)
		return &sources->set[0];
	for (__u32 s = 1; s < sources->set_count; s++)
		if (sources->set[s].listeners == listeners)
			return &sources->set[s];
	return NULL;
}

static bool is_sound(const struct source_record *head, size_t byte_count)
{
	if (byte_count < sizeof(*head) || head->lane_count > DEDUP_SEQUENCE_EPOCHS ||
	    head->retired_count > DEDUP_SEQUENCE_RETIRED ||
	    head->retired_next >= DEDUP_SEQUENCE_RETIRED ||
	    (head->bitmaps && head->bitmaps != head->lane_count) ||
	    byte_count < sizeof(*head) + (size_t)head->bitmaps * BITMAP_BYTES)
		return false;
	for (unsigned int i = 0; i < head->lane_count; i++)
		if (head->lane[i].span == 0 || head->lane[i].span > DEDUP_SEQUENCE_DEPTH)
			return false;
	return true;
}

static bool restore_lanes(struct sources *sources, struct source_set *set, __u32 slot,
			  const struct record_bytes *record)
{
	struct dedup_source *state = &set->dedup.sources[slot];
	const struct source_record *head = &record->head;
	bool is_restored = true;

	for (unsigned int i = 0; i < head->lane_count; i++) {
		const struct source_record_lane *from = &head->lane[i];
		__u64 bits[BITMAP_BYTES / sizeof(__u64)];
		struct dedup_lane lane = {
			.highest = from->highest,
			.epoch = from->epoch,
			.span = head->is_exact ? from->span : DEDUP_SEQUENCE_DEPTH,
		};

		memcpy(bits, record->bitmap + i * BITMAP_BYTES, BITMAP_BYTES);
		is_restored &= dedup_sequence_restore(&set->dedup, slot, i, &lane,
						      head->bitmaps ? bits : NULL);
		if (set == &sources->set[0])
			sources->source[slot].base_ns[i] = from->base_time_ns;
	}
	memcpy(state->retired, head->retired, sizeof(state->retired));
	state->retired_count = head->retired_count;
	state->retired_next = head->retired_next;
	return is_restored;
}

int sources_import(struct sources *sources, const void *bytes, size_t byte_count)
{
	struct record_bytes record = { 0 };
	struct source_record *head = &record.head;
	struct source_set *set;
	struct source *source;
	__s64 newest_ns;
	__u32 slot;

	memcpy(&record, bytes, byte_count < sizeof(record) ? byte_count : sizeof(record));
	if (!is_sound(head, byte_count))
		return -EINVAL;
	set = find_set(sources, head->listeners);
	if (!head->lane_count || !set)
		return 0;
	slot = sources_find_or_add(sources, head->source_id, 0);
	if (slot == source_overflow_slot(sources))
		return -ENOSPC;
	source = &sources->source[slot];
	source->is_changed = 1;
	newest_ns = newest_of(sources, set, slot);
	if (head->newest_time_ns > newest_ns)
		sources->more[slot].imported_ns = source_time(head->newest_time_ns);
	if (set == &sources->set[0]) {
		source->listeners = head->seen_listeners;
		source->datagrams = head->datagrams;
		source->records = head->records;
	}
	return restore_lanes(sources, set, slot, &record) ? 0 : -EINVAL;
}
