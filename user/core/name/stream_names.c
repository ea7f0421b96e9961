/* SPDX-License-Identifier: BSD-2-Clause */
/* Names in a stream: learnt from datagrams or from another worker's records, each entry with one
 * outcome; then handed on once, to worker 0 as records, or to who writes the log. */
#include <errno.h>
#include <string.h>

#include "core/name/dictionary.h"
#include "core/stream/stream_state.h"

/* The counter of what adding a name came to. */
static __u64 *outcome(struct sluice_stream_ledger *ledger, int added)
{
	if (added == 1)
		return &ledger->names_learnt;
	if (added == 0)
		return &ledger->names_known;
	return added == -EEXIST ? &ledger->name_conflicts : &ledger->names_full;
}

static __u64 *learn(struct stream *stream, const struct name_taught *name)
{
	struct sluice_stream_ledger *ledger = &stream->ledger;

	switch (dictionary_judge(name)) {
	case DICTIONARY_BAD_SPACE:
		return &ledger->name_bad_space;
	case DICTIONARY_BAD_ID:
		return &ledger->name_bad_id;
	case DICTIONARY_BAD_TEXT:
		return &ledger->name_bad_text;
	case DICTIONARY_BAD_NUMBER:
		return &ledger->name_bad_number;
	case DICTIONARY_BAD_RESERVED:
		return &ledger->name_bad_reserved;
	case DICTIONARY_BAD_CONTROL:
		return &ledger->name_bad_control;
	default:
		return outcome(ledger, name_table_add(&stream->names, name));
	}
}

void stream_take_dictionary(struct stream *stream, const struct sluice_header *header,
			    __u32 payload_bytes)
{
	const __u32 around =
		sizeof(*header) +
		(header->flags & SLUICE_FLAG_TRAILER ? sizeof(struct sluice_trailer) : 0);
	struct dictionary_cursor cursor;
	struct name_taught name;
	__u32 count;

	stream->ledger.dictionary += header->event_count;
	if (payload_bytes < around ||
	    dictionary_open(&cursor, header + 1, payload_bytes - around, &count) ||
	    count != header->event_count) {
		stream->ledger.name_bad_length += header->event_count;
		return;
	}
	while (dictionary_next(&cursor, &name))
		(*learn(stream, &name))++;
}

void stream_know_name(struct stream *stream, enum sluice_space space, __u64 id, const char *text,
		      size_t bytes)
{
	const struct name_taught name = { (__u8)space, (__u8)bytes, id, text };

	if (bytes <= UINT8_MAX && dictionary_judge(&name) == DICTIONARY_GOOD)
		name_table_add(&stream->names, &name);
	stream->names_given = stream->names.bytes;
}

bool stream_next_name(struct stream *stream, struct name_taught *name)
{
	return name_table_next(&stream->names, &stream->names_given, name);
}

bool stream_has_names(const struct stream *stream)
{
	return stream->names_given < stream->names.bytes;
}

/* Whole entries that fit: a copy. */
static size_t fill(struct stream *stream, __u8 *at, size_t room)
{
	size_t end = stream->names_given, next = end, bytes;
	struct name_taught name;

	while (name_table_next(&stream->names, &next, &name) && next - stream->names_given <= room)
		end = next;
	bytes = end - stream->names_given;
	memcpy(at, stream->names.entries + stream->names_given, bytes);
	stream->names_given = end;
	return bytes;
}

int stream_export_names(struct stream *stream, const struct row_writer *writer)
{
	size_t left = stream->names.bytes - stream->names_given, room;
	struct sluice_disk_record *record;

	if (!left)
		return 0;
	record = writer->reserve(writer->context, sizeof(*record) + name_entry_bytes(UINT8_MAX),
				 sizeof(*record) + NAMES_SLICE_BYTES, &room);
	if (!record)
		return -EAGAIN;
	*record = (struct sluice_disk_record){ 0, SLUICE_DISK_NAMES, 1 };
	record->bytes = (__u32)(sizeof(*record) +
				fill(stream, (__u8 *)(record + 1), room - sizeof(*record)));
	writer->commit(writer->context, record->bytes);
	return 1;
}

int stream_import_names(struct stream *stream, const struct sluice_disk_record *record)
{
	struct sluice_stream_ledger *ledger = &stream->ledger;
	struct dictionary_cursor cursor;
	struct name_taught name;
	__u32 count;

	if (dictionary_open(&cursor, record + 1, record->bytes - sizeof(*record), &count))
		return -EINVAL;
	while (dictionary_next(&cursor, &name)) {
		if (dictionary_judge(&name) != DICTIONARY_GOOD)
			return -EINVAL;
		/* There it was counted as learnt; here it may be something else. */
		ledger->names_learnt--;
		(*outcome(ledger, name_table_add(&stream->names, &name)))++;
	}
	return 0;
}
