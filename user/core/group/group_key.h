/* SPDX-License-Identifier: BSD-2-Clause */
/* How the fields of group_by are packed into key words. A pure function of the list, so the engine
 * that writes rows and every reader of them agree: 64-bit fields first, then 32-bit, then 16-bit,
 * each in the order of group_by, each at the lowest free bits of the first word with room. */
#ifndef SLUICE_CORE_GROUP_KEY_H
#define SLUICE_CORE_GROUP_KEY_H

#include "sluice/disk_format.h"

struct group_key_field {
	__u8 field;	/* enum sluice_field */
	__u8 word;
	__u8 shift;
	__u8 bits;	/* 16, 32 or 64 */
};

struct group_key {
	__u8 field_count;	/* 0: one group for everything */
	__u8 word_count;	/* 1 to SLUICE_KEY_WORDS_MAX; the word of an empty list is 0 */
	struct group_key_field field[SLUICE_GROUP_FIELDS_MAX];	/* in the order of group_by */
};

/* Width of a field in bits. */
unsigned int group_key_field_bits(enum sluice_field field);

/* Lays out `count` distinct fields; -EINVAL when a field is unknown, repeated or cannot be grouped
 * by. */
int group_key_layout(struct group_key *layout, const __u8 *fields, unsigned int count);

/* The value of the i-th field of group_by. */
static inline __u64 group_key_value(const struct group_key *layout, const __u64 *words,
				    unsigned int i)
{
	const struct group_key_field *field = &layout->field[i];
	__u64 value = words[field->word] >> field->shift;

	return field->bits == 64 ? value : value & ((1ull << field->bits) - 1);
}

#endif
