/* SPDX-License-Identifier: BSD-2-Clause */
/* Walks dictionary entries. What is reserved in them is not looked at. */
#include "core/name/dictionary.h"

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
	size_t at = 0, step;

	while ((step = text_utf8_bytes(text + at)))
		at += step;
	return bytes && at == bytes;
}

/* C0, C1, U+061C, U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069, in UTF-8. */
static bool has_control(const char *text)
{
	for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
		if (*at < 0x20 || *at == 0x7f || (at[0] == 0xc2 && at[1] < 0xa0) ||
		    (at[0] == 0xd8 && at[1] == 0x9c))
			return true;
		if (at[0] == 0xe2 && at[1] == 0x80 &&
		    (at[2] == 0x8e || at[2] == 0x8f || (at[2] >= 0xa8 && at[2] <= 0xae)))
			return true;
		if (at[0] == 0xe2 && at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9)
			return true;
	}
	return false;
}

/* As ids are written, with a sign or without. */
static bool is_number(const char *text)
{
	text += *text == '-' || *text == '+';
	return *text && text[strspn(text, "0123456789")] == '\0';
}

enum dictionary_verdict dictionary_judge_text(const char *text, size_t bytes)
{
	char copy[UINT8_MAX + 1];

	if (bytes > UINT8_MAX)
		return DICTIONARY_BAD_TEXT;
	memcpy(copy, text, bytes);
	copy[bytes] = '\0';
	if (!is_text(copy, bytes))
		return DICTIONARY_BAD_TEXT;
	if (has_control(copy))
		return DICTIONARY_BAD_CONTROL;
	if (is_number(copy))
		return DICTIONARY_BAD_NUMBER;
	return strcmp(copy, DICTIONARY_OVERFLOW) == 0 ? DICTIONARY_BAD_RESERVED : DICTIONARY_GOOD;
}

enum dictionary_verdict dictionary_judge(const struct name_taught *name)
{
	if (name->space >= SLUICE_SPACE_COUNT)
		return DICTIONARY_BAD_SPACE;
	if (name->id > id_max(name->space))
		return DICTIONARY_BAD_ID;
	return dictionary_judge_text(name->text, name->bytes);
}
