/* SPDX-License-Identifier: BSD-2-Clause */
/* A stretch ends where a segment begins. The oldest half is given up when there are too many. */
#include "edge/results/positions.h"

#include <string.h>

void positions_note(struct positions *positions, __u64 position, __u64 lsn)
{
	__u64 shift = lsn - position;

	if (positions->count && positions->stretch[positions->count - 1].shift == shift)
		return;
	if (positions->count == POSITIONS_MAX) {
		positions->count /= 2;
		memmove(positions->stretch, positions->stretch + POSITIONS_MAX - positions->count,
			positions->count * sizeof(positions->stretch[0]));
	}
	positions->stretch[positions->count].from = position;
	positions->stretch[positions->count++].shift = shift;
}

__u64 positions_lsn(const struct positions *positions, __u64 position)
{
	__u32 low = 0, high = positions->count;

	while (low + 1 < high) {
		__u32 middle = (low + high) / 2;

		if (positions->stretch[middle].from <= position)
			low = middle;
		else
			high = middle;
	}
	if (!positions->count)
		return 0;
	if (position < positions->stretch[low].from)
		position = positions->stretch[low].from;
	return position + positions->stretch[low].shift;
}

void positions_resolve(const struct positions *positions, void *records, size_t bytes)
{
	__u8 *at = records, *end = at + bytes;

	while (at < end) {
		struct sluice_disk_record *record = (struct sluice_disk_record *)at;
		struct sluice_emission *emission = (struct sluice_emission *)(record + 1);

		if (record->kind == SLUICE_DISK_COMPLETE || record->kind == SLUICE_DISK_FINAL) {
			emission->first_lsn = positions_lsn(positions, emission->first_lsn);
			emission->last_lsn = positions_lsn(positions, emission->last_lsn);
		}
		at += record->bytes;
	}
}
