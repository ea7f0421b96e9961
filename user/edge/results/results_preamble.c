/* SPDX-License-Identifier: BSD-2-Clause */
/* The schema record and the table of names, as records. */
#include "edge/results/results_preamble.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define GAP_BYTES (sizeof(struct sluice_disk_record) + sizeof(struct sluice_gap))

_Static_assert(RESULTS_PREAMBLE_BYTES_MAX >=
		       2 * sizeof(struct sluice_disk_record) + sizeof(struct sluice_schema) +
			       SLUICE_WINDOWS_MAX * sizeof(struct sluice_schema_window) +
			       SLUICE_NAMES_BYTES_MAX +
			       RESULTS_MEMORY_GAPS * (sizeof(struct sluice_disk_record) +
						      sizeof(struct sluice_gap)),
	       "schema, names and gaps fit one batch");

int results_preamble_open(struct results_preamble *preamble, __u64 hash_seed)
{
	preamble->schema = malloc(schema_record_bytes(SLUICE_WINDOWS_MAX));
	return preamble->schema ? name_table_open(&preamble->names, hash_seed) : -ENOMEM;
}

void results_preamble_close(struct results_preamble *preamble)
{
	free(preamble->schema);
	name_table_close(&preamble->names);
	*preamble = (struct results_preamble){ 0 };
}

void results_preamble_set_schema(struct results_preamble *preamble,
				 const struct sluice_schema *head,
				 const struct window_spec *windows, const __u64 *epochs,
				 __u32 window_count)
{
	schema_write(preamble->schema, head, windows, epochs, window_count);
	preamble->schema_bytes = schema_record_bytes(window_count);
}

void results_preamble_add_gap(struct results_preamble *preamble, const struct sluice_gap *gap)
{
	struct sluice_gap *last = &preamble->gap[preamble->gap_count - 1];

	/* One that goes on. */
	if (preamble->gap_count && last->window == gap->window && last->cause == gap->cause &&
	    last->from_ns <= gap->from_ns && last->to_ns >= gap->from_ns) {
		last->to_ns = gap->to_ns > last->to_ns ? gap->to_ns : last->to_ns;
		return;
	}
	if (preamble->gap_count == RESULTS_MEMORY_GAPS)
		memmove(&preamble->gap[0], &preamble->gap[1],
			--preamble->gap_count * sizeof(preamble->gap[0]));
	preamble->gap[preamble->gap_count++] = *gap;
}

int results_preamble_add_name(struct results_preamble *preamble, enum sluice_space space, __u64 id,
			      const char *text, void *record, size_t *record_bytes)
{
	const struct name_taught name = { (__u8)space, (__u8)strlen(text), id, text };
	struct sluice_disk_record *prefix = record;
	int got;

	if (space >= SLUICE_SPACE_COUNT || name.bytes == 0 || strlen(text) > UINT8_MAX)
		return -EINVAL;
	got = name_table_add(&preamble->names, &name);
	if (got != 1)
		return got;
	prefix->bytes = (__u32)(sizeof(*prefix) + name_entry_bytes(name.bytes));
	prefix->kind = SLUICE_DISK_NAMES;
	prefix->version = 1;
	name_entry_write(prefix + 1, &name);
	*record_bytes = prefix->bytes;
	return 1;
}

size_t results_preamble_copy(const struct results_preamble *preamble, void *out,
			     __u32 *record_count)
{
	struct sluice_disk_record *prefix;
	size_t bytes = preamble->schema_bytes;

	memcpy(out, preamble->schema, bytes);
	*record_count = bytes > 0;
	if (preamble->names.bytes) {
		prefix = (struct sluice_disk_record *)((__u8 *)out + bytes);
		prefix->bytes = (__u32)(sizeof(*prefix) + preamble->names.bytes);
		prefix->kind = SLUICE_DISK_NAMES;
		prefix->version = 1;
		memcpy(prefix + 1, preamble->names.entries, preamble->names.bytes);
		++*record_count;
		bytes += prefix->bytes;
	}
	for (__u32 i = 0; i < preamble->gap_count; i++) {
		prefix = (struct sluice_disk_record *)((__u8 *)out + bytes);
		*prefix = (struct sluice_disk_record){ GAP_BYTES, SLUICE_DISK_GAP, 1 };
		memcpy(prefix + 1, &preamble->gap[i], sizeof(preamble->gap[i]));
		++*record_count;
		bytes += GAP_BYTES;
	}
	return bytes;
}
