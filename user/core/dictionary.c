/* SPDX-License-Identifier: BSD-2-Clause */
/* Walks dictionary entries. What is reserved in them is not looked at. */
#include "core/dictionary.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

static size_t take_entry(const struct dictionary_cursor *cursor,
			 struct sluice_dictionary_entry *entry)
{
	size_t left = (size_t)(cursor->end - cursor->at);

	if (left < sizeof(*entry))
		return 0;
	memcpy(entry, cursor->at, sizeof(*entry));
	return name_entry_bytes(entry->name_bytes) <= left ? name_entry_bytes(entry->name_bytes)
							   : 0;
}

int dictionary_open(struct dictionary_cursor *cursor, const void *entries, size_t bytes,
		    __u32 *count)
{
	struct dictionary_cursor walk = { entries, (const __u8 *)entries + bytes };
	struct sluice_dictionary_entry entry;
	__u32 found = 0;
	size_t length;

	for (; walk.at < walk.end; walk.at += length, found++) {
		length = take_entry(&walk, &entry);
		if (!length)
			return -EBADMSG;
	}
	*cursor = (struct dictionary_cursor){ entries, walk.end };
	*count = found;
	return 0;
}

bool dictionary_next(struct dictionary_cursor *cursor, struct name_taught *name)
{
	struct sluice_dictionary_entry entry;
	size_t length = take_entry(cursor, &entry);

	if (!length)
		return false;
	*name = (struct name_taught){ entry.space, entry.name_bytes, entry.id,
				      (const char *)cursor->at + sizeof(entry) };
	cursor->at += length;
	return true;
}

static __u64 id_max(__u8 space)
{
	switch (space) {
	case SLUICE_SPACE_TYPE:
	case SLUICE_SPACE_TENANT:
		return UINT16_MAX;
	case SLUICE_SPACE_KEY:
		return UINT64_MAX;
	default:
		return UINT32_MAX;
	}
}

static bool is_text(const char *text, size_t bytes)
{
	char copy[UINT8_MAX + 1];
	size_t at = 0, step;

	memcpy(copy, text, bytes);
	copy[bytes] = '\0';
	while ((step = text_utf8_bytes(copy + at)))
		at += step;
	return bytes && at == bytes;
}

enum dictionary_verdict dictionary_judge(const struct name_taught *name)
{
	if (name->space >= SLUICE_SPACE_COUNT)
		return DICTIONARY_BAD_SPACE;
	if (name->id > id_max(name->space))
		return DICTIONARY_BAD_ID;
	return is_text(name->text, name->bytes) ? DICTIONARY_GOOD : DICTIONARY_BAD_TEXT;
}
