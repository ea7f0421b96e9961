/* SPDX-License-Identifier: BSD-2-Clause */
/* The manifest as text: one "name value" a line, features by name so that an old version can say
 * which one it lacks, and a CRC-32C of everything before it in the last line. No I/O. */
#ifndef SLUICE_EDGE_STORE_MANIFEST_H
#define SLUICE_EDGE_STORE_MANIFEST_H

#include "edge/store/store.h"

#define STORE_MANIFEST_BYTES_MAX (64u << 10)

/* Writes the text with a zero behind it; returns its length. */
size_t store_manifest_format(const struct store_manifest *manifest,
			     char text[STORE_MANIFEST_BYTES_MAX]);

/* Reads it. -EBADMSG damaged, -EPROTONOSUPPORT a newer format or a feature that is unknown here (a
 * reader may ignore ro_compat ones); then `what` says what it was. */
int store_manifest_parse(struct store_manifest *manifest, const char *text, size_t bytes,
			 bool is_reader, char *what, size_t what_room);

/* 32 hex digits; dashes are skipped on reading. -EINVAL. */
void store_manifest_format_id(char text[40], const __u8 id[16]);
int store_manifest_parse_id(const char *text, __u8 id[16]);

/* The gap that the number is in; NULL: none. */
const struct store_gap *store_manifest_gap(const struct store_manifest *manifest, __u64 number);
/* The first number from here on that is in none. */
__u64 store_manifest_skip_gaps(const struct store_manifest *manifest, __u64 number);
/* Adds numbers, both included; gaps stay sorted and apart. -E2BIG: there would be too many. */
int store_manifest_add_gap(struct store_manifest *manifest, __u64 first, __u64 last);
/* Those that end before the oldest kept segment have nothing left to explain. */
void store_manifest_drop_gaps(struct store_manifest *manifest);

#endif
