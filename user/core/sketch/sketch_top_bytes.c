/* SPDX-License-Identifier: BSD-2-Clause */
/* Top sketches as bytes: the body, then the candidates by rising value; without their errors
 * while all are exact. What is read is checked as a whole before any of it is added. */
#include <errno.h>

#include "core/sketch/sketch_top.h"

#define ITEM_BYTES_EXACT (2 * sizeof(__u64))
#define ITEM_BYTES sizeof(struct sketch_top_item)
#define FIRST_ITEM (sizeof(struct sketch_head) + sizeof(struct sketch_top_body))

static size_t item_bytes(bool is_exact)
{
	return is_exact ? ITEM_BYTES_EXACT : ITEM_BYTES;
}

size_t sketch_top_bytes(const struct sketch_top *sketch, const struct sketch_pool *pool)
{
	if (sketch->form == SKETCH_TOP_LOST)
		return sizeof(struct sketch_head);
	return FIRST_ITEM + sketch->used * item_bytes(!sketch_top_absent_max(sketch, pool));
}

/* Candidates by rising value, in place (Shell 1959; gaps by Ciura 2001, then by 2.25). */
static void sort_by_value(const struct sketch_top *sketch, const struct sketch_pool *pool,
			  __u16 *order)
{
	static const __u16 gaps[] = { 701, 301, 132, 57, 23, 10, 4, 1 };

	for (unsigned int i = 0; i < sketch->used; i++)
		order[i] = (__u16)i;
	for (size_t pass = 0; pass < sizeof(gaps) / sizeof(gaps[0]); pass++) {
		for (unsigned int i = gaps[pass]; i < sketch->used; i++) {
			__u64 value = sketch_top_candidate(sketch, pool, order[i]).value;
			__u16 moved = order[i];
			unsigned int at = i;

			for (; at >= gaps[pass] &&
			       sketch_top_candidate(sketch, pool, order[at - gaps[pass]]).value >
				       value; at -= gaps[pass])
				order[at] = order[at - gaps[pass]];
			order[at] = moved;
		}
	}
}

long sketch_top_write(const struct sketch_top *sketch, const struct sketch_pool *pool, void *bytes,
		      size_t room)
{
	struct sketch_top_body body = {
		.absent_max = sketch_top_absent_max(sketch, pool),
		.candidate_count = sketch->used,
		.capacity = sketch->capacity,
	};
	struct sketch_head head = {
		.kind = SKETCH_KIND_TOP,
		.body = body.absent_max ? SKETCH_BODY_SKETCH : SKETCH_BODY_EXACT,
		.bytes = (__u32)sketch_top_bytes(sketch, pool),
	};
	__u16 order[SKETCH_TOP_CAPACITY_MAX];
	__u8 *at = (__u8 *)bytes + FIRST_ITEM;

	if (head.bytes > room)
		return -ENOBUFS;
	if (sketch->form == SKETCH_TOP_LOST)
		head.body = SKETCH_BODY_LOST;
	memcpy(bytes, &head, sizeof(head));
	if (sketch->form == SKETCH_TOP_LOST)
		return head.bytes;
	memcpy((__u8 *)bytes + sizeof(head), &body, sizeof(body));
	sort_by_value(sketch, pool, order);
	for (unsigned int i = 0; i < sketch->used; i++) {
		struct sketch_top_item item = sketch_top_candidate(sketch, pool, order[i]);

		memcpy(at, &item, item_bytes(!body.absent_max));
		at += item_bytes(!body.absent_max);
	}
	return head.bytes;
}

static struct sketch_top_item item_take(const __u8 *at, bool is_exact)
{
	struct sketch_top_item item = { 0 };

	memcpy(&item, at, item_bytes(is_exact));
	return item;
}

static bool items_are_valid(const struct sketch_top_body *body, const __u8 *at)
{
	bool is_exact = !body->absent_max;
	__u64 previous = 0;

	for (unsigned int i = 0; i < body->candidate_count; i++, at += item_bytes(is_exact)) {
		struct sketch_top_item item = item_take(at, is_exact);

		if (i > 0 && item.value <= previous)
			return false;
		if (!item.count || item.count < body->absent_max ||
		    item.error > body->absent_max || item.error > item.count)
			return false;
		previous = item.value;
	}
	return true;
}

/* The body behind a head that was taken; false when it contradicts the head or itself. */
static bool body_take(const struct sketch_head *head, const void *bytes,
		      struct sketch_top_body *body)
{
	bool is_exact = head->body == SKETCH_BODY_EXACT;

	if (head->bytes < FIRST_ITEM)
		return false;
	memcpy(body, (const __u8 *)bytes + sizeof(*head), sizeof(*body));
	return body->capacity && body->capacity <= SKETCH_TOP_CAPACITY_MAX &&
	       body->candidate_count <= body->capacity && is_exact == !body->absent_max &&
	       (is_exact || body->candidate_count) &&
	       head->bytes == FIRST_ITEM + body->candidate_count * item_bytes(is_exact) &&
	       items_are_valid(body, (const __u8 *)bytes + FIRST_ITEM);
}

/* Reads into a sketch of its own, then merges that. */
static int merge_valid(struct sketch_top *sketch, struct sketch_pool *pool,
		       const struct sketch_top_body *body, const __u8 *at)
{
	struct sketch_top read = sketch_top_empty(body->capacity);
	bool is_exact = !body->absent_max;
	int error = 0;

	for (unsigned int i = 0; i < body->candidate_count && !error; i++) {
		struct sketch_top_item item = item_take(at + i * item_bytes(is_exact), is_exact);

		error = sketch_top_put(&read, pool, &item, body->absent_max);
	}
	error = sketch_top_merge(sketch, pool, &read, pool);
	sketch_top_clear(&read, pool);
	return error;
}

int sketch_top_merge_bytes(struct sketch_top *sketch, struct sketch_pool *pool, const void *bytes,
			   size_t room)
{
	struct sketch_top_body body;
	struct sketch_head head;

	if (!sketch_head_take(&head, bytes, room, SKETCH_KIND_TOP) || head.precision)
		return -EBADMSG;
	if (head.body != SKETCH_BODY_LOST && !body_take(&head, bytes, &body))
		return -EBADMSG;
	if (sketch->form == SKETCH_TOP_LOST)
		return 0;
	if (head.body == SKETCH_BODY_LOST)
		return sketch_top_lose(sketch, pool);
	return merge_valid(sketch, pool, &body, (const __u8 *)bytes + FIRST_ITEM);
}
