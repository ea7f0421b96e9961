/* SPDX-License-Identifier: BSD-2-Clause */
/* A hash table of (space, id), open addressing, with the names in one growing block. */
#include "rows/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/name/dictionary.h"

#define SLOTS_FIRST 256

struct name {
	__u64 id;
	size_t offset; /* of the text, zero-terminated */
	__u8 space;
	bool is_shared;
};

struct names {
	struct name *list;
	size_t count, room;
	__u32 *index; /* place in the list + 1; 0 is free */
	size_t mask;
	char *text;
	size_t text_bytes, text_room;
};

int names_open(struct names **names)
{
	struct names *made = calloc(1, sizeof(*made));

	if (!made)
		return -ENOMEM;
	made->index = calloc(SLOTS_FIRST, sizeof(*made->index));
	made->mask = SLOTS_FIRST - 1;
	if (!made->index) {
		free(made);
		return -ENOMEM;
	}
	*names = made;
	return 0;
}

void names_close(struct names *names)
{
	if (!names)
		return;
	free(names->list);
	free(names->index);
	free(names->text);
	free(names);
}

static size_t find_slot(const struct names *names, __u8 space, __u64 id)
{
	__u64 hash = (id ^ ((__u64)space << 56)) * 0x9E3779B97F4A7C15ull;
	size_t slot = (hash ^ (hash >> 32)) & names->mask;

	for (; names->index[slot]; slot = (slot + 1) & names->mask) {
		const struct name *name = &names->list[names->index[slot] - 1];

		if (name->id == id && name->space == space)
			break;
	}
	return slot;
}

static int grow(struct names *names)
{
	size_t mask = names->mask * 2 + 1;
	__u32 *index = calloc(mask + 1, sizeof(*index));

	if (!index)
		return -ENOMEM;
	free(names->index);
	names->index = index;
	names->mask = mask;
	for (size_t i = 0; i < names->count; i++)
		index[find_slot(names, names->list[i].space, names->list[i].id)] = (__u32)i + 1;
	return 0;
}

static int add_text(struct names *names, const char *text, size_t bytes, size_t *offset)
{
	if (names->text_bytes + bytes + 1 > names->text_room) {
		size_t room = names->text_room * 2 + bytes + 4096;
		char *grown = realloc(names->text, room);

		if (!grown)
			return -ENOMEM;
		names->text = grown;
		names->text_room = room;
	}
	memcpy(names->text + names->text_bytes, text, bytes);
	names->text[names->text_bytes + bytes] = '\0';
	*offset = names->text_bytes;
	names->text_bytes += bytes + 1;
	return 0;
}

static int set_name(struct names *names, const struct name_taught *taught)
{
	size_t slot = find_slot(names, taught->space, taught->id), bytes = taught->bytes, offset;
	const char *text = taught->text;
	struct name *name = names->index[slot] ? &names->list[names->index[slot] - 1] : NULL;

	if (name && strlen(names->text + name->offset) == bytes &&
	    memcmp(names->text + name->offset, text, bytes) == 0)
		return 0;
	if (add_text(names, text, bytes, &offset))
		return -ENOMEM;
	if (name) {
		name->offset = offset;
		return 0;
	}
	if (names->count == names->room) {
		size_t room = names->room * 2 + 64;
		struct name *list = realloc(names->list, room * sizeof(*list));

		if (!list)
			return -ENOMEM;
		names->list = list;
		names->room = room;
	}
	names->list[names->count++] = (struct name){ taught->id, offset, taught->space,
							    false };
	names->index[slot] = (__u32)names->count;
	return names->count * 2 > names->mask ? grow(names) : 0;
}

int names_add(struct names *names, const struct sluice_disk_record *record)
{
	struct dictionary_cursor cursor;
	struct name_taught name;
	__u32 count;
	int error = dictionary_open(&cursor, record + 1, record->bytes - sizeof(*record), &count);

	while (!error && dictionary_next(&cursor, &name)) {
		if (name.bytes == 0 || name.space >= SLUICE_SPACE_COUNT)
			return -EBADMSG;
		if (dictionary_judge(&name) == DICTIONARY_GOOD)
			error = set_name(names, &name);
	}
	return error;
}

const char *names_find(const struct names *names, enum sluice_space space, __u64 id)
{
	__u32 place = names->index[find_slot(names, (__u8)space, id)];

	return place ? names->text + names->list[place - 1].offset : NULL;
}

static const char *text_at(const struct names *names, __u32 place)
{
	return names->text + names->list[place].offset;
}

static int compare(const void *left, const void *right, void *context)
{
	const struct names *names = context;
	const __u32 *a = left, *b = right;
	int spaces = names->list[*a].space - names->list[*b].space;

	return spaces ? spaces : strcmp(text_at(names, *a), text_at(names, *b));
}

int names_compare(struct names *names)
{
	__u32 *order = malloc((names->count + 1) * sizeof(*order));

	if (!order)
		return -ENOMEM;
	for (__u32 i = 0; i < names->count; i++) {
		order[i] = i;
		names->list[i].is_shared = false;
	}
	qsort_r(order, names->count, sizeof(*order), compare, names);
	for (size_t i = 1; i < names->count; i++) {
		if (compare(&order[i - 1], &order[i], names) != 0)
			continue;
		names->list[order[i - 1]].is_shared = true;
		names->list[order[i]].is_shared = true;
	}
	free(order);
	return 0;
}

bool names_is_shared(const struct names *names, enum sluice_space space, __u64 id)
{
	__u32 place = names->index[find_slot(names, (__u8)space, id)];

	return place && names->list[place - 1].is_shared;
}

bool names_space(enum sluice_field field, enum sluice_space *space)
{
	static const struct {
		bool has_names;
		enum sluice_space space;
	} spaces[SLUICE_FIELD_COUNT] = {
		[SLUICE_FIELD_TENANT] = { true, SLUICE_SPACE_TENANT },
		[SLUICE_FIELD_TYPE] = { true, SLUICE_SPACE_TYPE },
		[SLUICE_FIELD_KEY] = { true, SLUICE_SPACE_KEY },
		[SLUICE_FIELD_DIM0] = { true, SLUICE_SPACE_DIM0 },
		[SLUICE_FIELD_DIM1] = { true, SLUICE_SPACE_DIM1 },
		[SLUICE_FIELD_DIM2] = { true, SLUICE_SPACE_DIM2 },
		[SLUICE_FIELD_DIM3] = { true, SLUICE_SPACE_DIM3 },
	};

	*space = spaces[field].space;
	return spaces[field].has_names;
}

const char *names_at(const struct names *names, size_t index, enum sluice_space *space)
{
	if (index >= names->count)
		return NULL;
	*space = names->list[index].space;
	return names->text + names->list[index].offset;
}
