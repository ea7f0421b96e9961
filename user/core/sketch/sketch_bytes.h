/* SPDX-License-Identifier: BSD-2-Clause */
/* What every sketch starts with in rows, on disk and between workers. Equal sketches have equal
 * bytes, in whatever order their values came. Little-endian; the body follows the head:
 *   distinct   exact: the hashes, ascending; registers: 6 bits each, lowest bits first
 *   histogram  (code − previous code, count) of each bucket in use as LEB128, zeros up to 8 bytes
 *   top        sketch_top_body, then the candidates by ascending value */
#ifndef SLUICE_CORE_SKETCH_BYTES_H
#define SLUICE_CORE_SKETCH_BYTES_H

#include <stddef.h>
#include <string.h>

#include "sluice/types.h"

enum sketch_kind {
	SKETCH_KIND_DISTINCT = 1,
	SKETCH_KIND_HISTOGRAM = 2,
	SKETCH_KIND_TOP = 3,
};

enum sketch_body {
	SKETCH_BODY_EXACT = 0,	/* distinct: hashes; top: no candidate has an error */
	SKETCH_BODY_SKETCH = 1,	/* distinct: registers; histogram: buckets; top: with errors */
	SKETCH_BODY_LOST = 2,	/* the pool was exhausted: nothing is known, no body */
};

struct sketch_head {
	__u8 kind;	/* enum sketch_kind */
	__u8 body;	/* enum sketch_body */
	__u8 precision;	/* distinct: p; histogram: scale; top: 0 */
	__u8 zero;
	__u32 bytes;	/* with this head; a multiple of 8 */
};

SLUICE_ASSERT_SIZE(struct sketch_head, 8);

/* Body of a top sketch; then candidates: value, count and, unless the body is exact, error. */
struct sketch_top_body {
	__u64 absent_max;	/* no value that is not listed counts more than this */
	__u32 candidate_count;
	__u32 capacity;
};

SLUICE_ASSERT_SIZE(struct sketch_top_body, 16);

/* Takes a head of `kind` from `bytes` that nobody has checked yet: its length fits in `room`
 * and is a multiple of 8, its body is one of the enum, and a lost one has none. Returns its
 * length, or 0. */
static inline size_t sketch_head_take(struct sketch_head *head, const void *bytes, size_t room,
				      enum sketch_kind kind)
{
	struct sketch_head found;

	if (room < sizeof(found))
		return 0;
	memcpy(&found, bytes, sizeof(found));
	if (found.kind != kind || found.body > SKETCH_BODY_LOST || found.zero)
		return 0;
	if (found.bytes < sizeof(found) || found.bytes > room || found.bytes % 8)
		return 0;
	if (found.body == SKETCH_BODY_LOST && found.bytes != sizeof(found))
		return 0;
	*head = found;
	return found.bytes;
}

#endif
