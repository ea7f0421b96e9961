/* SPDX-License-Identifier: BSD-2-Clause */
/* Dictionary datagrams: names of types, dimensions, tenants and the first keys, taught again and
 * again by a source of its own, so that the sequences of the others stay as the plan has them. */
#ifndef SLUICE_GEN_TEACH_H
#define SLUICE_GEN_TEACH_H

#include <stddef.h>

#include "options.h"

#define TEACH_NAMES_MAX 16 /* of a space: they fit a datagram of any network */
#define TEACH_PREFIX_MAX 16
#define TEACH_INTERVAL_NS 1000000000ull
#define TEACH_PAYLOAD_BYTES_MAX         \
	(sizeof(struct sluice_header) + \
	 TEACH_NAMES_MAX * (sizeof(struct sluice_dictionary_entry) + TEACH_PREFIX_MAX + 32))

/* Writes the datagram with the given sequence number, from 0: one space after the other. Returns
 * its bytes; *name_count names are in it. */
size_t teach_write(const struct options *options, __u64 sequence, __u8 *payload, __u32 *name_count);

/* Datagrams that teach every space once. */
#define TEACH_ROUND 7

#endif
