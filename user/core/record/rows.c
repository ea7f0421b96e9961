/* SPDX-License-Identifier: BSD-2-Clause */
/* Walks rows records, and computes with partials. */
#include "core/record/rows.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#define EXACT_MAX (1ull << 53)

static size_t fixed_bytes(const struct rows_cursor *cursor)
{
	return cursor->layout->word_count * 8u + sizeof(struct sluice_partial);
}

static __u64 order_of(__s32 revision, __u16 flags)
{
	if (flags & SLUICE_ROWS_EARLY)
		return 1;
	return SLUICE_ORDER_CLOSED + (__u64)(revision < 0 ? 0 : revision);
}

/* Version 1 knew the agent's epoch alone, and losses since the window opened: how many there were
 * of its own interval nobody knows. */
static void take_v1(struct sluice_rows *head, const struct sluice_rows_v1 *old, __u64 epoch)
{
	bool misses = old->shed || old->ring_full || old->refused || old->late || old->upstream;

	*head = (struct sluice_rows){
		.start_ns = old->start_ns,
		.end_ns = old->end_ns,
		.window = old->window,
		.flags = old->flags,
		.revision = old->revision,
		.row_count = old->row_count,
		.row_bytes = old->row_bytes,
		.order = order_of(old->revision, old->flags),
		.epoch = epoch,
		.aggregated = old->aggregated,
		.missing = { .shed = old->shed,
			     .ring_full = old->ring_full,
			     .refused = old->refused,
			     .late = old->late,
			     .upstream = old->upstream,
			     .flags = misses ? SLUICE_MISSING_ESTIMATED : 0 },
	};
}

/* Returns the bytes of the head, or 0 for a record that is none of rows. */
static size_t open_head(struct sluice_rows *head, const struct schema *schema,
			const struct sluice_disk_record *record)
{
	size_t bytes = record->version == 1 ? sizeof(struct sluice_rows_v1) : sizeof(*head);

	if (!(record->kind == SLUICE_DISK_ROWS &&
	      (record->version == 1 || record->version == SLUICE_ROWS_VERSION)) &&
	    !(record->kind == SLUICE_DISK_CLOSE && record->version == 1))
		return 0;
	if (record->bytes < sizeof(*record) + bytes)
		return 0;
	if (record->version == 1)
		take_v1(head, (const struct sluice_rows_v1 *)(record + 1),
			schema->head.agent_epoch);
	else
		memcpy(head, record + 1, sizeof(*head));
	return bytes;
}

int rows_open(struct rows_cursor *cursor, const struct schema *schema,
	      const struct sluice_disk_record *record)
{
	struct rows_cursor made = { .version = record->version };
	size_t bytes = open_head(&made.head, schema, record);
	const struct sluice_rows *head = &made.head;

	if (!bytes || head->window >= schema->head.window_count)
		return -EBADMSG;
	made.window = &schema->window[head->window];
	made.layout = &schema->layout[head->window];
	made.at = (const __u8 *)(record + 1) + bytes;
	made.end = (const __u8 *)record + record->bytes;
	made.left = head->row_count;
	bytes = (size_t)(made.end - made.at);
	if (!(head->flags & SLUICE_ROWS_VARIABLE) && head->row_count > 0 &&
	    (head->row_bytes != fixed_bytes(&made) || bytes / head->row_bytes != head->row_count ||
	     bytes % head->row_bytes != 0))
		return -EBADMSG;
	if (head->row_count == 0 && bytes != 0)
		return -EBADMSG;
	*cursor = made;
	return 0;
}

/* The head of a row of any length. */
static int take_head(struct rows_cursor *cursor, struct row_view *row, size_t *bytes)
{
	const struct sluice_row_head *head = (const struct sluice_row_head *)cursor->at;
	size_t left = (size_t)(cursor->end - cursor->at);
	size_t head_bytes = cursor->version == 1 ? SLUICE_ROW_HEAD_BYTES_V1 : sizeof(*head);

	if (left < head_bytes || head->bytes > left || head->bytes % 8 != 0 ||
	    head->bytes < head_bytes + fixed_bytes(cursor))
		return -EBADMSG;
	row->start_ns = head->start_ns;
	row->end_ns = head->end_ns;
	row->revision = head->revision;
	row->order = cursor->version == 1 ? order_of(head->revision, cursor->head.flags)
					  : head->order;
	*bytes = head->bytes - head_bytes;
	cursor->at += head_bytes;
	return 0;
}

int rows_next(struct rows_cursor *cursor, struct row_view *row)
{
	struct row_view made = {
		.start_ns = cursor->head.start_ns,
		.end_ns = cursor->head.end_ns,
		.revision = cursor->head.revision,
		.order = cursor->head.order,
	};
	size_t bytes = cursor->head.row_bytes, key_bytes = cursor->layout->word_count * 8u;

	if (cursor->left == 0)
		return cursor->at == cursor->end ? 0 : -EBADMSG;
	if ((cursor->head.flags & SLUICE_ROWS_VARIABLE) && take_head(cursor, &made, &bytes) != 0)
		return -EBADMSG;
	made.words = (const __u64 *)cursor->at;
	made.partial = (const struct sluice_partial *)(cursor->at + key_bytes);
	made.extra = (const __u8 *)(made.partial + 1);
	made.extra_bytes = bytes - key_bytes - sizeof(*made.partial);
	cursor->at += bytes;
	cursor->left--;
	*row = made;
	return 1;
}

__s64 rows_saturated_sum(const struct sluice_partial *partial, bool *is_saturated)
{
	__int128 sum = rows_sum(partial);

	*is_saturated = sum > LLONG_MAX || sum < LLONG_MIN;
	if (*is_saturated)
		return sum < 0 ? LLONG_MIN : LLONG_MAX;
	return (__s64)sum;
}

/* 2^exponent × mantissa, rounded to the 53 bits of a double; `has_rest`: the exact value is a
 * little larger. Mantissas have their top bit at 63, or are 0. */
static double compose(__u64 mantissa, bool has_rest, int exponent)
{
	const __u64 half = 1u << 10;
	__u64 kept = mantissa >> 11, rest = mantissa & 2047;
	double value;

	if (rest > half || (rest == half && (has_rest || (kept & 1))))
		kept++;
	value = (double)kept;
	for (exponent += 11; exponent > 0; exponent--)
		value *= 2;
	for (; exponent < 0; exponent++)
		value /= 2;
	return value;
}

double rows_divide(__int128 numerator, __u64 denominator)
{
	unsigned __int128 left =
		numerator < 0 ? -(unsigned __int128)numerator : (unsigned __int128)numerator;
	unsigned __int128 quotient, rest;
	bool has_rest = false;
	int exponent = 0;
	double value;

	assert(denominator != 0);
	/* Both exact as doubles: one division rounds once. */
	if (left < EXACT_MAX && denominator < EXACT_MAX)
		return (double)(__s64)numerator / (double)denominator;
	quotient = left / denominator;
	rest = left % denominator;
	while (quotient >> 64) {
		has_rest |= quotient & 1;
		quotient >>= 1;
		exponent++;
	}
	for (; !(quotient >> 63); exponent--) {
		rest *= 2;
		quotient = quotient * 2 + (rest >= denominator);
		if (rest >= denominator)
			rest -= denominator;
	}
	value = compose((__u64)quotient, has_rest || rest != 0, exponent);
	return numerator < 0 ? -value : value;
}
