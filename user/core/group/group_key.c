/* SPDX-License-Identifier: BSD-2-Clause */
/* Packs the fields of group_by into words: the widest first, so that no field crosses a word. */
#include "core/group/group_key.h"

#include <errno.h>
#include <stdbool.h>

static const __u8 field_bits[SLUICE_FIELD_COUNT] = {
	[SLUICE_FIELD_TENANT] = 16, [SLUICE_FIELD_SOURCE] = 64, [SLUICE_FIELD_TYPE] = 16,
	[SLUICE_FIELD_KEY] = 64,    [SLUICE_FIELD_DIM0] = 32,	[SLUICE_FIELD_DIM1] = 32,
	[SLUICE_FIELD_DIM2] = 32,   [SLUICE_FIELD_DIM3] = 32,	[SLUICE_FIELD_VALUE] = 64,
};

unsigned int group_key_field_bits(enum sluice_field field)
{
	return (unsigned int)field < SLUICE_FIELD_COUNT ? field_bits[field] : 0;
}

static bool is_valid(const __u8 *fields, unsigned int count)
{
	unsigned int seen = 0;

	if (count > SLUICE_GROUP_FIELDS_MAX)
		return false;
	for (unsigned int i = 0; i < count; i++) {
		if (fields[i] >= SLUICE_FIELD_VALUE || (seen & (1u << fields[i])))
			return false;
		seen |= 1u << fields[i];
	}
	return true;
}

/* The first word with room; `used` holds the bits taken of each. */
static void place(struct group_key_field *field, __u8 *used)
{
	__u8 word = 0;

	while (used[word] + field->bits > 64)
		word++;
	field->word = word;
	field->shift = used[word];
	used[word] = (__u8)(used[word] + field->bits);
}

int group_key_layout(struct group_key *layout, const __u8 *fields, unsigned int count)
{
	static const __u8 widths[] = { 64, 32, 16 };
	struct group_key made = { .field_count = (__u8)count, .word_count = 1 };
	__u8 used[SLUICE_GROUP_FIELDS_MAX + 1] = { 0 };

	if (!is_valid(fields, count))
		return -EINVAL;
	for (unsigned int width = 0; width < sizeof(widths); width++) {
		for (unsigned int i = 0; i < count; i++) {
			if (field_bits[fields[i]] != widths[width])
				continue;
			made.field[i].field = fields[i];
			made.field[i].bits = widths[width];
			place(&made.field[i], used);
			if (made.field[i].word >= made.word_count)
				made.word_count = (__u8)(made.field[i].word + 1);
		}
	}
	*layout = made;
	return 0;
}
