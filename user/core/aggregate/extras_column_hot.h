/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a field of events lies in a batch, for the hot path of extras alone. */
#ifndef SLUICE_CORE_EXTRAS_COLUMN_HOT_H
#define SLUICE_CORE_EXTRAS_COLUMN_HOT_H

#include <string.h>

#include "core/stream/hot.h"

/* 8 bytes are read at its place, as every array has that much room behind it. */
struct column {
	size_t offset;
	__u8 stride;
	__u8 shift;
	bool is_of_datagram;
	__u64 mask;
};

static const struct column columns[SLUICE_FIELD_VALUE] = {
	[SLUICE_FIELD_TENANT] = { offsetof(struct batch, tenant), 2, 0, true, 0xffff },
	[SLUICE_FIELD_SOURCE] = { offsetof(struct batch, source_id), 8, 0, true, ~0ull },
	[SLUICE_FIELD_TYPE] = { offsetof(struct batch, type_weight), 4, 0, false, 0xffff },
	[SLUICE_FIELD_KEY] = { offsetof(struct batch, key), 8, 0, false, ~0ull },
	[SLUICE_FIELD_DIM0] = { offsetof(struct batch, dims01), 8, 0, false, 0xffffffff },
	[SLUICE_FIELD_DIM1] = { offsetof(struct batch, dims01), 8, 32, false, 0xffffffff },
	[SLUICE_FIELD_DIM2] = { offsetof(struct batch, dims23), 8, 0, false, 0xffffffff },
	[SLUICE_FIELD_DIM3] = { offsetof(struct batch, dims23), 8, 32, false, 0xffffffff },
};

/* The field of event i. */
inline_always __u64 read_column(const struct batch *batch, const struct column column, __u32 i)
{
	__u64 word;

	if (column.is_of_datagram)
		i = batch->datagram[i];
	memcpy(&word, (const unsigned char *)batch + column.offset + (size_t)i * column.stride,
	       sizeof(word));
	return word >> column.shift & column.mask;
}

#endif
